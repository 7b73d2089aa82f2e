//! The Kubernetes client and kubectl with what a run gets for a cluster.

use carnet_tests::{Kubernetes, KubernetesOptions, Tool, tool};
use serde_json::json;

use super::place::{Place, accepted, declaration, program, subject};

const PREFIX: &str = "carnet#";
const LIST: &str = "GET /api/v1/namespaces";

pub(super) async fn kubernetes(place: &Place) -> anyhow::Result<Kubernetes> {
    let options = KubernetesOptions {
        issuer: place.issuer(),
        audiences: vec!["kubernetes".to_owned()],
        username_prefix: PREFIX.to_owned(),
        viewers: vec![format!("{PREFIX}{}", subject("net", "plan"))],
        editors: vec![format!("{PREFIX}{}", subject("net", "apply"))],
    };
    Kubernetes::start(&place.ca, options).await
}

#[tokio::test]
async fn the_token_of_a_run_is_a_user_of_the_cluster() -> anyhow::Result<()> {
    let (place, python) = tokio::try_join!(Place::start(), tool(Tool::KubernetesClient))?;
    let kubernetes = kubernetes(&place).await?;
    let variables = [
        ("TFC_KUBERNETES_PROVIDER_AUTH", "true"),
        ("TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE", "kubernetes"),
        ("KUBE_HOST", &*kubernetes.url()),
    ];
    let workspace = place.workspace("net", &variables).await?;
    let variable = "tfc_kubernetes_dynamic_credentials";
    // The file and the variable of the environment are the same token.
    let same = format!("test \"$(cat '${{var.{variable}.default.token_path}}')\" = \"$KUBE_TOKEN\" && ");
    let client = program(&python, "kubernetes_client", &[&place.ca_file(), "made"]);
    let declaration = declaration(variable, &["token_path"]);
    let run = place.run(&workspace, &declaration, &format!("{same}{client}")).await?;
    let user = format!("{PREFIX}{}", subject("net", "apply"));
    let expected = json!({"version": "v1.34.0", "user": user, "groups": ["tf:acme", "system:authenticated"],
                          "names": ["default", "made"]});
    assert_eq!(run.outcome()?, expected, "{}", run.log);
    assert_eq!(accepted(&kubernetes.record(), LIST), place.minted(&workspace, "apply").await?);

    let other = place.workspace("other", &variables).await?;
    let run = place.run(&other, &declaration, &client).await?;
    assert_eq!(run.status, "errored", "{}", run.log);
    assert!(run.log.contains("namespaces is forbidden: User"), "{}", run.log);
    assert!(run.log.contains(&subject("other", "apply")), "{}", run.log);
    Ok(())
}

#[tokio::test]
async fn a_kubeconfig_always_has_a_fresh_token() -> anyhow::Result<()> {
    let (place, python) = tokio::try_join!(Place::start(), tool(Tool::KubernetesClient))?;
    let kubernetes = kubernetes(&place).await?;
    let variables = [
        ("TFC_KUBERNETES_PROVIDER_AUTH", "true"),
        ("TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE", "kubernetes"),
        ("TFC_KUBERNETES_TOKEN_SOURCE", "kubeconfig"),
        ("KUBE_HOST", &*kubernetes.url()),
        ("KUBE_CLUSTER_CA_CERT_DATA", place.ca.pem()),
    ];
    let workspace = place.workspace("net", &variables).await?;
    // The client reads its token once, and has a few requests to send before it is over.
    place.shorten_tokens(&workspace, 24).await?;
    let kubectl = tool(Tool::Kubectl).await?;
    let kubectl = format!("{} --kubeconfig \"$KUBE_CONFIG_PATH\"", kubectl.display());
    let token = "\"$HOME/tfc-kubernetes-token\"";
    let commands = [
        "set -e".to_owned(),
        program(&python, "kubernetes_client", &[&place.ca_file(), "made"]),
        format!(
            "echo KUBECTL-USER: $({kubectl} auth whoami --output 'jsonpath={{.status.userInfo.username}}')"
        ),
        format!("echo KUBECTL-BEFORE: $({kubectl} get namespaces --output name)"),
        format!("cp {token} \"$HOME/first\""),
        format!("for _ in $(seq 900); do cmp -s {token} \"$HOME/first\" || break; sleep 0.1; done"),
        format!("echo KUBECTL-AFTER: $({kubectl} get namespaces --output name)"),
    ];
    let run = place.run(&workspace, "", &commands.join("\n")).await?;
    let user = format!("{PREFIX}{}", subject("net", "apply"));
    assert_eq!(run.outcome()?["user"], user, "{}", run.log);
    let names = "namespace/default namespace/made";
    let lines = [format!("USER: {user}"), format!("BEFORE: {names}"), format!("AFTER: {names}")];
    for line in lines {
        assert!(run.log.contains(&format!("KUBECTL-{line}")), "{line} is not in {}", run.log);
    }
    let lists = accepted(&kubernetes.record(), LIST);
    let minted = place.minted(&workspace, "apply").await?;
    assert_eq!(lists.len(), 3, "{lists:?}");
    assert_ne!(lists[1], lists[2], "the second kubectl has read the new token");
    assert!(lists.iter().all(|id| minted.contains(id)), "{lists:?} are not all of {minted:?}");
    Ok(())
}
