//! Workspaces and their locks.

use std::collections::BTreeMap;

use carnet_model::{
    ConfigurationVersionId, Lock, LockOwner, OrgId, ProjectId, RunId, StateVersionId, Tag, Timestamp, UserId,
    Workspace, WorkspaceId, WorkspaceName,
};

use crate::db::{Row, StoreError, Tx, corrupt};
use crate::organization::{identity_token_ttl, ttl_seconds};

/// Which workspaces of an organization are wanted.
#[derive(Debug, Clone, Default)]
pub struct WorkspaceFilter {
    /// A part of the name, whatever its case.
    pub name: Option<String>,
    /// The project.
    pub project_id: Option<ProjectId>,
    /// Keys that all must be bound; with a value, that value.
    pub tags: Vec<(String, Option<String>)>,
    /// Keys of which none may be bound.
    pub excluded_tags: Vec<String>,
}

/// What a workspace holds that has blobs.
#[derive(Debug, Default)]
pub struct WorkspaceContents {
    /// Its state versions.
    pub states: Vec<StateVersionId>,
    /// Its configuration versions.
    pub configurations: Vec<ConfigurationVersionId>,
    /// Its runs.
    pub runs: Vec<RunId>,
}

impl WorkspaceFilter {
    fn matches(&self, workspace: &Workspace) -> bool {
        let has = |key: &str, value: Option<&str>| {
            workspace
                .tags
                .iter()
                .any(|tag| tag.key.eq_ignore_ascii_case(key) && value.is_none_or(|value| tag.value == value))
        };
        self.name.as_ref().is_none_or(|part| {
            workspace.name.as_str().to_ascii_lowercase().contains(&part.to_ascii_lowercase())
        }) && self.project_id.as_ref().is_none_or(|project| *project == workspace.project_id)
            && self.tags.iter().all(|(key, value)| has(key, value.as_deref()))
            && !self.excluded_tags.iter().any(|key| has(key, None))
    }
}

fn lock(row: &Row) -> Result<Option<Lock>, StoreError> {
    let reason = row.text("lock_reason")?;
    let owner = match (row.optional_parsed("locked_by_user_id")?, row.optional_parsed("locked_by_run_id")?) {
        (Some(user), _) => LockOwner::User(user),
        (None, Some(run)) => LockOwner::Run(run),
        (None, None) => return Ok(None),
    };
    Ok(Some(Lock { owner, reason }))
}

fn workspace(row: &Row) -> Result<Workspace, StoreError> {
    Ok(Workspace {
        id: row.parsed("id")?,
        name: row.parsed("name")?,
        organization_id: row.parsed("organization_id")?,
        organization_name: row.parsed("organization_name")?,
        project_id: row.parsed("project_id")?,
        project_name: row.parsed("project_name")?,
        description: row.text("description")?,
        execution_mode: row.parsed("execution_mode")?,
        terraform_version: row.text("terraform_version")?,
        working_directory: row.text("working_directory")?,
        auto_apply: row.boolean("auto_apply")?,
        allow_destroy_plan: row.boolean("allow_destroy_plan")?,
        structured_run_output: row.boolean("structured_run_output")?,
        identity_token_ttl: identity_token_ttl(row)?,
        lock: lock(row)?,
        current_run_id: row.optional_parsed("current_run_id")?,
        current_state_version_id: row.optional_parsed("current_state_version_id")?,
        current_configuration_version_id: row.optional_parsed("current_configuration_version_id")?,
        resource_count: row.count("resource_count")?,
        tags: Vec::new(),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

impl Tx {
    async fn with_tags(&mut self, row: Option<Row>) -> Result<Option<Workspace>, StoreError> {
        let Some(row) = row else {
            return Ok(None);
        };
        let mut found = workspace(&row)?;
        found.tags = self.workspace_tags(&found.id).await?.into_iter().map(|(_, tag)| tag).collect();
        Ok(Some(found))
    }

    /// The workspace of this id.
    pub async fn workspace(&mut self, id: &WorkspaceId) -> Result<Option<Workspace>, StoreError> {
        let row = self
            .optional(
                "SELECT w.*, o.name AS organization_name, p.name AS project_name FROM workspaces w \
                 JOIN organizations o ON o.id = w.organization_id JOIN projects p ON p.id = w.project_id WHERE w.id = $1",
                &[id.into()],
            )
            .await?;
        self.with_tags(row).await
    }

    /// The workspace of this name.
    pub async fn workspace_by_name(
        &mut self,
        organization: &OrgId,
        name: &WorkspaceName,
    ) -> Result<Option<Workspace>, StoreError> {
        let row = self
            .optional(
                "SELECT w.*, o.name AS organization_name, p.name AS project_name FROM workspaces w \
                 JOIN organizations o ON o.id = w.organization_id JOIN projects p ON p.id = w.project_id \
                 WHERE w.organization_id = $1 AND w.name = $2",
                &[organization.into(), name.into()],
            )
            .await?;
        self.with_tags(row).await
    }

    /// The workspaces of an organization that pass the filter, by name.
    pub async fn workspaces(
        &mut self,
        organization: &OrgId,
        filter: &WorkspaceFilter,
    ) -> Result<Vec<Workspace>, StoreError> {
        let rows = self
            .all(
                "SELECT w.*, o.name AS organization_name, p.name AS project_name FROM workspaces w \
                 JOIN organizations o ON o.id = w.organization_id JOIN projects p ON p.id = w.project_id \
                 WHERE w.organization_id = $1",
                &[organization.into()],
            )
            .await?;
        let mut tags: BTreeMap<String, Vec<Tag>> = BTreeMap::new();
        let bindings = self
            .all(
                "SELECT b.workspace_id, t.name, b.value FROM workspace_tags b JOIN tags t ON t.id = b.tag_id \
                 WHERE t.organization_id = $1",
                &[organization.into()],
            )
            .await?;
        for row in &bindings {
            let tag = Tag::new(&row.text("name")?, &row.text("value")?).map_err(|_| corrupt("name"))?;
            tags.entry(row.text("workspace_id")?).or_default().push(tag);
        }
        let mut found = Vec::new();
        for row in &rows {
            let mut one = workspace(row)?;
            one.tags = tags.remove(one.id.as_str()).unwrap_or_default();
            one.tags.sort();
            if filter.matches(&one) {
                found.push(one);
            }
        }
        found.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(found)
    }

    /// Stores a new workspace without its tags; a taken name is a conflict.
    pub async fn insert_workspace(&mut self, workspace: &Workspace) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO workspaces (id, organization_id, project_id, name, description, execution_mode, \
             terraform_version, working_directory, auto_apply, allow_destroy_plan, structured_run_output, \
             identity_token_ttl, lock_reason, resource_count, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '', 0, $13, $13)",
            &[
                (&workspace.id).into(),
                (&workspace.organization_id).into(),
                (&workspace.project_id).into(),
                (&workspace.name).into(),
                (&workspace.description).into(),
                workspace.execution_mode.as_str().into(),
                (&workspace.terraform_version).into(),
                (&workspace.working_directory).into(),
                workspace.auto_apply.into(),
                workspace.allow_destroy_plan.into(),
                workspace.structured_run_output.into(),
                ttl_seconds(workspace.identity_token_ttl).into(),
                workspace.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Saves the settings, not the lock, tags and relations; a taken name is a conflict.
    pub async fn update_workspace(
        &mut self,
        workspace: &Workspace,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE workspaces SET project_id = $2, name = $3, description = $4, execution_mode = $5, \
             terraform_version = $6, working_directory = $7, auto_apply = $8, allow_destroy_plan = $9, \
             structured_run_output = $10, identity_token_ttl = $11, updated_at = $12 WHERE id = $1",
            &[
                (&workspace.id).into(),
                (&workspace.project_id).into(),
                (&workspace.name).into(),
                (&workspace.description).into(),
                workspace.execution_mode.as_str().into(),
                (&workspace.terraform_version).into(),
                (&workspace.working_directory).into(),
                workspace.auto_apply.into(),
                workspace.allow_destroy_plan.into(),
                workspace.structured_run_output.into(),
                ttl_seconds(workspace.identity_token_ttl).into(),
                now.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Takes the lock for an owner; `false` when somebody holds it.
    pub async fn lock_workspace(&mut self, id: &WorkspaceId, lock: &Lock) -> Result<bool, StoreError> {
        let (user, run): (Option<&UserId>, Option<&RunId>) = match &lock.owner {
            LockOwner::User(user) => (Some(user), None),
            LockOwner::Run(run) => (None, Some(run)),
        };
        let taken = self
            .execute(
                "UPDATE workspaces SET locked_by_user_id = $2, locked_by_run_id = $3, lock_reason = $4 \
                 WHERE id = $1 AND locked_by_user_id IS NULL AND locked_by_run_id IS NULL",
                &[id.into(), user.into(), run.into(), (&lock.reason).into()],
            )
            .await?;
        Ok(taken > 0)
    }

    /// Gives the lock back, whoever holds it. The last snapshot of the state becomes current; a state that still waits for
    /// its bytes is given up, for its writer has lost the lock.
    pub async fn unlock_workspace(&mut self, id: &WorkspaceId) -> Result<(), StoreError> {
        self.discard_pending_states(id).await?;
        self.settle_snapshot(id).await?;
        self.execute(
            "UPDATE workspaces SET locked_by_user_id = NULL, locked_by_run_id = NULL, lock_reason = '' WHERE id = $1",
            &[id.into()],
        )
        .await
        .map(drop)
    }

    /// Notes the run that owns the workspace.
    pub async fn set_current_run(&mut self, id: &WorkspaceId, run: &RunId) -> Result<(), StoreError> {
        self.execute("UPDATE workspaces SET current_run_id = $2 WHERE id = $1", &[id.into(), run.into()])
            .await
            .map(drop)
    }

    /// Notes the state that is current and how many resources it manages.
    pub async fn set_current_state(
        &mut self,
        id: &WorkspaceId,
        state: &StateVersionId,
        resources: u32,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE workspaces SET current_state_version_id = $2, resource_count = $3, snapshot_state_version_id = NULL \
             WHERE id = $1",
            &[id.into(), state.into(), resources.into()],
        )
        .await
        .map(drop)
    }

    /// Notes the configuration that was used last.
    pub async fn set_current_configuration(
        &mut self,
        id: &WorkspaceId,
        version: &ConfigurationVersionId,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE workspaces SET current_configuration_version_id = $2 WHERE id = $1",
            &[id.into(), version.into()],
        )
        .await
        .map(drop)
    }

    /// Tells whether an agent works for the workspace.
    pub async fn workspace_has_running_jobs(&mut self, id: &WorkspaceId) -> Result<bool, StoreError> {
        let row = self
            .optional(
                "SELECT id FROM jobs WHERE workspace_id = $1 AND status = 'running' LIMIT 1",
                &[id.into()],
            )
            .await?;
        Ok(row.is_some())
    }

    /// Tells whether an agent works for any workspace of the organization.
    pub async fn organization_has_running_jobs(&mut self, id: &OrgId) -> Result<bool, StoreError> {
        let row = self
            .optional(
                "SELECT j.id FROM jobs j JOIN workspaces w ON w.id = j.workspace_id \
                 WHERE w.organization_id = $1 AND j.status = 'running' LIMIT 1",
                &[id.into()],
            )
            .await?;
        Ok(row.is_some())
    }

    /// The ids of everything of a workspace that has blobs.
    pub async fn workspace_contents(&mut self, id: &WorkspaceId) -> Result<WorkspaceContents, StoreError> {
        let states = self.all("SELECT id FROM state_versions WHERE workspace_id = $1", &[id.into()]).await?;
        let configurations =
            self.all("SELECT id FROM configuration_versions WHERE workspace_id = $1", &[id.into()]).await?;
        let runs = self.all("SELECT id FROM runs WHERE workspace_id = $1", &[id.into()]).await?;
        Ok(WorkspaceContents {
            states: states.iter().map(|row| row.parsed("id")).collect::<Result<_, _>>()?,
            configurations: configurations.iter().map(|row| row.parsed("id")).collect::<Result<_, _>>()?,
            runs: runs.iter().map(|row| row.parsed("id")).collect::<Result<_, _>>()?,
        })
    }

    /// Removes a workspace and everything below it.
    pub async fn delete_workspace(&mut self, id: &WorkspaceId) -> Result<bool, StoreError> {
        self.execute("DELETE FROM runs WHERE workspace_id = $1", &[id.into()]).await?;
        Ok(self.execute("DELETE FROM workspaces WHERE id = $1", &[id.into()]).await? > 0)
    }
}
