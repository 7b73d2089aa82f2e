//! The chains of the ledger and their checkpoints, in plain JSON: of an organization for its auditors, of everything for
//! administrators of the site.

use axum::Json;
use axum::response::IntoResponse as _;
use carnet_model::{LedgerChain, LedgerRecord, OrgName, Permission, Timestamp};
use carnet_store::{LedgerHead, LedgerRange, StoredCheckpoint, Tx};
use serde_json::{Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read};
use crate::reply::Reply;
use crate::route::{Access, Routes};

/// How many entries or checkpoints a page holds, and the most that it may hold.
const PAGE_SIZE: u64 = 1000;

pub(crate) fn routes() -> Routes {
    let audit = Access::Allowed(Permission::ReadAuditTrail);
    Routes::default()
        .get("/api/carnet/v1/organizations/{organization}/ledger", audit, of_organization)
        .get(
            "/api/carnet/v1/organizations/{organization}/ledger/checkpoints",
            audit,
            of_organization_checkpoints,
        )
        .get("/api/carnet/v1/admin/ledgers", Access::SiteAdmin, index)
        .get("/api/carnet/v1/admin/ledgers/{chain}", Access::SiteAdmin, of_site)
        .get("/api/carnet/v1/admin/ledgers/{chain}/checkpoints", Access::SiteAdmin, of_site_checkpoints)
}

async fn of_organization(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadAuditTrail).await?;
    entries(&mut cx, &LedgerChain::Organization(organization.id), &params).await
}

async fn of_organization_checkpoints(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadAuditTrail).await?;
    checkpoints(&mut cx.tx, &LedgerChain::Organization(organization.id), &params).await
}

/// To everybody else, nothing is there.
fn only_site_admin(cx: &Context) -> Result<(), ApiError> {
    if cx.is_site_admin() { Ok(()) } else { Err(ApiError::NotFound) }
}

async fn index(Read(mut cx): Read, params: Params) -> Reply {
    only_site_admin(&cx)?;
    let limit = limit(&params)?;
    let heads = cx.tx.ledger_heads(params.get("after").unwrap_or_default(), limit).await?;
    let next = heads.last().filter(|_| heads.len() as u64 == limit).map(|head| head.chain.to_string());
    let chains: Vec<Value> = heads.iter().map(|head| described(&cx.app, head)).collect();
    Ok(Json(json!({ "chains": chains, "next_after": next })).into_response())
}

/// The chain of an organization is there when the organization is not any more.
async fn of_site(Read(mut cx): Read, Id(chain): Id<LedgerChain>, params: Params) -> Reply {
    only_site_admin(&cx)?;
    // A chain whose head somebody took away is there, and not in order.
    if chain != LedgerChain::Site
        && cx.tx.ledger_head(&chain).await?.is_none()
        && cx.tx.ledger_page(&chain, 0, 1).await?.is_empty()
    {
        return Err(ApiError::NotFound);
    }
    entries(&mut cx, &chain, &params).await
}

async fn of_site_checkpoints(Read(mut cx): Read, Id(chain): Id<LedgerChain>, params: Params) -> Reply {
    only_site_admin(&cx)?;
    checkpoints(&mut cx.tx, &chain, &params).await
}

/// A page begins behind an entry, given by its place or by a time, and says which hash stands before it.
async fn entries(Context { app, tx, .. }: &mut Context, chain: &LedgerChain, params: &Params) -> Reply {
    let (limit, head) = (limit(params)?, tx.ledger_head(chain).await?);
    let after = number(params, "after")?.unwrap_or(0);
    let range = LedgerRange { since: moment(params, "since")?, until: moment(params, "until")? };
    let page = tx.ledger_range_page(chain, (after, limit), range).await?;
    let entries: Vec<Value> = page.records.iter().map(entry).collect();
    let body = json!({
        "chain": chain.to_string(),
        "head": head.as_ref().map(|head| described(app, head)),
        "previous": page.previous,
        "entries": entries,
        "next_after": page.next,
    });
    Ok(Json(body).into_response())
}

fn described(app: &App, head: &LedgerHead) -> Value {
    json!({
        "chain": head.chain.to_string(),
        "sequence": head.sequence,
        "hash": head.hash.to_string(),
        "checkpoint_sequence": head.checkpoint_sequence,
        "fault": app.ledger.fault(&head.chain),
    })
}

/// An entry that is no JSON any more is given as the text that it is: whoever verifies must see it.
fn entry(record: &LedgerRecord) -> Value {
    let said = serde_json::from_str(&record.entry).unwrap_or_else(|_| Value::String(record.entry.clone()));
    json!({ "sequence": record.sequence, "hash": record.hash, "entry": said, "recorded_at": record.recorded_at })
}

async fn checkpoints(tx: &mut Tx, chain: &LedgerChain, params: &Params) -> Reply {
    let limit = limit(params)?;
    let found = tx.ledger_checkpoints(chain, number(params, "after")?.unwrap_or(0), limit).await?;
    let next = found.last().filter(|_| found.len() as u64 == limit).map(|one| one.sequence);
    let mut keys: Vec<Value> = Vec::new();
    for checkpoint in &found {
        let key = serde_json::from_str(&checkpoint.jwk).map_err(ApiError::internal)?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let data: Vec<Value> = found.iter().map(checkpoint).collect();
    let body = json!({
        "chain": chain.to_string(),
        "checkpoints": data,
        "jwks": { "keys": keys },
        "next_after": next,
    });
    Ok(Json(body).into_response())
}

fn checkpoint(checkpoint: &StoredCheckpoint) -> Value {
    json!({
        "sequence": checkpoint.sequence,
        "hash": checkpoint.hash,
        "time": checkpoint.time,
        "kid": checkpoint.kid,
        "jws": checkpoint.jws,
    })
}

fn number(params: &Params, name: &str) -> Result<Option<u64>, ApiError> {
    let refuse = |_| ApiError::BadRequest(format!("{name} must be a whole number"));
    params.get(name).map(|text| text.parse().map_err(refuse)).transpose()
}

fn moment(params: &Params, name: &str) -> Result<Option<Timestamp>, ApiError> {
    // A plus sign of an offset arrives as a space when it was not encoded.
    let parse = |text: &str| text.replace(' ', "+").parse();
    let refuse = |_| ApiError::BadRequest(format!("{name} must be a time like 2026-01-05T10:00:00.000Z"));
    params.get(name).map(|text| parse(text).map_err(refuse)).transpose()
}

fn limit(params: &Params) -> Result<u64, ApiError> {
    match number(params, "limit")? {
        None => Ok(PAGE_SIZE),
        Some(0) => Err(ApiError::BadRequest("limit must be a whole number from 1".to_owned())),
        Some(limit) => Ok(limit.min(PAGE_SIZE)),
    }
}

#[cfg(test)]
mod tests;
