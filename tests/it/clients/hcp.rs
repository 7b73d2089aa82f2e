//! The exchange of the HCP SDK with what a run gets for HCP.

use std::time::Duration;

use carnet_tests::{Hcp, HcpOptions, Tool, WorkloadProvider, tool};
use serde_json::json;

use super::place::{Place, accepted, program, subject};

pub(super) const PRINCIPAL: &str =
    "iam/project/00000000-0000-4000-8000-00000000000a/service-principal/deploy";

pub(super) const VARIABLES: [(&str, &str); 3] = [
    ("TFC_HCP_PROVIDER_AUTH", "true"),
    (
        "TFC_HCP_PLAN_PROVIDER_RESOURCE_NAME",
        "iam/project/00000000-0000-4000-8000-00000000000a/service-principal/deploy/workload-identity-provider/plan",
    ),
    (
        "TFC_HCP_APPLY_PROVIDER_RESOURCE_NAME",
        "iam/project/00000000-0000-4000-8000-00000000000a/service-principal/deploy/workload-identity-provider/apply",
    ),
];

pub(super) async fn hcp(place: &Place) -> anyhow::Result<Hcp> {
    let provider = |phase: &str| WorkloadProvider {
        resource_name: format!("{PRINCIPAL}/workload-identity-provider/{phase}"),
        audiences: Vec::new(),
        subject: subject("net", phase),
    };
    let options = HcpOptions {
        issuer: place.issuer(),
        providers: vec![provider("plan"), provider("apply")],
        token_lifetime: Duration::from_secs(60),
    };
    Hcp::start(&place.ca, options).await
}

/// The request that exchanges a token of a phase.
pub(super) fn exchange(phase: &str) -> String {
    format!("POST /2019-12-10/{PRINCIPAL}/workload-identity-provider/{phase}/exchange-token")
}

#[tokio::test]
async fn the_credential_file_of_a_run_is_its_service_principal() -> anyhow::Result<()> {
    // Any Python will do: there is no client of HCP for it.
    let (place, python) = tokio::try_join!(Place::start(), tool(Tool::Hvac))?;
    let hcp = hcp(&place).await?;
    let workspace = place.workspace("net", &VARIABLES).await?;
    place.shorten_tokens(&workspace, 10).await?;
    let arguments = [&*hcp.url(), &place.ca_file(), "'\"$HOME\"'/tfc-hcp-token"];
    let command = program(&python, "hcp_client", &arguments);
    let run = place.run(&workspace, "", &command).await?;
    assert_eq!(run.outcome()?, json!({"principals": [PRINCIPAL, PRINCIPAL]}), "{}", run.log);
    let exchanged = accepted(&hcp.record(), &exchange("apply"));
    let minted = place.minted(&workspace, "apply").await?;
    assert_eq!(exchanged.len(), 2, "{exchanged:?}");
    assert_ne!(exchanged[0], exchanged[1], "the second exchange is of the new token");
    assert!(exchanged.iter().all(|id| minted.contains(id)), "{exchanged:?} are not all of {minted:?}");

    let other = place.workspace("other", &VARIABLES).await?;
    let run = place.run(&other, "", &command).await?;
    assert_eq!(run.status, "errored", "{}", run.log);
    let last = hcp.record().pop();
    assert_eq!(last.map(|entry| (entry.status, entry.verdict)), Some((403, "7".to_owned())));
    Ok(())
}
