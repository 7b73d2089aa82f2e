//! Which credentials runs hold and held.

use carnet_api::job::{CredentialEntry, CredentialLease};
use carnet_api::jsonapi::Resource;
use carnet_model::{Permission, RunId};
use carnet_store::JobCredentials;
use serde_json::{Value, json};

use super::runs::find;
use crate::extract::{Id, Read};
use crate::outstanding::stored_report;
use crate::reply::{Reply, whole_list};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    Routes::default().get(
        "/api/carnet/v1/runs/{run}/credentials",
        Access::Allowed(Permission::ReadRuns),
        of_run,
    )
}

async fn of_run(Read(mut cx): Read, Id(id): Id<RunId>) -> Reply {
    find(&mut cx, &id, Permission::ReadRuns).await?;
    let mut data = Vec::new();
    for job in cx.tx.run_credentials(&id).await? {
        let report = stored_report(&job.report)?;
        data.extend(report.entries.iter().enumerate().map(|(place, entry)| resource(&job, place, entry)));
    }
    whole_list(&format!("/api/carnet/v1/runs/{id}/credentials"), data)
}

fn resource(job: &JobCredentials, place: usize, entry: &CredentialEntry) -> Resource {
    let attributes = json!({
        "phase": job.phase.as_str(),
        "family": entry.family,
        "tag": entry.tag,
        "audience": entry.audience,
        "subject": entry.subject,
        "role": entry.role,
        "jti": entry.jti,
        "life-seconds": entry.life_seconds,
        "renewals": entry.renewals,
        "expires-at": entry.expires_at,
        "outcome": entry.outcome,
        "detail": entry.detail,
        "identity": entry.identity,
        "leases": entry.leases.iter().map(lease).collect::<Vec<_>>(),
    });
    Resource::new("run-credentials", format!("{}-{place}", job.job_id), attributes).to_one(
        "run",
        "runs",
        Some(&job.run_id),
    )
}

fn lease(lease: &CredentialLease) -> Value {
    json!({
        "address": lease.address,
        "namespace": lease.namespace,
        "accessor": lease.accessor,
        "ends-at": lease.ends_at,
        "revocation": lease.revocation,
        "detail": lease.detail,
    })
}
