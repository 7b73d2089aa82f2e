//! The keys of an issuer: where each is in its life, what happens next and when, and rotation on request.

use std::time::Duration;

use axum::Json;
use axum::response::IntoResponse;
use carnet_model::{
    Confirmation, Due, FactName, IssuerName, KeyOutlook, KeyRecord, KeyState, KeyStep, RotationPolicy, outlook,
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
        listed.push(entry(key, next, count_alive(cx, &key.kid).await?));
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

fn entry(key: &KeyRecord, next: Option<&KeyOutlook>, alive: u64) -> Value {
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
    if wanted.at_once {
        rotate_at_once(cx, &issuer).await?;
    } else {
        let announcement = wanted.announcement_seconds.map(Duration::from_secs);
        rotate_gracefully(cx, &issuer, announcement).await?;
    }
    let (tx, now) = (app.store.read().await?, app.now());
    let mut cx = Context::new(app, owner, tx, now);
    Ok(Json(listing(&mut cx, &issuer).await?).into_response())
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
        let state = match upcoming.state {
            KeyState::Published => "is published already and signs soon",
            _ => "was made already and is published soon",
        };
        return Err(ApiError::Conflict(format!(
            "the next key {} {state}: see its next step, or rotate at once",
            upcoming.kid
        )));
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

async fn trim(Read(mut cx): Read, Id(text): Id<String>) -> Reply {
    let issuer = named(&mut cx, &text).await?;
    let removed = trim_keys(cx, &issuer).await?;
    Ok(Json(json!({ "removed": removed })).into_response())
}
