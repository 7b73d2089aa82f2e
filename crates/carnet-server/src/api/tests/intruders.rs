//! What members with few rights, holders of stolen tokens and hostile configurations try.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Site;
use super::state_versions::{state, whole};
use crate::state::store_run_state;
use crate::testing::{ADMIN, FakeAgent, Project, TestServer};

const MEMBERSHIPS: &str = "/api/v2/organizations/acme/organization-memberships";

fn attributes(attributes: Value) -> Value {
    json!({ "data": { "attributes": attributes } })
}

/// The id in an answer.
fn id(made: &Value) -> String {
    made["data"]["id"].as_str().unwrap_or_else(|| panic!("{made} has no id")).to_owned()
}

/// Lets a team read the workspace of the site.
async fn let_read(site: &Site, team: &str) {
    let body = json!({ "data": { "attributes": { "access": "read" }, "relationships": {
        "team": { "data": { "type": "teams", "id": team } },
        "workspace": { "data": { "type": "workspaces", "id": site.workspace.id.as_str() } } } } });
    let (status, made) = site.server.request("POST", "/api/v2/team-workspaces", &site.owner, body).await;
    assert_eq!(status, 201, "{made}");
}

#[tokio::test]
async fn nobody_takes_an_invitation_by_claiming_its_address() {
    let site = Site::new().await;
    let update = "/api/v2/account/update";
    // Before the invitation, and after another one.
    let body = attributes(json!({ "email": "Chief@example.com" }));
    let (status, user) = site.server.request("PATCH", update, &site.stranger, body).await;
    assert_eq!(status, 200);
    assert_eq!(user["data"]["attributes"]["email"], "stefan@example.com");
    assert_eq!(user["data"]["attributes"]["unconfirmed-email"], "chief@example.com");
    let invitation = attributes(json!({ "email": "chief@example.com" }));
    let (_, invited) = site.server.request("POST", MEMBERSHIPS, &site.owner, invitation).await;
    assert_eq!(invited["data"]["attributes"]["status"], "invited");
    let body = attributes(json!({ "email": "chief@example.com" }));
    assert_eq!(site.server.request("PATCH", update, &site.stranger, body).await.0, 200);
    let organization = "/api/v2/organizations/acme";
    assert_eq!(site.server.request("GET", organization, &site.stranger, Value::Null).await.0, 404);
    // The wish is the user's own business, and ends when it is taken back.
    let (_, own) = site.server.request("GET", "/api/v2/account/details", &site.stranger, Value::Null).await;
    assert_eq!(own["data"]["attributes"]["unconfirmed-email"], "chief@example.com");
    let body = attributes(json!({ "email": "stefan@example.com" }));
    let (_, own) = site.server.request("PATCH", update, &site.stranger, body).await;
    assert_eq!(own["data"]["attributes"]["unconfirmed-email"], Value::Null);
    // Administrators of the site vouch for themselves, and take nobody's address.
    for (email, status) in [("root@example.com", 200), ("stefan@example.com", 422)] {
        let body = attributes(json!({ "email": email }));
        assert_eq!(site.server.request("PATCH", update, ADMIN, body).await.0, status, "{email}");
    }
}

#[tokio::test]
async fn names_of_users_of_the_servers_making_are_reserved() {
    let site = Site::new().await;
    let team = site.team("builders", json!({}), &[]).await;
    for name in [format!("api-{}", team.replace('-', "_")), "invited-me".to_owned()] {
        let body = attributes(json!({ "username": name }));
        let (status, answer) =
            site.server.request("PATCH", "/api/v2/account/update", &site.stranger, body).await;
        assert_eq!((status, &answer["errors"][0]["detail"]), (422, &json!("Username is reserved")));
    }
    let path = format!("/api/v2/teams/{team}/authentication-token");
    assert_eq!(site.server.request("POST", &path, &site.owner, Value::Null).await.0, 201);
}

#[tokio::test]
async fn nobody_gets_a_username_that_somebody_else_gave_up() {
    let site = Site::new().await;
    let (_, mia) = site.member("mia").await;
    let rename = async |token: &str, name: &str| {
        let body = attributes(json!({ "username": name }));
        site.server.request("PATCH", "/api/v2/account/update", token, body).await.0
    };
    assert_eq!(rename(&mia, "maria").await, 200);
    for name in ["mia", "MIA", "maria"] {
        assert_eq!(rename(&site.stranger, name).await, 422, "{name}");
    }
    // Its former owner may take it again.
    assert_eq!(rename(&mia, "Mia").await, 200);
    assert_eq!(rename(&site.stranger, "maria").await, 422);
}

#[tokio::test]
async fn who_does_not_manage_teams_invites_into_none_and_learns_of_none() {
    let site = Site::new().await;
    let (_, manager) = site.member("mia").await;
    let rights = json!({ "organization-access": { "manage-membership": true } });
    site.team("people", rights, &["mia"]).await;
    let secret = site.team("production", json!({ "visibility": "secret" }), &[]).await;
    let open = site.team("readers", json!({ "visibility": "organization" }), &[]).await;
    let absent = "team-0000000000000000".to_owned();
    let invitation = |team: &str| {
        json!({ "data": { "attributes": { "email": "new@example.com" },
            "relationships": { "teams": { "data": [{ "type": "teams", "id": team }] } } } })
    };
    for team in [&secret, &open, &absent] {
        let (status, answer) = site.server.request("POST", MEMBERSHIPS, &manager, invitation(team)).await;
        assert_eq!(status, 403, "{team}: {answer}");
    }
    let (status, answer) = site.server.request("POST", MEMBERSHIPS, &site.owner, invitation(&absent)).await;
    assert_eq!(status, 422, "{answer}");
    let body = attributes(json!({ "email": "new@example.com" }));
    assert_eq!(site.server.request("POST", MEMBERSHIPS, &manager, body).await.0, 201);
}

#[tokio::test]
async fn a_variable_set_shows_no_workspace_or_project_that_is_hidden() {
    let site = Site::new().await;
    let (_, guest) = site.member("gus").await;
    let team = site.team("guests", json!({}), &["gus"]).await;
    let_read(&site, &team).await;
    let hidden = site.server.workspace(&site.organization, "hidden").await;
    let set = json!({ "data": { "attributes": { "name": "shared" }, "relationships": {
        "workspaces": { "data": [{ "type": "workspaces", "id": site.workspace.id.as_str() },
            { "type": "workspaces", "id": hidden.id.as_str() }] },
        "projects": { "data": [{ "type": "projects", "id": site.organization.default_project_id.as_str() }] } } } });
    let (status, made) =
        site.server.request("POST", "/api/v2/organizations/acme/varsets", &site.owner, set).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("/api/v2/varsets/{}?include=workspaces,projects", id(&made));
    let shown = |answer: Value| -> Vec<String> {
        let included = answer["included"].as_array().cloned().unwrap_or_default();
        included.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
    };
    let (status, answer) = site.server.request("GET", &path, &guest, Value::Null).await;
    assert_eq!((status, shown(answer)), (200, vec![site.workspace.id.to_string()]));
    assert_eq!(shown(site.server.request("GET", &path, &site.owner, Value::Null).await.1).len(), 3);
}

#[tokio::test]
async fn who_may_not_make_variable_sets_does_not_learn_their_names() {
    let site = Site::new().await;
    let (_, member) = site.member("mia").await;
    let sets = "/api/v2/organizations/acme/varsets";
    let body = attributes(json!({ "name": "production" }));
    assert_eq!(site.server.request("POST", sets, &site.owner, body.clone()).await.0, 201);
    assert_eq!(site.server.request("POST", sets, &member, body).await.0, 403);
    // A hidden project is answered like one that is not there.
    let mut texts = Vec::new();
    for project in [site.organization.default_project_id.as_str(), "prj-0000000000000000"] {
        let body = json!({ "data": { "attributes": { "name": "own" }, "relationships": {
            "parent": { "data": { "type": "projects", "id": project } } } } });
        let (status, answer) = site.server.request("POST", sets, &member, body).await;
        assert_eq!(status, 422, "{answer}");
        texts.push(answer["errors"][0]["detail"].as_str().expect("a text").replace(project, ""));
    }
    assert_eq!(texts[0], texts[1]);
}

#[tokio::test]
async fn what_terraform_executes_learns_nothing_about_people_or_the_runs_of_others() {
    let mut project = Project::without_variables(TestServer::new().await).await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({ "plan-only": true })).await;
    let run_id = run["id"].as_str().expect("an id").parse().expect("an id");
    let text = Bytes::from(state(1, "l-1", "x"));
    store_run_state(&project.server.app, &project.workspace.id, &run_id, text).await.expect("stored");
    agent.claim().await.succeed().await;
    let shared = format!("/api/v2/workspaces/{}", project.workspace.id);
    let body = attributes(json!({ "global-remote-state": true }));
    assert_eq!(project.server.request("PATCH", &shared, &project.token, body).await.0, 200);
    let lock = format!("{shared}/actions/lock");
    assert_eq!(project.server.request("POST", &lock, &project.token, json!({})).await.0, 200);

    project.workspace = project.server.workspace(&project.organization, "other").await;
    let own = project.run(json!({})).await;
    let token = agent.claim().await.token("run");
    let own_run = format!("/api/v2/runs/{}", own["id"].as_str().expect("an id"));
    for (path, for_terraform, for_people) in [
        (
            format!(
                "{shared}/current-state-version?include=run,run.created_by,run.configuration_version,outputs"
            ),
            vec!["state-version-outputs"],
            vec!["configuration-versions", "runs", "state-version-outputs", "users"],
        ),
        (
            format!("{shared}?include=locked_by,current_state_version,vars"),
            vec!["state-versions"],
            vec!["state-versions", "users"],
        ),
        (format!("{own_run}?include=created_by,plan"), vec!["plans"], vec!["plans", "users"]),
        (format!("{own_run}/run-events?include=actor"), vec![], vec!["users"]),
    ] {
        for (token, wanted) in [(&token, for_terraform), (&project.token, for_people)] {
            let (status, answer) = project.server.request("GET", &path, token, Value::Null).await;
            assert_eq!(status, 200, "{path}: {answer}");
            let included = answer["included"].as_array().into_iter().flatten();
            let kinds: BTreeSet<&str> = included.filter_map(|one| one["type"].as_str()).collect();
            assert_eq!(kinds.into_iter().collect::<Vec<_>>(), wanted, "{path}");
        }
    }
}

#[tokio::test]
async fn a_state_whose_serial_cannot_rise_is_a_conflict() {
    let site = Site::new().await;
    site.lock().await;
    let (status, made) = site.post_state(whole(i64::MAX, &state(i64::MAX, "l-1", "x"))).await;
    assert_eq!(status, 201, "{made}");
    let body = json!({ "data": { "type": "state-versions", "relationships": { "rollback-state-version": {
        "data": { "type": "state-versions", "id": id(&made) } } } } });
    let path = site.workspace_path("/state-versions");
    assert_eq!(site.server.request("PATCH", &path, &site.owner, body).await.0, 409);
}

#[tokio::test]
async fn no_text_holds_the_character_that_a_database_may_refuse() {
    let site = Site::new().await;
    let workspaces = "/api/v2/organizations/acme/workspaces";
    let body = attributes(json!({ "name": "new", "description": "a\0b" }));
    assert_eq!(site.server.request("POST", workspaces, &site.owner, body).await.0, 422);
    // A backslash before a u is none of it.
    let body = attributes(json!({ "name": "new", "description": "a\\u0000b" }));
    assert_eq!(site.server.request("POST", workspaces, &site.owner, body).await.0, 201);
    let search = format!("{workspaces}?search%5Bname%5D=a%00b");
    assert_eq!(site.server.request("GET", &search, &site.owner, Value::Null).await.0, 400);
    for path in
        ["/api/carnet/v1/organizations/acme/adapters/a%00b", "/api/registry/v1/modules/a%00b/n/p/versions"]
    {
        assert_eq!(site.server.request("GET", path, &site.owner, Value::Null).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_search_for_a_hidden_name_finds_what_one_for_no_name_finds() {
    let site = Site::new().await;
    let (_, token) = site.member("mia").await;
    let path = "/api/v2/organizations/acme/agent-pools";
    let made = attributes(json!({ "name": "open" }));
    assert_eq!(site.server.request("POST", path, &site.owner, made).await.0, 201);
    let count = async |filter: &str, name: &str, token: &str| {
        let path = format!("{path}?filter%5B{filter}%5D%5Bname%5D={name}");
        let (status, list) = site.server.request("GET", &path, token, Value::Null).await;
        assert_eq!(status, 200, "{list}");
        list["meta"]["pagination"]["total-count"].as_u64().expect("a number")
    };
    for (filter, name) in [("allowed_workspaces", "net"), ("allowed_projects", "Default%20Project")] {
        assert_eq!(count(filter, name, &site.owner).await, 1, "{filter}");
        assert_eq!(count(filter, name, &token).await, 0, "{filter}");
        assert_eq!(count(filter, "no/name", &token).await, 0, "{filter}");
    }
    site.team("readers", json!({ "organization-access": { "read-workspaces": true } }), &["mia"]).await;
    assert_eq!(count("allowed_workspaces", "net", &token).await, 1);
    assert_eq!(count("allowed_projects", "Default%20Project", &token).await, 1);
}
