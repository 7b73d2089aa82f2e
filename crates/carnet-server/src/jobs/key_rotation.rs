//! Takes the steps of key rotation when they are due. Any server may: each step is decided again in the transaction that writes
//! it, and of two servers one finds it done.

use std::time::Duration;

use carnet_model::{Due, IssuerName, KeyStep, Timestamp, next_key_step, outlook};
use tokio::time::timeout;

use crate::app::App;
use crate::error::ApiError;
use crate::oidc::{KeyChange, heed_clock, issuers};

/// The longest time between two looks: what another server was asked for waits for it, if that server ends.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The shortest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// Rotates the keys of every issuer, for as long as it is polled.
pub(super) async fn rotate_keys(app: &App) {
    loop {
        let pause = match rotate_due_keys(app).await {
            Ok(next) => pause(next, app.now()),
            Err(error) => {
                tracing::error!(%error, "the keys of issuers could not be looked after");
                LONGEST_PAUSE
            }
        };
        // Whoever asks for a rotation wakes this up.
        let _ = timeout(pause, app.issuer.asked.notified()).await;
    }
}

fn pause(next: Option<Timestamp>, now: Timestamp) -> Duration {
    let until = next.and_then(|next| Duration::try_from(next.duration_since(now)).ok());
    match next {
        None => LONGEST_PAUSE,
        Some(_) => until.unwrap_or_default().clamp(SHORTEST_PAUSE, LONGEST_PAUSE),
    }
}

/// Takes every step that is due and tells when the next one is, as far as that can be told.
pub(crate) async fn rotate_due_keys(app: &App) -> Result<Option<Timestamp>, ApiError> {
    heed_clock(app).await?;
    let mut next: Option<Timestamp> = None;
    let all = issuers(&mut app.store.read().await?).await?;
    for issuer in all {
        // One issuer whose keys cannot be changed must not keep the others from it.
        match rotate(app, &issuer).await {
            Ok(due) => next = next.into_iter().chain(due).min(),
            Err(error) => {
                tracing::error!(issuer.name = %issuer, %error, "the keys of an issuer could not be changed");
            }
        }
    }
    Ok(next)
}

async fn rotate(app: &App, issuer: &IssuerName) -> Result<Option<Timestamp>, ApiError> {
    loop {
        let policy = &app.settings.key_rotation;
        let keys = app.store.read().await?.issuer_keys(issuer).await?;
        let Some(step) = next_key_step(&keys, policy, app.now()) else {
            let ahead = outlook(&keys, policy).into_iter().filter_map(|ahead| match ahead.due {
                Due::At(at) => Some(at),
                Due::WhenSeenOutside => None,
            });
            return Ok(ahead.min());
        };
        take(app, issuer, step).await?;
    }
}

async fn take(app: &App, issuer: &IssuerName, wanted: KeyStep) -> Result<(), ApiError> {
    let policy = &app.settings.key_rotation;
    let new = match wanted {
        KeyStep::Prepare { .. } => Some(app.issuer.new_key(app.now()).await?),
        KeyStep::Publish { .. }
        | KeyStep::NotePublished { .. }
        | KeyStep::Activate { .. }
        | KeyStep::Remove { .. } => None,
    };
    let mut tx = app.store.write().await?;
    // The time counts from when nobody else writes: what was committed before is served by now.
    let now = app.now();
    let mut change = KeyChange::begin(&mut tx, issuer).await?;
    if next_key_step(&change.keys, policy, now).as_ref() != Some(&wanted) {
        // Another server was faster.
        return Ok(());
    }
    match (&wanted, new) {
        (KeyStep::Prepare { publish_at }, Some(key)) => {
            change.keys.prepare(key.kid.clone(), policy.announcement, *publish_at, now);
            change = change.with(key);
        }
        _ => change.keys.take(&wanted, now),
    }
    change.save(&mut tx, now).await?;
    tx.commit().await?;
    Ok(app.issuer.renew(&app.store, issuer).await?)
}

#[cfg(test)]
mod tests;
