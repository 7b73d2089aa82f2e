//! Declarative adapters of organizations.

use carnet_api::jsonapi::Resource;
use carnet_creds::adapter::{AdapterDefinition, AdapterError, AdapterProblem};
use carnet_model::{Adapter, OrgName, Organization, Permission};
use serde::Deserialize;
use serde_json::json;

use crate::adapters::not_replaced;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Ids, Params, Read, Write};
use crate::ledger::record_change;
use crate::reply::{Reply, created, list, no_content, ok, page_of};
use crate::route::{Access, Routes};
use crate::upload::blocking;

/// The most adapters of an organization.
const COUNT_LIMIT: usize = 50;

/// How many problems of a document are told.
const SHOWN_PROBLEMS: usize = 20;

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadOrganization);
    let administer = Access::Allowed(Permission::ManageOrganization);
    let one = "/api/carnet/v1/organizations/{organization}/adapters/{adapter}";
    Routes::default()
        .get("/api/carnet/v1/organizations/{organization}/adapters", read, index)
        .get(one, read, show)
        .put(one, administer, put)
        .delete(one, administer, delete)
}

#[derive(Deserialize)]
struct Input {
    definition: Option<String>,
}

async fn index(Read(mut cx): Read, Id(organization): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&organization, Permission::ReadOrganization).await?;
    let adapters = cx.tx.adapters(&organization.id).await?;
    let (adapters, pagination) = page_of(adapters, params.page()?);
    let data = adapters.iter().map(|adapter| resource(adapter, &organization)).collect();
    list(
        &format!("/api/carnet/v1/organizations/{}/adapters", organization.name),
        data,
        Vec::new(),
        pagination,
    )
}

async fn show(Read(mut cx): Read, Ids(organization, name): Ids<OrgName, String>) -> Reply {
    let organization = cx.organization(&organization, Permission::ReadOrganization).await?;
    let adapter = cx.tx.adapter(&organization.id, &name).await?.ok_or(ApiError::NotFound)?;
    ok(resource(&adapter, &organization))
}

async fn put(Read(mut cx): Read, Ids(organization, name): Ids<OrgName, String>, doc: Doc<Input>) -> Reply {
    cx.organization(&organization, Permission::ManageOrganization).await?;
    let document = doc.attributes.definition;
    let document = document.ok_or_else(|| refused("Definition can't be blank".to_owned()))?;
    // A long document takes its time: nobody must wait for the only writer meanwhile.
    let Context { app, owner, tx, .. } = cx;
    drop(tx);
    let (document, definition) = parsed(document).await?;
    let Write(mut cx) = Write::begin(app, owner).await?;
    let organization = cx.organization(&organization, Permission::ManageOrganization).await?;
    if definition.name() != name {
        let found = definition.name();
        return Err(refused(format!("the document is of the adapter {found:?}, the path of {name:?}")));
    }
    let earlier = check_place(&mut cx, &organization, &definition).await?;
    let adapter = Adapter {
        name,
        definition: document,
        created_at: earlier.as_ref().map_or(cx.now, |earlier| earlier.created_at),
        updated_at: cx.now,
    };
    cx.tx.put_adapter(&organization.id, &adapter).await?;
    let before = earlier.as_ref().map(|earlier| earlier.definition.as_str());
    record_change(&mut cx.tx, before, Some(&adapter.definition));
    cx.tx.commit().await?;
    let data = resource(&adapter, &organization);
    if earlier.is_some() { ok(data) } else { created(data) }
}

async fn delete(Write(mut cx): Write, Ids(organization, name): Ids<OrgName, String>) -> Reply {
    let organization = cx.organization(&organization, Permission::ManageOrganization).await?;
    let there = cx.tx.adapters(&organization.id).await?.into_iter().find(|adapter| adapter.name == name);
    let there = there.ok_or(ApiError::NotFound)?;
    cx.tx.delete_adapter(&organization.id, &name).await?;
    record_change(&mut cx.tx, Some(&there.definition), None);
    cx.tx.commit().await?;
    no_content()
}

async fn parsed(document: String) -> Result<(String, AdapterDefinition), ApiError> {
    let found = blocking(move || AdapterDefinition::parse(&document).map(|found| (document, found))).await?;
    found.map_err(|error| refused(reasons(&error)))
}

fn reasons(error: &AdapterError) -> String {
    let problems = error.problems();
    let line = |problem: &AdapterProblem| {
        format!("line {}, column {}: {}", problem.line, problem.column, problem.text)
    };
    let mut lines: Vec<String> = problems.iter().take(SHOWN_PROBLEMS).map(line).collect();
    if problems.len() > SHOWN_PROBLEMS {
        lines.push(format!("and {} more", problems.len() - SHOWN_PROBLEMS));
    }
    lines.join("\n")
}

fn refused(detail: String) -> ApiError {
    ApiError::attribute("definition", detail)
}

/// Refuses an adapter for which there is no place, or that cannot stand beside the others; returns the one that it replaces.
async fn check_place(
    cx: &mut Context,
    organization: &Organization,
    definition: &AdapterDefinition,
) -> Result<Option<Adapter>, ApiError> {
    let mut others = cx.tx.adapters(&organization.id).await?;
    let place = others.iter().position(|other| other.name == definition.name());
    let earlier = place.map(|place| others.remove(place));
    if others.len() >= COUNT_LIMIT {
        return Err(ApiError::invalid(
            "/data",
            format!("an organization has at most {COUNT_LIMIT} adapters"),
        ));
    }
    // One of the server that has the same name is what this one replaces.
    let of_server = not_replaced(&cx.app.settings.adapters, &others).map(|other| &other.definition);
    let of_server = of_server.filter(|other| other.name() != definition.name());
    // Parsed before they were stored; one that a newer version does not take any more is no obstacle.
    let stored: Vec<AdapterDefinition> =
        others.iter().filter_map(|other| AdapterDefinition::parse(&other.definition).ok()).collect();
    match of_server.chain(&stored).find_map(|other| definition.clash(other)) {
        Some(reason) => Err(refused(reason)),
        None => Ok(earlier),
    }
}

fn resource(adapter: &Adapter, organization: &Organization) -> Resource {
    let attributes = json!({
        "definition": adapter.definition,
        "created-at": adapter.created_at,
        "updated-at": adapter.updated_at,
    });
    let path = format!("/api/carnet/v1/organizations/{}/adapters/{}", organization.name, adapter.name);
    Resource::new("adapters", &adapter.name, attributes)
        .to_one("organization", "organizations", Some(&organization.name))
        .link("self", path)
}
