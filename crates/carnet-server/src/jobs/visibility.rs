//! Looks from outside whether relying parties find the keys of issuers that they do not read from this server, again and again.

use std::collections::HashMap;
use std::time::Duration;

use carnet_issuer::IssuerUrl;
use carnet_issuer::probe::{Limits, Look, look};
use carnet_model::{Confirmation, IssuerName, KeyRecord, KeyState, Timestamp};

use super::publication::{has_passed, regular_pause};
use crate::app::App;
use crate::error::{ApiError, chain};
use crate::oidc::{Concern, issuers, policy_of, reason, url_of_issuer};

/// The time between two looks at the database.
const PAUSE: Duration = Duration::from_secs(2);

/// The longest time between two looks for a key that waits to be seen.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What was seen of an issuer, and when.
#[derive(Debug)]
pub(crate) struct Seen {
    looked_at: Timestamp,
    /// The keys that were looked for.
    kids: Vec<String>,
    problem: Option<String>,
}

impl Seen {
    fn failed(looked_at: Timestamp, problem: String) -> Self {
        Self { looked_at, kids: Vec::new(), problem: Some(problem) }
    }
}

/// Looks at every issuer that is read elsewhere, for as long as it is polled.
pub(super) async fn watch_keys(app: &App) {
    let mut seen = HashMap::new();
    loop {
        if let Err(error) = look_due(app, &mut seen).await {
            tracing::error!(error = chain(&error), "the issuers cannot be read, so nobody looks at them");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Looks at what has not been looked at for a while, and notes what is not seen.
pub(crate) async fn look_due(app: &App, seen: &mut HashMap<IssuerName, Seen>) -> Result<(), ApiError> {
    let all = issuers(&mut app.store.read().await?).await?;
    seen.retain(|name, _| all.contains(name));
    for name in all {
        // What was not published for the first time yet cannot be seen.
        if app.settings.publication.is_some() && !app.issuer.problems.is_known(&name, Concern::Publication) {
            continue;
        }
        let found = look_at(app, &name, seen.remove(&name)).await;
        let found = found.unwrap_or_else(|error| Some(Seen::failed(app.now(), reason(&error))));
        let problem = found.as_ref().and_then(|seen| seen.problem.clone());
        app.issuer.problems.note(&name, Concern::Visibility, problem);
        seen.extend(found.map(|found| (name, found)));
    }
    Ok(())
}

async fn look_at(app: &App, name: &IssuerName, before: Option<Seen>) -> Result<Option<Seen>, ApiError> {
    let mut tx = app.store.read().await?;
    if policy_of(app, &mut tx, name).await?.confirmation == Confirmation::NotNeeded {
        return Ok(None);
    }
    let is_minting = match name {
        IssuerName::Site => true,
        IssuerName::Organization(id) => tx.organization_issuer(id).await?.is_some_and(|own| own.is_minting),
    };
    let url = url_of_issuer(app, &mut tx, name).await?;
    let keys = tx.issuer_keys(name).await?;
    drop(tx);
    let regular = regular_pause(app.settings.key_rotation.published_lifetime);
    let pause = match keys.iter().any(is_waiting) {
        true => (regular / 10).clamp(PAUSE, LONGEST_WAIT),
        false => regular,
    };
    // What signs nothing yet may still be on its way to its place.
    let is_needed =
        |key: &&KeyRecord| key.state == KeyState::Published || (is_minting && key.state == KeyState::Active);
    let kids: Vec<String> = keys.iter().filter(is_needed).map(|key| key.kid.clone()).collect();
    // What was found of keys that were replaced meanwhile says nothing.
    let is_fresh = |before: &Seen| before.kids == kids && !has_passed(before.looked_at, pause, app.now());
    if let Some(before) = before.filter(is_fresh) {
        return Ok(Some(before));
    }
    let looked_at = app.now();
    let mut problems = Vec::new();
    for key in keys.iter().filter(is_needed) {
        problems.extend(look_for(app, name, &url, key).await?);
    }
    let problem = if problems.is_empty() { None } else { Some(problems.join("; ")) };
    Ok(Some(Seen { looked_at, kids, problem }))
}

fn is_waiting(key: &KeyRecord) -> bool {
    key.state == KeyState::Published && key.seen_outside_at.is_none()
}

/// Looks for a key, and notes what a key that is to sign waits for. Returns what is wrong.
async fn look_for(
    app: &App,
    name: &IssuerName,
    url: &IssuerUrl,
    key: &KeyRecord,
) -> Result<Option<String>, ApiError> {
    let problem = seen_outside(app, url, &key.kid).await.err();
    let is_news = key.state == KeyState::Published && key.seen_outside_at.is_some() == problem.is_some();
    if !is_news {
        return Ok(problem);
    }
    let mut tx = app.store.write().await?;
    if problem.is_none() {
        tx.note_key_seen_outside(&key.kid, app.now()).await?;
    } else {
        // Whoever reads the key set now keeps one without it: the wait begins again when it is back.
        tx.note_key_unseen(&key.kid).await?;
    }
    tx.commit().await?;
    if problem.is_none() {
        tracing::info!(issuer.name = %name, key.id = key.kid, "a new key was seen outside");
        app.issuer.asked.notify_one();
    }
    Ok(problem)
}

/// Looks at an issuer's URL as relying parties do. Fails with what is wrong when discovery or the key is not there.
pub(crate) async fn seen_outside(app: &App, url: &IssuerUrl, kid: &str) -> Result<(), String> {
    let how = Look {
        kid: Some(kid),
        ca_pem: app.settings.outside_ca_pem.as_deref(),
        clock: app.clock.as_ref(),
        limits: Limits::default(),
    };
    let report = look(url.as_str(), &how).await;
    match report.is_accepted() {
        true => Ok(()),
        false => Err(format!("{} does not show the key {kid}: {}", url.as_str(), report.failures())),
    }
}
