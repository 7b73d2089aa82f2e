use std::time::Duration;

use serde_json::{Value, json};

use crate::api::tests::Site;
use crate::testing::ADMIN;

const ACME: &str = "/api/v2/organizations/acme";

fn with(attributes: Value) -> Value {
    json!({ "data": { "type": "organizations", "attributes": attributes } })
}

#[tokio::test]
async fn every_setting_is_kept() {
    let site = Site::new().await;
    let settings = json!({
        "email": "new@example.com",
        "session-timeout": 60,
        "session-remember": 120,
        "owners-team-saml-role-id": "owners-role",
        "send-passing-statuses-for-untriggered-speculative-plans": true,
        "aggregated-commit-status-enabled": false,
        "speculative-plan-management-enabled": false,
        "allow-force-delete-workspaces": false,
        "max-ttl-enabled": true,
        "registry-monorepo-support-enabled": true,
        "default-execution-mode": "local",
    });
    let (status, changed) = site.server.request("PATCH", ACME, &site.owner, with(settings.clone())).await;
    assert_eq!(status, 200, "{changed}");
    let (_, read) = site.server.request("GET", ACME, &site.owner, Value::Null).await;
    for (name, value) in settings.as_object().expect("an object") {
        assert_eq!(&changed["data"]["attributes"][name], value, "{name}");
        assert_eq!(&read["data"]["attributes"][name], value, "{name}");
    }
    let reset = with(json!({ "session-timeout": null, "owners-team-saml-role-id": null }));
    let (_, reset) = site.server.request("PATCH", ACME, &site.owner, reset).await;
    assert_eq!(reset["data"]["attributes"]["session-timeout"], Value::Null);
    assert_eq!(reset["data"]["attributes"]["session-remember"], 120, "what is absent stays");
}

#[tokio::test]
async fn settings_of_absent_features_are_kept_with_a_warning() {
    let site = Site::new().await;
    for name in ["cost-estimation-enabled", "assessments-enforced", "stacks-enabled"] {
        let (status, changed) =
            site.server.request("PATCH", ACME, &site.owner, with(json!({ name: true }))).await;
        assert_eq!((status, &changed["data"]["attributes"][name]), (200, &json!(true)), "{name}");
        let warning = changed["meta"]["warnings"][0].as_str().expect("a warning");
        assert!(warning.starts_with(&format!("{name} is kept without effect")), "{warning}");
        let (_, off) = site.server.request("PATCH", ACME, &site.owner, with(json!({ name: false }))).await;
        assert_eq!((&off["data"]["attributes"][name], &off["meta"]), (&json!(false), &Value::Null));
    }
    let (status, refused) =
        site.server.request("PATCH", ACME, &site.owner, with(json!({ "enforce-hyok": true }))).await;
    assert_eq!(status, 422, "{refused}");
    let (_, set) =
        site.server.request("GET", &format!("{ACME}/entitlement-set"), &site.owner, Value::Null).await;
    assert_eq!(set["data"]["attributes"]["private-module-registry"], true);
    assert_eq!(set["data"]["attributes"]["vcs-integrations"], true);
    assert_eq!(set["data"]["attributes"]["sentinel"], false);
}

#[tokio::test]
async fn wrong_settings_are_refused() {
    let site = Site::new().await;
    for (attributes, detail) in [
        (json!({ "email": "nobody" }), "Email is invalid"),
        (json!({ "email": "" }), "Email can't be blank"),
        (json!({ "name": "a b" }), "Name may only contain"),
        (json!({ "session-timeout": "soon" }), "invalid type"),
        (json!({ "session-timeout": 0 }), "must be a number of minutes"),
        (json!({ "allow-force-delete-workspaces": "yes" }), "invalid type"),
        (json!({ "collaborator-auth-policy": "two_factor_mandatory" }), "no two-factor"),
        (json!({ "default-execution-mode": "cloud" }), "must be one of"),
        (json!({ "default-execution-mode": "agent" }), "must be specified when using 'agent' execution mode"),
        (
            json!({ "default-execution-mode": "remote", "default-agent-pool-id": "apool-1" }),
            "must not be specified unless using 'agent' execution mode",
        ),
        (json!({ "default-execution-mode": "agent", "default-agent-pool-id": "apool-1" }), "does not exist"),
    ] {
        let (status, refused) =
            site.server.request("PATCH", ACME, &site.owner, with(attributes.clone())).await;
        assert_eq!(status, 422, "{attributes}");
        let error = &refused["errors"][0];
        assert_eq!(error["title"], "invalid attribute");
        assert!(error["detail"].as_str().expect("a text").contains(detail), "{error}");
    }
}

#[tokio::test]
async fn agents_are_chosen_with_a_pool_and_left_with_it() {
    let site = Site::new().await;
    let pool = json!({ "data": { "type": "agent-pools", "attributes": { "name": "near" } } });
    let (status, pool) = site.server.request("POST", &format!("{ACME}/agent-pools"), &site.owner, pool).await;
    assert_eq!(status, 201, "{pool}");
    let id = &pool["data"]["id"];
    let body = json!({ "data": {
        "attributes": { "default-execution-mode": "agent" },
        "relationships": { "default-agent-pool": { "data": { "type": "agent-pools", "id": id } } },
    } });
    let (status, changed) = site.server.request("PATCH", ACME, &site.owner, body).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(&changed["data"]["relationships"]["default-agent-pool"]["data"]["id"], id);
    let (_, back) = site
        .server
        .request("PATCH", ACME, &site.owner, with(json!({ "default-execution-mode": "remote" })))
        .await;
    assert_eq!(back["data"]["relationships"]["default-agent-pool"]["data"], Value::Null);
}

#[tokio::test]
async fn a_renamed_organization_answers_to_its_new_name() {
    let site = Site::new().await;
    let (status, renamed) =
        site.server.request("PATCH", ACME, &site.owner, with(json!({ "name": "apex" }))).await;
    assert_eq!((status, &renamed["data"]["id"]), (200, &json!("apex")));
    assert_eq!(site.server.request("GET", ACME, &site.owner, Value::Null).await.0, 404);
    assert_eq!(
        site.server.request("GET", "/api/v2/organizations/apex", &site.owner, Value::Null).await.0,
        200
    );
}

#[tokio::test]
async fn permissions_are_those_of_the_caller() {
    let site = Site::new().await;
    let (_, member) = site.member("mia").await;
    site.team("people", json!({ "organization-access": { "manage-membership": true } }), &["mia"]).await;
    let (_, seen) = site.server.request("GET", ACME, &member, Value::Null).await;
    let permissions = &seen["data"]["attributes"]["permissions"];
    for (name, expected) in [
        ("can-traverse", true),
        ("can-manage-users", true),
        ("can-update", false),
        ("can-create-team", false),
        ("can-create-workspace", false),
        ("can-update-agent-pools", false),
        ("can-update-api-token", false),
    ] {
        assert_eq!(permissions[name], expected, "{name}");
    }
    let (_, seen) = site.server.request("GET", ACME, &site.owner, Value::Null).await;
    for name in
        ["can-update", "can-destroy", "can-create-team", "can-create-workspace", "can-update-api-token"]
    {
        assert_eq!(seen["data"]["attributes"]["permissions"][name], true, "{name}");
    }
    assert_eq!(
        site.server.request("PATCH", ACME, &member, with(json!({ "email": "m@example.com" }))).await.0,
        403
    );
}

#[tokio::test]
async fn a_list_is_searched_and_cut_by_pages() {
    let site = Site::new().await;
    let (user, token) = site.server.user("ida").await;
    for name in ["alpha", "Beta_1", "betax1"] {
        site.server.organization(name, &user).await;
        site.server.advance(Duration::from_secs(1));
    }
    for (query, total, first) in [
        ("?q=BETA_", 1, json!("Beta_1")),
        ("?page[size]=2&page[number]=2", 3, json!("betax1")),
        ("", 3, json!("alpha")),
        ("?q=acme", 0, Value::Null),
    ] {
        let (status, found) =
            site.server.request("GET", &format!("/api/v2/organizations{query}"), &token, Value::Null).await;
        assert_eq!(status, 200);
        assert_eq!(found["meta"]["pagination"]["total-count"], total, "{query}");
        assert_eq!(found["data"][0]["id"], first, "{query}");
    }
}

#[tokio::test]
async fn tokens_of_users_can_be_kept_out_and_let_in_again() {
    let site = Site::new().await;
    let path = format!("{ACME}/authentication-token");
    let (_, made) = site.server.request("POST", &path, &site.owner, json!({ "data": {} })).await;
    let token = made["data"]["attributes"]["token"].as_str().expect("a token").to_owned();
    let close = with(json!({ "user-tokens-enabled": false }));
    let (status, closed) = site.server.request("PATCH", ACME, &site.owner, close.clone()).await;
    assert_eq!((status, &closed["data"]["attributes"]["user-tokens-enabled"]), (200, &json!(false)));
    for path in [ACME, &site.workspace_path(""), &format!("{ACME}/projects")] {
        assert_eq!(site.server.request("GET", path, &site.owner, Value::Null).await.0, 401, "{path}");
        assert_eq!(site.server.request("GET", path, &site.stranger, Value::Null).await.0, 404, "{path}");
    }
    let (_, listed) = site.server.request("GET", "/api/v2/organizations", &site.owner, Value::Null).await;
    assert_eq!(listed["data"], json!([]));
    let (_, listed) = site.server.request("GET", "/api/v2/organizations", &token, Value::Null).await;
    assert_eq!(listed["data"][0]["id"], "acme");
    let open = with(json!({ "user-tokens-enabled": true }));
    assert_eq!(site.server.request("PATCH", ACME, &token, open.clone()).await.0, 200);
    assert_eq!(site.server.request("GET", ACME, &site.owner, Value::Null).await.0, 200);
    assert_eq!(site.server.request("PATCH", ACME, &site.owner, close).await.0, 200);
    assert_eq!(site.server.request("PATCH", ACME, ADMIN, open).await.0, 200);
}

#[tokio::test]
async fn only_people_make_organizations() {
    let site = Site::new().await;
    let path = format!("{ACME}/authentication-token");
    let (_, made) = site.server.request("POST", &path, &site.owner, json!({ "data": {} })).await;
    let token = made["data"]["attributes"]["token"].as_str().expect("a token").to_owned();
    let body = with(json!({ "name": "other", "email": "o@example.com" }));
    assert_eq!(site.server.request("POST", "/api/v2/organizations", &token, body).await.0, 404);
}

#[tokio::test]
async fn nothing_is_left_of_a_deleted_organization() {
    let site = Site::new().await;
    site.team("people", json!({}), &[]).await;
    let reserved = json!({ "data": { "attributes": { "key": "env" } } });
    site.server.request("POST", &format!("{ACME}/reserved-tag-keys"), &site.owner, reserved).await;
    let bindings =
        json!({ "data": [{ "type": "tag-bindings", "attributes": { "key": "env", "value": "x" } }] });
    let tags = site.workspace_path("/tag-bindings");
    assert_eq!(site.server.request("PATCH", &tags, &site.owner, bindings).await.0, 200);
    assert_eq!(site.server.request("DELETE", ACME, &site.owner, Value::Null).await.0, 204);
    for path in [ACME, &site.workspace_path(""), &tags] {
        assert_eq!(site.server.request("GET", path, &site.owner, Value::Null).await.0, 404);
    }
    let (_, listed) = site.server.request("GET", "/api/v2/organizations", &site.owner, Value::Null).await;
    assert_eq!(listed["meta"]["pagination"]["total-count"], 0);
}

#[tokio::test]
async fn a_name_that_was_given_up_does_not_go_to_somebody_else() {
    let site = Site::new().await;
    let create = async |name: &str, token: &str| {
        let body = with(json!({ "name": name, "email": "a@example.com" }));
        site.server.request("POST", "/api/v2/organizations", token, body).await
    };
    let rename = async |from: &str, to: &str| {
        let path = format!("/api/v2/organizations/{from}");
        site.server.request("PATCH", &path, &site.owner, with(json!({ "name": to }))).await.0
    };
    assert_eq!(create("ACME", &site.stranger).await.0, 422, "a name that differs in case only");
    assert_eq!(rename("acme", "renamed").await, 200);
    let (status, answer) = create("Acme", &site.stranger).await;
    assert_eq!(status, 422);
    assert!(answer.to_string().contains("an administrator of the site can give it out again"), "{answer}");
    assert_eq!(rename("renamed", "acme").await, 200, "its own name");
    assert_eq!(rename("acme", "renamed").await, 200);
    assert_eq!(create("acme", ADMIN).await.0, 201, "by an administrator of the site");
    assert_eq!(rename("renamed", "acme").await, 422, "taken by now");

    assert_eq!(create("short-lived", &site.owner).await.0, 201);
    let deleted =
        site.server.request("DELETE", "/api/v2/organizations/short-lived", &site.owner, Value::Null);
    assert_eq!(deleted.await.0, 204);
    assert_eq!(create("short-lived", &site.stranger).await.0, 422);
}
