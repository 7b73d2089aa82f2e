use carnet_store::testing::is_on_postgres;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use super::Site;
use crate::app::Settings;
use crate::testing::{TestServer, URL};

pub(super) fn archive(entries: &[(EntryType, &str, &str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (kind, path, target, content) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn good() -> Vec<u8> {
    archive(&[
        (EntryType::Regular, "main.tf", "", b"# nothing\n"),
        (EntryType::Symlink, "a.tf", "main.tf", b""),
    ])
}

async fn create(site: &Site, attributes: Value) -> (String, String) {
    let body = json!({ "data": { "type": "configuration-versions", "attributes": attributes } });
    let (status, answer) =
        site.server.request("POST", &site.workspace_path("/configuration-versions"), &site.owner, body).await;
    assert_eq!(status, 201, "{answer}");
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).expect("a text").to_owned();
    (text("/data/id"), text("/data/attributes/upload-url"))
}

async fn put(site: &Site, url: &str, body: Vec<u8>) -> u16 {
    site.server.send("PUT", url, "", body).await.status
}

async fn show(site: &Site, id: &str) -> Value {
    let path = format!("/api/v2/configuration-versions/{id}");
    let (status, answer) = site.server.request("GET", &path, &site.owner, Value::Null).await;
    assert_eq!(status, 200);
    answer["data"]["attributes"].clone()
}

async fn current(site: &Site) -> Option<String> {
    let mut tx = site.server.app.store.read().await.expect("a transaction");
    let workspace = tx.workspace(&site.workspace.id).await.expect("read").expect("a workspace");
    workspace.current_configuration_version_id.map(|id| id.to_string())
}

#[tokio::test]
async fn an_upload_that_could_not_be_stored_is_sent_again() {
    let site = Site::new().await;
    let (id, url) = create(&site, json!({ "auto-queue-runs": false })).await;
    if !is_on_postgres() {
        // Something is in the way of the file.
        let place = site.server.folder().join("blobs/configuration").join(&id);
        std::fs::create_dir_all(&place).unwrap();
        assert_eq!(put(&site, &url, good()).await, 500);
        assert_eq!(show(&site, &id).await["status"], "pending");
        std::fs::remove_dir(&place).unwrap();
    }
    assert_eq!(put(&site, &url, good()).await, 200);
    assert_eq!(show(&site, &id).await["status"], "uploaded");
    assert_eq!(put(&site, &url, good()).await, 404, "used");
}

async fn is_stored(site: &Site, id: &str) -> bool {
    site.server.has_blob("configuration", id).await
}

#[tokio::test]
async fn an_upload_is_checked_and_comes_back_as_it_was() {
    let site = Site::new().await;
    let (id, url) = create(&site, json!({ "auto-queue-runs": false })).await;
    assert!(url.starts_with(&format!("{URL}/_uploads/configuration-versions/")));
    let pending = show(&site, &id).await;
    assert_eq!((&pending["status"], &pending["upload-url"]), (&json!("pending"), &Value::Null));
    let download = format!("/api/v2/configuration-versions/{id}/download");
    assert_eq!(site.server.call("GET", &download, &site.owner, Value::Null).await.status, 404);

    assert_eq!(put(&site, &url, good()).await, 200);
    let uploaded = show(&site, &id).await;
    assert_eq!((&uploaded["status"], &uploaded["error-message"]), (&json!("uploaded"), &Value::Null));
    assert_eq!(uploaded["status-timestamps"]["finished-at"], "2026-01-05T10:00:00Z");
    assert_eq!(current(&site).await, Some(id.clone()));

    let answer = site.server.call("GET", &download, &site.owner, Value::Null).await;
    assert_eq!((answer.status, answer.body), (200, good()));
    let ingress = format!("/api/v2/configuration-versions/{id}/ingress-attributes");
    assert_eq!(site.server.call("GET", &ingress, &site.owner, Value::Null).await.status, 404);
}

#[tokio::test]
async fn an_upload_address_works_once() {
    let site = Site::new().await;
    let (id, url) = create(&site, json!({ "auto-queue-runs": false })).await;
    assert_eq!(put(&site, &url, good()).await, 200);
    assert_eq!(put(&site, &url, b"something else".to_vec()).await, 404);
    assert_eq!(show(&site, &id).await["status"], "uploaded");
    assert_eq!(put(&site, "/_uploads/configuration-versions/guessed", good()).await, 404);
}

#[tokio::test]
async fn two_uploads_at_the_same_time_have_one_winner() {
    let site = Site::new().await;
    let (id, url) = create(&site, json!({ "auto-queue-runs": false })).await;
    let bad = archive(&[(EntryType::Symlink, "x", "/etc", b"")]);
    let (one, two) = tokio::join!(put(&site, &url, good()), put(&site, &url, bad));
    assert!(matches!((one, two), (200, 404) | (404, 200)), "{one} {two}");
    let expected = if one == 200 { "uploaded" } else { "errored" };
    assert_eq!(show(&site, &id).await["status"], expected);
    assert_eq!(is_stored(&site, &id).await, one == 200);
}

#[tokio::test]
async fn a_bad_archive_is_an_errored_version_that_says_why() {
    let cut = good()[..good().len() - 9].to_vec();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "not a gzip archive"),
        (b"PK\x03\x04".to_vec(), "not a gzip archive"),
        (cut, "cut off or damaged"),
        (archive(&[(EntryType::Regular, "../x", "", b"1")]), "\"../x\": its path has .."),
        (archive(&[(EntryType::Regular, "/x", "", b"1")]), "\"/x\": its path is absolute"),
        (archive(&[(EntryType::Symlink, "x", "/etc/passwd", b"")]), "\"x\": it links to an absolute path"),
        (archive(&[(EntryType::Symlink, "d/x", "../..", b"")]), "\"d/x\": it links out of the tree"),
        (archive(&[(EntryType::Link, "x", "/etc/passwd", b"")]), "\"x\": it is a hard link"),
        (archive(&[(EntryType::Fifo, "x", "", b"")]), "\"x\": only files, folders and symbolic links"),
    ];
    let site = Site::new().await;
    for (bytes, reason) in cases {
        let (id, url) = create(&site, json!({})).await;
        assert_eq!(put(&site, &url, bytes).await, 200, "{reason}");
        let errored = show(&site, &id).await;
        assert_eq!(errored["status"], "errored");
        let message = errored["error-message"].as_str().expect("a message");
        assert!(message.contains(reason), "{message:?} should say {reason:?}");
        assert!(!is_stored(&site, &id).await);
        assert_eq!(put(&site, &url, good()).await, 404);
    }
    assert_eq!(current(&site).await, None);
    let path = site.workspace_path("/runs");
    let (_, runs) = site.server.request("GET", &path, &site.owner, Value::Null).await;
    assert_eq!(runs["data"], json!([]));
}

#[tokio::test]
async fn limits_hold_while_the_bytes_come() {
    let settings = Settings { upload_limit: 1000, unpacked_limit: 5000, ..Settings::new(URL) };
    let site = Site::on(TestServer::with_settings(settings).await).await;
    let (id, url) = create(&site, json!({ "auto-queue-runs": false })).await;
    assert_eq!(put(&site, &url, vec![0; 1001]).await, 413);
    let declared = [("content-length", "1001")];
    assert_eq!(site.server.send_with("PUT", &url, "", &declared, Vec::new()).await.status, 413);
    assert_eq!(show(&site, &id).await["status"], "pending");
    assert!(!is_stored(&site, &id).await);
    // The address was not used up.
    let bomb = archive(&[(EntryType::Regular, "zeros", "", &[0; 20_000])]);
    assert!(bomb.len() < 1000);
    assert_eq!(put(&site, &url, bomb).await, 200);
    let errored = show(&site, &id).await;
    assert_eq!(errored["error-message"], "the archive unpacks to more than 5000 bytes");
}

#[tokio::test]
async fn a_finished_upload_makes_a_run_unless_told_otherwise() {
    let site = Site::new().await;
    let path = site.workspace_path("/runs?filter%5Boperation%5D=plan_only,plan_and_apply");
    let runs = async || site.server.request("GET", &path, &site.owner, Value::Null).await.1["data"].clone();

    let (_, url) = create(&site, json!({ "auto-queue-runs": false })).await;
    assert_eq!(put(&site, &url, good()).await, 200);
    assert_eq!(runs().await, json!([]));

    let (speculative, url) = create(&site, json!({ "speculative": true })).await;
    assert_eq!(put(&site, &url, good()).await, 200);
    let made = runs().await;
    assert_eq!(made[0]["relationships"]["configuration-version"]["data"]["id"], json!(speculative));
    assert_eq!(made[0]["attributes"]["plan-only"], true);
    assert_eq!(made[0]["attributes"]["source"], "tfe-configuration-version");
    assert_ne!(current(&site).await, Some(speculative));

    let run = made[0]["id"].as_str().expect("an id");
    let download = format!("/api/v2/runs/{run}/configuration-version/download");
    let answer = site.server.call("GET", &download, &site.owner, Value::Null).await;
    assert_eq!((answer.status, answer.body), (200, good()));
    assert_eq!(site.server.call("GET", &download, &site.stranger, Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_provisional_version_does_not_become_current() {
    let site = Site::new().await;
    let (_, url) = create(&site, json!({ "auto-queue-runs": false, "provisional": true })).await;
    assert_eq!(put(&site, &url, good()).await, 200);
    assert_eq!(current(&site).await, None);
}

#[tokio::test]
async fn lists_have_the_newest_first() {
    let site = Site::new().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.insert(0, create(&site, json!({})).await.0);
        site.server.advance(std::time::Duration::from_secs(1));
    }
    let path = site.workspace_path("/configuration-versions?page%5Bsize%5D=2");
    let (status, answer) = site.server.request("GET", &path, &site.owner, Value::Null).await;
    assert_eq!(status, 200);
    let listed: Vec<_> =
        answer["data"].as_array().expect("a list").iter().map(|one| one["id"].clone()).collect();
    assert_eq!(listed, [json!(ids[0]), json!(ids[1])]);
    assert_eq!(answer["meta"]["pagination"]["total-count"], 3);
}

#[tokio::test]
async fn strangers_see_nothing_and_bad_bodies_are_refused() {
    let site = Site::new().await;
    let (id, url) = create(&site, json!({ "auto-queue-runs": false })).await;
    assert_eq!(put(&site, &url, good()).await, 200);
    let list = site.workspace_path("/configuration-versions");
    let body = json!({ "data": { "attributes": {} } });
    assert_eq!(site.server.request("POST", &list, &site.stranger, body).await.0, 404);
    for rest in ["", "/download", "/ingress-attributes"] {
        let path = format!("/api/v2/configuration-versions/{id}{rest}");
        assert_eq!(site.server.call("GET", &path, &site.stranger, Value::Null).await.status, 404, "{path}");
        assert_eq!(site.server.call("GET", &path, "", Value::Null).await.status, 401, "{path}");
    }
    for (body, expected) in
        [("{", 400), ("[]", 400), (r#"{"data":{"attributes":{"speculative":"yes"}}}"#, 422)]
    {
        let answer = site.server.send("POST", &list, &site.owner, body.into()).await;
        assert_eq!(answer.status, expected, "{body}");
    }
}

#[tokio::test]
async fn only_what_nothing_needs_is_archived() {
    let site = Site::new().await;
    let archive = async |id: &str| {
        let path = format!("/api/v2/configuration-versions/{id}/actions/archive");
        site.server.request("POST", &path, &site.owner, Value::Null).await
    };
    let (first, url) = create(&site, json!({})).await;
    let (status, answer) = archive(&first).await;
    assert_eq!(status, 409);
    assert_eq!(answer["errors"][0]["detail"], "configuration could not be archived because it is pending");
    assert_eq!(put(&site, &url, good()).await, 200);
    let (status, answer) = archive(&first).await;
    assert_eq!(status, 409);
    assert_eq!(answer["errors"][0]["title"], "transition not allowed");
    assert_eq!(answer["errors"][0]["detail"], "configuration could not be archived because it is current");

    site.server.advance(std::time::Duration::from_secs(1));
    let (second, url) = create(&site, json!({ "auto-queue-runs": false })).await;
    assert_eq!(put(&site, &url, good()).await, 200);
    let (status, answer) = archive(&first).await;
    assert_eq!(status, 409, "its run waits: {answer}");
    let list = site.workspace_path("/configuration-versions?include=run");
    let (_, versions) = site.server.request("GET", &list, &site.owner, Value::Null).await;
    let run = versions["included"][0]["id"].as_str().expect("a run").to_owned();
    let cancel = format!("/api/v2/runs/{run}/actions/cancel");
    assert_eq!(site.server.request("POST", &cancel, &site.owner, json!({})).await.0, 202);
    assert_eq!(archive(&first).await.0, 202);
    let archived = show(&site, &first).await;
    assert_eq!(archived["status"], "archived");
    assert_eq!(archived["status-timestamps"]["archived-at"], "2026-01-05T10:00:01Z");
    assert_eq!(archive(&first).await.0, 409);
    assert_eq!(archive(&second).await.0, 409);
    let download = format!("/api/v2/configuration-versions/{first}/download");
    assert_eq!(site.server.call("GET", &download, &site.owner, Value::Null).await.status, 404);
    let body = json!({ "data": { "relationships": {
        "workspace": { "data": { "type": "workspaces", "id": site.workspace.id.as_str() } },
        "configuration-version": { "data": { "type": "configuration-versions", "id": first } },
    } } });
    let (status, answer) = site.server.request("POST", "/api/v2/runs", &site.owner, body).await;
    assert_eq!(status, 422);
    assert!(answer.to_string().contains("Configuration version is missing"), "{answer}");
}

async fn upload(site: &Site, attributes: Value, readme: &[u8]) -> String {
    let (id, url) = create(site, attributes).await;
    let files = [
        (EntryType::Regular, "main.tf", "", &b"# nothing\n"[..]),
        (EntryType::Regular, "README.md", "", readme),
    ];
    assert_eq!(put(site, &url, archive(&files)).await, 200);
    id
}

async fn readme(site: &Site, token: &str) -> (Value, Value) {
    let path = site.workspace_path("?include=readme");
    let (status, answer) = site.server.request("GET", &path, token, Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    let relation = answer["data"]["relationships"]["readme"]["data"].clone();
    (relation, answer["included"][0].clone())
}

#[tokio::test]
async fn the_readme_is_that_of_the_current_configuration() {
    let site = Site::new().await;
    assert_eq!(readme(&site, &site.owner).await, (Value::Null, Value::Null));
    let first = upload(&site, json!({ "auto-queue-runs": false }), b"# First").await;
    let (relation, found) = readme(&site, &site.owner).await;
    assert_eq!(found["type"], "workspace-readme");
    assert_eq!((&found["id"], &found["attributes"]["raw-markdown"]), (&relation["id"], &json!("# First")));
    upload(&site, json!({ "auto-queue-runs": false, "speculative": true }), b"# Try").await;
    assert_eq!(readme(&site, &site.owner).await.1["attributes"]["raw-markdown"], "# First");
    site.server.advance(std::time::Duration::from_secs(1));
    upload(&site, json!({ "auto-queue-runs": false }), b"# Second").await;
    assert_eq!(readme(&site, &site.owner).await.1["attributes"]["raw-markdown"], "# Second");
    assert!(!site.server.holds("# Second").await, "it lies sealed");

    assert!(site.server.has_blob("readme", &first).await);
    let archive = format!("/api/v2/configuration-versions/{first}/actions/archive");
    assert_eq!(site.server.request("POST", &archive, &site.owner, Value::Null).await.0, 202);
    assert!(!site.server.has_blob("readme", &first).await);
    let deleted = site.server.request("DELETE", &site.workspace_path(""), &site.owner, Value::Null).await;
    assert_eq!((deleted.0, site.server.count_blobs("readme").await), (204, 0));
}

#[tokio::test]
async fn the_readme_is_for_those_who_may_see_runs() {
    let site = Site::new().await;
    upload(&site, json!({ "auto-queue-runs": false }), b"# Private").await;
    let (_, mia) = site.member("mia").await;
    let team = site.team("outputs", json!({}), &["mia"]).await;
    let body = json!({ "data": {
        "attributes": { "access": "custom", "runs": "read", "variables": "none", "state-versions": "none" },
        "relationships": {
            "team": { "data": { "type": "teams", "id": team } },
            "workspace": { "data": { "type": "workspaces", "id": site.workspace.id.as_str() } },
        },
    } });
    let (status, granted) = site.server.request("POST", "/api/v2/team-workspaces", &site.owner, body).await;
    assert_eq!(status, 201, "{granted}");
    assert_eq!(readme(&site, &mia).await.1["attributes"]["raw-markdown"], "# Private");
    let path = site.workspace_path("?include=readme");
    assert_eq!(site.server.request("GET", &path, &site.stranger, Value::Null).await.0, 404);
}
