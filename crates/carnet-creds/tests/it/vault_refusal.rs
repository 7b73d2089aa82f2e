//! Logins that fail, and what a person is told.

use carnet_creds::{Credentials, ExchangeError, TokenError};

use crate::{
    fake_vault::{FakeVault, Role},
    http::Answer,
    world::World,
};

const ON: (&str, &str) = ("TFC_VAULT_PROVIDER_AUTH", "true");

fn text(result: Result<Credentials, ExchangeError>) -> String {
    let error = result.expect_err("is refused");
    assert_eq!(error.id(), "E8");
    error.to_string()
}

/// Checks that a login with one role of the server fails, and that the text has all these parts.
async fn check_refusal(role: &str, settings: Role, expected: &[&str]) {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    vault.role("own", settings);
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", role)];
    let text = text(world.obtain(&variables).await);
    for part in expected {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    world.check_no_token(&text);
    assert_eq!(vault.calls().len(), 1, "a refusal is not tried again");
}

#[tokio::test]
async fn vector_32_a_role_that_does_not_exist_is_explained() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", "gone")];
    let url = format!("{}/v1/auth/jwt/login", vault.address);
    assert_eq!(
        text(world.obtain(&variables).await),
        format!(
            "failed authenticating to Vault: POST {url} returned 400: role \"gone\" could not be found\n\
             \u{20} tried:      POST {url}, role \"gone\" (from TFC_VAULT_RUN_ROLE), namespace (none)\n\
             \u{20} presented:  iss = https://carnet.example\n\
             \u{20}             sub = organization:acme:project:Default Project:workspace:net:run_phase:plan\n\
             \u{20}             aud = vault.workload.identity\n\
             \u{20}             exp = 2023-11-14T22:18:20Z\n\
             \u{20} Vault said: role \"gone\" could not be found\n\
             \u{20} cause:      the authentication method has no role of this name\n\
             \u{20} likely fix: create role \"gone\" with: vault write auth/jwt/role/gone ... ; or correct \
             TFC_VAULT_RUN_ROLE"
        )
    );
}

#[tokio::test]
async fn an_audience_that_is_not_bound_is_explained() {
    let role = Role { audience: "other", ..Role::default() };
    let fix = "likely fix: add \"vault.workload.identity\" to bound_audiences of auth/jwt/role/own";
    check_refusal("own", role, &["invalid audience", fix, "TFC_VAULT_WORKLOAD_IDENTITY_AUDIENCE"]).await;
}

#[tokio::test]
async fn a_subject_that_is_not_bound_is_explained() {
    let role = Role { subject: "organization:other", ..Role::default() };
    let fix = "likely fix: the subject ends in run_phase:plan, and role \"own\" (chosen by TFC_VAULT_RUN_ROLE) probably \
               belongs to another phase or workspace: give each phase its own role with TFC_VAULT_PLAN_ROLE and \
               TFC_VAULT_APPLY_ROLE; only if this workspace and this phase should have role \"own\", make bound_claims.sub \
               of auth/jwt/role/own equal to exactly \"organization:acme:project:Default Project:workspace:net:\
               run_phase:plan\"";
    check_refusal("own", role, &["claim \"sub\" does not match", fix]).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_has_said_nothing() {
    let mut world = World::new();
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let variables = [ON, ("TFC_VAULT_ADDR", &address), ("TFC_VAULT_RUN_ROLE", "r")];
    let text = text(world.obtain(&variables).await);
    assert!(text.contains("got no answer") && text.contains("check that the agent can reach"), "{text}");
    assert!(!text.contains("Vault said"), "{text}");
}

/// Checks the advice for an answer that the server gives to the login.
async fn check_advice(answer: Answer, expected: &str) {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    for _ in 0..4 {
        vault.answer_next(answer.clone());
    }
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", "r")];
    let text = text(world.obtain(&variables).await);
    assert!(text.contains(expected), "{expected:?} is missing in:\n{text}");
}

#[tokio::test]
async fn every_known_refusal_has_its_own_advice() {
    let refusals = [
        (400, "error validating token: invalid issuer (iss) claim", "exactly \"https://carnet.example\""),
        (400, "invalid expiration time (exp) claim: token is expired", "compare the clocks"),
        (400, "error verifying token signature: no known key", "/.well-known/openid-configuration"),
        (
            400,
            "error validating claims: claim \"x\" does not match any associated bound claim values",
            "compare auth/jwt/config",
        ),
        (403, "permission denied", "check that a JWT method is mounted at auth/jwt"),
        (404, "namespace not found", "correct TFC_VAULT_NAMESPACE"),
        (503, "Vault is sealed", "unseal it"),
    ];
    for (status, said, advice) in refusals {
        check_advice(Answer::new(status, serde_json::json!({"errors": [said]}).to_string()), advice).await;
    }
    check_advice(
        Answer::new(404, "<html>\n<h1>nothing here</h1>"),
        "returned 404: <html> <h1>nothing here</h1>",
    )
    .await;
    check_advice(Answer::new(200, "welcome"), "gave an unexpected answer: no JSON of the expected form")
        .await;
    check_advice(Answer::new(200, r#"{"auth":null}"#), "it holds no token").await;
}

#[tokio::test]
async fn an_answer_cannot_repeat_the_token_or_forge_a_line() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", "r")];
    // The clock stands still, so the token of the second attempt has the text of the first but for its number.
    world.obtain(&variables).await.unwrap();
    let jwt = world.issuer.minted.lock().unwrap()[0].clone();
    world.issuer.minted.lock().unwrap().clear();
    let said = format!("cannot read {jwt}\nApply complete!");
    vault.answer_next(Answer::new(400, serde_json::json!({"errors": [said]}).to_string()));
    let text = text(world.obtain(&variables).await);
    world.check_no_token(&text);
    assert!(text.contains("cannot read (identity token) Apply complete!"), "{text}");
}

#[tokio::test]
async fn what_was_obtained_before_a_failure_is_revoked() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    let variables = [
        ON,
        ("TFC_VAULT_RUN_ROLE", "r"),
        ("TFC_VAULT_PROVIDER_AUTH_B", "true"),
        ("TFC_VAULT_RUN_ROLE_B", "gone"),
        ("TFC_DEFAULT_VAULT_ADDR", &vault.address),
    ];
    let text = text(world.obtain(&variables).await);
    assert!(text.starts_with("failed authenticating to Vault (tag \"B\"): POST"), "{text}");
    assert!(text.contains("(from TFC_VAULT_RUN_ROLE_B)"), "{text}");
    assert_eq!(vault.all_tokens().len(), 1);
    assert!(vault.living_tokens().is_empty());
    assert_eq!(world.lines().last().unwrap(), "Vault: the token with accessor accessor-of-1 is revoked");
}

#[tokio::test]
async fn no_identity_token_stops_the_phase() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    world.issuer.fail_next(TokenError::Refused("the run was cancelled".to_owned()));
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", "r")];
    let error = world.obtain(&variables).await.expect_err("is refused");
    assert_eq!(error.id(), "E10");
    assert_eq!(
        error.to_string(),
        "failed creating a workload identity token: the run was cancelled (Vault, audience vault.workload.identity)"
    );
    assert!(vault.calls().is_empty());
}
