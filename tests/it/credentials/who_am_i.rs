//! A run asks its providers who it is, before Terraform starts.

use carnet_tests::{
    ApiClient, CertificateAuthority, Kubernetes, KubernetesOptions, SeaweedFs, TrustedIssuer,
};
use serde_json::Value;

use super::aws::{Cloud, set};
use crate::site::{ORGANIZATION, Site, id, status, with, workspace};

const ASKS: (&str, &str) = ("TFC_WORKLOAD_IDENTITY_WHO_AM_I", "true");
const NOTHING: &str = "resource \"terraform_data\" \"nothing\" {}\n";
const PLAN: &str = "organization:acme:project:Default Project:workspace:net:run_phase:plan";

#[tokio::test]
async fn a_run_is_told_whose_session_and_which_user_it_is() -> anyhow::Result<()> {
    let cloud = Cloud::start().await?;
    let api = cloud.server.api()?;
    let ca = CertificateAuthority::new()?;
    let options = KubernetesOptions {
        issuer: TrustedIssuer { url: cloud.server.url(), ca_pem: cloud.server.ca_pem().to_owned() },
        audiences: vec!["kubernetes".to_owned()],
        username_prefix: "tf#".to_owned(),
        viewers: Vec::new(),
        editors: Vec::new(),
    };
    let cluster = Kubernetes::start(&ca, options).await?;
    let variables = [
        ASKS,
        ("TFC_KUBERNETES_PROVIDER_AUTH", "true"),
        ("TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE", "kubernetes"),
        ("KUBE_HOST", &cluster.url()),
        ("KUBE_CLUSTER_CA_CERT_DATA", ca.pem()),
    ];
    let workspace = workspace(&api, ORGANIZATION, "net", &with(&cloud.variables(), &variables)).await?;

    let run = api.run_to_end(&workspace, NOTHING).await?;
    let log = api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");
    assert!(!log.contains("eyJ"), "{log}");
    for (phase, role) in [("plan", "reader"), ("apply", "writer")] {
        let log = api.phase_log(id(&run), phase).await?;
        // The stand-in for AWS leaves the account out of this name.
        let session = format!("AWS: the run is arn:aws:sts::assumed-role/{role}/{}, as asked for", id(&run));
        assert!(log.contains(&session), "{session:?} is not in the log:\n{log}");
        let user = format!("Kubernetes: the run is user tf#{}, groups [tf:acme", PLAN.replace("plan", phase));
        assert!(log.contains(&user), "{user:?} is not in the log:\n{log}");
        let asked = log.find("the run is").unwrap_or(usize::MAX);
        assert!(
            log.find("Terraform used")
                .or_else(|| log.find("terraform_data.nothing"))
                .is_some_and(|at| asked < at),
            "{log}"
        );
    }
    let facts = facts(&api, id(&run), "aws").await?;
    assert!(facts[0].iter().any(|fact| fact.contains("assumed-role/reader/")), "{facts:?}");
    assert_eq!(facts.len(), 2, "one for each phase");

    // A role that the plan may not assume: explained, and no reason to stop, as Terraform may not need it.
    set(&api, &workspace, "TFC_AWS_PLAN_ROLE_ARN", &SeaweedFs::role_arn("writer")).await?;
    let run = api.run_to_end(&workspace, NOTHING).await?;
    let log = api.phase_log(id(&run), "plan").await?;
    assert_eq!(status(&run), "planned_and_finished", "{log}");
    assert!(log.contains("Warning: AWS refused the identity of the run\n"), "{log}");
    assert!(log.contains(&format!("sub = {PLAN}\n")) && log.contains("trust policy denies"), "{log}");
    assert!(!log.contains("eyJ"), "{log}");
    Ok(())
}

#[tokio::test]
async fn vault_says_under_which_name_its_own_log_has_the_run() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let variables = with(&site.trust("net", &[]).await?, &[ASKS]);
    let workspace = site.workspace("net", &variables).await?;
    let run = site.api.run_to_end(&workspace, NOTHING).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");
    let line = format!("Vault: the run is jwt-{workspace}");
    assert_eq!(log.matches(&line).count(), 2, "{line:?} is not in the log of each phase:\n{log}");
    let facts = facts(&site.api, id(&run), "vault").await?;
    assert!(facts[0].contains(&format!("display name: jwt-{workspace}")), "{facts:?}");
    assert!(facts[0].iter().any(|fact| fact.starts_with("policies: ")), "{facts:?}");
    Ok(())
}

/// What is kept of who a run was to the providers of a family, phase by phase.
async fn facts(api: &ApiClient, run: &str, family: &str) -> anyhow::Result<Vec<Vec<String>>> {
    let list = api.get(&format!("/api/carnet/v1/runs/{run}/credentials")).await?;
    let entries = list["data"].as_array().into_iter().flatten().map(|entry| &entry["attributes"]);
    let facts = |entry: &Value| -> Vec<String> {
        let facts = entry["identity"].as_array().into_iter().flatten();
        facts.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    Ok(entries.filter(|entry| entry["family"] == family).map(facts).collect())
}
