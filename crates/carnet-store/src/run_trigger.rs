//! Run triggers.

use carnet_model::{RunTrigger, RunTriggerId, TriggerDirection, WorkspaceId};

use crate::db::{Row, StoreError, Tx};
use crate::granted::{id_of, is_granted};
use crate::standing::Grantee;

fn trigger(row: &Row) -> Result<RunTrigger, StoreError> {
    Ok(RunTrigger {
        id: row.parsed("id")?,
        workspace_id: row.parsed("workspace_id")?,
        workspace_name: row.parsed("workspace_name")?,
        source_id: row.parsed("source_id")?,
        source_name: row.parsed("source_name")?,
        created_at: row.time("created_at")?,
    })
}

macro_rules! triggers {
    ($($tail:expr),+) => {
        concat!(
            "SELECT t.*, w.name AS workspace_name, s.name AS source_name FROM run_triggers t ",
            "JOIN workspaces w ON w.id = t.workspace_id JOIN workspaces s ON s.id = t.source_id WHERE ",
            $($tail),+
        )
    };
}

impl Tx {
    /// Stores a new trigger; a second one between the same workspaces is a conflict.
    pub async fn insert_run_trigger(&mut self, trigger: &RunTrigger) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO run_triggers (id, workspace_id, source_id, created_at) VALUES ($1, $2, $3, $4)",
            &[
                (&trigger.id).into(),
                (&trigger.workspace_id).into(),
                (&trigger.source_id).into(),
                trigger.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The trigger of this id.
    pub async fn run_trigger(&mut self, id: &RunTriggerId) -> Result<Option<RunTrigger>, StoreError> {
        let row = self.optional(triggers!("t.id = $1"), &[id.into()]).await?;
        row.as_ref().map(trigger).transpose()
    }

    /// Some triggers of a workspace, the oldest first; with a grantee, those whose other end it was granted to see.
    pub async fn run_triggers(
        &mut self,
        workspace: &WorkspaceId,
        direction: TriggerDirection,
        grantee: Option<&Grantee>,
        (offset, limit): (u64, u64),
    ) -> Result<Vec<RunTrigger>, StoreError> {
        let sql = match direction {
            TriggerDirection::Inbound => triggers!(
                "t.workspace_id = $1 AND ",
                is_granted!("s", "$4", ""),
                " ORDER BY t.created_at, t.id LIMIT $2 OFFSET $3"
            ),
            TriggerDirection::Outbound => triggers!(
                "t.source_id = $1 AND ",
                is_granted!("w", "$4", ""),
                " ORDER BY t.created_at, t.id LIMIT $2 OFFSET $3"
            ),
        };
        let binds = [workspace.into(), limit.into(), offset.into(), id_of(grantee).into()];
        let rows = self.all(sql, &binds).await?;
        rows.iter().map(trigger).collect()
    }

    /// How many triggers a workspace has; with a grantee, those whose other end it was granted to see.
    pub async fn run_trigger_count(
        &mut self,
        workspace: &WorkspaceId,
        direction: TriggerDirection,
        grantee: Option<&Grantee>,
    ) -> Result<u64, StoreError> {
        let sql = match direction {
            TriggerDirection::Inbound => concat!(
                "SELECT COUNT(*) AS total FROM run_triggers t JOIN workspaces s ON s.id = t.source_id ",
                "WHERE t.workspace_id = $1 AND ",
                is_granted!("s", "$2", "")
            ),
            TriggerDirection::Outbound => concat!(
                "SELECT COUNT(*) AS total FROM run_triggers t JOIN workspaces w ON w.id = t.workspace_id ",
                "WHERE t.source_id = $1 AND ",
                is_granted!("w", "$2", "")
            ),
        };
        self.total(sql, &[workspace.into(), id_of(grantee).into()]).await
    }

    /// Tells whether applies of the source queue runs of the workspace.
    pub async fn has_run_trigger(
        &mut self,
        workspace: &WorkspaceId,
        source: &WorkspaceId,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT id FROM run_triggers WHERE workspace_id = $1 AND source_id = $2";
        Ok(self.optional(sql, &[workspace.into(), source.into()]).await?.is_some())
    }

    /// Removes a trigger.
    pub async fn delete_run_trigger(&mut self, id: &RunTriggerId) -> Result<(), StoreError> {
        self.execute("DELETE FROM run_triggers WHERE id = $1", &[id.into()]).await.map(drop)
    }
}
