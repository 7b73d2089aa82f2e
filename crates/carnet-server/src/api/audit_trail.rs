//! The audit trail of an organization, in plain JSON as HCP Terraform has it.

use axum::Json;
use axum::response::IntoResponse as _;
use carnet_api::jsonapi::Page;
use carnet_model::{AuditEvent, Permission, Timestamp, TokenOwner};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::extract::{Context, Params, Read};
use crate::reply::Reply;
use crate::route::{Access, Routes};

/// How many entries a page holds, and the most that it may hold.
const PAGE_SIZE: u64 = 1000;

pub(crate) fn routes() -> Routes {
    Routes::default().get(
        "/api/v2/organization/audit-trail",
        Access::Allowed(Permission::ReadAuditTrail),
        index,
    )
}

async fn index(Read(mut cx): Read, params: Params) -> Reply {
    // The path names no organization: only tokens that belong to one can ask.
    let (TokenOwner::Organization { organization_id, .. } | TokenOwner::AuditTrail { organization_id, .. }) =
        &cx.owner
    else {
        return Err(ApiError::NotFound);
    };
    let organization = organization_id.clone();
    if !Context::may(&mut cx, Permission::ReadAuditTrail, &organization, None).await? {
        return Err(ApiError::NotFound);
    }
    let since = params.get("since").map(parsed_since).transpose()?;
    let page = page(&params)?;
    let (events, total) = cx.tx.audit_events(&organization, since, (page.offset(), page.size)).await?;
    let place = page.of(total);
    let data: Vec<Value> = events.iter().map(entry).collect();
    let pagination = json!({
        "current_page": place.current_page,
        "prev_page": place.prev_page,
        "next_page": place.next_page,
        "total_pages": place.total_pages,
        "total_count": place.total_count,
    });
    Ok(Json(json!({ "data": data, "pagination": pagination })).into_response())
}

fn parsed_since(text: &str) -> Result<Timestamp, ApiError> {
    // A plus sign of an offset arrives as a space when it was not encoded.
    text.replace(' ', "+")
        .parse()
        .map_err(|_| ApiError::BadRequest("since must be a time like 2026-01-05T10:00:00.000Z".to_owned()))
}

fn page(params: &Params) -> Result<Page, ApiError> {
    let size = match params.get("page[size]") {
        None => PAGE_SIZE,
        Some(text) => text.parse().unwrap_or(0).min(PAGE_SIZE),
    };
    if size == 0 {
        return Err(ApiError::BadRequest("page[size] must be a whole number from 1".to_owned()));
    }
    Ok(Page { number: params.page()?.number, size })
}

fn entry(event: &AuditEvent) -> Value {
    json!({
        "id": event.id.as_str(),
        "version": "0",
        "type": "Resource",
        "timestamp": event.created_at,
        "auth": {
            "accessor_id": event.accessor_id,
            "description": event.description,
            "type": if event.token_id.is_some() { "Client" } else { "System" },
            "impersonator_id": null,
            "organization_id": event.organization_id.as_ref().map(|id| id.as_str()),
            "token_id": event.token_id.as_ref().map(|id| id.as_str()),
            "token_kind": event.actor_kind,
        },
        "request": { "id": event.request_id },
        "resource": {
            "id": event.act.resource_id,
            "type": event.act.resource_type,
            "action": event.act.action,
            "meta": null,
        },
    })
}

#[cfg(test)]
mod tests;
