//! Agent pools, whom they are for, and their tokens.

use carnet_model::{
    AgentId, AgentPool, AgentPoolId, AgentPoolScope, ApiToken, OrgId, ProjectId, Timestamp, TokenId,
    WorkspaceId,
};

use crate::account::token;
use crate::db::{Bind, Row, StoreError, Tx};
use crate::search::contains;

/// How pools are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AgentPoolOrder {
    /// The oldest first.
    #[default]
    Oldest,
    /// The newest first.
    Newest,
    /// By name.
    Name,
    /// By name, the last first.
    NameDescending,
}

/// Which pools of an organization are wanted.
#[derive(Debug, Clone, Default)]
pub struct AgentPoolFilter {
    /// A part of the name, whatever its case.
    pub text: Option<String>,
    /// For the workspace of this name.
    pub workspace: Option<String>,
    /// For the project of this name.
    pub project: Option<String>,
    /// The order.
    pub order: AgentPoolOrder,
}

/// What belongs to a pool; each by age.
#[derive(Debug, Clone, Default)]
pub struct AgentPoolContents {
    /// Which workspaces it is for.
    pub scope: AgentPoolScope,
    /// The workspaces that chose it.
    pub workspaces: Vec<WorkspaceId>,
    /// Its agents.
    pub agents: Vec<AgentId>,
    /// Its tokens.
    pub tokens: Vec<TokenId>,
}

/// Tells whether the pool `p` is for the workspace `w`.
macro_rules! serves {
    () => {
        "p.organization_id = w.organization_id AND NOT EXISTS (SELECT 1 FROM agent_pool_excluded_workspaces x \
         WHERE x.agent_pool_id = p.id AND x.workspace_id = w.id) AND (p.organization_scoped = TRUE \
         OR EXISTS (SELECT 1 FROM agent_pool_allowed_workspaces x WHERE x.agent_pool_id = p.id AND x.workspace_id = w.id) \
         OR EXISTS (SELECT 1 FROM agent_pool_allowed_projects x \
         WHERE x.agent_pool_id = p.id AND x.project_id = w.project_id))"
    };
}
pub(crate) use serves;

/// Tells whether the pool `p` is for the project `j`.
macro_rules! serves_project {
    () => {
        "p.organization_id = j.organization_id AND (p.organization_scoped = TRUE OR EXISTS \
         (SELECT 1 FROM agent_pool_allowed_projects x WHERE x.agent_pool_id = p.id AND x.project_id = j.id))"
    };
}

macro_rules! filtered {
    ($select:literal, $tail:expr) => {
        concat!(
            "SELECT ",
            $select,
            " FROM agent_pools p WHERE p.organization_id = $1 ",
            "AND (CAST($2 AS TEXT) IS NULL OR lower(p.name) LIKE $2 ESCAPE '\\') ",
            "AND (CAST($3 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM workspaces w ",
            "WHERE w.organization_id = $1 AND w.name = $3 AND ",
            serves!(),
            ")) AND (CAST($4 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM projects j ",
            "WHERE j.organization_id = $1 AND j.name = $4 AND ",
            serves_project!(),
            "))",
            $tail
        )
    };
}

macro_rules! page {
    ($order:literal) => {
        filtered!("p.*", concat!(" ORDER BY ", $order, " LIMIT $5 OFFSET $6"))
    };
}

fn pool(row: &Row) -> Result<AgentPool, StoreError> {
    Ok(AgentPool {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        name: row.text("name")?,
        organization_scoped: row.boolean("organization_scoped")?,
        created_at: row.time("created_at")?,
    })
}

fn ids<I: FromIterator<T>, T: std::str::FromStr>(rows: &[Row]) -> Result<I, StoreError> {
    rows.iter().map(|row| row.parsed("id")).collect()
}

impl Tx {
    /// Stores a new pool; a taken name is a conflict.
    pub async fn insert_agent_pool(&mut self, pool: &AgentPool) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO agent_pools (id, organization_id, name, organization_scoped, created_at) \
             VALUES ($1, $2, $3, $4, $5)",
            &[
                (&pool.id).into(),
                (&pool.organization_id).into(),
                (&pool.name).into(),
                pool.organization_scoped.into(),
                pool.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Saves everything of a pool that may change; a taken name is a conflict.
    pub async fn update_agent_pool(&mut self, pool: &AgentPool) -> Result<(), StoreError> {
        self.execute(
            "UPDATE agent_pools SET name = $2, organization_scoped = $3 WHERE id = $1",
            &[(&pool.id).into(), (&pool.name).into(), pool.organization_scoped.into()],
        )
        .await
        .map(drop)
    }

    /// Removes a pool with its tokens and its agents.
    pub async fn delete_agent_pool(&mut self, id: &AgentPoolId) -> Result<(), StoreError> {
        self.execute("DELETE FROM agent_pools WHERE id = $1", &[id.into()]).await.map(drop)
    }

    /// The pool of this id.
    pub async fn agent_pool(&mut self, id: &AgentPoolId) -> Result<Option<AgentPool>, StoreError> {
        let row = self.optional("SELECT * FROM agent_pools WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(pool).transpose()
    }

    /// A page of the pools of an organization, and how many there are.
    pub async fn agent_pools(
        &mut self,
        organization: &OrgId,
        filter: &AgentPoolFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<AgentPool>, u64), StoreError> {
        let mut binds: Vec<Bind> = vec![
            organization.into(),
            filter.text.as_deref().map(contains).into(),
            filter.workspace.clone().into(),
            filter.project.clone().into(),
        ];
        let total = self.total(filtered!("COUNT(*) AS total", ""), &binds).await?;
        let sql = match filter.order {
            AgentPoolOrder::Oldest => page!("p.created_at, p.id"),
            AgentPoolOrder::Newest => page!("p.created_at DESC, p.id DESC"),
            AgentPoolOrder::Name => page!("p.name, p.id"),
            AgentPoolOrder::NameDescending => page!("p.name DESC, p.id DESC"),
        };
        binds.extend([limit.into(), offset.into()]);
        let rows = self.all(sql, &binds).await?;
        Ok((rows.iter().map(pool).collect::<Result<_, _>>()?, total))
    }

    /// How many agents of a pool were heard of since this moment and did not end.
    pub async fn agent_count(&mut self, id: &AgentPoolId, since: Timestamp) -> Result<u64, StoreError> {
        self.total(
            "SELECT COUNT(*) AS total FROM agents WHERE agent_pool_id = $1 AND stopped_at IS NULL AND last_ping_at > $2",
            &[id.into(), since.into()],
        )
        .await
    }

    /// Which workspaces a pool is for.
    pub async fn agent_pool_scope(&mut self, id: &AgentPoolId) -> Result<AgentPoolScope, StoreError> {
        let allowed = self
            .all(
                "SELECT workspace_id AS id FROM agent_pool_allowed_workspaces WHERE agent_pool_id = $1",
                &[id.into()],
            )
            .await?;
        let projects = self
            .all(
                "SELECT project_id AS id FROM agent_pool_allowed_projects WHERE agent_pool_id = $1",
                &[id.into()],
            )
            .await?;
        let excluded = self
            .all(
                "SELECT workspace_id AS id FROM agent_pool_excluded_workspaces WHERE agent_pool_id = $1",
                &[id.into()],
            )
            .await?;
        Ok(AgentPoolScope {
            allowed_workspaces: ids(&allowed)?,
            allowed_projects: ids(&projects)?,
            excluded_workspaces: ids(&excluded)?,
        })
    }

    /// Replaces which workspaces a pool is for.
    pub async fn set_agent_pool_scope(
        &mut self,
        id: &AgentPoolId,
        scope: &AgentPoolScope,
    ) -> Result<(), StoreError> {
        self.execute("DELETE FROM agent_pool_allowed_workspaces WHERE agent_pool_id = $1", &[id.into()])
            .await?;
        self.execute("DELETE FROM agent_pool_allowed_projects WHERE agent_pool_id = $1", &[id.into()])
            .await?;
        self.execute("DELETE FROM agent_pool_excluded_workspaces WHERE agent_pool_id = $1", &[id.into()])
            .await?;
        for workspace in &scope.allowed_workspaces {
            let sql =
                "INSERT INTO agent_pool_allowed_workspaces (agent_pool_id, workspace_id) VALUES ($1, $2)";
            self.execute(sql, &[id.into(), workspace.into()]).await?;
        }
        for project in &scope.allowed_projects {
            let sql = "INSERT INTO agent_pool_allowed_projects (agent_pool_id, project_id) VALUES ($1, $2)";
            self.execute(sql, &[id.into(), project.into()]).await?;
        }
        for workspace in &scope.excluded_workspaces {
            let sql =
                "INSERT INTO agent_pool_excluded_workspaces (agent_pool_id, workspace_id) VALUES ($1, $2)";
            self.execute(sql, &[id.into(), workspace.into()]).await?;
        }
        Ok(())
    }

    /// What belongs to a pool.
    pub async fn agent_pool_contents(&mut self, id: &AgentPoolId) -> Result<AgentPoolContents, StoreError> {
        let scope = self.agent_pool_scope(id).await?;
        let workspaces = self
            .all("SELECT id FROM workspaces WHERE agent_pool_id = $1 ORDER BY created_at, id", &[id.into()])
            .await?;
        let agents = self
            .all("SELECT id FROM agents WHERE agent_pool_id = $1 ORDER BY created_at, id", &[id.into()])
            .await?;
        let tokens = self
            .all("SELECT id FROM tokens WHERE agent_pool_id = $1 ORDER BY created_at, id", &[id.into()])
            .await?;
        Ok(AgentPoolContents {
            scope,
            workspaces: ids(&workspaces)?,
            agents: ids(&agents)?,
            tokens: ids(&tokens)?,
        })
    }

    /// Tells whether a workspace may use a pool.
    pub async fn agent_pool_serves(
        &mut self,
        id: &AgentPoolId,
        workspace: &WorkspaceId,
    ) -> Result<bool, StoreError> {
        let sql = concat!(
            "SELECT p.id FROM agent_pools p, workspaces w WHERE p.id = $1 AND w.id = $2 AND ",
            serves!()
        );
        Ok(self.optional(sql, &[id.into(), workspace.into()]).await?.is_some())
    }

    /// Tells whether all workspaces of a project may use a pool, as far as they are not excluded one by one.
    pub async fn agent_pool_serves_project(
        &mut self,
        id: &AgentPoolId,
        project: &ProjectId,
    ) -> Result<bool, StoreError> {
        let sql = concat!(
            "SELECT p.id FROM agent_pools p, projects j WHERE p.id = $1 AND j.id = $2 AND ",
            serves_project!()
        );
        Ok(self.optional(sql, &[id.into(), project.into()]).await?.is_some())
    }

    /// Tells whether a workspace, a project or the organization chose a pool.
    pub async fn is_agent_pool_in_use(&mut self, id: &AgentPoolId) -> Result<bool, StoreError> {
        for sql in [
            "SELECT id FROM workspaces WHERE agent_pool_id = $1 LIMIT 1",
            "SELECT id FROM projects WHERE default_agent_pool_id = $1 LIMIT 1",
            "SELECT id FROM organizations WHERE default_agent_pool_id = $1 LIMIT 1",
            "SELECT id FROM jobs WHERE agent_pool_id = $1 AND status = 'running' LIMIT 1",
            "SELECT id FROM jobs WHERE agent_pool_id = $1 AND status = 'queued' LIMIT 1",
        ] {
            if self.optional(sql, &[id.into()]).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A page of the tokens of a pool, the oldest first, and how many there are.
    pub async fn agent_pool_tokens(
        &mut self,
        id: &AgentPoolId,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ApiToken>, u64), StoreError> {
        let total =
            self.total("SELECT COUNT(*) AS total FROM tokens WHERE agent_pool_id = $1", &[id.into()]).await?;
        let rows = self
            .all(
                "SELECT * FROM tokens WHERE agent_pool_id = $1 ORDER BY created_at, id LIMIT $2 OFFSET $3",
                &[id.into(), limit.into(), offset.into()],
            )
            .await?;
        Ok((rows.iter().map(token).collect::<Result<_, _>>()?, total))
    }
}
