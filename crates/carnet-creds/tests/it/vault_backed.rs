//! Credentials that are read from Vault: what is asked, what is refused, and what Terraform gets to see.

use carnet_creds::{FamilyName, RevocationOutcome};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::{
    fake_secrets::Secret,
    fake_vault::FakeVault,
    http::Answer,
    vault_network::private_server,
    world::{World, env, file},
};

const VAULT: [(&str, &str); 2] = [("TFC_VAULT_PROVIDER_AUTH", "true"), ("TFC_VAULT_RUN_ROLE", "r")];
const AWS: [(&str, &str); 3] = [
    ("TFC_VAULT_BACKED_AWS_AUTH", "true"),
    ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "iam_user"),
    ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE", "d"),
];
const AZURE: [(&str, &str); 2] =
    [("TFC_VAULT_BACKED_AZURE_AUTH", "true"), ("TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE", "z")];
const GCP: [(&str, &str); 2] =
    [("TFC_VAULT_BACKED_GCP_AUTH", "true"), ("TFC_VAULT_BACKED_GCP_RUN_VAULT_ROLESET", "s")];

/// A world and a Vault that serves AWS keys at `aws/creds/d`.
async fn site() -> (World, FakeVault) {
    let world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    vault.secret("aws/creds/d", Secret::default());
    (world, vault)
}

/// The variables of a family, beside a default Vault configuration.
fn variables<'a>(vault: &'a FakeVault, family: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&VAULT[..], &[("TFC_VAULT_ADDR", vault.address.as_str())], family].concat()
}

/// Obtaining must fail; gives the first line of the text, which stands in the report, too.
async fn refusal(world: &mut World, vault: &FakeVault, family: &[(&str, &str)]) -> String {
    block(world, vault, family).await.lines().next().unwrap().to_owned()
}

async fn block(world: &mut World, vault: &FakeVault, family: &[(&str, &str)]) -> String {
    let error = world.obtain(&variables(vault, family)).await.expect_err("is refused");
    assert_eq!(error.id(), "E9");
    error.to_string()
}

#[tokio::test]
async fn vector_38_keys_are_read_with_the_token_of_the_login() {
    let (mut world, vault) = site().await;
    let mut credentials = world.obtain(&variables(&vault, &AWS)).await.unwrap();
    assert_eq!(
        file(&credentials, "tfc-vault-backed-aws-credentials"),
        "[default]\naws_access_key_id = AKIA-1\naws_secret_access_key = secret-key-1\n"
    );
    assert_eq!(
        env(&credentials, "AWS_SHARED_CREDENTIALS_FILE").as_deref(),
        Some("/h/tfc-vault-backed-aws-credentials")
    );
    assert_eq!(vault.calls(), ["POST /v1/auth/jwt/login", "GET /v1/aws/creds/d"]);
    assert_eq!(vault.requests()[1].headers["x-vault-token"], "hvs.secret-1");
    assert_eq!(world.lines()[2], "Vault-backed AWS: read aws/creds/d from Vault, lives 768h0m0s");
    assert_eq!(vault.living_leases(), [1]);
    let revocations = credentials.revoke().await;
    assert_eq!(revocations.len(), 1, "what was read ends with the token");
    assert_eq!(revocations[0].outcome, RevocationOutcome::Revoked);
    assert!(vault.living_leases().is_empty());
}

#[tokio::test]
async fn vector_39_the_role_arn_travels_in_the_query() {
    let (mut world, vault) = site().await;
    vault.secret("aws/sts/d", Secret::session());
    let arn = ("TFC_VAULT_BACKED_AWS_RUN_ROLE_ARN", "arn:aws:iam::1:role/x y");
    let kind = ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "assumed_role");
    let credentials = world.obtain(&variables(&vault, &[AWS[0], kind, AWS[2], arn])).await.unwrap();
    assert_eq!(vault.calls()[1], "GET /v1/aws/sts/d?role_arn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx%20y");
    assert!(
        file(&credentials, "tfc-vault-backed-aws-process.json").contains("\"SessionToken\":\"session-1\"")
    );
}

#[tokio::test]
async fn a_federation_token_is_read_where_the_policy_allows() {
    let kind = ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "federation_token");
    let (mut world, vault) = site().await;
    vault.secret("aws/sts/d", Secret::session());
    vault.secret("aws/creds/d", Secret::session());
    world.obtain(&variables(&vault, &[AWS[0], kind, AWS[2]])).await.unwrap();
    assert_eq!(vault.calls()[1..], ["GET /v1/aws/sts/d"]);
    vault.deny("aws/sts/d");
    world.obtain(&variables(&vault, &[AWS[0], kind, AWS[2]])).await.unwrap();
    assert_eq!(vault.calls()[3..], ["GET /v1/aws/sts/d", "GET /v1/aws/creds/d"]);
    assert!(world.lines().last().unwrap().contains("read aws/creds/d from Vault"), "{:?}", world.lines());
    vault.deny("aws/creds/d");
    let text = refusal(&mut world, &vault, &[AWS[0], kind, AWS[2]]).await;
    assert!(text.contains("Vault path aws/sts/d: 403"), "{text}");
}

#[tokio::test]
async fn vector_42_the_chosen_configuration_reads_in_its_namespace_and_trusts_its_authority() {
    let mut world = World::new();
    let default = FakeVault::start(&world.clock).await;
    let (devops, authority) = private_server(&world).await;
    devops.demand_namespace("n/x");
    devops.secret("aws/creds/d", Secret::default());
    let mut own = variables(&default, &AWS);
    own.extend([
        ("TFC_VAULT_PROVIDER_AUTH_DEVOPS", "true"),
        ("TFC_VAULT_ADDR_DEVOPS", devops.address.as_str()),
        ("TFC_VAULT_RUN_ROLE_DEVOPS", "r"),
        ("TFC_VAULT_NAMESPACE_DEVOPS", "n/x"),
        ("TFC_VAULT_ENCODED_CACERT_DEVOPS", &authority),
        ("TFC_VAULT_BACKED_AWS_VAULT_CONFIG", "DEVOPS"),
    ]);
    world.obtain(&own).await.unwrap();
    assert_eq!(default.calls(), ["POST /v1/auth/jwt/login"]);
    assert_eq!(devops.calls(), ["POST /v1/auth/jwt/login", "GET /v1/aws/creds/d"]);
    assert_eq!(devops.requests()[1].headers["x-vault-namespace"], "n/x");
    assert_eq!(devops.living_leases(), [1]);
}

#[tokio::test]
async fn vector_47_an_access_token_ends_when_google_says() {
    let (mut world, vault) = site().await;
    let end = world.clock.now().as_second() + 3599;
    let data = json!({"token": "ya29.{n}", "expires_at_seconds": end, "token_ttl": 3599});
    vault.secret("gcp/roleset/s/token", Secret { data, has_no_lease: true, ..Secret::default() });
    let kind = ("TFC_VAULT_BACKED_GCP_AUTH_TYPE", "roleset/access_token");
    let credentials = world.obtain(&variables(&vault, &[GCP[0], GCP[1], kind])).await.unwrap();
    assert_eq!(file(&credentials, "tfc-vault-backed-gcp-access-token"), "ya29.1");
    assert_eq!(env(&credentials, "GOOGLE_OAUTH_ACCESS_TOKEN").as_deref(), Some("ya29.1"));
    assert_eq!(credentials.report()[1].expires_at.map(|end| end.as_second()), Some(end));
    assert_eq!(
        world.lines().last().unwrap(),
        "Vault-backed GCP credentials end at 2023-11-14T23:13:19Z, before the phase limit 2023-11-15T00:13:20Z, and \
         cannot be extended; Google's access tokens live an hour and cannot be renewed: read a service_account_key, or \
         shorten the phase"
    );
    assert_eq!(world.warnings(), ["W12"]);
}

#[tokio::test]
async fn vector_48_a_key_that_cannot_be_decoded_stops_the_phase_and_shows_nothing() {
    let (mut world, vault) = site().await;
    let kind = ("TFC_VAULT_BACKED_GCP_AUTH_TYPE", "roleset/service_account_key");
    let data = json!({"private_key_data": "no base64"});
    vault.secret("gcp/roleset/s/key", Secret { data, ..Secret::default() });
    let text = refusal(&mut world, &vault, &[GCP[0], GCP[1], kind]).await;
    assert_eq!(
        text,
        "failed reading Vault-backed GCP credentials from Vault path gcp/roleset/s/key: private_key_data is not the \
         base64 form of a JSON object"
    );
    assert!(vault.living_tokens().is_empty());

    let data = json!({"private_key_data": "eyJwcml2YXRlX2tleSI6InBlbSJ9"});
    vault.secret("gcp/roleset/s/key", Secret { data, ..Secret::default() });
    let credentials = world.obtain(&variables(&vault, &[GCP[0], GCP[1], kind])).await.unwrap();
    assert_eq!(file(&credentials, "tfc-vault-backed-gcp-credentials.json"), r#"{"private_key":"pem"}"#);
}

#[tokio::test]
async fn a_refusal_names_the_path_and_what_the_policy_lacks() {
    let (mut world, vault) = site().await;
    vault.deny("aws/creds/d");
    assert_eq!(
        refusal(&mut world, &vault, &AWS).await,
        "failed reading Vault-backed AWS credentials from Vault path aws/creds/d: 403: 1 error occurred: * \
         permission denied; the policies of the Vault role lack read on aws/creds/d"
    );
    assert_eq!(
        refusal(&mut world, &vault, &AZURE).await,
        "failed reading Vault-backed Azure credentials from Vault path azure/creds/z: 404: (no explanation); no such \
         mount or role in Vault"
    );
    vault.secret(
        "azure/creds/z",
        Secret { data: json!({"client_id": "c", "client_secret": ""}), ..Secret::default() },
    );
    assert_eq!(
        refusal(&mut world, &vault, &AZURE).await,
        "failed reading Vault-backed Azure credentials from Vault path azure/creds/z: the answer lacks client_secret"
    );
    let text = block(&mut world, &vault, &AZURE).await;
    for part in [
        "  tried:      GET /v1/azure/creds/z, with the token of role \"r\" (from TFC_VAULT_RUN_ROLE)",
        "  Vault said: something unexpected: the answer lacks client_secret\n",
        "  likely fix: if vault secrets list shows no azure/ of type azure, correct \
         TFC_VAULT_BACKED_AZURE_MOUNT_PATH\n",
        "if vault list azure/roles does not show z, correct TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE ",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[tokio::test]
async fn a_failed_reading_revokes_the_login_and_what_was_read_before() {
    let (mut world, vault) = site().await;
    let text = refusal(&mut world, &vault, &[&AWS[..], &AZURE].concat()).await;
    assert!(text.contains("Vault-backed Azure"), "{text}");
    assert!(vault.calls().contains(&"GET /v1/aws/creds/d".to_owned()));
    assert!(vault.living_tokens().is_empty() && vault.living_leases().is_empty());
    assert_eq!(world.lines().last().unwrap(), "Vault: the token with accessor accessor-of-1 is revoked");
}

#[tokio::test]
async fn a_reading_is_only_repeated_when_the_first_has_surely_made_nothing() {
    for (status, expected) in [(412, 2), (429, 2), (500, 1), (503, 1)] {
        let (mut world, vault) = site().await;
        vault.answer_next(Answer::new(200, LOGIN));
        vault.answer_next(Answer::new(status, r#"{"errors":["later"]}"#));
        let result = world.obtain(&variables(&vault, &AWS)).await;
        let readings = vault.calls().iter().filter(|call| *call == "GET /v1/aws/creds/d").count();
        assert_eq!(readings, expected, "{status}");
        // The token of the canned login is unknown to the server, so a second reading is refused.
        assert!(result.is_err());
    }
}

const LOGIN: &str =
    r#"{"auth":{"client_token":"hvs.x","accessor":"a","lease_duration":1200,"renewable":true}}"#;

#[tokio::test]
async fn only_what_is_used_is_hidden_from_logs() {
    let (mut world, vault) = site().await;
    vault.secret("aws/sts/d", Secret::session());
    let kind = ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "federation_token");
    let credentials = world.obtain(&variables(&vault, &[AWS[0], kind, AWS[2]])).await.unwrap();
    let hidden: Vec<&str> = credentials.injection().secrets.iter().map(ExposeSecret::expose_secret).collect();
    for secret in ["ASIA-1", "secret-key-1", "session-1", "hvs.secret-1"] {
        assert!(hidden.contains(&secret), "{secret}");
    }
    assert!(
        !hidden.iter().any(|text| ["3600", "arn:aws:sts::1:assumed-role/d"].contains(text)),
        "{hidden:?}"
    );
    let shown = format!("{credentials:?} {:?} {}", credentials.injection(), world.lines().join("\n"));
    assert!(!shown.contains("secret-key-1") && !shown.contains("session-1"), "{shown}");
}

#[tokio::test]
async fn the_report_tells_whose_identity_was_used() {
    let (mut world, vault) = site().await;
    let credentials = world.obtain(&variables(&vault, &AWS)).await.unwrap();
    let report = credentials.report();
    let entry = &report[1];
    assert_eq!((entry.family, entry.role.as_deref()), (FamilyName::VaultBackedAws, Some("d")));
    assert_eq!((entry.jti.as_deref(), entry.audience.as_str()), (Some("jti-1"), ""));
    assert_eq!((entry.subject.as_str(), entry.leases.len()), (report[0].subject.as_str(), 0));
}

#[tokio::test]
async fn vector_44_the_longest_wait_is_asked_for() {
    let (mut world, vault) = site().await;
    vault.secret("azure/creds/z", Secret::azure(7200));
    let waits =
        [("TFC_VAULT_BACKED_AWS_SLEEP_SECONDS", "30"), ("TFC_VAULT_BACKED_AZURE_SLEEP_SECONDS", "90")];
    let family = [&AWS[..], &AZURE, &waits].concat();
    let credentials = world.obtain(&variables(&vault, &family)).await.unwrap();
    assert_eq!(credentials.settle().as_secs(), 90);
}
