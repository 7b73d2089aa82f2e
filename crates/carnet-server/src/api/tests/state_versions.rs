//! The rules for writing states, row by row as clients know them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use carnet_model::RunId;
use serde_json::{Value, json};

use super::Site;
use crate::error::ApiError;
use crate::state::file::md5_hex;
use crate::state::{current_state_bytes, store_run_state};

/// A state as Terraform writes it.
pub(in crate::api) fn state(serial: i64, lineage: &str, value: &str) -> String {
    json!({
        "version": 4, "terraform_version": "1.11.4", "serial": serial, "lineage": lineage,
        "outputs": {
            "plain": { "value": value, "type": "string" },
            "secret": { "value": format!("hush {value}"), "type": "string", "sensitive": true },
        },
        "resources": [
            { "mode": "managed", "type": "null_resource", "name": "a", "provider": "provider[\"x/null\"]",
              "instances": [{}, {}] },
            { "mode": "data", "module": "module.m", "type": "http_get", "name": "b", "provider": "provider[\"x/http\"]",
              "instances": [{}] },
        ],
    })
    .to_string()
}

impl Site {
    pub(in crate::api) async fn lock(&self) {
        let path = self.workspace_path("/actions/lock");
        assert_eq!(self.server.request("POST", &path, &self.owner, json!({})).await.0, 200);
    }

    pub(super) async fn unlock(&self) -> (u16, Value) {
        self.server.request("POST", &self.workspace_path("/actions/unlock"), &self.owner, json!({})).await
    }

    pub(super) async fn post_state(&self, attributes: Value) -> (u16, Value) {
        let body = json!({ "data": { "type": "state-versions", "attributes": attributes } });
        self.server.request("POST", &self.workspace_path("/state-versions"), &self.owner, body).await
    }

    pub(super) async fn current(&self) -> Value {
        let path = self.workspace_path("/current-state-version");
        let (status, answer) = self.server.request("GET", &path, &self.owner, Value::Null).await;
        if status == 404 { Value::Null } else { answer["data"].clone() }
    }
}

/// The attributes of a whole state in one request.
pub(in crate::api) fn whole(serial: i64, text: &str) -> Value {
    json!({ "serial": serial, "md5": md5_hex(text.as_bytes()), "state": STANDARD.encode(text) })
}

/// The same with a lineage.
fn with_lineage(serial: i64, lineage: &str, text: &str) -> Value {
    let mut attributes = whole(serial, text);
    attributes["lineage"] = json!(lineage);
    attributes
}

async fn site_with_state(serial: i64) -> Site {
    let site = Site::new().await;
    site.lock().await;
    let (status, answer) = site.post_state(whole(serial, &state(serial, "l-1", "first"))).await;
    assert_eq!(status, 201, "{answer}");
    site
}

#[tokio::test]
async fn a_whole_state_becomes_current() {
    let site = Site::new().await;
    assert_eq!(site.current().await, Value::Null);
    site.lock().await;
    let text = state(5, "l-1", "first");
    let mut attributes = whole(5, &text);
    attributes["json-state"] = json!(STANDARD.encode("{\"format_version\":\"1.0\"}"));
    let (status, answer) = site.post_state(attributes).await;
    assert_eq!(status, 201, "{answer}");
    let current = site.current().await;
    assert_eq!(current["id"], answer["data"]["id"]);
    let attributes = &current["attributes"];
    assert_eq!(attributes["status"], "finalized");
    assert_eq!((&attributes["serial"], &attributes["lineage"]), (&json!(5), &json!("l-1")));
    assert_eq!(attributes["terraform-version"], "1.11.4");
    assert_eq!(attributes["created-at"], "2026-01-05T10:00:00Z");
    assert_eq!(
        attributes["modules"],
        json!({ "root": { "null-resource": 2 }, "module.m": { "data.http-get": 1 } })
    );
    assert_eq!(attributes["providers"]["provider[\"x/null\"]"], json!({ "null-resource": 2 }));
    let resource = json!({ "name": "a", "type": "null_resource", "count": 2, "module": "root",
        "provider": "provider[\"x/null\"]" });
    assert_eq!(attributes["resources"][0], resource);
    assert_eq!(attributes["hosted-state-upload-url"], Value::Null);

    let url = attributes["hosted-state-download-url"].as_str().expect("an address");
    let answer = site.server.call("GET", url, &site.owner, Value::Null).await;
    assert_eq!((answer.status, answer.text()), (200, text));
    let url = attributes["hosted-json-state-download-url"].as_str().expect("an address");
    let answer = site.server.call("GET", url, &site.owner, Value::Null).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "{\"format_version\":\"1.0\"}"));

    let (_, workspace) = site.server.request("GET", &site.workspace_path(""), &site.owner, Value::Null).await;
    assert_eq!(workspace["data"]["attributes"]["resource-count"], 2);
    assert_eq!(site.unlock().await.0, 200);
}

#[tokio::test]
async fn only_the_holder_of_the_lock_may_write() {
    let site = Site::new().await;
    let text = state(1, "l-1", "x");
    let mut forced = whole(1, &text);
    forced["force"] = json!(true);
    for attributes in [whole(1, &text), forced.clone()] {
        assert_eq!(site.post_state(attributes).await.0, 409);
    }
    let (other, token) = site.server.user("otto").await;
    site.server.join(&site.organization, &other).await;
    let lock = site.workspace_path("/actions/lock");
    assert_eq!(site.server.request("POST", &lock, &token, json!({})).await.0, 200);
    for attributes in [whole(1, &text), forced] {
        let (status, answer) = site.post_state(attributes).await;
        assert_eq!((status, &answer["errors"][0]["status"]), (409, &json!("409")));
    }
    assert_eq!(site.current().await, Value::Null);
}

#[tokio::test]
async fn serial_and_checksum_are_required_and_must_fit() {
    let site = Site::new().await;
    site.lock().await;
    let text = state(1, "l-1", "x");
    for name in ["serial", "md5"] {
        let mut attributes = whole(1, &text);
        attributes.as_object_mut().expect("an object").remove(name);
        let (status, answer) = site.post_state(attributes).await;
        assert_eq!(status, 422);
        assert_eq!(answer["errors"][0]["source"]["pointer"], format!("/data/attributes/{name}"));
    }
    for (name, value) in [
        ("md5", json!(md5_hex(b"other"))),
        ("md5", json!("short")),
        ("serial", json!(-1)),
        ("serial", json!("1")),
        ("state", json!("not base64!")),
        ("state", json!(STANDARD.encode("no JSON"))),
        ("json-state-outputs", json!(STANDARD.encode("[]"))),
        ("json-state", json!("?")),
    ] {
        let mut attributes = whole(1, &text);
        attributes[name] = value.clone();
        assert_eq!(site.post_state(attributes).await.0, 422, "{name} {value}");
    }
    assert_eq!(site.current().await, Value::Null);
}

#[tokio::test]
async fn the_same_again_is_accepted() {
    let site = site_with_state(3).await;
    let first = site.current().await["id"].clone();
    let (status, answer) = site.post_state(whole(3, &state(3, "l-1", "first"))).await;
    assert_eq!((status, &answer["data"]["id"]), (201, &first));
    assert_eq!(site.current().await["id"], first);
}

#[tokio::test]
async fn the_same_or_a_lower_serial_with_other_content_is_a_conflict() {
    let site = site_with_state(3).await;
    for serial in [3, 2] {
        assert_eq!(site.post_state(whole(serial, &state(serial, "l-1", "second"))).await.0, 409, "{serial}");
    }
    assert_eq!(site.current().await["attributes"]["serial"], 3);
}

#[tokio::test]
async fn another_lineage_is_a_conflict() {
    let site = site_with_state(3).await;
    let text = state(4, "l-2", "second");
    assert_eq!(site.post_state(with_lineage(4, "l-2", &text)).await.0, 409);
}

#[tokio::test]
async fn force_skips_serial_and_lineage() {
    let site = site_with_state(3).await;
    let text = state(1, "l-2", "second");
    let mut attributes = with_lineage(1, "l-2", &text);
    attributes["force"] = json!(true);
    assert_eq!(site.post_state(attributes).await.0, 201);
    assert_eq!(site.current().await["attributes"]["lineage"], "l-2");
}

#[tokio::test]
async fn attributes_may_differ_from_the_file() {
    let site = Site::new().await;
    site.lock().await;
    let text = state(5, "l-file", "x");
    let (status, answer) = site.post_state(with_lineage(1, "l-attribute", &text)).await;
    assert_eq!(status, 201, "{answer}");
    let attributes = &site.current().await["attributes"];
    assert_eq!((&attributes["serial"], &attributes["lineage"]), (&json!(1), &json!("l-attribute")));
}

#[tokio::test]
async fn going_back_copies_the_old_state_under_the_next_serial() {
    let site = site_with_state(3).await;
    let first = site.current().await["id"].clone();
    assert_eq!(site.post_state(whole(7, &state(7, "l-1", "second"))).await.0, 201);
    let path = site.workspace_path("/state-versions");
    let body = json!({ "data": { "type": "state-versions", "relationships": {
        "rollback-state-version": { "data": { "type": "state-versions", "id": first } } } } });
    let (status, answer) = site.server.request("PATCH", &path, &site.owner, body.clone()).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["data"]["attributes"]["serial"], 8);
    let url = answer["data"]["attributes"]["hosted-state-download-url"].as_str().expect("an address");
    let file = site.server.call("GET", url, &site.owner, Value::Null).await.json();
    assert_eq!((&file["serial"], &file["outputs"]["plain"]["value"]), (&json!(8), &json!("first")));
    // The CLI goes on from there.
    assert_eq!(site.post_state(whole(9, &state(9, "l-1", "third"))).await.0, 201);

    assert_eq!(site.server.request("PATCH", &path, &site.stranger, body.clone()).await.0, 404);
    assert_eq!(site.unlock().await.0, 200);
    assert_eq!(site.server.request("PATCH", &path, &site.owner, body).await.0, 409);
    let without = json!({ "data": { "type": "state-versions" } });
    assert_eq!(site.server.request("PATCH", &path, &site.owner, without).await.0, 422);
    let unknown = json!({ "data": { "relationships": {
        "rollback-state-version": { "data": { "type": "state-versions", "id": "sv-unknown" } } } } });
    assert_eq!(site.server.request("PATCH", &path, &site.owner, unknown).await.0, 404);
}

#[tokio::test]
async fn lists_need_both_names_and_have_the_newest_first() {
    let site = site_with_state(3).await;
    site.server.advance(std::time::Duration::from_secs(1));
    assert_eq!(site.post_state(whole(4, &state(4, "l-1", "second"))).await.0, 201);
    let get = async |query: &str, token: &str| {
        site.server.request("GET", &format!("/api/v2/state-versions?{query}"), token, Value::Null).await
    };
    let both = "filter%5Borganization%5D%5Bname%5D=acme&filter%5Bworkspace%5D%5Bname%5D=net";
    let (status, answer) = get(both, &site.owner).await;
    let serials: Vec<_> = answer["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["attributes"]["serial"].clone())
        .collect();
    assert_eq!((status, serials), (200, vec![json!(4), json!(3)]));
    assert_eq!(answer["meta"]["pagination"]["total-count"], 2);
    let (_, answer) = get(&format!("{both}&include=created_by,outputs"), &site.owner).await;
    assert_eq!(answer["included"].as_array().expect("a list").len(), 5);
    let (_, answer) = get(&format!("{both}&filter%5Bstatus%5D=pending"), &site.owner).await;
    assert_eq!(answer["data"], json!([]));
    assert_eq!(get(&format!("{both}&filter%5Bstatus%5D=odd"), &site.owner).await.0, 400);
    for query in ["", "filter%5Borganization%5D%5Bname%5D=acme", "filter%5Bworkspace%5D%5Bname%5D=net"] {
        assert_eq!(get(query, &site.owner).await.0, 422, "{query}");
    }
    assert_eq!(get(both, &site.stranger).await.0, 404);
}

#[tokio::test]
async fn a_run_delivers_its_state_and_nothing_older() {
    let site = Site::new().await;
    let run = RunId::from_entropy([1; 16]);
    let other = RunId::from_entropy([2; 16]);
    let deliver = async |run: &RunId, text: String| {
        store_run_state(&site.server.app, &site.workspace.id, run, Bytes::from(text)).await
    };
    deliver(&run, state(1, "l-1", "a")).await.expect("stored");
    let first = site.current().await;
    assert_eq!(first["relationships"]["run"]["data"]["id"], json!(run.as_str()));
    deliver(&run, state(1, "l-1", "a")).await.expect("the same again");
    assert_eq!(site.current().await["id"], first["id"]);
    deliver(&run, state(2, "l-1", "b")).await.expect("newer");
    deliver(&run, state(2, "l-1", "c")).await.expect("the same run may repeat a serial");
    deliver(&other, state(2, "l-1", "c").replace("1.11.4", "1.12.0")).await.expect("the same content");
    for text in [state(2, "l-1", "d"), state(1, "l-1", "a"), state(9, "l-2", "e")] {
        let refused = deliver(&other, text).await;
        assert!(matches!(refused, Err(ApiError::Conflict(_))), "{refused:?}");
    }
    let refused = deliver(&run, "no state".to_owned()).await;
    assert!(matches!(refused, Err(ApiError::Invalid { .. })), "{refused:?}");
    let bytes =
        current_state_bytes(&site.server.app, &site.workspace.id).await.expect("read").expect("a state");
    assert_eq!(String::from_utf8(bytes).expect("text"), state(2, "l-1", "c"));
}
