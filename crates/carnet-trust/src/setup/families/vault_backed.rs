//! Keys of clouds that Vault makes: the trust of Vault, a role of its secrets engine for each phase, and policies to read it
//! (<https://developer.hashicorp.com/vault/docs/secrets>).

use carnet_model::Phase;
use serde::Deserialize;

use super::ByPhase;
use super::vault::{VaultOptions, checked_mount, command, extend};
use crate::setup::block::Block;
use crate::setup::name::{NameRule, object_name};
use crate::setup::outline::{Request, TrustSetup};
use crate::setup::request::{SetupError, TrustRequest};
use crate::setup::text::{Text, Value};

const NAME: NameRule = NameRule { longest: 120, is_lower: false };

/// What AWS keys of Vault depend on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct VaultBackedAwsOptions {
    /// The trust of Vault itself.
    #[serde(flatten)]
    pub vault: VaultOptions,
    /// Where the secrets engine is mounted; `aws` without another.
    pub engine: Option<String>,
    /// The AWS role that plans get keys of.
    pub role_arn_plan: Option<String>,
    /// The AWS role that applies get keys of.
    pub role_arn_apply: Option<String>,
}

/// What Azure secrets of Vault depend on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct VaultBackedAzureOptions {
    /// The trust of Vault itself.
    #[serde(flatten)]
    pub vault: VaultOptions,
    /// Where the secrets engine is mounted; `azure` without another.
    pub engine: Option<String>,
    /// The tenant.
    pub tenant_id: Option<String>,
    /// The subscription that the roles are in.
    pub subscription_id: Option<String>,
    /// The role of the plan; `Reader` without another.
    pub role_plan: Option<String>,
    /// The role of the apply; `Contributor` without another.
    pub role_apply: Option<String>,
}

/// What Google credentials of Vault depend on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct VaultBackedGcpOptions {
    /// The trust of Vault itself.
    #[serde(flatten)]
    pub vault: VaultOptions,
    /// Where the secrets engine is mounted; `gcp` without another.
    pub engine: Option<String>,
    /// The project.
    pub project_id: Option<String>,
    /// The role of the plan in the project; `roles/viewer` without another.
    pub role_plan: Option<String>,
    /// The role of the apply in the project; `roles/editor` without another.
    pub role_apply: Option<String>,
}

/// A secrets engine and the names of its roles.
struct Engine<'a> {
    request: &'a TrustRequest,
    mount: String,
}

impl<'a> Engine<'a> {
    fn new(request: &'a TrustRequest, told: Option<&str>, usual: &str) -> Result<Self, SetupError> {
        Ok(Self { request, mount: checked_mount("--engine", told.unwrap_or(usual))? })
    }

    fn role(&self, phase: Phase) -> String {
        object_name(self.request, Some(phase), NAME)
    }

    /// Adds the trust of Vault, with policies that may read these paths of the engine.
    fn trust(
        &self,
        setup: &mut TrustSetup,
        options: &VaultOptions,
        path: impl Fn(&str) -> String,
    ) -> Result<(), SetupError> {
        setup.note(format!(
            "The secrets engine at {} must be there already, with the credentials by which Vault makes others.",
            self.mount
        ));
        setup.note(
            "A workspace has one Vault role for each phase, whatever it reads: where it has the trust of another engine or of Vault \
             itself already, name the policies of that with --policy-plan and --policy-apply, or they are taken from the role.",
        );
        let readable = |phase| [format!("{}/{}", self.mount, path(&self.role(phase)))];
        let (plan, apply) = (readable(Phase::Plan), readable(Phase::Apply));
        extend(setup, self.request, options, ByPhase { plan: &plan, apply: &apply })
    }

    fn write(&self, setup: &mut TrustSetup, path: &str, body: Value) {
        let path = format!("{}/{path}", self.mount);
        let request = Request { path, body, may_exist: false };
        setup.commands.push(command(&request));
        setup.requests.push(request);
    }

    fn mount_variable(&self, setup: &mut TrustSetup, family: &str, usual: &str) {
        if self.mount != usual {
            setup.variable(self.request, &format!("{family}_MOUNT_PATH"), self.mount.as_str());
        }
    }

    /// With a tag the credentials are read with the Vault configuration of the same tag.
    fn vault_configuration(&self, setup: &mut TrustSetup, family: &str) {
        if let Some(tag) = &self.request.tag {
            setup.variable(self.request, &format!("{family}_VAULT_CONFIG"), tag.as_str());
        }
    }
}

pub(super) fn aws(request: &TrustRequest, options: &VaultBackedAwsOptions) -> Result<TrustSetup, SetupError> {
    let engine = Engine::new(request, options.engine.as_deref(), "aws")?;
    let mut setup = TrustSetup::new(format!("Vault makes AWS keys for runs of {}", request.whose()));
    engine.trust(&mut setup, &options.vault, |role| format!("sts/{role}"))?;
    setup.variable(request, "TFC_VAULT_BACKED_AWS_AUTH", "true");
    setup.variable(request, "TFC_VAULT_BACKED_AWS_AUTH_TYPE", "assumed_role");
    engine.mount_variable(&mut setup, "TFC_VAULT_BACKED_AWS", "aws");
    engine.vault_configuration(&mut setup, "TFC_VAULT_BACKED_AWS");
    let told = ByPhase { plan: options.role_arn_plan.as_ref(), apply: options.role_arn_apply.as_ref() };
    for phase in request.phases.each() {
        let what = format!("the AWS role that a {phase} gets keys of; it must trust Vault's own identity");
        let arn = setup.told(told.of(*phase), &format!("{phase}_role_arn"), &what);
        let role = engine.role(*phase);
        setup.blocks.push(
            Block::resource("vault_aws_secret_backend_role", phase.as_str())
                .set("backend", engine.mount.as_str())
                .set("name", role.as_str())
                .set("credential_type", "assumed_role")
                .set("role_arns", Value::texts([&arn])),
        );
        let body =
            Value::map([("credential_type", "assumed_role".into()), ("role_arns", Value::texts([&arn]))]);
        engine.write(&mut setup, &format!("roles/{role}"), body);
        let name = Text::made(format!("vault_aws_secret_backend_role.{phase}.name"), role);
        setup.phase_variable(request, ["TFC_VAULT_BACKED_AWS", "VAULT_ROLE"], *phase, name);
        setup.phase_variable(request, ["TFC_VAULT_BACKED_AWS", "ROLE_ARN"], *phase, arn);
    }
    Ok(setup)
}

pub(super) fn azure(
    request: &TrustRequest,
    options: &VaultBackedAzureOptions,
) -> Result<TrustSetup, SetupError> {
    let engine = Engine::new(request, options.engine.as_deref(), "azure")?;
    let mut setup = TrustSetup::new(format!("Vault makes Azure secrets for runs of {}", request.whose()));
    engine.trust(&mut setup, &options.vault, |role| format!("creds/{role}"))?;
    let tenant = setup.told(options.tenant_id.as_ref(), "tenant_id", "the tenant of Microsoft Entra");
    let subscription = setup.told(
        options.subscription_id.as_ref(),
        "subscription_id",
        "the subscription that the runs work in",
    );
    setup.variable(request, "TFC_VAULT_BACKED_AZURE_AUTH", "true");
    engine.mount_variable(&mut setup, "TFC_VAULT_BACKED_AZURE", "azure");
    engine.vault_configuration(&mut setup, "TFC_VAULT_BACKED_AZURE");
    let roles = ByPhase {
        plan: options.role_plan.as_deref().unwrap_or("Reader"),
        apply: options.role_apply.as_deref().unwrap_or("Contributor"),
    };
    for phase in request.phases.each() {
        let role = engine.role(*phase);
        let scope = Text::from("/subscriptions/").and(&subscription);
        setup.blocks.push(
            Block::resource("vault_azure_secret_backend_role", phase.as_str())
                .set("backend", engine.mount.as_str())
                .set("role", role.as_str())
                .set("ttl", Value::Number(1200))
                .nested(Block::new("azure_roles").set("role_name", roles.of(*phase)).set("scope", &scope)),
        );
        let grants =
            Value::List(vec![Value::map([("role_name", roles.of(*phase).into()), ("scope", scope.into())])]);
        // The API takes this list as JSON in a text.
        let body = Value::map([("azure_roles", Value::Json(Box::new(grants))), ("ttl", "20m".into())]);
        engine.write(&mut setup, &format!("roles/{role}"), body);
        let name = Text::made(format!("vault_azure_secret_backend_role.{phase}.role"), role);
        setup.phase_variable(request, ["TFC_VAULT_BACKED_AZURE", "VAULT_ROLE"], *phase, name);
    }
    setup.provider_variable(request, "ARM_TENANT_ID", tenant);
    setup.provider_variable(request, "ARM_SUBSCRIPTION_ID", subscription);
    Ok(setup)
}

pub(super) fn gcp(request: &TrustRequest, options: &VaultBackedGcpOptions) -> Result<TrustSetup, SetupError> {
    let engine = Engine::new(request, options.engine.as_deref(), "gcp")?;
    let mut setup =
        TrustSetup::new(format!("Vault makes Google credentials for runs of {}", request.whose()));
    engine.trust(&mut setup, &options.vault, |role| format!("roleset/{role}/token"))?;
    // They stand in a text of their own language in the text of the request.
    let told = [&options.project_id, &options.role_plan, &options.role_apply];
    let is_plain =
        |text: &String| text.chars().all(|one| one.is_ascii_alphanumeric() || "-_./:".contains(one));
    if !told.into_iter().flatten().all(is_plain) {
        let reason = "projects and roles have letters, digits, dashes, underscores, dots, slashes and colons";
        return Err(SetupError::option("--project-id, --role-plan, --role-apply", reason));
    }
    let project =
        setup.told(options.project_id.as_ref(), "project_id", "the project that the runs work in, by its id");
    setup.variable(request, "TFC_VAULT_BACKED_GCP_AUTH", "true");
    setup.variable(request, "TFC_VAULT_BACKED_GCP_AUTH_TYPE", "roleset/access_token");
    engine.mount_variable(&mut setup, "TFC_VAULT_BACKED_GCP", "gcp");
    engine.vault_configuration(&mut setup, "TFC_VAULT_BACKED_GCP");
    let roles = ByPhase {
        plan: options.role_plan.as_deref().unwrap_or("roles/viewer"),
        apply: options.role_apply.as_deref().unwrap_or("roles/editor"),
    };
    let scopes = || Value::texts(["https://www.googleapis.com/auth/cloud-platform"]);
    for phase in request.phases.each() {
        let role = engine.role(*phase);
        let resource = Text::from("//cloudresourcemanager.googleapis.com/projects/").and(&project);
        setup.blocks.push(
            Block::resource("vault_gcp_secret_roleset", phase.as_str())
                .set("backend", engine.mount.as_str())
                .set("roleset", role.as_str())
                .set("secret_type", "access_token")
                .set("project", &project)
                .set("token_scopes", scopes())
                .nested(
                    Block::new("binding")
                        .set("resource", &resource)
                        .set("roles", Value::texts([roles.of(*phase)])),
                ),
        );
        let bindings = Text::from("resource \"")
            .and(resource)
            .and(format!("\" {{ roles = [\"{}\"] }}", roles.of(*phase)));
        let body = Value::map([
            ("secret_type", "access_token".into()),
            ("project", (&project).into()),
            ("token_scopes", scopes()),
            ("bindings", bindings.into()),
        ]);
        engine.write(&mut setup, &format!("roleset/{role}"), body);
        let name = Text::made(format!("vault_gcp_secret_roleset.{phase}.roleset"), role);
        setup.phase_variable(request, ["TFC_VAULT_BACKED_GCP", "VAULT_ROLESET"], *phase, name);
    }
    setup.provider_variable(request, "GOOGLE_PROJECT", project);
    Ok(setup)
}
