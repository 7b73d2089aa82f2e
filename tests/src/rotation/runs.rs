//! Runs that are in their plan, held over the job protocol.

use std::{sync::Mutex, time::Duration};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::json_client::JsonClient;

/// Where the job protocol is.
const BASE: &str = "/api/agent/v1";

/// How often a job says that it lives; the server gives it up after thirty seconds.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// An agent of the site whose jobs this program holds.
#[derive(Debug)]
pub struct ProtocolAgent {
    client: JsonClient,
    anonymous: JsonClient,
    id: String,
}

/// A job that was claimed by this program.
#[derive(Debug)]
pub struct ProtocolJob {
    client: JsonClient,
    id: String,
    beaten: Mutex<Instant>,
}

impl ProtocolAgent {
    /// Registers an agent with an agent token.
    pub async fn register(anonymous: JsonClient, token: &str) -> anyhow::Result<Self> {
        let client = with_token(&anonymous, token);
        let body = json!({ "name": "rotation", "version": "0" });
        let made = client.request("POST", &format!("{BASE}/agents"), Some(&body)).await?.success()?;
        let id = made["agent_id"].as_str().context("the agent has no id")?.to_owned();
        Ok(Self { client, anonymous, id })
    }

    /// Claims the next job.
    pub async fn claim(&self) -> anyhow::Result<ProtocolJob> {
        let path = format!("{BASE}/agents/{}/claim?wait=30", self.id);
        let document = self.client.request("POST", &path, None).await?.success()?;
        let text = |name: &str| document[name].as_str().map(str::to_owned).context("no job was claimed");
        let client = with_token(&self.anonymous, &text("control_token")?);
        let job = ProtocolJob { client, id: text("job_id")?, beaten: Mutex::new(Instant::now()) };
        job.send("heartbeat", &heartbeat()).await?;
        Ok(job)
    }
}

fn with_token(client: &JsonClient, token: &str) -> JsonClient {
    let client = client.clone().with_header("authorization", &format!("Bearer {token}"));
    client.with_header("content-type", "application/json")
}

fn heartbeat() -> Value {
    json!({})
}

impl ProtocolJob {
    async fn send(&self, what: &str, body: &Value) -> anyhow::Result<Value> {
        let path = format!("{BASE}/jobs/{}/{what}", self.id);
        self.client.request("POST", &path, Some(body)).await?.success().with_context(|| what.to_owned())
    }

    /// Says that the job lives, when it is time to.
    pub async fn beat(&self) -> anyhow::Result<()> {
        let is_due = {
            let mut beaten = self.beaten.lock().map_err(|_| anyhow::anyhow!("a task panicked"))?;
            let is_due = beaten.elapsed() >= HEARTBEAT;
            if is_due {
                *beaten = Instant::now();
            }
            is_due
        };
        if is_due {
            self.send("heartbeat", &heartbeat()).await?;
        }
        Ok(())
    }

    /// Has a token made.
    pub async fn mint(&self, life: Duration) -> anyhow::Result<String> {
        let body = json!({ "audience": super::verifier::AUDIENCE, "family": "plain", "tag": null,
            "lifetime_seconds": life.as_secs() });
        let minted = self.send("identity-tokens", &body).await?;
        let token = minted["token"].as_str().context("there is no token")?;
        ensure!(token.split('.').count() == 3, "what was minted is no token");
        Ok(token.to_owned())
    }
}
