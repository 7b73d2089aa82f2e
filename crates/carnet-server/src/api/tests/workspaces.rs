use serde_json::{Value, json};

use super::Site;
use crate::testing::ADMIN;

const LIST: &str = "/api/v2/organizations/acme/workspaces";

async fn create(site: &Site, body: Value) -> (u16, Value) {
    site.server.request("POST", LIST, &site.owner, body).await
}

fn names(found: &Value) -> Vec<&str> {
    let data = found["data"].as_array().expect("a list");
    data.iter().map(|one| one["attributes"]["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn the_cli_finds_every_field_it_dereferences() {
    let site = Site::new().await;
    let (status, found) = site.server.request("GET", &format!("{LIST}/net"), &site.owner, Value::Null).await;
    assert_eq!(status, 200);
    let attributes = &found["data"]["attributes"];
    for name in ["permissions", "actions", "setting-overwrites"] {
        assert!(attributes[name].is_object(), "{name}");
    }
    for name in ["trigger-prefixes", "trigger-patterns", "tag-names"] {
        assert!(attributes[name].is_array(), "{name}");
    }
    assert_eq!(attributes["execution-mode"], "remote");
    assert_eq!(attributes["structured-run-output-enabled"], true);
    assert_eq!(attributes["vcs-repo"], Value::Null);
    assert!(attributes["created-at"].as_str().expect("a time").ends_with('Z'));
    assert_eq!(found["data"]["relationships"]["organization"]["data"]["id"], "acme");
    assert_eq!(found["data"]["links"]["self-html"], "/app/acme/workspaces/net");
}

#[tokio::test]
async fn a_flat_tag_and_a_binding_share_one_namespace() {
    let site = Site::new().await;
    let body = json!({ "data": { "attributes": { "name": "tagged" }, "relationships": {
        "tags": { "data": [{ "type": "tags", "attributes": { "name": "prod" } }] },
        "tag-bindings": { "data": [{ "type": "tag-bindings", "attributes": { "key": "team", "value": "net" } }] } } } });
    let (status, made) = create(&site, body).await;
    assert_eq!((status, &made["data"]["attributes"]["tag-names"]), (201, &json!(["prod", "team"])));
    for (query, expected) in [
        ("search[tags]=prod,team", vec!["tagged"]),
        ("search%5Btags%5D=team", vec!["tagged"]),
        ("search[tags]=prod,other", vec![]),
        ("filter[tagged][0][key]=team&filter[tagged][0][value]=net", vec!["tagged"]),
        ("filter[tagged][0][key]=team&filter[tagged][0][value]=web", vec![]),
        ("search[exclude-tags]=prod", vec!["net"]),
        ("search[name]=AG", vec!["tagged"]),
        ("search[wildcard-name]=n*", vec!["net"]),
        ("TagBindings=%7B%7D", vec!["net", "tagged"]),
    ] {
        let (status, found) =
            site.server.request("GET", &format!("{LIST}?{query}"), &site.owner, Value::Null).await;
        assert_eq!((status, names(&found)), (200, expected), "{query}");
    }
}

#[tokio::test]
async fn tags_are_added_replaced_and_taken() {
    let site = Site::new().await;
    let (flat, bindings) = (site.workspace_path("/relationships/tags"), site.workspace_path("/tag-bindings"));
    let body = json!({ "data": [{ "type": "tags", "attributes": { "name": "prod" } }] });
    assert_eq!(site.server.request("POST", &flat, &site.owner, body.clone()).await.0, 204);
    let upsert =
        json!({ "data": [{ "type": "tag-bindings", "attributes": { "key": "prod", "value": "eu" } }] });
    let (_, bound) = site.server.request("PATCH", &bindings, &site.owner, upsert).await;
    assert_eq!(bound["data"][0]["attributes"], json!({ "key": "prod", "value": "eu" }));
    assert_eq!(site.server.request("DELETE", &flat, &site.owner, body).await.0, 204);
    let (_, left) = site.server.request("GET", &bindings, &site.owner, Value::Null).await;
    assert_eq!(left["data"], json!([]));
}

#[tokio::test]
async fn settings_that_this_server_cannot_keep_are_refused() {
    let site = Site::new().await;
    for attributes in [
        json!({ "execution-mode": "agent" }),
        json!({ "execution-mode": "cloud" }),
        json!({ "execution-mode": "remote", "operations": true }),
        json!({ "agent-pool-id": "apool-1" }),
        json!({ "execution-mode": "agent", "agent-pool-id": "apool-1" }),
        json!({ "setting-overwrites": { "execution-mode": true, "agent-pool": false } }),
        json!({ "trigger-prefixes": ["a"], "trigger-patterns": ["b"] }),
        json!({ "trigger-prefixes": "a" }),
        json!({ "auto-destroy-at": "soon" }),
        json!({ "auto-destroy-activity-duration": "14 days" }),
        json!({ "auto-destroy-at": "2026-02-01T00:00:00Z", "auto-destroy-activity-duration": "14d" }),
        json!({ "working-directory": "../up" }),
        json!({ "terraform-version": "rm -rf /;" }),
        json!({ "vcs-repo": { "identifier": "a/b" } }),
        json!({ "auto-apply": "yes" }),
    ] {
        let body = json!({ "data": { "attributes": attributes } });
        let (status, answer) =
            site.server.request("PATCH", &site.workspace_path(""), &site.owner, body).await;
        assert_eq!(status, 422, "{answer}");
    }
}

#[tokio::test]
async fn a_lock_keeps_others_out() {
    let site = Site::new().await;
    let (guest_id, guest) = site.server.user("greta").await;
    site.server.join(&site.organization, &guest_id).await;
    let call = |action: &'static str, token: String| {
        let (site, path) = (&site, site.workspace_path(&format!("/actions/{action}")));
        async move { site.server.request("POST", &path, &token, json!({ "reason": "by hand" })).await }
    };
    let (status, locked) = call("lock", site.owner.clone()).await;
    assert_eq!((status, &locked["data"]["attributes"]["locked"]), (200, &json!(true)));
    assert_eq!(locked["data"]["attributes"]["locked-reason"], "by hand");
    assert_eq!(locked["data"]["relationships"]["locked-by"]["data"]["type"], "users");
    assert_eq!(call("lock", guest.clone()).await.0, 409);
    let (status, refused) = call("unlock", guest.clone()).await;
    assert_eq!(status, 409);
    assert!(refused["errors"][0]["detail"].as_str().expect("a text").contains("is locked by User"));
    assert_eq!(call("force-unlock", guest).await.0, 200);
    assert_eq!(call("unlock", site.owner.clone()).await.0, 409);
    assert_eq!(call("force-unlock", ADMIN.to_owned()).await.0, 409);
}

#[tokio::test]
async fn a_page_past_the_end_is_empty_and_says_where_it_is() {
    let site = Site::new().await;
    let path = format!("{LIST}?page[number]=7&page[size]=5");
    let (status, found) = site.server.request("GET", &path, &site.owner, Value::Null).await;
    assert_eq!((status, &found["data"]), (200, &json!([])));
    assert_eq!(found["meta"]["pagination"]["current-page"], 7);
    assert_eq!(found["meta"]["pagination"]["total-count"], 1);
    for page in ["page[number]=0", "page[number]=x", "page[size]=-1"] {
        assert_eq!(
            site.server.request("GET", &format!("{LIST}?{page}"), &site.owner, Value::Null).await.0,
            400
        );
    }
}

#[tokio::test]
async fn a_workspace_that_manages_resources_is_not_deleted_safely() {
    let site = Site::new().await;
    let mut tx = site.server.app.store.write().await.expect("a transaction");
    let state = "sv-1".parse().expect("an id");
    tx.set_current_state(&site.workspace.id, &state, 3).await.expect("stored");
    tx.commit().await.expect("committed");
    let path = site.workspace_path("/actions/safe-delete");
    assert_eq!(site.server.request("POST", &path, &site.owner, Value::Null).await.0, 409);
    assert_eq!(site.server.request("DELETE", &format!("{LIST}/net"), &site.owner, Value::Null).await.0, 204);
    assert_eq!(site.server.request("GET", &format!("{LIST}/net"), &site.owner, Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_deleted_workspace_leaves_nothing_on_disk() {
    let site = Site::new().await;
    let configuration = site.workspace_path("/configuration-versions");
    let body = json!({ "data": { "attributes": { "auto-queue-runs": false } } });
    let (status, made) = site.server.request("POST", &configuration, &site.owner, body).await;
    assert_eq!(status, 201);
    let upload = made["data"]["attributes"]["upload-url"].as_str().expect("an address");
    let archive = super::configuration_versions::archive(&[(tar::EntryType::Regular, "main.tf", "", b"")]);
    assert_eq!(site.server.send("PUT", upload, "", archive).await.status, 200);
    let id = made["data"]["id"].as_str().expect("an id");
    assert!(site.server.has_blob("configuration", id).await);
    assert_eq!(
        site.server.request("DELETE", &site.workspace_path(""), &site.owner, Value::Null).await.0,
        204
    );
    assert!(!site.server.has_blob("configuration", id).await);
}

#[tokio::test]
async fn a_refusal_names_who_holds_the_lock_and_why() {
    let site = Site::new().await;
    let (other, token) = site.server.user("otto").await;
    site.server.join(&site.organization, &other).await;
    let lock = site.workspace_path("/actions/lock");
    let body = json!({ "reason": "holidays" });
    assert_eq!(site.server.request("POST", &lock, &token, body).await.0, 200);
    let detail = async |path: &str, body: Value| {
        let (status, answer) = site.server.request("POST", path, &site.owner, body).await;
        assert_eq!(status, 409, "{answer}");
        answer["errors"][0]["detail"].as_str().expect("a text").to_owned()
    };
    assert_eq!(detail(&lock, json!({})).await, "workspace already locked by User otto: holidays");
    let unlock = detail(&site.workspace_path("/actions/unlock"), json!({})).await;
    assert!(unlock.starts_with("workspace is locked by User otto: holidays; only that user"), "{unlock}");
    let text = super::state_versions::state(1, "l-1", "x");
    let body = json!({ "data": { "attributes": super::state_versions::whole(1, &text) } });
    let state = detail(&site.workspace_path("/state-versions"), body).await;
    assert_eq!(state, "the workspace is locked by User otto: holidays");
}

#[tokio::test]
async fn a_member_who_may_not_make_workspaces_is_told_what_is_missing() {
    let site = Site::new().await;
    let (_, token) = site.member("mia").await;
    let ask = async |token: &str, body: &Value| site.server.request("POST", LIST, token, body.clone()).await;
    let body = json!({ "data": { "attributes": { "name": "new" } } });
    let (status, answer) = ask(&token, &body).await;
    assert_eq!(status, 403, "{answer}");
    assert!(answer["errors"][0]["detail"].as_str().expect("a text").contains("workspaces"), "{answer}");
    assert_eq!(ask(&site.stranger, &body).await.0, 404);
    let project = json!({ "data": { "attributes": { "name": "hidden" } } });
    let projects = "/api/v2/organizations/acme/projects";
    let (_, made) = site.server.request("POST", projects, &site.owner, project).await;
    let hidden = json!({ "data": { "attributes": { "name": "new" }, "relationships": {
        "project": { "data": { "type": "projects", "id": made["data"]["id"] } } } } });
    assert_eq!(ask(&token, &hidden).await.0, 404, "another project may be a secret");
}
