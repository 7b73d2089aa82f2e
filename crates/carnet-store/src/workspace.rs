//! Workspaces and their locks.

mod list;

use carnet_model::{
    AutoDestroy, ConfigurationVersionId, Lock, LockOwner, OrgId, RunId, StateVersionId, Timestamp, UserId,
    Workspace, WorkspaceId, WorkspaceName,
};

use crate::db::{Bind, Row, StoreError, Tx};
use crate::organization::{identity_token_ttl, ttl_seconds};
use crate::run::json;

pub use self::list::{WorkspaceAudience, WorkspaceFilter, WorkspaceOrder};

/// What is read of a workspace `w`: its own columns, the names above it, the execution mode that applies, and what service
/// user holds the lock.
macro_rules! workspace_columns {
    ($source:literal) => {
        concat!(
            "SELECT w.*, o.name AS organization_name, p.name AS project_name, u.service_of AS locked_by_service_of, ",
            "CASE WHEN w.overwrites_execution_mode THEN w.execution_mode ",
            "ELSE COALESCE(p.default_execution_mode, o.default_execution_mode) END AS effective_execution_mode, ",
            "CASE WHEN w.overwrites_execution_mode THEN w.agent_pool_id ",
            "WHEN p.default_execution_mode IS NULL THEN o.default_agent_pool_id ",
            "ELSE p.default_agent_pool_id END AS effective_agent_pool_id FROM ",
            $source,
            " JOIN organizations o ON o.id = w.organization_id JOIN projects p ON p.id = w.project_id ",
            "LEFT JOIN users u ON u.id = w.locked_by_user_id "
        )
    };
}
use workspace_columns;

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

/// What the runs of a workspace took and came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkspaceStatistics {
    /// How many runs there were that were not plan-only.
    pub runs: u64,
    /// How many of all runs failed.
    pub failures: u64,
    /// How long a plan took, in milliseconds.
    pub plan_average: Option<i64>,
    /// How long an apply took, in milliseconds.
    pub apply_average: Option<i64>,
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
    let service_of = row.optional_text("locked_by_service_of")?;
    Ok(Workspace {
        id: row.parsed("id")?,
        name: row.parsed("name")?,
        organization_id: row.parsed("organization_id")?,
        organization_name: row.parsed("organization_name")?,
        project_id: row.parsed("project_id")?,
        project_name: row.parsed("project_name")?,
        description: row.text("description")?,
        execution_mode: row.parsed("effective_execution_mode")?,
        agent_pool_id: row.optional_parsed("effective_agent_pool_id")?,
        overwrites_execution_mode: row.boolean("overwrites_execution_mode")?,
        terraform_version: row.text("terraform_version")?,
        working_directory: row.text("working_directory")?,
        auto_apply: row.boolean("auto_apply")?,
        auto_apply_run_trigger: row.boolean("auto_apply_run_trigger")?,
        allow_destroy_plan: row.boolean("allow_destroy_plan")?,
        queue_all_runs: row.boolean("queue_all_runs")?,
        speculative_enabled: row.boolean("speculative_enabled")?,
        structured_run_output: row.boolean("structured_run_output")?,
        file_triggers_enabled: row.boolean("file_triggers_enabled")?,
        trigger_prefixes: row.json("trigger_prefixes")?,
        trigger_patterns: row.json("trigger_patterns")?,
        global_remote_state: row.boolean("global_remote_state")?,
        project_remote_state: row.boolean("project_remote_state")?,
        assessments_enabled: row.boolean("assessments_enabled")?,
        auto_destroy: AutoDestroy {
            at: row.optional_time("auto_destroy_at")?,
            activity_duration: row.optional_parsed("auto_destroy_activity_duration")?,
            inherits_project: row.boolean("inherits_project_auto_destroy")?,
        },
        source: row.parsed("source")?,
        source_name: row.optional_text("source_name")?,
        source_url: row.optional_text("source_url")?,
        migration_environment: row.optional_text("migration_environment")?,
        ssh_key_id: row.optional_parsed("ssh_key_id")?,
        identity_token_ttl: identity_token_ttl(row)?,
        lock: lock(row)?,
        locked_by_team_id: service_of.and_then(|team| team.parse().ok()),
        current_run_id: row.optional_parsed("current_run_id")?,
        current_state_version_id: row.optional_parsed("current_state_version_id")?,
        current_configuration_version_id: row.optional_parsed("current_configuration_version_id")?,
        resource_count: row.count("resource_count")?,
        tags: Vec::new(),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        latest_change_at: row.time("latest_change_at")?,
    })
}

/// The settings, in the order of both statements that write them; `$1` is the id.
fn settings(workspace: &Workspace, now: Timestamp) -> Result<Vec<Bind>, StoreError> {
    let own_pool = workspace.agent_pool_id.as_ref().filter(|_| workspace.overwrites_execution_mode);
    let auto_destroy = &workspace.auto_destroy;
    Ok(vec![
        (&workspace.id).into(),
        (&workspace.project_id).into(),
        (&workspace.name).into(),
        (&workspace.description).into(),
        workspace.execution_mode.as_str().into(),
        own_pool.into(),
        workspace.overwrites_execution_mode.into(),
        (&workspace.terraform_version).into(),
        (&workspace.working_directory).into(),
        workspace.auto_apply.into(),
        workspace.auto_apply_run_trigger.into(),
        workspace.allow_destroy_plan.into(),
        workspace.queue_all_runs.into(),
        workspace.speculative_enabled.into(),
        workspace.structured_run_output.into(),
        workspace.file_triggers_enabled.into(),
        json(&workspace.trigger_prefixes, "trigger_prefixes")?.into(),
        json(&workspace.trigger_patterns, "trigger_patterns")?.into(),
        workspace.global_remote_state.into(),
        workspace.project_remote_state.into(),
        workspace.assessments_enabled.into(),
        auto_destroy.at.into(),
        auto_destroy.activity_duration.as_ref().map(|duration| duration.as_str().to_owned()).into(),
        auto_destroy.inherits_project.into(),
        workspace.source_name.clone().into(),
        workspace.source_url.clone().into(),
        workspace.migration_environment.clone().into(),
        ttl_seconds(workspace.identity_token_ttl).into(),
        now.into(),
    ])
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
            .optional(concat!(workspace_columns!("workspaces w"), "WHERE w.id = $1"), &[id.into()])
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
                concat!(workspace_columns!("workspaces w"), "WHERE w.organization_id = $1 AND w.name = $2"),
                &[organization.into(), name.into()],
            )
            .await?;
        self.with_tags(row).await
    }

    /// Stores a new workspace without its tags; a taken name is a conflict.
    pub async fn insert_workspace(&mut self, workspace: &Workspace) -> Result<(), StoreError> {
        let mut binds = settings(workspace, workspace.created_at)?;
        binds.extend([(&workspace.organization_id).into(), workspace.source.as_str().into()]);
        self.execute(
            "INSERT INTO workspaces (id, project_id, name, description, execution_mode, agent_pool_id, \
             overwrites_execution_mode, terraform_version, working_directory, auto_apply, auto_apply_run_trigger, \
             allow_destroy_plan, queue_all_runs, speculative_enabled, structured_run_output, file_triggers_enabled, \
             trigger_prefixes, trigger_patterns, global_remote_state, project_remote_state, assessments_enabled, \
             auto_destroy_at, auto_destroy_activity_duration, inherits_project_auto_destroy, source_name, source_url, \
             migration_environment, identity_token_ttl, updated_at, latest_change_at, created_at, lock_reason, \
             resource_count, organization_id, source) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
             $22, $23, $24, $25, $26, $27, $28, $29, $29, $29, '', 0, $30, $31)",
            &binds,
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
            "UPDATE workspaces SET first_name = CASE WHEN name = $3 THEN first_name ELSE COALESCE(first_name, name) END, \
             project_id = $2, name = $3, description = $4, execution_mode = $5, \
             agent_pool_id = $6, overwrites_execution_mode = $7, terraform_version = $8, working_directory = $9, \
             auto_apply = $10, auto_apply_run_trigger = $11, allow_destroy_plan = $12, queue_all_runs = $13, \
             speculative_enabled = $14, structured_run_output = $15, file_triggers_enabled = $16, \
             trigger_prefixes = $17, trigger_patterns = $18, global_remote_state = $19, project_remote_state = $20, \
             assessments_enabled = $21, auto_destroy_at = $22, auto_destroy_activity_duration = $23, \
             inherits_project_auto_destroy = $24, source_name = $25, source_url = $26, migration_environment = $27, \
             identity_token_ttl = $28, updated_at = $29, latest_change_at = $29 WHERE id = $1",
            &settings(workspace, now)?,
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
        self.execute(
            "UPDATE workspaces SET current_run_id = $2, \
             latest_change_at = COALESCE((SELECT r.created_at FROM runs r WHERE r.id = $2), latest_change_at) \
             WHERE id = $1",
            &[id.into(), run.into()],
        )
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
            "UPDATE workspaces SET current_state_version_id = $2, resource_count = $3, snapshot_state_version_id = NULL, \
             latest_change_at = COALESCE((SELECT s.created_at FROM state_versions s WHERE s.id = $2), latest_change_at) \
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
        self.forget_run_counts(id).await?;
        Ok(self.execute("DELETE FROM workspaces WHERE id = $1", &[id.into()]).await? > 0)
    }

    /// What the runs of a workspace took and came to.
    pub async fn workspace_statistics(
        &mut self,
        id: &WorkspaceId,
    ) -> Result<WorkspaceStatistics, StoreError> {
        let runs = "SELECT COUNT(*) AS total FROM runs WHERE workspace_id = $1 AND plan_only = FALSE";
        let failures = "SELECT COUNT(*) AS total FROM runs WHERE workspace_id = $1 AND status = 'errored'";
        let mut found = WorkspaceStatistics {
            runs: self.total(runs, &[id.into()]).await?,
            failures: self.total(failures, &[id.into()]).await?,
            ..WorkspaceStatistics::default()
        };
        let rows = self
            .all(
                "SELECT phase, CAST(SUM(finished_at - claimed_at) / COUNT(*) AS BIGINT) AS average FROM jobs \
                 WHERE workspace_id = $1 AND claimed_at IS NOT NULL AND finished_at IS NOT NULL GROUP BY phase",
                &[id.into()],
            )
            .await?;
        for row in &rows {
            match row.text("phase")?.as_str() {
                "plan" => found.plan_average = row.optional_integer("average")?,
                _ => found.apply_average = row.optional_integer("average")?,
            }
        }
        Ok(found)
    }
}
