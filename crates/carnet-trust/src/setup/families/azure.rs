//! Azure: an application with a service principal, a federated credential for each phase, and assignments of roles
//! (<https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust>).

use carnet_model::Phase;
use serde::Deserialize;

use super::ByPhase;
use crate::setup::block::Block;
use crate::setup::command::{Command, Word, flag, plain};
use crate::setup::name::{NameRule, object_name};
use crate::setup::outline::{Provider, Source, TrustSetup};
use crate::setup::request::{Scope, SetupError, TrustRequest};
use crate::setup::subject::subject;
use crate::setup::text::{Text, Value};

const AUDIENCE: &str = "api://AzureADTokenExchange";
/// The name of a federated credential; it can never be changed.
const NAME: NameRule = NameRule { longest: 120, is_lower: false };
/// The most characters of issuer, subject and audience.
const LONGEST: usize = 600;

/// What the trust of Azure depends on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct AzureOptions {
    /// The tenant.
    pub tenant_id: Option<String>,
    /// The subscription that the roles are assigned in.
    pub subscription_id: Option<String>,
    /// The display name of the application.
    pub application_name: Option<String>,
    /// An application for each phase, so that a plan cannot do what an apply may.
    pub application_per_phase: bool,
    /// The role of the plan; `Reader` without another.
    pub role_plan: Option<String>,
    /// The role of the apply; `Contributor` without another.
    pub role_apply: Option<String>,
}

pub(super) fn setup(request: &TrustRequest, options: &AzureOptions) -> Result<TrustSetup, SetupError> {
    if request.scope != Scope::Workspace {
        return Err(SetupError::Impossible(
            "Microsoft Entra compares the subject of a federated credential character by character, and offers expressions \
             (claimsMatchingExpression) for the issuers of GitHub, GitLab and HCP Terraform only: write the trust of each workspace \
             (an application takes 20 credentials, so 10 workspaces)"
                .to_owned(),
        ));
    }
    if request.issuer_ca.is_some() {
        return Err(SetupError::option(
            "--issuer-ca-file",
            "Microsoft Entra fetches the keys of the issuer from the internet and trusts public certificate authorities only: \
             publish discovery and keys under a public address (--url)",
        ));
    }
    let mut setup = TrustSetup::new(format!("Azure trusts runs of {}", request.whose()));
    setup.provider("azuread", "hashicorp/azuread", ">= 3.0");
    let tenant = setup.told(options.tenant_id.as_ref(), "tenant_id", "the tenant of Microsoft Entra");
    let subscription = setup.told(
        options.subscription_id.as_ref(),
        "subscription_id",
        "the subscription that the runs work in",
    );
    let block = Block::labelled("provider", "azurerm")
        .set("subscription_id", &subscription)
        .set("tenant_id", &tenant)
        .nested(Block::new("features"));
    setup.providers.push(Provider {
        name: "azurerm",
        source: "hashicorp/azurerm",
        version: ">= 4.0",
        block: Some(block),
    });
    setup.note("A new federated credential takes some minutes to work everywhere: AADSTS70021 or AADSTS700213 meanwhile.");
    setup.note(
        "After a rename of the organization, the project or the workspace the subjects are others: apply the trust again.",
    );
    let audience = request.audience.as_deref().unwrap_or(AUDIENCE);
    let azure = Azure { request, options, audience, subscription: subscription.clone() };
    setup.variable(request, "TFC_AZURE_PROVIDER_AUTH", "true");
    azure.applications(&mut setup)?;
    if audience != AUDIENCE {
        setup.variable(request, "TFC_AZURE_WORKLOAD_IDENTITY_AUDIENCE", audience);
    }
    setup.provider_variable(request, "ARM_TENANT_ID", tenant);
    setup.provider_variable(request, "ARM_SUBSCRIPTION_ID", subscription);
    Ok(setup)
}

struct Azure<'a> {
    request: &'a TrustRequest,
    options: &'a AzureOptions,
    audience: &'a str,
    subscription: Text,
}

impl Azure<'_> {
    fn applications(&self, setup: &mut TrustSetup) -> Result<(), SetupError> {
        let phases = self.request.phases.each();
        if self.options.application_per_phase || phases.len() == 1 {
            for phase in phases {
                let client = self.application(setup, phase.as_str(), Some(*phase), &[*phase])?;
                setup.phase_variable(self.request, ["TFC_AZURE", "CLIENT_ID"], *phase, client);
            }
            return Ok(());
        }
        setup.note(
            "One application serves both phases, so a plan has the permissions of an apply; --application-per-phase makes two.",
        );
        let client = self.application(setup, "carnet", None, phases)?;
        setup.variable(self.request, "TFC_AZURE_RUN_CLIENT_ID", client);
        Ok(())
    }

    /// An application for these phases; yields its client id.
    fn application(
        &self,
        setup: &mut TrustSetup,
        label: &str,
        phase: Option<Phase>,
        phases: &[Phase],
    ) -> Result<Text, SetupError> {
        let name = match (&self.options.application_name, phase) {
            (Some(name), None) => name.clone(),
            (Some(name), Some(phase)) => format!("{name}-{phase}"),
            (None, _) => object_name(self.request, phase, NAME),
        };
        let open =
            |what: &str| if phases.len() == 1 { format!("{}_{what}", phases[0]) } else { what.to_owned() };
        let client =
            setup.input(open("client_id"), format!("the client id of the application {name}"), Source::Made);
        let principal = setup.input(
            open("principal_id"),
            format!("the object id of its service principal, {name}"),
            Source::Made,
        );
        setup.blocks.push(Block::resource("azuread_application", label).set("display_name", name.as_str()));
        let client = Text::made(format!("azuread_application.{label}.client_id"), client);
        setup.blocks.push(Block::resource("azuread_service_principal", label).set("client_id", &client));
        self.principal_commands(setup, &name, &client, open("client_id"), open("principal_id"));
        for phase in phases {
            self.credential(setup, label, *phase, &client)?;
        }
        let principal = Text::made(format!("azuread_service_principal.{label}.object_id"), principal);
        self.assignment(setup, label, phases, &principal);
        Ok(client)
    }

    fn principal_commands(
        &self,
        setup: &mut TrustSetup,
        name: &str,
        client: &Text,
        client_id: String,
        principal_id: String,
    ) {
        let filter = format!("displayName eq '{}'", name.replace('\'', "''"));
        let find =
            [plain("az ad app list"), flag("--filter", filter), plain("--query '[0].appId' --output tsv")];
        let make =
            [plain("az ad app create"), flag("--display-name", name), plain("--query appId --output tsv")];
        setup.commands.push(Command::new(find).kept_as(client_id.clone()));
        setup.commands.push(Command::new(make).kept_as(client_id));
        let id = || flag("--id", client);
        setup
            .commands
            .push(Command::new([plain("az ad sp create"), id()]).unless([plain("az ad sp show"), id()]));
        let show = [plain("az ad sp show"), id(), plain("--query id --output tsv")];
        setup.commands.push(Command::new(show).kept_as(principal_id));
    }

    fn credential(
        &self,
        setup: &mut TrustSetup,
        label: &str,
        phase: Phase,
        client: &Text,
    ) -> Result<(), SetupError> {
        let subject = subject(self.request, phase)?;
        let subject = subject.glob();
        let issuer = self.request.issuer.as_str();
        for (what, text) in [("issuer", issuer), ("subject", &subject), ("audience", self.audience)] {
            if text.chars().count() > LONGEST {
                let reason = format!("the {what} has more than the {LONGEST} characters that Entra takes");
                return Err(SetupError::Impossible(reason));
            }
        }
        let name = object_name(self.request, Some(phase), NAME);
        let earlier =
            (phase == Phase::Apply && setup.documents.len() == 1 && !self.options.application_per_phase)
                .then_some(Value::List(vec![Value::Expression(
                    "azuread_application_federated_identity_credential.plan",
                )]));
        setup.blocks.push(
            Block::resource("azuread_application_federated_identity_credential", phase.as_str())
                .set("application_id", Text::made(format!("azuread_application.{label}.id"), client))
                .set("display_name", name.as_str())
                .set("audiences", Value::texts([self.audience]))
                .set("issuer", issuer)
                .set("subject", subject.as_str())
                // Entra refuses writes of one application at the same time.
                .set_some("depends_on", earlier),
        );
        let body = Value::map([
            ("name", name.as_str().into()),
            ("issuer", issuer.into()),
            ("subject", subject.as_str().into()),
            ("audiences", Value::texts([self.audience])),
        ]);
        let id = || flag("--id", client);
        let credential = || flag("--federated-credential-id", name.as_str());
        let parameters = || [plain("--parameters"), Word::Json(body.clone())];
        setup.commands.push(
            Command::new(
                [plain("az ad app federated-credential create"), id()].into_iter().chain(parameters()),
            )
            .unless([plain("az ad app federated-credential show"), id(), credential()])
            .or_update(
                [plain("az ad app federated-credential update"), id(), credential()]
                    .into_iter()
                    .chain(parameters()),
            ),
        );
        setup.document(
            format!("federated-credential-{phase}"),
            "POST https://graph.microsoft.com/v1.0/applications/OBJECT_ID/federatedIdentityCredentials",
            body,
        );
        Ok(())
    }

    /// The role of the latest of the phases.
    fn assignment(&self, setup: &mut TrustSetup, label: &str, phases: &[Phase], principal: &Text) {
        let roles = ByPhase {
            plan: self.options.role_plan.as_deref().unwrap_or("Reader"),
            apply: self.options.role_apply.as_deref().unwrap_or("Contributor"),
        };
        let role = roles.of(if phases.contains(&Phase::Apply) { Phase::Apply } else { Phase::Plan });
        let scope = Text::from("/subscriptions/").and(&self.subscription);
        setup.blocks.push(
            Block::resource("azurerm_role_assignment", label)
                .set("scope", &scope)
                .set("role_definition_name", role)
                .set("principal_id", principal)
                .set("principal_type", "ServicePrincipal"),
        );
        setup.commands.push(Command::new([
            plain("az role assignment create"),
            flag("--assignee-object-id", principal),
            plain("--assignee-principal-type ServicePrincipal"),
            flag("--role", role),
            flag("--scope", scope),
        ]));
    }
}
