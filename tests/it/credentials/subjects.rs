//! What tokens say about their runs, as OpenBao sees it: further claims, subjects of other templates, renamed workspaces.

use anyhow::Context;
use carnet_tests::Answer;
use serde_json::{Value, json};

use crate::site::{ORGANIZATION, PASSWORD, Site, id, script, sha256, status};

/// A mount of its own, so that nothing of the usual trust helps.
const MOUNT: &str = "own";

impl Site {
    async fn say(&self, attributes: Value) -> anyhow::Result<Value> {
        let path = format!("/api/carnet/v1/organizations/{ORGANIZATION}/subject-settings");
        let body = json!({"data": {"type": "subject-settings", "attributes": attributes}});
        self.api.request("PUT", &path, Some(&body)).await?.success()
    }

    /// Writes a role and logs in with a token.
    async fn login_with(&self, token: &str, bound: Value) -> anyhow::Result<Answer> {
        let mut role = json!({"role_type": "jwt", "user_claim": "terraform_workspace_id", "bound_audiences": ["a"],
                              "token_policies": ["reader"]});
        for (name, value) in bound.as_object().context("an object")? {
            role[name] = value.clone();
        }
        // Writing a role that is there leaves what is not written as it was.
        let path = format!("auth/{MOUNT}/role/r");
        self.bao.admin("DELETE", &path, Value::Null).await?;
        self.bao.admin("POST", &path, role).await?;
        self.bao.login(MOUNT, "r", token).await
    }
}

/// Asks for a token as an agent does whose job runs.
async fn mint(site: &Site, agent_token: &str) -> anyhow::Result<String> {
    const BASE: &str = "/api/agent/v1";
    let post = async |token: &str, path: String, body: Value| {
        site.server.api_as(token)?.request("POST", &path, Some(&body)).await?.success()
    };
    let agent =
        post(agent_token, format!("{BASE}/agents"), json!({"name": "somebody", "version": "0"})).await?;
    let agent = text(&agent["agent_id"]);
    let job = post(agent_token, format!("{BASE}/agents/{agent}/claim?wait=20"), json!({})).await?;
    let wanted = json!({"family": "plain", "tag": null, "audience": "a", "lifetime_seconds": 300});
    let path = format!("{BASE}/jobs/{}/identity-tokens", text(&job["job_id"]));
    let minted = post(text(&job["control_token"]), path, wanted).await?;
    Ok(text(&minted["token"]).to_owned())
}

#[tokio::test]
async fn openbao_decides_by_claims_that_were_asked_for_and_by_other_subjects() -> anyhow::Result<()> {
    let options =
        carnet_tests::ServerOptions { agent: carnet_tests::EmbeddedAgent::Off, ..Default::default() };
    let site = Site::start_with(options).await?;
    site.bao
        .trust_issuer(MOUNT, &site.server.url(), &std::fs::read_to_string(site.server.ca_file())?)
        .await?;
    let agent_token = site.server.agent_token().await?;
    let workspace = site.api.create_workspace(ORGANIZATION, "net").await?;
    let tags = json!({"data": [{"type": "tag-bindings", "attributes": {"key": "env", "value": "prod"}}]});
    let path = format!("/api/v2/workspaces/{workspace}/tag-bindings");
    site.api.request("PATCH", &path, Some(&tags)).await?.success()?;
    site.say(
        json!({"template": "short", "claims": ["actor", "run_source", "speculative", "workspace_tags"]}),
    )
    .await?;
    site.api.set_environment(&workspace, &[("TFC_WORKLOAD_IDENTITY_AUDIENCE", "a")]).await?;
    site.api.start_run(&workspace, &script("x", "true"), json!({})).await?;
    let token = mint(&site, &agent_token).await?;
    let claims = crate::site::claims(&token)?;
    let actor = text(&claims["terraform_run_actor"]);
    let subject = format!("net@{workspace}:run_phase:plan");
    for bound in [
        json!({"bound_subject": subject}),
        json!({"bound_claims": {"terraform_run_source": "tfe-api", "terraform_run_actor": actor}}),
        json!({"bound_claims": {"terraform_run_source": ["terraform+cloud", "tfe-api"]}}),
        json!({"bound_claims": {"/terraform_workspace_tags/env": "prod", "terraform_run_speculative": "false"}}),
    ] {
        let answer = site.login_with(&token, bound.clone()).await?;
        assert_eq!(answer.status, 200, "{bound}: {}", answer.body);
    }
    for bound in [
        json!({"bound_subject": "organization:acme:project:Default Project:workspace:net:run_phase:plan"}),
        json!({"bound_subject": format!("net@{workspace}:run_phase:apply")}),
        json!({"bound_claims": {"terraform_run_source": "terraform+cloud"}}),
        json!({"bound_claims": {"terraform_run_actor": "somebody-else"}}),
        json!({"bound_claims": {"/terraform_workspace_tags/env": "dev"}}),
        json!({"bound_claims": {"terraform_run_approver": actor}}),
        json!({"bound_claims": {"terraform_vcs_branch": "main"}}),
    ] {
        let answer = site.login_with(&token, bound.clone()).await?;
        assert_eq!(answer.status, 400, "{bound}: {}", answer.body);
    }
    Ok(())
}

#[tokio::test]
async fn a_renamed_workspace_is_trusted_while_its_old_subject_is_kept() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let workspace = site.trusted("net").await?;
    let path = format!("workspaces/{workspace}");
    let change = |attributes: Value| json!({"data": {"type": "workspaces", "attributes": attributes}});
    let renamed = site.api.patch(&path, change(json!({"name": "net2", "keep-subject-days": 7}))).await?;
    assert!(
        renamed["meta"]["warnings"][0].as_str().unwrap_or_default().contains("go on presenting"),
        "{renamed}"
    );

    let run = site.api.run_to_end(&workspace, &script("reader", &site.read_secret())).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");
    assert!(log.contains(&sha256(PASSWORD).await?), "{log}");
    assert!(log.contains("Warning: identity tokens present the old subject"), "{log}");

    let grace = format!("/api/carnet/v1/workspaces/{workspace}/subject-grace");
    assert_eq!(site.api.request("DELETE", &grace, None).await?.status, 204);
    let run = site.api.start_run(&workspace, &script("reader", "true"), json!({})).await?;
    let run = site.api.wait_for_status(&run, &["errored"]).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert!(log.contains("workspace:net2:run_phase:plan"), "the refusal names the new subject: {log}");
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
