//! Keys in a place that is away, has no other key, or does not sign.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use carnet_issuer::{
    Jti, KeyReference, KeySource, KeySourceError, KeySources, MintRequest, PublicJwk, SigningKey,
};
use carnet_model::{IssuerName, KeyState, Phase, RotationPolicy, WorkloadIdentity};
use serde_json::{Value, json};

use super::rotate_due_keys;
use super::tests::second_server;
use crate::app::{App, Settings};
use crate::error::ApiError;
use crate::oidc::{LiveIssuer, load_issuer};
use crate::testing::{ADMIN, FakeAgent, Project, TestServer, URL};

const MINUTE: Duration = Duration::from_secs(60);
const SITE: &str = "/api/carnet/v1/admin/issuers/site";

/// Making a key takes long in debug builds.
static KEYS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let key = |_| SigningKey::generate().expect("a key").to_pkcs8().expect("bytes").to_vec();
    (0..4).map(key).collect()
});

/// A place with a few keys.
#[derive(Debug, Default)]
struct Place {
    made: AtomicUsize,
    is_away: AtomicBool,
    has_one_key: AtomicBool,
    signs_nothing: AtomicBool,
}

impl Place {
    fn set(flag: &AtomicBool, value: bool) {
        flag.store(value, Ordering::SeqCst);
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    fn check(&self) -> Result<(), KeySourceError> {
        match self.is_away.load(Ordering::SeqCst) {
            false => Ok(()),
            true => Err(KeySourceError::Unreachable {
                place: "OpenBao at https://bao.internal".to_owned(),
                source: "connection refused".into(),
            }),
        }
    }
}

#[async_trait]
impl KeySource for Place {
    fn scheme(&self) -> &'static str {
        "transit"
    }

    async fn make(&self) -> Result<(KeyReference, PublicJwk), KeySourceError> {
        self.check()?;
        let number = match self.has_one_key.load(Ordering::SeqCst) {
            true => 0,
            false => self.made.fetch_add(1, Ordering::SeqCst),
        };
        let key = SigningKey::from_pkcs8(&KEYS[number]).expect("a key");
        Ok((KeyReference::new("transit", &format!("transit/carnet#{number}")), key.public().clone()))
    }

    async fn sign(&self, reference: &KeyReference, message: &[u8]) -> Result<Vec<u8>, KeySourceError> {
        self.check()?;
        if self.signs_nothing.load(Ordering::SeqCst) {
            let (place, reason) = ("OpenBao".to_owned(), "its policy lacks transit/sign".to_owned());
            return Err(KeySourceError::Denied { place, reason });
        }
        let number: usize = reference.rest().rsplit('#').next().expect("a number").parse().expect("a number");
        let pair = KeyPair::from_pkcs8(&KEYS[number]).expect("a key");
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).expect("signed");
        Ok(signature)
    }
}

fn sources(place: &Arc<Place>) -> KeySources {
    KeySources::local().making_keys_in(Arc::clone(place) as Arc<dyn KeySource>)
}

/// A site whose key is here, and whose next ones are made in the place.
async fn project(place: &Arc<Place>) -> Project {
    let key_rotation = RotationPolicy {
        period: Some(60 * MINUTE),
        announcement: Duration::ZERO,
        ..Settings::new(URL).key_rotation
    };
    let settings = Settings { key_rotation, ..Settings::new(URL) };
    Project::on(TestServer::with_key_sources(settings, sources(place)).await).await
}

async fn work(app: &App) {
    rotate_due_keys(app).await.expect("looked after");
}

async fn states(app: &App) -> Vec<KeyState> {
    let keys = app.store.read().await.expect("a transaction").issuer_keys(&IssuerName::Site).await;
    keys.expect("keys").iter().map(|key| key.state).collect()
}

async fn active(app: &App) -> String {
    let keys = app.store.read().await.expect("a transaction").issuer_keys(&IssuerName::Site).await;
    keys.expect("keys").active().expect("a key").kid.clone()
}

async fn asked(server: &TestServer, action: &str, attributes: Value) -> (u16, Value) {
    let body = json!({ "data": { "type": "issuers", "attributes": attributes } });
    server.request("POST", &format!("{SITE}/actions/{action}"), ADMIN, body).await
}

async fn listing(server: &TestServer) -> Value {
    server.request("GET", &format!("{SITE}/keys"), ADMIN, Value::Null).await.1
}

async fn readiness(server: &TestServer) -> String {
    let answer = server.call("GET", "/readyz", "", Value::Null).await;
    assert_eq!(answer.status, 200, "a load balancer keeps the server");
    answer.text()
}

#[tokio::test]
async fn a_place_that_has_no_other_key_changes_nothing_and_says_so() {
    let place = Arc::new(Place::default());
    Place::set(&place.has_one_key, true);
    let project = project(&place).await;
    let (server, app) = (&project.server, &project.server.app);
    assert_eq!(asked(server, "rotate", json!({ "at-once": true })).await.0, 200);
    let kid = active(app).await;
    let before = states(app).await;

    for attributes in [json!({}), json!({ "at-once": true })] {
        let (status, refused) = asked(server, "rotate", attributes).await;
        let detail = refused["errors"][0]["detail"].as_str().expect("a reason");
        assert_eq!(status, 409, "{refused}");
        assert!(detail.contains("transit:transit/carnet#0") && detail.contains("--signing-keys"), "{detail}");
    }
    assert_eq!(states(app).await, before);
    server.advance(61 * MINUTE);
    work(app).await;
    assert_eq!((states(app).await, active(app).await), (vec![KeyState::Active], kid.clone()), "scheduled");
    let held_back = listing(server).await["held_back"].as_str().expect("a reason").to_owned();
    assert!(held_back.contains("has no other key"), "{held_back}");
    assert!(readiness(server).await.contains("signing keys cannot be replaced"));

    // The key ends although nothing takes its place, and does not come back with a restart.
    let (status, report) = asked(server, "revoke", json!({ "kid": kid })).await;
    assert_eq!((status, &report["was"], &report["replacement"]), (200, &json!("active"), &Value::Null));
    assert!(report["not_replaced"].as_str().expect("a reason").contains("has no other key"), "{report}");
    assert_eq!(states(app).await, []);
    let jwks = server.call("GET", "/.well-known/jwks", "", Value::Null).await.json();
    assert_eq!(jwks, json!({ "keys": [] }));
    let url = URL.parse().expect("a URL");
    let again = load_issuer(&app.store, url, sources(&place), app.now()).await.expect("it starts");
    assert!(again.known().ring().current().is_none());
    let stored = app.store.read().await.expect("a transaction").key_state(&kid).await.expect("read");
    assert_eq!(stored, Some(KeyState::Revoked));
}

#[tokio::test]
async fn a_key_is_revoked_while_its_place_is_away_and_the_next_signs_when_it_is_back() {
    let place = Arc::new(Place::default());
    let project = project(&place).await;
    let (server, app) = (&project.server, &project.server.app);
    let agent = FakeAgent::new(server).await;
    let local = active(app).await;
    assert_eq!(asked(server, "rotate", json!({ "at-once": true })).await.0, 200);
    project.run(json!({})).await;
    let job = agent.claim().await;
    assert_eq!(job.mint().await.0, 201);
    let made = place.made();

    Place::set(&place.is_away, true);
    let (status, report) = asked(server, "revoke", json!({ "kid": local })).await;
    assert_eq!((status, &report["was"], &report["not_replaced"]), (200, &json!("retired"), &Value::Null));
    let kid = active(app).await;
    let (status, report) = asked(server, "revoke", json!({ "kid": kid })).await;
    assert_eq!((status, &report["was"], &report["tokens_alive"]), (200, &json!("active"), &json!(1)));
    let reason = report["not_replaced"].as_str().expect("a reason");
    assert!(reason.contains("https://bao.internal") && reason.contains("connection refused"), "{reason}");
    assert_eq!(states(app).await, []);

    let (status, refused) = job.mint().await;
    assert_eq!(status, 503, "{refused}");
    assert!(refused.to_string().contains("no key signs since the last one was revoked"), "{refused}");
    work(app).await;
    assert!(readiness(server).await.contains("identity tokens cannot be signed"));
    let listed = listing(server).await;
    assert!(listed["not_signing"].as_str().expect("a reason").contains("https://bao.internal"), "{listed}");

    Place::set(&place.is_away, false);
    work(app).await;
    assert_eq!((states(app).await, place.made()), (vec![KeyState::Active], made + 1));
    assert_eq!((job.mint().await.0, readiness(server).await.as_str()), (201, "ready\n"));
    // A key that signs no more needs no other one.
    assert_eq!(asked(server, "revoke", json!({ "kid": kid })).await.1["was"], "revoked");
    assert_eq!(place.made(), made + 1);
}

#[tokio::test]
async fn a_key_whose_place_does_not_sign_does_not_take_over() {
    let place = Arc::new(Place::default());
    let project = project(&place).await;
    let (server, app) = (&project.server, &project.server.app);
    let agent = FakeAgent::new(server).await;
    let local = active(app).await;

    // It is made once, however often it is tried.
    Place::set(&place.signs_nothing, true);
    server.advance(54 * MINUTE);
    work(app).await;
    work(app).await;
    assert_eq!((states(app).await, place.made()), (vec![KeyState::Active], 1));
    Place::set(&place.signs_nothing, false);
    work(app).await;
    assert_eq!((states(app).await, place.made()), (vec![KeyState::Active, KeyState::Published], 1));

    Place::set(&place.signs_nothing, true);
    server.advance(30 * MINUTE);
    work(app).await;
    assert_eq!(active(app).await, local, "what signs goes on");
    project.run(json!({})).await;
    assert_eq!(agent.claim().await.mint().await.0, 201);
    let held_back = listing(server).await["held_back"].as_str().expect("a reason").to_owned();
    assert!(held_back.contains("its policy lacks transit/sign"), "{held_back}");
    assert_eq!(asked(server, "rotate", json!({ "at-once": true })).await.0, 503);
    assert_eq!(active(app).await, local);

    Place::set(&place.signs_nothing, false);
    work(app).await;
    assert_ne!(active(app).await, local);
    assert_eq!(listing(server).await["held_back"], Value::Null);
    assert_eq!(asked(server, "rotate", json!({ "at-once": true })).await.0, 200);
    assert_eq!(place.made(), 2, "what the refused rotation made was taken");
}

#[tokio::test]
async fn a_place_that_goes_away_is_noticed_before_a_run_fails() {
    let place = Arc::new(Place::default());
    let project = project(&place).await;
    let (server, app) = (&project.server, &project.server.app);
    assert_eq!(asked(server, "rotate", json!({ "at-once": true })).await.0, 200);
    work(app).await;
    assert_eq!(readiness(server).await, "ready\n");
    Place::set(&place.is_away, true);
    server.advance(MINUTE);
    work(app).await;
    let said = readiness(server).await;
    assert!(said.contains("identity tokens cannot be signed") && !said.contains("bao.internal"), "{said}");
    let listed = listing(server).await;
    assert!(listed["not_signing"].as_str().expect("a reason").contains("connection refused"), "{listed}");
    Place::set(&place.is_away, false);
    work(app).await;
    assert_eq!(readiness(server).await, "ready\n");
}

#[tokio::test]
async fn of_servers_that_race_for_a_rotation_none_leaves_a_key_behind() {
    let place = Arc::new(Place::default());
    let project = project(&place).await;
    let (server, app) = (&project.server, &project.server.app);
    let second = second_server(app, |issuer: LiveIssuer| issuer.with_trusted_clock()).await;
    let unused = app.issuer.new_key(app.now()).await.expect("a key").kid();
    let used = app.issuer.new_key(app.now()).await.expect("a key");
    assert_eq!((used.kid(), place.made()), (unused, 1), "the one that nobody stored is taken again");
    drop(used);
    server.advance(60 * MINUTE);
    tokio::join!(work(app), work(&second));
    assert_eq!(states(app).await, [KeyState::Active, KeyState::Published]);
    assert_eq!(place.made(), 1);
}

#[tokio::test]
async fn a_token_whose_key_was_revoked_before_it_got_out_is_not_handed_out() {
    let project = project(&Arc::default()).await;
    let (server, app) = (&project.server, &project.server.app);
    let second = second_server(app, LiveIssuer::with_trusted_clock).await;
    let organization = &project.organization.id;
    let issuer = second
        .issuer
        .fresh_for(&mut second.store.read().await.expect("a transaction"), organization)
        .await
        .expect("an issuer");
    let draft = || {
        let request = MintRequest {
            audience: "vault.workload.identity".parse().expect("an audience"),
            lifetime: MINUTE,
            jti: Jti::from_entropy([7; 16]),
        };
        issuer.draft(&identity(&project), request, app.now()).expect("a draft")
    };
    assert!(second.issuer.sign(&second.store, &issuer, organization, draft()).await.is_ok());
    let late = draft();
    let kid = active(app).await;
    assert_eq!(asked(server, "revoke", json!({ "kid": kid })).await.0, 200);
    let refused = second.issuer.sign(&second.store, &issuer, organization, late).await;
    assert!(
        matches!(&refused, Err(ApiError::Unsigned { detail, .. }) if detail.contains("revoked meanwhile"))
    );
}

fn identity(project: &Project) -> WorkloadIdentity {
    WorkloadIdentity {
        organization_id: project.organization.id.clone(),
        organization_name: project.organization.name.clone(),
        project_id: project.workspace.project_id.clone(),
        project_name: "Default Project".parse().expect("a name"),
        workspace_id: project.workspace.id.clone(),
        workspace_name: project.workspace.name.clone(),
        run_id: "run-X3n1AUXNGWbfECsJ".parse().expect("an id"),
        phase: Phase::Plan,
    }
}
