//! Discovery and keys are published to a folder and to buckets, before a new key signs, and are looked at from outside.

mod clouds;

use std::process::Output;
use std::time::Duration;

use anyhow::Context;
use carnet_tests::{
    CarnetServer, CertificateAuthority, EmbeddedAgent, IssuerServer, SeaweedFs, SeaweedOptions,
    ServerOptions, wait_for,
};
use serde_json::Value;

/// The bucket that everybody may read.
const BUCKET: &str = "public-oidc";

const PATIENCE: Duration = Duration::from_secs(90);

#[track_caller]
fn check(output: &Output, success: bool, expected: &str) -> String {
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(i32::from(!success)), "{text}");
    assert!(text.contains(expected), "{text}");
    text
}

fn kids(jwks: &Value) -> Vec<String> {
    let keys = jwks["keys"].as_array().into_iter().flatten();
    keys.filter_map(|key| key["kid"].as_str().map(str::to_owned)).collect()
}

async fn seaweed(ca: &CertificateAuthority) -> anyhow::Result<SeaweedFs> {
    let issuer = IssuerServer::start(ca).await?;
    let options = SeaweedOptions {
        issuer_url: issuer.url(),
        jwks_url: issuer.jwks_url(),
        issuer_ca: ca.pem_file(),
        audience: "aws.workload.identity".to_owned(),
        roles: Vec::new(),
    };
    let seaweed = SeaweedFs::start(&options).await?;
    seaweed.create_bucket(BUCKET).await?;
    Ok(seaweed)
}

/// What the whole world gets from the bucket.
async fn public(seaweed: &SeaweedFs, path: &str) -> anyhow::Result<reqwest::Response> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    Ok(client.get(format!("{}/{BUCKET}{path}", seaweed.endpoint())).send().await?)
}

async fn public_kids(seaweed: &SeaweedFs) -> anyhow::Result<Vec<String>> {
    Ok(kids(&public(seaweed, "/.well-known/jwks").await?.json().await?))
}

fn publishing(seaweed: &SeaweedFs) -> ServerOptions {
    let issuer = format!("{}/{BUCKET}", seaweed.endpoint());
    let to = format!("s3://{BUCKET}");
    let arguments = ["--issuer-url", &issuer, "--publish-to", &to, "--key-rotation", "6s"];
    let waits = ["--key-announcement", "1s", "--jwks-max-age", "1s", "--key-leeway", "100ms"];
    ServerOptions {
        agent: EmbeddedAgent::Off,
        arguments: arguments.into_iter().chain(waits).map(str::to_owned).collect(),
        environment: seaweed.environment(),
        ..ServerOptions::default()
    }
}

async fn served_kids(server: &CarnetServer) -> anyhow::Result<Vec<String>> {
    Ok(kids(&server.anonymous()?.request("GET", "/.well-known/jwks", None).await?.success()?))
}

#[tokio::test]
async fn a_key_signs_only_when_the_bucket_shows_it_and_a_lost_bucket_holds_rotation_back()
-> anyhow::Result<()> {
    let ca = CertificateAuthority::new()?;
    let mut seaweed = seaweed(&ca).await?;
    let server = CarnetServer::start(publishing(&seaweed)).await?;
    wait_for("the first publication", PATIENCE, async || {
        Ok(public(&seaweed, "/.well-known/openid-configuration").await?.status().is_success().then_some(()))
    })
    .await?;
    for path in ["/.well-known/jwks", "/.well-known/openid-configuration"] {
        let answer = public(&seaweed, path).await?;
        assert_eq!(answer.headers()["content-type"], "application/json", "{path}");
        assert_eq!(answer.headers()["cache-control"], "public, max-age=1", "{path}");
    }

    let first = served_kids(&server).await?[0].clone();
    let second = wait_for("the rotation", PATIENCE, async || {
        let current = served_kids(&server).await?[0].clone();
        Ok((current != first).then_some(current))
    })
    .await?;
    assert!(public_kids(&seaweed).await?.contains(&second), "what signs was published before");
    assert!(server.log().contains("a new key was seen outside"), "{}", server.log());
    let issuer = format!("{}/{BUCKET}", seaweed.endpoint());
    check(&server.command(&["issuer", "verify", &issuer, "--kid", &second]).await?, true, "is published");

    assert!(
        !server.log().contains("it is written again"),
        "what is there is what should be: {}",
        server.log()
    );

    seaweed.process().kill().await?;
    let held = wait_for("a key that waits", PATIENCE, async || {
        let ready = server.anonymous()?.request("GET", "/readyz", None).await?;
        assert_eq!(ready.status, 200, "runs go on");
        let is_said = ready.body.to_string().contains("could not be published");
        let is_waiting = server.log().contains("a new key does not sign until they are");
        Ok((is_said && is_waiting).then_some(()))
    });
    held.await?;
    let current = served_kids(&server).await?[0].clone();
    // More than a period later, by the server's own clock, which dates its answers.
    let since = date(&server).await?;
    wait_for("two periods to pass", PATIENCE, async || {
        Ok((date(&server).await?.duration_since(since).as_secs() > 12).then_some(()))
    })
    .await?;
    assert_eq!(served_kids(&server).await?[0], current, "the key that nobody could see does not sign");
    Ok(())
}

async fn date(server: &CarnetServer) -> anyhow::Result<jiff::Timestamp> {
    let pem = reqwest::Certificate::from_pem_bundle(server.ca_pem().as_bytes())?;
    let client = reqwest::Client::builder().no_proxy().tls_certs_only(pem).build()?;
    let answer = client.get(format!("{}/healthz", server.url())).send().await?;
    let date = answer.headers().get("date").context("a date")?.to_str()?;
    Ok(jiff::fmt::rfc2822::parse(date)?.timestamp())
}

#[tokio::test]
async fn the_documents_of_a_server_are_published_by_hand_to_a_folder_and_to_a_bucket() -> anyhow::Result<()> {
    let ca = CertificateAuthority::new()?;
    let seaweed = seaweed(&ca).await?;
    let options = ServerOptions { agent: EmbeddedAgent::Off, ..ServerOptions::default() };
    let server = CarnetServer::start(options).await?;
    let folder = tempfile::tempdir()?;
    let to = folder.path().join("site").display().to_string();
    let url = server.url();
    let first = ["issuer", "publish", "--server", &url, "--to"];
    // The issuer's own URL shows what was published: it is the server.
    let printed = server.command(&[&first[..], &[&to]].concat()).await?;
    check(&printed, true, "are published to");
    let written = std::fs::read(folder.path().join("site/.well-known/jwks"))?;
    assert_eq!(kids(&serde_json::from_slice(&written)?), served_kids(&server).await?);
    assert!(folder.path().join("site/.well-known/openid-configuration").is_file());

    let bucket = format!("s3://{BUCKET}/below");
    let environment = seaweed.environment();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(key, value)| (&**key, &**value)).collect();
    let more = [bucket.as_str(), "--max-age", "120", "--no-verify"];
    check(&server.command_with(&[&first[..], &more].concat(), &environment).await?, true, "are published to");
    let answer = public(&seaweed, "/below/.well-known/jwks").await?;
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "public, max-age=120");
    assert_eq!(kids(&answer.json().await?), served_kids(&server).await?);

    // A secret that is wrong is not repeated, and what to look at is said.
    let wrong: Vec<_> = environment
        .iter()
        .map(
            |(key, value)| {
                if *key == "AWS_SECRET_ACCESS_KEY" { (*key, "wrong-secret") } else { (*key, *value) }
            },
        )
        .collect();
    let refused = server.command_with(&[&first[..], &more].concat(), &wrong).await?;
    let text = check(&refused, false, "do the credentials allow writing?");
    assert!(!text.contains("wrong-secret"), "{text}");
    Ok(())
}

#[tokio::test]
async fn the_real_server_passes_the_look_from_outside_and_a_missing_key_does_not() -> anyhow::Result<()> {
    let options = ServerOptions { agent: EmbeddedAgent::Off, ..ServerOptions::default() };
    let server = CarnetServer::start(options).await?;
    let (url, kid) = (server.url(), served_kids(&server).await?[0].clone());
    let text =
        check(&server.command(&["issuer", "verify", &url, "--kid", &kid]).await?, true, "is published");
    assert!(!text.contains("FAIL"), "{text}");
    let missing = server.command(&["issuer", "verify", &url, "--kid", "another"]).await?;
    check(&missing, false, "is not in it");
    let json = server.command(&["issuer", "verify", &url, "--format", "json"]).await?;
    let report: Value = serde_json::from_slice(&json.stdout)?;
    assert_eq!(report["verdict"], "warn", "the address of this machine is none of the internet: {report}");
    let usage = server.command(&["issuer", "verify"]).await?;
    assert_eq!(usage.status.code(), Some(2));
    Ok(())
}
