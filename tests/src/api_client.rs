//! The HTTP API as an automation would use it.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::{
    archive::Archive,
    json_client::{Answer, JsonClient},
    process::wait_for,
};

const RUN_LIMIT: Duration = Duration::from_secs(120);

/// How many bytes of a log are read at once: the server gives no more.
const LOG_PAGE: usize = 1024 * 1024;

/// Run states that nothing follows.
const FINAL: [&str; 7] = [
    "applied",
    "planned_and_finished",
    "planned_and_saved",
    "discarded",
    "errored",
    "canceled",
    "force_canceled",
];

/// A client of the API with one token.
#[derive(Debug, Clone)]
pub struct ApiClient {
    client: JsonClient,
    anonymous: JsonClient,
    token: String,
}

impl ApiClient {
    pub(crate) fn new(client: JsonClient, token: &str) -> Self {
        let anonymous = client.clone();
        let client = client
            .with_header("authorization", &format!("Bearer {token}"))
            .with_header("content-type", "application/vnd.api+json");
        Self { client, anonymous, token: token.to_owned() }
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Sends a request; a `path` without a leading slash stands behind `/api/v2/`. When the server has had too many, it is sent
    /// again at the time that the server names, as go-tfe does.
    pub async fn request(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let is_whole = path.starts_with('/') || path.starts_with("https://");
        let path = if is_whole { path.to_owned() } else { format!("/api/v2/{path}") };
        loop {
            let answer = self.client.request(method, &path, body).await?;
            let Some(reset) = answer.reset else { return Ok(answer) };
            tokio::time::sleep(reset).await;
        }
    }

    /// Reads a document that must be there.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.request("GET", path, None).await?;
        answer.success().with_context(|| format!("GET {path}"))
    }

    /// Sends a document that must be accepted.
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let answer = self.request("POST", path, Some(&body)).await?;
        answer.success().with_context(|| format!("POST {path}"))
    }

    /// Sends a change that must be accepted.
    pub async fn patch(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let answer = self.request("PATCH", path, Some(&body)).await?;
        answer.success().with_context(|| format!("PATCH {path}"))
    }

    /// Creates an organization.
    pub async fn create_organization(&self, name: &str) -> anyhow::Result<()> {
        let attributes = json!({"name": name, "email": "admin@example.test"});
        self.post("organizations", document("organizations", attributes)).await?;
        Ok(())
    }

    /// Creates a workspace in the default project; yields its id.
    pub async fn create_workspace(&self, organization: &str, name: &str) -> anyhow::Result<String> {
        let path = format!("organizations/{organization}/workspaces");
        let made = self.post(&path, document("workspaces", json!({"name": name}))).await?;
        id(&made)
    }

    /// Sets environment variables of a workspace.
    pub async fn set_environment(
        &self,
        workspace_id: &str,
        variables: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        for (key, value) in variables {
            let attributes = json!({"key": key, "value": value, "category": "env"});
            self.create_variable(workspace_id, attributes).await?;
        }
        Ok(())
    }

    /// Creates a variable of a workspace with the given attributes; yields its id.
    pub async fn create_variable(&self, workspace_id: &str, attributes: Value) -> anyhow::Result<String> {
        let made =
            self.post(&format!("workspaces/{workspace_id}/vars"), document("vars", attributes)).await?;
        id(&made)
    }

    /// Uploads a configuration of one file, without starting a run; yields the configuration version's id.
    pub async fn upload(&self, workspace_id: &str, main_tf: &str) -> anyhow::Result<String> {
        let archive = Archive::new().file("main.tf", main_tf)?.finish()?;
        let (version, answer) = self.upload_archive(workspace_id, archive).await?;
        answer.success()?;
        Ok(version)
    }

    /// Uploads an archive, whatever it is; yields the configuration version's id and the answer.
    pub async fn upload_archive(
        &self,
        workspace_id: &str,
        archive: Vec<u8>,
    ) -> anyhow::Result<(String, Answer)> {
        let path = format!("workspaces/{workspace_id}/configuration-versions");
        let body = document("configuration-versions", json!({"auto-queue-runs": false}));
        let made = self.post(&path, body).await?;
        let address = made["data"]["attributes"]["upload-url"].as_str().context("there is no upload-url")?;
        let answer = self.anonymous.put_bytes(address, archive).await?;
        Ok((id(&made)?, answer))
    }

    /// Starts a run of a configuration of one file; yields the run's id.
    pub async fn start_run(
        &self,
        workspace_id: &str,
        main_tf: &str,
        attributes: Value,
    ) -> anyhow::Result<String> {
        let version = self.upload(workspace_id, main_tf).await?;
        self.start_run_of(workspace_id, &version, attributes).await
    }

    /// Starts a run of an uploaded configuration; yields the run's id.
    pub async fn start_run_of(
        &self,
        workspace_id: &str,
        version: &str,
        attributes: Value,
    ) -> anyhow::Result<String> {
        let mut body = document("runs", attributes);
        body["data"]["relationships"] = json!({
            "workspace": {"data": {"type": "workspaces", "id": workspace_id}},
            "configuration-version": {"data": {"type": "configuration-versions", "id": version}},
        });
        id(&self.post("runs", body).await?)
    }

    /// Runs a configuration to its end, approving it; yields the final run document.
    pub async fn run_to_end(&self, workspace_id: &str, main_tf: &str) -> anyhow::Result<Value> {
        let run_id = self.start_run(workspace_id, main_tf, json!({"auto-apply": true})).await?;
        self.wait_for_status(&run_id, &FINAL).await
    }

    /// Waits until a run has one of the given states; fails at once when it ended in another.
    pub async fn wait_for_status(&self, run_id: &str, wanted: &[&str]) -> anyhow::Result<Value> {
        let path = format!("runs/{run_id}");
        let what = format!("{run_id} to become one of {wanted:?}");
        wait_for(&what, RUN_LIMIT, async || {
            let run = self.get(&path).await?;
            let status = run["data"]["attributes"]["status"].as_str().unwrap_or_default();
            if wanted.contains(&status) {
                return Ok(Some(run));
            }
            if FINAL.contains(&status) {
                let log = self.run_log(run_id).await.unwrap_or_default();
                bail!("{run_id} ended as {status}, not as one of {wanted:?}\n{log}");
            }
            Ok(None)
        })
        .await
    }

    /// Confirms, discards or cancels a run.
    pub async fn act(&self, run_id: &str, action: &str) -> anyhow::Result<()> {
        self.post(&format!("runs/{run_id}/actions/{action}"), json!({})).await?;
        Ok(())
    }

    /// The log of a run's plan and, behind it, of its apply.
    pub async fn run_log(&self, run_id: &str) -> anyhow::Result<String> {
        let mut text = String::new();
        for phase in ["plan", "apply"] {
            text.push_str(&self.phase_log(run_id, phase).await?);
        }
        Ok(text)
    }

    /// The log of one phase of a run.
    pub async fn phase_log(&self, run_id: &str, phase: &str) -> anyhow::Result<String> {
        let document = self.get(&format!("runs/{run_id}/{phase}")).await?;
        let address = document["data"]["attributes"]["log-read-url"].as_str().context("no log-read-url")?;
        let mut log = String::new();
        for page in 0.. {
            let address = format!("{address}?limit={LOG_PAGE}&offset={}", page * LOG_PAGE);
            match self.anonymous.request("GET", &address, None).await?.success()? {
                Value::Null => break,
                Value::String(text) => log.push_str(&text),
                // A log of a single JSON line is parsed already.
                line => log.push_str(&line.to_string()),
            }
        }
        Ok(log)
    }

    /// The current state of a workspace.
    pub async fn current_state(&self, workspace_id: &str) -> anyhow::Result<Value> {
        let version = self.get(&format!("workspaces/{workspace_id}/current-state-version")).await?;
        let attributes = &version["data"]["attributes"];
        let address = attributes["hosted-state-download-url"].as_str().context("no download url")?;
        self.request("GET", address, None).await?.success()
    }

    /// The identity tokens that were minted for a workspace, oldest first.
    pub async fn identity_tokens(&self, workspace_id: &str) -> anyhow::Result<Vec<Value>> {
        let path = format!("/api/carnet/v1/workspaces/{workspace_id}/identity-tokens");
        let list = self.get(&path).await?;
        list.as_array().cloned().with_context(|| format!("{path} is not a list: {list}"))
    }
}

fn document(kind: &str, attributes: Value) -> Value {
    json!({"data": {"type": kind, "attributes": attributes}})
}

fn id(document: &Value) -> anyhow::Result<String> {
    let id = document["data"]["id"].as_str();
    Ok(id.with_context(|| format!("the document has no id: {document}"))?.to_owned())
}
