//! Who the run is to its providers, asked with the very token that Terraform gets.
//!
//! Asking needs network that the agent may not have, so a person switches it on. What is obtained only for asking is
//! dropped at once. Whatever comes of it, the run goes on: Terraform will say by itself what it cannot do.

mod asker;
mod aws;
mod azure;
mod endpoints;
mod gcp;
mod kubernetes;
mod vault;

use std::{collections::BTreeMap, time::Duration};

use asker::Asker;
use carnet_model::Timestamp;
use secrecy::SecretString;
use tokio::task::JoinSet;

use super::{
    Event, claims::Claims, credentials::Credentials, held::State, http::HttpSettings, vault_wire::one_line,
};
use crate::{
    family::FamilyName,
    notice::Notice,
    refusal::{self, Presented, Refusal},
};

pub use endpoints::Endpoints;

/// The longest that one provider is asked, all requests together.
const PATIENCE: Duration = Duration::from_secs(15);
/// No name that a provider gives is longer.
const LONGEST_NAME: usize = 300;

/// Who a run is.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    who: String,
    facts: Vec<(&'static str, String)>,
    likeness: Likeness,
}

/// Whether a run is who it was meant to be.
#[derive(Debug, PartialEq, Eq)]
enum Likeness {
    /// The variables do not say who.
    Unknown,
    Same,
    /// In what it is not.
    Different(Vec<String>),
}

/// Why nobody said who the run is.
#[derive(Debug)]
enum Silence {
    /// It is not known whom to ask, or how.
    Unasked(String),
    /// No answer, or none that can be understood.
    Unanswered(String),
    /// The provider does not take the token.
    Refused(Box<Refusal>),
}

/// One configuration that is asked about.
struct Question {
    presented: Presented,
    token: SecretString,
    http: HttpSettings,
    run_id: String,
    now: Timestamp,
}

/// What came of a question.
struct Outcome {
    answer: Result<Answer, Silence>,
    /// What was obtained for asking, which no log may show.
    secrets: Vec<SecretString>,
}

impl Credentials {
    /// Asks every provider that can say it who the run is, if a person wants that, and tells the log.
    pub(super) async fn ask_who(&mut self, on_event: &mut (dyn FnMut(Event) + Send)) {
        if !self.resolution.common.asks_who {
            return;
        }
        let mut asked = JoinSet::new();
        for (position, question) in self.questions() {
            asked.spawn(async move { (position, question.ask().await) });
        }
        for (position, question) in self.vault_questions() {
            asked.spawn(async move { (position, question.ask().await) });
        }
        let mut outcomes = BTreeMap::new();
        while let Some(joined) = asked.join_next().await {
            // A panic is reported where it happens.
            outcomes.extend(joined.ok());
        }
        for (position, outcome) in outcomes {
            outcome.secrets.into_iter().for_each(|secret| self.hide(secret));
            on_event(self.told(position, &outcome.answer));
            if let Ok(answer) = outcome.answer {
                let facts = answer.facts.into_iter().filter(|(_, fact)| !fact.is_empty());
                self.held[position].facts.extend(facts.map(|(name, fact)| format!("{name}: {fact}")));
            }
        }
    }

    fn questions(&self) -> Vec<(usize, Question)> {
        let held = self.resolution.configured.iter().zip(&self.held).enumerate();
        let askable = held.filter(|(_, (configured, held))| {
            matches!(held.state, State::HandedOver { .. }) && can_say(configured.family)
        });
        let question = |(position, (configured, held)): (usize, (_, &super::held::Held))| {
            let token = held.credential.token.clone();
            let question = Question {
                presented: Presented::new(configured, Claims::of(&token), &self.resolution.provider_env),
                token,
                http: self.exchange.http.clone(),
                run_id: self.resolution.run_id.clone(),
                now: self.exchange.now(),
            };
            (position, question)
        };
        askable.map(question).collect()
    }

    /// Sessions of Vault, but for those that a question would use up.
    fn vault_questions(&self) -> Vec<(usize, vault::Question)> {
        let question = |(position, held): (usize, &super::held::Held)| match &held.state {
            State::Vault(session) if !session.is_limited => {
                let question = vault::Question { api: session.api.clone(), token: session.token.clone() };
                Some((position, question))
            }
            _ => None,
        };
        self.held.iter().enumerate().filter_map(question).collect()
    }

    fn told(&self, position: usize, answer: &Result<Answer, Silence>) -> Event {
        let configured = &self.resolution.configured[position];
        let (family, tag) = (configured.family, configured.tag.clone());
        let title = configured.title();
        let warning = |text: String| Event::warning(Notice::Provider { family, tag: tag.clone(), text });
        match answer {
            Ok(Answer { who, likeness: Likeness::Unknown, .. }) => {
                Event::progress(format!("{title}: the run is {who}"))
            }
            Ok(Answer { who, likeness: Likeness::Same, .. }) => {
                Event::progress(format!("{title}: the run is {who}, as asked for"))
            }
            Ok(Answer { who, likeness: Likeness::Different(differences), .. }) => {
                warning(format!("the run is {who}, and not as asked for: {}", differences.join("; ")))
            }
            Err(Silence::Unasked(reason)) => {
                Event::progress(format!("{title}: nobody was asked who the run is: {reason}"))
            }
            Err(Silence::Unanswered(reason)) => {
                warning(format!("it could not be asked who the run is: {reason}"))
            }
            Err(Silence::Refused(refusal)) => {
                Event { text: refusal.to_string(), ..warning(refusal.summary().to_owned()) }
            }
        }
    }
}

/// Whether the provider of a family can say who somebody is.
fn can_say(family: FamilyName) -> bool {
    match family {
        FamilyName::Aws | FamilyName::Azure | FamilyName::Gcp | FamilyName::Kubernetes => true,
        FamilyName::Plain
        | FamilyName::Hcp
        | FamilyName::TencentCloud
        | FamilyName::Vault
        | FamilyName::VaultBackedAws
        | FamilyName::VaultBackedAzure
        | FamilyName::VaultBackedGcp
        | FamilyName::Adapter(_) => false,
    }
}

impl Question {
    async fn ask(self) -> Outcome {
        let mut asker = Asker::new(&self.http, &self.token);
        let answer = tokio::time::timeout(PATIENCE, self.answer(&mut asker)).await;
        let answer = answer.unwrap_or_else(|_| {
            Err(Silence::Unanswered(format!("it took longer than {} s", PATIENCE.as_secs())))
        });
        Outcome { answer, secrets: asker.into_secrets() }
    }

    async fn answer(&self, asker: &mut Asker<'_>) -> Result<Answer, Silence> {
        match self.presented.family {
            FamilyName::Aws => aws::ask(self, asker).await,
            FamilyName::Azure => azure::ask(self, asker).await,
            FamilyName::Gcp => gcp::ask(self, asker).await,
            FamilyName::Kubernetes => kubernetes::ask(self, asker).await,
            _ => Err(Silence::Unasked("its provider cannot say".to_owned())),
        }
    }

    /// What a provider's refusal means; `text` is its own, after what it was asked.
    fn refused(&self, text: &str) -> Silence {
        match refusal::explain(text, &self.presented) {
            Some(refusal) => Silence::Refused(Box::new(refusal)),
            None => Silence::Unanswered(text.to_owned()),
        }
    }
}

/// A name that a provider gives, fit for a line of the log.
fn name(text: &str) -> String {
    one_line(text).chars().take(LONGEST_NAME).collect()
}

/// The likeness of pairs of what was asked for and what was found, each with its noun.
fn likeness(pairs: &[(&str, &str, &str)]) -> Likeness {
    let different = pairs.iter().filter(|(_, asked, found)| !asked.eq_ignore_ascii_case(found));
    let different: Vec<String> =
        different.map(|(noun, asked, found)| format!("{noun} {found} instead of {asked}")).collect();
    match (pairs.is_empty(), different.is_empty()) {
        (true, _) => Likeness::Unknown,
        (false, true) => Likeness::Same,
        (false, false) => Likeness::Different(different),
    }
}
