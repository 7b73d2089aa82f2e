use std::time::Duration;

use serde_json::{Value, json};

use crate::jobs::sweep;
use crate::testing::{FakeAgent, Project, vault_report};

const LIST: &str = "/api/carnet/v1/organizations/acme/outstanding-credentials";

/// A run whose agent held two tokens of Vault and was never heard of again.
struct Abandoned {
    project: Project,
    run: String,
    job: String,
    control: String,
}

impl Abandoned {
    async fn new() -> Self {
        let project = Project::new().await;
        let agent = FakeAgent::new(&project.server).await;
        let run = project.run_of(&project.configuration(true).await, json!({})).await;
        let job = agent.claim().await;
        let mut report = vault_report("outstanding");
        let mut second = report["entries"][0]["leases"][0].clone();
        second["accessor"] = json!("acc-2");
        report["entries"][0]["leases"].as_array_mut().expect("a list").push(second);
        assert_eq!(job.tell_credentials(&report).await.0, 204);
        let (job, control) = (job.id(), job.token("control"));
        let run = run["id"].as_str().expect("an id").to_owned();
        Self { project, run, job, control }
    }

    async fn lost() -> Self {
        let abandoned = Self::new().await;
        abandoned.project.server.advance(Duration::from_secs(30));
        sweep(&abandoned.project.server.app).await.expect("swept");
        abandoned
    }

    async fn settle_as(&self, token: &str, id: &str, attributes: Value) -> (u16, Value) {
        let body = json!({ "data": { "type": "outstanding-credentials", "attributes": attributes } });
        let path = format!("{LIST}/{id}/actions/settle");
        self.project.server.request("POST", &path, token, body).await
    }

    /// Settles the lease at a place and returns what the answer says of it.
    async fn settle(&self, place: &str, revocation: &str, detail: &str) -> Value {
        let attributes = json!({ "revocation": revocation, "detail": detail });
        let (status, answer) = self.settle_as(&self.project.token, &self.id(place), attributes).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["data"]["id"], self.id(place));
        answer["data"]["attributes"].clone()
    }

    fn id(&self, place: &str) -> String {
        format!("{}-{place}", self.job)
    }

    /// The accessors on the list, and how their revocation stands.
    async fn listed(&self) -> Vec<(String, String)> {
        let data = self.project.get(LIST).await["data"].clone();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let entry =
            |one: &Value| (text(&one["attributes"]["accessor"]), text(&one["attributes"]["revocation"]));
        data.as_array().expect("a list").iter().map(entry).collect()
    }

    async fn report(&self) -> Value {
        let found = self.project.get(&format!("/api/carnet/v1/runs/{}/credentials", self.run)).await;
        found["data"][0]["attributes"].clone()
    }

    /// What the run says was not revoked.
    async fn unrevoked(&self) -> Vec<String> {
        let run = self.project.get(&format!("/api/v2/runs/{}", self.run)).await;
        let list = run["data"]["attributes"]["unrevoked-credentials"].as_array().expect("a list").clone();
        list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
    }

    /// The events about leases.
    async fn events(&self) -> Vec<Value> {
        let events = self.project.get(&format!("/api/v2/runs/{}/run-events", self.run)).await;
        let all = events["data"].as_array().expect("a list").clone();
        all.into_iter().filter(|event| event["attributes"]["target-id"].is_string()).collect()
    }
}

fn pair(accessor: &str, revocation: &str) -> (String, String) {
    (accessor.to_owned(), revocation.to_owned())
}

#[tokio::test]
async fn list_report_and_run_agree_about_what_was_revoked_later() {
    let abandoned = Abandoned::lost().await;
    assert_eq!(abandoned.listed().await, [pair("acc-1", "outstanding"), pair("acc-2", "outstanding")]);
    assert_eq!(abandoned.unrevoked().await.len(), 2);

    let answer = abandoned.settle("0-1", "revoked", "ignored").await;
    assert_eq!((&answer["revocation"], &answer["detail"]), (&json!("revoked"), &json!("")));
    assert_eq!(answer["hint"], Value::Null);
    assert_eq!(abandoned.listed().await, [pair("acc-1", "outstanding")]);
    let left = abandoned.unrevoked().await;
    assert!(left.len() == 1 && left[0].contains("acc-1"), "{left:?}");
    let report = abandoned.report().await;
    assert_eq!((&report["leases"][1]["revocation"], &report["outcome"]), (&json!("revoked"), &json!("held")));

    abandoned.settle("0-0", "already_gone", "").await;
    assert!(abandoned.listed().await.is_empty() && abandoned.unrevoked().await.is_empty());
    assert_eq!(abandoned.report().await["outcome"], "ended");
    let events = abandoned.events().await;
    let words: Vec<_> =
        events.iter().map(|event| event["attributes"]["action"].as_str().expect("a text")).collect();
    let (left, over) = ("credentials_not_revoked", "credentials_revoked");
    assert_eq!(words, [left, left, over, over]);
    assert_eq!(events[2]["attributes"]["target-id"], abandoned.id("0-1"));
    assert_eq!(
        events[2]["attributes"]["description"],
        "vault (blue): the credential of https://vault.example.com with accessor acc-2 is revoked"
    );
    assert!(events[2]["relationships"]["actor"]["data"]["id"].is_string(), "somebody did it");
    assert!(
        events[3]["attributes"]["description"].as_str().expect("a text").ends_with("acc-1 was gone already")
    );
}

#[tokio::test]
async fn a_failure_is_told_and_told_once() {
    let abandoned = Abandoned::lost().await;
    for _ in 0..2 {
        abandoned.settle("0-0", "failed", "permission\ndenied").await;
    }
    assert_eq!(abandoned.listed().await, [pair("acc-1", "failed"), pair("acc-2", "outstanding")]);
    assert_eq!(abandoned.report().await["leases"][0]["detail"], "permission denied");
    let told = abandoned.unrevoked().await;
    assert_eq!(told.len(), 2);
    assert!(told[0].contains("could not be revoked: permission denied;"), "{told:?}");
    assert_eq!(abandoned.events().await.len(), 3);
    abandoned.settle("0-0", "failed", "the Vault is sealed").await;
    assert!(abandoned.unrevoked().await[0].contains("sealed"));
    abandoned.settle("0-0", "revoked", "").await;
    assert_eq!(abandoned.listed().await, [pair("acc-2", "outstanding")]);
    assert_eq!(abandoned.unrevoked().await.len(), 1);
}

#[tokio::test]
async fn what_is_over_stays_over_and_is_no_event_again() {
    let abandoned = Abandoned::lost().await;
    for (revocation, detail) in [("revoked", ""), ("revoked", ""), ("already_gone", ""), ("failed", "late")] {
        assert_eq!(abandoned.settle("0-0", revocation, detail).await["revocation"], "revoked");
    }
    assert_eq!(abandoned.events().await.len(), 3);
    // What has ended by itself is not on the list any more; whoever was about to revoke it finds it gone.
    abandoned.project.server.advance(Duration::from_secs(120));
    assert!(abandoned.listed().await.is_empty());
    abandoned.settle("0-1", "already_gone", "").await;
    assert!(abandoned.unrevoked().await.is_empty());
}

#[tokio::test]
async fn only_owners_settle_and_only_what_is_there_and_over() {
    let abandoned = Abandoned::new().await;
    let (owner, body) = (abandoned.project.token.clone(), json!({ "revocation": "revoked" }));
    let id = abandoned.id("0-0");
    assert_eq!(abandoned.settle_as(&owner, &id, body.clone()).await.0, 404, "its agent still works with it");
    abandoned.project.server.advance(Duration::from_secs(30));
    sweep(&abandoned.project.server.app).await.expect("swept");

    let (user, stranger) = abandoned.project.server.user("bob").await;
    abandoned.project.server.organization("beta", &user).await;
    let agent_token = abandoned.project.server.agent_token.clone();
    for (token, expected) in
        [(&stranger, 404), (&agent_token, 404), (&abandoned.control, 401), (&String::new(), 401)]
    {
        assert_eq!(abandoned.settle_as(token, &id, body.clone()).await.0, expected);
    }
    let path = format!("{LIST}/{id}/actions/settle").replace("/acme/", "/beta/");
    let document = json!({ "data": { "attributes": body } });
    assert_eq!(abandoned.project.server.request("POST", &path, &stranger, document).await.0, 404);

    let other_job = format!("job-{}-0-0", "A".repeat(16));
    for id in [&abandoned.id("0-2"), &abandoned.id("1-0"), &abandoned.id("00-0"), &abandoned.job, &other_job]
    {
        assert_eq!(abandoned.settle_as(&owner, id, body.clone()).await.0, 404, "{id}");
    }
    for body in [json!({}), json!({ "revocation": "outstanding" }), json!({ "revocation": "ends_by_itself" })]
    {
        let (status, answer) = abandoned.settle_as(&owner, &id, body).await;
        assert_eq!(status, 422);
        assert_eq!(answer["errors"][0]["source"]["pointer"], "/data/attributes/revocation");
    }
    assert_eq!(abandoned.listed().await.len(), 2, "nothing has changed");
}

#[tokio::test]
async fn a_lost_agent_that_comes_back_changes_nothing() {
    let abandoned = Abandoned::lost().await;
    abandoned.settle("0-0", "revoked", "").await;
    let path = format!("/api/agent/v1/jobs/{}/credentials", abandoned.job);
    let late = vault_report("outstanding");
    assert_eq!(abandoned.project.server.request("PUT", &path, &abandoned.control, late).await.0, 410);
    assert_eq!(abandoned.listed().await, [pair("acc-2", "outstanding")]);
}
