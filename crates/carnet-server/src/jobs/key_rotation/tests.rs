use std::sync::Arc;
use std::time::Duration;

use carnet_issuer::{Issuer, KeyRing, SigningKey};
use carnet_model::{Confirmation, IssuerName, KeyState, RotationPolicy};
use carnet_store::StoredPrivateKey;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::rotate_due_keys;
use crate::app::{App, Settings};
use crate::oidc::LiveIssuer;
use crate::testing::{FakeAgent, Project, TestServer, URL};

const MINUTE: Duration = Duration::from_secs(60);

fn policy() -> RotationPolicy {
    RotationPolicy {
        period: Some(60 * MINUTE),
        announcement: Duration::ZERO,
        ..Settings::new(URL).key_rotation
    }
}

/// A server whose waits are those of the cache alone.
async fn project(policy: RotationPolicy) -> Project {
    let settings = Settings { key_rotation: policy, ..Settings::new(URL) };
    Project::on(TestServer::with_settings(settings).await).await
}

async fn kids(server: &TestServer) -> Vec<String> {
    let answer = server.call("GET", "/.well-known/jwks", "", Value::Null).await.json();
    let keys = answer["keys"].as_array().expect("a list");
    keys.iter().map(|key| key["kid"].as_str().expect("text").to_owned()).collect()
}

async fn states(app: &App) -> Vec<KeyState> {
    let keys = app.store.read().await.expect("a transaction").issuer_keys(&IssuerName::Site).await;
    keys.expect("keys").iter().map(|key| key.state).collect()
}

async fn work(app: &App) {
    rotate_due_keys(app).await.expect("looked after");
}

#[tokio::test]
async fn a_key_is_published_before_it_signs_and_removed_when_its_tokens_have_ended() {
    let wait = policy().cache_wait();
    let project = project(RotationPolicy { period: Some(wait + 60 * MINUTE), ..policy() }).await;
    let (server, app) = (&project.server, &project.server.app);
    let agent = FakeAgent::new(server).await;
    let before = kids(server).await;
    work(app).await;
    assert_eq!(states(app).await, [KeyState::Active]);

    server.advance(59 * MINUTE);
    work(app).await;
    assert_eq!(states(app).await, [KeyState::Active, KeyState::Prepared], "made a minute ahead");
    assert_eq!(kids(server).await, before, "and not shown");
    server.advance(MINUTE);
    work(app).await;
    let published = kids(server).await;
    assert_eq!((published.len(), &published[0]), (2, &before[0]), "the one that signs comes first");

    server.advance(wait - MINUTE);
    work(app).await;
    project.run(json!({})).await;
    let job = agent.claim().await;
    assert_eq!(job.mint().await.0, 201);
    let mut tx = app.store.read().await.expect("a transaction");
    let keys = tx.issuer_keys(&IssuerName::Site).await.expect("keys");
    assert!(keys.find(&before[0]).expect("there").last_expiry.is_some(), "the key before signs still");
    drop(tx);

    server.advance(MINUTE);
    work(app).await;
    assert_eq!(kids(server).await, [published[1].clone(), before[0].clone()]);
    assert_eq!(states(app).await, [KeyState::Retired, KeyState::Active]);
    server.advance(wait + 60 * MINUTE);
    work(app).await;
    assert!(!kids(server).await.contains(&before[0]), "none of its tokens is valid");
}

#[tokio::test]
async fn what_is_said_about_caching_is_what_rotation_waits_for() {
    let policy = RotationPolicy { published_lifetime: Duration::from_secs(17), ..policy() };
    let project = project(policy).await;
    for path in ["/.well-known/jwks", "/.well-known/openid-configuration"] {
        let answer = project.server.call("GET", path, "", Value::Null).await;
        assert_eq!(answer.headers["cache-control"], "public, max-age=17");
    }
}

#[tokio::test]
async fn a_key_that_nobody_outside_has_seen_waits() {
    let policy = RotationPolicy { confirmation: Confirmation::SeenOutside, ..policy() };
    let wait = policy.cache_wait();
    let project = project(policy).await;
    let (server, app) = (&project.server, &project.server.app);
    server.advance(60 * MINUTE);
    work(app).await;
    server.advance(10 * wait);
    work(app).await;
    assert_eq!(states(app).await, [KeyState::Active, KeyState::Published]);
    let upcoming = kids(server).await[1].clone();
    let mut tx = app.store.write().await.expect("a transaction");
    tx.note_key_seen_outside(&upcoming, app.now()).await.expect("noted");
    tx.commit().await.expect("committed");
    server.advance(wait);
    work(app).await;
    assert_eq!(states(app).await, [KeyState::Active, KeyState::Published], "it is looked for once more");
    let keys = app.store.read().await.expect("a transaction").issuer_keys(&IssuerName::Site).await;
    let seen = keys.expect("keys").find(&upcoming).expect("there").seen_outside_at;
    assert_eq!(seen, None, "the wait begins again when it is back");
}

/// Another server of the same database.
pub(super) async fn second_server(app: &App, clock: fn(LiveIssuer) -> LiveIssuer) -> Arc<App> {
    let stored = app.store.read().await.expect("a transaction").signing_keys(&IssuerName::Site).await;
    let StoredPrivateKey::Here(pkcs8) = &stored.as_ref().expect("keys")[0].private else {
        panic!("it is elsewhere")
    };
    let key = SigningKey::from_pkcs8(pkcs8).expect("a key");
    Arc::new(App {
        store: app.store.clone(),
        settings: app.settings.clone(),
        issuer: clock(Issuer::new(URL.parse().expect("a URL"), KeyRing::single(key)).into()),
        clock: Arc::clone(&app.clock),
        jobs_waiting: Notify::new(),
        ledger: Default::default(),
    })
}

#[tokio::test]
async fn of_two_servers_one_takes_each_step_and_both_sign_with_its_key() {
    let project = project(policy()).await;
    let (server, app) = (&project.server, &project.server.app);
    let second = second_server(app, LiveIssuer::with_trusted_clock).await;
    for _ in 0..3 {
        server.advance(60 * MINUTE);
        tokio::join!(work(app), work(&second));
        server.advance(policy().cache_wait());
        tokio::join!(work(app), work(&second));
        let all = states(app).await;
        let count = |state| all.iter().filter(|found| **found == state).count();
        assert_eq!((count(KeyState::Active), count(KeyState::Published)), (1, 0), "{all:?}");
        let mut tx = second.store.read().await.expect("a transaction");
        let (here, there) = (app.issuer.fresh(&mut tx).await, second.issuer.fresh(&mut tx).await);
        let (here, there) = (here.expect("an issuer"), there.expect("an issuer"));
        assert_eq!(here.ring().current().expect("a key").kid(), there.ring().current().expect("a key").kid());
        assert_eq!(here.jwks().keys, there.jwks().keys);
    }
}

#[tokio::test]
async fn a_clock_that_was_set_begins_the_wait_again() {
    let project = project(policy()).await;
    let (server, app) = (&project.server, &project.server.app);
    server.advance(60 * MINUTE);
    work(app).await;
    assert_eq!(states(app).await, [KeyState::Active, KeyState::Published]);
    let second = second_server(app, |issuer| issuer).await;
    work(&second).await;
    // No real time passes here: whatever the clock does is a jump.
    server.advance(policy().cache_wait() * 2);
    work(&second).await;
    work(app).await;
    assert_eq!(states(app).await, [KeyState::Active, KeyState::Published], "published for no time at all");
}
