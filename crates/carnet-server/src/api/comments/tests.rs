use serde_json::{Value, json};

use crate::api::run_actions::tests::{member, organization_token};
use crate::testing::Project;

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn body(text: &str) -> Value {
    json!({ "data": { "type": "comments", "attributes": { "body": text } } })
}

#[tokio::test]
async fn a_comment_is_an_event_with_its_author() {
    let project = Project::new().await;
    let run = project.run(json!({})).await;
    let path = format!("/api/v2/runs/{}/comments", text(&run["id"]));
    assert_eq!(project.get(&path).await["data"], json!([]));
    let mut ids = Vec::new();
    for words in ["one", "two", "three"] {
        let (status, made) = project.server.request("POST", &path, &project.token, body(words)).await;
        assert_eq!(status, 201, "{made}");
        assert_eq!(
            (&made["data"]["type"], &made["data"]["attributes"]["body"]),
            (&json!("comments"), &json!(words))
        );
        ids.push(made["data"]["id"].clone());
    }
    let listed = project.get(&format!("{path}?page%5Bsize%5D=2")).await;
    assert_eq!((&listed["data"][0]["id"], &listed["data"][1]["id"]), (&ids[0], &ids[1]));
    assert_eq!(listed["meta"]["pagination"]["total-count"], 3);
    let shown = project.get(&format!("/api/v2/comments/{}", text(&ids[0]))).await["data"].clone();
    assert_eq!(shown["id"], ids[0]);

    let events = project.get(&format!("/api/v2/runs/{}/run-events", text(&run["id"]))).await;
    let events = events["data"].as_array().expect("a list");
    let commented: Vec<_> =
        events.iter().filter(|event| event["attributes"]["action"] == "commented").collect();
    assert_eq!(commented.len(), 3);
    assert_eq!(commented[0]["relationships"]["comment"]["data"], json!({ "id": ids[0], "type": "comments" }));
    assert!(commented[0]["relationships"]["actor"]["data"]["id"].is_string());
    assert_eq!(shown["relationships"]["run-event"]["data"]["id"], commented[0]["id"]);
    let event = format!("/api/v2/run-events/{}?include=actor,comment,run", text(&commented[0]["id"]));
    let event = project.get(&event).await;
    let kinds: Vec<&str> =
        event["included"].as_array().expect("a list").iter().map(|one| text(&one["type"])).collect();
    assert_eq!(kinds, ["users", "comments"]);
    let run = project.get(&format!("/api/v2/runs/{}", text(&run["id"]))).await;
    assert_eq!(run["data"]["relationships"]["comments"]["data"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn who_may_plan_comments_and_a_comment_has_words() {
    let project = Project::new().await;
    let run = project.run(json!({})).await;
    let path = format!("/api/v2/runs/{}/comments", text(&run["id"]));
    let planner = member(&project, "paula", "plan").await;
    let reader = member(&project, "rita", "read").await;
    let nobody = member(&project, "nora", "none").await;
    let token = organization_token(&project).await;
    for (token, expected) in [(&planner, 201), (&reader, 403), (&nobody, 404), (&token, 404)] {
        assert_eq!(project.server.request("POST", &path, token, body("x")).await.0, expected);
    }
    let comment = project.get(&path).await["data"][0]["id"].clone();
    let comment = format!("/api/v2/comments/{}", text(&comment));
    assert_eq!(project.server.request("GET", &comment, &reader, Value::Null).await.0, 200);
    assert_eq!(project.server.request("GET", &comment, &nobody, Value::Null).await.0, 404);
    for (words, detail) in [(" ".to_owned(), "Body can't be blank"), ("x".repeat(10_001), "longer than")] {
        let (status, answer) = project.server.request("POST", &path, &project.token, body(&words)).await;
        assert_eq!(status, 422);
        assert!(answer.to_string().contains(detail), "{answer}");
    }
}
