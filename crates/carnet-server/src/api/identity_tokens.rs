//! The ledger of identity tokens, in plain JSON.

use axum::Json;
use axum::response::IntoResponse;
use carnet_model::{Permission, RunId, WorkspaceId};
use carnet_store::IdentityToken;
use serde_json::{Value, json};

use super::runs::find;
use crate::extract::{Id, Read};
use crate::reply::Reply;
use crate::route::{Access, Routes};

/// How many entries of a workspace are shown: the latest.
const LIMIT: u64 = 1000;

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadRuns);
    Routes::default().get("/api/carnet/v1/workspaces/{workspace}/identity-tokens", read, of_workspace).get(
        "/api/carnet/v1/runs/{run}/identity-tokens",
        read,
        of_run,
    )
}

async fn of_workspace(Read(mut cx): Read, Id(id): Id<WorkspaceId>) -> Reply {
    cx.workspace(&id, Permission::ReadRuns).await?;
    answer(&cx.tx.workspace_identity_tokens(&id, LIMIT).await?)
}

async fn of_run(Read(mut cx): Read, Id(id): Id<RunId>) -> Reply {
    find(&mut cx, &id, Permission::ReadRuns).await?;
    answer(&cx.tx.run_identity_tokens(&id).await?)
}

fn answer(tokens: &[IdentityToken]) -> Reply {
    Ok(Json(tokens.iter().map(entry).collect::<Vec<Value>>()).into_response())
}

fn entry(token: &IdentityToken) -> Value {
    json!({
        "jti": token.jti,
        "family": token.family,
        "tag": token.tag,
        "audience": token.audience,
        "subject": token.subject,
        "phase": token.phase.as_str(),
        "run_id": token.run_id.as_str(),
        "kid": token.kid,
        "issued_at": token.issued_at,
        "expires_at": token.expires_at,
        "claims": token.claims,
    })
}
