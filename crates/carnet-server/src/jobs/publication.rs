//! Writes discovery and keys to where relying parties read them, and looks whether they do. A new key signs only after it was
//! seen there: what is not published holds the rotation back.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use carnet_issuer::Issuer;
use carnet_issuer::probe::{Limits, Look, look};
use carnet_issuer::publish::{Destination, Documents};
use carnet_model::{IssuerName, KeyState};

use crate::app::App;
use crate::error::ApiError;
use crate::oidc::issuers;

/// The time between two looks: nothing tells this server of keys that another one changed.
const PAUSE: Duration = Duration::from_secs(2);

/// Where the documents of the issuers are published.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Where those of the site's issuer go; those of organizations go below.
    pub destination: Destination,
    /// Certificate authorities to trust beside the system's when looking from outside, PEM.
    pub ca_pem: Option<Vec<u8>>,
}

/// Publishes the documents of every issuer, for as long as it is polled.
pub(super) async fn publish_keys(app: &App) {
    let Some(publication) = &app.settings.publication else {
        return std::future::pending().await;
    };
    let mut written = HashMap::new();
    loop {
        let problem = publish_due(app, publication, &mut written).await.err();
        note(app, problem);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Says once what is wrong, and once that it is right again; `/readyz` says it all the time.
fn note(app: &App, problem: Option<String>) {
    let mut known = app.issuer.publication_problem.lock().unwrap_or_else(PoisonError::into_inner);
    match &problem {
        Some(text) if known.as_ref() != Some(text) => tracing::error!(
            problem = text,
            "discovery and keys are not as relying parties need them: a new key does not sign until they are"
        ),
        None if known.is_some() => tracing::info!("discovery and keys are published"),
        Some(_) | None => {}
    }
    *known = problem;
}

/// Publishes what has changed and notes which keys are seen. Fails with what is wrong, of every issuer.
pub(crate) async fn publish_due(
    app: &App,
    publication: &Publication,
    written: &mut HashMap<IssuerName, Documents>,
) -> Result<(), String> {
    let unreadable = |error: ApiError| format!("the issuers cannot be read: {error}");
    let all = async { issuers(&mut app.store.read().await?).await }.await.map_err(unreadable)?;
    let mut problems = Vec::new();
    for name in all {
        let Some(issuer) = issuer_of_name(app, &name).await.map_err(unreadable)? else { continue };
        if let Err(problem) = publish_issuer(app, publication, &name, &issuer, written).await {
            problems.push(problem);
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
}

async fn issuer_of_name(app: &App, name: &IssuerName) -> Result<Option<Arc<Issuer>>, ApiError> {
    let mut tx = app.store.read().await?;
    Ok(match name {
        IssuerName::Site => Some(app.issuer.fresh(&mut tx).await?),
        IssuerName::Organization(id) => app.issuer.fresh_of(&mut tx, id).await?,
    })
}

async fn publish_issuer(
    app: &App,
    publication: &Publication,
    name: &IssuerName,
    issuer: &Issuer,
    written: &mut HashMap<IssuerName, Documents>,
) -> Result<(), String> {
    let url = issuer.url().as_str();
    // An organization's issuer may have an address elsewhere, which somebody else looks after.
    let below = url.strip_prefix(app.issuer.url().as_str());
    let max_age = app.settings.key_rotation.published_lifetime;
    let documents = Documents::new(&issuer.discovery(), &issuer.jwks(), max_age);
    if let Some(path) = below
        && written.get(name) != Some(&documents)
    {
        let destination = publication.destination.below(path);
        destination.publish(&documents).await.map_err(|error| format!("{url}: {}", chain(&error)))?;
        tracing::info!(issuer.name = %name, destination = %destination, "discovery and keys are published");
        written.insert(name.clone(), documents);
    }
    note_seen(app, publication, name, url).await
}

/// Looks for keys that are published and were not seen yet.
async fn note_seen(app: &App, publication: &Publication, name: &IssuerName, url: &str) -> Result<(), String> {
    let unreadable = |error: ApiError| format!("{url}: {error}");
    let waiting = async { Ok::<_, ApiError>(app.store.read().await?.issuer_keys(name).await?) };
    let waiting = waiting.await.map_err(unreadable)?;
    for key in waiting.iter().filter(|key| key.state == KeyState::Published && key.seen_outside_at.is_none())
    {
        let how = Look {
            kid: Some(&key.kid),
            ca_pem: publication.ca_pem.as_deref(),
            clock: app.clock.as_ref(),
            limits: Limits::default(),
        };
        let report = look(url, &how).await;
        if !report.is_accepted() {
            return Err(format!("{url} does not show the key {}: {}", key.kid, report.failures()));
        }
        let noting = async {
            let mut tx = app.store.write().await?;
            tx.note_key_seen_outside(&key.kid, app.now()).await?;
            Ok::<_, ApiError>(tx.commit().await?)
        };
        noting.await.map_err(unreadable)?;
        tracing::info!(issuer.name = %name, key.id = key.kid, "a new key was seen outside");
        app.issuer.asked.notify_one();
    }
    Ok(())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
