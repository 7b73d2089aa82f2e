//! Kubernetes: structured authentication, and a binding of a role for each phase
//! (<https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration>).

use carnet_model::Phase;
use serde::Deserialize;

use super::ByPhase;
use crate::setup::block::Block;
use crate::setup::command::{Command, plain};
use crate::setup::name::{NameRule, object_name};
use crate::setup::outline::TrustSetup;
use crate::setup::request::{Scope, SetupError, TrustRequest};
use crate::setup::subject::{cel_condition, cel_quoted, subject};
use crate::setup::text::{Text, Value};

/// The API server has no audience of its own that all clusters share.
const AUDIENCE: &str = "kubernetes";
/// Names of objects: a DNS subdomain.
const NAME: NameRule = NameRule { longest: 200, is_lower: true };
const RBAC: &str = "rbac.authorization.k8s.io";

/// What the trust of Kubernetes depends on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct KubernetesOptions {
    /// The address of the API server.
    pub host: Option<String>,
    /// The ClusterRole of the plan; `view` without another.
    pub cluster_role_plan: Option<String>,
    /// The ClusterRole of the apply; `edit` without another.
    pub cluster_role_apply: Option<String>,
    /// `v1beta1` for servers before 1.34.
    pub api_version: Option<String>,
}

pub(super) fn setup(request: &TrustRequest, options: &KubernetesOptions) -> Result<TrustSetup, SetupError> {
    let audience = request.audience.as_deref().unwrap_or(AUDIENCE);
    let mut setup = TrustSetup::new(format!("Kubernetes trusts runs of {}", request.whose()));
    setup.provider("kubernetes", "hashicorp/kubernetes", ">= 2.30");
    authentication(&mut setup, request, options, audience)?;
    let address =
        setup.told(options.host.as_ref(), "kube_host", "the address of the API server, as runs reach it");
    setup.variable(request, "TFC_KUBERNETES_PROVIDER_AUTH", "true");
    setup.variable(request, "TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE", audience);
    setup.provider_variable(request, "KUBE_HOST", address);
    setup.note(
        "Where the certificate of the API server is not publicly trusted, give its authority in the provider block \
         (cluster_ca_certificate): a variable of the environment has one line.",
    );
    let roles = ByPhase {
        plan: options.cluster_role_plan.as_deref().unwrap_or("view"),
        apply: options.cluster_role_apply.as_deref().unwrap_or("edit"),
    };
    for phase in request.phases.each() {
        binding(&mut setup, request, *phase, roles.of(*phase))?;
    }
    Ok(setup)
}

/// What the file of the API server gets: an entry, or what the entry of this issuer that is there gets.
fn authentication(
    setup: &mut TrustSetup,
    request: &TrustRequest,
    options: &KubernetesOptions,
    audience: &str,
) -> Result<(), SetupError> {
    let configuration = configuration(request, options, audience)?;
    if request.knows_issuer {
        setup.note(
            "An API server takes one entry for each issuer: in the entry of this issuer, join the claimValidationRule that is printed here \
             to those of the other workspaces, (theirs) || (this one), in one expression. Rules of their own would all have to hold.",
        );
        let rule = Value::map([("expression", rule(request)?.into())]);
        setup.blocks.push(
            Block::labelled("output", "claim_validation_rule")
                .comment("To be joined with || to the rule of the issuer's entry.")
                .set("value", Value::Json(Box::new(rule.clone()))),
        );
        setup.commands.push(
            Command::new([plain("cat > claim-validation-rule.json")])
                .comment("To be joined with || to the rule of the issuer's entry in the AuthenticationConfiguration.")
                .reading(rule.clone()),
        );
        setup.document("claim-validation-rule", "joined with || to the rule of the issuer's entry", rule);
        return Ok(());
    }
    setup.note(
        "The AuthenticationConfiguration is a file of every API server (--authentication-config), which no API can write: add its entry \
         jwt[0] to yours, unless one of this issuer is there (--knows-issuer). It excludes the flags --oidc-*. Managed clusters have a form \
         of their own for it: give that one the same issuer, audience, claim sub and prefix.",
    );
    setup.blocks.push(
        Block::labelled("output", "authentication_configuration")
            .comment("The file for --authentication-config; JSON is YAML, too.")
            .set("value", Value::Json(Box::new(configuration.clone()))),
    );
    setup.commands.push(
        Command::new([plain("cat > authentication-configuration.json")])
            .comment("The file for --authentication-config of every API server.")
            .reading(configuration.clone()),
    );
    setup.document(
        "authentication-configuration",
        "the file for --authentication-config of every API server",
        configuration,
    );
    Ok(())
}

/// Who is let in, as one expression.
fn rule(request: &TrustRequest) -> Result<String, SetupError> {
    let mut rule = cel_condition(request, "claims");
    let mut subjects = Vec::new();
    for phase in request.phases.each() {
        subjects.extend(subject(request, *phase)?.exact().map(cel_quoted));
    }
    if !subjects.is_empty() {
        rule.push_str(&format!(" && claims.sub in [{}]", subjects.join(", ")));
    }
    Ok(rule)
}

/// What stands before every name that this issuer makes, so that none is anybody else's; the flags use the same.
fn prefix(request: &TrustRequest) -> String {
    format!("{}#", request.issuer)
}

/// The group of a phase: RBAC knows no pattern of users.
fn group(request: &TrustRequest, phase: &str) -> String {
    let TrustRequest { organization, project, .. } = request;
    match request.scope {
        Scope::Project => {
            format!("{}organization:{organization}:project:{project}:run_phase:{phase}", prefix(request))
        }
        Scope::Workspace | Scope::Organization => {
            format!("{}organization:{organization}:run_phase:{phase}", prefix(request))
        }
    }
}

fn configuration(
    request: &TrustRequest,
    options: &KubernetesOptions,
    audience: &str,
) -> Result<Value, SetupError> {
    let version = options.api_version.as_deref().unwrap_or("v1");
    if !["v1", "v1beta1", "v1alpha1"].contains(&version) {
        return Err(SetupError::option("--api-version", "it is v1, or v1beta1 before Kubernetes 1.34"));
    }
    if !request.issuer.starts_with("https://") {
        return Err(SetupError::option("--url", "Kubernetes takes issuers with https:// only"));
    }
    let mut issuer = vec![
        ("url".to_owned(), Value::from(request.issuer.as_str())),
        ("audiences".to_owned(), Value::texts([audience])),
    ];
    issuer
        .extend(request.issuer_ca.as_deref().map(|ca| ("certificateAuthority".to_owned(), Value::from(ca))));
    let rules = vec![Value::map([
        ("expression", rule(request)?.into()),
        ("message", "the token is of another organization, project, workspace or phase".into()),
    ])];
    let username = Value::map([("claim", "sub".into()), ("prefix", prefix(request).into())]);
    let mut mappings = vec![("username".to_owned(), username)];
    if request.scope != Scope::Workspace {
        let expression = format!("[{} + claims.terraform_run_phase]", cel_quoted(&group(request, "")));
        mappings.push(("groups".to_owned(), Value::map([("expression", expression.into())])));
    }
    Ok(Value::map([
        ("apiVersion", format!("apiserver.config.k8s.io/{version}").into()),
        ("kind", "AuthenticationConfiguration".into()),
        (
            "jwt",
            Value::List(vec![Value::map([
                ("issuer", Value::Map(issuer)),
                ("claimValidationRules", Value::List(rules)),
                ("claimMappings", Value::Map(mappings)),
            ])]),
        ),
    ]))
}

fn binding(
    setup: &mut TrustSetup,
    request: &TrustRequest,
    phase: Phase,
    role: &str,
) -> Result<(), SetupError> {
    let subject = subject(request, phase)?;
    let (kind, who) = match subject.exact() {
        Some(subject) => ("User", format!("{}{subject}", prefix(request))),
        None => ("Group", group(request, phase.as_str())),
    };
    let name = object_name(request, Some(phase), NAME);
    setup.blocks.push(
        Block::resource("kubernetes_cluster_role_binding_v1", phase.as_str())
            .nested(Block::new("metadata").set("name", name.as_str()))
            .nested(
                Block::new("role_ref").set("api_group", RBAC).set("kind", "ClusterRole").set("name", role),
            )
            .nested(Block::new("subject").set("api_group", RBAC).set("kind", kind).set("name", who.as_str())),
    );
    let body = Value::map([
        ("apiVersion", format!("{RBAC}/v1").into()),
        ("kind", "ClusterRoleBinding".into()),
        ("metadata", Value::map([("name", name.into())])),
        (
            "roleRef",
            Value::map([("apiGroup", RBAC.into()), ("kind", "ClusterRole".into()), ("name", role.into())]),
        ),
        (
            "subjects",
            Value::List(vec![Value::map([
                ("apiGroup", RBAC.into()),
                ("kind", kind.into()),
                ("name", Text::from(who).into()),
            ])]),
        ),
    ]);
    setup.commands.push(Command::new([plain("kubectl apply -f")]).reading(body.clone()));
    setup.document(format!("cluster-role-binding-{phase}"), "kubectl apply -f", body);
    Ok(())
}
