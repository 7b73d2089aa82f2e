//! Tokens that are handed over, and replaced in time.

use carnet_creds::{Credentials, RevocationOutcome, TokenError};
use secrecy::ExposeSecret;

use crate::{
    fake_vault::FakeVault,
    world::{World, env, file, refreshed},
};

const ON: (&str, &str) = ("TFC_AWS_PROVIDER_AUTH", "true");
const ROLE: (&str, &str) = ("TFC_DEFAULT_AWS_RUN_ROLE_ARN", "arn:aws:iam::123456789012:role/r");

fn due_in(world: &World, credentials: &Credentials) -> Option<i64> {
    credentials.next_refresh_at().map(|due| due.as_second() - world.clock.now().as_second())
}

#[tokio::test]
async fn vectors_2_and_9_every_configuration_has_its_own_token() {
    let mut world = World::new();
    let credentials = world.obtain(&[ON, ROLE, ("TFC_AWS_PROVIDER_AUTH_A", "true")]).await.unwrap();
    let report = credentials.report();
    assert_eq!(
        report.iter().map(|entry| entry.jti.as_deref()).collect::<Vec<_>>(),
        [Some("jti-1"), Some("jti-2")]
    );
    let minted = world.issuer.minted.lock().unwrap().clone();
    assert_eq!(file(&credentials, "tfc-aws-token"), minted[0]);
    assert_eq!(file(&credentials, "tfc-aws-token-A"), minted[1]);
    assert_eq!(env(&credentials, "AWS_CONFIG_FILE").as_deref(), Some("/h/tfc-aws-shared-config"));
    assert_eq!(env(&credentials, "AWS_ROLE_ARN"), None);
    assert!(credentials.revocation_handles().is_empty());
}

#[tokio::test]
async fn a_token_is_replaced_before_two_thirds_of_its_life() {
    let mut world = World::new();
    let mut credentials = world.obtain(&[ON, ROLE]).await.unwrap();
    assert_eq!(due_in(&world, &credentials), Some(300));
    world.clock.advance(299);
    assert!(refreshed(&mut credentials).await.files.is_empty(), "nothing is due yet");
    world.clock.advance(1);
    let refreshed = credentials.refresh(&mut |_| {}).await;
    let names: Vec<&str> = refreshed.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["tfc-aws-token"], "only what changed is written again");
    let minted = world.issuer.minted.lock().unwrap().clone();
    assert_eq!(refreshed.files[0].content.expose_secret(), minted[1]);
    assert_eq!(refreshed.secrets[0].expose_secret(), minted[1]);
    assert_eq!(file(&credentials, "tfc-aws-token"), minted[1]);
    assert_eq!(
        (credentials.report()[0].jti.as_deref(), due_in(&world, &credentials)),
        (Some("jti-2"), Some(300))
    );
}

#[tokio::test]
async fn an_issuer_that_is_away_is_asked_again_and_reported_once() {
    let mut world = World::new();
    let mut credentials = world.obtain(&[ON, ROLE]).await.unwrap();
    let (mut pauses, mut notices) = (Vec::new(), Vec::new());
    for _ in 0..12 {
        world.clock.advance(due_in(&world, &credentials).unwrap());
        world.issuer.fail_next(TokenError::Unavailable("no answer".to_owned()));
        notices.extend(refreshed(&mut credentials).await.notices);
        pauses.push(due_in(&world, &credentials).unwrap());
    }
    assert_eq!(pauses[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(
        notices.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["AWS: the identity token could not be replaced and ends at 2023-11-14T22:23:20Z: no answer"]
    );
    world.clock.advance(60);
    assert_eq!(refreshed(&mut credentials).await.files.len(), 1);
    assert_eq!(due_in(&world, &credentials), Some(300));
}

#[tokio::test]
async fn an_issuer_that_refuses_is_not_asked_again() {
    let mut world = World::new();
    let mut credentials = world.obtain(&[ON, ROLE]).await.unwrap();
    world.clock.advance(300);
    world.issuer.fail_next(TokenError::Refused("the phase is over".to_owned()));
    let notices = refreshed(&mut credentials).await.notices;
    assert!(notices[0].to_string().ends_with("the phase is over"));
    assert_eq!(credentials.next_refresh_at(), None);
}

#[tokio::test]
async fn bare_tokens_are_never_replaced() {
    let mut world = World::new();
    let credentials = world.obtain(&[("TFC_WORKLOAD_IDENTITY_AUDIENCE_X", "a")]).await.unwrap();
    assert_eq!(credentials.next_refresh_at(), None);
    let minted = world.issuer.minted.lock().unwrap().clone();
    assert_eq!(env(&credentials, "TFC_WORKLOAD_IDENTITY_TOKEN_X").as_deref(), Some(minted[0].as_str()));
    assert_eq!(credentials.injection().secrets[0].expose_secret(), minted[0]);
    assert_eq!(credentials.report()[0].expires_at.unwrap().as_second(), 1_700_007_200);
}

#[tokio::test]
async fn families_refresh_side_by_side() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    let variables = [
        ON,
        ROLE,
        ("TFC_VAULT_PROVIDER_AUTH", "true"),
        ("TFC_VAULT_ADDR", &vault.address),
        ("TFC_VAULT_RUN_ROLE", "r"),
    ];
    let mut credentials = world.obtain(&variables).await.unwrap();
    assert_eq!(due_in(&world, &credentials), Some(300));
    world.clock.advance(600);
    assert_eq!(refreshed(&mut credentials).await.files.len(), 1);
    assert_eq!(vault.calls(), ["POST /v1/auth/jwt/login", "POST /v1/auth/token/renew-self"]);
    let revocations = credentials.revoke().await;
    assert_eq!(revocations.len(), 1, "an identity token ends by itself");
    assert_eq!(revocations[0].outcome, RevocationOutcome::Revoked);
    assert_eq!(credentials.next_refresh_at(), None);
}
