//! The keys of an issuer: where each is in its life, what happens next and when, and rotation on request.

use std::time::Duration;

use axum::Json;
use axum::response::IntoResponse;
use carnet_model::{
    Confirmation, Due, FactName, IssuerKeys, IssuerName, KeyOutlook, KeyRecord, KeyState, KeyStep,
    RotationPolicy, outlook,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{count_alive, described, named, only_site_admin};
use crate::api::signing_keys::{rotate_at_once, trim_keys};
use crate::app::App;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Read, Write};
use crate::jobs::rotate_issuer;
use crate::oidc::{Concern, KeyChange, heed_clock, policy_of};
use crate::reply::Reply;
use crate::route::{Access, Routes};

const ONE: &str = "/api/carnet/v1/admin/issuers/{issuer}";

/// How many keys whose life is over are listed: the latest.
const ENDED: u64 = 20;

/// The longest announcement of a key, in seconds: what is longer is a mistake.
const LONGEST_ANNOUNCEMENT: u64 = 366 * 24 * 3600;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get(&format!("{ONE}/keys"), Access::SiteAdmin, index)
        .post(&format!("{ONE}/actions/rotate"), Access::SiteAdmin, rotate)
        .post(&format!("{ONE}/actions/trim"), Access::SiteAdmin, trim)
}

async fn index(Read(mut cx): Read, Id(text): Id<String>) -> Reply {
    let issuer = named(&mut cx, &text).await?;
    let answer = listing(&mut cx, &issuer).await?;
    Ok(Json(answer).into_response())
}

async fn listing(cx: &mut Context, issuer: &IssuerName) -> Result<Value, ApiError> {
    let app = cx.app.clone();
    let policy = policy_of(&app, &mut cx.tx, issuer).await?;
    let keys = cx.tx.issuer_keys(issuer).await?;
    let ahead = outlook(&keys, &policy);
    let mut listed = Vec::new();
    let ended = cx.tx.ended_keys(issuer, ENDED).await?;
    for key in keys.iter().chain(&ended) {
        let next = ahead.iter().find(|ahead| kid_of(&ahead.step) == Some(&key.kid));
        listed.push(entry(key, next, &policy, count_alive(cx, &key.kid).await?));
    }
    let next_key = ahead.iter().find_map(|ahead| match (&ahead.step, ahead.due) {
        (KeyStep::Prepare { publish_at }, _) => Some(publish_at),
        _ => None,
    });
    Ok(json!({
        "issuer": described(cx, issuer).await?,
        "policy": of_policy(&policy),
        "next_key_at": next_key,
        "held_back": held_back(&app, issuer, &ahead),
        "not_signing": app.issuer.problems.of(issuer, Concern::Signing),
        "keys": listed,
        "consequences": [],
    }))
}

/// Why a step that should be taken is not, as far as this server knows.
fn held_back(app: &App, issuer: &IssuerName, ahead: &[KeyOutlook]) -> Option<String> {
    let problem = |concern| app.issuer.problems.of(issuer, concern);
    let is_unseen = ahead.iter().any(|ahead| ahead.due == Due::WhenSeenOutside);
    let unseen = || {
        let outside = problem(Concern::Publication).or_else(|| problem(Concern::Visibility));
        outside.unwrap_or_else(|| "nobody has looked yet whether the new key is seen outside".to_owned())
    };
    problem(Concern::Rotation).or_else(|| is_unseen.then(unseen))
}

fn of_policy(policy: &RotationPolicy) -> Value {
    json!({
        "rotation_seconds": policy.period.map(|period| period.as_secs()),
        "announcement_seconds": policy.announcement.as_secs(),
        "jwks_max_age_seconds": policy.published_lifetime.as_secs(),
        "leeway_seconds": policy.leeway.as_secs_f64(),
        "waits_for_probe": policy.confirmation == Confirmation::SeenOutside,
    })
}

fn kid_of(step: &KeyStep) -> Option<&String> {
    match step {
        KeyStep::Prepare { .. } | KeyStep::Replace => None,
        KeyStep::Publish { kid }
        | KeyStep::NotePublished { kid }
        | KeyStep::Activate { kid }
        | KeyStep::Remove { kid } => Some(kid),
    }
}

fn entry(key: &KeyRecord, next: Option<&KeyOutlook>, policy: &RotationPolicy, alive: u64) -> Value {
    let is_upcoming = matches!(key.state, KeyState::Prepared | KeyState::Published);
    let announcement = is_upcoming.then_some(key.announcement);
    let wait = announcement.map(|announcement| policy.wait_of(announcement));
    let not_before = wait.and_then(|wait| key.published_at?.checked_add(wait).ok());
    let (next_step, next_step_at) = match next {
        None => (None, None),
        Some(KeyOutlook { step, due: Due::At(at) }) => (Some(word(step)), Some(at)),
        Some(KeyOutlook { step, due: Due::WhenSeenOutside }) => (Some(word(step)), None),
    };
    json!({
        "kid": key.kid,
        "state": key.state.as_str(),
        "created_at": key.created_at,
        "published_at": key.published_at,
        "seen_outside_at": key.seen_outside_at,
        "activated_at": key.activated_at,
        "retired_at": key.retired_at,
        "ended_at": key.ended_at,
        "tokens_alive": alive,
        "last_token_ends_at": key.last_expiry,
        "next_step": next_step,
        "next_step_at": next_step_at,
        "announcement_seconds": announcement.map(|announcement| announcement.as_secs()),
        "wait_seconds": wait.map(|wait| wait.as_secs()),
        "signs_not_before": not_before,
    })
}

fn word(step: &KeyStep) -> &'static str {
    match step {
        KeyStep::Prepare { .. } | KeyStep::Replace => "prepare",
        KeyStep::Publish { .. } | KeyStep::NotePublished { .. } => "publish",
        KeyStep::Activate { .. } => "activate",
        KeyStep::Remove { .. } => "remove",
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Rotation {
    #[serde(default)]
    at_once: bool,
    announcement_seconds: Option<u64>,
}

/// A new key is published now and signs when every cache knows it; or, when asked for, at once.
async fn rotate(Read(mut cx): Read, Id(text): Id<String>, doc: Doc<Rotation>) -> Reply {
    let issuer = named(&mut cx, &text).await?;
    let wanted = doc.attributes;
    if wanted.announcement_seconds.is_some_and(|seconds| seconds > LONGEST_ANNOUNCEMENT) {
        return Err(ApiError::attribute("announcement-seconds", "at most a year"));
    }
    let (app, owner) = (cx.app.clone(), cx.owner.clone());
    let unannounced = match wanted.at_once {
        true => Some(rotate_at_once(cx, &issuer).await?),
        false => {
            let announcement = wanted.announcement_seconds.map(Duration::from_secs);
            rotate_gracefully(cx, &issuer, announcement).await?;
            None
        }
    };
    let (tx, now) = (app.store.read().await?, app.now());
    let mut cx = Context::new(app.clone(), owner, tx, now);
    let mut answer = listing(&mut cx, &issuer).await?;
    if let Some(kid) = unannounced {
        let policy = policy_of(&app, &mut cx.tx, &issuer).await?;
        answer["consequences"] = json!(of_unannounced(&kid, &policy));
    }
    Ok(Json(answer).into_response())
}

/// What follows from a key that signs without having been announced.
pub(super) fn of_unannounced(kid: &str, policy: &RotationPolicy) -> Vec<String> {
    let max_age = policy.published_lifetime.as_secs();
    let mut lines = vec![format!(
        "Tokens are signed with {kid} from now on. Relying parties that ask again when they meet an unknown key accept them at \
         once; those that keep the key set and do not ask refuse them for up to {max_age} seconds, and longer if they do not \
         heed max-age."
    )];
    if policy.confirmation == Confirmation::SeenOutside {
        lines.push(
            "Relying parties read the key set elsewhere, where nobody has seen this key yet: until it is published there, they \
             refuse the new tokens."
                .to_owned(),
        );
    }
    lines
}

async fn rotate_gracefully(
    cx: Context,
    issuer: &IssuerName,
    announcement: Option<Duration>,
) -> Result<(), ApiError> {
    let Context { app, owner, tx, now, .. } = cx;
    drop(tx);
    heed_clock(&app).await?;
    let mut new = app.issuer.new_key(now).await?;
    let mut cx = Write::begin(app, owner).await?.0;
    only_site_admin(&cx)?;
    let mut change = KeyChange::begin(&mut cx.tx, issuer).await?.with(&new);
    if let Some(upcoming) = change.keys.upcoming() {
        let policy = policy_of(&cx.app.clone(), &mut cx.tx, issuer).await?;
        return Err(ApiError::Conflict(upcoming_already(upcoming, &change.keys, &policy)));
    }
    let announcement = announcement.unwrap_or(cx.app.settings.key_rotation.announcement);
    new.check(&mut cx.tx).await?;
    cx.tx.audit_fact(FactName::Kid, &new.kid());
    change.keys.prepare(new.kid(), announcement, cx.now, cx.now).map_err(ApiError::internal)?;
    change.save(&mut cx.tx, cx.now).await?;
    cx.tx.commit().await?;
    new.settle();
    // It is published before the caller reads the answer.
    rotate_issuer(&cx.app, issuer).await?;
    cx.app.issuer.asked.notify_one();
    Ok(())
}

/// Why no further key is announced, when the one that is takes over, and what rotating at once would do instead.
fn upcoming_already(upcoming: &KeyRecord, keys: &IssuerKeys, policy: &RotationPolicy) -> String {
    let kid = &upcoming.kid;
    let ahead = outlook(keys, policy).into_iter().find(|ahead| kid_of(&ahead.step) == Some(kid));
    let when = match ahead.map(|ahead| ahead.due) {
        Some(Due::At(at)) => format!("at {at}"),
        Some(Due::WhenSeenOutside) | None => "when it was seen at the issuer's URL".to_owned(),
    };
    let state = match (upcoming.state, upcoming.published_at) {
        (KeyState::Published, Some(_)) => "is published already and signs",
        _ => "was made already and is published",
    };
    format!(
        "the next key {kid} {state} {when}, by itself. Rotating at once (--at-once) does not make it sign sooner: another key is \
         made that signs now, unannounced, and {kid} takes over from that one when its own wait is over"
    )
}

async fn trim(Read(mut cx): Read, Id(text): Id<String>) -> Reply {
    let issuer = named(&mut cx, &text).await?;
    let removed = trim_keys(cx, &issuer).await?;
    Ok(Json(json!({ "removed": removed })).into_response())
}
