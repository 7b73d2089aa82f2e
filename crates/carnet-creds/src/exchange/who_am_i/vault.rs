//! Vault: the login has told most already; the token knows the name that shows in Vault's own log, too.

use secrecy::{ExposeSecret, SecretString};

use super::{Answer, Likeness, Outcome, PATIENCE, Silence, name};
use crate::exchange::vault_api::VaultApi;

/// A session that is asked about.
pub(super) struct Question {
    pub(super) api: VaultApi,
    pub(super) token: SecretString,
}

impl Question {
    pub(super) async fn ask(self) -> Outcome {
        let answer = tokio::time::timeout(PATIENCE, self.answer()).await;
        let answer = answer.unwrap_or_else(|_| {
            Err(Silence::Unanswered(format!("it took longer than {} s", PATIENCE.as_secs())))
        });
        Outcome { answer, secrets: Vec::new() }
    }

    async fn answer(&self) -> Result<Answer, Silence> {
        let found = self.api.read(&self.token, "auth/token/lookup-self").await;
        let found = found.map_err(|failure| Silence::Unanswered(failure.to_string()))?;
        let text =
            |wanted: &str| found.parts.get(wanted).map(|text| name(text.expose_secret())).unwrap_or_default();
        let display_name = text("display_name");
        if display_name.is_empty() {
            return Err(Silence::Unanswered("the token has no display name".to_owned()));
        }
        let entity = text("entity_id");
        let of = if entity.is_empty() { String::new() } else { format!(" (entity {entity})") };
        let facts = vec![("display name", display_name.clone()), ("login path", text("path"))];
        Ok(Answer { who: format!("{display_name}{of}"), facts, likeness: Likeness::Unknown })
    }
}
