//! What to do when somebody else may have a signing key: it ends, a new one signs, and everything that it served is listed.

use axum::Json;
use axum::response::IntoResponse;
use carnet_model::{FactName, IssuerName, KeyRecord, KeyState, RevokeError, RotationPolicy, Timestamp};
use carnet_store::{IdentityToken, KeyToken, TokenMark, TokensOfKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::keys::of_unannounced;
use super::{count_alive, named, only_site_admin};
use crate::app::App;
use crate::audit::event_of_key;
use crate::document::Doc;
use crate::error::{ApiError, chain};
use crate::extract::{Context, Id, Ids, Params, Read, Write};
use crate::jobs::rotate_issuer;
use crate::oidc::{Concern, KeyChange, NewKey, policy_of, without_replacement};
use crate::outstanding::stored_report;
use crate::reply::Reply;
use crate::route::{Access, Routes};

const ONE: &str = "/api/carnet/v1/admin/issuers/{issuer}";

pub(super) fn routes() -> Routes {
    Routes::default().post(&format!("{ONE}/actions/revoke"), Access::SiteAdmin, revoke).get(
        &format!("{ONE}/keys/{{kid}}/tokens"),
        Access::SiteAdmin,
        tokens,
    )
}

#[derive(Deserialize)]
struct Revocation {
    kid: String,
}

/// The key ends first, whatever else works. What takes its place is made here beforehand, or elsewhere afterwards.
async fn revoke(Read(mut cx): Read, Id(text): Id<String>, doc: Doc<Revocation>) -> Reply {
    let issuer = named(&mut cx, &text).await?;
    let kid = doc.attributes.kid;
    let record = key_of(&mut cx, &issuer, &kid).await?;
    let Context { app, owner, tx, now, .. } = cx;
    drop(tx);
    let new = match record.state == KeyState::Active && app.issuer.makes_keys_here() {
        true => app.issuer.new_key(now).await.ok(),
        false => None,
    };
    let mut cx = Write::begin(app, owner).await?.0;
    only_site_admin(&cx)?;
    let record = key_of(&mut cx, &issuer, &kid).await?;
    let policy = policy_of(&cx.app.clone(), &mut cx.tx, &issuer).await?;
    if record.state == KeyState::Revoked {
        // Nothing is changed, so that there is nothing to record.
        let alive = count_alive(&mut cx, &kid).await?;
        return Ok(Json(revoked(&record, alive, None, &policy)).into_response());
    }
    cx.tx.audit_fact(FactName::Kid, &kid);
    let new = new.filter(|_| record.state == KeyState::Active);
    end_key(&mut cx, &issuer, &record, new.as_ref()).await?;
    let alive = count_alive(&mut cx, &kid).await?;
    note_affected(&mut cx, &issuer, &record).await?;
    let Context { app, tx, .. } = cx;
    tx.commit().await?;
    tracing::warn!(issuer.name = %issuer, key.id = kid, "a signing key was revoked");
    let mut replaced = new.map(|new| {
        let kid = new.kid();
        new.settle();
        Ok(kid)
    });
    if record.state == KeyState::Active {
        app.issuer.drop_spare();
        app.issuer.problems.forget(&issuer, Concern::Visibility);
        if replaced.is_none() {
            replaced = Some(replacement(&app, &issuer).await);
        }
    }
    if let Err(error) = app.issuer.renew(&app.store, &issuer).await {
        tracing::error!(issuer.name = %issuer, error = chain(&error), "the keys of an issuer cannot be read");
    }
    app.issuer.asked.notify_one();
    Ok(Json(revoked(&record, alive, replaced, &policy)).into_response())
}

fn revoked(
    record: &KeyRecord,
    alive: u64,
    replaced: Option<Result<String, ApiError>>,
    policy: &RotationPolicy,
) -> Value {
    let (replacement, problem) = match replaced {
        None => (None, None),
        Some(Ok(kid)) => (Some(kid), None),
        Some(Err(error)) => (None, Some(without_replacement(&error))),
    };
    let max_age = policy.published_lifetime.as_secs();
    let mut lines = consequences(record, replacement.as_deref(), policy);
    lines.extend(problem.clone());
    json!({
        "kid": record.kid,
        "was": record.state.as_str(),
        "replacement": replacement,
        "not_replaced": problem,
        "tokens_alive": alive,
        "last_token_ends_at": record.last_expiry,
        "jwks_max_age_seconds": max_age,
        "consequences": lines,
    })
}

/// Has a key made that signs at once; returns its name.
async fn replacement(app: &App, issuer: &IssuerName) -> Result<String, ApiError> {
    let rotated = rotate_issuer(app, issuer).await;
    // Another server may have been faster.
    let keys = app.store.read().await?.issuer_keys(issuer).await?;
    match (keys.active(), rotated) {
        (Some(active), _) => Ok(active.kid.clone()),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(ApiError::Conflict("the key that was made was revoked, too".to_owned())),
    }
}

/// Tells the organizations whose runs have tokens of the key.
async fn note_affected(cx: &mut Context, issuer: &IssuerName, record: &KeyRecord) -> Result<(), ApiError> {
    let affected = cx.tx.organizations_of_key(&record.kid, TokensOfKey::ValidAfter(cx.now)).await?;
    for organization in affected {
        let of_organization = IssuerName::Organization(organization);
        if of_organization != *issuer && record.state != KeyState::Revoked {
            let event = event_of_key(&of_organization, &record.kid, "revoke", cx.now)?;
            cx.tx.insert_audit_event(&event).await?;
        }
    }
    Ok(())
}

async fn key_of(cx: &mut Context, issuer: &IssuerName, kid: &str) -> Result<KeyRecord, ApiError> {
    let found = cx.tx.key_record(kid).await?.filter(|(of, _)| of == issuer);
    found.map(|(_, record)| record).ok_or(ApiError::NotFound)
}

async fn end_key(
    cx: &mut Context,
    issuer: &IssuerName,
    record: &KeyRecord,
    new: Option<&NewKey>,
) -> Result<(), ApiError> {
    let mut change = KeyChange::begin(&mut cx.tx, issuer).await?;
    if record.state.is_over() {
        change = change.with_ended(record.clone());
    }
    if let Some(new) = new {
        change = change.with(new);
    }
    change.keys.revoke(&record.kid, new.map(NewKey::kid), cx.now).map_err(|error| match error {
        RevokeError::Unknown => ApiError::NotFound,
        RevokeError::Replacement(_) => ApiError::internal(error),
    })?;
    change.save(&mut cx.tx, cx.now).await
}

fn consequences(record: &KeyRecord, replacement: Option<&str>, policy: &RotationPolicy) -> Vec<String> {
    let max_age = policy.published_lifetime.as_secs();
    let mut lines = Vec::new();
    if record.state == KeyState::Revoked {
        lines.push("The key was revoked before; nothing was changed.".to_owned());
        return lines;
    }
    lines.push(format!(
        "The key is in the key set no longer. A relying party that keeps the key set may accept its tokens for up to {max_age} \
         seconds more, and longer if it does not heed max-age: end the sessions of the listed roles there, too."
    ));
    lines.push(of_vault(record, replacement));
    if let Some(replacement) = replacement {
        lines.extend(of_unannounced(replacement, policy));
        lines.push(
            "There was no wait, because until its end whoever has the key could make tokens for every run."
                .to_owned(),
        );
        lines.push("Jobs that run get tokens of the new key when they refresh theirs.".to_owned());
    }
    if record.state == KeyState::Active {
        lines.push("A next key that was made already was dropped: it lay where this one lay.".to_owned());
    }
    lines.push("Credentials that were obtained with tokens of the key are not ended by this.".to_owned());
    lines
}

/// OpenBao and Vault keep the key set until they meet a key that they do not know.
fn of_vault(record: &KeyRecord, replacement: Option<&str>) -> String {
    let next = match (record.state, replacement) {
        (KeyState::Active, Some(_)) => "make one run with each of them right now",
        (KeyState::Active, None) => "make one run with each of them as soon as a new key signs",
        _ => {
            "they may know the key that signs, so rotate (carnet issuer rotate), and make one run with each of them when the new \
             key signs"
        }
    };
    format!(
        "OpenBao and Vault read the key set again only when a token names a key that they do not know, and accept tokens of the \
         revoked key until then, whatever max-age says: {next}."
    )
}

/// Everything that a key served: what can still be valid, or with `ever=true` all there was.
///
/// Each page names where the next one begins, and the time as of which tokens are valid: whatever ends while somebody reads, no
/// token is missed.
async fn tokens(Read(mut cx): Read, Ids(text, kid): Ids<String, String>, params: Params) -> Reply {
    let issuer = named(&mut cx, &text).await?;
    let record = key_of(&mut cx, &issuer, &kid).await?;
    let is_ever = match params.get("ever") {
        Some("true") => true,
        Some("false") | None => false,
        Some(_) => return Err(ApiError::BadRequest("ever is true or false".to_owned())),
    };
    let from = params.get("page[after]").map(read_mark).transpose()?;
    let as_of = from.as_ref().map_or(cx.now, |(as_of, _)| *as_of);
    let which = if is_ever { TokensOfKey::Ever } else { TokensOfKey::ValidAfter(as_of) };
    let size = params.page()?.size;
    let total = cx.tx.count_tokens_of_key(&kid, which).await?;
    let found = cx.tx.tokens_of_key(&kid, which, (from.as_ref().map(|(_, mark)| mark), size)).await?;
    let is_full = found.len() as u64 == size;
    let next = found.last().filter(|_| is_full).map(|last| written_mark(as_of, &last.token));
    Ok(Json(json!({
        "kid": kid,
        "state": record.state.as_str(),
        "as_of": as_of,
        "total": total,
        "next": next,
        "tokens": found.iter().map(token).collect::<Result<Vec<_>, _>>()?,
    }))
    .into_response())
}

/// The time as of which tokens are listed, and the last one of a page.
fn written_mark(as_of: Timestamp, last: &IdentityToken) -> String {
    format!("{}.{}.{}", as_of.as_millisecond(), last.expires_at.as_millisecond(), last.jti)
}

fn read_mark(text: &str) -> Result<(Timestamp, TokenMark), ApiError> {
    let time = |text: &str| Timestamp::from_millisecond(text.parse().ok()?).ok();
    let read = || {
        let (as_of, rest) = text.split_once('.')?;
        let (expires_at, jti) = rest.split_once('.')?;
        Some((time(as_of)?, TokenMark { expires_at: time(expires_at)?, jti: jti.to_owned() }))
    };
    read().ok_or_else(|| ApiError::BadRequest("page[after] is the member next of the page before".to_owned()))
}

fn token(found: &KeyToken) -> Result<Value, ApiError> {
    let token = &found.token;
    let report = found.report.as_deref().map(stored_report).transpose()?;
    let of_token = |family: &str, tag: &Option<String>| family == token.family && *tag == token.tag;
    let entry = report.iter().flat_map(|report| &report.entries);
    let reported =
        entry.filter(|entry| of_token(&entry.family, &entry.tag)).find_map(|entry| entry.role.clone());
    // What this server knew when it minted counts; what an agent says is its own word.
    let (role, role_from) = match (&token.role, reported) {
        (Some(role), _) => (Some(role.clone()), Some("mint")),
        (None, Some(role)) => (Some(role), Some("report")),
        (None, None) => (None, None),
    };
    Ok(json!({
        "jti": token.jti,
        "organization": found.organization_name,
        "organization_id": token.organization_id.as_str(),
        "workspace": found.workspace_name,
        "workspace_id": token.workspace_id.as_str(),
        "run_id": token.run_id.as_str(),
        "job_id": token.job_id.as_str(),
        "phase": token.phase.as_str(),
        "family": token.family,
        "tag": token.tag,
        "audience": token.audience,
        "subject": token.subject,
        "role": role,
        "role_from": role_from,
        "issued_at": token.issued_at,
        "expires_at": token.expires_at,
    }))
}
