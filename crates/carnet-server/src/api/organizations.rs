//! Organizations and what they are entitled to.

use carnet_api::jsonapi::Resource;
use carnet_model::{
    DEFAULT_PROJECT, Membership, MembershipId, MembershipStatus, NameError, OWNERS, OrgId, OrgName,
    Organization, OrganizationAccess, Permission, Project, ProjectId, StaticCredentials, Team, TeamId,
    TeamVisibility, Timestamp, UserId,
};
use carnet_store::{StoreError, Tx, WorkspaceFilter};
use serde::Deserialize;
use serde_json::{Value, json};

use super::credential_rules::{identity_token_ttl, static_credentials};
use super::workspace_blobs::delete_blobs;
use crate::app::entropy;
use crate::document::{Doc, present};
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, created, list, no_content, ok, ok_with, page_of};
use crate::route::{Access, Routes};

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

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct OrganizationInput {
    name: Option<String>,
    email: Option<String>,
    #[serde(default, deserialize_with = "present")]
    identity_token_ttl: Option<Option<Value>>,
    static_credentials: Option<String>,
}

impl OrganizationInput {
    /// Puts what it says about credentials into the organization; `true` when it says anything.
    fn change_credential_rules(&self, organization: &mut Organization) -> Result<bool, ApiError> {
        if let Some(ttl) = &self.identity_token_ttl {
            organization.identity_token_ttl = identity_token_ttl(ttl.as_ref())?;
        }
        if let Some(text) = &self.static_credentials {
            organization.static_credentials = static_credentials(text)?;
        }
        Ok(self.identity_token_ttl.is_some() || self.static_credentials.is_some())
    }
}

async fn index(Read(mut cx): Read, params: Params) -> Reply {
    let user_id = cx.require_user()?;
    let is_site_admin = cx.tx.user(&user_id).await?.is_some_and(|user| user.is_site_admin);
    let mut organizations = cx.tx.organizations((!is_site_admin).then_some(&user_id)).await?;
    if let Some(part) = params.get("q") {
        organizations.retain(|organization| organization.name.as_str().contains(part));
    }
    let (organizations, pagination) = page_of(organizations, params.page()?);
    let data = organizations.iter().map(|organization| resource(organization, true)).collect();
    list("/api/v2/organizations", data, Vec::new(), pagination)
}

async fn create(Write(mut cx): Write, doc: Doc<OrganizationInput>) -> Reply {
    let user_id = cx.require_user()?;
    let name = parsed_name(doc.attributes.name.as_deref())?;
    let email = doc.attributes.email.as_deref();
    let email = email.ok_or_else(|| ApiError::attribute("email", "Email can't be blank"))?;
    let mut organization = create_organization(&mut cx.tx, &name, email, &user_id, cx.now).await?;
    if doc.attributes.change_credential_rules(&mut organization)? {
        cx.tx.update_organization(&organization).await?;
    }
    cx.tx.commit().await?;
    created(resource(&organization, true))
}

async fn show(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let mut included = Vec::new();
    if params.include().contains("default_project")
        && let Some(project) = cx.tx.project(&organization.default_project_id).await?
    {
        included.push(super::projects::resource(&project, &organization, 0));
    }
    let can_administer = cx.may(Permission::ManageOrganization, &organization.id, None).await?;
    ok_with(resource(&organization, can_administer), included)
}

async fn update(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<OrganizationInput>) -> Reply {
    let mut organization = cx.organization(&name, Permission::ManageOrganization).await?;
    if doc.attributes.name.is_some() {
        organization.name = parsed_name(doc.attributes.name.as_deref())?;
    }
    doc.attributes.change_credential_rules(&mut organization)?;
    if let Some(email) = doc.attributes.email {
        organization.email = email;
    }
    cx.tx.update_organization(&organization).await.map_err(taken)?;
    cx.tx.commit().await?;
    ok(resource(&organization, true))
}

async fn delete(Write(mut cx): Write, Id(name): Id<OrgName>) -> Reply {
    let organization = cx.organization(&name, Permission::ManageOrganization).await?;
    refuse_while_running(&mut cx, &organization).await?;
    let mut contents = Vec::new();
    for workspace in cx.tx.workspaces(&organization.id, &WorkspaceFilter::default()).await? {
        contents.push(cx.tx.workspace_contents(&workspace.id).await?);
    }
    cx.tx.delete_organization(&organization.id).await?;
    cx.tx.commit().await?;
    for contents in contents {
        delete_blobs(&cx.app, contents).await;
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
    let attributes = json!({
        "operations": true,
        "state-storage": true,
        "agents": false,
        "teams": false,
        "private-module-registry": false,
        "vcs-integrations": false,
        "audit-logging": false,
        "cost-estimation": false,
        "sentinel": false,
        "policy-enforcement": false,
        "run-tasks": false,
        "global-run-tasks": false,
        "private-run-tasks": false,
        "sso": false,
        "configuration-designer": false,
        "user-limit": null,
    });
    let path = format!("/api/v2/organizations/{}/entitlement-set", organization.name);
    ok(Resource::new("entitlement-sets", &organization.id, attributes).link("self", path))
}

fn parsed_name(name: Option<&str>) -> Result<OrgName, ApiError> {
    let name = name.ok_or_else(|| ApiError::attribute("name", "Name can't be blank"))?;
    name.parse().map_err(|error: NameError| error.into())
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::attribute("name", "Name has already been taken"),
        other => other.into(),
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
        created_at: now,
    };
    let project = Project {
        id: organization.default_project_id.clone(),
        organization_id: organization.id.clone(),
        name: DEFAULT_PROJECT.parse()?,
        description: String::new(),
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

/// An organization as clients read it.
pub(crate) fn resource(organization: &Organization, can_administer: bool) -> Resource {
    let attributes = json!({
        "name": organization.name.as_str(),
        "external-id": organization.id.as_str(),
        "email": organization.email,
        "created-at": organization.created_at,
        "collaborator-auth-policy": "password",
        "cost-estimation-enabled": false,
        "assessments-enforced": false,
        "default-execution-mode": "remote",
        "identity-token-ttl": organization.identity_token_ttl.map(|ttl| ttl.as_seconds()),
        "static-credentials": organization.static_credentials.as_str(),
        "allow-force-delete-workspaces": true,
        "is-unified": false,
        "saml-enabled": false,
        "two-factor-conformant": true,
        "permissions": permissions(can_administer),
    });
    Resource::new("organizations", &organization.name, attributes)
        .to_one("default-project", "projects", Some(&organization.default_project_id))
        .to_one("entitlement-set", "entitlement-sets", Some(&organization.id))
        .link("self", format!("/api/v2/organizations/{}", organization.name))
}

fn permissions(can_administer: bool) -> Value {
    json!({
        "can-update": can_administer,
        "can-destroy": can_administer,
        "can-create-workspace": can_administer,
        "can-create-project": can_administer,
        "can-manage-tags": can_administer,
        "can-traverse": true,
        "can-create-team": false,
        "can-create-workspace-migration": false,
        "can-deploy-no-code-modules": false,
        "can-enable-stacks": false,
        "can-manage-auditing": false,
        "can-manage-no-code-modules": false,
        "can-manage-run-tasks": false,
        "can-manage-users": false,
        "can-manage-varsets": can_administer,
        "can-read-varsets": true,
        "can-update-agent-pools": false,
        "can-update-api-token": false,
        "can-update-oauth": false,
        "can-update-sentinel": false,
        "can-update-ssh-keys": false,
        "can-view-usage": false,
    })
}
