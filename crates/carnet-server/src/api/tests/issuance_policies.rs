use serde_json::{Value, json};

use super::Site;
use crate::testing::adapter_document;

const POLICY: &str = "/api/carnet/v1/organizations/acme/issuance-policy";

fn policy(statements: &Value) -> Value {
    json!({ "data": { "type": "issuance-policies", "attributes": { "statements": statements } } })
}

async fn set_env(site: &Site, key: &str, value: &str, sensitive: bool) {
    let attributes = json!({ "key": key, "value": value, "category": "env", "sensitive": sensitive });
    let body = json!({ "data": { "type": "vars", "attributes": attributes } });
    let (status, answer) =
        site.server.request("POST", &site.workspace_path("/vars"), &site.owner, body).await;
    assert_eq!(status, 201, "{answer}");
}

#[tokio::test]
async fn a_policy_is_made_shown_replaced_and_deleted() {
    let site = Site::new().await;
    let send = |method: &'static str, body: Value| site.server.request(method, POLICY, &site.owner, body);
    assert_eq!(send("GET", Value::Null).await.0, 404);
    let first = json!([{ "name": "plans", "phases": ["plan"], "roles": ["plan-*"] }]);
    let (status, made) = send("PUT", policy(&first)).await;
    assert_eq!((status, &made["data"]["attributes"]["statements"]), (201, &first));
    let second = json!([]);
    let (status, changed) = send("PUT", policy(&second)).await;
    assert_eq!((status, &changed["data"]["attributes"]["statements"]), (200, &second));
    assert_eq!(send("GET", Value::Null).await.1["data"], changed["data"]);
    let (status, wrong) = send("PUT", policy(&json!([{ "name": "a", "role": [] }]))).await;
    assert_eq!(
        (status, &wrong["errors"][0]["source"]["pointer"]),
        (422, &json!("/data/attributes/statements/0/role"))
    );
    assert_eq!(send("DELETE", Value::Null).await.0, 204);
    assert_eq!(send("DELETE", Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_family_that_is_nobodys_is_refused_when_the_policy_is_saved() {
    let site = Site::new().await;
    let put = async |families: Value| {
        let body = policy(&json!([{ "name": "a" }, { "name": "b", "families": families }]));
        let check = format!("{POLICY}/actions/check");
        let tried = site.server.request("POST", &check, &site.owner, body.clone()).await.0;
        let (status, answer) = site.server.request("PUT", POLICY, &site.owner, body).await;
        assert_eq!(tried == 422, status == 422, "trying it out says the same: {tried}, {status}");
        (status, answer)
    };
    let (status, refused) = put(json!(["aws", "Vault"])).await;
    let error = &refused["errors"][0];
    assert_eq!(
        (status, &error["source"]["pointer"]),
        (422, &json!("/data/attributes/statements/1/families/1"))
    );
    let detail = error["detail"].to_string();
    assert!(detail.contains("upper and lower case count") && detail.contains(", vault."), "{detail}");
    assert_eq!(put(json!(["aws", "vault", "plain", "tencent*", "*"])).await.0, 201);
    assert_eq!(put(json!(["snow"])).await.0, 422);
    let adapter = json!({ "data": { "type": "adapters", "attributes": {
        "definition": adapter_document("snow", "Snow"),
    } } });
    let path = "/api/carnet/v1/organizations/acme/adapters/snow";
    assert_eq!(site.server.request("PUT", path, &site.owner, adapter).await.0, 201);
    assert_eq!(put(json!(["snow"])).await.0, 200);
}

#[tokio::test]
async fn members_read_and_only_owners_write_that_of_the_organization() {
    let site = Site::new().await;
    let (_, member) = site.member("mia").await;
    let body = policy(&json!([{ "name": "all" }]));
    assert_eq!(site.server.request("PUT", POLICY, &member, body.clone()).await.0, 403);
    assert_eq!(site.server.request("PUT", POLICY, &site.stranger, body.clone()).await.0, 404);
    assert_eq!(site.server.request("PUT", POLICY, &site.owner, body.clone()).await.0, 201);
    assert_eq!(site.server.request("GET", POLICY, &member, Value::Null).await.0, 200);
    assert_eq!(site.server.request("GET", POLICY, &site.stranger, Value::Null).await.0, 404);
    let check = format!("{POLICY}/actions/check");
    assert_eq!(site.server.request("POST", &check, &member, body.clone()).await.0, 403);
    let of_project = format!("/api/carnet/v1/projects/{}/issuance-policy", site.workspace.project_id);
    assert_eq!(site.server.request("PUT", &of_project, &member, body.clone()).await.0, 404);
    assert_eq!(site.server.request("PUT", &of_project, &site.owner, body).await.0, 201);
}

#[tokio::test]
async fn a_policy_is_tried_out_on_the_workspaces_as_they_are() {
    let site = Site::new().await;
    site.server.workspace(&site.organization, "bare").await;
    set_env(&site, "TFC_AWS_PROVIDER_AUTH", "true", false).await;
    set_env(&site, "TFC_AWS_PLAN_ROLE_ARN", "arn:aws:iam::1:role/plan-net", false).await;
    set_env(&site, "TFC_AWS_APPLY_ROLE_ARN", "arn:aws:iam::1:role/hush", true).await;
    let check = format!("{POLICY}/actions/check?page[size]=1&page[number]=2");
    let wanted = policy(&json!([
        { "name": "plans", "phases": ["plan"], "roles": ["arn:aws:iam::*:role/plan-*"] },
        { "name": "applies", "phases": ["apply"], "roles": ["arn:aws:iam::*:role/plan-*"] },
    ]));
    let (status, found) = site.server.request("POST", &check, &site.owner, wanted).await;
    assert_eq!(status, 200, "{found}");
    assert_eq!(found["meta"]["pagination"]["total-count"], 2);
    let data = found["data"].as_array().expect("a list");
    let told: Vec<_> = data
        .iter()
        .map(|one| &one["attributes"])
        .map(|one| [&one["workspace-name"], &one["phase"], &one["role"], &one["verdict"]].map(Value::clone))
        .collect();
    assert_eq!(
        told,
        [
            [json!("net"), json!("plan"), json!("arn:aws:iam::1:role/plan-net"), json!("allowed")],
            [json!("net"), json!("apply"), json!("(sensitive)"), json!("refused")],
        ]
    );
    assert!(!found.to_string().contains("hush"), "{found}");
    assert_eq!(data[0]["attributes"]["statements"], json!(["organization: plans"]));
    let wanted = policy(&json!([{ "name": "applies", "phases": ["apply"], "approval": "another-person" }]));
    let check = format!("{POLICY}/actions/check?page[size]=1&page[number]=2");
    let (_, found) = site.server.request("POST", &check, &site.owner, wanted.clone()).await;
    assert_eq!(found["data"][0]["attributes"]["verdict"], "refused");
    assert_eq!(found["data"][1]["attributes"]["verdict"], "depends");
    assert_eq!(found["data"][1]["attributes"]["depends-on"], json!(["approval"]));
    // For a project, what the organization says counts, too.
    assert_eq!(site.server.request("PUT", POLICY, &site.owner, wanted).await.0, 201);
    let of_project =
        format!("/api/carnet/v1/projects/{}/issuance-policy/actions/check", site.workspace.project_id);
    let (status, found) =
        site.server.request("POST", &of_project, &site.owner, policy(&json!([{ "name": "all" }]))).await;
    assert_eq!(status, 200, "{found}");
    assert_eq!(found["data"][0]["attributes"]["verdict"], "refused");
}
