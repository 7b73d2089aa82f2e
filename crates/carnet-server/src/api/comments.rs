//! Comments on runs.

use carnet_api::jsonapi::Resource;
use carnet_model::{
    COMMENTED, Comment, CommentId, Permission, RunEvent, RunEventId, RunId, Timestamp, UserId,
};
use carnet_store::Tx;
use serde::Deserialize;
use serde_json::json;

use super::runs::find;
use crate::app::entropy;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Id, Params, Read, Write};
use crate::reply::{Reply, created, list, ok};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadRuns);
    Routes::default()
        .get("/api/v2/runs/{run}/comments", read, index)
        .post("/api/v2/runs/{run}/comments", Access::Allowed(Permission::QueuePlans), create)
        .get("/api/v2/comments/{comment}", read, show)
}

/// The most bytes of a comment.
const LIMIT: usize = 10_000;

#[derive(Deserialize)]
struct Input {
    body: Option<String>,
}

async fn index(Read(mut cx): Read, Id(id): Id<RunId>, params: Params) -> Reply {
    find(&mut cx, &id, Permission::ReadRuns).await?;
    let page = params.page()?;
    let comments = cx.tx.comments(&id, page.size, page.offset()).await?;
    let total = cx.tx.comment_count(&id).await?;
    let data = comments.iter().map(resource).collect();
    list(&format!("/api/v2/runs/{id}/comments"), data, Vec::new(), page.of(total))
}

async fn create(Write(mut cx): Write, Id(id): Id<RunId>, doc: Doc<Input>) -> Reply {
    find(&mut cx, &id, Permission::QueuePlans).await?;
    let author = cx.require_user()?;
    let body = doc.attributes.body.unwrap_or_default();
    if body.trim().is_empty() {
        return Err(ApiError::attribute("body", "Body can't be blank"));
    }
    check(&body, "/data/attributes/body")?;
    let comment = add(&mut cx.tx, &id, &author, &body, cx.now).await?;
    Write(cx).commit().await?;
    created(resource(&comment))
}

async fn show(Read(mut cx): Read, Id(id): Id<CommentId>) -> Reply {
    let comment = cx.tx.comment(&id).await?.ok_or(ApiError::NotFound)?;
    find(&mut cx, &comment.run_id, Permission::ReadRuns).await?;
    ok(resource(&comment))
}

/// Refuses a comment that is too long.
pub(super) fn check(body: &str, pointer: &str) -> Result<(), ApiError> {
    if body.len() > LIMIT {
        return Err(ApiError::invalid(pointer, format!("Comment is longer than {LIMIT} bytes")));
    }
    Ok(())
}

/// Stores a comment and the event that tells who made it.
pub(super) async fn add(
    tx: &mut Tx,
    run_id: &RunId,
    author: &UserId,
    body: &str,
    now: Timestamp,
) -> Result<Comment, ApiError> {
    let comment = Comment {
        id: CommentId::from_entropy(entropy()?),
        run_id: run_id.clone(),
        run_event_id: RunEventId::from_entropy(entropy()?),
        body: body.to_owned(),
        created_at: now,
    };
    let event = RunEvent {
        id: comment.run_event_id.clone(),
        run_id: run_id.clone(),
        action: COMMENTED.to_owned(),
        description: String::new(),
        target_id: Some(comment.id.to_string()),
        actor_id: Some(author.clone()),
        created_at: now,
    };
    // The comment goes first: the audit trail names what a request makes first.
    tx.insert_comment(&comment).await?;
    tx.insert_run_event(&event).await?;
    Ok(comment)
}

/// A comment as clients read it.
pub(super) fn resource(comment: &Comment) -> Resource {
    let attributes = json!({ "body": comment.body, "created-at": comment.created_at });
    Resource::new("comments", &comment.id, attributes)
        .to_one("run-event", "run-events", Some(&comment.run_event_id))
        .link("self", format!("/api/v2/comments/{}", comment.id))
}

#[cfg(test)]
mod tests;
