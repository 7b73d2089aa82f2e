//! OpenBao signs every token with a key that never leaves it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use carnet_issuer::KeySource as _;
use carnet_issuer::transit::{TransitClient, TransitCredential, TransitKeys, TransitSettings};
use carnet_tests::{OpenBao, wait_for};
use serde_json::{Value, json};

use super::{SIGNING, Transit, WRAPPING, files_below};
use crate::process_table::contains;
use crate::site::{PASSWORD, Site, id, script, sha256, status};

const PATIENCE: Duration = Duration::from_secs(60);

/// The start of every RSA private key in PKCS#8 (RFC 5958, RFC 8017): version 0, then the algorithm identifier.
const PKCS8_MARKER: &[u8] =
    &[0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

async fn kids(site: &Site) -> anyhow::Result<Vec<String>> {
    let answer = site.server.anonymous()?.request("GET", "/.well-known/jwks", None).await?.success()?;
    let keys = answer["keys"].as_array().context("keys")?;
    Ok(keys.iter().filter_map(|key| key["kid"].as_str().map(str::to_owned)).collect())
}

#[tokio::test]
async fn a_server_unseals_and_signs_by_openbao_and_has_no_private_key_anywhere() -> anyhow::Result<()> {
    let transit = Transit::start().await?;
    let options = transit.options(&["--signing-keys", SIGNING, "--master-key-wrapper", WRAPPING]);
    let mut site = Site::start_with(options).await?;
    let workspace = site.trusted("net").await?;

    let run = site.api.run_to_end(&workspace, &script("reader", &site.read_secret())).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}\n{}", site.server.log());
    assert!(log.contains(&sha256(PASSWORD).await?), "{log}");
    let minted = site.api.identity_tokens(&workspace).await?.len();
    assert!(minted >= 2, "a token of the plan and one of the apply");
    let signed = transit.requests("transit/sign/carnet-signing")?;
    assert_eq!(
        signed,
        minted + 1,
        "OpenBao has signed every token, and once at the start, to see whether it does"
    );

    // The other one, after a start that unwraps the master key again and a rotation that makes a version.
    site.server.terminate().await?;
    site.server.restart().await?;
    let before = kids(&site).await?;
    let rotated = site.server.command(&["admin", "rotate-key", "--server", &site.server.url()]).await?;
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    let run = site.api.run_to_end(&workspace, &script("again", &site.read_secret())).await?;
    assert_eq!(status(&run), "applied", "{}", site.api.run_log(id(&run)).await?);
    let after = kids(&site).await?;
    assert!(after.len() == 2 && after.contains(&before[0]), "{before:?} {after:?}");
    let key = transit.bao.admin("GET", "transit/keys/carnet-signing", Value::Null).await?;
    assert_eq!((&key["data"]["latest_version"], &key["data"]["exportable"]), (&json!(2), &json!(false)));

    sweep(&transit, &site).await
}

/// Nothing of a private key, no master key in the clear and no token of OpenBao lies in the data directory or the log.
async fn sweep(transit: &Transit, site: &Site) -> anyhow::Result<()> {
    let data = site.server.data_dir();
    let files = files_below(&data)?;
    let named = |name: &str| files.iter().any(|(path, _)| path.ends_with(name));
    assert!(named("master.key.wrapped") && !named("master.key"), "the master key is wrapped only");
    let wrapped = std::fs::read_to_string(data.join("master.key.wrapped"))?;
    let ciphertext = serde_json::from_str::<Value>(&wrapped)?["ciphertext"].clone();
    let opened =
        transit.bao.admin("POST", "transit/decrypt/carnet-master", json!({"ciphertext": ciphertext})).await?;
    let master = opened["data"]["plaintext"].as_str().context("a key")?.to_owned();
    let plain = base64_decoded(&master)?;
    let token = std::fs::read_to_string(transit.token_file())?;
    for (path, bytes) in files.into_iter().chain([("the log".into(), site.server.log().into_bytes())]) {
        let has = |part: &[u8]| contains(&bytes, part);
        // The key of the server's own TLS is of another kind: ECDSA.
        assert!(!has(PKCS8_MARKER), "{} holds a private RSA key", path.display());
        assert!(!has(b"BEGIN RSA PRIVATE KEY"), "{} holds a private RSA key", path.display());
        assert!(!has(master.as_bytes()) && !has(&plain), "{} holds the master key", path.display());
        assert!(!has(token.as_bytes()), "{} holds the token of OpenBao", path.display());
    }
    Ok(())
}

fn base64_decoded(text: &str) -> anyhow::Result<Vec<u8>> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    Ok(BASE64_STANDARD.decode(text)?)
}

#[tokio::test]
async fn a_local_key_goes_on_until_the_rotation_that_moves_signing_to_openbao() -> anyhow::Result<()> {
    let transit = Transit::start().await?;
    let mut site = Site::start_with(transit.options(&[])).await?;
    let workspace = site.trusted("net").await?;
    let local = kids(&site).await?;
    site.server.terminate().await?;
    site.server.push_arguments(&["--signing-keys", SIGNING]);
    site.server.restart().await?;
    assert_eq!(kids(&site).await?, local, "nothing changes by itself");
    let run = site.api.run_to_end(&workspace, &script("reader", &site.read_secret())).await?;
    assert_eq!(status(&run), "applied");
    assert_eq!(transit.requests("transit/sign/carnet-signing")?, 0);

    let rotated = site.server.command(&["admin", "rotate-key", "--server", &site.server.url()]).await?;
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    let mixed = kids(&site).await?;
    assert!(mixed.len() == 2 && mixed.contains(&local[0]), "{mixed:?}");
    let run = site.api.run_to_end(&workspace, &script("again", &site.read_secret())).await?;
    assert_eq!(status(&run), "applied");
    assert!(transit.requests("transit/sign/carnet-signing")? >= 2);
    Ok(())
}

#[tokio::test]
async fn a_run_is_told_when_openbao_does_not_sign_and_a_new_token_in_the_file_helps() -> anyhow::Result<()> {
    let transit = Transit::start().await?;
    let site = Site::start_with(transit.options(&["--signing-keys", SIGNING])).await?;
    let workspace = site.trusted("net").await?;
    let token = std::fs::read_to_string(transit.token_file())?;
    transit.bao.admin("POST", "auth/token/revoke", json!({"token": token})).await?;

    let run = site.api.run_to_end(&workspace, &script("reader", "true")).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "errored", "{log}");
    assert!(log.contains("renew its credential or its policy"), "{log}");
    assert!(
        !log.contains(transit.bao.address()),
        "the address of OpenBao is not the concern of a run: {log}"
    );
    assert!(site.server.log().contains("docs/key-sources.md"), "{}", site.server.log());
    assert_eq!(site.bao.logins()?.len(), 0, "nobody had a token to log in with");

    transit.write_token(&transit.new_token().await?)?;
    let run = site.api.run_to_end(&workspace, &script("reader", &site.read_secret())).await?;
    assert_eq!(status(&run), "applied", "{}", site.api.run_log(id(&run)).await?);
    Ok(())
}

#[tokio::test]
async fn a_key_in_openbao_is_revoked_while_openbao_refuses_and_the_next_one_comes_by_itself()
-> anyhow::Result<()> {
    let transit = Transit::start().await?;
    let mut site = Site::start_with(transit.options(&["--signing-keys", SIGNING])).await?;
    let kid = kids(&site).await?[0].clone();
    let token = std::fs::read_to_string(transit.token_file())?;
    transit.bao.admin("POST", "auth/token/revoke", json!({"token": token})).await?;

    let url = site.server.url();
    let revoked = site.server.command(&["issuer", "revoke", &kid, "--server", &url]).await?;
    let text =
        format!("{}{}", String::from_utf8_lossy(&revoked.stdout), String::from_utf8_lossy(&revoked.stderr));
    assert!(revoked.status.success(), "{text}");
    for expected in ["is revoked; it was active", "No key signs now", "docs/key-sources.md"] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert_eq!(kids(&site).await?, [""; 0], "it is in no key set");
    // A start changes nothing about it.
    site.server.terminate().await?;
    site.server.restart().await?;
    assert_eq!(kids(&site).await?, [""; 0]);
    wait_for("the server to say it", PATIENCE, async || {
        let ready = site.server.anonymous()?.request("GET", "/readyz", None).await?;
        let listed = site.server.command(&["issuer", "keys", "--server", &site.server.url()]).await?;
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let is_said = ready.body.to_string().contains("identity tokens cannot be signed");
        Ok((is_said && listed.contains("NOT SIGNING: no key signs")).then_some(()))
    })
    .await?;

    transit.write_token(&transit.new_token().await?)?;
    let next = wait_for("another key", PATIENCE, async || Ok(kids(&site).await?.first().cloned())).await?;
    assert_ne!(next, kid);
    let key = transit.bao.admin("GET", "transit/keys/carnet-signing", Value::Null).await?;
    assert_eq!(key["data"]["latest_version"], json!(2), "nothing is left behind");
    Ok(())
}

#[tokio::test]
async fn two_makers_of_keys_that_work_at_once_each_get_their_own_version() -> anyhow::Result<()> {
    let transit = Transit::start().await?;
    let pem = reqwest::Certificate::from_pem(&std::fs::read(transit.ca.pem_file())?)?;
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([pem]).build()?;
    let settings = TransitSettings {
        address: transit.bao.address().parse()?,
        namespace: None,
        credential: TransitCredential::TokenFile(transit.token_file()),
    };
    let client = Arc::new(TransitClient::new(http, settings));
    let keys = TransitKeys::new(client, "transit/carnet-signing")?;
    let mut made = vec![keys.make().await?];
    for _ in 0..4 {
        let (first, second) = tokio::join!(keys.make(), keys.make());
        made.extend([first?, second?]);
    }
    let references: BTreeSet<_> = made.iter().map(|(reference, _)| reference.to_string()).collect();
    let names: BTreeSet<_> = made.iter().map(|(_, public)| public.kid().to_string()).collect();
    assert_eq!((references.len(), names.len()), (9, 9), "{references:?}");
    Ok(())
}

#[tokio::test]
async fn a_server_logs_in_by_approle_and_again_when_its_token_has_ended() -> anyhow::Result<()> {
    let transit = Transit::start().await?;
    let bao = &transit.bao;
    bao.admin("POST", "sys/auth/approle", json!({"type": "approle"})).await?;
    let role = json!({"token_policies": ["carnet"], "token_ttl": "1h"});
    bao.admin("POST", "auth/approle/role/carnet", role).await?;
    let role = bao.admin("GET", "auth/approle/role/carnet/role-id", Value::Null).await?;
    let secret = bao.admin("POST", "auth/approle/role/carnet/secret-id", json!({})).await?;
    let secret_file = transit.folder.path().join("secret-id");
    std::fs::write(&secret_file, secret["data"]["secret_id"].as_str().context("a secret id")?)?;

    let mut options = transit.options(&["--signing-keys", SIGNING]);
    options.arguments = transit.address();
    options.arguments.extend(
        [
            "--transit-role-id",
            role["data"]["role_id"].as_str().context("a role id")?,
            "--transit-secret-id-file",
            &secret_file.display().to_string(),
            "--signing-keys",
            SIGNING,
        ]
        .map(str::to_owned),
    );
    let site = Site::start_with(options).await?;
    let workspace = site.trusted("net").await?;
    let run = site.api.run_to_end(&workspace, &script("reader", "true")).await?;
    assert_eq!(status(&run), "applied", "{}", site.api.run_log(id(&run)).await?);

    bao.admin("POST", "sys/leases/revoke-prefix/auth/approle/login", json!({})).await?;
    let run = site.api.run_to_end(&workspace, &script("again", "true")).await?;
    assert_eq!(status(&run), "applied", "{}\n{}", site.api.run_log(id(&run)).await?, site.server.log());
    assert_eq!(logins(bao)?, 2, "one at the start, one after the token was revoked");
    Ok(())
}

fn logins(bao: &OpenBao) -> anyhow::Result<usize> {
    let entries = bao.audit_log()?;
    let is_login = |entry: &&Value| {
        entry["type"] == "response"
            && entry["request"]["path"] == "auth/approle/login"
            && entry["error"].is_null()
    };
    Ok(entries.iter().filter(is_login).count())
}
