//! Lists of workspaces. The database filters, sorts and cuts them.

use std::collections::BTreeMap;

use carnet_model::{OrgId, ProjectId, Tag, TeamId, UserId, Workspace, WorkspaceId};

use super::{workspace, workspace_columns};
use crate::db::{Bind, StoreError, Tx, corrupt};
use crate::search::{contains, hundred, hundreds, lines, wildcard};

/// Who reads a list: it shows what the reader may see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum WorkspaceAudience {
    /// Somebody who sees every workspace of the organization.
    #[default]
    Everything,
    /// A user, who sees what the user's teams may see.
    User(UserId),
    /// A team.
    Team(TeamId),
}

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WorkspaceOrder {
    /// By name.
    #[default]
    Name,
    /// By name, backwards.
    NameDescending,
    /// The one whose current run is the oldest first.
    CurrentRun,
    /// The one whose current run is the newest first.
    CurrentRunDescending,
    /// The one that changed the longest ago first.
    LatestChange,
    /// The one that changed last first.
    LatestChangeDescending,
}

/// Which workspaces of an organization are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkspaceFilter {
    /// Who reads the list.
    pub audience: WorkspaceAudience,
    /// A part of the name, whatever its case.
    pub name: Option<String>,
    /// The name, whatever its case, in which a `*` at either end stands for anything.
    pub wildcard_name: Option<String>,
    /// The project.
    pub project_id: Option<ProjectId>,
    /// Statuses of which the current run has one; empty for any.
    pub run_statuses: Vec<String>,
    /// Keys that all must be bound, to the workspace or to its project; with a value, that value.
    pub tags: Vec<(String, Option<String>)>,
    /// Keys of which none may be bound.
    pub excluded_tags: Vec<String>,
    /// The workspace whose state they may read, as far as it names them one by one.
    pub consumers_of: Option<WorkspaceId>,
    /// The order.
    pub order: WorkspaceOrder,
}

impl WorkspaceFilter {
    fn binds(&self, organization: &OrgId) -> Vec<Bind> {
        let (user, team) = match &self.audience {
            WorkspaceAudience::Everything => ("", ""),
            WorkspaceAudience::User(user) => (user.as_str(), ""),
            WorkspaceAudience::Team(team) => ("", team.as_str()),
        };
        let (keys, key_count) =
            lines(self.tags.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key.to_lowercase()));
        let pairs = self.tags.iter().filter_map(|(key, value)| {
            value.as_ref().map(|value| format!("{}\t{value}", key.to_lowercase()))
        });
        let (pairs, pair_count) = lines(pairs);
        vec![
            organization.into(),
            (self.audience == WorkspaceAudience::Everything).into(),
            user.into(),
            team.into(),
            self.name.as_deref().map(contains).unwrap_or_default().into(),
            self.wildcard_name.as_deref().map(wildcard).unwrap_or_default().into(),
            self.project_id.as_ref().map_or("", ProjectId::as_str).into(),
            lines(self.run_statuses.iter().cloned()).0.into(),
            keys.into(),
            key_count.into(),
            pairs.into(),
            pair_count.into(),
            lines(self.excluded_tags.iter().map(|key| key.to_lowercase())).0.into(),
            self.consumers_of.as_ref().map_or("", WorkspaceId::as_str).into(),
        ]
    }
}

/// Workspaces of the organization and keys in a list that are bound to them or to their projects.
macro_rules! keyed {
    ($list:literal) => {
        concat!(
            "(SELECT b.workspace_id AS workspace_id, lower(t.name) AS name FROM tags t ",
            "JOIN workspace_tags b ON b.tag_id = t.id WHERE t.organization_id = $1 ",
            "AND REPLACE(", $list, ", '\n' || lower(t.name) || '\n', '') <> ", $list, " UNION ",
            "SELECT x.id AS workspace_id, lower(t.name) AS name FROM tags t JOIN project_tags b ON b.tag_id = t.id ",
            "JOIN workspaces x ON x.project_id = b.project_id WHERE t.organization_id = $1 ",
            "AND REPLACE(", $list, ", '\n' || lower(t.name) || '\n', '') <> ", $list, ")"
        )
    };
}

macro_rules! passing {
    () => {
        concat!(
            "FROM workspaces w WHERE w.organization_id = $1 AND ($2 ",
            "OR EXISTS (SELECT 1 FROM team_workspaces g WHERE g.workspace_id = w.id AND (g.team_id = $4 ",
            "OR g.team_id IN (SELECT m.team_id FROM team_members m WHERE m.user_id = $3))) ",
            "OR EXISTS (SELECT 1 FROM team_projects g WHERE g.project_id = w.project_id AND (g.team_id = $4 ",
            "OR g.team_id IN (SELECT m.team_id FROM team_members m WHERE m.user_id = $3)))) ",
            "AND ($5 = '' OR lower(w.name) LIKE $5 ESCAPE '\\') ",
            "AND ($6 = '' OR lower(w.name) LIKE $6 ESCAPE '\\') ",
            "AND ($7 = '' OR w.project_id = $7) ",
            "AND ($8 = '' OR EXISTS (SELECT 1 FROM runs r WHERE r.id = w.current_run_id ",
            "AND REPLACE($8, '\n' || r.status || '\n', '') <> $8) ",
            // Who may not see the runs of a workspace does not learn their status.
            "AND ($2 OR EXISTS (SELECT 1 FROM team_workspaces g WHERE g.workspace_id = w.id ",
            "AND (g.level <> 'custom' OR g.runs <> 'none') AND (g.team_id = $4 ",
            "OR g.team_id IN (SELECT m.team_id FROM team_members m WHERE m.user_id = $3))) ",
            "OR EXISTS (SELECT 1 FROM team_projects g WHERE g.project_id = w.project_id ",
            "AND (g.level <> 'custom' OR g.runs <> 'none') AND (g.team_id = $4 ",
            "OR g.team_id IN (SELECT m.team_id FROM team_members m WHERE m.user_id = $3))))) ",
            "AND ($10 = 0 OR w.id IN (SELECT k.workspace_id FROM ",
            keyed!("$9"),
            " k ",
            "GROUP BY k.workspace_id HAVING COUNT(*) = $10)) ",
            "AND ($12 = 0 OR w.id IN (SELECT e.workspace_id FROM effective_workspace_tags e ",
            "JOIN tags t ON t.id = e.tag_id WHERE t.organization_id = $1 ",
            "AND REPLACE($11, '\n' || lower(t.name) || '\t' || e.value || '\n', '') <> $11 ",
            "GROUP BY e.workspace_id HAVING COUNT(DISTINCT lower(t.name)) = $12)) ",
            "AND ($13 = '' OR w.id NOT IN (SELECT k.workspace_id FROM ",
            keyed!("$13"),
            " k)) ",
            "AND ($14 = '' OR EXISTS (SELECT 1 FROM remote_state_consumers c ",
            "WHERE c.workspace_id = $14 AND c.consumer_id = w.id)) "
        )
    };
}

/// The statement of a page, the newest numbers being those of its size and its start.
macro_rules! page {
    ($passing:expr, $order:literal, $cut:literal) => {
        concat!(
            workspace_columns!("workspaces w"),
            "JOIN (SELECT w.id ",
            $passing,
            "ORDER BY ",
            $order,
            $cut,
            ") page ON page.id = w.id ORDER BY ",
            $order
        )
    };
}

/// The statements for the number of workspaces and for a page of them.
macro_rules! statements {
    ($of:expr, $passing:expr, $cut:literal) => {{
        let page = match $of {
            WorkspaceOrder::Name => page!($passing, "w.name, w.id", $cut),
            WorkspaceOrder::NameDescending => page!($passing, "w.name DESC, w.id DESC", $cut),
            WorkspaceOrder::CurrentRun => page!(
                $passing,
                "COALESCE((SELECT r.created_at FROM runs r WHERE r.id = w.current_run_id), 0), w.id",
                $cut
            ),
            WorkspaceOrder::CurrentRunDescending => page!(
                $passing,
                "COALESCE((SELECT r.created_at FROM runs r WHERE r.id = w.current_run_id), 0) DESC, w.id DESC",
                $cut
            ),
            WorkspaceOrder::LatestChange => page!($passing, "w.latest_change_at, w.id", $cut),
            WorkspaceOrder::LatestChangeDescending => {
                page!($passing, "w.latest_change_at DESC, w.id DESC", $cut)
            }
        };
        (concat!("SELECT COUNT(*) AS total ", $passing), page)
    }};
}

impl Tx {
    /// Some workspaces of an organization that pass the filter, and how many pass it.
    pub async fn workspace_page(
        &mut self,
        organization: &OrgId,
        filter: &WorkspaceFilter,
        (offset, limit): (u64, u64),
    ) -> Result<(Vec<Workspace>, u64), StoreError> {
        let is_plain = *filter == WorkspaceFilter { order: filter.order, ..WorkspaceFilter::default() };
        // Most lists have no filter, and need not look at any workspace that is not on the page.
        let ((total, page), mut binds) = if is_plain {
            let statements = statements!(
                filter.order,
                "FROM workspaces w WHERE w.organization_id = $1 ",
                " LIMIT $2 OFFSET $3"
            );
            (statements, vec![organization.into()])
        } else {
            (statements!(filter.order, passing!(), " LIMIT $15 OFFSET $16"), filter.binds(organization))
        };
        let total = self.total(total, &binds).await?;
        binds.extend([limit.into(), offset.into()]);
        let rows = self.all(page, &binds).await?;
        let ids = rows.iter().map(|row| row.parsed("id")).collect::<Result<Vec<WorkspaceId>, _>>()?;
        let mut tags = self.tags_of_workspaces(&ids).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut one = workspace(row)?;
            one.tags = tags.remove(one.id.as_str()).unwrap_or_default();
            one.tags.sort();
            found.push(one);
        }
        Ok((found, total))
    }

    async fn tags_of_workspaces(
        &mut self,
        workspaces: &[WorkspaceId],
    ) -> Result<BTreeMap<String, Vec<Tag>>, StoreError> {
        let sql = concat!(
            "SELECT b.workspace_id, t.name, b.value FROM workspace_tags b JOIN tags t ON t.id = b.tag_id ",
            "WHERE b.workspace_id IN (",
            hundred!(),
            ")"
        );
        let mut tags: BTreeMap<String, Vec<Tag>> = BTreeMap::new();
        for binds in hundreds(workspaces) {
            for row in &self.all(sql, &binds).await? {
                let tag = Tag::new(&row.text("name")?, &row.text("value")?).map_err(|_| corrupt("name"))?;
                tags.entry(row.text("workspace_id")?).or_default().push(tag);
            }
        }
        Ok(tags)
    }

    /// All workspaces of an organization that pass the filter.
    pub async fn workspaces(
        &mut self,
        organization: &OrgId,
        filter: &WorkspaceFilter,
    ) -> Result<Vec<Workspace>, StoreError> {
        Ok(self.workspace_page(organization, filter, (0, u64::MAX)).await?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_searched_line_by_line() {
        assert_eq!(lines(Vec::new()), (String::new(), 0));
        let twice = ["b", "a", "b"].map(str::to_owned);
        assert_eq!(lines(twice), ("\na\n\nb\n".to_owned(), 2));
    }
}
