//! Agents.

use carnet_model::{Agent, AgentId, Timestamp};

use crate::db::{StoreError, Tx};

impl Tx {
    /// Stores a new agent.
    pub async fn insert_agent(&mut self, agent: &Agent) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO agents (id, token_id, name, version, created_at, last_ping_at) VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                (&agent.id).into(),
                (&agent.token_id).into(),
                (&agent.name).into(),
                (&agent.version).into(),
                agent.created_at.into(),
                agent.last_ping_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The agent of this id.
    pub async fn agent(&mut self, id: &AgentId) -> Result<Option<Agent>, StoreError> {
        let row = self.optional("SELECT * FROM agents WHERE id = $1", &[id.into()]).await?;
        row.map(|row| {
            Ok(Agent {
                id: row.parsed("id")?,
                token_id: row.parsed("token_id")?,
                name: row.text("name")?,
                version: row.text("version")?,
                created_at: row.time("created_at")?,
                last_ping_at: row.time("last_ping_at")?,
            })
        })
        .transpose()
    }

    /// Notes that an agent was heard of.
    pub async fn touch_agent(&mut self, id: &AgentId, now: Timestamp) -> Result<(), StoreError> {
        self.execute("UPDATE agents SET last_ping_at = $2 WHERE id = $1", &[id.into(), now.into()])
            .await
            .map(drop)
    }
}
