//! What teams may do on workspaces and projects.

use carnet_model::{
    ProjectId, TeamId, TeamProject, TeamProjectId, TeamWorkspace, TeamWorkspaceId, WorkspaceAccess,
    WorkspaceId,
};

use crate::db::{Bind, Row, StoreError, Tx};
use crate::standing::{project_access, workspace_access};

fn team_workspace(row: &Row) -> Result<TeamWorkspace, StoreError> {
    Ok(TeamWorkspace {
        id: row.parsed("id")?,
        team_id: row.parsed("team_id")?,
        workspace_id: row.parsed("workspace_id")?,
        level: row.parsed("level")?,
        access: workspace_access(row)?,
        created_at: row.time("created_at")?,
    })
}

fn team_project(row: &Row) -> Result<TeamProject, StoreError> {
    Ok(TeamProject {
        id: row.parsed("id")?,
        team_id: row.parsed("team_id")?,
        project_id: row.parsed("project_id")?,
        level: row.parsed("level")?,
        access: project_access(row)?,
        created_at: row.time("created_at")?,
    })
}

fn workspace_binds(access: &WorkspaceAccess) -> [Bind; 8] {
    [
        access.runs.as_str().into(),
        access.variables.as_str().into(),
        access.state_versions.as_str().into(),
        access.sentinel_mocks.as_str().into(),
        access.locking.into(),
        access.run_tasks.into(),
        access.policy_overrides.into(),
        access.credential_variables.as_str().into(),
    ]
}

fn project_binds(grant: &TeamProject) -> Vec<Bind> {
    let access = &grant.access;
    let mut binds: Vec<Bind> = vec![(&grant.id).into(), grant.level.as_str().into()];
    binds.extend(workspace_binds(&access.workspaces));
    binds.extend([
        access.settings.as_str().into(),
        access.teams.as_str().into(),
        access.variable_sets.as_str().into(),
        access.create.into(),
        access.delete.into(),
        access.moves.into(),
    ]);
    binds
}

impl Tx {
    /// Stores what a team may do on a workspace; a second grant for the same pair is a conflict.
    pub async fn insert_team_workspace(&mut self, grant: &TeamWorkspace) -> Result<(), StoreError> {
        let mut binds: Vec<Bind> = vec![(&grant.id).into(), grant.level.as_str().into()];
        binds.extend(workspace_binds(&grant.access));
        binds.extend([(&grant.team_id).into(), (&grant.workspace_id).into(), grant.created_at.into()]);
        self.execute(
            "INSERT INTO team_workspaces (id, level, runs, variables, state_versions, sentinel_mocks, locking, \
             run_tasks, policy_overrides, credential_variables, team_id, workspace_id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            &binds,
        )
        .await
        .map(drop)
    }

    /// Saves what a team may do on a workspace.
    pub async fn update_team_workspace(&mut self, grant: &TeamWorkspace) -> Result<(), StoreError> {
        let mut binds: Vec<Bind> = vec![(&grant.id).into(), grant.level.as_str().into()];
        binds.extend(workspace_binds(&grant.access));
        self.execute(
            "UPDATE team_workspaces SET level = $2, runs = $3, variables = $4, state_versions = $5, \
             sentinel_mocks = $6, locking = $7, run_tasks = $8, policy_overrides = $9, credential_variables = $10 WHERE id = $1",
            &binds,
        )
        .await
        .map(drop)
    }

    /// The grant of this id.
    pub async fn team_workspace(
        &mut self,
        id: &TeamWorkspaceId,
    ) -> Result<Option<TeamWorkspace>, StoreError> {
        let row = self.optional("SELECT * FROM team_workspaces WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(team_workspace).transpose()
    }

    /// What teams may do on a workspace, the oldest grant first.
    pub async fn team_workspaces(&mut self, id: &WorkspaceId) -> Result<Vec<TeamWorkspace>, StoreError> {
        let sql = "SELECT * FROM team_workspaces WHERE workspace_id = $1 ORDER BY created_at, id";
        self.all(sql, &[id.into()]).await?.iter().map(team_workspace).collect()
    }

    /// Takes a grant away.
    pub async fn delete_team_workspace(&mut self, id: &TeamWorkspaceId) -> Result<(), StoreError> {
        self.execute("DELETE FROM team_workspaces WHERE id = $1", &[id.into()]).await.map(drop)
    }

    /// Stores what a team may do on a project; a second grant for the same pair is a conflict.
    pub async fn insert_team_project(&mut self, grant: &TeamProject) -> Result<(), StoreError> {
        let mut binds = project_binds(grant);
        binds.extend([(&grant.team_id).into(), (&grant.project_id).into(), grant.created_at.into()]);
        self.execute(
            "INSERT INTO team_projects (id, level, runs, variables, state_versions, sentinel_mocks, locking, \
             run_tasks, policy_overrides, credential_variables, settings, teams, variable_sets, creating, deleting, \
             moving, team_id, project_id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
            &binds,
        )
        .await
        .map(drop)
    }

    /// Saves what a team may do on a project.
    pub async fn update_team_project(&mut self, grant: &TeamProject) -> Result<(), StoreError> {
        self.execute(
            "UPDATE team_projects SET level = $2, runs = $3, variables = $4, state_versions = $5, sentinel_mocks = $6, \
             locking = $7, run_tasks = $8, policy_overrides = $9, credential_variables = $10, settings = $11, teams = $12, \
             variable_sets = $13, creating = $14, deleting = $15, moving = $16 WHERE id = $1",
            &project_binds(grant),
        )
        .await
        .map(drop)
    }

    /// The grant of this id.
    pub async fn team_project(&mut self, id: &TeamProjectId) -> Result<Option<TeamProject>, StoreError> {
        let row = self.optional("SELECT * FROM team_projects WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(team_project).transpose()
    }

    /// What teams may do on a project, the oldest grant first.
    pub async fn team_projects(&mut self, id: &ProjectId) -> Result<Vec<TeamProject>, StoreError> {
        let sql = "SELECT * FROM team_projects WHERE project_id = $1 ORDER BY created_at, id";
        self.all(sql, &[id.into()]).await?.iter().map(team_project).collect()
    }

    /// Takes a grant away.
    pub async fn delete_team_project(&mut self, id: &TeamProjectId) -> Result<(), StoreError> {
        self.execute("DELETE FROM team_projects WHERE id = $1", &[id.into()]).await.map(drop)
    }

    /// Everything that a team may do on projects and on workspaces.
    pub async fn grants_of_team(
        &mut self,
        id: &TeamId,
    ) -> Result<(Vec<TeamProject>, Vec<TeamWorkspace>), StoreError> {
        let projects = self
            .all("SELECT * FROM team_projects WHERE team_id = $1 ORDER BY project_id", &[id.into()])
            .await?;
        let workspaces = self
            .all("SELECT * FROM team_workspaces WHERE team_id = $1 ORDER BY workspace_id", &[id.into()])
            .await?;
        Ok((
            projects.iter().map(team_project).collect::<Result<_, _>>()?,
            workspaces.iter().map(team_workspace).collect::<Result<_, _>>()?,
        ))
    }
}
