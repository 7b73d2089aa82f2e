use carnet_creds::AdapterDefinition;
use serde_json::{Value, json};

use super::Site;
use crate::adapters::ServerAdapter;
use crate::app::Settings;
use crate::testing::{FakeAgent, Project, TestServer, URL, adapter_document};

const PATH: &str = "/api/carnet/v1/organizations/acme/adapters";

fn body(definition: &str) -> Value {
    json!({ "data": { "type": "adapters", "attributes": { "definition": definition } } })
}

/// Stores the document under this name; returns the status and the answer.
async fn put(server: &TestServer, token: &str, name: &str, definition: &str) -> (u16, Value) {
    server.request("PUT", &format!("{PATH}/{name}"), token, body(definition)).await
}

/// What the answer is about and why the definition was refused.
fn refusal(answer: &Value) -> (&str, &str) {
    let error = &answer["errors"][0];
    (error["source"]["pointer"].as_str().unwrap_or_default(), error["detail"].as_str().unwrap_or_default())
}

async fn with_server_adapters(documents: &[String]) -> TestServer {
    let adapter = |document: &String| ServerAdapter {
        document: document.clone(),
        definition: AdapterDefinition::parse(document).expect("an adapter"),
    };
    let adapters = documents.iter().map(adapter).collect();
    TestServer::with_settings(Settings { adapters, ..Settings::new(URL) }).await
}

#[tokio::test]
async fn an_adapter_is_made_replaced_read_and_removed() {
    let site = Site::new().await;
    let (first, second) = (adapter_document("snow", "Snow"), adapter_document("snow", "Snow again"));
    let (status, answer) = put(&site.server, &site.owner, "snow", &first).await;
    assert_eq!((status, &answer["data"]["attributes"]["definition"]), (201, &json!(first)), "{answer}");
    site.server.advance(std::time::Duration::from_secs(60));
    let (status, answer) = put(&site.server, &site.owner, "snow", &second).await;
    assert_eq!(status, 200);
    assert_eq!((&answer["data"]["type"], &answer["data"]["id"]), (&json!("adapters"), &json!("snow")));
    let one = format!("{PATH}/snow");
    let (status, found) = site.server.request("GET", &one, &site.owner, Value::Null).await;
    assert_eq!((status, &found), (200, &answer));
    assert_eq!(
        found["data"]["attributes"],
        json!({
            "definition": second, "created-at": "2026-01-05T10:00:00Z", "updated-at": "2026-01-05T10:01:00Z",
        })
    );
    let (_, listed) = site.server.request("GET", PATH, &site.owner, Value::Null).await;
    assert_eq!(listed["data"], json!([found["data"]]));
    assert_eq!(site.server.request("DELETE", &one, &site.owner, Value::Null).await.0, 204);
    assert_eq!(site.server.request("DELETE", &one, &site.owner, Value::Null).await.0, 404);
    assert_eq!(site.server.request("GET", &one, &site.owner, Value::Null).await.0, 404);
}

#[tokio::test]
async fn another_organization_sees_and_changes_nothing() {
    let site = Site::new().await;
    let document = adapter_document("snow", "Snow");
    assert_eq!(put(&site.server, &site.owner, "snow", &document).await.0, 201);
    let (user, other) = site.server.user("bob").await;
    site.server.organization("beta", &user).await;
    for method in ["GET", "PUT", "DELETE"] {
        let path = format!("{PATH}/snow");
        let body = if method == "PUT" { body(&document) } else { Value::Null };
        assert_eq!(site.server.request(method, &path, &other, body).await.0, 404, "{method}");
    }
    assert_eq!(site.server.request("GET", PATH, &other, Value::Null).await.0, 404);
    let beta = "/api/carnet/v1/organizations/beta/adapters";
    let (_, listed) = site.server.request("GET", beta, &other, Value::Null).await;
    assert_eq!((&listed["data"], &listed["meta"]["pagination"]["total-count"]), (&json!([]), &json!(0)));
    assert_eq!(site.server.request("GET", &format!("{PATH}/snow"), &site.owner, Value::Null).await.0, 200);
}

#[tokio::test]
async fn a_document_that_is_no_adapter_of_this_name_is_refused() {
    let site = Site::new().await;
    let document = adapter_document("snow", "Snow");
    let long = format!("{document}\n# {}", "x".repeat(64 * 1024));
    for (definition, expected) in [
        ("name = ".to_owned(), "line 1"),
        (document.replace("token = \"phase\"", "token = \"guess\""), "line 5, column 9"),
        (adapter_document("rain", "Rain"), r#"the document is of the adapter "rain", the path of "snow""#),
        (long, "64 KiB"),
        (String::new(), "name"),
    ] {
        let (status, answer) = put(&site.server, &site.owner, "snow", &definition).await;
        assert_eq!(status, 422, "{answer}");
        let (pointer, detail) = refusal(&answer);
        assert_eq!(pointer, "/data/attributes/definition");
        assert!(detail.contains(expected), "{detail}");
    }
    let many = (0..30).map(|number| format!("e{number} = \"{{{{ nothing }}}}\"\n")).collect::<String>();
    let (_, answer) = put(&site.server, &site.owner, "snow", &format!("{document}{many}")).await;
    let lines: Vec<&str> = refusal(&answer).1.lines().collect();
    assert_eq!(lines.len(), 21, "{lines:?}");
    assert!(lines[20].starts_with("and ") && lines[20].ends_with(" more"), "{lines:?}");
    let path = format!("{PATH}/snow");
    for (attributes, expected) in [(json!({}), 422), (json!({ "definition": 7 }), 422)] {
        let body = json!({ "data": { "attributes": attributes } });
        assert_eq!(site.server.request("PUT", &path, &site.owner, body).await.0, expected);
    }
    assert_eq!(site.server.send("PUT", &path, &site.owner, b"{".to_vec()).await.status, 400);
    assert_eq!(site.server.request("GET", &path, &site.owner, Value::Null).await.0, 404);
}

#[tokio::test]
async fn adapters_that_cannot_stand_beside_each_other_are_refused() {
    let site = Site::on(with_server_adapters(&[adapter_document("snow", "Snow")]).await).await;
    let thief = |victim: &str| {
        adapter_document("thief", "Thief").replace("TFC_THIEF", &format!("TFC_{}", victim.to_uppercase()))
    };
    assert_eq!(put(&site.server, &site.owner, "rain", &adapter_document("rain", "Rain")).await.0, 201);
    for victim in ["snow", "rain"] {
        let (status, answer) = put(&site.server, &site.owner, "thief", &thief(victim)).await;
        assert_eq!(status, 422);
        let expected = format!("adapters \"thief\" and \"{victim}\" both read");
        assert!(refusal(&answer).1.starts_with(&expected), "{answer}");
    }
    let replacement = adapter_document("snow", "Snow of ours");
    assert_eq!(put(&site.server, &site.owner, "snow", &replacement).await.0, 201);
}

#[tokio::test]
async fn an_organization_has_fifty_adapters_at_most() {
    let site = Site::new().await;
    for number in 0..50 {
        // No name may be another one with a tag.
        let name = format!("a{number:02}");
        assert_eq!(put(&site.server, &site.owner, &name, &adapter_document(&name, "A")).await.0, 201);
    }
    let (status, answer) = put(&site.server, &site.owner, "more", &adapter_document("more", "More")).await;
    assert_eq!((status, refusal(&answer)), (422, ("/data", "an organization has at most 50 adapters")));
    assert_eq!(put(&site.server, &site.owner, "a07", &adapter_document("a07", "Again")).await.0, 200);
    let page = format!("{PATH}?page%5Bsize%5D=30&page%5Bnumber%5D=2");
    let (_, listed) = site.server.request("GET", &page, &site.owner, Value::Null).await;
    assert_eq!(
        (listed["data"].as_array().map(Vec::len), &listed["data"][19]["id"]),
        (Some(20), &json!("a49"))
    );
}

#[tokio::test]
async fn a_job_gets_the_adapters_of_the_server_and_of_its_organization() {
    let (snow, rain, fog) =
        (adapter_document("snow", "Snow"), adapter_document("rain", "Rain"), adapter_document("fog", "Fog"));
    let project = Project::on(with_server_adapters(&[rain.clone(), snow.clone()]).await).await;
    let (user, other) = project.server.user("bob").await;
    project.server.organization("beta", &user).await;
    let path = "/api/carnet/v1/organizations/beta/adapters/sun";
    let sun = body(&adapter_document("sun", "Sun"));
    assert_eq!(project.server.request("PUT", path, &other, sun).await.0, 201);
    let agent = FakeAgent::new(&project.server).await;
    let claimed = async || {
        project.run_of(&project.configuration(true).await, json!({})).await;
        agent.claim().await.document["adapters"].clone()
    };
    assert_eq!(claimed().await, json!([rain, snow]));
    let ours = adapter_document("snow", "Snow of ours");
    assert_eq!(put(&project.server, &project.token, "snow", &ours).await.0, 201);
    assert_eq!(put(&project.server, &project.token, "fog", &fog).await.0, 201);
    assert_eq!(claimed().await, json!([rain, fog, ours]));
}
