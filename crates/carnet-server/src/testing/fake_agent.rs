//! A workspace with runs, and an agent that speaks the job protocol but executes nothing.

use carnet_api::job::BASE;
use carnet_model::{
    ConfigurationStatus, ConfigurationVersion, ConfigurationVersionId, Organization, Variable,
    VariableCategory, VariableId, VariableInput, VariableOwner, VariableValue, Workspace,
};
use carnet_store::TokenHash;
use serde_json::{Value, json};

use super::{Answer, TestServer};
use crate::app::{entropy, new_secret};

/// A server with an organization, its owner and a workspace.
pub(crate) struct Project {
    pub(crate) server: TestServer,
    pub(crate) organization: Organization,
    pub(crate) workspace: Workspace,
    /// The owner's token.
    pub(crate) token: String,
}

impl Project {
    pub(crate) async fn new() -> Self {
        Self::on(TestServer::new().await).await
    }

    /// The same on another server.
    pub(crate) async fn on(server: TestServer) -> Self {
        let project = Self::without_variables(server).await;
        // What the identity tokens of these tests are for.
        project.set_env("TFC_WORKLOAD_IDENTITY_AUDIENCE", "vault.workload.identity").await;
        project
    }

    /// The same, whose variables lead to no identity token.
    pub(crate) async fn without_variables(server: TestServer) -> Self {
        let (user, token) = server.user("alice").await;
        let organization = server.organization("acme", &user).await;
        let workspace = server.workspace(&organization, "net").await;
        Self { server, organization, workspace, token }
    }

    /// Sets an environment variable of the workspace.
    pub(crate) async fn set_env(&self, key: &str, value: &str) {
        let owner = VariableOwner::Workspace(self.workspace.id.clone());
        let mut tx = self.server.app.store.write().await.expect("a transaction");
        let there = tx.variables(&owner).await.expect("read");
        if let Some(earlier) = there.iter().find(|variable| variable.input.key.as_str() == key) {
            tx.delete_variable(&earlier.id).await.expect("deleted");
        }
        let variable = Variable {
            id: VariableId::from_entropy(entropy().expect("randomness")),
            owner,
            input: VariableInput {
                key: key.parse().expect("a name"),
                value: VariableValue(value.into()),
                description: String::new(),
                category: VariableCategory::Env,
                hcl: false,
                sensitive: false,
            },
            version: 1,
            created_at: self.server.app.now(),
        };
        tx.insert_variable(&variable).await.expect("stored");
        tx.commit().await.expect("committed");
    }

    /// A configuration that was uploaded.
    pub(crate) async fn configuration(&self, speculative: bool) -> ConfigurationVersionId {
        let now = self.server.app.now();
        let version = ConfigurationVersion {
            id: ConfigurationVersionId::from_entropy(entropy().expect("randomness")),
            workspace_id: self.workspace.id.clone(),
            status: ConfigurationStatus::Uploaded,
            auto_queue_runs: false,
            speculative,
            provisional: false,
            may_auto_apply: true,
            source: "tfe-api".to_owned(),
            error_message: None,
            created_at: now,
            uploaded_at: Some(now),
            archived_at: None,
        };
        let hash = TokenHash::of(&new_secret("").expect("randomness"));
        let mut tx = self.server.app.store.write().await.expect("a transaction");
        tx.insert_configuration_version(&version, &hash, None).await.expect("stored");
        tx.commit().await.expect("committed");
        version.id
    }

    /// The body of a request for a run.
    pub(crate) fn run_body(&self, configuration: &ConfigurationVersionId, attributes: Value) -> Value {
        json!({ "data": {
            "type": "runs",
            "attributes": attributes,
            "relationships": {
                "workspace": { "data": { "type": "workspaces", "id": self.workspace.id.as_str() } },
                "configuration-version":
                    { "data": { "type": "configuration-versions", "id": configuration.as_str() } },
            },
        } })
    }

    /// Makes an ordinary run with these attributes and returns its document.
    pub(crate) async fn run(&self, attributes: Value) -> Value {
        let configuration = self.configuration(false).await;
        self.run_of(&configuration, attributes).await
    }

    /// Makes a run of a configuration.
    pub(crate) async fn run_of(&self, configuration: &ConfigurationVersionId, attributes: Value) -> Value {
        let body = self.run_body(configuration, attributes);
        let (status, answer) = self.server.request("POST", "/api/v2/runs", &self.token, body).await;
        assert_eq!(status, 201, "{answer}");
        answer["data"].clone()
    }

    /// Reads with the owner's token.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.server.request("GET", path, &self.token, Value::Null).await;
        assert_eq!(status, 200, "GET {path}: {answer}");
        answer
    }

    /// The status of a run.
    pub(crate) async fn status(&self, run: &Value) -> String {
        text(&self.get(&format!("/api/v2/runs/{}", text(&run["id"]))).await["data"]["attributes"]["status"])
    }

    /// Decides about a run and returns the answer's status.
    pub(crate) async fn act(&self, run: &Value, action: &str) -> u16 {
        let path = format!("/api/v2/runs/{}/actions/{action}", text(&run["id"]));
        self.server.request("POST", &path, &self.token, json!({})).await.0
    }

    /// The whole log of a phase (`plan` or `apply`) of a run.
    pub(crate) async fn log(&self, run: &Value, phase: &str) -> Vec<u8> {
        let document = self.get(&format!("/api/v2/runs/{}/{phase}", text(&run["id"]))).await;
        let url = text(&document["data"]["attributes"]["log-read-url"]);
        let answer = self.server.send("GET", &format!("{url}?limit=65536&offset=0"), "", Vec::new()).await;
        assert_eq!(answer.status, 200);
        answer.body
    }
}

/// The text of a JSON string.
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

/// An agent that does what a test tells it.
pub(crate) struct FakeAgent<'a> {
    server: &'a TestServer,
    token: String,
    pub(crate) id: String,
}

impl<'a> FakeAgent<'a> {
    /// Registers an agent of the site.
    pub(crate) async fn new(server: &'a TestServer) -> Self {
        Self::with_token(server, &server.agent_token).await
    }

    /// Registers an agent with another token.
    pub(crate) async fn with_token(server: &'a TestServer, token: &str) -> Self {
        let body = json!({ "name": "fake", "version": "0" });
        let (status, answer) = server.request("POST", &format!("{BASE}/agents"), token, body).await;
        assert_eq!(status, 201, "{answer}");
        Self { server, token: token.to_owned(), id: text(&answer["agent_id"]) }
    }

    /// Claims the next job, if there is one.
    pub(crate) async fn try_claim(&self) -> Option<FakeJob<'a>> {
        let path = format!("{BASE}/agents/{}/claim?wait=0", self.id);
        let (status, document) = self.server.request("POST", &path, &self.token, Value::Null).await;
        match status {
            200 => Some(FakeJob { server: self.server, document }),
            204 => None,
            other => panic!("{other}: {document}"),
        }
    }

    /// Claims the next job.
    pub(crate) async fn claim(&self) -> FakeJob<'a> {
        self.try_claim().await.expect("a job waits")
    }
}

/// A job that a test carries out.
pub(crate) struct FakeJob<'a> {
    server: &'a TestServer,
    pub(crate) document: Value,
}

impl FakeJob<'_> {
    pub(crate) fn id(&self) -> String {
        text(&self.document["job_id"])
    }

    /// One of the job's tokens: `control`, `run` or `delivery`.
    pub(crate) fn token(&self, which: &str) -> String {
        text(&self.document[format!("{which}_token")])
    }

    pub(crate) fn path(&self, what: &str) -> String {
        format!("{BASE}/jobs/{}/{what}", self.id())
    }

    /// Sends JSON with the control token.
    pub(crate) async fn post(&self, what: &str, body: Value) -> (u16, Value) {
        self.server.request("POST", &self.path(what), &self.token("control"), body).await
    }

    /// Sends bytes with the control token.
    pub(crate) async fn put(&self, what: &str, body: &[u8]) -> Answer {
        self.server.send("PUT", &self.path(what), &self.token("control"), body.to_vec()).await
    }

    /// Tells which credentials the phase holds.
    pub(crate) async fn tell_credentials(&self, report: &Value) -> (u16, Value) {
        self.server.request("PUT", &self.path("credentials"), &self.token("control"), report.clone()).await
    }

    /// Reads with the control token.
    pub(crate) async fn get(&self, what: &str) -> Answer {
        self.server.send("GET", &self.path(what), &self.token("control"), Vec::new()).await
    }

    /// Asks for an identity token with any token.
    pub(crate) async fn mint_with(&self, token: &str) -> (u16, Value) {
        self.server.request("POST", &self.path("identity-tokens"), token, identity_request()).await
    }

    /// Asks for an identity token.
    pub(crate) async fn mint(&self) -> (u16, Value) {
        self.mint_with(&self.token("control")).await
    }

    /// Streams a small log.
    pub(crate) async fn write_log(&self) {
        assert_eq!(self.put("log?offset=0", b"\x02Terraform v1.11.4\n").await.status, 204);
    }

    /// Reports the end.
    pub(crate) async fn finish(&self, outcome: &str, has_changes: bool) -> u16 {
        self.post("finish", report(outcome, has_changes)).await.0
    }

    /// Does everything that succeeds: log, artifacts of a plan, state of an apply, end.
    pub(crate) async fn succeed(&self) {
        self.write_log().await;
        if self.document["phase"] == "plan" {
            for artifact in ["plan", "plan-json", "plan-json-redacted", "provider-schemas"] {
                let body = format!("{{\"is\":\"{artifact}\"}}");
                assert_eq!(self.put(&format!("artifacts/{artifact}"), body.as_bytes()).await.status, 204);
            }
        } else {
            assert_eq!(self.put("state", &state(1)).await.status, 204);
        }
        assert_eq!(self.finish("succeeded", true).await, 204);
    }
}

/// What an agent reports at the end.
pub(crate) fn report(outcome: &str, has_changes: bool) -> Value {
    json!({
        "outcome": outcome, "has_changes": has_changes, "additions": 1, "changes": 0, "destructions": 0, "imports": 0,
        "generated_configuration": false, "terraform_version": "1.11.4", "preparation_ms": 5, "steps": [],
        "unrevoked": [],
    })
}

/// A report about one token of Vault, which ends two minutes after the start of the clock.
pub(crate) fn vault_report(revocation: &str) -> Value {
    json!({ "entries": [{
        "family": "vault", "tag": "blue", "audience": "vault.workload.identity",
        "subject": "organization:acme:project:Default Project:workspace:net:run_phase:plan", "role": "deploy",
        "jti": "0b9c", "life_seconds": 600, "renewals": 2, "expires_at": "2026-01-05T10:02:00Z", "outcome": "held",
        "detail": "", "identity": ["entity 1f", "policies default, deploy"],
        "leases": [{
            "address": "https://vault.example.com", "namespace": "team", "accessor": "acc-1",
            "ends_at": "2026-01-05T10:02:00Z", "revocation": revocation, "detail": "",
        }],
    }] })
}

/// What an agent asks for an identity token with.
pub(crate) fn identity_request() -> Value {
    json!({ "family": "plain", "tag": null, "audience": "vault.workload.identity", "lifetime_seconds": 600 })
}

/// A state of this serial without resources.
pub(crate) fn state(serial: u64) -> Vec<u8> {
    let state = json!({
        "version": 4, "terraform_version": "1.11.4", "serial": serial,
        "lineage": "9ad2dd9e-2f9a-4ee4-90f4-5ad2e1d6a1a1", "outputs": {}, "resources": [], "check_results": null,
    });
    serde_json::to_vec(&state).expect("JSON")
}
