//! Lists of runs.
//!
//! Every list first finds the ids of its page in an index, and then the rows. Which index, the filter decides: most lists are of
//! runs that can be applied, or of runs that are not final. What else is filtered is looked at along that index. Lists without
//! a filter, which may be long, count days instead: see `counts`.

use carnet_model::{OrgId, Run, RunSource, RunStatus, Timestamp, WorkspaceId};

use crate::db::{Bind, StoreError, Tx};
use crate::run::run;
use crate::search::contains;
use crate::standing::Grantee;

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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// By what they are asked to do; `None` for all that are not plan-only.
    pub kinds: Option<RunKinds>,
    /// In one of these statuses; empty for any.
    pub statuses: Vec<RunStatus>,
    /// From one of these sources; empty for any.
    pub sources: Vec<RunSource>,
    /// Of workspaces with one of these names; empty for any. Counts for lists of an organization only.
    pub workspace_names: Vec<String>,
    /// Taken by agents of pools with one of these names; empty for any.
    pub agent_pool_names: Vec<String>,
    /// Made at this moment or later.
    pub since: Option<Timestamp>,
    /// Made before this moment.
    pub before: Option<Timestamp>,
    /// A part of the name of the user who made it; empty for any.
    pub user: String,
    /// A part of the message or of that name, or the whole id; empty for any.
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

/// Along which index a list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Runs that are all plan-only, or all not.
    PlanOnly(bool),
    /// Runs that are not final.
    Open,
    /// All of them.
    All,
}

/// A list in which a statement finds a name by `,name,`. No name has a comma.
fn comma_list(values: &[String]) -> String {
    let joined: Vec<&str> = values.iter().map(String::as_str).filter(|value| !value.contains(',')).collect();
    format!(",{},", joined.join(","))
}

/// As many binds as there are values at all, the wanted ones repeated, and before them whether any will do.
fn slots<'a>(wanted: impl ExactSizeIterator<Item = &'a str> + Clone, slots: usize) -> Vec<Bind> {
    let mut binds = vec![(wanted.len() == 0).into()];
    let fill = wanted.clone().next().unwrap_or_default();
    let padded = wanted.chain(std::iter::repeat(fill));
    binds.extend(padded.take(slots).map(Bind::from));
    binds
}

impl RunFilter {
    fn way(&self) -> Way {
        let only = RunKinds { plan_only: true, ..RunKinds::default() };
        if !self.statuses.is_empty() && !self.statuses.iter().any(|status| status.is_final()) {
            Way::Open
        } else if self.kinds.is_none() || self.kinds == Some(only) {
            Way::PlanOnly(self.kinds.is_some())
        } else {
            Way::All
        }
    }

    /// Whether the wanted runs are plan-only, when that is all that is asked.
    fn plain(&self) -> Option<bool> {
        let asked = Self { kinds: None, ..self.clone() };
        match self.way() {
            Way::PlanOnly(plan_only) if asked == Self::default() => Some(plan_only),
            _ => None,
        }
    }

    /// The binds `$1` to `$40` of [`wanted`].
    fn binds(&self, scope: Bind, (offset, limit): (u64, u64)) -> Vec<Bind> {
        let kinds = self.kinds.unwrap_or_default();
        let along = match self.way() {
            Way::PlanOnly(is_plan_only) => is_plan_only,
            Way::Open => false,
            Way::All => true,
        };
        let mut binds: Vec<Bind> = vec![
            scope,
            limit.into(),
            offset.into(),
            along.into(),
            self.since.unwrap_or(Timestamp::MIN).into(),
            self.before.unwrap_or(Timestamp::MAX).into(),
            self.kinds.is_none().into(),
            kinds.plan_only.into(),
            kinds.plan_and_apply.into(),
            kinds.save_plan.into(),
            kinds.refresh_only.into(),
            kinds.destroy.into(),
            kinds.empty_apply.into(),
        ];
        binds.extend(slots(self.statuses.iter().map(|status| status.as_str()), RunStatus::ALL.len()));
        binds.extend(slots(self.sources.iter().map(|source| source.as_str()), RunSource::ALL.len()));
        binds.extend([
            self.user.is_empty().into(),
            contains(&self.user).into(),
            (&self.text).into(),
            contains(&self.text).into(),
            self.agent_pool_names.is_empty().into(),
            comma_list(&self.agent_pool_names).into(),
            self.workspace_names.is_empty().into(),
            comma_list(&self.workspace_names).into(),
        ]);
        binds
    }
}

/// The user or the team by id; empty for whoever sees everything.
fn grantee_id(grantee: Option<&Grantee>) -> &str {
    match grantee {
        None => "",
        Some(Grantee::User(user)) => user.as_str(),
        Some(Grantee::Team(team)) => team.as_str(),
    }
}

/// Whether the user or the team of this id was granted to see the runs of the workspace `w`; anybody may when the id is empty.
macro_rules! granted {
    ($id:literal) => {
        concat!(
            "(",
            $id,
            " = '' OR EXISTS (SELECT 1 FROM team_workspaces t WHERE t.workspace_id = w.id ",
            "AND (t.level <> 'custom' OR t.runs <> 'none') AND (t.team_id = ",
            $id,
            " OR t.team_id IN (SELECT m.team_id FROM team_members m WHERE m.user_id = ",
            $id,
            "))) OR EXISTS (SELECT 1 FROM team_projects t WHERE t.project_id = w.project_id ",
            "AND (t.level <> 'custom' OR t.runs <> 'none') AND (t.team_id = ",
            $id,
            " OR t.team_id IN (SELECT m.team_id FROM team_members m WHERE m.user_id = ",
            $id,
            "))))"
        )
    };
}

/// The ids of the runs `$3` to `$3 + $2` that pass a filter, the newest first.
macro_rules! wanted {
    ($scope:expr, $way:literal) => {
        concat!(
            "SELECT r.id FROM runs r WHERE ",
            $scope,
            " AND ",
            $way,
            " AND +r.created_at >= $5 AND +r.created_at < $6 ",
            "AND (($7 AND NOT r.plan_only) OR ($8 AND r.plan_only) ",
            "OR ($9 AND NOT r.plan_only AND NOT r.save_plan) OR ($10 AND r.save_plan) OR ($11 AND r.refresh_only) ",
            "OR ($12 AND r.is_destroy) OR ($13 AND r.allow_empty_apply)) ",
            "AND ($14 OR r.status IN ($15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)) ",
            "AND ($28 OR r.source IN ($29, $30, $31, $32)) ",
            "AND ($33 OR r.created_by IN (SELECT u.id FROM users u WHERE lower(u.username) LIKE $34 ESCAPE '\\')) ",
            "AND ($35 = '' OR r.id = $35 OR lower(r.message) LIKE $36 ESCAPE '\\' ",
            "OR r.created_by IN (SELECT u.id FROM users u WHERE lower(u.username) LIKE $36 ESCAPE '\\')) ",
            "AND ($37 OR EXISTS (SELECT 1 FROM jobs j JOIN agent_pools p ON p.id = j.agent_pool_id ",
            "WHERE j.run_id = r.id AND REPLACE($38, ',' || p.name || ',', '') <> $38)) ",
            "ORDER BY r.created_at DESC, r.id DESC LIMIT $2 OFFSET $3"
        )
    };
}

/// The statements for a page and for the number of all runs, along the index of the filter.
macro_rules! statements {
    ($way:expr, $scope:expr) => {
        match $way {
            Way::PlanOnly(_) => (page!($scope, "r.plan_only = $4"), total!($scope, "r.plan_only = $4")),
            Way::Open => (page!($scope, "r.is_final = $4"), total!($scope, "r.is_final = $4")),
            Way::All => (page!($scope, "$4"), total!($scope, "$4")),
        }
    };
}

macro_rules! page {
    ($scope:expr, $way:literal) => {
        concat!(
            "SELECT * FROM runs WHERE id IN (",
            wanted!($scope, $way),
            ") ORDER BY created_at DESC, id DESC"
        )
    };
}

macro_rules! total {
    ($scope:expr, $way:literal) => {
        concat!("SELECT COUNT(*) AS total FROM (", wanted!($scope, $way), ") q")
    };
}

mod counts;
mod queue;

impl Tx {
    /// The runs of a workspace, the newest first.
    pub async fn workspace_runs(
        &mut self,
        workspace: &WorkspaceId,
        filter: &RunFilter,
        page: (u64, u64),
    ) -> Result<RunList, StoreError> {
        if let Some(plan_only) = filter.plain() {
            return self.counted_runs(counts::of_workspace!(), workspace.as_str(), plan_only, page).await;
        }
        let statements = statements!(filter.way(), "r.workspace_id = $1 AND ($39 OR $40 <> '')");
        self.run_list(statements, |page| filter.binds(workspace.into(), page), page).await
    }

    /// The runs of an organization, the newest first; with a grantee, those of workspaces whose runs it was granted to see.
    pub async fn organization_runs(
        &mut self,
        organization: &OrgId,
        grantee: Option<&Grantee>,
        filter: &RunFilter,
        page: (u64, u64),
    ) -> Result<RunList, StoreError> {
        if let (None, Some(plan_only)) = (grantee, filter.plain()) {
            return self
                .counted_runs(counts::of_organization!(), organization.as_str(), plan_only, page)
                .await;
        }
        if grantee.is_none() && filter.workspace_names.is_empty() {
            let statements = statements!(filter.way(), "r.organization_id = $1 AND ($39 OR $40 <> '')");
            return self.run_list(statements, |page| filter.binds(organization.into(), page), page).await;
        }
        let statements = statements!(
            filter.way(),
            concat!(
                "r.workspace_id IN (SELECT w.id FROM workspaces w WHERE w.organization_id = $1 ",
                "AND ($39 OR REPLACE($40, ',' || w.name || ',', '') <> $40) AND ",
                granted!("$41"),
                ")"
            )
        );
        let grantee = grantee_id(grantee);
        let binds = |page| {
            let mut binds = filter.binds(organization.into(), page);
            binds.push(grantee.into());
            binds
        };
        self.run_list(statements, binds, page).await
    }

    async fn run_list(
        &mut self,
        (page, total): (&'static str, &'static str),
        binds: impl Fn((u64, u64)) -> Vec<Bind>,
        wanted: (u64, u64),
    ) -> Result<RunList, StoreError> {
        let total = self.total(total, &binds((0, u64::MAX))).await?;
        let rows = self.all(page, &binds(wanted)).await?;
        Ok(RunList { runs: rows.iter().map(run).collect::<Result<_, _>>()?, total })
    }
}
