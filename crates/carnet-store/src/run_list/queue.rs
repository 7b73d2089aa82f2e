//! The queue of an organization.

use carnet_model::{OrgId, Run};

use super::grantee_id;
use crate::db::{StoreError, Tx};
use crate::run::run;
use crate::standing::Grantee;

/// The rank of a run `q`, as [`carnet_model::RunStatus::queue_rank`] has it.
macro_rules! rank {
    () => {
        "CASE WHEN q.status IN ('planning', 'applying') THEN 0 \
         WHEN q.status IN ('plan_queued', 'apply_queued') THEN 1 ELSE 2 END"
    };
}

/// The runs `q` that execute or wait for an agent or their workspace.
macro_rules! queued {
    () => {
        "FROM runs q WHERE q.organization_id = $1 AND q.is_final = FALSE \
         AND q.status IN ('pending', 'plan_queued', 'planning', 'confirmed', 'apply_queued', 'applying')"
    };
}

macro_rules! visible {
    ($id:literal) => {
        concat!(
            queued!(),
            " AND (",
            $id,
            " = '' OR q.workspace_id IN (SELECT w.id FROM workspaces w WHERE w.organization_id = $1 AND ",
            granted!($id),
            "))"
        )
    };
}

impl Tx {
    /// Some runs of an organization that execute or wait: those that execute first, then those that wait for an agent, then by
    /// age; with a grantee, those of workspaces whose runs it was granted to see.
    pub async fn organization_queue(
        &mut self,
        organization: &OrgId,
        grantee: Option<&Grantee>,
        (offset, limit): (u64, u64),
    ) -> Result<Vec<Run>, StoreError> {
        let sql = concat!(
            "SELECT * FROM runs q WHERE q.id IN (SELECT q.id ",
            visible!("$2"),
            " ORDER BY ",
            rank!(),
            ", q.created_at, q.id LIMIT $3 OFFSET $4) ORDER BY ",
            rank!(),
            ", q.created_at, q.id"
        );
        let binds = [organization.into(), grantee_id(grantee).into(), limit.into(), offset.into()];
        let rows = self.all(sql, &binds).await?;
        rows.iter().map(run).collect()
    }

    /// How many runs of an organization execute or wait, as far as the grantee may see them.
    pub async fn organization_queue_length(
        &mut self,
        organization: &OrgId,
        grantee: Option<&Grantee>,
    ) -> Result<u64, StoreError> {
        let sql = concat!("SELECT COUNT(*) AS total ", visible!("$2"));
        self.total(sql, &[organization.into(), grantee_id(grantee).into()]).await
    }

    /// How many runs stand before this one in the queue of its organization; 0 for a run that is not in it.
    pub async fn queue_position(&mut self, run: &Run) -> Result<u64, StoreError> {
        let Some(own) = run.status.queue_rank() else {
            return Ok(0);
        };
        let sql = concat!(
            "SELECT COUNT(*) AS total ",
            queued!(),
            " AND (",
            rank!(),
            " < $2 OR (",
            rank!(),
            " = $2 AND (q.created_at < $3 OR (q.created_at = $3 AND q.id < $4))))"
        );
        let binds = [(&run.organization_id).into(), own.into(), run.created_at.into(), (&run.id).into()];
        self.total(sql, &binds).await
    }
}
