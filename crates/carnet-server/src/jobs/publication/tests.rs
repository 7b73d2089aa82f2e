use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use carnet_issuer::publish::Destination;
use carnet_model::{Confirmation, IssuerName, KeyState};
use serde_json::{Value, json};

use super::super::visibility::look_due;
use super::{Publication, publish_due};
use crate::app::{App, Settings};
use crate::oidc::Concern;
use crate::testing::{ADMIN, TestServer, URL};

async fn publishing(folder: &Path) -> (TestServer, Publication) {
    let text = folder.display().to_string();
    let destination = Destination::new(&text, &BTreeMap::new()).expect("a folder");
    let publication = Publication { destination };
    let settings = Settings { publication: Some(publication.clone()), ..Settings::new(URL) };
    (TestServer::with_settings(settings).await, publication)
}

fn jwks(folder: &Path) -> PathBuf {
    folder.join(".well-known/jwks")
}

fn kids(folder: &Path) -> Vec<String> {
    let document: Value =
        serde_json::from_slice(&std::fs::read(jwks(folder)).expect("a file")).expect("JSON");
    let keys = document["keys"].as_array().expect("a list").iter();
    keys.map(|key| key["kid"].as_str().expect("text").to_owned()).collect()
}

fn problem(app: &App) -> Option<String> {
    app.issuer.problems.of(&IssuerName::Site, Concern::Publication)
}

#[tokio::test]
async fn what_was_deleted_is_written_again_and_so_is_what_an_older_write_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, publication) = publishing(folder.path()).await;
    let mut written = HashMap::new();
    let mut work = async || publish_due(&server.app, &publication, &mut written).await.expect("readable");
    work().await;
    let older = std::fs::read(jwks(folder.path())).expect("a file");
    let first = kids(folder.path());

    std::fs::remove_file(jwks(folder.path())).expect("removed");
    work().await;
    assert!(!jwks(folder.path()).exists(), "it does not look all the time");
    server.advance(Duration::from_secs(300));
    work().await;
    assert_eq!(kids(folder.path()), first);

    let revoke = "/api/carnet/v1/admin/issuers/site/actions/revoke";
    let body = json!({ "data": { "type": "issuers", "attributes": { "kid": first[0] } } });
    assert_eq!(server.request("POST", revoke, ADMIN, body).await.0, 200);
    work().await;
    let second = kids(folder.path());
    assert!(!second.contains(&first[0]));
    // A slow server's write of before arrives now.
    std::fs::write(jwks(folder.path()), older).expect("written");
    server.advance(Duration::from_secs(10));
    work().await;
    assert_eq!(kids(folder.path()), second, "soon after a change, it looks more often");
}

#[tokio::test]
async fn what_cannot_be_written_is_said_until_it_can() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, publication) = publishing(folder.path()).await;
    std::fs::create_dir_all(jwks(folder.path()).join("in-the-way")).expect("made");
    let mut written = HashMap::new();
    let mut work = async || publish_due(&server.app, &publication, &mut written).await.expect("readable");
    let ready = async || server.call("GET", "/readyz", "", Value::Null).await;
    work().await;
    let said = problem(&server.app).expect("a problem");
    assert!(said.contains(".well-known/jwks"), "{said}");
    let answer = ready().await;
    assert_eq!(answer.status, 200, "everything else works");
    assert!(answer.text().contains("could not be published"), "{}", answer.text());
    assert!(!answer.text().contains("jwks"), "everybody may read it");
    std::fs::remove_dir_all(jwks(folder.path())).expect("removed");
    work().await;
    assert_eq!((problem(&server.app), ready().await.text()), (None, "ready\n".to_owned()));
}

#[tokio::test]
async fn a_key_that_is_not_seen_at_its_url_any_more_does_not_take_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _) = publishing(folder.path()).await;
    let app = &server.app;
    let name = server_with_issuer_elsewhere(&server).await;
    let rotate = format!("/api/carnet/v1/admin/issuers/{name}/actions/rotate");
    let body = json!({ "data": { "type": "issuers", "attributes": { "announcement-seconds": 0 } } });
    assert_eq!(server.request("POST", &rotate, ADMIN, body).await.0, 200);
    let issuer: IssuerName = name.parse().expect("a name");
    let keys = async || app.store.read().await.expect("read").issuer_keys(&issuer).await.expect("keys");
    let upcoming = keys().await.upcoming().expect("a key").clone();
    assert_eq!(upcoming.state, KeyState::Published);
    // Somebody published it by hand, and it was seen.
    let mut tx = app.store.write().await.expect("a transaction");
    tx.note_key_seen_outside(&upcoming.kid, app.now()).await.expect("noted");
    tx.commit().await.expect("committed");
    server.advance(Duration::from_secs(3600));
    crate::jobs::rotate_due_keys(app).await.expect("looked after");
    let after = keys().await;
    assert_eq!(after.upcoming().map(|key| (&key.kid, key.seen_outside_at)), Some((&upcoming.kid, None)));
    let path = format!("/api/carnet/v1/admin/issuers/{name}/keys");
    let listed = server.request("GET", &path, ADMIN, Value::Null).await.1;
    let reason = listed["held_back"].as_str().expect("a reason");
    assert!(reason.contains("oidc.nowhere.invalid") && reason.contains(&upcoming.kid), "{reason}");
}

/// An organization whose issuer is at a URL that nobody answers at.
async fn server_with_issuer_elsewhere(server: &TestServer) -> String {
    let (owner, _) = server.user("olga").await;
    let organization = server.organization("acme", &owner).await;
    let attributes = json!({ "organization": "acme", "url": "https://oidc.nowhere.invalid" });
    let body = json!({ "data": { "type": "issuers", "attributes": attributes } });
    let (status, made) = server.request("POST", "/api/carnet/v1/admin/issuers", ADMIN, body).await;
    assert_eq!(status, 201, "{made}");
    organization.id.as_str().to_owned()
}

#[tokio::test]
async fn an_issuer_elsewhere_mints_only_when_it_is_seen_there_or_somebody_insists() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _) = publishing(folder.path()).await;
    let name = server_with_issuer_elsewhere(&server).await;
    let path = format!("/api/carnet/v1/admin/issuers/{name}");
    let change = |attributes: Value| json!({ "data": { "type": "issuers", "attributes": attributes } });
    let (status, refused) = server.request("PATCH", &path, ADMIN, change(json!({ "minting": true }))).await;
    assert_eq!(status, 409, "{refused}");
    let detail = refused["errors"][0]["detail"].as_str().expect("a reason");
    assert!(detail.contains("oidc.nowhere.invalid") && detail.contains("--unseen"), "{detail}");
    assert_eq!(server.request("GET", &path, ADMIN, Value::Null).await.1["is_minting"], false);
    let insisting = change(json!({ "minting": true, "unseen": true }));
    let (status, changed) = server.request("PATCH", &path, ADMIN, insisting).await;
    assert_eq!((status, &changed["is_minting"]), (200, &json!(true)), "{changed}");
    let keys = server.request("GET", &format!("{path}/keys"), ADMIN, Value::Null).await.1;
    assert_eq!(keys["policy"]["waits_for_probe"], true, "{keys}");
}

#[tokio::test]
async fn nobody_looks_for_what_was_never_published() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _) = publishing(folder.path()).await;
    let mut seen = HashMap::new();
    look_due(&server.app, &mut seen).await.expect("looked");
    assert!(seen.is_empty());
    assert!(!server.app.issuer.problems.is_known(&IssuerName::Site, Concern::Visibility));
}

#[tokio::test]
async fn what_was_found_of_a_key_that_signs_no_more_is_forgotten() {
    let mut settings = Settings::new(URL);
    settings.key_rotation.confirmation = Confirmation::SeenOutside;
    let server = TestServer::with_settings(settings).await;
    let send = async |announcement: Value| {
        let path = "/api/carnet/v1/admin/issuers/site/actions/rotate";
        let body = json!({ "data": { "type": "issuers", "attributes": announcement } });
        let (status, answer) = server.request("POST", path, ADMIN, body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let answer = send(json!({ "announcement-seconds": 172_800 })).await;
    let waits = answer["keys"].as_array().expect("a list").iter().find(|key| key["state"] == "published");
    let waits = waits.expect("the next key");
    assert_eq!((&waits["next_step_at"], &waits["wait_seconds"]), (&Value::Null, &json!(172_800)));
    assert_eq!(waits["signs_not_before"], "2026-01-07T10:00:00Z");
    let problems = &server.app.issuer.problems;
    problems.note(&IssuerName::Site, Concern::Visibility, Some("the first key is not shown".to_owned()));
    let answer = send(json!({ "at-once": true })).await;
    let held_back = answer["held_back"].as_str().expect("the next key still waits");
    assert!(held_back.starts_with("nobody has looked yet"), "{held_back}");
    assert!(answer["consequences"].to_string().contains("nobody has seen this key yet"), "{answer}");
}
