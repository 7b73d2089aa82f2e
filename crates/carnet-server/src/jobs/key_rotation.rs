//! Takes the steps of key rotation when they are due. Any server may: each step is decided again in the transaction that writes
//! it, and of two servers one finds it done.

use std::time::Duration;

use carnet_model::{
    Confirmation, Due, IssuerName, KeyState, KeyStep, RotationPolicy, Timestamp, due_key_steps, outlook,
};
use tokio::time::timeout;

use super::visibility::seen_outside;
use crate::app::App;
use crate::error::{ApiError, chain};
use crate::oidc::{Concern, KeyChange, heed_clock, issuers, policy_of, reason, url_of_issuer};

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
                tracing::error!(error = chain(&error), "the keys of issuers could not be looked after");
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

/// Takes every step that is due, of every issuer; returns when the next one is.
pub(crate) async fn rotate_due_keys(app: &App) -> Result<Option<Timestamp>, ApiError> {
    heed_clock(app).await?;
    let mut next: Option<Timestamp> = None;
    let all = issuers(&mut app.store.read().await?).await?;
    app.issuer.keep_only(&all);
    for issuer in all {
        // One issuer whose keys cannot be changed must not keep the others from it.
        if let Ok(due) = rotate_issuer(app, &issuer).await {
            next = next.into_iter().chain(due).min();
        }
        if let Err(error) = look_at_signing(app, &issuer).await {
            tracing::error!(issuer.name = %issuer, error = chain(&error), "whether an issuer signs cannot be told");
        }
    }
    Ok(next)
}

/// Takes the steps of one issuer that are due, and notes what holds them back; returns when the next one is due.
pub(crate) async fn rotate_issuer(app: &App, issuer: &IssuerName) -> Result<Option<Timestamp>, ApiError> {
    let result = rotate(app, issuer).await;
    app.issuer.problems.note(issuer, Concern::Rotation, result.as_ref().err().map(reason));
    result
}

/// A step that cannot be taken holds back none of the others.
async fn rotate(app: &App, issuer: &IssuerName) -> Result<Option<Timestamp>, ApiError> {
    let mut held_back: Vec<KeyStep> = Vec::new();
    let mut problem = None;
    loop {
        let mut tx = app.store.read().await?;
        let policy = policy_of(app, &mut tx, issuer).await?;
        let keys = tx.issuer_keys(issuer).await?;
        drop(tx);
        let due = due_key_steps(&keys, &policy, app.now());
        let Some(step) = due.into_iter().find(|step| !held_back.contains(step)) else {
            if let Some(problem) = problem {
                return Err(problem);
            }
            let ahead = outlook(&keys, &policy).into_iter().filter_map(|ahead| match ahead.due {
                Due::At(at) => Some(at),
                Due::WhenSeenOutside => None,
            });
            return Ok(ahead.min());
        };
        if let Err(error) = take(app, issuer, &policy, &step).await {
            held_back.push(step);
            problem.get_or_insert(error);
        }
    }
}

async fn take(
    app: &App,
    issuer: &IssuerName,
    policy: &RotationPolicy,
    wanted: &KeyStep,
) -> Result<(), ApiError> {
    let mut new = match wanted {
        KeyStep::Prepare { .. } | KeyStep::Replace => Some(app.issuer.new_key(app.now()).await?),
        KeyStep::Activate { kid } => {
            try_out(app, issuer, policy, kid).await?;
            None
        }
        KeyStep::Publish { .. } | KeyStep::NotePublished { .. } | KeyStep::Remove { .. } => None,
    };
    let mut tx = app.store.write().await?;
    // The time counts from when nobody else writes: what was committed before is served by now.
    let now = app.now();
    let mut change = KeyChange::begin(&mut tx, issuer).await?;
    if !due_key_steps(&change.keys, policy, now).contains(wanted) {
        // Another server was faster.
        return Ok(());
    }
    if let Some(new) = &mut new {
        new.check(&mut tx).await?;
        change = change.with(new);
        match wanted {
            KeyStep::Prepare { publish_at } => {
                change.keys.prepare(new.kid(), policy.announcement, *publish_at, now)
            }
            _ => change.keys.rotate_at_once(new.kid(), now),
        }
        .map_err(ApiError::internal)?;
    } else {
        change.keys.take(wanted, now);
    }
    change.save(&mut tx, now).await?;
    tx.commit().await?;
    if let Some(new) = new {
        new.settle();
    }
    if *wanted == KeyStep::Replace {
        tracing::warn!(issuer.name = %issuer, "no key signed: a new one does, without having been announced");
    }
    Ok(app.issuer.renew(&app.store, issuer).await?)
}

/// Finds out whether a key can take over: it signs, and the world sees it where relying parties look. When it cannot, the key
/// before goes on.
async fn try_out(app: &App, issuer: &IssuerName, policy: &RotationPolicy, kid: &str) -> Result<(), ApiError> {
    let mut tx = app.store.read().await?;
    let keys = tx.signing_keys(issuer).await?;
    let url = url_of_issuer(app, &mut tx, issuer).await?;
    drop(tx);
    let Some(key) = keys.iter().find(|key| key.kid == kid) else { return Ok(()) };
    app.issuer.try_to_sign(key).await?;
    if policy.confirmation == Confirmation::NotNeeded {
        return Ok(());
    }
    let Err(unseen) = seen_outside(app, &url, kid).await else { return Ok(()) };
    let mut tx = app.store.write().await?;
    tx.note_key_unseen(kid).await?;
    tx.commit().await?;
    Err(ApiError::Precondition(unseen))
}

/// Finds out whether the key that signs can, each minute in which no run asks for a token: a place that is away is noticed before
/// a run fails. For as long as it could not, it is asked each time.
async fn look_at_signing(app: &App, issuer: &IssuerName) -> Result<(), ApiError> {
    let (problems, now) = (&app.issuer.problems, app.now());
    if problems.has_signed_lately(issuer, now) && problems.of(issuer, Concern::Rotation).is_none() {
        return Ok(());
    }
    let keys = app.store.read().await?.signing_keys(issuer).await?;
    let Some(active) = keys.iter().find(|key| key.state == KeyState::Active) else {
        let why = problems.of(issuer, Concern::Rotation);
        let none = "no key signs: the last one was revoked";
        let text =
            why.map_or_else(|| none.to_owned(), |why| format!("{none}, and no new one can be made: {why}"));
        problems.note_signing(issuer, Some(text), now);
        return Ok(());
    };
    if problems.has_signed_lately(issuer, now) {
        return Ok(());
    }
    let problem = app.issuer.try_to_sign(active).await.err();
    problems.note_signing(issuer, problem.map(|error| reason(&error.into())), now);
    Ok(())
}

#[cfg(test)]
mod place_tests;
#[cfg(test)]
mod tests;
