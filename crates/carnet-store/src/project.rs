//! Projects.

use carnet_model::{DefaultExecution, OrgId, Project, ProjectId, ProjectName, WorkspaceId};

use crate::db::{Bind, Row, StoreError, Tx, corrupt};
use crate::search::{contains, lines};
use crate::standing::Grantee;

/// What a project holds, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProjectCounts {
    /// Its workspaces.
    pub workspaces: u64,
    /// The teams that were granted something on it.
    pub teams: u64,
}

/// In which order projects are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProjectOrder {
    /// The oldest first.
    #[default]
    Age,
    /// By name.
    Name,
    /// By name, backwards.
    NameBackwards,
}

/// Which projects of an organization are wanted.
#[derive(Debug, Clone, Default)]
pub struct ProjectFilter {
    /// Part of the name, whatever its letter case.
    pub text: Option<String>,
    /// One of these names, whatever their letter case; all when it is empty.
    pub names: Vec<String>,
    /// Only those on which the grantee was granted something; `None` for all.
    pub granted_to: Option<Grantee>,
    /// Only those on which this grantee was granted to make workspaces.
    pub creatable_by: Option<Grantee>,
    /// Tags that it must have, each a key with a value, or a key with any.
    pub tags: Vec<(String, Option<String>)>,
}

fn project(row: &Row) -> Result<Project, StoreError> {
    let mode = row.optional_text("default_execution_mode")?;
    let pool = row.optional_parsed("default_agent_pool_id")?;
    Ok(Project {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        name: row.parsed("name")?,
        description: row.text("description")?,
        auto_destroy_activity_duration: row.optional_parsed("auto_destroy_activity_duration")?,
        default_execution: mode
            .map(|mode| DefaultExecution::new(&mode, pool))
            .transpose()
            .map_err(|_| corrupt("default_execution_mode"))?,
        created_at: row.time("created_at")?,
    })
}

fn counts(row: &Row) -> Result<ProjectCounts, StoreError> {
    Ok(ProjectCounts { workspaces: row.count("workspace_count")?, teams: row.count("team_count")? })
}

macro_rules! counting {
    () => {
        "(SELECT COUNT(*) FROM workspaces w WHERE w.project_id = p.id) AS workspace_count, \
         (SELECT COUNT(*) FROM team_projects g WHERE g.project_id = p.id) AS team_count"
    };
}

macro_rules! filtered {
    ($select:expr, $tail:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM projects p WHERE p.organization_id = $1 ",
            "AND (CAST($2 AS TEXT) IS NULL OR lower(p.name) LIKE $2 ESCAPE '\\') ",
            "AND (CAST($3 AS TEXT) IS NULL OR $3 LIKE '%,' || replace(lower(p.name), '_', '\\_') || ',%' ESCAPE '\\') ",
            "AND (CAST($4 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM team_projects g JOIN team_members m ",
            "ON m.team_id = g.team_id WHERE g.project_id = p.id AND m.user_id = $4)) ",
            "AND (CAST($5 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM team_projects g ",
            "WHERE g.project_id = p.id AND g.team_id = $5)) ",
            "AND (CAST($6 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM team_projects g JOIN team_members m ",
            "ON m.team_id = g.team_id WHERE g.project_id = p.id AND m.user_id = $6 ",
            "AND (g.level IN ('maintain', 'admin') OR (g.level = 'custom' AND g.creating = TRUE)))) ",
            "AND (CAST($7 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM team_projects g ",
            "WHERE g.project_id = p.id AND g.team_id = $7 ",
            "AND (g.level IN ('maintain', 'admin') OR (g.level = 'custom' AND g.creating = TRUE)))) ",
            "AND ($9 = 0 OR p.id IN (SELECT b.project_id FROM project_tags b JOIN tags t ON t.id = b.tag_id ",
            "WHERE t.organization_id = $1 AND REPLACE($8, '\n' || lower(t.name) || '\n', '') <> $8 ",
            "GROUP BY b.project_id HAVING COUNT(*) = $9)) ",
            "AND ($11 = 0 OR p.id IN (SELECT b.project_id FROM project_tags b JOIN tags t ON t.id = b.tag_id ",
            "WHERE t.organization_id = $1 ",
            "AND REPLACE($10, '\n' || lower(t.name) || '\t' || b.value || '\n', '') <> $10 ",
            "GROUP BY b.project_id HAVING COUNT(*) = $11))",
            $tail
        )
    };
}

fn grantee_binds(grantee: Option<&Grantee>) -> [Bind; 2] {
    match grantee {
        Some(Grantee::User(user)) => [Some(user).into(), Bind::OptionalText(None)],
        Some(Grantee::Team(team)) => [Bind::OptionalText(None), Some(team).into()],
        None => [Bind::OptionalText(None), Bind::OptionalText(None)],
    }
}

fn binds(organization: &OrgId, filter: &ProjectFilter) -> Vec<Bind> {
    let names = (!filter.names.is_empty()).then(|| format!(",{},", filter.names.join(",")).to_lowercase());
    let mut binds: Vec<Bind> =
        vec![organization.into(), filter.text.as_deref().map(contains).into(), names.into()];
    binds.extend(grantee_binds(filter.granted_to.as_ref()));
    binds.extend(grantee_binds(filter.creatable_by.as_ref()));
    let keyed = filter.tags.iter().filter(|(_, value)| value.is_none());
    let (keys, key_count) = lines(keyed.map(|(key, _)| key.to_lowercase()));
    let valued = filter.tags.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
    let (pairs, pair_count) = lines(valued.map(|(key, value)| format!("{}\t{value}", key.to_lowercase())));
    binds.extend([keys.into(), key_count.into(), pairs.into(), pair_count.into()]);
    binds
}

fn settings_binds(project: &Project) -> [Bind; 6] {
    let execution = project.default_execution.as_ref();
    [
        (&project.id).into(),
        (&project.name).into(),
        (&project.description).into(),
        project.auto_destroy_activity_duration.as_ref().map(|duration| duration.as_str().to_owned()).into(),
        execution.map(|execution| execution.mode().to_owned()).into(),
        execution.and_then(DefaultExecution::agent_pool).into(),
    ]
}

impl Tx {
    /// Stores a new project; a taken name is a conflict.
    pub async fn insert_project(&mut self, project: &Project) -> Result<(), StoreError> {
        let mut binds = settings_binds(project).to_vec();
        binds.extend([(&project.organization_id).into(), project.created_at.into()]);
        self.execute(
            "INSERT INTO projects (id, name, description, auto_destroy_activity_duration, default_execution_mode, \
             default_agent_pool_id, organization_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            &binds,
        )
        .await
        .map(drop)
    }

    /// The project of this id.
    pub async fn project(&mut self, id: &ProjectId) -> Result<Option<Project>, StoreError> {
        let row = self.optional("SELECT * FROM projects WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(project).transpose()
    }

    /// The project of this name.
    pub async fn project_by_name(
        &mut self,
        organization: &OrgId,
        name: &ProjectName,
    ) -> Result<Option<Project>, StoreError> {
        let row = self
            .optional(
                "SELECT * FROM projects WHERE organization_id = $1 AND name = $2",
                &[organization.into(), name.into()],
            )
            .await?;
        row.as_ref().map(project).transpose()
    }

    /// A page of the projects of an organization with what they hold, and how many there are.
    pub async fn projects(
        &mut self,
        organization: &OrgId,
        filter: &ProjectFilter,
        order: ProjectOrder,
        (offset, limit): (u64, u64),
    ) -> Result<(Vec<(Project, ProjectCounts)>, u64), StoreError> {
        let select = match order {
            ProjectOrder::Age => {
                filtered!(concat!("p.*, ", counting!()), " ORDER BY p.created_at, p.id LIMIT $13 OFFSET $12")
            }
            ProjectOrder::Name => {
                filtered!(concat!("p.*, ", counting!()), " ORDER BY p.name, p.id LIMIT $13 OFFSET $12")
            }
            ProjectOrder::NameBackwards => {
                filtered!(
                    concat!("p.*, ", counting!()),
                    " ORDER BY p.name DESC, p.id DESC LIMIT $13 OFFSET $12"
                )
            }
        };
        let mut page = binds(organization, filter);
        page.extend([offset.into(), limit.into()]);
        let rows = self.all(select, &page).await?;
        let total = self.count_projects(organization, filter).await?;
        let found = rows.iter().map(|row| Ok((project(row)?, counts(row)?)));
        Ok((found.collect::<Result<_, StoreError>>()?, total))
    }

    /// How many projects of an organization pass the filter.
    pub async fn count_projects(
        &mut self,
        organization: &OrgId,
        filter: &ProjectFilter,
    ) -> Result<u64, StoreError> {
        self.total(filtered!("COUNT(*) AS total", ""), &binds(organization, filter)).await
    }

    /// What a project holds.
    pub async fn project_counts(&mut self, id: &ProjectId) -> Result<ProjectCounts, StoreError> {
        let sql = concat!("SELECT ", counting!(), " FROM projects p WHERE p.id = $1");
        let row = self.optional(sql, &[id.into()]).await?;
        row.as_ref().map(counts).transpose().map(Option::unwrap_or_default)
    }

    /// Saves everything that may change; a taken name is a conflict.
    pub async fn update_project(&mut self, project: &Project) -> Result<(), StoreError> {
        self.execute(
            "UPDATE projects SET first_name = CASE WHEN name = $2 THEN first_name ELSE COALESCE(first_name, name) END, \
             name = $2, description = $3, auto_destroy_activity_duration = $4, \
             default_execution_mode = $5, default_agent_pool_id = $6 WHERE id = $1",
            &settings_binds(project),
        )
        .await
        .map(drop)
    }

    /// Puts a workspace into a project.
    pub async fn move_workspace(&mut self, id: &WorkspaceId, project: &ProjectId) -> Result<(), StoreError> {
        let sql = "UPDATE workspaces SET project_id = $2 WHERE id = $1";
        self.execute(sql, &[id.into(), project.into()]).await.map(drop)
    }

    /// Removes a project; one that holds workspaces is a conflict.
    pub async fn delete_project(&mut self, id: &ProjectId) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM projects WHERE id = $1", &[id.into()]).await? > 0)
    }
}
