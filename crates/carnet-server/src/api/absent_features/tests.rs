use serde_json::{Value, json};

use crate::api::tests::Site;

#[tokio::test]
async fn lists_are_empty_and_nothing_can_be_made() {
    let site = Site::new().await;
    let tasks = site.workspace_path("/tasks");
    for path in [
        "/api/v2/organizations/acme/tasks",
        "/api/v2/organizations/acme/policies",
        "/api/v2/organizations/acme/policy-sets",
        "/api/v2/organizations/acme/oauth-clients",
        &tasks,
    ] {
        let (status, found) = site.server.request("GET", path, &site.owner, Value::Null).await;
        assert_eq!((status, &found["data"]), (200, &json!([])), "{path}");
        assert_eq!(found["meta"]["pagination"]["total-count"], 0);
        assert_eq!(site.server.request("GET", path, &site.stranger, Value::Null).await.0, 404, "{path}");
        let body = json!({ "data": { "attributes": { "name": "x" } } });
        let (status, refused) = site.server.request("POST", path, &site.owner, body.clone()).await;
        assert_eq!(status, 422);
        assert!(refused["errors"][0]["detail"].as_str().expect("a text").starts_with("this server has no "));
        assert_eq!(site.server.request("POST", path, &site.stranger, body).await.0, 404, "{path}");
    }
    let tokens = "/api/v2/organizations/acme/oauth-tokens";
    assert_eq!(site.server.request("GET", tokens, &site.stranger, Value::Null).await.0, 404);
    for path in [tokens, "/api/v2/github-app/installations", "/api/v2/feature-sets"] {
        let (status, found) = site.server.request("GET", path, &site.owner, Value::Null).await;
        assert_eq!((status, &found["data"]), (200, &json!([])));
    }
}

#[tokio::test]
async fn single_things_are_not_found() {
    let site = Site::new().await;
    for path in [
        "/api/v2/tasks/task-1",
        "/api/v2/policies/pol-1",
        "/api/v2/policy-sets/polset-1",
        "/api/v2/cost-estimates/ce-1",
        "/api/v2/oauth-tokens/ot-1",
        "/api/v2/organizations/acme/subscription",
        "/api/v2/organizations/acme/relationships/data-retention-policy",
        &site.workspace_path("/relationships/data-retention-policy"),
    ] {
        let (status, answer) = site.server.request("GET", path, &site.owner, Value::Null).await;
        assert_eq!((status, &answer["errors"][0]["status"]), (404, &json!("404")), "{path}");
    }
}

#[tokio::test]
async fn no_addresses_are_known() {
    let site = Site::new().await;
    let path = "/api/meta/ip-ranges";
    let (status, ranges) = site.server.request("GET", path, "", Value::Null).await;
    assert_eq!((status, ranges), (200, json!({ "api": [], "notifications": [], "sentinel": [], "vcs": [] })));
    for (since, expected) in [("Fri, 01 Jan 2100 00:00:00 GMT", 304), ("Wed, 01 Jan 2020 00:00:00 GMT", 200)]
    {
        let headers = [("if-modified-since", since)];
        let answer = site.server.send_with("GET", path, "", &headers, Vec::new()).await;
        assert_eq!(answer.status, expected, "{since}");
    }
}
