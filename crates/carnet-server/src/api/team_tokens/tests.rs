use std::time::Duration;

use serde_json::{Value, json};

use crate::api::tests::Site;

#[tokio::test]
async fn a_team_token_may_what_its_team_may() {
    let site = Site::new().await;
    let access = json!({ "organization-access": { "manage-workspaces": true } });
    let team = site.team("builders", access, &[]).await;
    let one = format!("/api/v2/teams/{team}/authentication-token");
    assert_eq!(site.server.request("GET", &one, &site.owner, Value::Null).await.0, 404);
    let (status, made) = site.server.request("POST", &one, &site.owner, Value::Null).await;
    assert_eq!(status, 201, "{made}");
    let token = made["data"]["attributes"]["token"].as_str().expect("shown once").to_owned();
    let (_, shown) = site.server.request("GET", &one, &site.owner, Value::Null).await;
    assert_eq!(shown["data"]["attributes"]["token"], Value::Null);
    let expiry = made["data"]["attributes"]["expired-at"].as_str().expect("an end");
    assert!(expiry.starts_with("2028-01-05"), "{expiry}");

    let (status, locked) =
        site.server.request("POST", &site.workspace_path("/actions/lock"), &token, json!({})).await;
    assert_eq!(status, 200, "{locked}");
    assert_eq!(locked["data"]["relationships"]["locked-by"]["data"], json!({ "type": "teams", "id": team }));
    let (_, account) = site.server.request("GET", "/api/v2/account/details", &token, Value::Null).await;
    assert_eq!(account["data"]["attributes"]["is-service-account"], true);
    let teams = "/api/v2/organizations/acme/teams";
    let body = json!({ "data": { "attributes": { "name": "more" } } });
    assert_eq!(site.server.request("POST", teams, &token, body).await.0, 403);
    let user = account["data"]["id"].as_str().expect("an id");
    let tokens = format!("/api/v2/users/{user}/authentication-tokens");
    assert_eq!(site.server.request("POST", &tokens, &token, json!({ "data": {} })).await.0, 404);
    let organization = json!({ "data": { "attributes": { "name": "other", "email": "o@example.com" } } });
    assert_eq!(site.server.request("POST", "/api/v2/organizations", &token, organization).await.0, 404);

    // The Python clients send nothing, or an empty object.
    let (_, second) = site.server.request("POST", &one, &site.owner, json!({})).await;
    assert_eq!(site.server.request("GET", teams, &token, Value::Null).await.0, 401, "replaced");
    let token = second["data"]["attributes"]["token"].as_str().expect("shown once");
    assert_eq!(site.server.request("DELETE", &one, &site.owner, Value::Null).await.0, 204);
    assert_eq!(site.server.request("GET", teams, token, Value::Null).await.0, 401);
}

#[tokio::test]
async fn further_tokens_have_descriptions() {
    let site = Site::new().await;
    let team = site.team("builders", json!({}), &[]).await;
    let tokens = format!("/api/v2/teams/{team}/authentication-tokens");
    let body = |text: &str| json!({ "data": { "attributes": { "description": text } } });
    assert_eq!(site.server.request("POST", &tokens, &site.owner, body("")).await.0, 422);
    assert_eq!(site.server.request("POST", &tokens, &site.owner, body("ci")).await.0, 201);
    assert_eq!(site.server.request("POST", &tokens, &site.owner, body("ci")).await.0, 422);
    let all = "/api/v2/organizations/acme/team-tokens";
    let (_, listed) = site.server.request("GET", all, &site.owner, Value::Null).await;
    assert_eq!(listed["meta"]["pagination"]["total-count"], 1);
    assert_eq!(listed["data"][0]["relationships"]["team"]["data"]["id"], json!(team));
    let path = format!("/api/v2/authentication-tokens/{}", listed["data"][0]["id"].as_str().expect("an id"));
    assert_eq!(site.server.request("DELETE", &path, &site.stranger, Value::Null).await.0, 404);
    assert_eq!(site.server.request("DELETE", &path, &site.owner, Value::Null).await.0, 204);
}

#[tokio::test]
async fn members_make_tokens_when_their_team_lets_them() {
    let site = Site::new().await;
    let (_, token) = site.member("mia").await;
    for (name, lets, expected) in [("open", true, 201), ("closed", false, 403)] {
        let team = site.team(name, json!({ "allow-member-token-management": lets }), &["mia"]).await;
        let one = format!("/api/v2/teams/{team}/authentication-token");
        assert_eq!(site.server.request("POST", &one, &token, Value::Null).await.0, expected, "{name}");
    }
}

#[tokio::test]
async fn tokens_of_teams_are_sorted() {
    let site = Site::new().await;
    for (name, day) in [("builders", "03"), ("auditors", "02"), ("cooks", "04")] {
        let team = site.team(name, json!({}), &[]).await;
        let path = format!("/api/v2/teams/{team}/authentication-token");
        let end = format!("2026-02-{day}T10:00:00Z");
        let body = json!({ "data": { "attributes": { "expired-at": end } } });
        let (status, made) = site.server.request("POST", &path, &site.owner, body).await;
        assert_eq!((status, &made["data"]["attributes"]["description"]), (201, &Value::Null));
        site.server.advance(Duration::from_secs(1));
    }
    let all = "/api/v2/organizations/acme/team-tokens";
    let (_, teams) =
        site.server.request("GET", "/api/v2/organizations/acme/teams", &site.owner, Value::Null).await;
    let name_of = |id: &Value| {
        let team = teams["data"].as_array()?.iter().find(|team| team["id"] == *id)?;
        team["attributes"]["name"].as_str().map(|name| name[..1].to_owned())
    };
    for (sort, expected) in [
        ("", "bac"),
        ("created-at", "bac"),
        ("-created-at", "cab"),
        ("team-name", "abc"),
        ("-team_name", "cba"),
        ("expired-at", "abc"),
        ("-expired-at", "cba"),
        ("created-by", "bac"),
        ("other", "bac"),
    ] {
        let (_, list) =
            site.server.request("GET", &format!("{all}?sort={sort}"), &site.owner, Value::Null).await;
        let data = list["data"].as_array().expect("a list");
        let found: String =
            data.iter().filter_map(|token| name_of(&token["relationships"]["team"]["data"]["id"])).collect();
        assert_eq!(found, expected, "{sort}");
    }
}

#[tokio::test]
async fn a_token_tells_whose_token_made_it() {
    let site = Site::new().await;
    let access = json!({ "organization-access": { "manage-teams": true, "manage-agent-pools": true } });
    let makers = site.team("makers", access, &[]).await;
    let made = async |path: &str, token: &str| {
        let body = json!({ "data": { "attributes": { "description": "ci" } } });
        let (status, answer) = site.server.request("POST", path, token, body).await;
        assert_eq!(status, 201, "{answer}");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let data = &answer["data"];
        let by = data["relationships"]["created-by"]["data"].clone();
        (by, text(&data["attributes"]["token"]), text(&data["id"]))
    };
    let (by, team, id) = made(&format!("/api/v2/teams/{makers}/authentication-token"), &site.owner).await;
    assert_eq!(by["type"], "users");
    let one = format!("/api/v2/authentication-tokens/{id}");
    let (_, shown) = site.server.request("GET", &one, &site.owner, Value::Null).await;
    assert_eq!(shown["data"]["relationships"]["created-by"]["data"], by);

    let others = site.team("others", json!({}), &[]).await;
    let (by, ..) = made(&format!("/api/v2/teams/{others}/authentication-tokens"), &team).await;
    assert_eq!(by, json!({ "type": "teams", "id": makers }));
    let (_, organization, _) = made("/api/v2/organizations/acme/authentication-token", &site.owner).await;
    let (by, ..) = made(&format!("/api/v2/teams/{others}/authentication-token"), &organization).await;
    assert_eq!(by, json!({ "type": "organizations", "id": "acme" }));
}
