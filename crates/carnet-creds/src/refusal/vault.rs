//! A login to Vault, refused.

use super::{Advice, Refusal};
use crate::{
    exchange::{
        claims::Claims,
        vault_wire::{Failure, VaultFailure},
    },
    family::{Tag, titled},
    lexicon::variable_name,
    provider::VaultLogin,
    resolve::Configured,
};

impl Refusal {
    /// A login that did not succeed.
    pub(crate) fn of_login(
        configured: &Configured,
        login: &VaultLogin,
        claims: &Claims,
        failure: &VaultFailure,
    ) -> Self {
        let title = titled(configured.family, configured.tag.as_ref());
        let namespace = login.namespace.as_deref().unwrap_or("(none)");
        let (method, url) = (&failure.method, &failure.url);
        let tried = format!(
            "{method} {url}, role \"{}\" (from {}), namespace {namespace}",
            login.role, login.role_variable
        );
        Self::of(format!("failed authenticating to {title}: {failure}"))
            .tried(&tried)
            .presented(claims)
            .said("Vault", &answer(&failure.failure))
            .advised(&Known { configured, login, claims }.advice(&failure.failure))
            .passing(failure.failure.is_transient())
    }

    /// A server that could not even be asked, because its certificate authority cannot be used.
    pub(crate) fn of_certificate(configured: &Configured, login: &VaultLogin, reason: &str) -> Self {
        let title = titled(configured.family, configured.tag.as_ref());
        let variable = own_variable("TFC_VAULT_ENCODED_CACERT", configured.tag.as_ref());
        Self::of(format!("failed authenticating to {title}: no certificate authority can be used: {reason}"))
            .tried(&format!("{}, role \"{}\"", login.address, login.role))
            .advised(&Advice::new(
                "the agent has no certificate authority that it could trust",
                format!(
                    "put the CA of this server into {variable}, as base64 of PEM, or install the certificate authorities \
                     of the system on the agent"
                ),
            ))
    }
}

/// What Vault has said, line by line.
pub(super) fn answer(failure: &Failure) -> Vec<String> {
    match failure {
        Failure::Refused { status, errors } if errors.is_empty() => vec![format!("{status}, nothing else")],
        Failure::Refused { errors, .. } => errors.clone(),
        // The summary says why nothing was reached.
        Failure::NoAnswer { .. } => Vec::new(),
        Failure::Unreadable { reason } => vec![format!("something unexpected: {reason}")],
    }
}

/// What is known when looking for a way out.
struct Known<'a> {
    configured: &'a Configured,
    login: &'a VaultLogin,
    claims: &'a Claims,
}

/// What Vault and OpenBao say, and which way out it points to; the first match counts.
const SAYINGS: [(&str, Cause); 17] = [
    ("could not be found", Cause::Trust(Trust::Role)),
    ("missing role", Cause::Trust(Trust::Role)),
    ("invalid audience", Cause::Trust(Trust::Audience)),
    ("audience claim", Cause::Trust(Trust::Audience)),
    ("invalid issuer", Cause::Trust(Trust::Issuer)),
    ("invalid subject", Cause::Trust(Trust::Subject)),
    ("claim \"sub\"", Cause::Trust(Trust::Subject)),
    ("bound claim", Cause::Trust(Trust::Unknown)),
    ("token is expired", Cause::Trust(Trust::Clock)),
    ("not yet valid", Cause::Trust(Trust::Clock)),
    ("issued in the future", Cause::Trust(Trust::Clock)),
    ("fetching keys", Cause::Trust(Trust::Fetch)),
    ("get keys failed", Cause::Trust(Trust::Fetch)),
    ("could not fetch", Cause::Trust(Trust::Fetch)),
    ("signature", Cause::Trust(Trust::Keys)),
    ("namespace not found", Cause::Way(Way::Namespace)),
    ("sealed", Cause::Way(Way::Standby)),
];

/// What stands between a run and its Vault token.
#[derive(Debug, Clone, Copy)]
enum Cause {
    Trust(Trust),
    Way(Way),
}

/// The authentication method was reached, and does not trust this token.
#[derive(Debug, Clone, Copy)]
enum Trust {
    Role,
    Audience,
    Issuer,
    Subject,
    Clock,
    Fetch,
    Keys,
    Unknown,
}

impl Trust {
    fn cause(self) -> &'static str {
        match self {
            Self::Role => "the authentication method has no role of this name",
            Self::Audience => "the audience of the token is none of those that the role accepts",
            Self::Issuer => "the authentication method trusts another issuer",
            Self::Subject => "the subject of the token is not the one that the role is bound to",
            Self::Clock => "by the clock of the Vault server the time of the token is over, or has not come",
            Self::Fetch => "the Vault server cannot fetch the keys of the issuer",
            Self::Keys => {
                "the Vault server could not verify the token with the keys that it knows of the issuer"
            }
            Self::Unknown => "the role or the authentication method does not trust this token",
        }
    }
}

/// The authentication method was not reached.
#[derive(Debug, Clone, Copy)]
enum Way {
    Namespace,
    Mount,
    Standby,
    Certificate,
    Expired,
    Unreachable,
    Slow,
    NotVault,
}

impl Way {
    fn cause(self) -> &'static str {
        match self {
            Self::Namespace => "there is no such namespace",
            Self::Mount => "there is no JWT authentication method at this path of this namespace",
            Self::Standby => "the server does not serve requests now",
            Self::Certificate => "the certificate of the server is not trusted",
            Self::Expired => "the certificate of the server has ended",
            Self::Unreachable => "nobody answers at this address",
            Self::Slow => "the server answers too slowly",
            Self::NotVault => "what answers at this address is no Vault server",
        }
    }
}

impl Cause {
    fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Refused { status, errors } => {
                let text = errors.join("\n").to_lowercase();
                let found = SAYINGS.iter().find(|(saying, _)| text.contains(saying)).map(|(_, cause)| *cause);
                found.unwrap_or(match status {
                    403 => Self::Way(Way::Mount),
                    404 | 405 => Self::Way(Way::NotVault),
                    429 | 500..=599 => Self::Way(Way::Standby),
                    _ => Self::Trust(Trust::Unknown),
                })
            }
            Failure::NoAnswer { reason, .. } if reason.contains("certificate expired") => {
                Self::Way(Way::Expired)
            }
            Failure::NoAnswer { reason, .. } if reason.contains("certificate") => Self::Way(Way::Certificate),
            Failure::NoAnswer { is_connection: true, .. } => Self::Way(Way::Unreachable),
            Failure::NoAnswer { .. } => Self::Way(Way::Slow),
            Failure::Unreadable { .. } => Self::Way(Way::NotVault),
        }
    }
}

impl Known<'_> {
    fn advice(&self, failure: &Failure) -> Advice {
        match Cause::of(failure) {
            Cause::Trust(trust) => Advice::new(trust.cause(), self.on_trust(trust)),
            Cause::Way(way) => Advice::new(way.cause(), self.on_the_way(way)),
        }
    }

    fn on_trust(&self, trust: Trust) -> String {
        let (role, path) = (&self.login.role, &self.login.auth_path);
        let claim = |claim: &Option<String>| claim.clone().unwrap_or_default();
        let [iss, sub, aud] = [&self.claims.iss, &self.claims.sub, &self.claims.aud].map(claim);
        match trust {
            Trust::Role => format!(
                "create role \"{role}\" with: vault write auth/{path}/role/{role} ... ; or correct {}",
                self.login.role_variable
            ),
            Trust::Audience => format!(
                "add \"{aud}\" to bound_audiences of auth/{path}/role/{role}, or set {} to an audience that is bound",
                self.variable("TFC_VAULT_WORKLOAD_IDENTITY_AUDIENCE")
            ),
            Trust::Issuer => format!(
                "set bound_issuer and oidc_discovery_url of auth/{path}/config to exactly \"{iss}\", without a trailing slash"
            ),
            Trust::Subject => self.on_subject(&sub),
            Trust::Clock => {
                "compare the clocks of the Vault server and of the issuer; about a minute of difference \
                             is tolerated"
                    .to_owned()
            }
            Trust::Fetch | Trust::Keys => format!(
                "let the Vault server fetch {iss}/.well-known/openid-configuration and the keys named there (address, \
                 firewall, oidc_discovery_ca_pem), and check that auth/{path}/config names this issuer"
            ),
            Trust::Unknown => format!(
                "compare auth/{path}/config (issuer) and auth/{path}/role/{role} (audience, subject, claims) with what was presented"
            ),
        }
    }

    // A role that is opened to the other phase would let every plan do what an apply may do.
    fn on_subject(&self, sub: &str) -> String {
        let VaultLogin { role, role_variable, auth_path, .. } = self.login;
        let exactly =
            format!("make bound_claims.sub of auth/{auth_path}/role/{role} equal to exactly \"{sub}\"");
        let Some((_, phase)) = sub.rsplit_once(":run_phase:") else {
            return format!(
                "correct {role_variable} if role \"{role}\" belongs to others; if it is meant for this token, {exactly}"
            );
        };
        let (plan, apply) = (self.variable("TFC_VAULT_PLAN_ROLE"), self.variable("TFC_VAULT_APPLY_ROLE"));
        format!(
            "the subject ends in run_phase:{phase}, and role \"{role}\" (chosen by {role_variable}) probably belongs to \
             another phase or workspace: give each phase its own role with {plan} and {apply}; only if this workspace \
             and this phase should have role \"{role}\", {exactly}"
        )
    }

    fn on_the_way(&self, way: Way) -> String {
        let path = &self.login.auth_path;
        match way {
            Way::Namespace => format!(
                "correct {}; the namespace does not exist on this server",
                self.variable("TFC_VAULT_NAMESPACE")
            ),
            Way::Mount => format!(
                "check that a JWT method is mounted at auth/{path} in this namespace (vault auth list), or correct {} \
                 or {}",
                self.variable("TFC_VAULT_AUTH_PATH"),
                self.variable("TFC_VAULT_NAMESPACE")
            ),
            Way::Standby => {
                "the server is sealed, starting or overloaded; unseal it, or run again later".to_owned()
            }
            Way::Certificate => format!(
                "put the CA of this server into {}, or correct the host name in {}",
                self.variable("TFC_VAULT_ENCODED_CACERT"),
                self.variable("TFC_VAULT_ADDR")
            ),
            Way::Expired => format!(
                "the certificate of {} has expired: renew it, or correct the clock of the agent",
                self.login.address
            ),
            Way::Unreachable => format!(
                "check that the agent can reach {} (name, port, firewall, http or https), or correct {}",
                self.login.address,
                self.variable("TFC_VAULT_ADDR")
            ),
            Way::Slow => format!(
                "the server took longer than {} s; raise {} if it is only slow",
                self.login.timeout.as_secs(),
                self.variable("TFC_VAULT_CLIENT_TIMEOUT")
            ),
            Way::NotVault => format!(
                "check that {} is the address of a Vault server, without /v1 or another path",
                self.variable("TFC_VAULT_ADDR")
            ),
        }
    }

    fn variable(&self, base: &str) -> String {
        own_variable(base, self.configured.tag.as_ref())
    }
}

fn own_variable(base: &str, tag: Option<&Tag>) -> String {
    variable_name(base, tag.map(Tag::as_str))
}
