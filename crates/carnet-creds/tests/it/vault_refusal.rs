//! Logins that fail, and what a person is told.

use carnet_creds::{Credentials, ExchangeError, TokenError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    fake_vault::{FakeVault, Role},
    http::Answer,
    world::{World, http_settings},
};

/// The start of the command that prints the trust of the workspace.
const TRUST: &str = "carnet trust vault --url https://carnet.example --org acme --workspace net ";
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
async fn only_a_token_that_a_provider_was_shown_is_reported_with_a_refusal() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", "gone")];
    let refused = world.try_obtain(&variables, http_settings()).await.expect_err("no such role");
    assert_eq!(refused.report.len(), 1);
    assert!(refused.report[0].refused.is_some() && refused.report[0].jti.is_some(), "{:?}", refused.report);

    world.issuer.fail_next(TokenError::NotAllowed { cause: "a policy says no".to_owned(), fix: Vec::new() });
    let refused = world.try_obtain(&variables, http_settings()).await.expect_err("no token");
    assert!(refused.report[0].refused.is_some() && refused.report[0].jti.is_none(), "{:?}", refused.report);
    assert_eq!(vault.calls().len(), 1, "the provider saw nothing of it");
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
             \u{20} likely fix: create role \"gone\" for exactly this subject, or correct TFC_VAULT_RUN_ROLE (vault list \
             auth/jwt/role shows the roles)\n\
             \u{20}             all of it, for the roles carnet-acme-net-plan and carnet-acme-net-apply and with the variables \
             that choose them, is printed by\n\
             \u{20}               {}",
            trust(&vault)
        )
    );
}

fn trust(vault: &FakeVault) -> String {
    format!(
        "carnet trust vault --url https://carnet.example --org acme --workspace net --policy-plan POLICY --policy-apply \
         POLICY --vault-addr {}",
        vault.address
    )
}

#[tokio::test]
async fn an_audience_that_is_not_bound_is_explained() {
    let role = Role { audience: "other", ..Role::default() };
    let fix = "likely fix: vault write auth/jwt/role/own role_type=jwt bound_audiences=vault.workload.identity (it \
               replaces the list";
    let other = "or set TFC_VAULT_WORKLOAD_IDENTITY_AUDIENCE to an audience that is bound\n";
    check_refusal("own", role, &["invalid audience", fix, other, TRUST]).await;
}

#[tokio::test]
async fn a_subject_that_is_not_bound_is_explained() {
    let role = Role { subject: "organization:other", ..Role::default() };
    let fix = "likely fix: the subject ends in run_phase:plan, and role \"own\" (chosen by TFC_VAULT_RUN_ROLE) probably \
               belongs to another phase or workspace: give each phase its own role with TFC_VAULT_PLAN_ROLE and \
               TFC_VAULT_APPLY_ROLE\n";
    let exactly = "only if this workspace and this phase should have role \"own\": echo '{\"bound_claims\":{\"sub\":\"\
                   organization:acme:project:Default Project:workspace:net:run_phase:plan\"},\"bound_claims_type\":\"string\",\
                   \"role_type\":\"jwt\"}' | vault write auth/jwt/role/own - (it replaces all bound claims)\n";
    check_refusal("own", role, &["claim \"sub\" does not match", fix, exactly, TRUST]).await;
}

#[tokio::test]
async fn a_role_of_the_own_phase_was_rather_bound_to_an_older_subject() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    vault.role("net-plan", Role { subject: "organization:other", ..Role::default() });
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", "net-plan")];
    let text = text(world.obtain(&variables).await);
    let fix = "likely fix: the subject is another one than the role was bound to if the workspace, its project or the \
               organization was renamed or moved, or if the template of subjects was changed: carnet subject show";
    assert!(text.contains(fix) && !text.contains("probably belongs to another phase"), "{text}");
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

/// Checks the text for an answer that the server gives to the login of role `r`.
async fn check_answer(answer: Answer, expected: &[&str]) {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    for _ in 0..4 {
        vault.answer_next(answer.clone());
    }
    let variables = [ON, ("TFC_VAULT_ADDR", &vault.address), ("TFC_VAULT_RUN_ROLE", "r")];
    let text = text(world.obtain(&variables).await);
    for part in expected {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

async fn check_advice(answer: Answer, expected: &str) {
    check_answer(answer, &[expected]).await;
}

/// What OpenBao 2.7 says about wrong trusts, word by word, and what helps there.
const WRONG_TRUSTS: [(u16, &str, &[&str]); 14] = [
    (
        400,
        "error validating token: invalid subject (sub) claim",
        &[
            "cause:      bound_subject of the role is not the subject of the token\n",
            "clear it, if bound_claims has the subject already: vault write auth/jwt/role/r role_type=jwt \
             bound_subject=\"\"\n",
            "or set it to the exact subject: vault write auth/jwt/role/r role_type=jwt \
             bound_subject='organization:acme:project:Default Project:workspace:net:run_phase:plan'\n",
            TRUST,
        ],
    ),
    (
        400,
        "error validating token: invalid issuer (iss) claim",
        &[
            "vault write auth/jwt/config oidc_discovery_url=https://carnet.example \
             bound_issuer=https://carnet.example (exactly so",
            "with oidc_discovery_ca_pem as before",
        ],
    ),
    (
        400,
        "could not load configuration",
        &["auth/jwt/config was never written\n", "bound_issuer=https://carnet"],
    ),
    (
        400,
        "error validating claims: claim \"terraform_workspace_name\" does not match any associated bound claim values",
        &[
            "exp = 2023-11-14T22:18:20Z\n              terraform_workspace_name = (absent)\n",
            "vault read -field=bound_claims auth/jwt/role/r shows what is demanded; correct TFC_VAULT_RUN_ROLE",
            "to do without \"terraform_workspace_name\"",
        ],
    ),
    (
        400,
        "claim \"email\" not found in token",
        &[
            "user_claim of the role names",
            "vault write auth/jwt/role/r role_type=jwt user_claim=terraform_workspace_id\n",
            "email = (absent)",
        ],
    ),
    (400, "failed to fetch groups: \"gr\" claim not found in token", &["role_type=jwt groups_claim=\"\""]),
    (
        400,
        "role with oidc role_type is not allowed",
        &["its role_type is oidc", "or make this one such: echo '{"],
    ),
    (
        403,
        "permission denied",
        &[
            "no JWT authentication method at this path of this namespace, or token_bound_cidrs of the role keeps",
            "check that a JWT method is mounted at auth/jwt",
            "vault read -field=token_bound_cidrs auth/jwt/role/r shows",
        ],
    ),
    (500, "missing role_id", &[OTHER_METHOD, "or correct TFC_VAULT_AUTH_PATH"]),
    (400, "missing username", &[OTHER_METHOD]),
    (400, "invalid role name \"r\"", &[OTHER_METHOD]),
    (400, "no client certificate found", &[OTHER_METHOD]),
    (400, "missing role", &["the authentication method has no role of this name"]),
    (
        400,
        "Client sent an HTTP request to an HTTPS server.",
        &["the server speaks TLS only", "likely fix: set TFC_VAULT_ADDR to https://127.0.0.1:"],
    ),
];

const OTHER_METHOD: &str = "cause:      another kind of authentication method is mounted at this path\n";

#[tokio::test]
async fn every_wrong_trust_is_told_with_the_command_that_rights_it() {
    for (status, said, expected) in WRONG_TRUSTS {
        let body = serde_json::json!({ "errors": [said] }).to_string();
        check_answer(Answer::new(status, body), expected).await;
    }
}

#[tokio::test]
async fn commands_are_for_the_namespace_and_the_mount_of_the_login() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    let body = serde_json::json!({ "errors": ["invalid subject (sub) claim"] }).to_string();
    vault.answer_next(Answer::new(400, body));
    let variables = [
        ON,
        ("TFC_VAULT_ADDR", vault.address.as_str()),
        ("TFC_VAULT_RUN_ROLE", "r"),
        ("TFC_VAULT_NAMESPACE", "team a"),
        ("TFC_VAULT_AUTH_PATH", "carnet"),
    ];
    let text = text(world.obtain(&variables).await);
    assert!(text.contains("vault write -namespace='team a' auth/carnet/role/r role_type=jwt "), "{text}");
    assert!(text.contains("--workspace net --mount carnet --policy-plan"), "{text}");
}

/// A server that answers these bytes to whatever it is sent.
async fn answering(bytes: &'static [u8]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            stream.write_all(bytes).await.unwrap();
        }
    });
    address
}

/// Checks what is told of a server that speaks otherwise than the scheme of its address says.
async fn check_scheme(schemes: [&str; 2], bytes: &'static [u8], cause: &str) {
    let mut world = World::new();
    let server = answering(bytes).await;
    let [asked, right] = schemes.map(|scheme| format!("{scheme}://{server}"));
    let variables = [ON, ("TFC_VAULT_ADDR", &asked), ("TFC_VAULT_RUN_ROLE", "r")];
    let text = text(world.obtain(&variables).await);
    assert!(text.contains(&format!("  cause:      {cause}\n")), "{text}");
    assert!(text.ends_with(&format!("set TFC_VAULT_ADDR to {right}")), "{text}");
}

#[tokio::test]
async fn a_server_of_the_other_scheme_is_told_from_one_that_is_not_there() {
    let plain = b"HTTP/1.0 400 Bad Request\r\n\r\n";
    check_scheme(["https", "http"], plain, "somebody answers at this address, without TLS").await;
    // An alert of TLS: unexpected message.
    let alert = b"\x15\x03\x01\x00\x02\x02\x0a";
    check_scheme(["http", "https"], alert, "the server speaks TLS only, and was asked without it").await;
}

#[tokio::test]
async fn every_known_refusal_has_its_own_advice() {
    let refusals = [
        (400, "invalid expiration time (exp) claim: token is expired", "compare the clocks"),
        (400, "error verifying token signature: no known key", "/.well-known/openid-configuration"),
        (400, "error validating claims: something else", "compare auth/jwt/config"),
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
