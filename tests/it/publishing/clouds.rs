//! Discovery and keys in the buckets of Azure and Google Cloud.

use carnet_tests::{
    Azurite, CarnetServer, CertificateAuthority, EmbeddedAgent, GoogleStorage, ServerOptions, wait_for,
};

use super::{PATIENCE, check, kids, served_kids};

fn borrowed(environment: &[(String, String)]) -> Vec<(&str, &str)> {
    environment.iter().map(|(key, value)| (&**key, &**value)).collect()
}

#[tokio::test]
async fn a_key_signs_when_a_container_of_azure_shows_it() -> anyhow::Result<()> {
    let azurite = Azurite::start().await?;
    azurite.create_public_container("oidc").await?;
    let issuer = azurite.container_url("oidc/acme");
    let arguments = ["--issuer-url", &issuer, "--publish-to", "az://oidc/acme", "--key-rotation", "6s"];
    let waits = ["--key-announcement", "1s", "--jwks-max-age", "1s", "--key-leeway", "100ms"];
    let server = CarnetServer::start(ServerOptions {
        agent: EmbeddedAgent::Off,
        arguments: arguments.into_iter().chain(waits).map(str::to_owned).collect(),
        environment: azurite.environment(),
        ..ServerOptions::default()
    })
    .await?;
    let first = served_kids(&server).await?[0].clone();
    let second = wait_for("the rotation", PATIENCE, async || {
        let current = served_kids(&server).await?[0].clone();
        Ok((current != first).then_some(current))
    })
    .await?;
    for path in ["/.well-known/jwks", "/.well-known/openid-configuration"] {
        let answer = reqwest::get(format!("{issuer}{path}")).await?;
        assert_eq!(answer.headers()["content-type"], "application/json", "{path}");
        assert_eq!(answer.headers()["cache-control"], "public, max-age=1", "{path}");
    }
    let published = kids(&reqwest::get(format!("{issuer}/.well-known/jwks")).await?.json().await?);
    assert!(published.contains(&second), "what signs was published before: {published:?}");
    assert!(!server.log().contains("it is written again"), "it reads what it wrote: {}", server.log());

    // A key that is wrong is not repeated, and what to look at is said.
    let mut wrong = azurite.environment();
    for (_, value) in wrong.iter_mut().filter(|(name, _)| name == "AZURE_STORAGE_ACCOUNT_KEY") {
        *value = "d3Jvbmcta2V5".to_owned();
    }
    let url = server.url();
    let arguments = ["issuer", "publish", "--server", &url, "--to", "az://oidc/acme", "--no-verify"];
    let refused = server.command_with(&arguments, &borrowed(&wrong)).await?;
    let text = check(&refused, false, "do the credentials allow writing?");
    assert!(!text.contains("d3Jvbmcta2V5"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_service_account_publishes_to_google_cloud_and_a_forger_does_not() -> anyhow::Result<()> {
    let ca = CertificateAuthority::new()?;
    let storage = GoogleStorage::start(&ca, "acme-oidc").await?;
    let server = CarnetServer::start(ServerOptions { agent: EmbeddedAgent::Off, ..ServerOptions::default() });
    let server = server.await?;
    let folder = tempfile::tempdir()?;
    let key_file = folder.path().join("key.json");
    let environment = [
        ("GOOGLE_APPLICATION_CREDENTIALS".to_owned(), key_file.display().to_string()),
        ("GOOGLE_BASE_URL".to_owned(), storage.url()),
        ("SSL_CERT_FILE".to_owned(), ca.pem_file().display().to_string()),
    ];
    let url = server.url();
    let to = ["issuer", "publish", "--server", &url, "--to", "gs://acme-oidc/below", "--no-verify"];

    std::fs::write(&key_file, storage.forged_key_file()?.to_string())?;
    let refused = server.command_with(&to, &borrowed(&environment)).await?;
    let text = check(&refused, false, "do the credentials allow writing?");
    assert!(!text.contains("PRIVATE KEY"), "{text}");
    assert!(storage.record().iter().all(|one| one.verdict == "AuthenticationRequired"), "{storage:?}");

    std::fs::write(&key_file, storage.key_file().to_string())?;
    let published = server.command_with(&to, &borrowed(&environment)).await?;
    check(&published, true, "are published to gs://acme-oidc/below");
    let written: Vec<_> = storage.record().into_iter().filter(|one| one.verdict == "accepted").collect();
    assert!(written[0].request.ends_with("jwks"), "the keys first: {written:?}");
    assert!(written[1].request.ends_with("configuration"), "{written:?}");

    let authority = reqwest::Certificate::from_pem(ca.pem().as_bytes())?;
    let world = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build()?;
    let address = format!("{}/acme-oidc/below/.well-known/jwks", storage.url());
    let answer = world.get(address).send().await?;
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "public, max-age=300");
    assert_eq!(kids(&answer.json().await?), served_kids(&server).await?);
    Ok(())
}
