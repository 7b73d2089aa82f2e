use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::openpgp::{KeyError, key_id};
use crate::testing::{FakeAgent, Project};

const KEYS: &str = "/api/registry/private/v2/gpg-keys";
const PROVIDERS: &str = "/api/v2/organizations/acme/registry-providers";
const ONE: &str = "/api/v2/organizations/acme/registry-providers/private/acme/tiny";
const PROTOCOL: &str = "/api/registry/v1/providers/acme/tiny";
const KEY_ID: &str = "DD381694B1A03540";
const KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawQsZRYJKwYBBAHaRw8BAQdAiy+kgNgOdGWkFsjbN2xIvmE56/JW01q9CvTl
LFL3Cmy0IENhcm5ldCBUZXN0cyA8dGVzdHNAZXhhbXBsZS5jb20+iJAEExYIADgW
IQSwyPQWHBUucTAHu63dOBaUsaA1QAUCawQsZQIbAwULCQgHAgYVCgkICwIEFgID
AQIeAQIXgAAKCRDdOBaUsaA1QJaLAQCVLno/N/a/nU3jptWxAKlINutRuL/iY9PR
afr6nIDW6QEAjvsj1uuwVd52+YhDYm68Ye0aDznXsLXbrjgjHzt1Dwo=
=L18M
-----END PGP PUBLIC KEY BLOCK-----
";

fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn request(project: &Project, method: &str, path: &str, attributes: Value) -> (u16, Value) {
    let body = match attributes {
        Value::Null => Value::Null,
        attributes => json!({ "data": { "type": "any", "attributes": attributes } }),
    };
    project.server.request(method, path, &project.token, body).await
}

async fn make(project: &Project, path: &str, attributes: Value) -> Value {
    let (status, made) = request(project, "POST", path, attributes).await;
    assert_eq!(status, 201, "{made}");
    made["data"].clone()
}

async fn put(project: &Project, url: &Value, bytes: &[u8]) -> u16 {
    project.server.send("PUT", url.as_str().expect("an address"), "", bytes.to_vec()).await.status
}

/// A provider with a key and a version whose files are not uploaded yet: the documents of the version and its platform.
async fn prepared(project: &Project) -> (Value, Value) {
    make(project, KEYS, json!({ "namespace": "acme", "ascii-armor": KEY })).await;
    make(project, PROVIDERS, json!({ "name": "tiny", "namespace": "acme", "registry-name": "private" }))
        .await;
    let attributes = json!({ "version": "1.0.0", "key-id": KEY_ID, "protocols": ["5.0"] });
    let version = make(project, &format!("{ONE}/versions"), attributes).await;
    let attributes = json!({
        "os": "linux", "arch": "amd64", "shasum": sha256(b"zip"), "filename": "terraform-provider-tiny_1.0.0_linux_amd64.zip",
    });
    let platform = make(project, &format!("{ONE}/versions/1.0.0/platforms"), attributes).await;
    (version, platform)
}

async fn published(project: &Project) {
    let (version, platform) = prepared(project).await;
    assert_eq!(put(project, &version["links"]["shasums-upload"], b"sums").await, 200);
    assert_eq!(put(project, &version["links"]["shasums-sig-upload"], b"signature").await, 200);
    assert_eq!(put(project, &platform["links"]["provider-binary-upload"], b"zip").await, 200);
}

#[tokio::test]
async fn a_provider_is_published_and_installed() {
    let project = Project::new().await;
    published(&project).await;
    let (_, versions) = request(&project, "GET", &format!("{PROTOCOL}/versions"), Value::Null).await;
    let expected = json!([{ "version": "1.0.0", "protocols": ["5.0"], "platforms": [{ "os": "linux", "arch": "amd64" }] }]);
    assert_eq!(versions["versions"], expected);
    let download = format!("{PROTOCOL}/1.0.0/download/linux/amd64");
    let (_, found) = request(&project, "GET", &download, Value::Null).await;
    assert_eq!(found["shasum"], sha256(b"zip"));
    assert_eq!(found["filename"], "terraform-provider-tiny_1.0.0_linux_amd64.zip");
    let key = &found["signing_keys"]["gpg_public_keys"][0];
    assert_eq!((&key["key_id"], &key["ascii_armor"]), (&json!(KEY_ID), &json!(KEY)));
    for (url, content) in
        [("download_url", "zip"), ("shasums_url", "sums"), ("shasums_signature_url", "signature")]
    {
        let path = found[url].as_str().expect("an address");
        assert_eq!(project.server.send("GET", path, "", Vec::new()).await.text(), content);
    }
    let (_, version) = request(&project, "GET", &format!("{ONE}/versions/1.0.0"), Value::Null).await;
    let attributes = &version["data"]["attributes"];
    assert_eq!(
        (&attributes["shasums-uploaded"], &attributes["shasums-sig-uploaded"]),
        (&json!(true), &json!(true))
    );
    let link = version["data"]["links"]["shasums-download"].as_str().expect("an address").to_owned();
    assert_eq!(project.server.send("GET", &link, "", Vec::new()).await.text(), "sums");
}

#[tokio::test]
async fn nothing_is_installed_before_everything_is_there() {
    let project = Project::new().await;
    let (version, platform) = prepared(&project).await;
    let download = format!("{PROTOCOL}/1.0.0/download/linux/amd64");
    let refused = async || {
        let (_, versions) = request(&project, "GET", &format!("{PROTOCOL}/versions"), Value::Null).await;
        assert_eq!(versions["versions"], json!([]));
        assert_eq!(request(&project, "GET", &download, Value::Null).await.0, 404);
    };
    refused().await;
    assert_eq!(put(&project, &version["links"]["shasums-upload"], b"sums").await, 200);
    refused().await;
    assert_eq!(put(&project, &version["links"]["shasums-sig-upload"], b"signature").await, 200);
    refused().await;
    let binary = &platform["links"]["provider-binary-upload"];
    assert_eq!(put(&project, binary, b"another zip").await, 422);
    refused().await;
    assert_eq!(put(&project, binary, b"zip").await, 200);
    assert_eq!(put(&project, binary, b"zip").await, 409);
    assert_eq!(request(&project, "GET", &download, Value::Null).await.0, 200);
    assert_eq!(request(&project, "GET", &download.replace("amd64", "arm64"), Value::Null).await.0, 404);
}

#[tokio::test]
async fn strangers_see_no_provider_and_runs_of_the_organization_install_it() {
    let project = Project::new().await;
    published(&project).await;
    let server = &project.server;
    let (_, stranger) = server.user("bob").await;
    project.run(json!({})).await;
    let job = FakeAgent::new(server).await.claim().await;
    let key = format!("{KEYS}/acme/{KEY_ID}");
    let download = format!("{PROTOCOL}/1.0.0/download/linux/amd64");
    for path in [PROVIDERS, ONE, &format!("{PROTOCOL}/versions"), &download, &key] {
        assert_eq!(server.request("GET", path, &stranger, Value::Null).await.0, 404, "{path}");
        assert_eq!(server.request("GET", path, "", Value::Null).await.0, 401, "{path}");
    }
    let run = job.token("run");
    assert_eq!(server.request("GET", &download, &run, Value::Null).await.0, 200);
    assert_eq!(server.request("DELETE", ONE, &run, Value::Null).await.0, 404);
    for (path, attributes) in
        [(PROVIDERS, json!({ "name": "evil" })), (KEYS, json!({ "namespace": "acme", "ascii-armor": KEY }))]
    {
        let body = json!({ "data": { "attributes": attributes } });
        assert_eq!(server.request("POST", path, &stranger, body.clone()).await.0, 404);
        assert_eq!(server.request("POST", path, &run, body).await.0, 404);
    }
}

#[tokio::test]
async fn what_is_not_right_is_refused() {
    let project = Project::new().await;
    prepared(&project).await;
    let versions = format!("{ONE}/versions");
    let platforms = format!("{ONE}/versions/1.0.0/platforms");
    let sum = sha256(b"zip");
    for (path, attributes) in [
        (PROVIDERS, json!({ "name": "tiny" })),
        (PROVIDERS, json!({ "name": "A_b" })),
        (PROVIDERS, json!({ "name": "aws", "registry-name": "public", "namespace": "hashicorp" })),
        (&versions, json!({ "version": "1.0.0", "key-id": KEY_ID, "protocols": ["5.0"] })),
        (&versions, json!({ "version": "1.1.0", "key-id": "0000000000000000", "protocols": ["5.0"] })),
        (&versions, json!({ "version": "1.1.0", "key-id": KEY_ID, "protocols": [] })),
        (&versions, json!({ "version": "1.1.0", "key-id": KEY_ID, "protocols": "5.0" })),
        (&platforms, json!({ "os": "linux", "arch": "amd64", "shasum": sum, "filename": "x.zip" })),
        (&platforms, json!({ "os": "linux", "arch": "arm", "shasum": sum, "filename": "../x.zip" })),
        (&platforms, json!({ "os": "linux", "arch": "arm", "shasum": "abc", "filename": "x.zip" })),
        (KEYS, json!({ "namespace": "acme", "ascii-armor": KEY })),
        (KEYS, json!({ "namespace": "acme", "ascii-armor": "no key" })),
    ] {
        let (status, answer) = request(&project, "POST", path, attributes).await;
        assert_eq!(status, 422, "{answer}");
    }
    let (status, _) = request(&project, "DELETE", &format!("{KEYS}/acme/{KEY_ID}"), Value::Null).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn deleting_leaves_no_file_behind() {
    let project = Project::new().await;
    let blobs = async || project.server.count_blobs("registry").await;
    let delete = async |path: &str| request(&project, "DELETE", path, Value::Null).await.0;
    published(&project).await;
    assert_eq!(blobs().await, 3);
    assert_eq!(delete(&format!("{ONE}/versions/1.0.0/platforms/linux/amd64")).await, 204);
    assert_eq!(blobs().await, 2);
    assert_eq!(delete(&format!("{ONE}/versions/1.0.0")).await, 204);
    assert_eq!(blobs().await, 0);
    assert_eq!((delete(ONE).await, delete(ONE).await), (204, 404));
    let key = format!("{KEYS}/acme/{KEY_ID}");
    assert_eq!((delete(&key).await, delete(&key).await), (204, 404));
}

#[tokio::test]
async fn keys_are_listed_by_namespace_and_move_between_organizations() {
    let project = Project::new().await;
    make(&project, KEYS, json!({ "namespace": "acme", "ascii-armor": KEY })).await;
    let body = json!({ "data": { "attributes": { "name": "globex", "email": "a@example.com" } } });
    assert_eq!(project.server.request("POST", "/api/v2/organizations", &project.token, body).await.0, 201);
    let count = async |namespaces: &str| {
        let path = format!("{KEYS}?filter%5Bnamespace%5D={namespaces}");
        request(&project, "GET", &path, Value::Null).await.1["data"].as_array().map(Vec::len)
    };
    assert_eq!(
        (count("acme").await, count("globex").await, count("acme,globex").await),
        (Some(1), Some(0), Some(1))
    );
    let key = format!("{KEYS}/acme/{KEY_ID}");
    let (status, moved) = request(&project, "PATCH", &key, json!({ "namespace": "globex" })).await;
    assert_eq!((status, &moved["data"]["attributes"]["namespace"]), (200, &json!("globex")));
    assert_eq!((count("acme").await, count("globex").await), (Some(0), Some(1)));
    assert_eq!(request(&project, "GET", KEYS, Value::Null).await.0, 400);
}

#[test]
fn a_key_id_is_the_end_of_the_fingerprint() {
    assert_eq!(key_id(KEY), Ok(KEY_ID.to_owned()));
    let with_header = KEY.replacen("\n\n", "\nComment: example\n\n", 1);
    assert_eq!(key_id(&with_header), Ok(KEY_ID.to_owned()));
    assert_eq!(key_id(&KEY.replace("PUBLIC", "PRIVATE")), Err(KeyError::Private));
    assert_eq!(key_id("text"), Err(KeyError::Armor));
    assert_eq!(key_id(&KEY.replace("mDME", "!!!!")), Err(KeyError::Armor));
    assert_eq!(key_id(&KEY.replace("mDME", "AAAA")), Err(KeyError::Packet));
}
