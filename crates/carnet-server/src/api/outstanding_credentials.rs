//! What runs left behind at providers, and what somebody found out about it since.

use carnet_api::job::CredentialReport;
use carnet_api::jsonapi::Resource;
use carnet_model::{OrgName, Permission};
use carnet_store::JobCredentials;
use serde::Deserialize;
use serde_json::json;

use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Id, Ids, Params, Read, Write};
use crate::jobs::{Settled, note_settled};
use crate::outstanding::{
    LeaseId, Settlement, outstanding, outstanding_until, revocation_hint, stored_report,
};
use crate::reply::{Reply, list, ok, page_of};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let administer = Access::Allowed(Permission::ManageOrganization);
    Routes::default()
        .get("/api/carnet/v1/organizations/{organization}/outstanding-credentials", administer, index)
        .post(
            "/api/carnet/v1/organizations/{organization}/outstanding-credentials/{credential}/actions/settle",
            administer,
            settle,
        )
}

async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ManageOrganization).await?;
    let mut leases = Vec::new();
    for job in cx.tx.outstanding_credentials(&organization.id, cx.now).await? {
        let report = stored_report(&job.report)?;
        let ids = outstanding(&job.job_id, &report, cx.now);
        leases.extend(ids.iter().filter_map(|id| resource(id, &job, &report)));
    }
    let (data, pagination) = page_of(leases, params.page()?);
    let path = format!("/api/carnet/v1/organizations/{name}/outstanding-credentials");
    list(&path, data, Vec::new(), pagination)
}

fn resource(id: &LeaseId, job: &JobCredentials, report: &CredentialReport) -> Option<Resource> {
    let (entry, lease) = id.find(report)?;
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
    let resource = Resource::new("outstanding-credentials", id.to_string(), attributes);
    let resource = resource.to_one("run", "runs", Some(&job.run_id));
    Some(resource.to_one("workspace", "workspaces", Some(&job.workspace_id)))
}

#[derive(Deserialize)]
struct Input {
    revocation: Option<String>,
    detail: Option<String>,
}

impl Input {
    fn settlement(self) -> Result<Settlement, ApiError> {
        match self.revocation.as_deref() {
            Some("revoked") => Ok(Settlement::Revoked),
            Some("already_gone") => Ok(Settlement::AlreadyGone),
            Some("failed") => Ok(Settlement::Failed(self.detail.unwrap_or_default())),
            _ => Err(ApiError::attribute("revocation", "one of revoked, already_gone, failed")),
        }
    }
}

/// The answer tells what is known now: another caller may have found out more.
async fn settle(Write(mut cx): Write, Ids(name, id): Ids<OrgName, LeaseId>, doc: Doc<Input>) -> Reply {
    let organization = cx.organization(&name, Permission::ManageOrganization).await?;
    let settlement = doc.attributes.settlement()?;
    let job = cx.tx.ended_job_credentials(&organization.id, &id.job_id).await?.ok_or(ApiError::NotFound)?;
    let mut report = stored_report(&job.report)?;
    if settlement.write(&mut report, &id) {
        let kept = serde_json::to_string(&report).map_err(ApiError::internal)?;
        cx.tx.set_job_credentials(&job.job_id, kept, outstanding_until(&report)).await?;
        let actor = cx.user_id().cloned();
        let settled = Settled { run_id: &job.run_id, lease: &id, report: &report, actor: actor.as_ref() };
        note_settled(&mut cx.tx, settled, cx.now).await?;
    }
    let answer = resource(&id, &job, &report).ok_or(ApiError::NotFound)?;
    Write(cx).commit().await?;
    ok(answer)
}
