//! What identity tokens an organization and its projects let be issued.

use carnet_api::jsonapi::Resource;
use carnet_model::{IssuancePolicy, OrgId, OrgName, Permission, ProjectId};
use carnet_store::StoredIssuancePolicy;
use serde_json::{Value, json};

use super::issuance_checks;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Read, Write};
use crate::issuance::document;
use crate::ledger::record_change;
use crate::reply::{Reply, created, no_content, ok};
use crate::route::{Access, Routes};

/// The most bytes of a policy.
const LENGTH_LIMIT: usize = 256 * 1024;

pub(crate) fn routes() -> Routes {
    let of_organization = "/api/carnet/v1/organizations/{organization}/issuance-policy";
    let of_project = "/api/carnet/v1/projects/{project}/issuance-policy";
    let manage = Access::Allowed(Permission::ManageOrganization);
    // The policy of a project only narrows what the organization allows.
    let update = Access::Allowed(Permission::UpdateProject);
    Routes::default()
        .get(of_organization, Access::Allowed(Permission::ReadOrganization), show)
        .put(of_organization, manage, put)
        .delete(of_organization, manage, delete)
        .get(of_project, Access::Allowed(Permission::ReadProject), show_of_project)
        .put(of_project, update, put_of_project)
        .delete(of_project, update, delete_of_project)
        .merge(issuance_checks::routes())
}

async fn show(Read(mut cx): Read, Id(name): Id<OrgName>) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    shown(cx.tx.issuance_policy_of_organization(&organization.id).await?)
}

async fn put(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<Value>) -> Reply {
    let organization = cx.organization(&name, Permission::ManageOrganization).await?;
    let earlier = cx.tx.issuance_policy_of_organization(&organization.id).await?;
    let fresh = StoredIssuancePolicy {
        organization_id: organization.id,
        project_id: None,
        document: String::new(),
        created_at: cx.now,
        updated_at: cx.now,
    };
    save(cx, earlier, fresh, &doc.attributes).await
}

async fn delete(Write(mut cx): Write, Id(name): Id<OrgName>) -> Reply {
    let organization = cx.organization(&name, Permission::ManageOrganization).await?;
    let policy = cx.tx.issuance_policy_of_organization(&organization.id).await?;
    removed(cx, policy).await
}

async fn show_of_project(Read(mut cx): Read, Id(id): Id<ProjectId>) -> Reply {
    cx.project(&id, Permission::ReadProject).await?;
    shown(cx.tx.issuance_policy_of_project(&id).await?)
}

async fn put_of_project(Write(mut cx): Write, Id(id): Id<ProjectId>, doc: Doc<Value>) -> Reply {
    let project = cx.project(&id, Permission::UpdateProject).await?;
    let earlier = cx.tx.issuance_policy_of_project(&id).await?;
    let fresh = StoredIssuancePolicy {
        organization_id: project.organization_id,
        project_id: Some(id),
        document: String::new(),
        created_at: cx.now,
        updated_at: cx.now,
    };
    save(cx, earlier, fresh, &doc.attributes).await
}

async fn delete_of_project(Write(mut cx): Write, Id(id): Id<ProjectId>) -> Reply {
    cx.project(&id, Permission::UpdateProject).await?;
    let policy = cx.tx.issuance_policy_of_project(&id).await?;
    removed(cx, policy).await
}

fn shown(policy: Option<StoredIssuancePolicy>) -> Reply {
    ok(resource(&policy.ok_or(ApiError::NotFound)?)?)
}

async fn save(
    mut cx: Context,
    earlier: Option<StoredIssuancePolicy>,
    fresh: StoredIssuancePolicy,
    attributes: &Value,
) -> Reply {
    let wanted = document::requested(attributes)?;
    check_known_families(&mut cx, &fresh.organization_id, &wanted).await?;
    let document = document::written(&wanted).to_string();
    if document.len() > LENGTH_LIMIT {
        return Err(ApiError::attribute("statements", "a policy is at most 256 KiB long"));
    }
    let is_new = earlier.is_none();
    let before = earlier.as_ref().map(|policy| policy.document.clone());
    let policy = StoredIssuancePolicy { document, updated_at: cx.now, ..earlier.unwrap_or(fresh) };
    record_change(&mut cx.tx, before.as_deref(), Some(&policy.document));
    cx.tx.put_issuance_policy(&policy).await?;
    cx.tx.commit().await?;
    let data = resource(&policy)?;
    if is_new { created(data) } else { ok(data) }
}

/// Refuses families that neither Carnet, nor the server, nor the organization has.
pub(super) async fn check_known_families(
    cx: &mut Context,
    organization: &OrgId,
    wanted: &IssuancePolicy,
) -> Result<(), ApiError> {
    let of_organization = cx.tx.adapters(organization).await?;
    let of_server = cx.app.settings.adapters.iter().map(|adapter| adapter.definition.name().to_owned());
    let adapters: Vec<String> =
        of_server.chain(of_organization.into_iter().map(|adapter| adapter.name)).collect();
    document::check_families(wanted, &adapters)
}

async fn removed(mut cx: Context, policy: Option<StoredIssuancePolicy>) -> Reply {
    let policy = policy.ok_or(ApiError::NotFound)?;
    record_change(&mut cx.tx, Some(&policy.document), None);
    cx.tx.delete_issuance_policy(&policy).await?;
    cx.tx.commit().await?;
    no_content()
}

fn resource(policy: &StoredIssuancePolicy) -> Result<Resource, ApiError> {
    let attributes = json!({
        "statements": document::written(&document::stored(&policy.document)?),
        "created-at": policy.created_at,
        "updated-at": policy.updated_at,
    });
    let id = match &policy.project_id {
        Some(project) => project.as_str(),
        None => policy.organization_id.as_str(),
    };
    Ok(Resource::new("issuance-policies", id, attributes).to_one(
        "project",
        "projects",
        policy.project_id.as_ref(),
    ))
}
