//! Identifiers: a prefix that names the kind and 16 base-58 characters.

/// The alphabet of identifiers: base 58, without the characters people confuse.
const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// A text that is not an identifier of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id of this kind looks like {prefix}-xxxxxxxxxxxxxxxx")]
pub struct IdError {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

fn suffix_from(entropy: [u8; 16]) -> String {
    entropy.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}

fn is_suffix(text: &str) -> bool {
    (1..=36).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text before the dash.
            pub const PREFIX: &'static str = $prefix;

            /// Makes an identifier from randomness that the caller provides.
            pub fn from_entropy(entropy: [u8; 16]) -> Self {
                Self(format!("{}-{}", $prefix, suffix_from(entropy)))
            }

            /// The identifier as clients see it.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The part behind the prefix and its dash.
            pub fn suffix(&self) -> &str {
                &self.0[$prefix.len() + 1..]
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                match text.strip_prefix(concat!($prefix, "-")) {
                    Some(suffix) if is_suffix(suffix) => Ok(Self(text.to_owned())),
                    _ => Err(IdError { prefix: $prefix }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// An organization (clients call it the external id).
    OrgId = "org";
    /// A project.
    ProjectId = "prj";
    /// A workspace.
    WorkspaceId = "ws";
    /// A variable of a workspace or of a variable set.
    VariableId = "var";
    /// A variable set.
    VariableSetId = "varset";
    /// A configuration version: one uploaded archive.
    ConfigurationVersionId = "cv";
    /// A run.
    RunId = "run";
    /// A test run of a module.
    TestRunId = "trun";
    /// The plan of a run.
    PlanId = "plan";
    /// The apply of a run.
    ApplyId = "apply";
    /// Something that happened to a run.
    RunEventId = "re";
    /// A state version.
    StateVersionId = "sv";
    /// One output of one state version.
    StateVersionOutputId = "wsout";
    /// A user.
    UserId = "user";
    /// An API token (its record, not its secret).
    TokenId = "at";
    /// A tag name within an organization.
    TagId = "tag";
    /// An agent.
    AgentId = "agent";
    /// A job: one phase of one run, given to one agent.
    JobId = "job";
    /// A team.
    TeamId = "team";
    /// What a team may do on a workspace.
    TeamWorkspaceId = "tws";
    /// What a team may do on a project.
    TeamProjectId = "tprj";
    /// The membership of a user in an organization.
    MembershipId = "ou";
    /// A pool of agents.
    AgentPoolId = "apool";
    /// A comment on a run.
    CommentId = "wsc";
    /// A run trigger: an apply of one workspace queues a run of another.
    RunTriggerId = "rt";
    /// A binding of a tag to a workspace or a project.
    TagBindingId = "tb";
    /// A reserved tag key.
    ReservedTagKeyId = "rtk";
    /// How long tokens of one kind may live in an organization.
    TokenTtlPolicyId = "ttlp";
    /// A notification configuration.
    NotificationId = "nc";
    /// An SSH key.
    SshKeyId = "sshkey";
    /// A module of the private registry.
    RegistryModuleId = "mod";
    /// A version of such a module.
    RegistryModuleVersionId = "modver";
    /// A provider of the private registry.
    RegistryProviderId = "prov";
    /// A version of such a provider.
    RegistryProviderVersionId = "provver";
    /// A platform of such a version.
    RegistryPlatformId = "provpltfrm";
    /// A key with which the checksums of providers are signed.
    GpgKeyId = "gpgkey";
    /// An entry of the audit trail.
    AuditEventId = "ae";
}

/// A plan or an apply.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PhaseId {
    /// The plan of a run.
    Plan(PlanId),
    /// The apply of a run.
    Apply(ApplyId),
}

impl PhaseId {
    /// The identifier as clients see it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Plan(id) => id.as_str(),
            Self::Apply(id) => id.as_str(),
        }
    }
}

impl std::str::FromStr for PhaseId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(Self::Plan).or_else(|_: IdError| text.parse().map(Self::Apply))
    }
}

impl std::fmt::Display for PhaseId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_a_round_trip() {
        let id = RunId::from_entropy([7; 16]);
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert_eq!(id.suffix().len(), 16);
    }

    #[test]
    fn another_kind_or_a_path_is_refused() {
        for text in ["ws-1", "run-", "run-a/b", "run-a b", "run", ""] {
            assert_eq!(text.parse::<RunId>(), Err(IdError { prefix: "run" }), "{text}");
        }
    }
}
