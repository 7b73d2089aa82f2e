//! Long lists: the number of runs of each day says on which day a page begins, so that the last page costs what the first does.

use carnet_model::{Run, WorkspaceId};

use super::RunList;
use crate::db::{Bind, StoreError, Tx};
use crate::run::run;

const MILLISECONDS_OF_DAY: i64 = 24 * 60 * 60 * 1000;

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Start {
    /// The runs before this moment, in milliseconds since 1970, from the newest on,
    before: i64,
    /// without so many of them.
    offset: u64,
}

/// `days` are those with runs and how many, the newest first.
fn start(days: &[(i64, u64)], mut offset: u64) -> Option<Start> {
    for (day, runs) in days {
        if offset < *runs {
            return Some(Start { before: (day + 1) * MILLISECONDS_OF_DAY, offset });
        }
        offset -= runs;
    }
    None
}

macro_rules! of_scope {
    ($column:literal) => {
        concat!(
            "SELECT * FROM runs WHERE id IN (SELECT r.id FROM runs r WHERE r.",
            $column,
            " = $1 AND r.plan_only = $2 AND r.created_at < $3 ORDER BY r.created_at DESC, r.id DESC LIMIT $4 OFFSET $5) ",
            "ORDER BY created_at DESC, id DESC"
        )
    };
}

/// A page of the runs of a workspace.
macro_rules! of_workspace {
    () => {
        crate::run_list::counts::of_scope!("workspace_id")
    };
}

/// A page of the runs of an organization.
macro_rules! of_organization {
    () => {
        crate::run_list::counts::of_scope!("organization_id")
    };
}

pub(super) use {of_organization, of_scope, of_workspace};

impl Tx {
    /// A page of all runs of a scope that are plan-only, or that are not.
    pub(super) async fn counted_runs(
        &mut self,
        sql: &'static str,
        scope: &str,
        plan_only: bool,
        (offset, limit): (u64, u64),
    ) -> Result<RunList, StoreError> {
        let rows = self
            .all(
                "SELECT day, runs FROM run_counts WHERE scope = $1 AND plan_only = $2 ORDER BY day DESC",
                &[scope.into(), plan_only.into()],
            )
            .await?;
        let days = rows
            .iter()
            .map(|row| Ok((row.integer("day")?, row.count("runs")?)))
            .collect::<Result<Vec<(i64, u64)>, StoreError>>()?;
        let total = days.iter().map(|(_, runs)| runs).sum();
        let Some(start) = start(&days, offset) else {
            return Ok(RunList { runs: Vec::new(), total });
        };
        let binds: [Bind; 5] =
            [scope.into(), plan_only.into(), start.before.into(), limit.into(), start.offset.into()];
        let rows = self.all(sql, &binds).await?;
        Ok(RunList { runs: rows.iter().map(run).collect::<Result<_, _>>()?, total })
    }

    /// Counts a new run.
    pub(crate) async fn count_run(&mut self, run: &Run) -> Result<(), StoreError> {
        let day = run.created_at.as_millisecond().div_euclid(MILLISECONDS_OF_DAY);
        for scope in [run.workspace_id.as_str(), run.organization_id.as_str()] {
            self.execute(
                "INSERT INTO run_counts (scope, plan_only, day, runs) VALUES ($1, $2, $3, 1) \
                 ON CONFLICT (scope, plan_only, day) DO UPDATE SET runs = run_counts.runs + 1",
                &[scope.into(), run.options.plan_only.into(), day.into()],
            )
            .await?;
        }
        Ok(())
    }

    /// Takes the runs of a workspace that is about to be deleted off those of its organization.
    pub(crate) async fn forget_run_counts(&mut self, workspace: &WorkspaceId) -> Result<(), StoreError> {
        for sql in [
            "UPDATE run_counts SET runs = runs - (SELECT w.runs FROM run_counts w WHERE w.scope = $1 \
             AND w.plan_only = run_counts.plan_only AND w.day = run_counts.day) \
             WHERE scope = (SELECT organization_id FROM workspaces WHERE id = $1) \
             AND EXISTS (SELECT 1 FROM run_counts w WHERE w.scope = $1 \
             AND w.plan_only = run_counts.plan_only AND w.day = run_counts.day)",
            "DELETE FROM run_counts WHERE scope = $1",
        ] {
            self.execute(sql, &[workspace.into()]).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_on_the_day_that_has_its_first_run() {
        let days = [(20, 3), (18, 0), (17, 5)];
        let at =
            |offset| start(&days, offset).map(|start| (start.before / MILLISECONDS_OF_DAY, start.offset));
        assert_eq!(at(0), Some((21, 0)));
        assert_eq!(at(2), Some((21, 2)));
        assert_eq!(at(3), Some((18, 0)));
        assert_eq!(at(7), Some((18, 4)));
        assert_eq!(at(8), None);
        assert_eq!(start(&[], 0), None);
    }
}
