//! What an organization's agents have to do.

use carnet_api::jsonapi::Resource;
use carnet_model::{OrgName, Permission};
use serde_json::json;

use super::run_document::document;
use crate::extract::{Id, Params, Read};
use crate::reply::{Reply, list, ok, page_of};
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
    let runs = cx.tx.organization_queue(&organization.id).await?;
    let (runs, pagination) = page_of(runs.into_iter().enumerate().collect(), params.page()?);
    let mut data = Vec::new();
    for (position, run) in &runs {
        let mut resource = document(&mut cx, run).await?;
        resource.attributes["position-in-queue"] = json!(position);
        data.push(resource);
    }
    list(&format!("/api/v2/organizations/{name}/runs/queue"), data, Vec::new(), pagination)
}

async fn capacity(Read(mut cx): Read, Id(name): Id<OrgName>) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let (pending, running) = cx.tx.job_counts(&organization.id).await?;
    let attributes = json!({ "pending": pending, "running": running });
    ok(Resource::new("organization-capacity", &organization.name, attributes))
}
