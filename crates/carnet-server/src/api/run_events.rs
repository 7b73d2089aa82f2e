//! What happened to runs.

use carnet_api::jsonapi::{Page, Resource};
use carnet_model::{Permission, Run, RunEvent, RunEventId, RunId};
use serde_json::json;

use super::runs::find;
use super::{account, comments};
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read};
use crate::reply::{Reply, list, ok_with};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadRuns);
    Routes::default().get("/api/v2/runs/{run}/run-events", read, index).get(
        "/api/v2/run-events/{event}",
        read,
        show,
    )
}

async fn index(Read(mut cx): Read, Id(id): Id<RunId>, params: Params) -> Reply {
    let (run, _) = find(&mut cx, &id, Permission::ReadRuns).await?;
    let events = cx.tx.run_events(&id).await?;
    let included = related(&mut cx, &run, &events, &params).await?;
    let size = (events.len() as u64).max(1);
    let data = events.iter().map(resource).collect();
    list(
        &format!("/api/v2/runs/{id}/run-events"),
        data,
        included,
        Page { number: 1, size }.of(events.len() as u64),
    )
}

async fn show(Read(mut cx): Read, Id(id): Id<RunEventId>, params: Params) -> Reply {
    let event = cx.tx.run_event(&id).await?.ok_or(ApiError::NotFound)?;
    let (run, _) = find(&mut cx, &event.run_id, Permission::ReadRuns).await?;
    let included = related(&mut cx, &run, std::slice::from_ref(&event), &params).await?;
    ok_with(resource(&event), included)
}

async fn related(
    cx: &mut Context,
    run: &Run,
    events: &[RunEvent],
    params: &Params,
) -> Result<Vec<Resource>, ApiError> {
    let include = params.include();
    let mut ids: Vec<_> = events.iter().filter_map(|event| event.actor_id.as_ref()).collect();
    ids.sort();
    ids.dedup();
    let mut found = Vec::new();
    if include.contains("actor") {
        for id in ids {
            found.extend(account::related(cx, &run.organization_id, id).await?);
        }
    }
    if include.contains("comment") {
        for id in events.iter().filter_map(RunEvent::comment_id) {
            found.extend(cx.tx.comment(&id).await?.as_ref().map(comments::resource));
        }
    }
    Ok(found)
}

fn resource(event: &RunEvent) -> Resource {
    let attributes = json!({
        "action": event.action,
        "description": event.description,
        "created-at": event.created_at,
        "target-id": event.target_id,
    });
    Resource::new("run-events", &event.id, attributes)
        .to_one("run", "runs", Some(&event.run_id))
        .to_one("actor", "users", event.actor_id.as_ref())
        .to_one("comment", "comments", event.comment_id())
        .link("self", format!("/api/v2/run-events/{}", event.id))
}
