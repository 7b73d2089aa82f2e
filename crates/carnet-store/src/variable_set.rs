//! Variable sets, without their variables and the places they are assigned to.

use carnet_model::{
    OrgId, ProjectId, VariableCategory, VariableKey, VariableLevel, VariableSet, VariableSetAssignment,
    VariableSetId, VariableSetName, Workspace,
};

use crate::db::{Row, StoreError, Tx};

/// A variable set that applies to a workspace.
#[derive(Debug, Clone)]
pub struct AppliedVariableSet {
    /// The set.
    pub set: VariableSet,
    /// How strong its variables are there.
    pub level: VariableLevel,
}

fn variable_set(row: &Row) -> Result<VariableSet, StoreError> {
    Ok(VariableSet {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        organization_name: row.parsed("organization_name")?,
        parent_project_id: row.optional_parsed("parent_project_id")?,
        name: row.parsed("name")?,
        description: row.text("description")?,
        is_global: row.boolean("is_global")?,
        has_priority: row.boolean("has_priority")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn applied(row: &Row, workspace: &Workspace) -> Result<Option<AppliedVariableSet>, StoreError> {
    let set = variable_set(row)?;
    let assignment = VariableSetAssignment {
        to_project: row.optional_text("assigned_project_id")?.is_some(),
        to_workspace: row.optional_text("assigned_workspace_id")?.is_some(),
    };
    let level = set.level_in(&workspace.project_id, assignment);
    Ok(level.map(|level| AppliedVariableSet { set, level }))
}

impl Tx {
    /// Stores a new variable set; a taken name is a conflict.
    pub async fn insert_variable_set(&mut self, set: &VariableSet) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO variable_sets (id, organization_id, parent_project_id, name, description, is_global, \
             has_priority, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                (&set.id).into(),
                (&set.organization_id).into(),
                set.parent_project_id.as_ref().into(),
                (&set.name).into(),
                (&set.description).into(),
                set.is_global.into(),
                set.has_priority.into(),
                set.created_at.into(),
                set.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Saves everything but the owner and the organization; a taken name is a conflict.
    pub async fn update_variable_set(&mut self, set: &VariableSet) -> Result<(), StoreError> {
        self.execute(
            "UPDATE variable_sets SET name = $2, description = $3, is_global = $4, has_priority = $5, \
             updated_at = $6 WHERE id = $1",
            &[
                (&set.id).into(),
                (&set.name).into(),
                (&set.description).into(),
                set.is_global.into(),
                set.has_priority.into(),
                set.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Removes a variable set with its variables and assignments.
    pub async fn delete_variable_set(&mut self, id: &VariableSetId) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM variable_sets WHERE id = $1", &[id.into()]).await? > 0)
    }

    /// The variable set of this id.
    pub async fn variable_set(&mut self, id: &VariableSetId) -> Result<Option<VariableSet>, StoreError> {
        let row = self
            .optional(
                "SELECT s.*, o.name AS organization_name FROM variable_sets s \
                 JOIN organizations o ON o.id = s.organization_id WHERE s.id = $1",
                &[id.into()],
            )
            .await?;
        row.as_ref().map(variable_set).transpose()
    }

    /// The variable sets of an organization, by age.
    pub async fn variable_sets(&mut self, organization: &OrgId) -> Result<Vec<VariableSet>, StoreError> {
        let rows = self
            .all(
                "SELECT s.*, o.name AS organization_name FROM variable_sets s \
                 JOIN organizations o ON o.id = s.organization_id \
                 WHERE s.organization_id = $1 ORDER BY s.created_at, s.id",
                &[organization.into()],
            )
            .await?;
        rows.iter().map(variable_set).collect()
    }

    /// The variable sets that are global or assigned to a project, by age.
    pub async fn variable_sets_of_project(
        &mut self,
        organization: &OrgId,
        project: &ProjectId,
    ) -> Result<Vec<VariableSet>, StoreError> {
        let rows = self
            .all(
                "SELECT s.*, o.name AS organization_name FROM variable_sets s \
                 JOIN organizations o ON o.id = s.organization_id \
                 LEFT JOIN variable_set_projects p ON p.variable_set_id = s.id AND p.project_id = $2 \
                 WHERE s.organization_id = $1 AND (s.is_global OR p.project_id IS NOT NULL) \
                 ORDER BY s.created_at, s.id",
                &[organization.into(), project.into()],
            )
            .await?;
        rows.iter().map(variable_set).collect()
    }

    /// The variable sets that apply to a workspace, by age.
    pub async fn applied_variable_sets(
        &mut self,
        workspace: &Workspace,
    ) -> Result<Vec<AppliedVariableSet>, StoreError> {
        let rows = self
            .all(
                "SELECT s.*, o.name AS organization_name, p.project_id AS assigned_project_id, \
                 w.workspace_id AS assigned_workspace_id FROM variable_sets s \
                 JOIN organizations o ON o.id = s.organization_id \
                 LEFT JOIN variable_set_projects p ON p.variable_set_id = s.id AND p.project_id = $2 \
                 LEFT JOIN variable_set_workspaces w ON w.variable_set_id = s.id AND w.workspace_id = $3 \
                 WHERE s.organization_id = $1 \
                 AND (s.is_global OR p.project_id IS NOT NULL OR w.workspace_id IS NOT NULL) \
                 ORDER BY s.created_at, s.id",
                &[
                    (&workspace.organization_id).into(),
                    (&workspace.project_id).into(),
                    (&workspace.id).into(),
                ],
            )
            .await?;
        rows.iter().filter_map(|row| applied(row, workspace).transpose()).collect()
    }

    /// Another global set of the organization that has a variable of this category and key.
    pub async fn global_rival(
        &mut self,
        set: &VariableSet,
        category: VariableCategory,
        key: &VariableKey,
    ) -> Result<Option<VariableSetName>, StoreError> {
        let row = self
            .optional(
                "SELECT s.name FROM variable_sets s JOIN variables v ON v.variable_set_id = s.id \
                 WHERE s.organization_id = $1 AND s.is_global AND s.id <> $2 AND v.category = $3 AND v.key = $4 \
                 ORDER BY s.created_at, s.id LIMIT 1",
                &[(&set.organization_id).into(), (&set.id).into(), category.as_str().into(), key.into()],
            )
            .await?;
        row.map(|row| row.parsed("name")).transpose()
    }
}
