//! Where variable sets are assigned to, and what they hold.

use carnet_model::{ProjectId, VariableId, VariableSetId, WorkspaceId};

use crate::db::{StoreError, Tx};

/// What a variable set holds and where it is assigned to; each by age.
#[derive(Debug, Clone, Default)]
pub struct VariableSetContents {
    /// The workspaces.
    pub workspaces: Vec<WorkspaceId>,
    /// The projects.
    pub projects: Vec<ProjectId>,
    /// The variables.
    pub variables: Vec<VariableId>,
}

impl Tx {
    /// The ids of a set's variables and of where it is assigned to.
    pub async fn variable_set_contents(
        &mut self,
        id: &VariableSetId,
    ) -> Result<VariableSetContents, StoreError> {
        let workspaces = self
            .all(
                "SELECT w.id FROM variable_set_workspaces a JOIN workspaces w ON w.id = a.workspace_id \
                 WHERE a.variable_set_id = $1 ORDER BY w.created_at, w.id",
                &[id.into()],
            )
            .await?;
        let projects = self
            .all(
                "SELECT p.id FROM variable_set_projects a JOIN projects p ON p.id = a.project_id \
                 WHERE a.variable_set_id = $1 ORDER BY p.created_at, p.id",
                &[id.into()],
            )
            .await?;
        let variables = self
            .all("SELECT id FROM variables WHERE variable_set_id = $1 ORDER BY created_at, id", &[id.into()])
            .await?;
        Ok(VariableSetContents {
            workspaces: workspaces.iter().map(|row| row.parsed("id")).collect::<Result<_, _>>()?,
            projects: projects.iter().map(|row| row.parsed("id")).collect::<Result<_, _>>()?,
            variables: variables.iter().map(|row| row.parsed("id")).collect::<Result<_, _>>()?,
        })
    }

    /// Assigns a variable set to a workspace; twice is once.
    pub async fn assign_to_workspace(
        &mut self,
        set: &VariableSetId,
        workspace: &WorkspaceId,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO variable_set_workspaces (variable_set_id, workspace_id) VALUES ($1, $2) \
             ON CONFLICT (variable_set_id, workspace_id) DO NOTHING",
            &[set.into(), workspace.into()],
        )
        .await
        .map(drop)
    }

    /// Assigns a variable set to a project; twice is once.
    pub async fn assign_to_project(
        &mut self,
        set: &VariableSetId,
        project: &ProjectId,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO variable_set_projects (variable_set_id, project_id) VALUES ($1, $2) \
             ON CONFLICT (variable_set_id, project_id) DO NOTHING",
            &[set.into(), project.into()],
        )
        .await
        .map(drop)
    }

    /// Takes a variable set from a workspace.
    pub async fn unassign_from_workspace(
        &mut self,
        set: &VariableSetId,
        workspace: &WorkspaceId,
    ) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM variable_set_workspaces WHERE variable_set_id = $1 AND workspace_id = $2",
            &[set.into(), workspace.into()],
        )
        .await
        .map(drop)
    }

    /// Takes a variable set from a project.
    pub async fn unassign_from_project(
        &mut self,
        set: &VariableSetId,
        project: &ProjectId,
    ) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM variable_set_projects WHERE variable_set_id = $1 AND project_id = $2",
            &[set.into(), project.into()],
        )
        .await
        .map(drop)
    }

    /// Takes a variable set from every workspace.
    pub async fn unassign_from_workspaces(&mut self, set: &VariableSetId) -> Result<(), StoreError> {
        self.execute("DELETE FROM variable_set_workspaces WHERE variable_set_id = $1", &[set.into()])
            .await
            .map(drop)
    }

    /// Takes a variable set from every project.
    pub async fn unassign_from_projects(&mut self, set: &VariableSetId) -> Result<(), StoreError> {
        self.execute("DELETE FROM variable_set_projects WHERE variable_set_id = $1", &[set.into()])
            .await
            .map(drop)
    }
}
