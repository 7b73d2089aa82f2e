//! What Vault and OpenBao say about a login, and what stands behind it.

use crate::exchange::vault_wire::Failure;

/// What stands between a run and its Vault token.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cause {
    Trust(Trust),
    Way(Way),
}

/// The authentication method was reached, and does not trust this token.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trust {
    Role,
    RoleType,
    Configuration,
    Audience,
    Issuer,
    BoundSubject,
    Subject,
    Claim,
    UserClaim,
    GroupsClaim,
    Clock,
    Fetch,
    Keys,
    Unknown,
}

/// The authentication method was not reached.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Namespace,
    Mount,
    OtherMethod,
    Standby,
    Certificate,
    Expired,
    NoTls,
    NeedsTls,
    Unreachable,
    Slow,
    NotVault,
}

/// The first match counts.
const SAYINGS: [(&str, Cause); 32] = [
    ("http request to an https server", Cause::Way(Way::NeedsTls)),
    // A role of the JWT method that is not there "could not be found".
    ("missing role_id", Cause::Way(Way::OtherMethod)),
    ("missing secret_id", Cause::Way(Way::OtherMethod)),
    ("missing username", Cause::Way(Way::OtherMethod)),
    ("missing password", Cause::Way(Way::OtherMethod)),
    ("missing token", Cause::Way(Way::OtherMethod)),
    ("invalid role name", Cause::Way(Way::OtherMethod)),
    ("no client certificate found", Cause::Way(Way::OtherMethod)),
    ("client certificate must be supplied", Cause::Way(Way::OtherMethod)),
    ("could not load configuration", Cause::Trust(Trust::Configuration)),
    ("role_type is not allowed", Cause::Trust(Trust::RoleType)),
    ("could not be found", Cause::Trust(Trust::Role)),
    ("missing role", Cause::Trust(Trust::Role)),
    ("invalid audience", Cause::Trust(Trust::Audience)),
    ("audience claim", Cause::Trust(Trust::Audience)),
    ("invalid issuer", Cause::Trust(Trust::Issuer)),
    ("invalid subject", Cause::Trust(Trust::BoundSubject)),
    ("\" claim not found in token", Cause::Trust(Trust::GroupsClaim)),
    ("\" not found in token", Cause::Trust(Trust::UserClaim)),
    ("claim \"sub\"", Cause::Trust(Trust::Subject)),
    ("claim \"", Cause::Trust(Trust::Claim)),
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
    ("unsupported path", Cause::Way(Way::OtherMethod)),
];

impl Cause {
    pub(super) fn of(failure: &Failure) -> Self {
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
            Failure::NoAnswer { reason, is_connection } => {
                Self::Way(Way::without_answer(reason, *is_connection))
            }
            Failure::Unreadable { .. } => Self::Way(Way::NotVault),
        }
    }

    /// The cause in words; `path` is that of the method.
    pub(super) fn text(self, path: &str) -> String {
        match self {
            Self::Trust(trust) => trust.text(path),
            Self::Way(way) => way.text().to_owned(),
        }
    }
}

impl Trust {
    fn text(self, path: &str) -> String {
        let text = match self {
            Self::Role => "the authentication method has no role of this name",
            Self::RoleType => "the role is one for people with a browser: its role_type is oidc",
            Self::Configuration => return format!("auth/{path}/config was never written"),
            Self::Audience => "the audience of the token is none of those that the role accepts",
            Self::Issuer => "the authentication method trusts another issuer",
            Self::BoundSubject => "bound_subject of the role is not the subject of the token",
            Self::Subject => "the subject of the token is not the one that the role is bound to",
            Self::Claim => "a claim of the token is not what bound_claims of the role demands",
            Self::UserClaim => "user_claim of the role names a claim that identity tokens do not have",
            Self::GroupsClaim => "groups_claim of the role names a claim that identity tokens do not have",
            Self::Clock => "by the clock of the Vault server the time of the token is over, or has not come",
            Self::Fetch => "the Vault server cannot fetch the keys of the issuer",
            Self::Keys => {
                "the Vault server could not verify the token with the keys that it knows of the issuer"
            }
            Self::Unknown => "the role or the authentication method does not trust this token",
        };
        text.to_owned()
    }
}

impl Way {
    fn without_answer(reason: &str, is_connection: bool) -> Self {
        if reason.contains("certificate expired") {
            Self::Expired
        } else if reason.contains("certificate") {
            Self::Certificate
        } else if is_without_tls(reason) {
            Self::NoTls
        } else if is_only_tls(reason) {
            Self::NeedsTls
        } else if is_connection {
            Self::Unreachable
        } else {
            Self::Slow
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Namespace => "there is no such namespace",
            Self::Mount => {
                "there is no JWT authentication method at this path of this namespace, or token_bound_cidrs of the role \
                 keeps the agent's address out"
            }
            Self::OtherMethod => "another kind of authentication method is mounted at this path",
            Self::Standby => "the server does not serve requests now",
            Self::Certificate => "the certificate of the server is not trusted",
            Self::Expired => "the certificate of the server has ended",
            Self::NoTls => "somebody answers at this address, without TLS",
            Self::NeedsTls => "the server speaks TLS only, and was asked without it",
            Self::Unreachable => "nobody answers at this address",
            Self::Slow => "the server answers too slowly",
            Self::NotVault => "what answers at this address is no Vault server",
        }
    }
}

/// Whether a handshake was answered without TLS.
pub(super) fn is_without_tls(reason: &str) -> bool {
    reason.contains("InvalidContentType")
}

/// Whether a request without TLS was answered with an alert of TLS.
pub(super) fn is_only_tls(reason: &str) -> bool {
    reason.contains("invalid HTTP version")
}
