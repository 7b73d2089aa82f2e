use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::notifications::tests::{Hook, configure, project};
use crate::testing::Project;

fn body(attributes: Value) -> Value {
    json!({ "data": { "type": "notification-configurations", "attributes": attributes } })
}

fn hook_to(url: &str) -> Value {
    json!({ "name": "hook", "destination-type": "generic", "url": url, "enabled": false, "token": "hush-hush" })
}

async fn create(project: &Project, attributes: Value) -> (u16, Value) {
    let path = format!("/api/v2/workspaces/{}/notification-configurations", project.workspace.id);
    project.server.request("POST", &path, &project.token, body(attributes)).await
}

fn path_of(document: &Value) -> String {
    format!("/api/v2/notification-configurations/{}", document["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_configuration_lives_from_its_creation_to_its_end() {
    let project = project().await;
    let (status, made) = create(&project, hook_to("https://hooks.example.com/a")).await;
    assert_eq!(status, 201, "{made}");
    let path = path_of(&made["data"]);
    let attributes = &made["data"]["attributes"];
    assert_eq!((&attributes["token"], &attributes["triggers"]), (&Value::Null, &json!([])));
    assert_eq!((&attributes["enabled"], &attributes["delivery-responses"]), (&json!(false), &json!([])));
    let subscribable = &made["data"]["relationships"]["subscribable"]["data"];
    assert_eq!(subscribable, &json!({ "type": "workspaces", "id": project.workspace.id.as_str() }));

    let change = json!({ "name": "other", "triggers": ["run:errored", "run:errored", "assessment:drifted"] });
    let (status, changed) = project.server.request("PATCH", &path, &project.token, body(change)).await;
    assert_eq!((status, &changed["data"]["attributes"]["name"]), (200, &json!("other")));
    assert_eq!(changed["data"]["attributes"]["triggers"], json!(["run:errored", "assessment:drifted"]));
    assert_eq!(changed["data"]["attributes"]["url"], "https://hooks.example.com/a", "what is absent stays");
    let reset = body(json!({ "triggers": null }));
    let (_, reset) = project.server.request("PATCH", &path, &project.token, reset).await;
    assert_eq!(reset["data"]["attributes"]["triggers"], json!([]));

    let index = format!("/api/v2/workspaces/{}/notification-configurations", project.workspace.id);
    let listed = project.get(&index).await;
    assert_eq!(
        (&listed["data"][0]["id"], &listed["meta"]["pagination"]["total-count"]),
        (&made["data"]["id"], &json!(1))
    );
    assert!(!listed.to_string().contains("hush"), "the token is never shown");
    assert_eq!(project.server.request("DELETE", &path, &project.token, Value::Null).await.0, 204);
    assert_eq!(project.server.request("GET", &path, &project.token, Value::Null).await.0, 404);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_place() {
    let project = project().await;
    let url = "https://hooks.example.com/a";
    for (attributes, place, detail) in [
        (json!({ "destination-type": "generic", "url": url }), "name", "Name can't be blank"),
        (json!({ "name": "a", "url": url }), "destination-type", "Destination type can't be blank"),
        (json!({ "name": "a", "destination-type": "email" }), "destination-type", "sends no mail"),
        (
            json!({ "name": "a", "destination-type": "pigeon", "url": url }),
            "destination-type",
            "not included",
        ),
        (json!({ "name": "a", "destination-type": "generic" }), "url", "Url can't be blank"),
        (
            json!({ "name": "a", "destination-type": "generic", "url": "http://10.0.0.1/" }),
            "url",
            "on the internet",
        ),
        (json!({ "name": "a", "destination-type": "slack", "url": url, "token": "t" }), "token", "generic"),
        (
            json!({ "name": "a", "destination-type": "generic", "url": url, "triggers": ["x"] }),
            "triggers",
            "none of",
        ),
    ] {
        let (status, error) = create(&project, attributes).await;
        assert_eq!(status, 422, "{error}");
        assert_eq!(error["errors"][0]["source"]["pointer"], format!("/data/attributes/{place}"));
        let found = error["errors"][0]["detail"].as_str().expect("text");
        assert!(found.contains(detail), "{found}");
    }
    for attributes in
        [json!({ "triggers": "run:created" }), json!({ "enabled": "yes" }), json!({ "name": 1 })]
    {
        assert_eq!(create(&project, attributes).await.0, 422);
    }
}

#[tokio::test]
async fn only_a_destination_that_accepts_can_be_enabled() {
    let (project, hook) = (project().await, Hook::default());
    let url = hook.start().await;
    hook.answer(StatusCode::NOT_FOUND);
    let enabled = json!({ "name": "a", "destination-type": "generic", "url": url, "enabled": true });
    let (status, error) = create(&project, enabled).await;
    assert_eq!(status, 400, "{error}");
    let detail = error["errors"][0]["detail"].as_str().expect("text");
    assert!(
        detail.starts_with("Unable to complete verification request") && detail.contains("404"),
        "{detail}"
    );
    let index = format!("/api/v2/workspaces/{}/notification-configurations", project.workspace.id);
    assert_eq!(project.get(&index).await["data"], json!([]), "nothing was made");

    let (status, made) = create(&project, hook_to(&url)).await;
    assert_eq!(status, 201, "a disabled one is not tried");
    let path = path_of(&made["data"]);
    let enable = || body(json!({ "enabled": true }));
    assert_eq!(project.server.request("PATCH", &path, &project.token, enable()).await.0, 400);
    assert_eq!(project.get(&path).await["data"]["attributes"]["enabled"], false);
    hook.answer(StatusCode::OK);
    let (status, changed) = project.server.request("PATCH", &path, &project.token, enable()).await;
    assert_eq!((status, &changed["data"]["attributes"]["enabled"]), (200, &json!(true)));
    let answer = &changed["data"]["attributes"]["delivery-responses"][0];
    assert_eq!((&answer["code"], &answer["successful"]), (&json!("200"), &json!("true")));
    let tried = hook.bodies().len();
    let rename = body(json!({ "name": "b" }));
    assert_eq!(project.server.request("PATCH", &path, &project.token, rename).await.0, 200);
    assert_eq!(hook.bodies().len(), tried, "a new name needs no proof");
    let verification = hook.bodies().pop().expect("a payload");
    assert_eq!(verification["notifications"][0]["trigger"], "verification");
    assert_eq!(verification["run_id"], Value::Null);
}

#[tokio::test]
async fn a_destination_is_tried_on_request() {
    let (project, hook) = (project().await, Hook::default());
    let made = configure(&project, "generic", &hook.start().await).await;
    let path = format!("{}/actions/verify", path_of(&made));
    let (status, answer) = project.server.request("POST", &path, &project.token, Value::Null).await;
    assert_eq!((status, &answer["data"]["id"]), (200, &made["id"]));
    hook.answer(StatusCode::INTERNAL_SERVER_ERROR);
    project.server.advance(Duration::from_secs(1));
    assert_eq!(project.server.request("POST", &path, &project.token, Value::Null).await.0, 400);
    let shown = project.get(&path_of(&made)).await;
    assert_eq!(shown["data"]["attributes"]["delivery-responses"][0]["code"], "500", "failures are kept, too");
    assert_eq!(hook.bodies().len(), 3);
}

#[tokio::test]
async fn a_workspace_has_at_most_twenty() {
    let project = project().await;
    for _ in 0..20 {
        assert_eq!(create(&project, hook_to("https://hooks.example.com/a")).await.0, 201);
    }
    assert_eq!(create(&project, hook_to("https://hooks.example.com/a")).await.0, 422);
}

#[tokio::test]
async fn to_strangers_nothing_is_there() {
    let project = project().await;
    let (_, made) = create(&project, hook_to("https://hooks.example.com/a")).await;
    let (_, stranger) = project.server.user("stefan").await;
    let path = path_of(&made["data"]);
    let index = format!("/api/v2/workspaces/{}/notification-configurations", project.workspace.id);
    for (method, path) in [
        ("GET", index.clone()),
        ("POST", index),
        ("GET", path.clone()),
        ("PATCH", path.clone()),
        ("POST", format!("{path}/actions/verify")),
        ("DELETE", path),
    ] {
        let body = body(hook_to("https://hooks.example.com/a"));
        assert_eq!(project.server.request(method, &path, &stranger, body).await.0, 404, "{method} {path}");
    }
}

#[tokio::test]
async fn neither_token_nor_address_stand_in_the_database_in_the_clear() {
    let project = project().await;
    assert_eq!(create(&project, hook_to("https://hooks.example.com/very-secret-path")).await.0, 201);
    for secret in ["hush-hush", "very-secret-path"] {
        assert!(!project.server.holds(secret).await, "{secret}");
    }
}
