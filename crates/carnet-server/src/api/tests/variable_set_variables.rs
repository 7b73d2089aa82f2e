use serde_json::{Value, json};

use super::Site;
use super::variable_sets::{SETS, document, global, id, named, references, variable};
use crate::routes;
use crate::testing::{FakeAgent, Project};

#[tokio::test]
async fn a_variable_of_a_set_lives_as_one_of_a_workspace() {
    let site = Site::new().await;
    let path = format!("{}/relationships/vars", site.set(named("clouds")).await);
    let (status, made) = site.send("POST", &path, json!({ "data": variable("REGION", "eu", false) })).await;
    assert_eq!((status, &made["data"]["attributes"]["value"]), (201, &json!("eu")));
    assert_eq!(made["data"]["relationships"]["varset"]["data"]["type"], "varsets");
    let again = json!({ "data": variable("REGION", "us", false) });
    assert_eq!(site.refused("POST", &path, again).await, "Key has already been taken");
    let one = format!("{path}/{}", id(&made));
    let body = json!({ "data": { "attributes": { "value": "us" } } });
    let (_, changed) = site.send("PATCH", &one, body).await;
    assert_eq!(changed["data"]["attributes"]["value"], "us");
    assert_ne!(changed["data"]["attributes"]["version-id"], made["data"]["attributes"]["version-id"]);
    assert_eq!(site.read(&path).await["data"][0]["id"], made["data"]["id"]);
    let elsewhere = [
        site.workspace_path(&format!("/vars/{}", id(&made))),
        format!("{}/relationships/vars/{}", site.set(named("others")).await, id(&made)),
    ];
    for path in elsewhere {
        assert_eq!(site.send("GET", &path, Value::Null).await.0, 404);
        assert_eq!(site.send("DELETE", &path, Value::Null).await.0, 404);
    }
    assert_eq!(site.send("DELETE", &one, Value::Null).await.0, 204);
    assert_eq!(site.send("GET", &one, Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_sensitive_value_of_a_set_is_never_answered_and_every_value_is_sealed() {
    let site = Site::new().await;
    let path = site.set(global("clouds")).await;
    let vars = format!("{path}/relationships/vars");
    let (_, made) =
        site.send("POST", &vars, json!({ "data": variable("TOKEN", "hunter2-secret", true) })).await;
    site.send("POST", &vars, json!({ "data": variable("REGION", "hunter2-shown", false) })).await;
    let one = format!("{vars}/{}", id(&made));
    for (name, value) in [("sensitive", json!(false)), ("key", json!("OTHER")), ("hcl", json!(true))] {
        site.refused("PATCH", &one, json!({ "data": { "attributes": { name: value } } })).await;
    }
    let all = [vars, one, format!("{path}?include=vars"), site.workspace_path("/all-vars")];
    for path in all.into_iter().chain([format!("{SETS}?include=vars")]) {
        let answer = site.server.call("GET", &path, &site.owner, Value::Null).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains("TOKEN"), "{path}");
        assert!(!answer.text().contains("hunter2-secret"), "{path}");
    }
    assert!(!site.server.holds("hunter2").await);
}

#[tokio::test]
async fn all_variables_tell_where_they_stand_and_what_they_overwrite() {
    let site = Site::new().await;
    let with = |name: &str, is_global: bool, has_priority: bool, workspaces: &[&str], vars: Vec<Value>| {
        let attributes = json!({ "name": name, "global": is_global, "priority": has_priority });
        let relations =
            json!({ "workspaces": references("workspaces", workspaces), "vars": { "data": vars } });
        document(attributes, relations)
    };
    let region = |value: &str| variable("REGION", value, false);
    let workspace = site.workspace.id.as_str();
    site.set(with("all", true, false, &[], vec![region("1"), variable("ZONE", "a", false)])).await;
    site.set(with("b", false, false, &[workspace], vec![region("2")])).await;
    site.set(with("a", false, false, &[workspace], vec![region("3")])).await;
    site.set(with("first", false, true, &[workspace], vec![region("5")])).await;
    let own = json!({ "data": region("4") });
    assert_eq!(site.send("POST", &site.workspace_path("/vars"), own).await.0, 201);
    let listed = site.read(&site.workspace_path("/all-vars")).await;
    let told = |place: usize| {
        let found = &listed["data"][place]["attributes"];
        json!([found["key"], found["value"], found["origin"], found["overwrites"]])
    };
    let overwritten =
        ["workspace \"net\"", "variable set \"a\"", "variable set \"b\"", "variable set \"all\""];
    assert_eq!(told(0), json!(["REGION", "5", "variable set \"first\"", overwritten]));
    assert_eq!(told(1), json!(["ZONE", "a", "variable set \"all\"", []]));
    assert_eq!(listed["meta"]["pagination"]["total-count"], 2);
}

#[tokio::test]
async fn strangers_and_runs_find_no_variable_sets() {
    let site = Site::new().await;
    let vars = json!({ "vars": { "data": [variable("REGION", "eu", false)] } });
    let path = site.set(document(json!({ "name": "clouds", "global": true }), vars)).await;
    let variable = site.read(&path).await["data"]["relationships"]["vars"]["data"][0]["id"].clone();
    let mut checked = 0;
    for route in routes().iter().filter(|route| route.path.contains("varset")) {
        let path = route
            .path
            .replace("{organization}", "acme")
            .replace("{workspace}", site.workspace.id.as_str())
            .replace("{project}", site.organization.default_project_id.as_str())
            .replace("/api/v2/varsets/{variable_set}", &path)
            .replace("{variable}", variable.as_str().expect("an id"));
        let body = match route.method.as_str() {
            "GET" => Value::Null,
            _ if ["/workspaces", "/projects", "/stacks"].iter().any(|end| path.ends_with(end)) => {
                json!({ "data": [] })
            }
            _ => json!({ "data": { "attributes": { "name": "other", "key": "a", "category": "env" } } }),
        };
        let (status, _) = site.server.request(route.method.as_str(), &path, &site.stranger, body).await;
        assert_eq!(status, 404, "{} {path}", route.method);
        checked += 1;
    }
    assert_eq!(checked, 20);
    assert_eq!(site.read(&path).await["data"]["attributes"]["name"], "clouds");
}

#[tokio::test]
async fn the_token_of_a_run_reads_no_variable_set() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    let job = agent.claim().await;
    let token = job.document["run_token"].as_str().expect("a token");
    let path = format!("/api/v2/workspaces/{}", project.workspace.id);
    for (rest, expected) in [("", 200), ("/varsets", 404), ("/applicable-varsets", 404), ("/all-vars", 404)] {
        let (status, _) = project.server.request("GET", &format!("{path}{rest}"), token, Value::Null).await;
        assert_eq!(status, expected, "{rest}");
    }
}
