//! The two uploads that the CLI sends after it announced a state.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_store::testing::is_on_postgres;
use serde_json::{Value, json};

use super::Site;
use super::state_versions::{state, whole};
use crate::app::Settings;
use crate::state::file::md5_hex;
use crate::testing::{TestServer, URL};

struct Pending {
    id: Value,
    raw: String,
    json: String,
}

fn announced(serial: i64, text: &str) -> Value {
    json!({ "serial": serial, "md5": md5_hex(text.as_bytes()), "lineage": "l-1" })
}

async fn announce(site: &Site, attributes: Value) -> Pending {
    let (status, answer) = site.post_state(attributes).await;
    assert_eq!(status, 201, "{answer}");
    let attributes = &answer["data"]["attributes"];
    assert_eq!(attributes["status"], "pending");
    assert_eq!(attributes["hosted-state-download-url"], Value::Null);
    let url = |name: &str| attributes[name].as_str().expect("an address").to_owned();
    let pending = Pending {
        id: answer["data"]["id"].clone(),
        raw: url("hosted-state-upload-url"),
        json: url("hosted-json-state-upload-url"),
    };
    assert!(pending.raw.starts_with(URL) && pending.json.starts_with(URL));
    pending
}

async fn put(site: &Site, url: &str, body: impl Into<Vec<u8>>) -> u16 {
    site.server.send("PUT", url, "", body.into()).await.status
}

#[tokio::test]
async fn the_json_form_that_could_not_be_stored_is_sent_again() {
    let site = locked().await;
    let text = state(1, "l-1", "x");
    let pending = announce(&site, announced(1, &text)).await;
    assert_eq!(put(&site, &pending.raw, text).await, 200);
    if !is_on_postgres() {
        // Something is in the way of the file.
        let place = site.server.folder().join("blobs/state-json").join(pending.id.as_str().expect("an id"));
        std::fs::create_dir_all(&place).expect("a folder");
        assert_eq!(put(&site, &pending.json, "{}").await, 500);
        std::fs::remove_dir(&place).expect("removed");
    }
    assert_eq!(put(&site, &pending.json, "{}").await, 200);
    assert_eq!(put(&site, &pending.json, "{}").await, 404, "used");
}

async fn status(site: &Site, id: &Value) -> Value {
    let path = format!("/api/v2/state-versions/{}", id.as_str().expect("an id"));
    site.server.request("GET", &path, &site.owner, Value::Null).await.1["data"]["attributes"]["status"]
        .clone()
}

async fn locked() -> Site {
    let site = Site::new().await;
    site.lock().await;
    site
}

#[tokio::test]
async fn the_raw_upload_alone_makes_the_state_current() {
    let site = locked().await;
    let text = state(1, "l-1", "x");
    let pending = announce(&site, announced(1, &text)).await;
    assert_eq!(site.current().await, Value::Null);
    let (refused, answer) = site.unlock().await;
    assert_eq!(
        (refused, &answer["errors"][0]["detail"]),
        (422, &json!("latest state version is still pending"))
    );
    assert_eq!(put(&site, &pending.raw, text.clone()).await, 200);
    let current = site.current().await;
    assert_eq!((&current["id"], &current["attributes"]["status"]), (&pending.id, &json!("finalized")));
    assert_eq!(current["attributes"]["size"], text.len());
    assert_eq!(current["attributes"]["hosted-json-state-download-url"], Value::Null);
    assert_eq!(current["relationships"]["outputs"]["data"].as_array().expect("a list").len(), 2);
    assert_eq!(site.unlock().await.0, 200);
}

#[tokio::test]
async fn both_uploads_come_back_as_they_were() {
    let site = locked().await;
    let text = state(1, "l-1", "x");
    let pending = announce(&site, announced(1, &text)).await;
    let (raw, json) =
        tokio::join!(put(&site, &pending.raw, text.clone()), put(&site, &pending.json, "{\"values\":{}}"));
    assert_eq!((raw, json), (200, 200));
    let current = site.current().await;
    for (name, expected) in
        [("hosted-state-download-url", text.as_str()), ("hosted-json-state-download-url", "{\"values\":{}}")]
    {
        let url = current["attributes"][name].as_str().expect("an address");
        assert_eq!(site.server.call("GET", url, &site.owner, Value::Null).await.text(), expected);
        assert_eq!(site.server.call("GET", url, &site.stranger, Value::Null).await.status, 404);
        assert_eq!(site.server.call("GET", url, "", Value::Null).await.status, 401);
    }
}

#[tokio::test]
async fn upload_addresses_work_once() {
    let site = locked().await;
    let text = state(1, "l-1", "x");
    let pending = announce(&site, announced(1, &text)).await;
    for url in [&pending.raw, &pending.json] {
        assert_eq!(put(&site, url, text.clone()).await, 200);
        assert_eq!(put(&site, url, text.clone()).await, 404);
    }
    for url in ["/_uploads/state-versions/guess", "/_uploads/json-state-versions/guess"] {
        assert_eq!(put(&site, url, text.clone()).await, 404);
    }
    // The one address does not do what the other does.
    let pending = announce(&site, announced(2, &text)).await;
    let crossed = pending.raw.replace("state-versions", "json-state-versions");
    assert_eq!(put(&site, &crossed, text).await, 404);
}

#[tokio::test]
async fn a_wrong_checksum_is_refused_and_a_right_one_may_follow() {
    let site = locked().await;
    let text = state(1, "l-1", "x");
    let pending = announce(&site, announced(1, &text)).await;
    assert_eq!(put(&site, &pending.raw, state(1, "l-1", "y")).await, 422);
    assert_eq!(put(&site, &pending.raw, "no JSON").await, 422);
    assert_eq!(status(&site, &pending.id).await, "pending");
    assert_eq!(put(&site, &pending.raw, text).await, 200);
}

#[tokio::test]
async fn an_upload_over_the_limit_is_refused() {
    let settings = Settings { upload_limit: 100, ..Settings::new(URL) };
    let site = Site::on(TestServer::with_settings(settings).await).await;
    site.lock().await;
    let text = state(1, "l-1", "x");
    let pending = announce(&site, announced(1, &text)).await;
    for url in [&pending.raw, &pending.json] {
        assert_eq!(put(&site, url, text.clone()).await, 413);
    }
    assert_eq!(site.current().await, Value::Null);
}

#[tokio::test]
async fn a_newer_state_discards_the_one_that_waits() {
    let site = locked().await;
    let text = state(1, "l-1", "x");
    let first = announce(&site, announced(1, &text)).await;
    let second = announce(&site, announced(1, &text)).await;
    assert_eq!(status(&site, &first.id).await, "discarded");
    assert_eq!(put(&site, &first.raw, text.clone()).await, 404);
    assert_eq!(put(&site, &first.json, "{}").await, 404);
    // A whole state does the same.
    assert_eq!(site.post_state(whole(2, &state(2, "l-1", "y"))).await.0, 201);
    assert_eq!(status(&site, &second.id).await, "discarded");
    assert_eq!(put(&site, &second.raw, text).await, 404);
    assert_eq!(site.unlock().await.0, 200);
}

#[tokio::test]
async fn the_rules_hold_when_a_state_is_announced_and_when_it_comes() {
    let site = locked().await;
    assert_eq!(site.post_state(whole(3, &state(3, "l-1", "x"))).await.0, 201);
    let old = state(2, "l-1", "y");
    assert_eq!(site.post_state(announced(2, &old)).await.0, 409);
    let mut other = announced(4, &old);
    other["lineage"] = json!("l-2");
    assert_eq!(site.post_state(other.clone()).await.0, 409);
    // The lineage shows only in the file: the state can never become current, and the workspace stays usable.
    other.as_object_mut().expect("an object").remove("lineage");
    let text = state(4, "l-2", "z");
    other["md5"] = json!(md5_hex(text.as_bytes()));
    let pending = announce(&site, other.clone()).await;
    assert_eq!(put(&site, &pending.raw, text.clone()).await, 409);
    assert_eq!(status(&site, &pending.id).await, "discarded");
    assert_eq!(site.current().await["attributes"]["serial"], 3);
    other["force"] = json!(true);
    let pending = announce(&site, other).await;
    assert_eq!(put(&site, &pending.raw, text).await, 200);
    assert_eq!(site.current().await["attributes"]["lineage"], "l-2");
    assert_eq!(site.unlock().await.0, 200);
}

#[tokio::test]
async fn the_same_content_may_be_announced_again() {
    let site = locked().await;
    let text = state(3, "l-1", "x");
    assert_eq!(site.post_state(whole(3, &text)).await.0, 201);
    let pending = announce(&site, announced(3, &text)).await;
    assert_eq!(put(&site, &pending.raw, text).await, 200);
    assert_eq!(site.current().await["id"], pending.id);
}

#[tokio::test]
async fn a_lock_that_was_broken_lets_go_of_a_state_that_waits() {
    let site = locked().await;
    let text = state(1, "l-1", "x");
    announce(&site, announced(1, &text)).await;
    let path = site.workspace_path("/actions/force-unlock");
    assert_eq!(site.server.request("POST", &path, &site.owner, json!({})).await.0, 200);
    assert_eq!(site.current().await, Value::Null);
}

#[tokio::test]
async fn a_state_in_a_body_may_be_as_long_as_an_upload() {
    let site = locked().await;
    let state =
        json!({ "version": 4, "serial": 1, "lineage": "l", "pad": "x".repeat(13_000_000) }).to_string();
    let attributes = json!({
        "serial": 1, "md5": md5_hex(state.as_bytes()), "lineage": "l", "state": STANDARD.encode(&state),
    });
    let body = json!({ "data": { "attributes": attributes } });
    let path = site.workspace_path("/state-versions");
    for token in ["wrong", site.stranger.as_str()] {
        assert_eq!(site.server.request("POST", &path, token, body.clone()).await.0, 413);
    }
    assert_eq!(site.server.request("POST", &path, "", body.clone()).await.0, 401);
    let others = site.workspace_path("/vars");
    assert_eq!(site.server.request("POST", &others, &site.owner, body.clone()).await.0, 413);
    let (status, answer) = site.server.request("POST", &path, &site.owner, body).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["data"]["attributes"]["size"], state.len());
}

#[tokio::test]
async fn what_is_no_terraform_state_replaces_nothing() {
    let site = locked().await;
    assert_eq!(site.post_state(whole(1, &state(1, "l-1", "x"))).await.0, 201);
    let before = site.current().await["id"].clone();
    for text in ["{}", "{\"version\":3,\"serial\":99,\"lineage\":\"l-1\"}", "{\"version\":4,\"serial\":99}"] {
        for force in [false, true] {
            let mut attributes = whole(99, text);
            attributes["force"] = json!(force);
            let (status, answer) = site.post_state(attributes).await;
            assert_eq!(status, 422, "{text}: {answer}");
            assert_eq!(answer["errors"][0]["source"]["pointer"], "/data/attributes/state");
            let detail = answer["errors"][0]["detail"].as_str().expect("a text");
            assert!(detail.contains("not a Terraform state of version 4"), "{detail}");
            let mut attributes = announced(99, text);
            attributes["force"] = json!(force);
            let pending = announce(&site, attributes).await;
            assert_eq!(put(&site, &pending.raw, text).await, 422, "{text}");
        }
    }
    assert_eq!(site.current().await["id"], before);
    // A state from which everything was destroyed is one, and so is one that OpenTofu encrypted.
    let empty = json!({ "version": 4, "terraform_version": "1.11.4", "serial": 100, "lineage": "l-1", "outputs": {},
        "resources": [], "check_results": null });
    assert_eq!(site.post_state(whole(100, &empty.to_string())).await.0, 201);
    let encrypted = json!({ "serial": 101, "lineage": "l-1", "meta": {}, "encrypted_data": "x" }).to_string();
    let pending = announce(&site, announced(101, &encrypted)).await;
    assert_eq!(put(&site, &pending.raw, encrypted).await, 200);
    assert_eq!(site.current().await["attributes"]["serial"], 101);
}
