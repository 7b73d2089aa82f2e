//! Vault and OpenBao: a JWT auth mount and a role for each phase (<https://developer.hashicorp.com/vault/api-docs/auth/jwt>).

use carnet_model::Phase;
use serde::Deserialize;

use super::ByPhase;
use crate::setup::block::Block;
use crate::setup::command::{Command, plain, word};
use crate::setup::name::{NameRule, object_name};
use crate::setup::outline::{Provider, Request, TrustSetup};
use crate::setup::request::{SetupError, TrustRequest};
use crate::setup::subject::subject;
use crate::setup::text::{Text, Value};

const AUDIENCE: &str = "vault.workload.identity";
const MOUNT: &str = "jwt";
/// Names of roles and policies have no limit that a name of ours reaches.
const NAME: NameRule = NameRule { longest: 240, is_lower: false };

const PREAMBLE: &str = "\
# With a token of an administrator of Vault: VAULT_TOKEN, or what vault login left behind.
: \"${VAULT_ADDR:-${BAO_ADDR:?VAULT_ADDR must be the address of Vault as this script reaches it}}\"
VAULT=${VAULT:-$(command -v vault || command -v bao)} || {
  echo 'neither vault nor bao is on the PATH; set VAULT to one of them' >&2
  exit 1
}
# What a check says is not heard, but for this.
exec 3>&2
stop() { echo \"$1\" >&3; exit 1; }
# of_mount MOUNT FIELD: what the configuration of the mount says.
of_mount() { \"$VAULT\" read -field=\"$2\" \"auth/$1/config\" 2>/dev/null; }
# trusts MOUNT ISSUER [CA]: whether the mount is configured for the issuer as this script would do it. One of this issuer that is not is
# written again, as a whole; one of another issuer stays.
trusts() {
  if ! known=$(of_mount \"$1\" oidc_discovery_url); then
    why=$(\"$VAULT\" read \"auth/$1/config\" 2>&1) || case $why in *'No value found'*) return 1 ;; esac
    stop \"the configuration of the mount $1 cannot be read: $why\"
  fi
  bound=$(of_mount \"$1\" bound_issuer) || bound=
  if [ \"$known\" = \"$2\" ]; then
    if [ \"$bound\" = \"$2\" ]; then
      [ $# -lt 3 ] && return 0
      [ \"$(of_mount \"$1\" oidc_discovery_ca_pem)\" = \"$(printf '%s' \"$3\")\" ] && return 0
    fi
    echo \"the mount $1 has another bound_issuer, or another certificate authority: its configuration is written again\" >&3
    return 1
  fi
  [ -z \"$known\" ] || stop \"the mount $1 is configured for another issuer ($known): choose another with --mount\"
  keys=$(of_mount \"$1\" jwks_url) || keys=
  case \"$bound $keys\" in
    \"$2 \"* | \" $2/\"*) stop \"the mount $1 knows this issuer by its keys (${keys:-jwt_validation_pubkeys}), without discovery: leave it as it \
is with --knows-issuer, or choose another with --mount\" ;;
  esac
  stop \"the mount $1 is configured for another issuer (${bound:-keys without bound_issuer}): choose another with --mount; --knows-issuer if \
its keys are those of this issuer\"
}
";

/// What the trust of Vault depends on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct VaultOptions {
    /// The address of Vault as runs reach it.
    pub vault_addr: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// Where the JWT auth method is, or will be, mounted; `jwt` without another.
    pub mount: Option<String>,
    /// The policies of the plan's role; one that lets it read nothing is made without any.
    pub policy_plan: Vec<String>,
    /// The policies of the apply's role.
    pub policy_apply: Vec<String>,
    /// The certificate authority of Vault, as base64 of PEM, where it is not publicly trusted.
    pub encoded_ca: Option<String>,
    /// How long the Vault token lives between renewals; `20m` without another.
    pub token_ttl: Option<String>,
}

pub(super) fn setup(request: &TrustRequest, options: &VaultOptions) -> Result<TrustSetup, SetupError> {
    let mut setup = TrustSetup::new(format!("Vault trusts runs of {}", request.whose()));
    extend(&mut setup, request, options, ByPhase { plan: &[], apply: &[] })?;
    Ok(setup)
}

/// Paths that a policy allows to read, beside what was asked for.
pub(super) type Readable<'a> = ByPhase<&'a [String]>;

/// Adds the trust of Vault.
pub(super) fn extend(
    setup: &mut TrustSetup,
    request: &TrustRequest,
    options: &VaultOptions,
    readable: Readable<'_>,
) -> Result<(), SetupError> {
    let mount = checked_mount("--mount", options.mount.as_deref().unwrap_or(MOUNT))?;
    let audience = request.audience.as_deref().unwrap_or(AUDIENCE);
    let address =
        setup.told(options.vault_addr.as_ref(), "vault_addr", "the address of Vault, as runs reach it");
    let vault = Vault { request, options, mount, audience, readable, ttl: ttl(options)? };
    vault.provider(setup, &address);
    setup.preamble = PREAMBLE;
    vault.mount(setup);
    setup.variable(request, "TFC_VAULT_PROVIDER_AUTH", "true");
    setup.variable(request, "TFC_VAULT_ADDR", address);
    for phase in request.phases.each() {
        vault.role(setup, *phase)?;
    }
    if vault.mount != MOUNT {
        setup.variable(request, "TFC_VAULT_AUTH_PATH", vault.mount.as_str());
    }
    if let Some(namespace) = &options.namespace {
        setup.variable(request, "TFC_VAULT_NAMESPACE", namespace.as_str());
        setup.note(format!("In the namespace {namespace}: set VAULT_NAMESPACE for the commands, X-Vault-Namespace for the requests."));
    }
    if let Some(ca) = &options.encoded_ca {
        setup.variable(request, "TFC_VAULT_ENCODED_CACERT", ca.as_str());
    }
    if audience != AUDIENCE {
        setup.variable(request, "TFC_VAULT_WORKLOAD_IDENTITY_AUDIENCE", audience);
    }
    Ok(())
}

/// A path without slashes at its ends.
pub(super) fn checked_mount(option: &'static str, text: &str) -> Result<String, SetupError> {
    let path = text.trim_matches('/');
    let is_path = path.split('/').all(|segment| {
        !segment.is_empty() && segment.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one))
    });
    let reason = "a mount has a path such as jwt or teams/jwt";
    if is_path { Ok(path.to_owned()) } else { Err(SetupError::option(option, reason)) }
}

/// The life of tokens, as text and in seconds.
fn ttl(options: &VaultOptions) -> Result<(String, i64), SetupError> {
    let text = options.token_ttl.as_deref().unwrap_or("20m");
    let (number, unit) = text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
    let factor = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        _ => None,
    };
    match (number.parse::<u32>(), factor) {
        (Ok(number), Some(factor)) if number > 0 => Ok((text.to_owned(), i64::from(number) * factor)),
        _ => Err(SetupError::option("--token-ttl", "a duration looks like 90s, 20m or 1h")),
    }
}

struct Vault<'a> {
    request: &'a TrustRequest,
    options: &'a VaultOptions,
    mount: String,
    audience: &'a str,
    readable: Readable<'a>,
    ttl: (String, i64),
}

/// A command that writes a request.
pub(super) fn command(request: &Request) -> Command {
    let client = || plain("\"$VAULT\"");
    let path = || word(request.path.as_str());
    let write = Command::new([client(), plain("write"), path()]).reading(request.body.clone());
    if request.may_exist { write.unless([client(), plain("read"), path()]) } else { write }
}

impl Vault<'_> {
    fn provider(&self, setup: &mut TrustSetup, address: &Text) {
        let block = Block::labelled("provider", "vault")
            .comment("Needs a token of an administrator of Vault: VAULT_TOKEN.")
            .set("address", address)
            .set_some("namespace", self.options.namespace.as_deref());
        let provider =
            Provider { name: "vault", source: "hashicorp/vault", version: ">= 4.0", block: Some(block) };
        setup.providers.push(provider);
    }

    fn request(&self, setup: &mut TrustSetup, path: String, body: Value, may_exist: bool) {
        let request = Request { path, body, may_exist };
        setup.commands.push(command(&request));
        setup.requests.push(request);
    }

    fn mount(&self, setup: &mut TrustSetup) {
        let issuer = self.request.issuer.as_str();
        let ca = self.request.issuer_ca.as_deref();
        if !self.request.knows_issuer {
            setup.blocks.push(
                Block::resource("vault_jwt_auth_backend", "carnet")
                    .comment("One mount serves every workspace of the issuer: the trust of another one shares it (--knows-issuer).")
                    .set("path", self.mount.as_str())
                    .set("oidc_discovery_url", issuer)
                    .set("bound_issuer", issuer)
                    .set_some("oidc_discovery_ca_pem", ca),
            );
        }
        let mut configuration = vec![
            ("bound_issuer".to_owned(), Value::from(issuer)),
            ("oidc_discovery_url".to_owned(), Value::from(issuer)),
        ];
        configuration.extend(ca.map(|ca| ("oidc_discovery_ca_pem".to_owned(), Value::from(ca))));
        if self.request.knows_issuer {
            return;
        }
        let kind = Value::map([("type", "jwt".into())]);
        self.request(setup, format!("sys/auth/{}", self.mount), kind, true);
        let path = format!("auth/{}/config", self.mount);
        let request = Request { path, body: Value::Map(configuration), may_exist: false };
        let trusts =
            [plain("trusts"), word(self.mount.as_str()), word(issuer)].into_iter().chain(ca.map(word));
        setup.commands.push(command(&request).unless(trusts));
        setup.requests.push(request);
    }

    /// The policies of a phase; the role's own where something must be readable, or nothing was named.
    fn policies(&self, setup: &mut TrustSetup, phase: Phase, role: &str) -> Vec<Text> {
        let told = ByPhase { plan: &self.options.policy_plan, apply: &self.options.policy_apply }.of(phase);
        let mut policies: Vec<Text> = told.iter().map(|name| Text::from(name.as_str())).collect();
        let readable = self.readable.of(phase);
        // What reads from an engine stands beside the policies of others: a workspace has one role for all of them.
        let own = match readable {
            [] => role.to_owned(),
            _ => format!("{role}-{}", self.request.family.name()),
        };
        if told.is_empty() || !readable.is_empty() {
            let rules = rules(readable);
            if readable.is_empty() {
                setup.note(format!(
                    "The policy {own} lets the {phase} do nothing but keep its own token: add the paths that it needs, or name policies \
                     that are there already (--policy-{phase})."
                ));
            }
            setup.blocks.push(
                Block::resource("vault_policy", phase.as_str())
                    .set("name", own.as_str())
                    .set("policy", rules.as_str()),
            );
            let body = Value::map([("policy", rules.into())]);
            self.request(setup, format!("sys/policies/acl/{own}"), body, false);
            policies.push(Text::made(format!("vault_policy.{phase}.name"), own));
        }
        policies
    }

    fn role(&self, setup: &mut TrustSetup, phase: Phase) -> Result<(), SetupError> {
        let subject = subject(self.request, phase)?;
        let name = object_name(self.request, Some(phase), NAME);
        let policies = self.policies(setup, phase, &name);
        let is_exact = subject.exact().is_some();
        // With glob a star of the subject itself would be a wildcard.
        let kind = if is_exact { "string" } else { "glob" };
        let subject = subject.glob();
        let backend = match self.request.knows_issuer {
            true => Text::from(self.mount.as_str()),
            false => Text::made("vault_jwt_auth_backend.carnet.path", self.mount.as_str()),
        };
        let mappings = ["terraform_run_id", "terraform_run_phase"];
        let mappings = Value::Map(mappings.map(|claim| (claim.to_owned(), claim.into())).to_vec());
        // The provider would take a comma for the end of a value.
        let unparsed = subject.contains(',').then_some(Value::Flag(true));
        setup.blocks.push(
            Block::resource("vault_jwt_auth_backend_role", phase.as_str())
                .set("backend", backend)
                .set("role_name", name.as_str())
                .set("role_type", "jwt")
                .set("bound_audiences", Value::texts([self.audience]))
                .set("bound_claims_type", kind)
                .set("bound_claims", Value::map([("sub", subject.as_str().into())]))
                .set_some("disable_bound_claims_parsing", unparsed)
                .set("user_claim", "terraform_workspace_id")
                .set("claim_mappings", mappings.clone())
                .set("token_policies", Value::texts(&policies))
                .set("token_ttl", Value::Number(self.ttl.1)),
        );
        // The workspace's id survives a rename as the alias. Vault keeps what a write does not name: a subject that somebody bound
        // here before would go on refusing.
        let body = Value::map([
            ("role_type", "jwt".into()),
            ("bound_audiences", Value::texts([self.audience])),
            ("bound_subject", "".into()),
            ("bound_claims_type", kind.into()),
            ("bound_claims", Value::map([("sub", subject.into())])),
            ("user_claim", "terraform_workspace_id".into()),
            ("claim_mappings", mappings),
            ("token_policies", Value::texts(&policies)),
            ("token_ttl", self.ttl.0.as_str().into()),
        ]);
        let path = format!("auth/{}/role/{name}", self.mount);
        setup.document(format!("role-{phase}"), format!("POST /v1/{path}"), body.clone());
        self.request(setup, path, body, false);
        let name = Text::made(format!("vault_jwt_auth_backend_role.{phase}.role_name"), name);
        setup.phase_variable(self.request, ["TFC_VAULT", "ROLE"], phase, name);
        Ok(())
    }
}

/// A policy that lets a token read paths and keep itself.
fn rules(readable: &[String]) -> String {
    let read = readable.iter().map(|path| format!("path \"{path}\" {{ capabilities = [\"read\"] }}\n"));
    let own = [("lookup-self", "read"), ("renew-self", "update"), ("revoke-self", "update")];
    let own =
        own.map(|(path, what)| format!("path \"auth/token/{path}\" {{ capabilities = [\"{what}\"] }}\n"));
    read.chain(own)
        .chain(["path \"sys/leases/renew\" { capabilities = [\"update\"] }\n".to_owned()])
        .collect()
}
