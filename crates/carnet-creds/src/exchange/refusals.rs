//! Refusals that only Terraform has seen, because its own providers trade the tokens.

use super::{claims::Claims, credentials::Credentials, held::State};
use crate::refusal::{self, Presented, Refusal, messages};

impl Credentials {
    /// Explains the refused exchanges that the output of Terraform tells of; give it without secrets, as a log shows it.
    pub fn refusals(&self, output: &str) -> Vec<Refusal> {
        let held = self.resolution.configured.iter().zip(&self.held);
        let presented: Vec<Presented> = held
            .filter_map(|(configured, held)| {
                let claims = match &held.state {
                    State::HandedOver { .. } => Claims::of(&held.credential.token),
                    State::Read(_) => Claims::default(),
                    // The engine has seen these exchanges itself.
                    State::Vault(_) | State::Exchanged { .. } => return None,
                };
                Some(Presented::new(configured, claims, &self.resolution.provider_env))
            })
            .collect();
        refusal::find(&messages(output), &presented)
    }
}
