//! Snapshots of a long local apply: seen in the list, current when the workspace is unlocked.

use serde_json::{Value, json};

use super::Site;
use super::state_versions::{state, whole};
use crate::state::file::md5_hex;

const CLOUD: [(&str, &str); 1] = [("x-terraform-integration", "cloud")];

/// A workspace that the CLI has locked for a command.
async fn locked_by_the_cli(site: &Site) {
    let path = site.workspace_path("/actions/lock");
    let body = json!({ "data": { "type": "", "attributes": { "reason": "Locked by Terraform" } } });
    assert_eq!(site.server.request("POST", &path, &site.owner, body).await.0, 200);
}

/// Announces a state as the CLI does and uploads it; yields its id.
async fn snapshot(site: &Site, serial: i64, text: &str) -> Value {
    let attributes = json!({ "serial": serial, "md5": md5_hex(text.as_bytes()), "lineage": "l-1" });
    let body = json!({ "data": { "type": "state-versions", "attributes": attributes } }).to_string();
    let path = site.workspace_path("/state-versions");
    let answer = site.server.send_with("POST", &path, &site.owner, &CLOUD, body.into_bytes()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.headers["x-terraform-snapshot-interval"], "20");
    let made = answer.json();
    let url = made["data"]["attributes"]["hosted-state-upload-url"].as_str().expect("an address");
    assert_eq!(site.server.send("PUT", url, "", text.as_bytes().to_vec()).await.status, 200);
    made["data"]["id"].clone()
}

async fn list(site: &Site) -> Vec<(Value, Value)> {
    let query =
        "filter[organization][name]=acme&filter[workspace][name]=net".replace('[', "%5B").replace(']', "%5D");
    let path = format!("/api/v2/state-versions?{query}");
    let (status, answer) = site.server.request("GET", &path, &site.owner, Value::Null).await;
    assert_eq!(status, 200);
    let versions = answer["data"].as_array().expect("a list").iter();
    versions
        .map(|one| (one["attributes"]["serial"].clone(), one["attributes"]["intermediate"].clone()))
        .collect()
}

async fn resource_count(site: &Site) -> Value {
    let (_, answer) = site.server.request("GET", &site.workspace_path(""), &site.owner, Value::Null).await;
    answer["data"]["attributes"]["resource-count"].clone()
}

#[tokio::test]
async fn the_interval_is_told_where_the_cli_reads_it() {
    let site = Site::new().await;
    let path = site.workspace_path("/current-state-version");
    for status in [404, 200] {
        let answer = site.server.call("GET", &path, &site.owner, Value::Null).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers["x-terraform-snapshot-interval"], "20");
        assert_eq!(answer.headers["content-type"], "application/vnd.api+json");
        if status == 404 {
            site.lock().await;
            assert_eq!(site.post_state(whole(1, &state(1, "l-1", "x"))).await.0, 201);
        }
    }
}

#[tokio::test]
async fn the_last_snapshot_becomes_current_at_unlock() {
    let site = Site::new().await;
    locked_by_the_cli(&site).await;
    snapshot(&site, 1, &state(1, "l-1", "first")).await;
    assert_eq!(site.current().await, Value::Null);
    assert_eq!(resource_count(&site).await, 0);
    let last = snapshot(&site, 2, &state(2, "l-1", "second")).await;
    assert_eq!(list(&site).await, [(json!(2), json!(true)), (json!(1), json!(true))]);
    // Both can be read before.
    let url = format!("/api/v2/state-versions/{}/download", last.as_str().expect("an id"));
    assert_eq!(
        site.server.call("GET", &url, &site.owner, Value::Null).await.text(),
        state(2, "l-1", "second")
    );

    assert_eq!(site.unlock().await.0, 200);
    assert_eq!(site.current().await["id"], last);
    assert_eq!(resource_count(&site).await, 2);
    assert_eq!(list(&site).await, [(json!(2), json!(false)), (json!(1), json!(true))]);

    // The next command starts from there and leaves nothing behind.
    locked_by_the_cli(&site).await;
    assert_eq!(site.current().await["id"], last);
    let next = snapshot(&site, 3, &state(3, "l-1", "third")).await;
    assert_eq!(site.unlock().await.0, 200);
    assert_eq!(site.current().await["id"], next);
}

#[tokio::test]
async fn a_broken_lock_keeps_the_last_snapshot() {
    let site = Site::new().await;
    locked_by_the_cli(&site).await;
    let last = snapshot(&site, 1, &state(1, "l-1", "first")).await;
    // The next one was announced and never came.
    let text = state(2, "l-1", "second");
    let announced = json!({ "serial": 2, "md5": md5_hex(text.as_bytes()) });
    let (_, waiting) = site.post_state(announced).await;
    let path = site.workspace_path("/actions/force-unlock");
    assert_eq!(site.server.request("POST", &path, &site.owner, json!({})).await.0, 200);
    assert_eq!(site.current().await["id"], last);
    // Its writer has lost the lock and is told so, so that it keeps the state.
    let url = waiting["data"]["attributes"]["hosted-state-upload-url"].as_str().expect("an address");
    assert_eq!(site.server.send("PUT", url, "", text.into_bytes()).await.status, 404);
    assert_eq!(site.current().await["id"], last);
}

#[tokio::test]
async fn a_state_must_follow_the_last_snapshot() {
    let site = Site::new().await;
    locked_by_the_cli(&site).await;
    snapshot(&site, 3, &state(3, "l-1", "first")).await;
    for serial in [2, 3] {
        assert_eq!(site.post_state(whole(serial, &state(serial, "l-1", "other"))).await.0, 409, "{serial}");
    }
    let foreign = state(4, "l-2", "other");
    assert_eq!(site.post_state(whole(4, &foreign)).await.0, 409);
    // A whole state is nothing to wait for: it is current at once, and the snapshot before it is passed.
    assert_eq!(site.post_state(whole(4, &state(4, "l-1", "whole"))).await.0, 201);
    assert_eq!(site.current().await["attributes"]["serial"], 4);
    assert_eq!(site.unlock().await.0, 200);
    assert_eq!(site.current().await["attributes"]["serial"], 4);
}

#[tokio::test]
async fn a_lock_by_hand_makes_no_snapshots() {
    let site = Site::new().await;
    site.lock().await;
    let id = snapshot(&site, 1, &state(1, "l-1", "first")).await;
    assert_eq!(site.current().await["id"], id);
    assert_eq!(list(&site).await, [(json!(1), json!(false))]);
}
