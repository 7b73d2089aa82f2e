//! HCP: for each phase a service principal with a workload identity provider
//! (<https://developer.hashicorp.com/hcp/docs/hcp/iam/service-principal/workload-identity-federation>).

use carnet_model::Phase;
use serde::Deserialize;

use super::{ByPhase, of_phase};
use crate::setup::block::Block;
use crate::setup::command::{Command, flag, plain, word};
use crate::setup::name::{NameRule, object_name};
use crate::setup::outline::{Provider, Source, TrustSetup};
use crate::setup::request::{SetupError, TrustRequest};
use crate::setup::subject::{Subject, subject};
use crate::setup::text::{Text, Value};

/// Names of service principals and providers: 3 to 36 letters, digits, dashes.
const NAME: NameRule = NameRule { longest: 36, is_lower: true };

/// What the trust of HCP depends on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct HcpOptions {
    /// The project of HCP, by its id.
    pub hcp_project_id: Option<String>,
    /// The role of the plan in the project; `roles/viewer` without another.
    pub role_plan: Option<String>,
    /// The role of the apply in the project; `roles/contributor` without another.
    pub role_apply: Option<String>,
}

pub(super) fn setup(request: &TrustRequest, options: &HcpOptions) -> Result<TrustSetup, SetupError> {
    if request.issuer_ca.is_some() {
        return Err(SetupError::option(
            "--issuer-ca-file",
            "HCP fetches the keys of the issuer from the internet and trusts public certificate authorities only: publish discovery and \
             keys under a public address (--url)",
        ));
    }
    let mut setup = TrustSetup::new(format!("HCP trusts runs of {}", request.whose()));
    let project =
        setup.told(options.hcp_project_id.as_ref(), "hcp_project_id", "the project of HCP, by its id");
    let block = Block::labelled("provider", "hcp").set("project_id", &project);
    setup.providers.push(Provider {
        name: "hcp",
        source: "hashicorp/hcp",
        version: ">= 0.90",
        block: Some(block),
    });
    setup.variable(request, "TFC_HCP_PROVIDER_AUTH", "true");
    let roles = ByPhase {
        plan: options.role_plan.as_deref().unwrap_or("roles/viewer"),
        apply: options.role_apply.as_deref().unwrap_or("roles/contributor"),
    };
    for phase in request.phases.each() {
        let subject = subject(request, *phase)?;
        principal(&mut setup, request, &project, *phase, &subject, roles.of(*phase));
    }
    if let Some(audience) = &request.audience {
        setup.variable(request, "TFC_HCP_WORKLOAD_IDENTITY_AUDIENCE", audience.as_str());
    }
    Ok(setup)
}

/// An expression of go-bexpr (<https://github.com/hashicorp/go-bexpr>).
fn access(subject: &Subject) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    match subject.exact() {
        Some(subject) => format!("jwt_claims.sub == {}", quoted(subject)),
        None => format!("jwt_claims.sub matches {}", quoted(&subject.regex())),
    }
}

fn principal(
    setup: &mut TrustSetup,
    request: &TrustRequest,
    project: &Text,
    phase: Phase,
    subject: &Subject,
    role: &str,
) {
    let name = object_name(request, Some(phase), NAME);
    let access = access(subject);
    let issuer = request.issuer.as_str();
    let principal = Text::from("iam/project/").and(project).and(format!("/service-principal/{name}"));
    let provider = principal.clone().and(format!("/workload-identity-provider/{name}"));
    let audiences = request.audience.as_deref().map(|audience| Value::texts([audience]));
    setup.blocks.push(
        Block::resource("hcp_service_principal", phase.as_str())
            .set("name", name.as_str())
            .set("parent", Text::from("project/").and(project)),
    );
    setup.blocks.push(
        Block::resource("hcp_iam_workload_identity_provider", phase.as_str())
            .set("name", name.as_str())
            .set(
                "service_principal",
                Text::made(format!("hcp_service_principal.{phase}.resource_name"), &principal),
            )
            .set("conditional_access", access.as_str())
            // The provider reads oidc as an attribute with members.
            .set("oidc", Value::Map(oidc("issuer_uri", "allowed_audiences", issuer, audiences.clone()))),
    );
    let id = setup.input(
        of_phase(phase, "principal_id"),
        format!("the id of the service principal {name}"),
        Source::Made,
    );
    setup.blocks.push(
        Block::resource("hcp_project_iam_binding", phase.as_str())
            .set("project_id", project)
            .set("principal_id", Text::made(format!("hcp_service_principal.{phase}.resource_id"), &id))
            .set("role", role),
    );
    commands(setup, request, project, phase, [&name, &access, role], [&principal, &provider, &id]);
    let body = Value::map([
        ("name", name.as_str().into()),
        ("conditional_access", access.into()),
        ("oidc_config", Value::Map(oidc("issuer_uri", "allowed_audiences", issuer, audiences))),
    ]);
    setup.document(
        format!("workload-identity-provider-{phase}"),
        format!("a workload identity provider of the service principal {name}"),
        body,
    );
    let made = Text::made(format!("hcp_iam_workload_identity_provider.{phase}.resource_name"), provider);
    setup.phase_variable(request, ["TFC_HCP", "PROVIDER_RESOURCE_NAME"], phase, made);
}

/// The same as commands: names, the expression and the role; the service principal, its provider, and its id.
fn commands(
    setup: &mut TrustSetup,
    request: &TrustRequest,
    project: &Text,
    phase: Phase,
    [name, access, role]: [&str; 3],
    [principal, provider, id]: [&Text; 3],
) {
    let issuer = request.issuer.as_str();
    let in_project = || flag("--project", project);
    setup.commands.push(
        Command::new([plain("hcp iam service-principals create"), word(name), in_project()])
            .unless([plain("hcp iam service-principals read"), word(principal)]),
    );
    let mut create = vec![
        plain("hcp iam workload-identity-providers create-oidc"),
        word(name),
        flag("--service-principal", principal),
        flag("--issuer", issuer),
        flag("--conditional-access", access),
    ];
    create.extend(request.audience.as_deref().map(|audience| flag("--allowed-audience", audience)));
    let read = [plain("hcp iam workload-identity-providers read"), word(provider)];
    setup.commands.push(Command::new(create).unless(read));
    setup.commands.push(
        Command::new([
            plain("hcp iam service-principals read"),
            word(principal),
            plain("--format=json | grep -oi '\"id\": *\"[^\"]*\"' | head -n 1 | cut -d '\"' -f 4"),
        ])
        .kept_as(of_phase(phase, "principal_id")),
    );
    setup.commands.push(Command::new([
        plain("hcp projects iam add-binding"),
        in_project(),
        flag("--member", id),
        flag("--role", role),
    ]));
}

fn oidc(issuer: &str, allowed: &str, url: &str, audiences: Option<Value>) -> Vec<(String, Value)> {
    let issuer = (issuer.to_owned(), Value::from(url));
    [issuer].into_iter().chain(audiences.map(|audiences| (allowed.to_owned(), audiences))).collect()
}
