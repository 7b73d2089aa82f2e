//! Applies.

use carnet_api::jsonapi::Resource;
use carnet_model::{ApplyId, Permission, Phase, PhaseId, RunId, RunPhase};
use carnet_store::BlobName;

use super::plans::attributes;
use super::runs::find;
use crate::error::ApiError;
use crate::extract::{Context, Id, Read};
use crate::reply::{Reply, ok};
use crate::route::{Access, Routes};
use crate::upload::send;

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadApplies);
    Routes::default()
        .get("/api/v2/applies/{apply}", read, show)
        .get("/api/v2/applies/{apply}/errored-state", Access::Allowed(Permission::ReadState), errored_state)
        .get("/api/v2/runs/{run}/apply", read, of_run)
}

async fn phase_of(cx: &mut Context, id: ApplyId, permission: Permission) -> Result<RunPhase, ApiError> {
    let phase = cx.tx.phase(&PhaseId::Apply(id)).await?.ok_or(ApiError::NotFound)?;
    find(cx, &phase.run_id, permission).await?;
    Ok(phase)
}

async fn show(Read(mut cx): Read, Id(id): Id<ApplyId>) -> Reply {
    let phase = phase_of(&mut cx, id, Permission::ReadApplies).await?;
    ok(resource(&mut cx, &phase).await?)
}

async fn of_run(Read(mut cx): Read, Id(id): Id<RunId>) -> Reply {
    find(&mut cx, &id, Permission::ReadApplies).await?;
    let phase = cx.tx.run_phase(&id, Phase::Apply).await?.ok_or(ApiError::NotFound)?;
    ok(resource(&mut cx, &phase).await?)
}

/// Agents keep a state that they cannot deliver and deliver it later. What is kept here is a state that may not follow the current
/// one: somebody wrote another in the meantime, and people must decide.
async fn errored_state(Read(mut cx): Read, Id(id): Id<ApplyId>) -> Reply {
    let phase = phase_of(&mut cx, id, Permission::ReadState).await?;
    let Context { app, tx, .. } = cx;
    drop(tx);
    send(&app, &errored_state_blob(&phase.run_id), "application/json").await?.ok_or(ApiError::NotFound)
}

/// Where a state is that an apply wrote and that could not become current.
pub(crate) fn errored_state_blob(run: &RunId) -> BlobName {
    BlobName::new("errored-state", run)
}

/// An apply as clients read it.
pub(crate) async fn resource(cx: &mut Context, phase: &RunPhase) -> Result<Resource, ApiError> {
    let states = cx.tx.run_state_versions(&phase.run_id).await?;
    Ok(Resource::new("applies", &phase.id, attributes(cx, phase).await?)
        .to_many("state-versions", "state-versions", &states)
        .link("self", format!("/api/v2/applies/{}", phase.id)))
}
