//! Logging in, and what Terraform gets to see then.

use carnet_creds::{FamilyName, RevocationOutcome};
use secrecy::ExposeSecret;

use crate::{
    fake_issuer::SUBJECT,
    fake_vault::{FakeVault, Role},
    world::{World, env, file, refreshed},
};

const ON: (&str, &str) = ("TFC_VAULT_PROVIDER_AUTH", "true");

#[tokio::test]
async fn vector_30_a_login_delivers_the_vault_token() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", "r")];
    let credentials = world.obtain(&variables).await.unwrap();

    assert_eq!(file(&credentials, "tfc-vault-token"), "hvs.secret-1");
    assert_eq!(env(&credentials, "VAULT_TOKEN").as_deref(), Some("hvs.secret-1"));
    assert_eq!(env(&credentials, "VAULT_ADDR").as_deref(), Some(vault.address.as_str()));
    assert_eq!(env(&credentials, "VAULT_NAMESPACE"), None);
    let request = &vault.requests()[0];
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers.get("x-vault-token"), None);
    // Nothing more is asked: each further request could cost one of the token's uses.
    assert_eq!(vault.calls(), ["POST /v1/auth/jwt/login"]);
}

#[tokio::test]
async fn everything_secret_is_known_to_the_redactor_and_shown_nowhere() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", "r")];
    let credentials = world.obtain(&variables).await.unwrap();

    let secrets: Vec<&str> =
        credentials.injection().secrets.iter().map(ExposeSecret::expose_secret).collect();
    let jwt = world.issuer.minted.lock().unwrap()[0].clone();
    assert_eq!(secrets, ["hvs.secret-1", &jwt]);
    let shown = format!(
        "{credentials:?} {:?} {:?} {:?} {}",
        credentials.injection(),
        credentials.revocation_handles(),
        world.events,
        world.lines().join("\n")
    );
    world.check_no_token(&shown);
    assert!(!shown.contains("hvs.secret-1"), "{shown}");
}

#[tokio::test]
async fn the_report_and_the_log_name_who_the_run_is() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", "r")];
    let credentials = world.obtain(&variables).await.unwrap();

    let report = credentials.report();
    let entry = &report[0];
    assert_eq!(
        (entry.family, entry.role.as_deref(), entry.jti.as_deref()),
        (FamilyName::Vault, Some("r"), Some("jti-1"))
    );
    assert_eq!((entry.subject.as_str(), entry.audience.as_str()), (SUBJECT, "vault.workload.identity"));
    assert_eq!(entry.expires_at.unwrap().as_second(), 1_700_001_200);
    assert_eq!(
        entry.identity,
        [
            &format!("address: {}", vault.address),
            "authentication path: auth/jwt",
            "policies: default, app-plan",
            "entity: entity-1",
            "accessor: accessor-of-1",
            "token type: service",
            "token ttl: 20m0s",
        ]
    );
    assert_eq!(
        world.lines(),
        [
            "Vault: identity token jti-1 for audience vault.workload.identity, role r, ends at 2023-11-14T22:18:20Z"
                .to_owned(),
            format!(
                "Vault: logged in at {} as role r, policies [default, app-plan], token lives 20m0s, renewable, \
                 accessor accessor-of-1",
                vault.address
            ),
        ]
    );
}

#[tokio::test]
async fn the_namespace_travels_with_every_request() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    vault.demand_namespace("n/x");
    let variables = [
        ON,
        ("TFC_VAULT_ADDR", vault.address.as_str()),
        ("TFC_VAULT_RUN_ROLE", "r"),
        ("TFC_VAULT_NAMESPACE", "n/x"),
    ];
    let mut credentials = world.obtain(&variables).await.unwrap();
    world.clock.advance(600);
    assert!(refreshed(&mut credentials).await.notices.is_empty());
    assert_eq!(credentials.revoke().await[0].outcome, RevocationOutcome::Revoked);
    assert_eq!(vault.requests().len(), 3);
    assert_eq!(env(&credentials, "VAULT_NAMESPACE").as_deref(), Some("n/x"));
}

#[tokio::test]
async fn a_wrapped_answer_is_unwrapped() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    vault.wrap();
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", "r")];
    let credentials = world.obtain(&variables).await.unwrap();
    assert_eq!(env(&credentials, "VAULT_TOKEN").as_deref(), Some("hvs.secret-1"));
}

#[tokio::test]
async fn a_role_with_limited_uses_is_warned_about() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    vault.role("few", Role { num_uses: 3, warnings: vec!["role is old"], ..Role::default() });
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", "few")];
    world.obtain(&variables).await.unwrap();
    assert_eq!(world.warnings(), ["W15", "W16"]);
    assert_eq!(world.lines()[3], "Vault: role is old");
}

#[tokio::test]
async fn two_configurations_are_two_logins_revoked_in_reverse_order() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    let variables = [
        ON,
        ("TFC_VAULT_PROVIDER_AUTH_B", "true"),
        ("TFC_DEFAULT_VAULT_ADDR", vault.address.as_str()),
        ("TFC_DEFAULT_VAULT_RUN_ROLE", "r"),
    ];
    let mut credentials = world.obtain(&variables).await.unwrap();
    assert_eq!(file(&credentials, "tfc-vault-token-B"), "hvs.secret-2");
    let handles = credentials.revocation_handles();
    assert_eq!(
        handles.iter().map(|handle| handle.accessor()).collect::<Vec<_>>(),
        ["accessor-of-2", "accessor-of-1"]
    );
    let lines: Vec<String> = credentials.revoke().await.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "Vault (tag \"B\"): the token with accessor accessor-of-2 is revoked",
            "Vault: the token with accessor accessor-of-1 is revoked",
        ]
    );
    assert!(vault.living_tokens().is_empty());
}
