//! What happened to runs.

use std::collections::BTreeMap;

use carnet_model::{RunEvent, RunEventId, RunId};

use crate::db::{Row, StoreError, Tx};
use crate::search::{hundred, hundreds};

fn event(row: &Row) -> Result<RunEvent, StoreError> {
    Ok(RunEvent {
        id: row.parsed("id")?,
        run_id: row.parsed("run_id")?,
        action: row.text("action")?,
        description: row.text("description")?,
        target_id: row.optional_text("target_id")?,
        actor_id: row.optional_parsed("actor_id")?,
        created_at: row.time("created_at")?,
    })
}

impl Tx {
    /// Stores a new event.
    pub async fn insert_run_event(&mut self, event: &RunEvent) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO run_events (id, run_id, action, description, actor_id, created_at, target_id, place) \
             SELECT $1, $2, $3, $4, $5, $6, $7, COUNT(*) FROM run_events WHERE run_id = $2",
            &[
                (&event.id).into(),
                (&event.run_id).into(),
                (&event.action).into(),
                (&event.description).into(),
                event.actor_id.as_ref().into(),
                event.created_at.into(),
                event.target_id.clone().into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The events of a run, in the order in which they happened.
    pub async fn run_events(&mut self, run: &RunId) -> Result<Vec<RunEvent>, StoreError> {
        let rows =
            self.all("SELECT * FROM run_events WHERE run_id = $1 ORDER BY place", &[run.into()]).await?;
        rows.iter().map(event).collect()
    }

    /// The events of each of these runs, in the order in which they happened.
    pub async fn events_of_runs(
        &mut self,
        runs: &[RunId],
    ) -> Result<BTreeMap<RunId, Vec<RunEvent>>, StoreError> {
        let mut found: BTreeMap<RunId, Vec<RunEvent>> = BTreeMap::new();
        for binds in hundreds(runs) {
            let sql =
                concat!("SELECT * FROM run_events WHERE run_id IN (", hundred!(), ") ORDER BY run_id, place");
            for row in &self.all(sql, &binds).await? {
                let event = event(row)?;
                found.entry(event.run_id.clone()).or_default().push(event);
            }
        }
        Ok(found)
    }

    /// The event of this id.
    pub async fn run_event(&mut self, id: &RunEventId) -> Result<Option<RunEvent>, StoreError> {
        let row = self.optional("SELECT * FROM run_events WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(event).transpose()
    }
}
