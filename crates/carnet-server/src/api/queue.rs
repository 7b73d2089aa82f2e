//! What an organization's agents have to do.

use carnet_api::jsonapi::Resource;
use carnet_model::{OrgName, Permission};
use serde_json::json;

use super::run_document::documents;
use super::run_filter::viewer;
use crate::extract::{Id, Params, Read};
use crate::reply::{Reply, list, ok};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadOrganization);
    Routes::default().get("/api/v2/organizations/{organization}/runs/queue", read, queue).get(
        "/api/v2/organizations/{organization}/capacity",
        read,
        capacity,
    )
}

async fn queue(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let page = params.page()?;
    let viewer = viewer(&mut cx, &organization.id).await?;
    let wanted = (page.offset(), page.size);
    let runs = cx.tx.organization_queue(&organization.id, viewer.as_ref(), wanted).await?;
    let total = cx.tx.organization_queue_length(&organization.id, viewer.as_ref()).await?;
    let data = documents(&mut cx, &runs).await?;
    list(&format!("/api/v2/organizations/{name}/runs/queue"), data, Vec::new(), page.of(total))
}

async fn capacity(Read(mut cx): Read, Id(name): Id<OrgName>) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let viewer = viewer(&mut cx, &organization.id).await?;
    let (pending, running) = cx.tx.job_counts(&organization.id, viewer.as_ref()).await?;
    let attributes = json!({ "pending": pending, "running": running });
    ok(Resource::new("organization-capacity", &organization.name, attributes))
}

#[cfg(test)]
mod tests;
