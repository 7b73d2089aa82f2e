//! The caller with a transaction, and what the caller may do.

use std::sync::Arc;

use carnet_model::{
    OrgId, OrgName, Organization, Permission, Place, Project, ProjectId, Standing, Timestamp, TokenId,
    TokenOwner, UserId, Workspace, WorkspaceId, is_allowed,
};
use carnet_store::{Grantee, Tx};

use crate::app::App;
use crate::error::ApiError;

/// The caller, a transaction and the moment of the request.
#[derive(Debug)]
pub(crate) struct Context {
    /// The server.
    pub app: Arc<App>,
    /// Whom the token stands for.
    pub owner: TokenOwner,
    /// The transaction.
    pub tx: Tx,
    /// The moment of the request.
    pub now: Timestamp,
    /// What the caller may do in the organization that was asked about last.
    standing: Option<(OrgId, Standing)>,
}

impl Context {
    pub(crate) fn new(app: Arc<App>, owner: TokenOwner, tx: Tx, now: Timestamp) -> Self {
        Self { app, owner, tx, now, standing: None }
    }

    /// The user who calls: for tokens of teams and organizations a service user; run and agent tokens stand for none.
    pub(crate) fn user_id(&self) -> Option<&UserId> {
        match &self.owner {
            TokenOwner::User { user_id, .. }
            | TokenOwner::Team { user_id, .. }
            | TokenOwner::Organization { user_id, .. } => Some(user_id),
            TokenOwner::AuditTrail { .. } | TokenOwner::Agent { .. } | TokenOwner::Run { .. } => None,
        }
    }

    /// The token that the caller presented, or the refusal for a token of a run.
    pub(crate) fn require_token(&self) -> Result<TokenId, ApiError> {
        match &self.owner {
            TokenOwner::User { token_id, .. }
            | TokenOwner::Team { token_id, .. }
            | TokenOwner::Organization { token_id, .. }
            | TokenOwner::AuditTrail { token_id, .. }
            | TokenOwner::Agent { token_id, .. } => Ok(token_id.clone()),
            TokenOwner::Run { .. } => Err(ApiError::NotFound),
        }
    }

    /// Whose grants count for the caller; `None` for tokens that have none.
    pub(crate) fn grantee(&self) -> Option<Grantee> {
        match &self.owner {
            TokenOwner::User { user_id, .. } => Some(Grantee::User(user_id.clone())),
            TokenOwner::Team { team_id, .. } => Some(Grantee::Team(team_id.clone())),
            TokenOwner::Organization { .. }
            | TokenOwner::AuditTrail { .. }
            | TokenOwner::Agent { .. }
            | TokenOwner::Run { .. } => None,
        }
    }

    /// The user who calls, or the refusal for a caller that is none.
    pub(crate) fn require_user(&self) -> Result<UserId, ApiError> {
        self.user_id().cloned().ok_or(ApiError::NotFound)
    }

    /// The person who calls, or the refusal for a token that stands for none.
    pub(crate) fn require_person(&self) -> Result<UserId, ApiError> {
        match &self.owner {
            TokenOwner::User { user_id, .. } => Ok(user_id.clone()),
            _ => Err(ApiError::NotFound),
        }
    }

    /// Whether the caller administers the site.
    pub(crate) fn is_site_admin(&self) -> bool {
        matches!(self.owner, TokenOwner::User { is_site_admin: true, .. })
    }

    /// What the caller may do in the organization as such.
    pub(crate) async fn standing(&mut self, organization: &OrgId) -> Result<Standing, ApiError> {
        if let Some((known, standing)) = &self.standing
            && known == organization
        {
            return Ok(*standing);
        }
        let standing = match self.grantee() {
            Some(grantee) => self.tx.standing(organization, &grantee).await?,
            None => Standing::default(),
        };
        // HCP Terraform answers 401 here, and clients rely on it; who does not belong to the organization learns nothing.
        if standing.is_member
            && matches!(self.owner, TokenOwner::User { .. })
            && !self.tx.allows_user_tokens(organization).await?
        {
            return Err(ApiError::Unauthorized);
        }
        self.standing = Some((organization.clone(), standing));
        self.tx.audit_in(organization);
        Ok(standing)
    }

    /// Tells whether the caller may do this in the organization, or on a workspace of it.
    pub(crate) async fn may(
        &mut self,
        permission: Permission,
        organization: &OrgId,
        workspace: Option<&WorkspaceId>,
    ) -> Result<bool, ApiError> {
        Ok(self.workspace_rights(organization, workspace).await?.may(permission))
    }

    /// What the caller may do in the organization, or on a workspace of it, asked once for many permissions.
    pub(crate) async fn workspace_rights(
        &mut self,
        organization: &OrgId,
        workspace: Option<&WorkspaceId>,
    ) -> Result<Rights, ApiError> {
        let mut standing = self.standing(organization).await?;
        if let Some(workspace) = workspace {
            self.add_grants_on_workspace(&mut standing, workspace).await?;
            if let TokenOwner::Run { workspace_id, .. } = &self.owner {
                standing.shares_state = self.tx.shares_state(workspace, workspace_id).await?;
            }
        }
        let place = self.place(organization, workspace).await?;
        Ok(Rights { owner: self.owner.clone(), standing, place })
    }

    /// Tells whether the caller may do this on a project of the organization.
    pub(crate) async fn may_on_project(
        &mut self,
        permission: Permission,
        organization: &OrgId,
        project: &ProjectId,
    ) -> Result<bool, ApiError> {
        let mut standing = self.standing(organization).await?;
        self.add_grants_on_project(&mut standing, project).await?;
        let place = self.place(organization, None).await?;
        Ok(is_allowed(&self.owner, &standing, place, permission))
    }

    /// What the caller may do in the organization, or on a project of it, asked once for many permissions.
    pub(crate) async fn rights(
        &mut self,
        organization: &OrgId,
        project: Option<&ProjectId>,
    ) -> Result<Rights, ApiError> {
        let mut standing = self.standing(organization).await?;
        if let Some(project) = project {
            self.add_grants_on_project(&mut standing, project).await?;
        }
        let place = self.place(organization, None).await?;
        Ok(Rights { owner: self.owner.clone(), standing, place })
    }

    async fn add_grants_on_project(
        &mut self,
        standing: &mut Standing,
        project: &ProjectId,
    ) -> Result<(), ApiError> {
        if standing.is_owner || !standing.is_member {
            return Ok(());
        }
        if let Some(grantee) = self.grantee() {
            standing.project = self.tx.granted_on_project(project, &grantee).await?;
        }
        Ok(())
    }

    async fn add_grants_on_workspace(
        &mut self,
        standing: &mut Standing,
        workspace: &WorkspaceId,
    ) -> Result<(), ApiError> {
        if standing.is_owner || !standing.is_member {
            return Ok(());
        }
        if let Some(project) = self.tx.project_of_workspace(workspace).await? {
            self.add_grants_on_project(standing, &project).await?;
        }
        if let Some(grantee) = self.grantee() {
            standing.workspace = self.tx.granted_on_workspace(workspace, &grantee).await?;
        }
        Ok(())
    }

    async fn place(
        &mut self,
        organization: &OrgId,
        workspace: Option<&WorkspaceId>,
    ) -> Result<Place, ApiError> {
        match &self.owner {
            TokenOwner::Team { organization_id, .. }
            | TokenOwner::Organization { organization_id, .. }
            | TokenOwner::AuditTrail { organization_id, .. } => {
                Ok(Place { is_own_organization: organization_id == organization, is_own_workspace: false })
            }
            TokenOwner::Run { workspace_id, .. } => {
                let own = self.tx.workspace(workspace_id).await?;
                Ok(Place {
                    is_own_organization: own.is_some_and(|own| own.organization_id == *organization),
                    is_own_workspace: workspace == Some(workspace_id),
                })
            }
            TokenOwner::User { .. } | TokenOwner::Agent { .. } => Ok(Place::default()),
        }
    }

    /// The organization of this name, if the caller may do this with it.
    pub(crate) async fn organization(
        &mut self,
        name: &OrgName,
        permission: Permission,
    ) -> Result<Organization, ApiError> {
        let organization = self.tx.organization(name).await?.ok_or(ApiError::NotFound)?;
        if !self.may(permission, &organization.id, None).await? {
            let is_visible = self.may(Permission::ReadOrganization, &organization.id, None).await?;
            return Err(self.refusal(is_visible, permission));
        }
        Ok(organization)
    }

    /// The project of this id, if the caller may do this with it.
    pub(crate) async fn project(
        &mut self,
        id: &ProjectId,
        permission: Permission,
    ) -> Result<Project, ApiError> {
        let project = self.tx.project(id).await?.ok_or(ApiError::NotFound)?;
        if !self.may_on_project(permission, &project.organization_id, id).await? {
            let is_visible =
                self.may_on_project(Permission::ReadProject, &project.organization_id, id).await?;
            return Err(self.refusal(is_visible, permission));
        }
        Ok(project)
    }

    /// The workspace of this id, if the caller may do this with it.
    pub(crate) async fn workspace(
        &mut self,
        id: &WorkspaceId,
        permission: Permission,
    ) -> Result<Workspace, ApiError> {
        let workspace = self.tx.workspace(id).await?.ok_or(ApiError::NotFound)?;
        if !self.may(permission, &workspace.organization_id, Some(id)).await? {
            let is_visible =
                self.may(Permission::ReadWorkspace, &workspace.organization_id, Some(id)).await?;
            return Err(self.refusal(is_visible, permission));
        }
        Ok(workspace)
    }

    /// What is told to a caller who may not do this: people and teams learn why when they may see the thing at all; to
    /// everybody else nothing is there, as HCP Terraform has it.
    pub(crate) fn refusal(&self, is_visible: bool, permission: Permission) -> ApiError {
        match &self.owner {
            TokenOwner::User { .. } | TokenOwner::Team { .. } if is_visible => {
                let way_out = match permission {
                    Permission::ManageOrganization | Permission::ReadAuditTrail => {
                        "that is for the owners of the organization alone"
                    }
                    _ => "an owner of the organization can grant it to one of your teams",
                };
                ApiError::Forbidden(format!("this token may not {}; {way_out}", permission.describe()))
            }
            _ => ApiError::NotFound,
        }
    }
}

/// What a caller may do at one place.
#[derive(Debug)]
pub(crate) struct Rights {
    owner: TokenOwner,
    standing: Standing,
    place: Place,
}

impl Rights {
    /// What was granted to the caller there.
    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Tells whether the caller may do this there.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        is_allowed(&self.owner, &self.standing, self.place, permission)
    }
}
