//! google-auth with what a run gets for Google Cloud.

use std::time::Duration;

use carnet_tests::{Google, GoogleOptions, ServiceAccount, Tool, tool};
use serde_json::json;

use super::place::{Place, accepted, program, subject};
use crate::site::ORGANIZATION;

const PROVIDER: &str = "projects/123/locations/global/workloadIdentityPools/pool/providers/carnet";
pub(super) const READER: &str = "reader@project.iam.gserviceaccount.com";
const DEPLOYER: &str = "deployer@project.iam.gserviceaccount.com";
pub(super) const EXCHANGE: &str = "POST /v1/token";

pub(super) const VARIABLES: [(&str, &str); 5] = [
    ("TFC_GCP_PROVIDER_AUTH", "true"),
    ("TFC_GCP_WORKLOAD_PROVIDER_NAME", PROVIDER),
    ("TFC_GCP_PLAN_SERVICE_ACCOUNT_EMAIL", READER),
    ("TFC_GCP_APPLY_SERVICE_ACCOUNT_EMAIL", DEPLOYER),
    ("GOOGLE_CLOUD_PROJECT", "project"),
];

pub(super) async fn google(place: &Place) -> anyhow::Result<Google> {
    let bound =
        |email: &str, phase: &str| ServiceAccount { email: email.to_owned(), subject: subject("net", phase) };
    let options = GoogleOptions {
        issuer: place.issuer(),
        provider: PROVIDER.to_owned(),
        audiences: Vec::new(),
        organization: ORGANIZATION.to_owned(),
        service_accounts: vec![bound(READER, "plan"), bound(DEPLOYER, "apply")],
        // The client asks for a new one whenever it needs one.
        token_lifetime: Duration::from_secs(60),
    };
    Google::start(&place.ca, options).await
}

#[tokio::test]
async fn an_apply_becomes_its_service_account_with_tokens_that_are_replaced() -> anyhow::Result<()> {
    let (place, python) = tokio::try_join!(Place::start(), tool(Tool::GoogleAuth))?;
    let google = google(&place).await?;
    let workspace = place.workspace("net", &VARIABLES).await?;
    place.shorten_tokens(&workspace, 10).await?;
    let command = |file: &str| program(&python, "google_client", &[&google.url(), &place.ca_file(), file]);

    let run = place.run(&workspace, "", &command("'\"$HOME\"'/tfc-gcp-token")).await?;
    assert_eq!(run.outcome()?, json!({"project": "project", "emails": [DEPLOYER, DEPLOYER]}), "{}", run.log);
    let exchanged = accepted(&google.record(), EXCHANGE);
    let minted = place.minted(&workspace, "apply").await?;
    assert_eq!(exchanged.len(), 2, "{exchanged:?}");
    assert_ne!(exchanged[0], exchanged[1], "the client has read the new token");
    assert!(exchanged.iter().all(|id| minted.contains(id)), "{exchanged:?} are not all of {minted:?}");
    Ok(())
}

#[tokio::test]
async fn a_run_is_itself_in_the_pool_without_a_service_account() -> anyhow::Result<()> {
    let (place, python) = tokio::try_join!(Place::start(), tool(Tool::GoogleAuth))?;
    let google = google(&place).await?;
    let variables = [
        ("TFC_GCP_PROVIDER_AUTH", "true"),
        ("TFC_GCP_PRINCIPAL_TYPE", "workload_pool"),
        ("TFC_GCP_PROJECT_NUMBER", "123"),
        ("TFC_GCP_WORKLOAD_POOL_ID", "pool"),
        ("TFC_GCP_WORKLOAD_PROVIDER_ID", "carnet"),
        ("GOOGLE_CLOUD_PROJECT", "project"),
    ];
    let workspace = place.workspace("net", &variables).await?;
    let command = program(&python, "google_client", &[&google.url(), &place.ca_file()]);
    let run = place.run(&workspace, "", &command).await?;
    let pool = "projects/123/locations/global/workloadIdentityPools/pool";
    let principal = format!("principal://iam.googleapis.com/{pool}/subject/{}", subject("net", "apply"));
    assert_eq!(run.outcome()?["emails"], json!([principal]), "{}", run.log);
    assert_eq!(accepted(&google.record(), EXCHANGE), place.minted(&workspace, "apply").await?);

    // Another workspace comes into the pool as somebody else, and is not the service account of this one.
    let other = place.workspace("other", &VARIABLES).await?;
    let run = place.run(&other, "", &command).await?;
    assert_eq!(run.status, "errored", "{}", run.log);
    assert!(run.log.contains("iam.serviceAccounts.getAccessToken"), "{}", run.log);
    let last = google.record().pop();
    assert_eq!(last.map(|entry| (entry.status, entry.verdict)), Some((403, "PERMISSION_DENIED".to_owned())));
    Ok(())
}

/// An adapter that lets clients ask the agent for tokens, with the configuration of an external account.
const ASKING: &str = r#"
name = "pool"
title = "Google pool"
source = "https://cloud.google.com/iam/docs/workload-identity-federation"
token = "source"

[settings.enable]
name = "TFC_POOL_PROVIDER_AUTH"
doc = "Set to true to be somebody in the pool."

[settings.audience]
name = "TFC_POOL_WORKLOAD_IDENTITY_AUDIENCE"
default = "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/providers/carnet"
doc = "The audience of the identity token."

[env]
GOOGLE_APPLICATION_CREDENTIALS = "{{ file.tfc-pool-credentials }}"

[files.tfc-pool-credentials.json]
universe_domain = "googleapis.com"
type = "external_account"
audience = "{{ setting.audience }}"
subject_token_type = "urn:ietf:params:oauth:token-type:jwt"
token_url = "https://sts.googleapis.com/v1/token"

[files.tfc-pool-credentials.json.credential_source]
url = "{{ source_url }}"
headers = { Authorization = "Bearer {{ source_secret }}" }
format = { type = "json", subject_token_field_name = "value" }
"#;

#[tokio::test]
async fn a_client_can_ask_the_agent_for_its_token() -> anyhow::Result<()> {
    let (place, python) = tokio::try_join!(Place::start(), tool(Tool::GoogleAuth))?;
    let google = google(&place).await?;
    let document = json!({"data": {"type": "adapters", "attributes": {"definition": ASKING}}});
    let path = format!("/api/carnet/v1/organizations/{ORGANIZATION}/adapters/pool");
    place.api.request("PUT", &path, Some(&document)).await?.success()?;
    let variables = [("TFC_POOL_PROVIDER_AUTH", "true"), ("GOOGLE_CLOUD_PROJECT", "project")];
    let workspace = place.workspace("net", &variables).await?;
    let command = program(&python, "google_client", &[&google.url(), &place.ca_file()]);
    let run = place.run(&workspace, "", &command).await?;
    let principal = run.outcome()?["emails"][0].as_str().unwrap_or_default().to_owned();
    assert!(principal.ends_with(&subject("net", "apply")), "{principal}");
    assert_eq!(accepted(&google.record(), EXCHANGE), place.minted(&workspace, "apply").await?);
    Ok(())
}
