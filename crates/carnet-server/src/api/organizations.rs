//! Organizations and what they are entitled to.

use axum::http::StatusCode;
use carnet_api::jsonapi::Page;
use carnet_model::{
    DEFAULT_PROJECT, Membership, MembershipId, MembershipStatus, OWNERS, OrgId, OrgName, Organization,
    OrganizationAccess, OrganizationSettings, Permission, Project, ProjectId, StaticCredentials, SubjectPart,
    Team, TeamId, TeamVisibility, Timestamp, TokenOwner, UserId,
};
use carnet_store::{NameClaim, OrganizationsOf, StoreError, SubjectScopes, Tx};

use super::organization_document::{document, entitlement_set};
use super::organization_input::{OrganizationInput, change, parsed_email, parsed_name};
use super::subject_graces::keep_for_days;
use super::workspace_blobs::delete_blobs;
use super::{projects, registry_modules};
use crate::app::entropy;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::ledger::{Names, record_names};
use crate::reply::{Reply, list, no_content, ok, ok_with, with_warnings};
use crate::route::{Access, Routes};
use crate::subjects::{Renamed, refuse_kept_name, rename_warning};
use crate::upload::delete_blob;

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadOrganization);
    let administer = Access::Allowed(Permission::ManageOrganization);
    Routes::default()
        .get("/api/v2/organizations", Access::User, index)
        .post("/api/v2/organizations", Access::User, create)
        .get("/api/v2/organizations/{organization}", read, show)
        .patch("/api/v2/organizations/{organization}", administer, update)
        .delete("/api/v2/organizations/{organization}", administer, delete)
        .get(
            "/api/v2/organizations/{organization}/entitlement-set",
            Access::Allowed(Permission::ReadEntitlements),
            entitlements,
        )
}

async fn index(Read(mut cx): Read, params: Params) -> Reply {
    cx.require_user()?;
    let owner = cx.owner.clone();
    let of = match &owner {
        TokenOwner::User { is_site_admin: true, .. } => OrganizationsOf::Everybody,
        TokenOwner::User { user_id, .. } => OrganizationsOf::Member(user_id),
        TokenOwner::Team { organization_id, .. }
        | TokenOwner::Organization { organization_id, .. }
        | TokenOwner::AuditTrail { organization_id, .. } => OrganizationsOf::Token(organization_id),
        TokenOwner::Agent { .. } | TokenOwner::Run { .. } => return Err(ApiError::NotFound),
    };
    // Clients that name no page expect everything.
    let is_paged = params.get("page[number]").or(params.get("page[size]")).is_some();
    let page = if is_paged { params.page()? } else { Page { number: 1, size: 100 } };
    let (organizations, total) = cx.tx.organizations(of, params.get("q"), page.offset(), page.size).await?;
    let mut data = Vec::new();
    for organization in &organizations {
        match document(&mut cx, organization).await {
            Ok(resource) => data.push(resource),
            // An administrator of the site who is a member of an organization that is closed to tokens of users.
            Err(ApiError::Unauthorized) => {}
            Err(other) => return Err(other),
        }
    }
    list("/api/v2/organizations", data, Vec::new(), page.of(total))
}

async fn create(Write(mut cx): Write, doc: Doc<OrganizationInput>) -> Reply {
    let user_id = cx.require_person()?;
    let name = parsed_name(doc.attributes.name.as_deref())?;
    let email = parsed_email(doc.attributes.email.as_deref())?;
    let mut organization = create_organization(&mut cx.tx, &name, &email, &user_id, cx.now).await?;
    let is_site_admin = cx.is_site_admin();
    claim_name(&mut cx.tx, &organization, is_site_admin, cx.now).await?;
    change(&mut cx, &mut organization, &doc).await?;
    let resource = document(&mut cx, &organization).await?;
    cx.tx.update_organization(&organization).await?;
    record_names(&mut cx.tx, None, Some(Names::new(organization.name.as_str(), None)));
    cx.tx.commit().await?;
    with_warnings(StatusCode::CREATED, resource, doc.attributes.warnings())
}

async fn show(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let mut included = Vec::new();
    if params.include().contains("default_project")
        && let Some(project) = cx.tx.project(&organization.default_project_id).await?
        && cx.may_on_project(Permission::ReadProject, &organization.id, &project.id).await?
    {
        included.push(projects::document(&mut cx, &project, &organization).await?);
    }
    ok_with(document(&mut cx, &organization).await?, included)
}

async fn update(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<OrganizationInput>) -> Reply {
    let mut organization = to_change(&mut cx, &name).await?;
    let kept = match doc.attributes.keep_subject_days {
        Some(days) => Some(keep_for_days(&mut cx, &scope_of(&organization), days).await?),
        None => None,
    };
    change(&mut cx, &mut organization, &doc).await?;
    let is_site_admin = cx.is_site_admin();
    claim_name(&mut cx.tx, &organization, is_site_admin, cx.now).await?;
    let resource = match document(&mut cx, &organization).await {
        // The way back for administrators of the site who are members themselves.
        Err(ApiError::Unauthorized) if cx.is_site_admin() => {
            cx.tx.update_organization(&organization).await.map_err(taken)?;
            document(&mut cx, &organization).await?
        }
        other => other?,
    };
    cx.tx.update_organization(&organization).await.map_err(taken)?;
    let after = Names { kept: kept.as_ref(), ..Names::new(organization.name.as_str(), None) };
    record_names(&mut cx.tx, Some(Names::new(name.as_str(), None)), Some(after));
    let mut warnings = doc.attributes.warnings();
    if name != organization.name {
        let renamed = Renamed {
            part: SubjectPart::Organization,
            path_id: organization.name.as_str(),
            old_name: name.as_str(),
            kept_until: kept.as_ref().and_then(|kept| kept["until"].as_str()),
        };
        warnings.extend(rename_warning(&mut cx.tx, (&organization.id, None), &renamed, cx.now).await?);
    }
    cx.tx.commit().await?;
    with_warnings(StatusCode::OK, resource, warnings)
}

fn scope_of(organization: &Organization) -> SubjectScopes {
    SubjectScopes { organization_id: organization.id.clone(), project_id: None, workspace_id: None }
}

/// Whoever closed an organization to tokens of users opens it again with a token of the organization or of its owners' team;
/// administrators of the site do it with their own.
async fn to_change(cx: &mut Context, name: &OrgName) -> Result<Organization, ApiError> {
    if cx.is_site_admin() {
        return cx.tx.organization(name).await?.ok_or(ApiError::NotFound);
    }
    cx.organization(name, Permission::ManageOrganization).await
}

async fn delete(Write(mut cx): Write, Id(name): Id<OrgName>) -> Reply {
    let organization = cx.organization(&name, Permission::ManageOrganization).await?;
    refuse_while_running(&mut cx, &organization).await?;
    let mut contents = Vec::new();
    for workspace in cx.tx.workspace_ids(&organization.id).await? {
        contents.push(cx.tx.workspace_contents(&workspace).await?);
    }
    let registry = cx.tx.registry_blobs(&organization.id).await?;
    cx.tx.delete_organization(&organization.id).await?;
    record_names(&mut cx.tx, Some(Names::new(organization.name.as_str(), None)), None);
    cx.tx.commit().await?;
    for contents in contents {
        delete_blobs(&cx.app, contents).await;
    }
    for file in &registry {
        delete_blob(&cx.app, registry_modules::blob(file)).await;
    }
    no_content()
}

async fn refuse_while_running(cx: &mut Context, organization: &Organization) -> Result<(), ApiError> {
    if cx.tx.organization_has_running_jobs(&organization.id).await? {
        return Err(ApiError::Conflict(
            "a run of this organization is executing; cancel it first".to_owned(),
        ));
    }
    Ok(())
}

async fn entitlements(Read(mut cx): Read, Id(name): Id<OrgName>) -> Reply {
    let organization = cx.organization(&name, Permission::ReadEntitlements).await?;
    ok(entitlement_set(&organization))
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::attribute("name", "Name has already been taken"),
        other => other.into(),
    }
}

/// Gives the organization its name, for good. A name that another one had may still be trusted somewhere, so only an
/// administrator of the site gives it out again.
pub(crate) async fn claim_name(
    tx: &mut Tx,
    organization: &Organization,
    may_reuse: bool,
    now: Timestamp,
) -> Result<(), ApiError> {
    let kept = (SubjectPart::Organization, organization.id.as_str(), organization.name.as_str());
    refuse_kept_name(tx, kept, &organization.id, now).await?;
    match tx.claim_organization_name(&organization.id, &organization.name, may_reuse).await? {
        NameClaim::Granted => Ok(()),
        NameClaim::Taken => Err(taken(StoreError::Conflict)),
        NameClaim::Retired => Err(ApiError::attribute(
            "name",
            "Name has already been taken by an organization that has another name now or is deleted, and clouds may still \
             trust it; an administrator of the site can give it out again",
        )),
    }
}

/// Stores a new organization with its default project and its first owner.
pub(crate) async fn create_organization(
    tx: &mut Tx,
    name: &OrgName,
    email: &str,
    owner: &UserId,
    now: Timestamp,
) -> Result<Organization, ApiError> {
    let organization = Organization {
        id: OrgId::from_entropy(entropy()?),
        name: name.clone(),
        email: email.to_owned(),
        default_project_id: ProjectId::from_entropy(entropy()?),
        identity_token_ttl: None,
        static_credentials: StaticCredentials::default(),
        settings: OrganizationSettings::default(),
        created_at: now,
    };
    let project = Project {
        id: organization.default_project_id.clone(),
        organization_id: organization.id.clone(),
        name: DEFAULT_PROJECT.parse()?,
        description: String::new(),
        auto_destroy_activity_duration: None,
        default_execution: None,
        created_at: now,
    };
    tx.insert_organization(&organization).await.map_err(taken)?;
    tx.insert_project(&project).await?;
    join_organization(tx, &organization.id, owner, now).await?;
    let owners = Team {
        id: TeamId::from_entropy(entropy()?),
        organization_id: organization.id.clone(),
        name: OWNERS.to_owned(),
        is_owners: true,
        visibility: TeamVisibility::Organization,
        sso_team_id: None,
        member_token_management: true,
        access: OrganizationAccess::ALL,
        created_at: now,
    };
    tx.insert_team(&owners).await?;
    tx.add_team_member(&owners.id, owner).await?;
    Ok(organization)
}

/// Makes a user an active member, without any team.
pub(crate) async fn join_organization(
    tx: &mut Tx,
    organization: &OrgId,
    user: &UserId,
    now: Timestamp,
) -> Result<(), ApiError> {
    let membership = Membership {
        id: MembershipId::from_entropy(entropy()?),
        organization_id: organization.clone(),
        user_id: user.clone(),
        status: MembershipStatus::Active,
        created_at: now,
    };
    Ok(tx.insert_membership(&membership).await?)
}

#[cfg(test)]
mod tests;
