//! Where the time of a run went, and what could not be revoked: the reports of its jobs.

use axum::Json;
use axum::response::IntoResponse as _;
use carnet_model::{Permission, RunId};
use carnet_store::JobReport;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::extract::{Id, Read};
use crate::reply::Reply;
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    Routes::default().get("/api/carnet/v1/runs/{run}/jobs", Access::Allowed(Permission::ReadRuns), index)
}

async fn index(Read(mut cx): Read, Id(id): Id<RunId>) -> Reply {
    let run = cx.tx.run(&id).await?.ok_or(ApiError::NotFound)?;
    cx.workspace(&run.workspace_id, Permission::ReadRuns).await?;
    let jobs: Vec<Value> = cx.tx.job_reports(&id).await?.iter().map(document).collect();
    Ok(Json(jobs).into_response())
}

fn document(job: &JobReport) -> Value {
    let report: Value =
        job.report.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    json!({
        "job_id": job.job_id.as_str(),
        "phase": job.phase.as_str(),
        "status": job.status,
        "created_at": job.created_at,
        "claimed_at": job.claimed_at,
        "finished_at": job.finished_at,
        "preparation_ms": report["preparation_ms"],
        "steps": report["steps"],
        "unrevoked": report["unrevoked"],
    })
}
