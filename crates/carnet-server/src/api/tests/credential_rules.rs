use serde_json::{Value, json};

use super::Site;
use crate::testing::{FakeAgent, Project};

const ORGANIZATION: &str = "/api/v2/organizations/acme";

fn attributes(attributes: Value) -> Value {
    json!({ "data": { "attributes": attributes } })
}

/// What an organization and a workspace show of the two rules.
async fn shown(site: &Site) -> (Value, Value, Value) {
    let (_, organization) = site.server.request("GET", ORGANIZATION, &site.owner, Value::Null).await;
    let (_, workspace) = site.server.request("GET", &site.workspace_path(""), &site.owner, Value::Null).await;
    let of = |document: &Value, name: &str| document["data"]["attributes"][name].clone();
    (
        of(&organization, "identity-token-ttl"),
        of(&organization, "static-credentials"),
        of(&workspace, "identity-token-ttl"),
    )
}

#[tokio::test]
async fn the_rules_are_shown_set_and_taken_back() {
    let site = Site::new().await;
    assert_eq!(shown(&site).await, (Value::Null, json!("refuse"), Value::Null));
    let body = attributes(json!({ "identity-token-ttl": 3600, "static-credentials": "warn" }));
    let (status, answer) = site.server.request("PATCH", ORGANIZATION, &site.owner, body).await;
    assert_eq!((status, &answer["data"]["attributes"]["identity-token-ttl"]), (200, &json!(3600)));
    let body = attributes(json!({ "identity-token-ttl": 10 }));
    let (status, answer) = site.server.request("PATCH", &site.workspace_path(""), &site.owner, body).await;
    assert_eq!((status, &answer["data"]["attributes"]["identity-token-ttl"]), (200, &json!(10)));
    assert_eq!(shown(&site).await, (json!(3600), json!("warn"), json!(10)));

    let other = attributes(json!({ "email": "other@example.com" }));
    assert_eq!(site.server.request("PATCH", ORGANIZATION, &site.owner, other).await.0, 200);
    let other = attributes(json!({ "description": "other" }));
    assert_eq!(site.server.request("PATCH", &site.workspace_path(""), &site.owner, other).await.0, 200);
    assert_eq!(shown(&site).await, (json!(3600), json!("warn"), json!(10)));

    let none = attributes(json!({ "identity-token-ttl": null }));
    for path in [ORGANIZATION.to_owned(), site.workspace_path("")] {
        assert_eq!(site.server.request("PATCH", &path, &site.owner, none.clone()).await.0, 200);
    }
    assert_eq!(shown(&site).await, (Value::Null, json!("warn"), Value::Null));
}

#[tokio::test]
async fn the_rules_can_be_set_from_the_beginning() {
    let site = Site::new().await;
    let body = attributes(json!({
        "name": "beta", "email": "b@example.com", "identity-token-ttl": 86400, "static-credentials": "warn",
    }));
    let (status, made) = site.server.request("POST", "/api/v2/organizations", &site.owner, body).await;
    assert_eq!(status, 201);
    assert_eq!(made["data"]["attributes"]["static-credentials"], "warn");
    let (_, found) = site.server.request("GET", "/api/v2/organizations/beta", &site.owner, Value::Null).await;
    assert_eq!(found["data"]["attributes"]["identity-token-ttl"], 86400);
    assert_eq!(found["data"]["attributes"]["static-credentials"], "warn");
    let body = attributes(json!({ "name": "dns", "identity-token-ttl": 60 }));
    let (status, made) =
        site.server.request("POST", "/api/v2/organizations/beta/workspaces", &site.owner, body).await;
    assert_eq!((status, &made["data"]["attributes"]["identity-token-ttl"]), (201, &json!(60)));
    let body = attributes(json!({ "name": "gamma", "email": "c@example.com", "identity-token-ttl": 5 }));
    assert_eq!(site.server.request("POST", "/api/v2/organizations", &site.owner, body).await.0, 422);
    let gamma = site.server.request("GET", "/api/v2/organizations/gamma", &site.owner, Value::Null).await;
    assert_eq!(gamma.0, 404, "what was refused is not there");
}

#[tokio::test]
async fn a_life_out_of_bounds_is_refused_with_its_bounds() {
    let site = Site::new().await;
    for path in [ORGANIZATION.to_owned(), site.workspace_path("")] {
        for value in [json!(0), json!(9), json!(86401), json!(-600), json!(600.5), json!("600"), json!([600])]
        {
            let body = attributes(json!({ "identity-token-ttl": value }));
            let (status, answer) = site.server.request("PATCH", &path, &site.owner, body).await;
            assert_eq!(status, 422, "{path} {value}");
            let error = &answer["errors"][0];
            assert_eq!(error["source"]["pointer"], "/data/attributes/identity-token-ttl");
            assert!(
                error["detail"].as_str().is_some_and(|text| text.contains("from 10 to 86400")),
                "{error}"
            );
        }
    }
    let body = attributes(json!({ "static-credentials": "allow" }));
    let (status, answer) = site.server.request("PATCH", ORGANIZATION, &site.owner, body).await;
    assert_eq!(
        (status, &answer["errors"][0]["source"]["pointer"]),
        (422, &json!("/data/attributes/static-credentials"))
    );
    assert_eq!(shown(&site).await, (Value::Null, json!("refuse"), Value::Null));
}

#[tokio::test]
async fn a_job_is_told_the_rule_that_applies() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let workspace = format!("/api/v2/workspaces/{}", project.workspace.id);
    for (path, rules, ttl, is_tolerant) in [
        (ORGANIZATION, json!({}), 600, false),
        (ORGANIZATION, json!({ "identity-token-ttl": 900, "static-credentials": "warn" }), 900, true),
        (&workspace, json!({ "identity-token-ttl": 30 }), 30, true),
        (ORGANIZATION, json!({ "identity-token-ttl": 60, "static-credentials": "refuse" }), 30, false),
    ] {
        let body = attributes(rules.clone());
        assert_eq!(project.server.request("PATCH", path, &project.token, body).await.0, 200);
        project.run_of(&project.configuration(true).await, json!({})).await;
        let job = agent.claim().await;
        assert_eq!(
            job.document["credentials"],
            json!({ "identity_token_ttl_seconds": ttl, "tolerates_static_credentials": is_tolerant }),
            "{rules}"
        );
    }
}
