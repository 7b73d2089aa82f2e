//! Projects.

use carnet_model::{OrgId, Project, ProjectId, ProjectName};

use crate::db::{Row, StoreError, Tx};

fn project(row: &Row) -> Result<Project, StoreError> {
    Ok(Project {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        name: row.parsed("name")?,
        description: row.text("description")?,
        created_at: row.time("created_at")?,
    })
}

impl Tx {
    /// Stores a new project; a taken name is a conflict.
    pub async fn insert_project(&mut self, project: &Project) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO projects (id, organization_id, name, description, created_at) VALUES ($1, $2, $3, $4, $5)",
            &[
                (&project.id).into(),
                (&project.organization_id).into(),
                (&project.name).into(),
                (&project.description).into(),
                project.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The project of this id.
    pub async fn project(&mut self, id: &ProjectId) -> Result<Option<Project>, StoreError> {
        let row = self.optional("SELECT * FROM projects WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(project).transpose()
    }

    /// The project of this name.
    pub async fn project_by_name(
        &mut self,
        organization: &OrgId,
        name: &ProjectName,
    ) -> Result<Option<Project>, StoreError> {
        let row = self
            .optional(
                "SELECT * FROM projects WHERE organization_id = $1 AND name = $2",
                &[organization.into(), name.into()],
            )
            .await?;
        row.as_ref().map(project).transpose()
    }

    /// The projects of an organization, by age.
    pub async fn projects(&mut self, organization: &OrgId) -> Result<Vec<Project>, StoreError> {
        let rows = self
            .all(
                "SELECT * FROM projects WHERE organization_id = $1 ORDER BY created_at, id",
                &[organization.into()],
            )
            .await?;
        rows.iter().map(project).collect()
    }

    /// How many workspaces a project holds.
    pub async fn project_workspace_count(&mut self, id: &ProjectId) -> Result<u64, StoreError> {
        self.total("SELECT COUNT(*) AS total FROM workspaces WHERE project_id = $1", &[id.into()]).await
    }

    /// Saves name and description; a taken name is a conflict.
    pub async fn update_project(&mut self, project: &Project) -> Result<(), StoreError> {
        self.execute(
            "UPDATE projects SET name = $2, description = $3 WHERE id = $1",
            &[(&project.id).into(), (&project.name).into(), (&project.description).into()],
        )
        .await
        .map(drop)
    }

    /// Removes a project; one that holds workspaces is a conflict.
    pub async fn delete_project(&mut self, id: &ProjectId) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM projects WHERE id = $1", &[id.into()]).await? > 0)
    }
}
