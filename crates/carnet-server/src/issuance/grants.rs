//! Which identity tokens the variables of a run lead to: what an agent may ask for, and nothing else.
//!
//! The server finds that out by itself when a job is claimed, from the very variables that it gives to the agent, and keeps it
//! with the job: whoever changes a variable meanwhile changes nothing for a run that is under way, and an agent that asks for
//! another audience gets nothing, whatever it says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use carnet_creds::{AdapterDefinition, ResolveContext, adapter, resolve};
use carnet_model::{Phase, RunId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

/// An identity token that a job may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) family: String,
    pub(crate) tag: Option<String>,
    pub(crate) audience: String,
    pub(crate) role: Option<String>,
    /// The longest that the token may live.
    pub(crate) seconds: u64,
    /// The audience as it may be shown, where the value of a sensitive variable stands in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shown_audience: Option<String>,
    /// The role as it may be shown, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shown_role: Option<String>,
}

/// What is shown instead of the value of a variable that nobody may read.
const HIDDEN: &str = "(sensitive)";

/// A text without the values of sensitive variables.
pub(super) fn hidden(text: &str, secrets: &[SecretString]) -> String {
    let values = secrets.iter().map(|secret| secret.expose_secret().trim()).filter(|value| !value.is_empty());
    values.fold(text.to_owned(), |text, value| text.replace(value, HIDDEN))
}

impl Grant {
    /// The same, knowing what of it must not be shown.
    pub(super) fn hiding(self, secrets: &[SecretString]) -> Self {
        let shown = |text: &str| Some(hidden(text, secrets)).filter(|shown| shown != text);
        Self {
            shown_audience: shown(&self.audience),
            shown_role: self.role.as_deref().and_then(shown),
            ..self
        }
    }

    /// The audience as it may be shown.
    pub(crate) fn audience_to_show(&self) -> &str {
        self.shown_audience.as_deref().unwrap_or(&self.audience)
    }

    /// The role as it may be shown.
    pub(crate) fn role_to_show(&self) -> Option<&str> {
        self.shown_role.as_deref().or(self.role.as_deref())
    }
}

/// A text as it may be shown: without the audiences and roles in which values of sensitive variables stand.
pub(crate) fn hide(grants: &[Grant], text: &str) -> String {
    let of_grant = |grant: &'_ Grant| {
        let role = grant.role.clone().zip(grant.shown_role.clone());
        role.into_iter().chain(grant.shown_audience.clone().map(|shown| (grant.audience.clone(), shown)))
    };
    grants
        .iter()
        .flat_map(of_grant)
        .fold(text.to_owned(), |text, (secret, shown)| text.replace(&secret, &shown))
}

/// The variables of a run, and the rules for them.
pub(crate) struct Configured<'a> {
    pub(crate) phase: Phase,
    pub(crate) run_id: &'a RunId,
    pub(crate) env: BTreeMap<String, SecretString>,
    pub(crate) adapters: &'a [Arc<AdapterDefinition>],
    pub(crate) phase_limit: Duration,
    pub(crate) identity_token_ttl: Duration,
}

impl Configured<'_> {
    /// What the variables lead to; nothing when they are not complete, so that the agent stops at once.
    ///
    /// Fails with the problems, line by line.
    pub(crate) fn grants(&self) -> Result<Vec<Grant>, Vec<String>> {
        let nothing = BTreeMap::new();
        let cx = ResolveContext {
            phase: self.phase,
            // Where files lie, and what is told to people, decides about no token.
            home: Path::new("/run"),
            run_id: self.run_id,
            subject: "",
            terraform_variables: &BTreeSet::new(),
            phase_limit: self.phase_limit,
            identity_token_ttl: self.identity_token_ttl,
            // The agent refuses these; here they would only hide what the agent may ask for.
            tolerates_static_credentials: true,
            origins: &nothing,
            adapters: self.adapters,
        };
        let resolution = resolve(&self.env, &cx)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let grant = |grant: carnet_creds::TokenGrant| Grant {
            family: grant.request.family.to_string(),
            tag: grant.request.tag.map(|tag| tag.to_string()),
            audience: grant.request.audience,
            role: grant.role,
            seconds: grant.request.lifetime.as_secs(),
            shown_audience: None,
            shown_role: None,
        };
        Ok(resolution.grants().into_iter().map(grant).collect())
    }
}

/// How many documents are kept parsed.
const CACHE_LIMIT: usize = 1000;

/// Documents of organizations, parsed: a claim must not do that again while others wait for the writer.
static PARSED: LazyLock<Mutex<BTreeMap<String, Arc<AdapterDefinition>>>> = LazyLock::new(Mutex::default);

/// The adapters of a job, with those that come with the program; a document that is none is left out, as the agent refuses it.
pub(crate) fn adapters(documents: &[String]) -> Vec<Arc<AdapterDefinition>> {
    adapter::with_shipped(documents.iter().filter_map(|document| parsed(document)))
}

fn parsed(document: &str) -> Option<Arc<AdapterDefinition>> {
    let mut cache = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = cache.get(document) {
        return Some(Arc::clone(found));
    }
    let definition = Arc::new(AdapterDefinition::parse(document).ok()?);
    if cache.len() >= CACHE_LIMIT {
        cache.clear();
    }
    cache.insert(document.to_owned(), Arc::clone(&definition));
    Some(definition)
}
