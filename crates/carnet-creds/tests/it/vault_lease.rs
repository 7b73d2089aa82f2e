//! Renewing and revoking Vault tokens.

use carnet_creds::{Credentials, RevocationHandle, RevocationOutcome};

use crate::{
    fake_vault::{FakeVault, Role},
    http::Answer,
    world::{World, file, http_settings, refreshed},
};

const ON: (&str, &str) = ("TFC_VAULT_PROVIDER_AUTH", "true");

async fn obtained(role: Role) -> (World, FakeVault, Credentials) {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    vault.role("own", role);
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", "own")];
    let credentials = world.obtain(&variables).await.unwrap();
    (world, vault, credentials)
}

fn seconds_until_refresh(world: &World, credentials: &Credentials) -> Option<i64> {
    credentials.next_refresh_at().map(|due| due.as_second() - world.clock.now().as_second())
}

/// Refreshes when it is due; gives the texts of the notices.
async fn refresh(world: &World, credentials: &mut Credentials) -> Vec<String> {
    world.clock.advance(seconds_until_refresh(world, credentials).expect("something is due"));
    let refreshed = credentials.refresh(&mut |_| {}).await;
    assert!(refreshed.files.is_empty() && refreshed.secrets.is_empty(), "the token stays the same text");
    refreshed.notices.iter().map(|notice| format!("{} {notice}", notice.id())).collect()
}

#[tokio::test]
async fn a_token_is_renewed_at_half_of_its_lease() {
    let (world, vault, mut credentials) = obtained(Role::default()).await;
    assert_eq!(seconds_until_refresh(&world, &credentials), Some(600));
    world.clock.advance(599);
    assert!(refreshed(&mut credentials).await.notices.is_empty());
    assert_eq!(vault.calls().len(), 1, "nothing is due yet");
    for _ in 0..10 {
        assert!(refresh(&world, &mut credentials).await.is_empty());
        assert_eq!(vault.living_tokens().len(), 1);
    }
    assert_eq!(credentials.report()[0].expires_at.unwrap().as_second(), world.clock.now().as_second() + 1200);
}

#[tokio::test]
async fn a_lease_that_outlives_the_phase_is_not_renewed() {
    let (_, _, credentials) = obtained(Role { ttl: 7200, ..Role::default() }).await;
    assert_eq!(credentials.next_refresh_at(), None);
}

#[tokio::test]
async fn the_longest_life_of_a_token_is_noticed() {
    let (world, _, mut credentials) = obtained(Role { max_ttl: 1500, ..Role::default() }).await;
    // At 600 s the lease grows to 1500 s; at 1050 s it does not grow any more.
    assert!(refresh(&world, &mut credentials).await.is_empty());
    assert_eq!(
        refresh(&world, &mut credentials).await,
        [
            "W12 Vault credentials end at 2023-11-14T22:38:20Z, before the phase limit 2023-11-15T00:13:20Z, and cannot \
          be extended; the longest life of the token is reached: raise token_max_ttl or set token_period on the role. A \
          new login will replace the token in its file; a process that has read it keeps the old one"
        ]
    );
    assert_eq!(seconds_until_refresh(&world, &credentials), Some(225), "half of what is left");
}

#[tokio::test]
async fn a_capped_renewal_is_believed_at_once() {
    let (world, vault, mut credentials) = obtained(Role::default()).await;
    let auth = r#"{"client_token":"hvs.secret-1","lease_duration":900,"renewable":true}"#;
    let warning =
        "TTL of \\\"20m\\\" exceeded the effective max_ttl of \\\"25m\\\"; TTL value is capped accordingly";
    vault.answer_next(Answer::new(200, format!(r#"{{"auth":{auth},"warnings":["{warning}"]}}"#)));
    assert!(refresh(&world, &mut credentials).await[0].starts_with("W12 "));
    assert_eq!(seconds_until_refresh(&world, &credentials), Some(450));
}

#[tokio::test]
async fn a_batch_token_is_neither_renewed_nor_revoked() {
    let (mut world, vault, mut credentials) = obtained(Role { is_batch: true, ..Role::default() }).await;
    assert_eq!(world.warnings(), ["W12"]);
    assert!(world.lines()[2].contains("batch tokens, which are never renewed"), "{:?}", world.lines());
    assert_eq!(seconds_until_refresh(&world, &credentials), Some(600));
    let revocations = credentials.revoke().await;
    let end = world.clock.now() + std::time::Duration::from_secs(1200);
    assert_eq!(revocations[0].outcome, RevocationOutcome::EndsByItself(Some(end)));
    assert_eq!(vault.calls().len(), 1, "the server would only refuse");
    world.events.clear();
}

#[tokio::test]
async fn a_server_that_is_away_is_asked_again_and_reported_when_time_runs_short() {
    let (world, vault, mut credentials) = obtained(Role::default()).await;
    let mut pauses = Vec::new();
    let mut notices = Vec::new();
    while notices.is_empty() {
        // One attempt of ours is four requests.
        (0..4).for_each(|_| vault.answer_next(Answer::new(503, r#"{"errors":["Vault is sealed"]}"#)));
        notices = refresh(&world, &mut credentials).await;
        pauses.extend(seconds_until_refresh(&world, &credentials));
    }
    assert_eq!(pauses[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
    assert!(
        notices[0]
            .starts_with("W16 Vault: the token could not be renewed yet and ends at 2023-11-14T22:33:20Z")
    );
    let age = world.clock.now().as_second() - 1_700_000_000;
    assert!((960..1200).contains(&age), "{age}");
    assert!(refresh(&world, &mut credentials).await.is_empty());
    assert_eq!(seconds_until_refresh(&world, &credentials), Some(600));
}

#[tokio::test]
async fn a_token_that_is_gone_is_reported_and_replaced_by_a_new_login() {
    let (world, vault, mut credentials) = obtained(Role::default()).await;
    vault.end_all_tokens();
    let notices = refresh(&world, &mut credentials).await;
    assert!(notices[0].contains("the token will not be renewed"), "{notices:?}");
    assert_eq!(seconds_until_refresh(&world, &credentials), Some(0));
    assert!(refreshed(&mut credentials).await.notices.is_empty());
    assert_eq!(file(&credentials, "tfc-vault-token"), "hvs.secret-2");
    assert_eq!(seconds_until_refresh(&world, &credentials), Some(600));
}

#[tokio::test]
async fn vector_59_a_token_that_is_gone_counts_as_revoked() {
    let (_, vault, mut credentials) = obtained(Role::default()).await;
    vault.end_all_tokens();
    let revocations = credentials.revoke().await;
    assert_eq!(revocations[0].outcome, RevocationOutcome::AlreadyGone);
    assert_eq!(revocations[0].to_string(), "Vault: the token with accessor accessor-of-1 was gone already");
}

#[tokio::test]
async fn revoking_twice_asks_once() {
    let (_, vault, mut credentials) = obtained(Role::default()).await;
    assert_eq!(credentials.revoke().await[0].outcome, RevocationOutcome::Revoked);
    assert!(credentials.revoke().await.is_empty());
    assert!(credentials.revocation_handles().is_empty());
    assert_eq!(vault.calls().len(), 2);
    assert_eq!(credentials.next_refresh_at(), None);
}

#[tokio::test]
async fn a_token_without_the_right_to_end_itself_is_reported() {
    let (_, vault, mut credentials) = obtained(Role { lacks_revoke: true, ..Role::default() }).await;
    let revocations = credentials.revoke().await;
    let text = revocations[0].to_string();
    assert!(matches!(revocations[0].outcome, RevocationOutcome::Failed(_)), "{text}");
    assert!(text.contains("lack update on auth/token/revoke-self"), "{text}");
    assert_eq!(vault.living_tokens().len(), 1);
    assert_eq!(credentials.revoke().await.len(), 1, "what failed is tried again");
}

#[tokio::test]
async fn a_handle_revokes_from_another_process() {
    let (world, vault, _) = obtained(Role::default()).await;
    // The handle arrives with the event of the login, so that a crash right after it loses nothing.
    let handle = world.events.iter().find_map(|event| event.revocation.clone()).unwrap();
    let text = serde_json::to_string(&handle).unwrap();
    assert!(!format!("{handle:?}").contains("hvs.secret-1"));
    let handle: RevocationHandle = serde_json::from_str(&text).unwrap();
    assert_eq!(handle.revoke(&http_settings()).await.outcome, RevocationOutcome::Revoked);
    assert!(vault.living_tokens().is_empty());
    assert_eq!(handle.revoke(&http_settings()).await.outcome, RevocationOutcome::AlreadyGone);
}
