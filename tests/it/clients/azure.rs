//! azure-identity with what a run gets for Azure.

use std::time::Duration;

use carnet_tests::{Entra, EntraOptions, FederatedCredential, Tool, tool};
use serde_json::json;

use super::place::{Place, accepted, declaration, program, subject};

pub(super) const TENANT: &str = "00000000-0000-4000-8000-00000000000a";
pub(super) const PLANNER: &str = "00000000-0000-4000-8000-00000000000b";
const APPLIER: &str = "00000000-0000-4000-8000-00000000000c";

pub(super) const VARIABLES: [(&str, &str); 5] = [
    ("TFC_AZURE_PROVIDER_AUTH", "true"),
    ("TFC_AZURE_PLAN_CLIENT_ID", PLANNER),
    ("TFC_AZURE_APPLY_CLIENT_ID", APPLIER),
    ("ARM_TENANT_ID", TENANT),
    ("ARM_SUBSCRIPTION_ID", "00000000-0000-4000-8000-00000000000d"),
];

pub(super) async fn entra(place: &Place, token_lifetime: Duration) -> anyhow::Result<Entra> {
    let credential = |client: &str, phase: &str| FederatedCredential {
        client_id: client.to_owned(),
        subject: subject("net", phase),
        audience: "api://AzureADTokenExchange".to_owned(),
    };
    let options = EntraOptions {
        issuer: place.issuer(),
        tenant: TENANT.to_owned(),
        credentials: vec![credential(PLANNER, "plan"), credential(APPLIER, "apply")],
        token_lifetime,
    };
    Entra::start(&place.ca, options).await
}

pub(super) fn request() -> String {
    format!("POST /{TENANT}/oauth2/v2.0/token")
}

async fn command(place: &Place, entra: &Entra) -> anyhow::Result<(String, String)> {
    let variable = "tfc_azure_dynamic_credentials";
    let attributes = ["client_id_file_path", "oidc_token_file_path"];
    let [client, token] = attributes.map(|name| format!("${{var.{variable}.default.{name}}}"));
    let arguments = [&*entra.url(), &place.ca_file(), TENANT, &client, &token];
    let command = program(&tool(Tool::AzureIdentity).await?, "azure_client", &arguments);
    Ok((declaration(variable, &attributes), command))
}

#[tokio::test]
async fn the_files_of_a_run_are_an_assertion_for_its_application() -> anyhow::Result<()> {
    let place = Place::start().await?;
    let entra = entra(&place, Duration::from_secs(3600)).await?;
    let (declaration, command) = command(&place, &entra).await?;
    let workspace = place.workspace("net", &VARIABLES).await?;
    let run = place.run(&workspace, &declaration, &command).await?;
    assert_eq!(run.outcome()?, json!({"subscriptions": [APPLIER, APPLIER]}), "{}", run.log);
    // Both kinds of credential have presented the one token of the phase.
    let presented = accepted(&entra.record(), &request());
    let minted = place.minted(&workspace, "apply").await?;
    assert_eq!(presented, [minted[0].clone(), minted[0].clone()]);

    let other = place.workspace("other", &VARIABLES).await?;
    let run = place.run(&other, &declaration, &command).await?;
    assert_eq!(run.status, "errored", "{}", run.log);
    assert!(run.log.contains("AADSTS700213"), "{}", run.log);
    assert!(run.log.contains(&subject("other", "apply")), "{}", run.log);
    Ok(())
}

#[tokio::test]
async fn an_assertion_can_be_asked_for_again_and_again() -> anyhow::Result<()> {
    let place = Place::start().await?;
    let entra = entra(&place, Duration::from_secs(4)).await?;
    let (declaration, command) = command(&place, &entra).await?;
    let source = [("TFC_AZURE_TOKEN_SOURCE", "request_url")];
    let variables: Vec<(&str, &str)> = VARIABLES.into_iter().chain(source).collect();
    let workspace = place.workspace("net", &variables).await?;
    place.shorten_tokens(&workspace, 10).await?;
    let run = place.run(&workspace, &declaration, &command).await?;
    assert_eq!(run.outcome()?, json!({"subscriptions": [APPLIER, APPLIER]}), "{}", run.log);
    let presented = accepted(&entra.record(), &request());
    let minted = place.minted(&workspace, "apply").await?;
    assert_eq!(presented.len(), 2, "{presented:?}");
    assert_ne!(presented[0], presented[1], "the second assertion is a new one");
    assert!(presented.iter().all(|id| minted.contains(id)), "{presented:?} are not all of {minted:?}");
    Ok(())
}
