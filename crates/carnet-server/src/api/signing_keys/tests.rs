use std::sync::Arc;
use std::time::Duration;

use carnet_issuer::{Expected, Issuer, KeyRing, SigningKey, verify_token};
use carnet_model::IssuerName;
use carnet_store::StoredPrivateKey;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::app::App;
use crate::router;
use crate::testing::{ADMIN, FakeAgent, Project, URL};

const ROTATE: &str = "/api/v2/admin/oidc-settings/actions/rotate-key";
const TRIM: &str = "/api/v2/admin/oidc-settings/actions/trim-key";

async fn kids(project: &Project) -> Vec<String> {
    let answer = project.server.call("GET", "/.well-known/jwks", "", Value::Null).await.json();
    let keys = answer["keys"].as_array().expect("a list");
    keys.iter().map(|key| key["kid"].as_str().expect("text").to_owned()).collect()
}

fn kid_of(project: &Project, minted: &Value) -> String {
    let issuer = project.server.app.issuer.known();
    let audience = "vault.workload.identity".parse().expect("an audience");
    let expected = Expected { issuer: issuer.url(), audience: &audience };
    let token = minted["token"].as_str().expect("a token");
    verify_token(token, &issuer.jwks(), expected, project.server.app.now()).expect("verified").kid.to_string()
}

#[tokio::test]
async fn a_rotated_key_stays_published_until_its_tokens_have_ended() {
    let project = Project::new().await;
    let server = &project.server;
    let agent = FakeAgent::new(server).await;
    project.run(json!({})).await;
    let job = agent.claim().await;
    let (_, first) = job.mint().await;
    let before = kids(&project).await;
    assert_eq!((before.len(), kid_of(&project, &first)), (1, before[0].clone()));

    assert_eq!(server.request("POST", ROTATE, ADMIN, Value::Null).await, (204, Value::Null));
    let after = kids(&project).await;
    assert_eq!((after.len(), &after[1]), (2, &before[0]), "the new key and the one before");
    let (status, second) = job.mint().await;
    assert_eq!((status, kid_of(&project, &second)), (201, after[0].clone()), "signed by the new key");
    assert_eq!(kid_of(&project, &first), before[0], "a token of before still verifies");

    let (status, refused) = server.request("POST", TRIM, ADMIN, Value::Null).await;
    let detail = refused["errors"][0]["detail"].as_str().expect("a reason");
    assert_eq!(status, 409);
    assert!(detail.contains("valid until 2026-01-05T10:11:00Z"), "{detail}");
    assert_eq!(kids(&project).await.len(), 2);

    server.advance(Duration::from_secs(11 * 60));
    assert_eq!(server.request("POST", TRIM, ADMIN, Value::Null).await.0, 204);
    assert_eq!(kids(&project).await, [after[0].clone()]);
    assert_eq!(server.request("POST", TRIM, ADMIN, Value::Null).await.0, 204, "nothing is left to do");
    assert_eq!(kids(&project).await, [after[0].clone()], "the key that signs stays");
}

#[tokio::test]
async fn to_others_nothing_is_there() {
    let project = Project::new().await;
    let before = kids(&project).await;
    for (token, expected) in
        [(project.token.as_str(), 404), (project.server.agent_token.as_str(), 404), ("", 401)]
    {
        for path in [ROTATE, TRIM] {
            assert_eq!(project.server.request("POST", path, token, Value::Null).await.0, expected, "{path}");
        }
    }
    assert_eq!(kids(&project).await, before);
}

#[tokio::test]
async fn another_server_of_the_same_database_signs_and_publishes_with_the_new_key() {
    let project = Project::new().await;
    let app = &project.server.app;
    let stored =
        app.store.read().await.expect("a transaction").signing_keys(&IssuerName::Site).await.expect("keys");
    let StoredPrivateKey::Here(pkcs8) = &stored[0].private else { panic!("the key is elsewhere") };
    let key = SigningKey::from_pkcs8(pkcs8).expect("a key");
    let clock = Arc::clone(&app.clock);
    let second = Arc::new(App {
        store: app.store.clone(),
        settings: app.settings.clone(),
        issuer: Issuer::new(URL.parse().expect("a URL"), KeyRing::single(key)).into(),
        clock,
        jobs_waiting: Notify::new(),
        ledger: Default::default(),
    });
    let _ = router(Arc::clone(&second));
    assert_eq!(project.server.request("POST", ROTATE, ADMIN, Value::Null).await.0, 204);
    let current = app.issuer.known().ring().current().expect("a key").kid().clone();
    assert_ne!(
        second.issuer.known().ring().current().expect("a key").kid(),
        &current,
        "it has not looked yet"
    );
    let mut tx = second.store.read().await.expect("a transaction");
    let fresh = second.issuer.fresh(&mut tx).await.expect("an issuer");
    assert_eq!(fresh.ring().current().expect("a key").kid(), &current);
    assert_eq!(fresh.jwks().keys.len(), 2);
    assert!(Arc::ptr_eq(&fresh, &second.issuer.fresh(&mut tx).await.expect("an issuer")), "read once");
}
