//! The way to the server: retries, redirects, certificates.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use crate::{
    fake_vault::FakeVault,
    http::Answer,
    world::{World, env},
};

const ON: (&str, &str) = ("TFC_VAULT_PROVIDER_AUTH", "true");

/// Checks how many requests are made when the first ones are answered with a status.
async fn check_attempts(status: u16, times: usize, expected_calls: usize, is_obtained: bool) {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    for _ in 0..times {
        vault.answer_next(Answer::new(status, r#"{"errors":[]}"#));
    }
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", "r")];
    let result = world.obtain(&variables).await;
    assert_eq!(
        (vault.calls().len(), result.is_ok()),
        (expected_calls, is_obtained),
        "{status} {times} times"
    );
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_nothing_else() {
    for status in [412, 429, 500, 502, 503] {
        check_attempts(status, 2, 3, true).await;
    }
    check_attempts(503, 3, 4, true).await;
    check_attempts(503, 9, 4, false).await;
    for status in [400, 403, 404, 501] {
        check_attempts(status, 1, 1, false).await;
    }
}

#[tokio::test]
async fn a_standby_node_sends_us_to_the_active_one_once() {
    let mut world = World::new();
    let (standby, active) = (FakeVault::start(&world.clock).await, FakeVault::start(&world.clock).await);
    let redirect = |target: &str| {
        let location = format!("{target}/v1/auth/jwt/login");
        Answer { headers: vec![("location".to_owned(), location)], ..Answer::new(307, "") }
    };
    standby.answer_next(redirect(&active.address));
    let variables = [ON, ("TFC_VAULT_ADDR", standby.address.as_str()), ("TFC_VAULT_RUN_ROLE", "r")];
    let credentials = world.obtain(&variables).await.unwrap();
    assert_eq!(env(&credentials, "VAULT_TOKEN").as_deref(), Some("hvs.secret-1"));
    assert_eq!((standby.all_tokens().len(), active.all_tokens().len()), (0, 1));

    standby.answer_next(redirect(&active.address));
    active.answer_next(redirect(&standby.address));
    assert!(world.obtain(&variables).await.is_err(), "two nodes cannot send us in circles");

    standby.answer_next(redirect("https://127.0.0.1:1"));
    assert!(world.obtain(&variables).await.is_err(), "a redirect to another scheme is not followed");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_explained() {
    let mut world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let variables = [ON, ("TFC_VAULT_ADDR", address.as_str()), ("TFC_VAULT_RUN_ROLE", "r")];
    let text = world.obtain(&variables).await.expect_err("is refused").to_string();
    assert!(
        text.starts_with(&format!(
            "failed authenticating to Vault: POST {address}/v1/auth/jwt/login got no answer"
        )),
        "{text}"
    );
    assert!(text.contains("Connection refused"), "{text}");
    assert!(text.contains(&format!("likely fix: check that the agent can reach {address}")), "{text}");
}

/// A server whose certificate only its own authority vouches for, and that authority as base64 of PEM.
pub(crate) async fn private_server(world: &World) -> (FakeVault, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let vault = FakeVault::start_tls(&world.clock, TlsAcceptor::from(Arc::new(config))).await;
    (vault, BASE64_STANDARD.encode(made.cert.pem()))
}

#[tokio::test]
async fn only_the_given_authority_is_trusted() {
    let mut world = World::new();
    let (vault, authority) = private_server(&world).await;
    let variables = [
        ON,
        ("TFC_VAULT_ADDR", vault.address.as_str()),
        ("TFC_VAULT_RUN_ROLE", "r"),
        ("TFC_VAULT_ENCODED_CACERT", &authority),
    ];
    let mut credentials = world.obtain(&variables).await.unwrap();
    assert_eq!(env(&credentials, "VAULT_CACERT").as_deref(), Some("/h/tfc-vault-ca-cert.pem"));
    credentials.revoke().await;
    assert!(vault.living_tokens().is_empty());

    let (_, other) = private_server(&world).await;
    for variables in [&variables[..3], &[&variables[..3], &[("TFC_VAULT_ENCODED_CACERT", &other)]].concat()] {
        let text = world.obtain(variables).await.expect_err("is not trusted").to_string();
        assert!(text.contains("certificate"), "{text}");
        assert!(
            text.contains("likely fix: put the CA of this server into TFC_VAULT_ENCODED_CACERT"),
            "{text}"
        );
    }
}
