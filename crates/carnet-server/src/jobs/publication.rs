//! Writes discovery and keys to where relying parties read them, and makes sure from time to time that they are there: what
//! somebody deleted, or an older write that arrived late replaced, is written anew.

use std::collections::HashMap;
use std::time::Duration;

use carnet_issuer::publish::{Destination, Documents, PublishError};
use carnet_model::{IssuerName, Timestamp};

use crate::app::App;
use crate::error::{ApiError, chain};
use crate::oidc::{Concern, issuer_named, issuers};

/// The time between two looks at the database: nothing tells this server of keys that another one changed.
const PAUSE: Duration = Duration::from_secs(2);

/// The longest time between two looks at what is published.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// For how long after a change an older write may still arrive: twice as long as one may take.
const UNSETTLED: Duration = Duration::from_secs(120);

/// The time between two looks meanwhile.
const UNSETTLED_PAUSE: Duration = Duration::from_secs(10);

/// Where the documents of the issuers are published.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Where those of the site's issuer go; those of organizations go below.
    pub destination: Destination,
}

/// What this server knows of what is published of one issuer.
#[derive(Debug)]
pub(crate) struct Written {
    documents: Documents,
    written_at: Timestamp,
    /// When it was last made sure that it is there.
    checked_at: Timestamp,
}

/// Publishes the documents of every issuer, for as long as it is polled.
pub(super) async fn publish_keys(app: &App) {
    let Some(publication) = &app.settings.publication else {
        return std::future::pending().await;
    };
    let mut written = HashMap::new();
    loop {
        if let Err(error) = publish_due(app, publication, &mut written).await {
            tracing::error!(error = chain(&error), "the issuers cannot be read, so nothing is published");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Publishes what has changed or is not there any more, and notes what could not be.
pub(crate) async fn publish_due(
    app: &App,
    publication: &Publication,
    written: &mut HashMap<IssuerName, Written>,
) -> Result<(), ApiError> {
    let all = issuers(&mut app.store.read().await?).await?;
    written.retain(|name, _| all.contains(name));
    for name in all {
        let problem = publish_issuer(app, publication, &name, written).await.err();
        app.issuer.problems.note(&name, Concern::Publication, problem);
    }
    Ok(())
}

async fn publish_issuer(
    app: &App,
    publication: &Publication,
    name: &IssuerName,
    written: &mut HashMap<IssuerName, Written>,
) -> Result<(), String> {
    let found = async { issuer_named(app, &mut app.store.read().await?, name).await };
    let found = found.await.map_err(|error| format!("the keys cannot be read: {}", chain(&error)))?;
    let Some(issuer) = found else { return Ok(()) };
    let url = issuer.url().as_str();
    // An organization's issuer may have an address elsewhere, which somebody else looks after.
    let Some(path) = url.strip_prefix(app.issuer.url().as_str()) else { return Ok(()) };
    let max_age = app.settings.key_rotation.published_lifetime;
    let documents = Documents::new(&issuer.discovery(), &issuer.jwks(), max_age);
    let destination = publication.destination.below(path);
    let before = written.get(name).filter(|before| before.documents == documents);
    if before.is_some_and(|before| !before.is_due(max_age, app.now())) {
        return Ok(());
    }
    // A credential that may write only cannot tell; writing the same again harms nobody.
    let is_there = match before {
        None => Ok(false),
        Some(_) => destination.holds(&documents).await,
    };
    if let Err(late @ PublishError::Late { .. }) = is_there {
        return Err(format!("{url}: {}", chain(&late)));
    }
    if !matches!(is_there, Ok(true)) {
        destination.publish(&documents).await.map_err(|error| format!("{url}: {}", chain(&error)))?;
        match (before, is_there) {
            (Some(_), Ok(_)) => tracing::warn!(issuer.name = %name, destination = %destination,
                "what was published was not there any more, or was another: it is written again"),
            (Some(_), Err(_)) => {}
            (None, _) => tracing::info!(issuer.name = %name, destination = %destination,
                "discovery and keys are published"),
        }
    }
    let now = app.now();
    let written_at = before.map_or(now, |before| before.written_at);
    written.insert(name.clone(), Written { documents, written_at, checked_at: now });
    Ok(())
}

impl Written {
    fn is_due(&self, max_age: Duration, now: Timestamp) -> bool {
        let pause = regular_pause(max_age);
        let is_settled = has_passed(self.written_at, UNSETTLED, now);
        has_passed(self.checked_at, if is_settled { pause } else { pause.min(UNSETTLED_PAUSE) }, now)
    }
}

/// How often what is published is looked at: as often as relying parties look themselves.
pub(super) fn regular_pause(max_age: Duration) -> Duration {
    max_age.clamp(PAUSE, LONGEST_PAUSE)
}

/// Whether so much time has passed; after a clock that was set back, too.
pub(super) fn has_passed(since: Timestamp, pause: Duration, now: Timestamp) -> bool {
    now < since || since.checked_add(pause).is_ok_and(|end| end <= now)
}

#[cfg(test)]
mod tests;
