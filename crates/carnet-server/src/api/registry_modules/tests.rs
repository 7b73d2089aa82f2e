use std::io::Write as _;
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::testing::{FakeAgent, Project, URL};

const MODULES: &str = "/api/v2/organizations/acme/registry-modules";
const PROTOCOL: &str = "/api/registry/v1/modules/acme/vpc/aws";

/// An archive with one file.
fn archive(path: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let content = b"output \"name\" { value = \"vpc\" }\n";
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    tar.append(&header, &content[..]).expect("written");
    let mut encoder = tar.into_inner().expect("written");
    encoder.flush().expect("written");
    encoder.finish().expect("written")
}

async fn request(project: &Project, method: &str, path: &str, attributes: Value) -> (u16, Value) {
    let body = match attributes {
        Value::Null => Value::Null,
        attributes => json!({ "data": { "type": "any", "attributes": attributes } }),
    };
    project.server.request(method, path, &project.token, body).await
}

async fn module(project: &Project, name: &str, provider: &str) -> Value {
    let attributes =
        json!({ "name": name, "provider": provider, "registry-name": "private", "no-code": false });
    let (status, made) = request(project, "POST", MODULES, attributes).await;
    assert_eq!(status, 201, "{made}");
    made
}

/// Makes a version of `vpc/aws` and returns where its archive is uploaded.
async fn version(project: &Project, version: &str) -> String {
    let path = "/api/v2/registry-modules/acme/vpc/aws/versions";
    let (status, made) = request(project, "POST", path, json!({ "version": version })).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["data"]["attributes"]["status"], "pending");
    let url = made["data"]["links"]["upload"].as_str().expect("an address").to_owned();
    assert!(url.starts_with(URL));
    url
}

async fn put(project: &Project, url: &str, bytes: Vec<u8>) -> u16 {
    project.server.send("PUT", url, "", bytes).await.status
}

async fn publish(project: &Project, number: &str) {
    let url = version(project, number).await;
    assert_eq!(put(project, &url, archive("main.tf")).await, 200);
}

#[tokio::test]
async fn a_module_is_published_and_installed() {
    let project = Project::new().await;
    let made = module(&project, "vpc", "aws").await;
    let attributes = &made["data"]["attributes"];
    assert_eq!(attributes["status"], "pending");
    assert_eq!(attributes["namespace"], "acme");
    assert_eq!(attributes["permissions"]["can-delete"], true);
    assert_eq!(request(&project, "GET", &format!("{PROTOCOL}/versions"), Value::Null).await.0, 404);
    publish(&project, "1.9.0").await;
    publish(&project, "1.10.0").await;
    version(&project, "2.0.0").await;

    let (_, found) = request(&project, "GET", &format!("{MODULES}/private/acme/vpc/aws"), Value::Null).await;
    assert_eq!(found["data"]["attributes"]["status"], "setup_complete");
    assert_eq!(
        found["data"]["attributes"]["version-statuses"],
        json!([
            { "version": "2.0.0", "status": "pending", "error": "" },
            { "version": "1.10.0", "status": "ok", "error": "" },
            { "version": "1.9.0", "status": "ok", "error": "" },
        ])
    );
    let (_, versions) = request(&project, "GET", &format!("{PROTOCOL}/versions"), Value::Null).await;
    let expected = json!([{ "version": "1.10.0" }, { "version": "1.9.0" }]);
    assert_eq!(versions["modules"][0]["versions"], expected);

    let path = format!("{PROTOCOL}/1.10.0/download");
    let answer = project.server.call("GET", &path, &project.token, Value::Null).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let location = answer.headers["x-terraform-get"].to_str().expect("text").to_owned();
    assert!(location.ends_with("/vpc-aws-1.10.0.tar.gz"), "{location}");
    let download = async || project.server.send("GET", &location, "", Vec::new()).await;
    assert!(download().await.body == archive("main.tf"));
    project.server.advance(Duration::from_secs(3600));
    assert_eq!(download().await.status, 404);
    assert_eq!(request(&project, "GET", &format!("{PROTOCOL}/2.0.0/download"), Value::Null).await.0, 404);
}

#[tokio::test]
async fn the_newest_release_is_what_a_module_is_described_by() {
    let project = Project::new().await;
    module(&project, "vpc", "aws").await;
    for number in ["1.0.0", "1.1.0", "2.0.0-beta1"] {
        publish(&project, number).await;
    }
    let (_, described) = request(&project, "GET", PROTOCOL, Value::Null).await;
    assert_eq!((&described["id"], &described["version"]), (&json!("acme/vpc/aws/1.1.0"), &json!("1.1.0")));
    let (_, described) = request(&project, "GET", &format!("{PROTOCOL}/1.0.0"), Value::Null).await;
    assert_eq!(described["versions"], json!(["2.0.0-beta1", "1.1.0", "1.0.0"]));
    let latest = format!("{PROTOCOL}/download");
    let answer = project.server.call("GET", &latest, &project.token, Value::Null).await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.headers["location"], format!("{PROTOCOL}/1.1.0/download"));
    let (_, list) = request(&project, "GET", "/api/registry/v1/modules/acme?q=VP", Value::Null).await;
    assert_eq!(list["modules"][0]["version"], "1.1.0");
    let (_, list) = request(&project, "GET", "/api/registry/v1/modules/acme?q=other", Value::Null).await;
    assert_eq!(list["modules"], json!([]));
}

#[tokio::test]
async fn a_run_installs_what_its_organization_has_and_nothing_else() {
    let project = Project::new().await;
    module(&project, "vpc", "aws").await;
    publish(&project, "1.0.0").await;
    let server = &project.server;
    let (bob, bob_token) = server.user("bob").await;
    server.organization("globex", &bob).await;
    let theirs = json!({ "data": { "attributes": { "name": "vpc", "provider": "aws" } } });
    let path = "/api/v2/organizations/globex/registry-modules";
    assert_eq!(server.request("POST", path, &bob_token, theirs).await.0, 201);
    project.run(json!({})).await;
    let job = FakeAgent::new(server).await.claim().await;
    let run = job.token("run");
    let get = async |path: &str, token: &str| server.request("GET", path, token, Value::Null).await.0;
    assert_eq!(get(&format!("{PROTOCOL}/versions"), &run).await, 200);
    assert_eq!(get(&format!("{PROTOCOL}/1.0.0/download"), &run).await, 204);
    assert_eq!(get("/api/v2/organizations/globex/registry-modules", &run).await, 404);
    let one = format!("{MODULES}/private/acme/vpc/aws");
    assert_eq!(server.request("DELETE", &one, &run, Value::Null).await.0, 404);
    for path in
        [format!("{PROTOCOL}/versions"), format!("{PROTOCOL}/1.0.0/download"), one, MODULES.to_owned()]
    {
        assert_eq!(get(&path, &bob_token).await, 404, "{path}");
        assert_eq!(get(&path, &server.agent_token).await, 404, "{path}");
        assert_eq!(get(&path, "").await, 401, "{path}");
    }
    assert_eq!(get("/api/registry/v1/modules/acme", &bob_token).await, 404);
}

#[tokio::test]
async fn an_archive_that_is_refused_can_be_put_right() {
    let project = Project::new().await;
    module(&project, "vpc", "aws").await;
    let url = version(&project, "1.0.0").await;
    for bytes in [b"no archive".to_vec(), archive("../main.tf"), Vec::new()] {
        assert_eq!(put(&project, &url, bytes).await, 422);
    }
    let path = format!("{MODULES}/private/acme/vpc/aws/version?module_version=1.0.0");
    let (_, found) = request(&project, "GET", &path, Value::Null).await;
    assert_eq!(found["data"]["attributes"]["status"], "reg_ingress_failed");
    assert!(found["data"]["attributes"]["error"].is_string());
    assert_eq!(request(&project, "GET", &format!("{PROTOCOL}/1.0.0/download"), Value::Null).await.0, 404);
    assert_eq!(put(&project, &url, archive("main.tf")).await, 200);
    assert_eq!(put(&project, &url, archive("other.tf")).await, 409);
    let (_, found) = request(&project, "GET", &path, Value::Null).await;
    assert_eq!(found["data"]["attributes"]["status"], "ok");
    assert_eq!(found["data"]["links"]["upload"], Value::Null);
    assert_eq!(project.server.count_blobs("registry").await, 1);
}

#[tokio::test]
async fn an_address_for_uploads_opens_nothing_else() {
    let project = Project::new().await;
    module(&project, "vpc", "aws").await;
    let url = version(&project, "1.0.0").await;
    let pass = url.rsplit('/').next().expect("a pass").to_owned();
    let download = format!("/_downloads/registry/{pass}/vpc.tar.gz");
    assert_eq!(project.server.send("GET", &download, "", Vec::new()).await.status, 404);
    assert_eq!(put(&project, &format!("{URL}/_uploads/registry/A{pass}"), archive("main.tf")).await, 404);
    project.server.advance(Duration::from_secs(3601));
    assert_eq!(put(&project, &url, archive("main.tf")).await, 404);
}

#[tokio::test]
async fn names_and_versions_are_checked_and_taken_once() {
    let project = Project::new().await;
    module(&project, "vpc", "aws").await;
    publish(&project, "1.0.0").await;
    for (attributes, pointer) in [
        (json!({ "name": "vpc", "provider": "aws" }), "name"),
        (json!({ "name": "../x", "provider": "aws" }), "name"),
        (json!({ "name": "vpc", "provider": "A-B" }), "provider"),
        (json!({ "name": "x", "provider": "aws", "registry-name": "public" }), "registry-name"),
        (json!({ "name": "x", "provider": "aws", "namespace": "globex" }), "namespace"),
    ] {
        let (status, answer) = request(&project, "POST", MODULES, attributes).await;
        assert_eq!(status, 422, "{answer}");
        assert_eq!(answer["errors"][0]["source"]["pointer"], format!("/data/attributes/{pointer}"));
    }
    let versions = format!("{MODULES}/private/acme/vpc/aws/versions");
    for number in ["1.0.0", "1.0", "latest"] {
        let (status, answer) = request(&project, "POST", &versions, json!({ "version": number })).await;
        assert_eq!(status, 422, "{answer}");
    }
}

#[tokio::test]
async fn modules_are_found_by_every_path_and_filter() {
    let project = Project::new().await;
    let made = module(&project, "vpc", "aws").await;
    module(&project, "vpc", "google").await;
    module(&project, "dns", "aws").await;
    let id = made["data"]["id"].as_str().expect("an id");
    for path in [
        format!("/api/v2/registry-modules/{id}"),
        format!("{MODULES}/private/acme/vpc/aws"),
        "/api/v2/registry-modules/show/acme/vpc/aws".to_owned(),
    ] {
        let (status, found) = request(&project, "GET", &path, Value::Null).await;
        assert_eq!((status, &found["data"]["id"]), (200, &json!(id)), "{path}");
    }
    for path in ["private/globex/vpc/aws", "public/acme/vpc/aws", "private/acme/vpc/azure"] {
        assert_eq!(
            request(&project, "GET", &format!("{MODULES}/{path}"), Value::Null).await.0,
            404,
            "{path}"
        );
    }
    for (query, count) in [
        ("", 3),
        ("?q=VPC", 2),
        ("?filter%5Bprovider%5D=aws", 2),
        ("?q=dns&filter%5Bprovider%5D=google", 0),
        ("?filter%5Bregistry_name%5D=public", 0),
        ("?page%5Bsize%5D=1&page%5Bnumber%5D=2", 1),
    ] {
        let (_, list) = request(&project, "GET", &format!("{MODULES}{query}"), Value::Null).await;
        assert_eq!(list["data"].as_array().expect("a list").len(), count, "{query}");
    }
}

#[tokio::test]
async fn deleting_leaves_no_archive_behind() {
    let project = Project::new().await;
    let blobs = async || project.server.count_blobs("registry").await;
    let delete = async |path: &str| request(&project, "DELETE", path, Value::Null).await.0;
    let one = format!("{MODULES}/private/acme/vpc/aws");
    module(&project, "vpc", "aws").await;
    publish(&project, "1.0.0").await;
    publish(&project, "1.1.0").await;
    assert_eq!(blobs().await, 2);
    assert_eq!(delete(&format!("{one}/1.0.0")).await, 204);
    assert_eq!((blobs().await, delete(&format!("{one}/1.0.0")).await), (1, 404));
    assert_eq!(delete(&format!("{one}/1.1.0")).await, 204);
    // A module goes with its last version.
    assert_eq!((blobs().await, request(&project, "GET", &one, Value::Null).await.0), (0, 404));

    module(&project, "vpc", "aws").await;
    publish(&project, "1.0.0").await;
    assert_eq!(delete(&format!("{MODULES}/private/acme/vpc")).await, 204);
    assert_eq!((blobs().await, delete(&one).await), (0, 404));
    module(&project, "vpc", "aws").await;
    publish(&project, "1.0.0").await;
    let path = "/api/v2/registry-modules/actions/delete/acme/vpc/aws";
    assert_eq!(request(&project, "POST", path, Value::Null).await.0, 204);
    assert_eq!(blobs().await, 0);

    module(&project, "vpc", "aws").await;
    publish(&project, "1.0.0").await;
    assert_eq!(delete("/api/v2/organizations/acme").await, 204);
    assert_eq!(blobs().await, 0);
}
