//! Agents.

use carnet_model::{Agent, AgentId, AgentPoolId, Timestamp};

use crate::db::{Row, StoreError, Tx};

/// Which agents of a pool are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AgentFilter {
    /// Heard of at or after this moment.
    pub heard_since: Option<Timestamp>,
    /// The newest first.
    pub newest_first: bool,
}

/// The column that tells whether an agent holds a job.
macro_rules! agents {
    ($tail:literal) => {
        concat!(
            "SELECT a.*, EXISTS (SELECT 1 FROM jobs j WHERE j.agent_id = a.id AND j.status = 'running') AS is_busy ",
            "FROM agents a ",
            $tail
        )
    };
}

fn agent(row: &Row) -> Result<Agent, StoreError> {
    Ok(Agent {
        id: row.parsed("id")?,
        token_id: row.parsed("token_id")?,
        agent_pool_id: row.optional_parsed("agent_pool_id")?,
        name: row.text("name")?,
        version: row.text("version")?,
        ip_address: row.optional_parsed("ip_address")?,
        created_at: row.time("created_at")?,
        last_ping_at: row.time("last_ping_at")?,
        stopped_at: row.optional_time("stopped_at")?,
        failed: row.boolean("failed")?,
        is_busy: row.boolean("is_busy")?,
    })
}

impl Tx {
    /// Stores a new agent.
    pub async fn insert_agent(&mut self, agent: &Agent) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO agents (id, token_id, agent_pool_id, name, version, created_at, last_ping_at, stopped_at, \
             failed, ip_address) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            &[
                (&agent.id).into(),
                (&agent.token_id).into(),
                agent.agent_pool_id.as_ref().into(),
                (&agent.name).into(),
                (&agent.version).into(),
                agent.created_at.into(),
                agent.last_ping_at.into(),
                agent.stopped_at.into(),
                agent.failed.into(),
                agent.ip_address.map(|address| address.to_string()).into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The agent of this id.
    pub async fn agent(&mut self, id: &AgentId) -> Result<Option<Agent>, StoreError> {
        let row = self.optional(agents!("WHERE a.id = $1"), &[id.into()]).await?;
        row.as_ref().map(agent).transpose()
    }

    /// A page of the agents of a pool by their start, and how many there are.
    pub async fn pool_agents(
        &mut self,
        pool: &AgentPoolId,
        filter: AgentFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Agent>, u64), StoreError> {
        let since = filter.heard_since.unwrap_or(Timestamp::MIN);
        let total = self
            .total(
                "SELECT COUNT(*) AS total FROM agents a WHERE a.agent_pool_id = $1 AND a.last_ping_at >= $2",
                &[pool.into(), since.into()],
            )
            .await?;
        let sql = if filter.newest_first {
            agents!(
                "WHERE a.agent_pool_id = $1 AND a.last_ping_at >= $2 ORDER BY a.created_at DESC, a.id DESC \
                 LIMIT $3 OFFSET $4"
            )
        } else {
            agents!(
                "WHERE a.agent_pool_id = $1 AND a.last_ping_at >= $2 ORDER BY a.created_at, a.id LIMIT $3 OFFSET $4"
            )
        };
        let rows = self.all(sql, &[pool.into(), since.into(), limit.into(), offset.into()]).await?;
        Ok((rows.iter().map(agent).collect::<Result<_, _>>()?, total))
    }

    /// Notes that an agent was heard of.
    pub async fn touch_agent(&mut self, id: &AgentId, now: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "UPDATE agents SET last_ping_at = $2, stopped_at = NULL WHERE id = $1",
            &[id.into(), now.into()],
        )
        .await
        .map(drop)
    }

    /// Notes that an agent ended, and whether an error made it end.
    pub async fn stop_agent(&mut self, id: &AgentId, failed: bool, now: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "UPDATE agents SET last_ping_at = $2, stopped_at = $2, failed = $3 WHERE id = $1",
            &[id.into(), now.into(), failed.into()],
        )
        .await
        .map(drop)
    }

    /// Forgets an agent.
    pub async fn delete_agent(&mut self, id: &AgentId) -> Result<(), StoreError> {
        self.execute("DELETE FROM agents WHERE id = $1", &[id.into()]).await.map(drop)
    }

    /// Forgets the agents that were heard of before this moment for the last time.
    pub async fn forget_agents(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        self.execute("DELETE FROM agents WHERE last_ping_at < $1", &[before.into()]).await
    }
}
