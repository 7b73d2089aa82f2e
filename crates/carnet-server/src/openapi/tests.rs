//! The document is complete, and so is the page of it.

use std::collections::BTreeSet;
use std::path::Path;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::conformance::{conforms, is_apart};
use super::{document, resources};
use crate::routes;
use crate::testing::{Answer, TestServer};

fn described() -> BTreeSet<(String, String)> {
    let families = resources::families();
    let operations = families.iter().flat_map(|family| &family.operations);
    operations
        .map(|operation| operation.key())
        .map(|(method, path)| (path.to_owned(), method.to_ascii_uppercase()))
        .collect()
}

#[test]
fn every_route_is_described_and_every_description_has_a_route() {
    let described = described();
    let routes: BTreeSet<(String, String)> = routes()
        .into_iter()
        .filter(|route| !is_apart(&route.path))
        .map(|route| (route.path, route.method.to_string()))
        .collect();
    let missing: Vec<_> = routes.difference(&described).collect();
    let left_over: Vec<_> = described.difference(&routes).collect();
    assert!(left_over.is_empty(), "openapi/resources describes what is no route: {left_over:#?}");
    assert!(missing.is_empty(), "openapi/resources says nothing of: {missing:#?}");
}

#[test]
fn nothing_is_described_twice() {
    let families = resources::families();
    let (mut operations, mut names, mut kinds) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for family in &families {
        for operation in &family.operations {
            assert!(operations.insert(operation.key()), "{:?} is described twice", operation.key());
            assert!(names.insert(operation.id()), "two operations are called {}", operation.id());
        }
        for (name, _) in family.types.iter().flat_map(super::resource::ResourceType::schemas) {
            assert!(kinds.insert(name.clone()), "two schemas are called {name}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut waiting = vec![&document];
    while let Some(value) = waiting.pop() {
        if let Some(pointer) = value.get("$ref").and_then(Value::as_str) {
            let found = document.pointer(pointer.trim_start_matches('#'));
            assert!(found.is_some(), "{pointer} leads nowhere");
        }
        waiting.extend(value.as_object().into_iter().flat_map(|object| object.values()));
        waiting.extend(value.as_array().into_iter().flatten());
    }
}

#[track_caller]
fn check_ssh_key(status: u16, media_type: &str, body: &Value, expected: Option<&str>) {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, media_type.parse().expect("a media type"))]);
    let answer = Answer { status, headers, body: serde_json::to_vec(body).expect("JSON") };
    let found = conforms("GET", "/api/v2/ssh-keys/sshkey-1?page=1", &answer);
    match (found, expected) {
        (Ok(()), None) => {}
        (Err(found), Some(expected)) => assert!(found.contains(expected), "{found}"),
        (found, expected) => panic!("{found:?} is not {expected:?}"),
    }
}

#[test]
fn an_answer_that_is_not_described_is_noticed() {
    let json_api = "application/vnd.api+json";
    let key = |attributes: Value| json!({ "data": { "id": "sshkey-1", "type": "ssh-keys", "attributes": attributes } });
    let right = key(json!({ "name": "deploy", "created-at": "2026-01-05T10:00:00Z" }));
    check_ssh_key(200, json_api, &right, None);
    check_ssh_key(201, json_api, &right, Some("the status is not listed"));
    check_ssh_key(200, "application/json", &right, Some("the media type"));
    let named = key(json!({ "name": "deploy" }));
    check_ssh_key(200, json_api, &named, Some("\"created-at\" is a required property"));
    let nameless = key(json!({ "name": null, "created-at": "2026-01-05T10:00:00Z" }));
    check_ssh_key(200, json_api, &nameless, Some("at \"/data/attributes/name\""));
    let timeless = key(json!({ "name": "deploy", "created-at": "yesterday" }));
    check_ssh_key(200, json_api, &timeless, Some("date-time"));
    let open = key(json!({ "name": "deploy", "created-at": "2026-01-05T10:00:00Z", "value": "secret" }));
    check_ssh_key(200, json_api, &open, Some("'value' was unexpected"));
    let other = json!({ "data": { "id": "sshkey-1", "type": "keys", "attributes": {} } });
    check_ssh_key(200, json_api, &other, Some("at \"/data/type\""));
    check_ssh_key(404, json_api, &json!({ "errors": [{ "status": "404", "title": "not found" }] }), None);
    check_ssh_key(404, json_api, &json!({ "errors": [] }), Some("at \"/errors\""));
    let mut more = right;
    more["included"] = json!([{ "id": "user-1", "type": "users", "attributes": {} }]);
    check_ssh_key(200, json_api, &more, Some("in /included/0"));
}

#[tokio::test]
async fn anybody_reads_the_document() {
    let server = TestServer::new().await;
    let (status, served) = server.request("GET", "/api/v2/openapi.json", "", Value::Null).await;
    assert_eq!((status, served), (200, document()));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the switch of this test")]
fn the_reference_of_the_api_is_up_to_date() {
    let mut text = serde_json::to_string_pretty(&document()).expect("JSON");
    text.push('\n');
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
    if std::env::var("UPDATE_REFERENCE").is_ok() {
        std::fs::write(&page, &text).expect("the page can be written");
    }
    let found = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(
        found == text,
        "docs/reference/openapi.json is stale; run UPDATE_REFERENCE=1 cargo test -p carnet-server openapi"
    );
}
