//! How long everything lives in a soak.

use std::time::Duration;

/// The lengths of one soak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoakOptions {
    /// How long the apply lasts at least.
    pub apply: Duration,
    /// The life of identity tokens.
    pub identity_token: Duration,
    /// The lease of Vault tokens.
    pub vault_token: Duration,
    /// The life of the access tokens of Azure and Google.
    pub access_token: Duration,
    /// The life of the role sessions of AWS.
    pub role_session: Duration,
    /// The pause between two objects of Terraform's AWS provider.
    pub object_every: Duration,
}

impl SoakOptions {
    /// Twelve minutes with tokens of a minute.
    pub fn long() -> Self {
        Self {
            apply: Duration::from_secs(720),
            identity_token: Duration::from_secs(60),
            vault_token: Duration::from_secs(90),
            access_token: Duration::from_secs(45),
            role_session: Duration::from_secs(45),
            object_every: Duration::from_secs(10),
        }
    }

    /// Forty seconds with tokens of a few seconds.
    pub fn short() -> Self {
        Self {
            apply: Duration::from_secs(40),
            // The shortest that the product gives out.
            identity_token: Duration::from_secs(10),
            vault_token: Duration::from_secs(8),
            access_token: Duration::from_secs(5),
            role_session: Duration::from_secs(5),
            object_every: Duration::from_secs(2),
        }
    }

    /// How many identity tokens each client needs at least: nobody can use one for longer than it lives, and a client
    /// notices the end when it goes on after its pause.
    pub(super) fn fewest_identity_tokens(&self) -> usize {
        times(self.apply, self.identity_token + self.object_every)
    }

    /// How many renewals a Vault token needs at least to live through the apply.
    pub(super) fn fewest_renewals(&self) -> usize {
        times(self.apply, self.vault_token)
    }

    /// How many objects the AWS provider makes.
    pub(super) fn objects(&self) -> usize {
        times(self.apply, self.object_every)
    }
}

fn times(whole: Duration, part: Duration) -> usize {
    let count = whole.as_millis() / part.as_millis().max(1);
    usize::try_from(count).unwrap_or(usize::MAX)
}
