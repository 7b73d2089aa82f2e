//! What to do when somebody else may have a signing key: it ends, a new one signs, and everything that it served is listed.

use axum::Json;
use axum::response::IntoResponse;
use carnet_model::{IssuerName, KeyRecord, KeyState, RevokeError};
use carnet_store::{KeyToken, StoredSigningKey, TokensOfKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{count_alive, named, only_site_admin};
use crate::audit::event_of_key;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Ids, Params, Read, Write};
use crate::oidc::KeyChange;
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

async fn revoke(Read(mut cx): Read, Id(text): Id<String>, doc: Doc<Revocation>) -> Reply {
    let issuer = named(&mut cx, &text).await?;
    let kid = doc.attributes.kid;
    key_of(&mut cx, &issuer, &kid).await?;
    let Context { app, owner, tx, now, .. } = cx;
    drop(tx);
    // Whether the key signs is seen when nobody else can change it; a new one takes too long to be made then.
    let new = app.issuer.new_key(now).await?;
    let mut cx = Write::begin(app, owner).await?.0;
    only_site_admin(&cx)?;
    let record = key_of(&mut cx, &issuer, &kid).await?;
    let replacement = (record.state == KeyState::Active).then(|| new.kid.clone());
    end_key(&mut cx, &issuer, &record, new).await?;
    let alive = count_alive(&mut cx, &kid).await?;
    let affected = cx.tx.organizations_of_key(&kid, TokensOfKey::ValidAfter(cx.now)).await?;
    for organization in &affected {
        let of_organization = IssuerName::Organization(organization.clone());
        if of_organization != issuer && record.state != KeyState::Revoked {
            let event = event_of_key(&of_organization, &kid, "revoke", cx.now)?;
            cx.tx.insert_audit_event(&event).await?;
        }
    }
    let max_age = cx.app.settings.key_rotation.published_lifetime.as_secs();
    let answer = json!({
        "kid": kid,
        "was": record.state.as_str(),
        "replacement": replacement,
        "tokens_alive": alive,
        "last_token_ends_at": record.last_expiry,
        "jwks_max_age_seconds": max_age,
        "consequences": consequences(&record, replacement.as_deref(), max_age),
    });
    cx.tx.commit().await?;
    tracing::warn!(issuer.name = %issuer, key.id = kid, "a signing key was revoked");
    cx.app.issuer.renew(&cx.app.store, &issuer).await?;
    cx.app.issuer.asked.notify_one();
    Ok(Json(answer).into_response())
}

async fn key_of(cx: &mut Context, issuer: &IssuerName, kid: &str) -> Result<KeyRecord, ApiError> {
    let found = cx.tx.key_record(kid).await?.filter(|(of, _)| of == issuer);
    found.map(|(_, record)| record).ok_or(ApiError::NotFound)
}

async fn end_key(
    cx: &mut Context,
    issuer: &IssuerName,
    record: &KeyRecord,
    new: StoredSigningKey,
) -> Result<(), ApiError> {
    let mut change = KeyChange::begin(&mut cx.tx, issuer).await?;
    if record.state.is_over() {
        change = change.with_ended(record.clone());
    }
    change.keys.revoke(&record.kid, Some(new.kid.clone()), cx.now).map_err(|error| match error {
        RevokeError::Unknown => ApiError::NotFound,
        RevokeError::NoReplacement => ApiError::internal(error),
    })?;
    change.with(new).save(&mut cx.tx, cx.now).await
}

fn consequences(record: &KeyRecord, replacement: Option<&str>, max_age: u64) -> Vec<String> {
    let mut lines = Vec::new();
    if record.state == KeyState::Revoked {
        lines.push("The key was revoked before; nothing was changed.".to_owned());
        return lines;
    }
    lines.push(format!(
        "The key is in the key set no longer. A relying party that keeps the key set may accept its tokens for up to {max_age} \
         seconds more, and longer if it does not heed max-age: end the sessions of the listed roles there, too."
    ));
    if let Some(replacement) = replacement {
        lines.push(format!(
            "Tokens are signed with {replacement} from now on. Relying parties that ask again when they meet an unknown key \
             accept them at once; those that do not refuse them for up to {max_age} seconds. There was no wait, because until \
             its end whoever has the key could make tokens for every run."
        ));
        lines.push("Jobs that run get tokens of the new key when they refresh theirs.".to_owned());
        lines.push("A next key that was made already was dropped: it lay where this one lay.".to_owned());
    }
    lines.push("Credentials that were obtained with tokens of the key are not ended by this.".to_owned());
    lines
}

/// Everything that a key served: what can still be valid, or with `ever=true` all there was.
async fn tokens(Read(mut cx): Read, Ids(text, kid): Ids<String, String>, params: Params) -> Reply {
    let issuer = named(&mut cx, &text).await?;
    let record = key_of(&mut cx, &issuer, &kid).await?;
    let which = match params.get("ever") {
        Some("true") => TokensOfKey::Ever,
        Some("false") | None => TokensOfKey::ValidAfter(cx.now),
        Some(_) => return Err(ApiError::BadRequest("ever is true or false".to_owned())),
    };
    let page = params.page()?;
    let total = cx.tx.count_tokens_of_key(&kid, which).await?;
    let found = cx.tx.tokens_of_key(&kid, which, (page.offset(), page.size)).await?;
    let answer = json!({
        "kid": kid,
        "state": record.state.as_str(),
        "total": total,
        "tokens": found.iter().map(token).collect::<Result<Vec<_>, _>>()?,
    });
    Ok(Json(answer).into_response())
}

fn token(found: &KeyToken) -> Result<Value, ApiError> {
    let token = &found.token;
    let report = found.report.as_deref().map(stored_report).transpose()?;
    let of_token = |family: &str, tag: &Option<String>| family == token.family && *tag == token.tag;
    let entry = report.iter().flat_map(|report| &report.entries);
    let role = entry.filter(|entry| of_token(&entry.family, &entry.tag)).find_map(|entry| entry.role.clone());
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
        "issued_at": token.issued_at,
        "expires_at": token.expires_at,
    }))
}
