//! Lists of runs.

use carnet_model::{OrgId, Run, RunStatus, WorkspaceId};

use crate::db::{Bind, StoreError, Tx};
use crate::run::run;

/// Which runs are wanted by what they are asked to do; a run passes when any wanted kind fits it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunKinds {
    /// Runs that can only plan.
    pub plan_only: bool,
    /// Ordinary runs: neither plan-only nor saved.
    pub plan_and_apply: bool,
    /// Runs whose plan is saved.
    pub save_plan: bool,
    /// Runs that only bring the state up to date.
    pub refresh_only: bool,
    /// Runs that destroy everything.
    pub destroy: bool,
    /// Runs that apply without changes, too.
    pub empty_apply: bool,
}

/// Which runs are wanted.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// By what they are asked to do; `None` for all that are not plan-only.
    pub kinds: Option<RunKinds>,
    /// In one of these statuses; empty for any.
    pub statuses: Vec<RunStatus>,
    /// From one of these sources; empty for any.
    pub sources: Vec<String>,
    /// Of workspaces with one of these names; empty for any.
    pub workspace_names: Vec<String>,
    /// A part of the message, or the whole id.
    pub text: String,
}

/// One page of a list of runs.
#[derive(Debug, Clone)]
pub struct RunList {
    /// The runs, the newest first.
    pub runs: Vec<Run>,
    /// How many there are on all pages.
    pub total: u64,
}

/// A list that a statement can search with `LIKE`: `,a,b,`. Nothing that is listed holds a comma.
fn comma_list<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let joined = values.filter(|value| !value.contains(',')).collect::<Vec<_>>().join(",");
    if joined.is_empty() { joined } else { format!(",{joined},") }
}

impl RunFilter {
    fn binds(&self, scope: Bind) -> Vec<Bind> {
        let kinds = self.kinds.unwrap_or_default();
        vec![
            scope,
            comma_list(self.statuses.iter().map(|status| status.as_str())).into(),
            comma_list(self.sources.iter().map(String::as_str)).into(),
            comma_list(self.workspace_names.iter().map(String::as_str)).into(),
            (&self.text).into(),
            self.kinds.is_none().into(),
            kinds.plan_only.into(),
            kinds.plan_and_apply.into(),
            kinds.save_plan.into(),
            kinds.refresh_only.into(),
            kinds.destroy.into(),
            kinds.empty_apply.into(),
        ]
    }
}

macro_rules! run_list {
    ($select:literal, $scope:literal, $tail:literal) => {
        concat!(
            $select,
            " FROM runs r JOIN workspaces w ON w.id = r.workspace_id WHERE ",
            $scope,
            " AND ($2 = '' OR $2 LIKE '%,' || r.status || ',%') AND ($3 = '' OR $3 LIKE '%,' || r.source || ',%') ",
            "AND ($4 = '' OR $4 LIKE '%,' || REPLACE(w.name, '_', '!_') || ',%' ESCAPE '!') ",
            "AND ($5 = '' OR r.id = $5 OR r.message LIKE '%' || $5 || '%') ",
            "AND (($6 AND NOT r.plan_only) OR ($7 AND r.plan_only) ",
            "OR ($8 AND NOT r.plan_only AND NOT r.save_plan) OR ($9 AND r.save_plan) OR ($10 AND r.refresh_only) ",
            "OR ($11 AND r.is_destroy) OR ($12 AND r.allow_empty_apply)) ",
            $tail
        )
    };
}

macro_rules! run_page {
    ($scope:literal) => {
        run_list!(
            "SELECT r.*, w.organization_id AS organization_id",
            $scope,
            "ORDER BY r.created_at DESC, r.id DESC LIMIT $13 OFFSET $14"
        )
    };
}

macro_rules! run_total {
    ($scope:literal) => {
        run_list!("SELECT COUNT(*) AS total", $scope, "")
    };
}

impl Tx {
    /// The runs of a workspace, the newest first.
    pub async fn workspace_runs(
        &mut self,
        workspace: &WorkspaceId,
        filter: &RunFilter,
        (offset, limit): (u64, u64),
    ) -> Result<RunList, StoreError> {
        let statements = (run_page!("r.workspace_id = $1"), run_total!("r.workspace_id = $1"));
        self.run_list(statements, filter.binds(workspace.into()), (offset, limit)).await
    }

    /// The runs of an organization, the newest first.
    pub async fn organization_runs(
        &mut self,
        organization: &OrgId,
        filter: &RunFilter,
        (offset, limit): (u64, u64),
    ) -> Result<RunList, StoreError> {
        let statements = (run_page!("w.organization_id = $1"), run_total!("w.organization_id = $1"));
        self.run_list(statements, filter.binds(organization.into()), (offset, limit)).await
    }

    async fn run_list(
        &mut self,
        (page, total): (&'static str, &'static str),
        mut binds: Vec<Bind>,
        (offset, limit): (u64, u64),
    ) -> Result<RunList, StoreError> {
        let total = self.total(total, &binds).await?;
        binds.extend([limit.into(), offset.into()]);
        let rows = self.all(page, &binds).await?;
        Ok(RunList { runs: rows.iter().map(run).collect::<Result<_, _>>()?, total })
    }

    /// The runs of an organization that execute or wait: those that execute first, then by age.
    pub async fn organization_queue(&mut self, organization: &OrgId) -> Result<Vec<Run>, StoreError> {
        let rows = self
            .all(
                "SELECT r.*, w.organization_id AS organization_id FROM runs r JOIN workspaces w ON w.id = r.workspace_id \
                 WHERE w.organization_id = $1 AND r.is_final = FALSE \
                 AND r.status IN ('pending', 'plan_queued', 'planning', 'confirmed', 'apply_queued', 'applying') \
                 ORDER BY CASE WHEN r.status IN ('planning', 'applying') THEN 0 \
                 WHEN r.status IN ('plan_queued', 'apply_queued') THEN 1 ELSE 2 END, r.created_at, r.id",
                &[organization.into()],
            )
            .await?;
        rows.iter().map(run).collect()
    }
}
