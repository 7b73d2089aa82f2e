//! Plans and their documents.

use carnet_api::job::Artifact;
use carnet_api::jsonapi::Resource;
use carnet_model::{Permission, Phase, PhaseAgent, PhaseId, PlanId, Run, RunId, RunPhase};
use serde_json::{Value, json};

use super::logs::log_url;
use super::run_document::timestamps;
use super::runs::find;
use crate::agents::artifact_blob;
use crate::error::ApiError;
use crate::extract::{Context, Id, Read};
use crate::reply::{Reply, no_content, ok};
use crate::route::{Access, Routes};
use crate::upload::send;

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadRuns);
    let state = Access::Allowed(Permission::ReadState);
    Routes::default()
        .get("/api/v2/plans/{plan}", read, show)
        .get("/api/v2/plans/{plan}/json-output", state, json_output)
        .get("/api/v2/plans/{plan}/json-output-redacted", read, json_output_redacted)
        .get("/api/v2/plans/{plan}/json-schema", read, json_schema)
        .get("/api/v2/runs/{run}/plan", read, of_run)
        .get("/api/v2/runs/{run}/plan/json-output", state, json_output_of_run)
        .get("/api/v2/runs/{run}/plan/json-output-redacted", read, json_output_redacted_of_run)
        .get("/api/v2/runs/{run}/plan/json-schema", read, json_schema_of_run)
}

async fn run_of(cx: &mut Context, id: PlanId, permission: Permission) -> Result<(Run, RunPhase), ApiError> {
    let phase = cx.tx.phase(&PhaseId::Plan(id)).await?.ok_or(ApiError::NotFound)?;
    let (run, _) = find(cx, &phase.run_id, permission).await?;
    Ok((run, phase))
}

async fn plan_of(cx: &mut Context, id: &RunId, permission: Permission) -> Result<(Run, RunPhase), ApiError> {
    let (run, _) = find(cx, id, permission).await?;
    let phase = cx.tx.run_phase(id, Phase::Plan).await?.ok_or(ApiError::NotFound)?;
    Ok((run, phase))
}

async fn show(Read(mut cx): Read, Id(id): Id<PlanId>) -> Reply {
    let (run, phase) = run_of(&mut cx, id, Permission::ReadRuns).await?;
    ok(resource(&mut cx, &run, &phase).await?)
}

async fn of_run(Read(mut cx): Read, Id(id): Id<RunId>) -> Reply {
    let (run, phase) = plan_of(&mut cx, &id, Permission::ReadRuns).await?;
    ok(resource(&mut cx, &run, &phase).await?)
}

/// Whoever sees the plan, but not what is secret in it, is told that nothing is there: the CLI explains that, and nothing else.
fn unseen(error: ApiError) -> ApiError {
    match error {
        ApiError::Forbidden(_) => ApiError::NotFound,
        other => other,
    }
}

async fn json_output(Read(mut cx): Read, Id(id): Id<PlanId>) -> Reply {
    let (_, phase) = run_of(&mut cx, id, Permission::ReadState).await.map_err(unseen)?;
    artifact(cx, &phase, Artifact::PlanJson).await
}

async fn json_output_redacted(Read(mut cx): Read, Id(id): Id<PlanId>) -> Reply {
    let (_, phase) = run_of(&mut cx, id, Permission::ReadRuns).await?;
    artifact(cx, &phase, Artifact::PlanJsonRedacted).await
}

async fn json_schema(Read(mut cx): Read, Id(id): Id<PlanId>) -> Reply {
    let (_, phase) = run_of(&mut cx, id, Permission::ReadRuns).await?;
    artifact(cx, &phase, Artifact::ProviderSchemas).await
}

async fn json_output_of_run(Read(mut cx): Read, Id(id): Id<RunId>) -> Reply {
    let (_, phase) = plan_of(&mut cx, &id, Permission::ReadState).await.map_err(unseen)?;
    artifact(cx, &phase, Artifact::PlanJson).await
}

async fn json_output_redacted_of_run(Read(mut cx): Read, Id(id): Id<RunId>) -> Reply {
    let (_, phase) = plan_of(&mut cx, &id, Permission::ReadRuns).await?;
    artifact(cx, &phase, Artifact::PlanJsonRedacted).await
}

async fn json_schema_of_run(Read(mut cx): Read, Id(id): Id<RunId>) -> Reply {
    let (_, phase) = plan_of(&mut cx, &id, Permission::ReadRuns).await?;
    artifact(cx, &phase, Artifact::ProviderSchemas).await
}

/// 204 until the plan has ended, and for a plan that left no such document.
async fn artifact(cx: Context, phase: &RunPhase, artifact: Artifact) -> Reply {
    let Context { app, tx, .. } = cx;
    drop(tx);
    if !phase.status.is_final() {
        return no_content();
    }
    let name = artifact_blob(artifact, &phase.run_id);
    match send(&app, &name, "application/json").await? {
        Some(response) => Ok(response),
        None => no_content(),
    }
}

/// The attributes that plans and applies share.
pub(super) async fn attributes(cx: &mut Context, phase: &RunPhase) -> Result<Value, ApiError> {
    let agent = cx.tx.phase_agent(&phase.run_id, phase.phase).await?;
    let counts = phase.counts.as_ref();
    let mut moments = phase.status_timestamps.clone();
    if let Some(started) = moments.remove("running") {
        moments.insert("started".to_owned(), started);
    }
    Ok(json!({
        "status": phase.status.as_str(),
        "status-timestamps": timestamps(&moments),
        "log-read-url": log_url(&cx.app, phase),
        "resource-additions": counts.map(|counts| counts.additions),
        "resource-changes": counts.map(|counts| counts.changes),
        "resource-destructions": counts.map(|counts| counts.destructions),
        "resource-imports": counts.map(|counts| counts.imports),
        "execution-details": execution_details(agent.as_ref()),
    }))
}

/// Where a phase is executed: by an agent of the site, or by one of a pool.
fn execution_details(place: Option<&PhaseAgent>) -> Value {
    let pool = place.and_then(|place| place.pool.as_ref());
    let agent = place.and_then(|place| place.agent.as_ref());
    let mode = if pool.is_some() { "agent" } else { "remote" };
    json!({
        "mode": mode,
        "agent-id": agent.map(|(id, _)| id.as_str()),
        "agent-name": agent.map(|(_, name)| name),
        "agent-pool-id": pool.map(|(id, _)| id.as_str()),
        "agent-pool-name": pool.map(|(_, name)| name),
    })
}

/// A plan as clients read it.
pub(crate) async fn resource(cx: &mut Context, run: &Run, phase: &RunPhase) -> Result<Resource, ApiError> {
    let mut attributes = attributes(cx, phase).await?;
    attributes["has-changes"] = json!(run.has_changes);
    attributes["generated-configuration"] = json!(phase.generated_configuration);
    attributes["structured-run-output-enabled"] = json!(run.structured_output);
    attributes["actions"] = json!({ "is-exportable": false });
    attributes["permissions"] = json!({ "can-export": false });
    let path = format!("/api/v2/plans/{}", phase.id);
    Ok(Resource::new("plans", &phase.id, attributes)
        .to_many("state-versions", "state-versions", Vec::<String>::new())
        .to_many("exports", "plan-exports", Vec::<String>::new())
        .link("json-output", format!("{path}/json-output"))
        .link("json-output-redacted", format!("{path}/json-output-redacted"))
        .link("json-schema", format!("{path}/json-schema"))
        .link("self", path))
}

#[cfg(test)]
mod tests;
