//! What organizations and workspaces say about dynamic credentials.

/// How long an identity token lives whose consumer can be given a new one in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentityTokenTtl(u32);

/// A number of seconds that no identity token may live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an identity token lives a whole number of seconds from {} to {}",
    IdentityTokenTtl::MIN_SECONDS,
    IdentityTokenTtl::MAX_SECONDS
)]
pub struct IdentityTokenTtlError;

impl IdentityTokenTtl {
    /// The fewest seconds: less is over before a provider has looked at the token.
    pub const MIN_SECONDS: u32 = 10;

    /// The most seconds: a day.
    pub const MAX_SECONDS: u32 = 24 * 3600;

    /// Checks a number of seconds.
    pub fn from_seconds(seconds: u64) -> Result<Self, IdentityTokenTtlError> {
        u32::try_from(seconds)
            .ok()
            .filter(|seconds| (Self::MIN_SECONDS..=Self::MAX_SECONDS).contains(seconds))
            .map(Self)
            .ok_or(IdentityTokenTtlError)
    }

    /// The number of seconds.
    pub fn as_seconds(self) -> u32 {
        self.0
    }

    /// What applies to the runs of a workspace: its own word, else the organization's, else the default.
    pub fn that_applies(workspace: Option<Self>, organization: Option<Self>) -> Self {
        workspace.or(organization).unwrap_or_default()
    }
}

impl Default for IdentityTokenTtl {
    fn default() -> Self {
        Self(600)
    }
}

/// What happens to a run in which a static credential would win over a dynamic one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StaticCredentials {
    /// The phase is refused.
    #[default]
    Refuse,
    /// The log warns, and the phase goes on.
    Warn,
}

impl StaticCredentials {
    /// The rule as clients write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Warn => "warn",
        }
    }
}

impl std::str::FromStr for StaticCredentials {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "warn" => Ok(Self::Warn),
            other => {
                Err(format!("{other:?} is not what can happen to static credentials; it is refuse or warn"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_within_its_bounds() {
        for seconds in [10, 600, 86_400] {
            assert_eq!(u64::from(IdentityTokenTtl::from_seconds(seconds).unwrap().as_seconds()), seconds);
        }
        for seconds in [0, 9, 86_401, u64::MAX, (1 << 32) + 600] {
            assert_eq!(IdentityTokenTtl::from_seconds(seconds), Err(IdentityTokenTtlError), "{seconds}");
        }
        assert!(IdentityTokenTtlError.to_string().ends_with("from 10 to 86400"));
    }

    #[test]
    fn the_workspace_beats_the_organization_which_beats_the_default() {
        let (short, long) = (IdentityTokenTtl(60), IdentityTokenTtl(3600));
        assert_eq!(IdentityTokenTtl::that_applies(Some(short), Some(long)), short);
        assert_eq!(IdentityTokenTtl::that_applies(None, Some(long)), long);
        assert_eq!(IdentityTokenTtl::that_applies(None, None).as_seconds(), 600);
    }
}
