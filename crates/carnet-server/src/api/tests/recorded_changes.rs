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

async fn newest_entry(site: &Site) -> Value {
    let page = send(site, "GET", &format!("{ACME}/ledger?limit=500"), Value::Null).await;
    page["entries"].as_array().expect("a list").last().expect("an entry")["entry"].clone()
}

/// What the newest entry says was there before and is there now.
async fn newest(site: &Site) -> [Value; 2] {
    let entry = newest_entry(site).await;
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

#[tokio::test]
async fn what_goes_on_after_a_rename_is_told_with_its_end() {
    let site = Site::new().await;
    let project = format!("/api/v2/projects/{}", site.workspace.project_id.as_str());
    let workspace = site.workspace_path("");
    for (path, kind, part, old, new) in [
        (workspace.as_str(), "workspaces", "workspace", "net", "net-2"),
        (project.as_str(), "projects", "project", "Default Project", "base"),
        ("/api/v2/organizations/acme", "organizations", "organization", "acme", "acme"),
    ] {
        let change = attributes(kind, json!({ "name": new, "keep-subject-days": 30 }));
        send(&site, "PATCH", path, change).await;
        let [before, after] = newest(&site).await;
        assert_eq!((&before["name"], &after["name"]), (&json!(old), &json!(new)), "{kind}");
        let kept = &after["subject-kept"];
        assert!(kept["until"].is_string() && before["subject-kept"].is_null(), "{kind}: {after}");
        let names = kept["names"].as_array().expect("a list");
        assert!(names.iter().any(|one| one["part"] == part && one["name"] == old), "{kind}: {after}");
    }
}

#[tokio::test]
async fn what_is_made_and_removed_is_told_by_its_name() {
    let site = Site::new().await;
    let made = send(
        &site,
        "POST",
        "/api/v2/organizations/acme/projects",
        attributes("projects", json!({ "name": "base" })),
    )
    .await;
    assert_eq!(newest(&site).await, [Value::Null, json!({ "name": "base", "project": null })]);
    let path = format!("/api/v2/projects/{}", made["data"]["id"].as_str().expect("an id"));
    send(&site, "DELETE", &path, Value::Null).await;
    assert_eq!(newest(&site).await, [json!({ "name": "base", "project": null }), Value::Null]);
    let all = "/api/v2/organizations/acme/workspaces";
    let made = send(&site, "POST", all, attributes("workspaces", json!({ "name": "dns" }))).await;
    let [before, after] = newest(&site).await;
    assert_eq!((before, &after["name"]), (Value::Null, &json!("dns")));
    let path = format!("/api/v2/workspaces/{}", made["data"]["id"].as_str().expect("an id"));
    send(&site, "DELETE", &path, Value::Null).await;
    assert_eq!(newest(&site).await, [after, Value::Null]);
    let body = attributes("organizations", json!({ "name": "umbrella", "email": "a@example.com" }));
    send(&site, "POST", "/api/v2/organizations", body).await;
    let ledger =
        send(&site, "GET", "/api/carnet/v1/organizations/umbrella/ledger?limit=500", Value::Null).await;
    let entries = ledger["entries"].as_array().expect("a list");
    let is_named = |one: &Value| one["entry"]["after"].as_str().is_some_and(|text| text.contains("umbrella"));
    assert!(entries.iter().any(is_named), "{ledger}");
}

#[tokio::test]
async fn variables_and_their_sets_are_told_with_where_they_count() {
    let site = Site::new().await;
    let role = || json!({ "key": "TFC_VAULT_RUN_ROLE", "value": "deployer", "category": "env" });
    send(&site, "POST", &site.workspace_path("/vars"), attributes("vars", role())).await;
    let entry = newest_entry(&site).await;
    assert_eq!(entry["workspace"], json!(site.workspace.id.as_str()), "{entry}");

    let sets = "/api/v2/organizations/acme/varsets";
    let made = send(&site, "POST", sets, attributes("varsets", json!({ "name": "vault" }))).await;
    let set = made["data"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(newest(&site).await[1]["name"], json!("vault"));
    let vars = format!("/api/v2/varsets/{set}/relationships/vars");
    let made = send(&site, "POST", &vars, attributes("vars", role())).await;
    let variable = made["data"]["id"].as_str().expect("an id");
    assert_eq!(newest_entry(&site).await["variable_set"], json!(set));
    send(&site, "DELETE", &format!("{vars}/{variable}"), Value::Null).await;
    assert_eq!(newest_entry(&site).await["variable_set"], json!(set));

    let var =
        |key: &str| json!({ "type": "vars", "attributes": { "key": key, "value": "x", "category": "env" } });
    let with_two = json!({ "data": { "type": "varsets", "attributes": { "name": "two" }, "relationships": {
        "vars": { "data": [var("TFC_VAULT_ADDR"), var("TFC_VAULT_NAMESPACE")] },
    } } });
    let made = send(&site, "POST", sets, with_two).await;
    assert_eq!(newest_entry(&site).await["variable_set"], made["data"]["id"], "named once");

    let (workspace, project) = (site.workspace.id.as_str(), site.workspace.project_id.as_str());
    for (place, id) in [("workspaces", workspace), ("projects", project)] {
        let path = format!("/api/v2/varsets/{set}/relationships/{place}");
        let given = || json!({ "data": [{ "type": place, "id": id }] });
        let told = json!({ "name": "vault", place: [id] });
        send(&site, "POST", &path, given()).await;
        assert_eq!(newest(&site).await, [Value::Null, told.clone()]);
        send(&site, "DELETE", &path, given()).await;
        assert_eq!(newest(&site).await, [told, Value::Null]);
    }
}
