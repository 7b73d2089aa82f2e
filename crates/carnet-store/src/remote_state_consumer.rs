//! Workspaces that may read the state of another.

use carnet_model::WorkspaceId;

use crate::db::{StoreError, Tx};

impl Tx {
    /// Lets a workspace read the state of another.
    pub async fn add_remote_state_consumer(
        &mut self,
        workspace: &WorkspaceId,
        consumer: &WorkspaceId,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO remote_state_consumers (workspace_id, consumer_id) VALUES ($1, $2) \
             ON CONFLICT (workspace_id, consumer_id) DO NOTHING",
            &[workspace.into(), consumer.into()],
        )
        .await
        .map(drop)
    }

    /// Takes that right from a workspace again.
    pub async fn remove_remote_state_consumer(
        &mut self,
        workspace: &WorkspaceId,
        consumer: &WorkspaceId,
    ) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM remote_state_consumers WHERE workspace_id = $1 AND consumer_id = $2",
            &[workspace.into(), consumer.into()],
        )
        .await
        .map(drop)
    }

    /// Takes that right from every workspace.
    pub async fn clear_remote_state_consumers(&mut self, workspace: &WorkspaceId) -> Result<(), StoreError> {
        self.execute("DELETE FROM remote_state_consumers WHERE workspace_id = $1", &[workspace.into()])
            .await
            .map(drop)
    }

    /// Tells whether runs of `reader` may read the state of `workspace`: it is global, or shared with the project that both
    /// are in, or names the reader.
    pub async fn shares_state(
        &mut self,
        workspace: &WorkspaceId,
        reader: &WorkspaceId,
    ) -> Result<bool, StoreError> {
        let row = self
            .optional(
                "SELECT w.id FROM workspaces w JOIN workspaces r ON r.organization_id = w.organization_id \
                 WHERE w.id = $1 AND r.id = $2 AND (w.global_remote_state = TRUE \
                 OR (w.project_remote_state = TRUE AND w.project_id = r.project_id) \
                 OR EXISTS (SELECT 1 FROM remote_state_consumers c WHERE c.workspace_id = w.id AND c.consumer_id = r.id))",
                &[workspace.into(), reader.into()],
            )
            .await?;
        Ok(row.is_some())
    }
}
