//! Which credentials runs hold and held, and what of them still works.

use carnet_api::job::{CredentialEntry, CredentialLease};
use carnet_api::jsonapi::Resource;
use carnet_model::{Action, OrgName, RunId, Timestamp};
use carnet_store::JobCredentials;
use serde_json::{Value, json};

use super::runs::find;
use crate::error::ApiError;
use crate::extract::{Id, Params, Read};
use crate::outstanding::{is_outstanding, revocation_hint, stored_report};
use crate::reply::{Reply, list, page_of, whole_list};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    Routes::default().get("/api/carnet/v1/runs/{run}/credentials", Access::Allowed(Action::Read), of_run).get(
        "/api/carnet/v1/organizations/{organization}/outstanding-credentials",
        Access::Allowed(Action::Administer),
        outstanding_of_organization,
    )
}

async fn of_run(Read(mut cx): Read, Id(id): Id<RunId>) -> Reply {
    find(&mut cx, &id, Action::Read).await?;
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

async fn outstanding_of_organization(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Action::Administer).await?;
    let mut leases = Vec::new();
    for job in cx.tx.outstanding_credentials(&organization.id, cx.now).await? {
        leases.extend(outstanding_leases(&job, cx.now)?);
    }
    let (data, pagination) = page_of(leases, params.page()?);
    let path = format!("/api/carnet/v1/organizations/{name}/outstanding-credentials");
    list(&path, data, Vec::new(), pagination)
}

fn outstanding_leases(job: &JobCredentials, now: Timestamp) -> Result<Vec<Resource>, ApiError> {
    let report = stored_report(&job.report)?;
    let mut found = Vec::new();
    for (place, entry) in report.entries.iter().enumerate() {
        for (position, lease) in entry.leases.iter().enumerate() {
            if is_outstanding(lease, now) {
                let id = format!("{}-{place}-{position}", job.job_id);
                found.push(outstanding_resource(&id, job, entry, lease));
            }
        }
    }
    Ok(found)
}

fn outstanding_resource(
    id: &str,
    job: &JobCredentials,
    entry: &CredentialEntry,
    lease: &CredentialLease,
) -> Resource {
    let attributes = json!({
        "workspace-name": job.workspace_name.as_str(),
        "phase": job.phase.as_str(),
        "family": entry.family,
        "tag": entry.tag,
        "address": lease.address,
        "namespace": lease.namespace,
        "accessor": lease.accessor,
        "ends-at": lease.ends_at,
        "revocation": lease.revocation,
        "detail": lease.detail,
        "hint": revocation_hint(lease),
    });
    Resource::new("outstanding-credentials", id, attributes).to_one("run", "runs", Some(&job.run_id)).to_one(
        "workspace",
        "workspaces",
        Some(&job.workspace_id),
    )
}
