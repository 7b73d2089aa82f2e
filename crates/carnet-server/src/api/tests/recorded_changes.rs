//! What the ledger tells of a change: what was there before, and what is there now.

use serde_json::{Value, json};

use super::Site;
use crate::testing::adapter_document;

const ACME: &str = "/api/carnet/v1/organizations/acme";

async fn send(site: &Site, method: &str, path: &str, body: Value) -> Value {
    let (status, answer) = site.server.request(method, path, &site.owner, body).await;
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    answer
}

fn attributes(kind: &str, attributes: Value) -> Value {
    json!({ "data": { "type": kind, "attributes": attributes } })
}

/// What the newest entry says was there before and is there now.
async fn newest(site: &Site) -> [Value; 2] {
    let page = send(site, "GET", &format!("{ACME}/ledger?limit=500"), Value::Null).await;
    let entry = page["entries"].as_array().expect("a list").last().expect("an entry")["entry"].clone();
    ["before", "after"].map(|name| match entry[name].as_str() {
        Some(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        None => Value::Null,
    })
}

#[tokio::test]
async fn names_and_subjects_are_told() {
    let site = Site::new().await;
    let workspace = site.workspace_path("");
    send(&site, "PATCH", &workspace, attributes("workspaces", json!({ "name": "net-2" }))).await;
    let [before, after] = newest(&site).await;
    assert_eq!((&before["name"], &after["name"]), (&json!("net"), &json!("net-2")));
    assert_eq!(before["project"], after["project"]);
    send(&site, "PATCH", &workspace, attributes("workspaces", json!({ "description": "x" }))).await;
    assert_eq!(newest(&site).await, [Value::Null, Value::Null], "no name has changed");

    let settings = format!("{ACME}/subject-settings");
    let template = |text: &str| attributes("subject-settings", json!({ "template": text }));
    send(&site, "PUT", &settings, template("short")).await;
    let [before, first] = newest(&site).await;
    assert_eq!(before, Value::Null);
    assert!(first["template"].as_str().expect("a text").starts_with("{workspace.name@id}"), "{first}");
    send(&site, "PUT", &settings, template("hcp")).await;
    let [before, second] = newest(&site).await;
    assert_eq!(before, first);
    assert!(second["template"].as_str().expect("a text").starts_with("organization:"), "{second}");
    send(&site, "DELETE", &settings, Value::Null).await;
    assert_eq!(newest(&site).await, [second, Value::Null]);

    let grace = format!("/api/carnet/v1/workspaces/{}/subject-grace", site.workspace.id.as_str());
    send(&site, "POST", &grace, attributes("subject-graces", json!({ "days": 3 }))).await;
    let [before, kept] = newest(&site).await;
    assert_eq!((before, kept["names"].as_array().map(Vec::len)), (Value::Null, Some(3)));
    send(&site, "DELETE", &grace, Value::Null).await;
    assert_eq!(newest(&site).await, [kept, Value::Null]);
}

#[tokio::test]
async fn teams_and_their_access_are_told() {
    let site = Site::new().await;
    let teams = "/api/v2/organizations/acme/teams";
    let access = |names: Value| json!({ "name": "net-team", "organization-access": names });
    let made = send(&site, "POST", teams, attributes("teams", access(json!({})))).await;
    let team = made["data"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(newest(&site).await, [Value::Null, json!({ "name": "net-team", "organization-access": [] })]);
    let path = format!("/api/v2/teams/{team}");
    send(&site, "PATCH", &path, attributes("teams", access(json!({ "manage-projects": true })))).await;
    let [before, after] = newest(&site).await;
    assert_eq!(before["organization-access"], json!([]));
    let given = after["organization-access"].as_array().expect("a list").clone();
    assert!(given.contains(&json!("manage-projects")), "{given:?}");

    let grant = json!({ "data": { "type": "team-workspaces", "attributes": { "access": "read" }, "relationships": {
        "team": { "data": { "type": "teams", "id": team } },
        "workspace": { "data": { "type": "workspaces", "id": site.workspace.id.as_str() } },
    } } });
    let made = send(&site, "POST", "/api/v2/team-workspaces", grant).await;
    let [before, read] = newest(&site).await;
    assert_eq!((before, &read["access"], &read["team"]), (Value::Null, &json!("read"), &json!(team)));
    assert_eq!(read["workspace"], json!(site.workspace.id.as_str()));
    let path = format!("/api/v2/team-workspaces/{}", made["data"]["id"].as_str().expect("an id"));
    send(&site, "PATCH", &path, attributes("team-workspaces", json!({ "access": "write" }))).await;
    let [before, write] = newest(&site).await;
    assert_eq!((&before, &write["access"]), (&read, &json!("write")));
    send(&site, "DELETE", &path, Value::Null).await;
    assert_eq!(newest(&site).await, [write, Value::Null]);
}

#[tokio::test]
async fn adapters_are_told_as_they_were_written() {
    let site = Site::new().await;
    let path = format!("{ACME}/adapters/snow");
    let [first, second] = ["Snow", "Snow again"].map(|title| adapter_document("snow", title));
    for document in [&first, &second] {
        send(&site, "PUT", &path, attributes("adapters", json!({ "definition": document }))).await;
    }
    assert_eq!(newest(&site).await, [json!(first), json!(second)]);
    send(&site, "DELETE", &path, Value::Null).await;
    assert_eq!(newest(&site).await, [json!(second), Value::Null]);
}
