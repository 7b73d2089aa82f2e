//! Workspaces of organizations with projects, teams and pools.

mod lists;
mod sharing;

use carnet_model::{OrgName, Workspace};
use serde_json::{Value, json};

use crate::api::tests::Site;

const LIST: &str = "/api/v2/organizations/acme/workspaces";

fn document(attributes: Value) -> Value {
    json!({ "data": { "attributes": attributes } })
}

impl Site {
    async fn ask(&self, method: &str, path: &str, token: &str, body: Value) -> (u16, Value) {
        self.server.request(method, path, token, body).await
    }

    /// Changes attributes of the workspace as the owner.
    async fn change(&self, attributes: Value) -> (u16, Value) {
        self.ask("PATCH", &self.workspace_path(""), &self.owner, document(attributes)).await
    }

    /// Makes something of the organization as the owner; yields its id.
    async fn made(&self, path: &str, body: Value) -> String {
        let (status, made) = self.ask("POST", path, &self.owner, body).await;
        assert_eq!(status, 201, "{made}");
        made["data"]["id"].as_str().expect("an id").to_owned()
    }

    /// Makes a team of one member; yields its id and the member's token.
    async fn team_of_one(&self, name: &str) -> (String, String) {
        let (_, token) = self.member(name).await;
        let team = self.made("/api/v2/organizations/acme/teams", document(json!({ "name": name }))).await;
        let users = format!("/api/v2/teams/{team}/relationships/users");
        let body = json!({ "data": [{ "type": "users", "id": name }] });
        assert_eq!(self.ask("POST", &users, &self.owner, body).await.0, 204);
        (team, token)
    }

    /// Gives a team a level of access to a workspace.
    async fn grant(&self, team: &str, workspace: &Workspace, access: &str) {
        let body = json!({ "data": { "attributes": { "access": access }, "relationships": {
            "team": { "data": { "type": "teams", "id": team } },
            "workspace": { "data": { "type": "workspaces", "id": workspace.id.as_str() } } } } });
        self.made("/api/v2/team-workspaces", body).await;
    }
}

fn detail(answer: &Value) -> &str {
    answer["errors"][0]["detail"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn every_setting_is_kept() {
    let site = Site::new().await;
    let attributes = json!({
        "name": "renamed", "description": "d", "execution-mode": "local", "terraform-version": "~> 1.11.0",
        "working-directory": "envs/prod", "auto-apply": true, "auto-apply-run-trigger": true,
        "allow-destroy-plan": false, "queue-all-runs": true, "speculative-enabled": false,
        "structured-run-output-enabled": false, "file-triggers-enabled": false, "trigger-patterns": ["a/**"],
        "global-remote-state": true, "project-remote-state": true, "assessments-enabled": true,
        "auto-destroy-activity-duration": "14d", "source-name": "n", "source-url": "https://example.com",
        "migration-environment": "m",
    });
    let (status, changed) = site.change(attributes.clone()).await;
    assert_eq!(status, 200, "{changed}");
    let (_, read) = site.ask("GET", &site.workspace_path(""), &site.owner, Value::Null).await;
    for (name, value) in attributes.as_object().expect("an object") {
        assert_eq!(read["data"]["attributes"][name], *value, "{name}");
    }
    assert_eq!(read["data"]["attributes"]["trigger-prefixes"], json!([]));
    assert_eq!(read["data"]["attributes"]["can-queue-destroy-plan"], false);

    let nulls = json!({ "description": null, "working-directory": null, "terraform-version": null,
        "trigger-patterns": null, "auto-destroy-activity-duration": null, "source-name": null, "vcs-repo": null });
    let (status, reset) = site.change(nulls).await;
    assert_eq!(status, 200, "{reset}");
    let attributes = &reset["data"]["attributes"];
    assert_eq!(attributes["trigger-patterns"], json!([]));
    assert_eq!(attributes["auto-destroy-activity-duration"], Value::Null);
    assert_eq!(attributes["terraform-version"], "latest");
    assert_eq!(attributes["auto-apply"], true, "what is absent stays");

    // The Python client sends an object without attributes for no repository.
    let (status, kept) = site.change(json!({ "vcs-repo": {} })).await;
    assert_eq!((status, &kept["data"]["attributes"]["vcs-repo"]), (200, &Value::Null));
    let (status, refused) = site.change(json!({ "vcs-repo": { "identifier": "acme/net" } })).await;
    assert_eq!(status, 422, "{refused}");
}

#[tokio::test]
async fn prefixes_take_the_place_of_patterns() {
    let site = Site::new().await;
    site.change(json!({ "trigger-patterns": ["a/**"] })).await;
    let (_, changed) = site.change(json!({ "trigger-prefixes": ["/a"] })).await;
    let attributes = &changed["data"]["attributes"];
    assert_eq!(
        (&attributes["trigger-prefixes"], &attributes["trigger-patterns"]),
        (&json!(["/a"]), &json!([]))
    );
}

#[tokio::test]
async fn the_execution_mode_is_inherited_until_it_is_overwritten() {
    let site = Site::new().await;
    let mode = |answer: &Value| {
        let attributes = &answer["data"]["attributes"];
        (attributes["execution-mode"].clone(), attributes["setting-overwrites"]["execution-mode"].clone())
    };
    let read = async || mode(&site.ask("GET", &site.workspace_path(""), &site.owner, Value::Null).await.1);
    assert_eq!(read().await, (json!("remote"), json!(false)));
    let local = document(json!({ "default-execution-mode": "local" }));
    let (status, answer) = site.ask("PATCH", "/api/v2/organizations/acme", &site.owner, local).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(read().await, (json!("local"), json!(false)));
    let (_, changed) = site.change(json!({ "execution-mode": "remote" })).await;
    assert_eq!(mode(&changed), (json!("remote"), json!(true)));
    let inherit = json!({ "setting-overwrites": { "execution-mode": false, "agent-pool": false } });
    let (_, changed) = site.change(inherit).await;
    assert_eq!(mode(&changed), (json!("local"), json!(false)));
    assert_eq!(changed["data"]["attributes"]["operations"], false);
}

#[tokio::test]
async fn a_pool_goes_with_its_mode_and_serves_whom_it_is_for() {
    let site = Site::new().await;
    let pools = "/api/v2/organizations/acme/agent-pools";
    let pool = site.made(pools, document(json!({ "name": "open" }))).await;
    let closed = site.made(pools, document(json!({ "name": "closed", "organization-scoped": false }))).await;
    let (status, answer) = site.change(json!({ "execution-mode": "agent" })).await;
    assert_eq!(status, 422);
    assert!(detail(&answer).contains("must be specified when using 'agent' execution mode"));
    let (status, answer) = site.change(json!({ "execution-mode": "remote", "agent-pool-id": pool })).await;
    assert_eq!(status, 422);
    assert!(detail(&answer).contains("must not be specified unless using 'agent' execution mode"));
    let (status, answer) = site.change(json!({ "execution-mode": "agent", "agent-pool-id": closed })).await;
    assert_eq!(status, 422);
    assert!(detail(&answer).contains("not open to this workspace"));
    let (status, changed) = site.change(json!({ "execution-mode": "agent", "agent-pool-id": pool })).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["data"]["relationships"]["agent-pool"]["data"]["id"], pool.as_str());
    let (_, changed) = site.change(json!({ "execution-mode": "remote", "agent-pool-id": "" })).await;
    assert_eq!(changed["data"]["relationships"]["agent-pool"]["data"], Value::Null);
}

#[tokio::test]
async fn the_command_line_is_known_as_the_source() {
    let site = Site::new().await;
    let body = serde_json::to_vec(&document(json!({ "name": "from-cli" }))).expect("JSON");
    let headers = [("x-terraform-integration", "cloud")];
    let made = site.server.send_with("POST", LIST, &site.owner, &headers, body).await.json();
    assert_eq!(made["data"]["attributes"]["source"], "terraform");
    let (_, made) = site.ask("POST", LIST, &site.owner, document(json!({ "name": "by-hand" }))).await;
    assert_eq!(made["data"]["attributes"]["source"], "tfe-api");
    let (status, taken) = site.ask("POST", LIST, &site.owner, document(json!({ "name": "by-hand" }))).await;
    assert_eq!((status, detail(&taken)), (422, "Name has already been taken"));
}

#[tokio::test]
async fn permissions_tell_what_the_caller_may_do() {
    let site = Site::new().await;
    let (team, token) = site.team_of_one("rita").await;
    assert_eq!(site.ask("GET", &site.workspace_path(""), &token, Value::Null).await.0, 404);
    site.grant(&team, &site.workspace, "plan").await;
    let (_, read) = site.ask("GET", &site.workspace_path(""), &token, Value::Null).await;
    let permissions = read["data"]["attributes"]["permissions"].as_object().expect("an object");
    assert_eq!(permissions.len(), 22);
    for (name, value) in permissions {
        let expected = matches!(
            name.as_str(),
            "can-queue-run"
                | "can-read-run"
                | "can-read-variable"
                | "can-read-state-versions"
                | "can-read-state-outputs"
                | "can-read-settings"
                | "can-read-assessment-results"
        );
        assert_eq!(*value, json!(expected), "{name}");
    }
    let (status, _) = site.ask("PATCH", &site.workspace_path(""), &token, document(json!({}))).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn the_lock_of_a_team_names_the_team() {
    let site = Site::new().await;
    let team = site.made("/api/v2/organizations/acme/teams", document(json!({ "name": "robots" }))).await;
    site.grant(&team, &site.workspace, "write").await;
    let path = format!("/api/v2/teams/{team}/authentication-token");
    let (_, made) = site.ask("POST", &path, &site.owner, document(json!({}))).await;
    let token = made["data"]["attributes"]["token"].as_str().expect("a token").to_owned();
    let (status, locked) = site.ask("POST", &site.workspace_path("/actions/lock"), &token, json!({})).await;
    assert_eq!(status, 200, "{locked}");
    let holder = &locked["data"]["relationships"]["locked-by"]["data"];
    assert_eq!(*holder, json!({ "id": team, "type": "teams" }));
    let (status, refused) =
        site.ask("POST", &site.workspace_path("/actions/unlock"), &site.owner, json!({})).await;
    assert_eq!(status, 409);
    assert!(detail(&refused).contains("is locked by Team"));
    assert_eq!(site.ask("POST", &site.workspace_path("/actions/unlock"), &token, json!({})).await.0, 200);
}

#[tokio::test]
async fn owners_may_reserve_deleting_by_force_for_themselves() {
    let site = Site::new().await;
    let (team, token) = site.team_of_one("adam").await;
    site.grant(&team, &site.workspace, "admin").await;
    let name: OrgName = "acme".parse().expect("a name");
    let mut tx = site.server.app.store.write().await.expect("a transaction");
    let mut organization = tx.organization(&name).await.expect("read").expect("there");
    organization.settings.allow_force_delete_workspaces = false;
    tx.update_organization(&organization).await.expect("stored");
    tx.commit().await.expect("committed");
    let path = site.workspace_path("");
    let (_, read) = site.ask("GET", &path, &token, Value::Null).await;
    assert_eq!(read["data"]["attributes"]["permissions"]["can-force-delete"], false);
    let (status, refused) = site.ask("DELETE", &path, &token, Value::Null).await;
    assert_eq!(status, 403);
    assert!(detail(&refused).contains("safe delete"));
    let safe = site.workspace_path("/actions/safe-delete");
    assert_eq!(site.ask("POST", &safe, &token, Value::Null).await.0, 204);
}

#[tokio::test]
async fn moving_needs_a_right_on_both_projects() {
    let site = Site::new().await;
    let (team, token) = site.team_of_one("mona").await;
    site.grant(&team, &site.workspace, "admin").await;
    let project =
        site.made("/api/v2/organizations/acme/projects", document(json!({ "name": "other" }))).await;
    let body = json!({ "data": { "relationships": { "project": { "data": { "type": "projects", "id": project } } } } });
    let (status, _) = site.ask("PATCH", &site.workspace_path(""), &token, body.clone()).await;
    assert!(matches!(status, 403 | 404), "{status}");
    let (status, moved) = site.ask("PATCH", &site.workspace_path(""), &site.owner, body).await;
    assert_eq!(status, 200);
    assert_eq!(moved["data"]["relationships"]["project"]["data"]["id"], project.as_str());
}

#[tokio::test]
async fn a_terraform_version_is_a_version_a_constraint_or_the_latest() {
    let site = Site::new().await;
    for version in ["1.11.4", "~> 1.11.0", ">= 1.0, < 2.0", "1.12.0-beta1", "latest"] {
        let (status, changed) = site.change(json!({ "terraform-version": version })).await;
        assert_eq!((status, &changed["data"]["attributes"]["terraform-version"]), (200, &json!(version)));
    }
    for version in ["newest", "1.2.3.4", "", ">", "~> x"] {
        let (status, refused) = site.change(json!({ "terraform-version": version })).await;
        assert_eq!((status, detail(&refused).contains("must be a version")), (422, true), "{version}");
    }
}

#[tokio::test]
async fn an_attribute_of_the_wrong_type_is_named() {
    let site = Site::new().await;
    for (name, value) in
        [("auto-apply", json!("yes")), ("description", json!(7)), ("trigger-prefixes", json!("a"))]
    {
        let (status, refused) = site.change(json!({ "name": "net", name: value })).await;
        assert_eq!(status, 422, "{refused}");
        assert_eq!(refused["errors"][0]["source"]["pointer"], format!("/data/attributes/{name}"));
        assert!(detail(&refused).starts_with(&format!("{name} cannot be read")), "{refused}");
    }
    let (_, refused) = site.change(json!({ "auto-apply": "yes", "queue-all-runs": "no" })).await;
    assert_eq!(refused["errors"][0]["source"]["pointer"], "/data/attributes");
}

#[tokio::test]
async fn whoever_asks_for_destruction_is_told_that_there_is_none() {
    let site = Site::new().await;
    for (name, value) in [
        ("auto-destroy-at", json!("2026-02-01T00:00:00Z")),
        ("auto-destroy-activity-duration", json!("14d")),
        ("inherits-project-auto-destroy", json!(true)),
        ("assessments-enabled", json!(true)),
    ] {
        let (status, changed) = site.change(json!({ name: value })).await;
        assert_eq!((status, &changed["data"]["attributes"][name]), (200, &value), "{name}");
        let warning = changed["meta"]["warnings"][0].as_str().expect("a warning");
        assert!(warning.starts_with(&format!("{name} is kept without effect")), "{warning}");
    }
    let (_, changed) = site.change(json!({ "auto-destroy-at": null, "description": "d" })).await;
    assert_eq!(changed["meta"], Value::Null);
    let body = document(json!({ "name": "short-lived", "auto-destroy-activity-duration": "1d" }));
    let (status, made) = site.ask("POST", LIST, &site.owner, body).await;
    assert_eq!((status, made["meta"]["warnings"].as_array().map(Vec::len)), (201, Some(1)));
}

#[tokio::test]
async fn texts_that_would_burden_every_list_are_refused() {
    let site = Site::new().await;
    let path = site.workspace_path("");
    for (attribute, value) in [
        ("description", json!("a".repeat(16 * 1024 + 1))),
        ("trigger-prefixes", json!(vec!["a"; 9000])),
        ("source-url", json!("javascript:alert(1)")),
    ] {
        let body = json!({ "data": { "type": "workspaces", "attributes": { attribute: value } } });
        let (status, answer) = site.server.request("PATCH", &path, &site.owner, body).await;
        assert_eq!(status, 422, "{attribute}");
        assert_eq!(answer["errors"][0]["source"]["pointer"], format!("/data/attributes/{attribute}"));
    }
}
