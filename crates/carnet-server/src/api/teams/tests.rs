use serde_json::{Value, json};

use crate::api::tests::Site;

fn team(name: &str, more: Value) -> Value {
    let mut attributes = json!({ "name": name });
    for (key, value) in more.as_object().expect("an object") {
        attributes[key] = value.clone();
    }
    json!({ "data": { "type": "teams", "attributes": attributes } })
}

const TEAMS: &str = "/api/v2/organizations/acme/teams";

#[tokio::test]
async fn an_organization_begins_with_its_owners() {
    let site = Site::new().await;
    let (status, answer) = site.server.request("GET", TEAMS, &site.owner, Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(answer["meta"]["pagination"]["total-count"], 1);
    let owners = &answer["data"][0];
    assert_eq!(owners["attributes"]["name"], "owners");
    assert_eq!(owners["attributes"]["users-count"], 1);
    assert_eq!(owners["attributes"]["organization-access"]["manage-workspaces"], true);
    assert_eq!(owners["attributes"]["permissions"]["can-destroy"], false);
    let path = format!("/api/v2/teams/{}", owners["id"].as_str().expect("an id"));
    for (method, body) in [("DELETE", Value::Null), ("PATCH", team("bosses", json!({})))] {
        let (status, _) = site.server.request(method, &path, &site.owner, body).await;
        assert!(matches!(status, 403 | 422), "{method} {status}");
    }
}

#[tokio::test]
async fn a_team_is_made_changed_found_and_deleted() {
    let site = Site::new().await;
    let access = json!({ "organization-access": { "manage-projects": true, "manage-future-things": false } });
    let (status, made) = site.server.request("POST", TEAMS, &site.owner, team("platform", access)).await;
    assert_eq!(status, 201, "{made}");
    let granted = &made["data"]["attributes"]["organization-access"];
    assert_eq!((&granted["read-projects"], &granted["manage-teams"]), (&json!(true), &json!(false)));
    let path = format!("/api/v2/teams/{}", made["data"]["id"].as_str().expect("an id"));

    let (status, again) = site.server.request("POST", TEAMS, &site.owner, team("platform", json!({}))).await;
    assert_eq!((status, &again["errors"][0]["detail"]), (422, &json!("Name has already been taken")));
    let odd = json!({ "organization-access": { "manage-everything": true } });
    let (status, _) = site.server.request("POST", TEAMS, &site.owner, team("odd", odd)).await;
    assert_eq!(status, 422);

    let renamed = team("builders", json!({ "visibility": "organization", "sso-team-id": "s-1" }));
    let (status, changed) = site.server.request("PATCH", &path, &site.owner, renamed).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["data"]["attributes"]["visibility"], "organization");
    let found = format!("{TEAMS}?filter%5Bnames%5D=builders,none&include=users");
    let (_, found) = site.server.request("GET", &found, &site.owner, Value::Null).await;
    assert_eq!(found["meta"]["pagination"]["total-count"], 1);
    assert_eq!(site.server.request("DELETE", &path, &site.owner, Value::Null).await.0, 204);
    assert_eq!(site.server.request("GET", &path, &site.owner, Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_secret_team_is_known_to_its_members_only() {
    let site = Site::new().await;
    let (member, token) = site.member("mia").await;
    let (_, made) = site.server.request("POST", TEAMS, &site.owner, team("secret", json!({}))).await;
    let path = format!("/api/v2/teams/{}", made["data"]["id"].as_str().expect("an id"));
    assert_eq!(site.server.request("GET", &path, &token, Value::Null).await.0, 404);
    let (_, all) = site.server.request("GET", TEAMS, &token, Value::Null).await;
    assert_eq!(all["meta"]["pagination"]["total-count"], 1, "the owners are known, the secret team is not");
    let body = json!({ "data": [{ "type": "users", "id": "mia" }] });
    let users = format!("{path}/relationships/users");
    assert_eq!(site.server.request("POST", &users, &site.owner, body.clone()).await.0, 204);
    let (status, seen) = site.server.request("GET", &path, &token, Value::Null).await;
    assert_eq!(
        (status, &seen["data"]["relationships"]["users"]["data"][0]["id"]),
        (200, &json!(member.as_str()))
    );
    assert_eq!(site.server.request("DELETE", &users, &token, body.clone()).await.0, 403);
    assert_eq!(site.server.request("DELETE", &users, &site.owner, body).await.0, 204);
    assert_eq!(site.server.request("GET", &path, &token, Value::Null).await.0, 404);
}

#[tokio::test]
async fn managers_of_teams_do_not_grant_what_they_do_not_have() {
    let site = Site::new().await;
    let (_, token) = site.member("mia").await;
    let access =
        json!({ "organization-access": { "manage-teams": true, "manage-organization-access": true } });
    let managers = site.team("managers", access, &["mia"]).await;
    let strong = json!({ "organization-access": { "manage-workspaces": true } });
    let builders = site.team("builders", strong.clone(), &[]).await;

    let (status, refused) = site.server.request("POST", TEAMS, &token, team("mine", strong.clone())).await;
    assert_eq!(status, 403, "{refused}");
    let own = format!("/api/v2/teams/{managers}");
    assert_eq!(site.server.request("PATCH", &own, &token, team("managers", strong)).await.0, 403);
    let me = json!({ "data": [{ "type": "users", "id": "mia" }] });
    let owners = site.owners_team().await;
    for team in [builders, owners] {
        let users = format!("/api/v2/teams/{team}/relationships/users");
        assert_eq!(site.server.request("POST", &users, &token, me.clone()).await.0, 403);
        let tokens = format!("/api/v2/teams/{team}/authentication-token");
        assert_eq!(site.server.request("POST", &tokens, &token, Value::Null).await.0, 403);
    }
    let (status, _) = site.server.request("POST", TEAMS, &token, team("weak", json!({}))).await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn the_last_owner_stays() {
    let site = Site::new().await;
    let owners = site.owners_team().await;
    let users = format!("/api/v2/teams/{owners}/relationships/users");
    let olga = json!({ "data": [{ "type": "users", "id": "olga" }] });
    assert_eq!(site.server.request("DELETE", &users, &site.owner, olga).await.0, 403);
    let stranger = json!({ "data": [{ "type": "users", "id": "stefan" }] });
    assert_eq!(site.server.request("POST", &users, &site.owner, stranger).await.0, 422);
}
