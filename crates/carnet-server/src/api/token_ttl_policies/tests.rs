use serde_json::{Value, json};

use crate::api::tests::Site;

const ACME: &str = "/api/v2/organizations/acme";
const POLICIES: &str = "/api/v2/organizations/acme/token-ttl-policies";
const DAY: i64 = 86_400_000;

fn entry(kind: &str, max_ttl: i64) -> Value {
    let attributes = json!({ "token-type": kind, "max-ttl-ms": max_ttl });
    json!({ "type": "organization-token-ttl-policies", "attributes": attributes })
}

fn lives(list: &Value) -> Vec<(&str, i64)> {
    let data = list["data"].as_array().expect("a list");
    let lives = data.iter().map(|entry| {
        let attributes = &entry["attributes"];
        let kind = attributes["token-type"].as_str().expect("a kind");
        (kind, attributes["max-ttl-ms"].as_i64().expect("a number"))
    });
    lives.collect()
}

/// Switches the limits on and lets tokens of all kinds live for a day.
async fn limited() -> Site {
    let site = Site::new().await;
    let kinds = ["organization", "team", "user", "audit_trails"];
    let body = json!({ "data": kinds.map(|kind| entry(kind, DAY)) });
    assert_eq!(site.server.request("PATCH", POLICIES, &site.owner, body).await.0, 200);
    let body = json!({ "data": { "attributes": { "max-ttl-enabled": true } } });
    assert_eq!(site.server.request("PATCH", ACME, &site.owner, body).await.0, 200);
    site
}

#[tokio::test]
async fn there_are_no_policies_until_one_is_set_and_then_one_for_each_kind() {
    let site = Site::new().await;
    let (status, none) = site.server.request("GET", POLICIES, &site.owner, Value::Null).await;
    assert_eq!((status, &none["data"]), (200, &json!([])));
    let body = json!({ "data": [entry("organization", DAY)] });
    let (status, set) = site.server.request("PATCH", POLICIES, &site.owner, body).await;
    assert_eq!(status, 200, "{set}");
    let years = 63_113_904_000;
    let expected = vec![("audit_trails", years), ("organization", DAY), ("team", years), ("user", years)];
    assert_eq!(lives(&set), expected);
    let body = json!({ "data": [entry("team", 2 * DAY)] });
    let (_, changed) = site.server.request("PATCH", POLICIES, &site.owner, body).await;
    assert_eq!(lives(&changed)[1..3], [("organization", DAY), ("team", 2 * DAY)]);
    assert_eq!(changed["data"][2]["id"], set["data"][2]["id"], "a policy keeps its id");
    let (_, listed) = site.server.request("GET", POLICIES, &site.owner, Value::Null).await;
    assert_eq!(listed["data"], changed["data"]);
}

#[tokio::test]
async fn every_client_writes_policies_in_its_own_way() {
    let site = Site::new().await;
    let plain = json!([{ "token_type": "user", "max_ttl_ms": DAY }]);
    let in_one = |list: Value| {
        let attributes = json!({ "token-ttl-policies": list });
        json!({ "data": { "type": "organization-token-ttl-policies", "attributes": attributes } })
    };
    for (method, body) in [
        ("PATCH", json!({ "data": [entry("user", DAY)] })),
        ("PATCH", in_one(json!([{ "token-type": "user", "max-ttl-ms": DAY }]))),
        ("PATCH", in_one(json!([{ "TokenType": "user", "MaxTTLMs": DAY }]))),
        ("PUT", json!({ "token_ttl_policies": plain })),
    ] {
        let reset = json!({ "data": [entry("user", 7)] });
        site.server.request("PATCH", POLICIES, &site.owner, reset).await;
        let (status, set) = site.server.request(method, POLICIES, &site.owner, body.clone()).await;
        assert_eq!(status, 200, "{body}: {set}");
        assert_eq!(lives(&set)[3], ("user", DAY), "{body}");
    }
    for body in [
        json!({ "data": [] }),
        json!({ "data": {} }),
        json!({ "data": [entry("audit-trails", DAY)] }),
        json!({ "data": [entry("user", 0)] }),
        json!({ "data": [{ "attributes": { "token-type": "user", "max-ttl-ms": "1d" } }] }),
    ] {
        let (status, refused) = site.server.request("PATCH", POLICIES, &site.owner, body.clone()).await;
        assert_eq!(status, 422, "{body}: {refused}");
    }
}

#[tokio::test]
async fn only_owners_set_policies() {
    let site = Site::new().await;
    let (_, member) = site.member("mia").await;
    let body = json!({ "data": [entry("user", DAY)] });
    assert_eq!(site.server.request("PATCH", POLICIES, &member, body.clone()).await.0, 403);
    assert_eq!(site.server.request("GET", POLICIES, &member, Value::Null).await.0, 200);
    assert_eq!(site.server.request("PATCH", POLICIES, &site.stranger, body).await.0, 404);
    assert_eq!(site.server.request("GET", POLICIES, &site.stranger, Value::Null).await.0, 404);
}

#[tokio::test]
async fn new_tokens_live_no_longer_than_the_organization_allows() {
    let site = limited().await;
    let team = site.team("ops", json!({}), &[]).await;
    let account = site.server.request("GET", "/api/v2/account/details", &site.owner, Value::Null).await.1;
    let user = account["data"]["id"].as_str().expect("an id");
    let asked = |end: Option<&str>| {
        let description = if end.is_some() { "with an end" } else { "without" };
        json!({ "data": { "attributes": { "description": description, "expired-at": end } } })
    };
    for path in [
        format!("{ACME}/authentication-token"),
        format!("{ACME}/authentication-token?token=audit-trails"),
        format!("/api/v2/teams/{team}/authentication-token"),
        format!("/api/v2/teams/{team}/authentication-tokens"),
        format!("/api/v2/users/{user}/authentication-tokens"),
    ] {
        let late = asked(Some("2026-01-06T10:00:01Z"));
        let (status, refused) = site.server.request("POST", &path, &site.owner, late).await;
        assert_eq!(status, 422, "{path}: {refused}");
        assert_eq!(refused["errors"][0]["source"]["pointer"], "/data/attributes/expired-at");
        let (status, made) = site.server.request("POST", &path, &site.owner, asked(None)).await;
        assert_eq!(
            (status, &made["data"]["attributes"]["expired-at"]),
            (201, &json!("2026-01-06T10:00:00Z")),
            "{path}"
        );
        let soon = asked(Some("2026-01-05T11:00:00Z"));
        assert_eq!(site.server.request("POST", &path, &site.owner, soon).await.0, 201, "{path}");
    }
}

#[tokio::test]
async fn limits_count_where_they_are_switched_on_and_for_members_only() {
    let site = limited().await;
    let account = site.server.request("GET", "/api/v2/account/details", &site.stranger, Value::Null).await.1;
    let own =
        format!("/api/v2/users/{}/authentication-tokens", account["data"]["id"].as_str().expect("an id"));
    let body = json!({ "data": { "attributes": { "description": "d" } } });
    let (_, made) = site.server.request("POST", &own, &site.stranger, body).await;
    assert_eq!(made["data"]["attributes"]["expired-at"], "2028-01-05T10:00:00Z");
    let off = json!({ "data": { "attributes": { "max-ttl-enabled": false } } });
    assert_eq!(site.server.request("PATCH", ACME, &site.owner, off).await.0, 200);
    let path = format!("{ACME}/authentication-token");
    let (_, made) = site.server.request("POST", &path, &site.owner, Value::Null).await;
    assert_eq!(made["data"]["attributes"]["expired-at"], "2028-01-05T10:00:00Z");
}
