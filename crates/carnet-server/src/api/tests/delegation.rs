//! Nobody gives away rights that they lack: not by teams, invitations, tokens or grants.

use std::time::Duration;

use serde_json::{Value, json};

use super::Site;

const MEMBERSHIPS: &str = "/api/v2/organizations/acme/organization-memberships";

/// A site whose team `netadmins` administers the project, and `mia`, whose team has the given rights.
struct World {
    site: Site,
    strong: String,
    mia: String,
    own: String,
}

impl World {
    async fn new(rights: &[&str]) -> Self {
        let site = Site::new().await;
        let (_, mia) = site.member("mia").await;
        let access: Value = rights.iter().map(|name| ((*name).to_owned(), json!(true))).collect();
        let own = site.team("managers", json!({ "organization-access": access }), &["mia"]).await;
        let strong = site.team("netadmins", json!({ "visibility": "organization" }), &[]).await;
        let world = Self { site, strong, mia, own };
        let project = world.site.organization.default_project_id.to_string();
        world.grant("project", &world.strong, &project, json!({ "access": "admin" })).await;
        world
    }

    async fn grant(&self, kind: &str, team: &str, id: &str, attributes: Value) -> String {
        let path = format!("/api/v2/team-{kind}s");
        let body = grant(kind, team, id, attributes);
        let (status, made) = self.site.server.request("POST", &path, &self.site.owner, body).await;
        assert_eq!(status, 201, "{made}");
        format!("{path}/{}", made["data"]["id"].as_str().expect("an id"))
    }

    async fn ask(&self, method: &str, path: &str, token: &str, body: Value) -> u16 {
        self.site.server.request(method, path, token, body).await.0
    }

    /// The token of a team or an organization.
    async fn token(&self, path: &str, caller: &str, attributes: Value) -> String {
        let body = json!({ "data": { "attributes": attributes } });
        let (status, made) = self.site.server.request("POST", path, caller, body).await;
        assert_eq!(status, 201, "{path}: {made}");
        made["data"]["attributes"]["token"].as_str().expect("shown once").to_owned()
    }

    async fn sees_workspace(&self, token: &str) -> u16 {
        self.ask("GET", &self.site.workspace_path(""), token, Value::Null).await
    }
}

fn grant(kind: &str, team: &str, id: &str, attributes: Value) -> Value {
    json!({ "data": { "attributes": attributes, "relationships": {
        "team": { "data": { "type": "teams", "id": team } },
        kind: { "data": { "type": format!("{kind}s"), "id": id } } } } })
}

fn user(name: &str) -> Value {
    json!({ "data": [{ "type": "users", "id": name }] })
}

#[tokio::test]
async fn an_invitation_leads_into_no_team_that_may_do_more() {
    for rights in [&["manage-membership"][..], &["manage-membership", "manage-teams"]] {
        let world = World::new(rights).await;
        let body = json!({ "data": { "attributes": { "email": "stefan@example.com" }, "relationships": {
            "teams": { "data": [{ "type": "teams", "id": world.strong }] } } } });
        assert_eq!(world.ask("POST", MEMBERSHIPS, &world.mia, body.clone()).await, 403);
        assert_eq!(world.sees_workspace(&world.site.stranger).await, 404);
        assert_eq!(world.ask("POST", MEMBERSHIPS, &world.site.owner, body).await, 201);
        assert_eq!(world.sees_workspace(&world.site.stranger).await, 200);
    }
}

#[tokio::test]
async fn who_manages_teams_leaves_those_alone_that_may_do_more_on_a_project_or_a_workspace() {
    let world = World::new(&["manage-teams"]).await;
    let weak = world.site.team("weak", json!({}), &[]).await;
    let own_workspace = world.site.workspace.id.as_str();
    let reader = world.site.team("readers", json!({}), &[]).await;
    world.grant("workspace", &reader, own_workspace, json!({ "access": "read" })).await;
    let owners = world.site.owners_team().await;
    for (team, is_allowed) in [(&world.strong, false), (&reader, false), (&owners, false), (&weak, true)] {
        let one = format!("/api/v2/teams/{team}");
        let described = json!({ "data": { "attributes": { "description": "mine" } } });
        let settings = json!({ "data": { "attributes": { "visibility": "organization",
            "allow-member-token-management": true } } });
        for (method, path, body, allowed) in [
            ("POST", "/relationships/users", user("mia"), 204),
            ("POST", "/authentication-token", Value::Null, 201),
            ("POST", "/authentication-tokens", described, 201),
            ("PATCH", "", settings, 200),
            ("DELETE", "/relationships/users", user("mia"), 204),
            ("DELETE", "", Value::Null, 204),
        ] {
            let status = world.ask(method, &format!("{one}{path}"), &world.mia, body).await;
            assert_eq!(status, if is_allowed { allowed } else { 403 }, "{method} {team}{path}");
        }
    }
    assert_eq!(world.sees_workspace(&world.mia).await, 404);
    // With the same access the team is no stronger.
    world.grant("workspace", &world.own, own_workspace, json!({ "access": "write" })).await;
    let users = format!("/api/v2/teams/{reader}/relationships/users");
    assert_eq!(world.ask("POST", &users, &world.mia, user("mia")).await, 204);
    let users = format!("/api/v2/teams/{}/relationships/users", world.strong);
    assert_eq!(world.ask("POST", &users, &world.mia, user("mia")).await, 403);
    assert_eq!(world.ask("POST", &users, &world.site.owner, user("mia")).await, 204);
}

#[tokio::test]
async fn who_manages_everything_manages_the_teams_of_every_project() {
    let world = World::new(&["manage-teams", "manage-projects"]).await;
    let users = format!("/api/v2/teams/{}/relationships/users", world.strong);
    assert_eq!(world.ask("POST", &users, &world.mia, user("mia")).await, 204);
}

#[tokio::test]
async fn access_to_a_project_is_given_and_taken_by_those_who_have_it() {
    let world = World::new(&[]).await;
    let project = world.site.organization.default_project_id.to_string();
    let custom = json!({ "access": "custom", "project-access": { "teams": "manage" },
        "workspace-access": { "runs": "read" } });
    let own = world.grant("project", &world.own, &project, custom.clone()).await;
    let vars = world.site.workspace_path("/vars");
    for attributes in [
        json!({ "access": "admin" }),
        json!({ "access": "read" }),
        json!({ "access": "custom", "workspace-access": { "variables": "read" } }),
        json!({ "access": "custom", "project-access": { "settings": "delete" } }),
    ] {
        let body = json!({ "data": { "attributes": attributes } });
        assert_eq!(world.ask("PATCH", &own, &world.mia, body.clone()).await, 403, "{body}");
    }
    assert_eq!(world.ask("GET", &vars, &world.mia, Value::Null).await, 403);
    let open = world.site.team("open", json!({ "visibility": "organization" }), &[]).await;
    let all = "/api/v2/team-projects";
    let admin = grant("project", &open, &project, json!({ "access": "admin" }));
    assert_eq!(world.ask("POST", all, &world.mia, admin).await, 403);
    // As much as one's own, and no access that is wider is taken away.
    assert_eq!(world.ask("POST", all, &world.mia, grant("project", &open, &project, custom)).await, 201);
    let listed = format!("{all}?filter%5Bproject%5D%5Bid%5D={project}");
    let (_, grants) = world.site.server.request("GET", &listed, &world.site.owner, Value::Null).await;
    let mut grants = grants["data"].as_array().expect("a list").iter();
    let strong = grants.find(|one| one["attributes"]["access"] == "admin").expect("there");
    let strong = format!("{all}/{}", strong["id"].as_str().expect("an id"));
    assert_eq!(world.ask("DELETE", &strong, &world.mia, Value::Null).await, 403);
    assert_eq!(world.ask("DELETE", &strong, &world.site.owner, Value::Null).await, 204);
    // Administrators of a project give away everything of it.
    let body = json!({ "data": { "attributes": { "access": "admin" } } });
    assert_eq!(world.ask("PATCH", &own, &world.site.owner, body).await, 200);
    let others = world.site.team("others", json!({ "visibility": "organization" }), &[]).await;
    let custom =
        json!({ "access": "custom", "workspace-access": { "policy-overrides": true, "move": true } });
    assert_eq!(world.ask("POST", all, &world.mia, grant("project", &others, &project, custom)).await, 201);
    let id = world.site.workspace.id.as_str();
    let body = grant("workspace", &others, id, json!({ "access": "admin" }));
    assert_eq!(world.ask("POST", "/api/v2/team-workspaces", &world.mia, body).await, 201);
}

#[tokio::test]
async fn the_token_of_an_organization_manages_every_team_but_the_owners() {
    let world = World::new(&[]).await;
    let path = "/api/v2/organizations/acme/authentication-token";
    let token = world.token(path, &world.site.owner, json!({})).await;
    let owners = format!("/api/v2/teams/{}", world.site.owners_team().await);
    world.token(&format!("{owners}/authentication-token"), &world.site.owner, json!({})).await;
    let described = json!({ "data": { "attributes": { "description": "ci" } } });
    let settings = json!({ "data": { "attributes": { "allow-member-token-management": true } } });
    for (method, path, body) in [
        ("POST", "/relationships/users", user("mia")),
        ("DELETE", "/relationships/users", user("olga")),
        ("POST", "/authentication-token", Value::Null),
        ("POST", "/authentication-tokens", described),
        ("DELETE", "/authentication-token", Value::Null),
        ("PATCH", "", settings),
    ] {
        assert_eq!(world.ask(method, &format!("{owners}{path}"), &token, body).await, 403, "{method} {path}");
    }
    let invitation = json!({ "data": { "attributes": { "email": "stefan@example.com" }, "relationships": {
        "teams": { "data": [{ "type": "teams", "id": owners.trim_start_matches("/api/v2/teams/") }] } } } });
    assert_eq!(world.ask("POST", MEMBERSHIPS, &token, invitation).await, 403);
    // Everything that sets up the other teams stays.
    let users = format!("/api/v2/teams/{}/relationships/users", world.strong);
    assert_eq!(world.ask("POST", &users, &token, user("mia")).await, 204);
    let one = format!("/api/v2/teams/{}/authentication-token", world.strong);
    assert_eq!(world.ask("POST", &one, &token, Value::Null).await, 201);
}

#[tokio::test]
async fn the_token_of_a_team_makes_none_that_outlives_it() {
    let world = World::new(&["manage-teams"]).await;
    let tokens = format!("/api/v2/teams/{}/authentication-tokens", world.own);
    let first = json!({ "description": "first", "expired-at": "2026-01-05T11:00:00Z" });
    let short = world.token(&tokens, &world.site.owner, first).await;
    let longer = json!({ "data": { "attributes": {
        "description": "longer", "expired-at": "2099-01-05T11:00:00Z" } } });
    assert_eq!(world.ask("POST", &tokens, &short, longer).await, 422);
    let second = world.token(&tokens, &short, json!({ "description": "second" })).await;
    let one = format!("/api/v2/teams/{}/authentication-token", world.own);
    let third = world.token(&one, &short, json!({})).await;
    let teams = "/api/v2/organizations/acme/teams";
    assert_eq!(world.ask("GET", teams, &second, Value::Null).await, 200);
    world.site.server.advance(Duration::from_secs(3600));
    for token in [&short, &second, &third] {
        assert_eq!(world.ask("GET", teams, token, Value::Null).await, 401);
    }
}
