//! What the teams of a caller were granted.

use carnet_model::{
    OrgId, OrganizationAccess, ProjectAccess, ProjectId, ProjectLevel, Standing, TeamId, UserId,
    WorkspaceAccess, WorkspaceId, WorkspaceLevel,
};

use crate::db::{Row, StoreError, Tx};

/// Whose grants count.
#[derive(Debug, Clone)]
pub enum Grantee {
    /// A user, with all of the user's teams.
    User(UserId),
    /// One team.
    Team(TeamId),
}

impl Grantee {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::User(id) => id.as_str(),
            Self::Team(id) => id.as_str(),
        }
    }
}

/// What the columns of a team's organization access hold.
pub(crate) fn organization_access(row: &Row) -> Result<OrganizationAccess, StoreError> {
    let mut access = OrganizationAccess::default();
    for name in row.text("organization_access")?.split_whitespace() {
        if !access.set(name, true) {
            return Err(crate::db::corrupt("organization_access"));
        }
    }
    Ok(access)
}

/// What the columns of a team's access to a workspace hold.
pub(crate) fn workspace_access(row: &Row) -> Result<WorkspaceAccess, StoreError> {
    let level: WorkspaceLevel = row.parsed("level")?;
    match WorkspaceAccess::of_level(level) {
        Some(access) => Ok(access),
        None => workspace_columns(row),
    }
}

fn workspace_columns(row: &Row) -> Result<WorkspaceAccess, StoreError> {
    Ok(WorkspaceAccess {
        runs: row.parsed("runs")?,
        variables: row.parsed("variables")?,
        credential_variables: row.parsed("credential_variables")?,
        state_versions: row.parsed("state_versions")?,
        sentinel_mocks: row.parsed("sentinel_mocks")?,
        locking: row.boolean("locking")?,
        run_tasks: row.boolean("run_tasks")?,
        policy_overrides: row.boolean("policy_overrides")?,
        administers: false,
    })
}

/// What the columns of a team's access to a project hold.
pub(crate) fn project_access(row: &Row) -> Result<ProjectAccess, StoreError> {
    let level: ProjectLevel = row.parsed("level")?;
    if let Some(access) = ProjectAccess::of_level(level) {
        return Ok(access);
    }
    Ok(ProjectAccess {
        settings: row.parsed("settings")?,
        teams: row.parsed("teams")?,
        variable_sets: row.parsed("variable_sets")?,
        workspaces: workspace_columns(row)?,
        create: row.boolean("creating")?,
        moves: row.boolean("moving")?,
        delete: row.boolean("deleting")?,
    })
}

impl Tx {
    /// What a user or a team may do in the organization as such.
    pub async fn standing(
        &mut self,
        organization: &OrgId,
        grantee: &Grantee,
    ) -> Result<Standing, StoreError> {
        let mut standing = Standing::default();
        let rows = match grantee {
            Grantee::User(user) => {
                let membership = self
                    .optional(
                        "SELECT o.credential_variables_need_admin FROM memberships m \
                         JOIN organizations o ON o.id = m.organization_id \
                         WHERE m.organization_id = $1 AND m.user_id = $2 AND m.status = 'active'",
                        &[organization.into(), user.into()],
                    )
                    .await?;
                let Some(membership) = membership else { return Ok(standing) };
                standing.is_member = true;
                standing.credential_variables_need_admin =
                    membership.boolean("credential_variables_need_admin")?;
                self.all(
                    "SELECT t.is_owners, t.organization_access FROM team_members m JOIN teams t ON t.id = m.team_id \
                     WHERE m.user_id = $1 AND t.organization_id = $2",
                    &[user.into(), organization.into()],
                )
                .await?
            }
            Grantee::Team(team) => {
                let sql = "SELECT t.is_owners, t.organization_access, o.credential_variables_need_admin FROM teams t \
                           JOIN organizations o ON o.id = t.organization_id \
                           WHERE t.id = $1 AND t.organization_id = $2";
                let rows = self.all(sql, &[team.into(), organization.into()]).await?;
                standing.is_member = !rows.is_empty();
                for row in &rows {
                    standing.credential_variables_need_admin |=
                        row.boolean("credential_variables_need_admin")?;
                }
                rows
            }
        };
        for row in &rows {
            standing.is_owner |= row.boolean("is_owners")?;
            standing.organization = standing.organization.union(organization_access(row)?);
        }
        Ok(standing)
    }

    /// Everything that the teams may do on a project together.
    pub async fn granted_on_project(
        &mut self,
        project: &ProjectId,
        grantee: &Grantee,
    ) -> Result<Option<ProjectAccess>, StoreError> {
        let sql = match grantee {
            Grantee::User(_) => {
                "SELECT p.* FROM team_projects p JOIN team_members m ON m.team_id = p.team_id \
                 WHERE p.project_id = $1 AND m.user_id = $2"
            }
            Grantee::Team(_) => "SELECT * FROM team_projects WHERE project_id = $1 AND team_id = $2",
        };
        let rows = self.all(sql, &[project.into(), grantee.id().into()]).await?;
        let mut granted = None;
        for row in &rows {
            let access = project_access(row)?;
            granted = Some(granted.map_or(access, |other: ProjectAccess| other.union(access)));
        }
        Ok(granted)
    }

    /// Everything that the teams may do on a workspace together, what its project grants left aside.
    pub async fn granted_on_workspace(
        &mut self,
        workspace: &WorkspaceId,
        grantee: &Grantee,
    ) -> Result<Option<WorkspaceAccess>, StoreError> {
        let sql = match grantee {
            Grantee::User(_) => {
                "SELECT w.* FROM team_workspaces w JOIN team_members m ON m.team_id = w.team_id \
                 WHERE w.workspace_id = $1 AND m.user_id = $2"
            }
            Grantee::Team(_) => "SELECT * FROM team_workspaces WHERE workspace_id = $1 AND team_id = $2",
        };
        let rows = self.all(sql, &[workspace.into(), grantee.id().into()]).await?;
        let mut granted = None;
        for row in &rows {
            let access = workspace_access(row)?;
            granted = Some(granted.map_or(access, |other: WorkspaceAccess| other.union(access)));
        }
        Ok(granted)
    }

    /// The project that a workspace is in.
    pub async fn project_of_workspace(&mut self, id: &WorkspaceId) -> Result<Option<ProjectId>, StoreError> {
        let row = self.optional("SELECT project_id FROM workspaces WHERE id = $1", &[id.into()]).await?;
        row.map(|row| row.parsed("project_id")).transpose()
    }

    /// Tells whether any project or workspace of the organization was granted to the teams.
    pub async fn has_grants(&mut self, organization: &OrgId, grantee: &Grantee) -> Result<bool, StoreError> {
        let sql = match grantee {
            Grantee::User(_) => {
                "SELECT t.id FROM teams t JOIN team_members m ON m.team_id = t.id \
                 WHERE t.organization_id = $1 AND m.user_id = $2 \
                 AND (EXISTS (SELECT 1 FROM team_workspaces w WHERE w.team_id = t.id) \
                 OR EXISTS (SELECT 1 FROM team_projects p WHERE p.team_id = t.id)) LIMIT 1"
            }
            Grantee::Team(_) => {
                "SELECT t.id FROM teams t WHERE t.organization_id = $1 AND t.id = $2 \
                 AND (EXISTS (SELECT 1 FROM team_workspaces w WHERE w.team_id = t.id) \
                 OR EXISTS (SELECT 1 FROM team_projects p WHERE p.team_id = t.id)) LIMIT 1"
            }
        };
        Ok(self.optional(sql, &[organization.into(), grantee.id().into()]).await?.is_some())
    }
}
