//! What a phase may do: a service account that it acts as, or a role of its own.

use carnet_model::Phase;

use super::{ACCOUNT, Gcp};
use crate::setup::block::Block;
use crate::setup::command::{Command, flag, plain, word};
use crate::setup::families::ByPhase;
use crate::setup::name::object_name;
use crate::setup::outline::TrustSetup;
use crate::setup::request::SetupError;
use crate::setup::text::{Text, Value};

impl Gcp<'_> {
    pub(super) fn phase(&self, setup: &mut TrustSetup, phase: Phase) -> Result<(), SetupError> {
        let roles = ByPhase {
            plan: self.options.role_plan.as_deref().unwrap_or("roles/viewer"),
            apply: self.options.role_apply.as_deref().unwrap_or("roles/editor"),
        };
        let told = ByPhase {
            plan: self.options.service_account_plan.as_deref(),
            apply: self.options.service_account_apply.as_deref(),
        };
        let member = self.member(setup, phase)?;
        if self.options.direct {
            self.grant(setup, phase, roles.of(phase), &member);
            return Ok(());
        }
        let email = match told.of(phase) {
            Some(email) => Text::from(email),
            None => self.account(setup, phase),
        };
        let account = match told.of(phase) {
            Some(email) => Text::from(format!("projects/-/serviceAccounts/{email}")),
            None => Text::made(format!("google_service_account.{phase}.name"), &email),
        };
        setup.blocks.push(
            Block::resource("google_service_account_iam_member", phase.as_str())
                .set("service_account_id", account)
                .set("role", "roles/iam.workloadIdentityUser")
                .set("member", &member),
        );
        setup.commands.push(Command::new([
            plain("gcloud iam service-accounts add-iam-policy-binding"),
            word(&email),
            flag("--project", &self.project),
            plain("--role=roles/iam.workloadIdentityUser"),
            flag("--member", &member),
        ]));
        if told.of(phase).is_none() {
            self.grant(setup, phase, roles.of(phase), &Text::from("serviceAccount:").and(&email));
        }
        let body = Value::map([
            ("role", "roles/iam.workloadIdentityUser".into()),
            ("members", Value::texts([&member])),
        ]);
        let what = "a binding of the policy of the service account (setIamPolicy)";
        setup.document(format!("binding-{phase}"), what, body);
        setup.phase_variable(self.request, ["TFC_GCP", "SERVICE_ACCOUNT_EMAIL"], phase, email);
        Ok(())
    }

    /// Makes a service account; yields its address.
    fn account(&self, setup: &mut TrustSetup, phase: Phase) -> Text {
        let name = object_name(self.request, Some(phase), ACCOUNT);
        let address = Text::from(format!("{name}@")).and(&self.project).and(".iam.gserviceaccount.com");
        setup.blocks.push(
            Block::resource("google_service_account", phase.as_str())
                .set("project", &self.project)
                .set("account_id", name.as_str())
                .set(
                    "display_name",
                    format!("{phase} of {}", self.request.whose()).chars().take(100).collect::<String>(),
                ),
        );
        let project = || flag("--project", &self.project);
        setup.commands.push(
            Command::new([plain("gcloud iam service-accounts create"), word(name.as_str()), project()])
                .unless([plain("gcloud iam service-accounts describe"), word(&address), project()]),
        );
        Text::made(format!("google_service_account.{phase}.email"), address)
    }

    /// A role in the project.
    fn grant(&self, setup: &mut TrustSetup, phase: Phase, role: &str, member: &Text) {
        setup.blocks.push(
            Block::resource("google_project_iam_member", phase.as_str())
                .set("project", &self.project)
                .set("role", role)
                .set("member", member),
        );
        setup.commands.push(Command::new([
            plain("gcloud projects add-iam-policy-binding"),
            word(&self.project),
            flag("--role", role),
            flag("--member", member),
            plain("--condition=None"),
        ]));
        let body = Value::map([("role", role.into()), ("members", Value::texts([member]))]);
        setup.document(
            format!("grant-{phase}"),
            "a binding of the policy of the project (setIamPolicy)",
            body,
        );
    }
}
