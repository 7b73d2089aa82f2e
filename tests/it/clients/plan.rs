//! Every client in one plan: a configuration can bring a program of its own that runs there, as a provider.

use std::time::Duration;

use carnet_tests::{Archive, Tool, Witness, tool};
use serde_json::{Value, json};

use super::{
    azure, google, hcp, kubernetes,
    place::{Place, accepted, program, subject},
};

/// What a client has printed.
fn said(text: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(text.trim().trim_start_matches("CLIENT "))?)
}

#[tokio::test]
async fn a_plan_is_somebody_else_than_the_apply_for_every_family() -> anyhow::Result<()> {
    let (place, witness) = tokio::try_join!(Place::start(), Witness::start())?;
    let google = google::google(&place).await?;
    let entra = azure::entra(&place, Duration::from_secs(3600)).await?;
    let kubernetes = kubernetes::kubernetes(&place).await?;
    let hcp = hcp::hcp(&place).await?;
    let url = kubernetes.url();
    let cluster = [
        ("TFC_KUBERNETES_PROVIDER_AUTH", "true"),
        ("TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE", "kubernetes"),
        ("KUBE_HOST", &*url),
    ];
    let all = google::VARIABLES.into_iter().chain(azure::VARIABLES).chain(hcp::VARIABLES).chain(cluster);
    let workspace = place.workspace("net", &all.collect::<Vec<_>>()).await?;

    let ca = place.ca_file();
    let in_home = |name: &str| format!("'\"$HOME\"'/{name}");
    let (client_id, token) = (in_home("tfc-azure-client-id"), in_home("tfc-azure-token"));
    let commands = [
        ("google", program(&tool(Tool::GoogleAuth).await?, "google_client", &[&google.url(), &ca])),
        (
            "azure",
            program(
                &tool(Tool::AzureIdentity).await?,
                "azure_client",
                &[&entra.url(), &ca, azure::TENANT, &client_id, &token],
            ),
        ),
        ("kubernetes", program(&tool(Tool::KubernetesClient).await?, "kubernetes_client", &[&ca, "made"])),
        ("hcp", program(&tool(Tool::Hvac).await?, "hcp_client", &[&hcp.url(), &ca])),
    ];
    let lines = commands.map(|(name, command)| format!("{command} 2>&1 | {}\n", witness.hear(name)));
    let archive = own_provider(&format!("#!/bin/sh\n{}", lines.concat()))?;
    let (version, answer) = place.api.upload_archive(&workspace, archive).await?;
    answer.success()?;
    let run = place.api.start_run_of(&workspace, &version, json!({"auto-apply": true})).await?;
    // The program is no provider, so the plan cannot go on after it.
    place.api.wait_for_status(&run, &["errored"]).await?;

    assert_eq!(said(&witness.statement("google").await?)?["emails"], json!([google::READER]));
    let subscriptions = json!([azure::PLANNER, azure::PLANNER]);
    assert_eq!(said(&witness.statement("azure").await?)?["subscriptions"], subscriptions);
    assert_eq!(said(&witness.statement("hcp").await?)?["principals"], json!([hcp::PRINCIPAL]));
    // A plan may look only.
    let refusal = witness.statement("kubernetes").await?;
    assert!(refusal.contains("namespaces is forbidden") && refusal.contains("cannot create"), "{refusal}");
    assert!(refusal.contains(&subject("net", "plan")), "{refusal}");

    let minted = place.minted(&workspace, "plan").await?;
    assert_eq!(minted.len(), 4, "one for each family");
    assert_eq!(place.minted(&workspace, "apply").await?, [""; 0]);
    let records = [
        accepted(&google.record(), google::EXCHANGE),
        accepted(&entra.record(), &azure::request()),
        accepted(&hcp.record(), &hcp::exchange("plan")),
        accepted(&kubernetes.record(), "GET /version/"),
    ];
    let mut used = records.concat();
    used.sort_unstable();
    used.dedup();
    assert_eq!(used.len(), 4, "no token was taken for another family's: {used:?}");
    assert!(used.iter().all(|id| minted.contains(id)), "{used:?} are not {minted:?}");
    Ok(())
}

/// A configuration with a provider of its own, which is this program.
fn own_provider(program: &str) -> anyhow::Result<Vec<u8>> {
    let configuration = "terraform {\n  required_providers {\n    own = {\n      source = \"example.test/own/own\"\n    \
                         }\n  }\n}\nprovider \"own\" {}\n";
    let machine = match std::env::consts::ARCH {
        "aarch64" => "linux_arm64",
        _ => "linux_amd64",
    };
    let path =
        format!("terraform.d/plugins/example.test/own/own/1.0.0/{machine}/terraform-provider-own_v1.0.0");
    Archive::new().file("main.tf", configuration)?.program(&path, program)?.finish()
}
