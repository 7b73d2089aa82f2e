//! Vectors of the Kubernetes family.

use base64::{Engine, prelude::BASE64_STANDARD};
use carnet_model::Phase::Plan;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{TEN_MINUTES, TWO_HOURS, check, check_env, check_problems, check_warnings, injected, resolved};

const PEM: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----";
const ON: (&str, &str) = ("TFC_KUBERNETES_PROVIDER_AUTH", "true");
const AUDIENCE: (&str, &str) = ("TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE", "kubernetes");
const ON_A: (&str, &str) = ("TFC_KUBERNETES_PROVIDER_AUTH_A", "true");
const AUDIENCE_A: (&str, &str) = ("TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE_A", "a");
const SOURCE: (&str, &str) = ("TFC_KUBERNETES_TOKEN_SOURCE", "kubeconfig");
const HOST: (&str, &str) = ("KUBE_HOST", "https://k8s.example.com:6443/");
const DEFAULT_VAR: &str = r#"{"default":{"token_path":"/h/tfc-kubernetes-token"},"aliases":{}}"#;

#[test]
fn vector_35_the_audience_has_no_default() {
    check_problems(
        Plan,
        &[ON],
        &["E2 configuration for Kubernetes is invalid: missing required value(s): Kubernetes audience; set \
           TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE or TFC_DEFAULT_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE"],
    );
}

#[test]
fn vector_35_a_single_configuration_sets_the_token() {
    check(
        Plan,
        &[ON, AUDIENCE],
        &[
            "env KUBE_TOKEN=J(kubernetes)",
            "file tfc-kubernetes-token=J(kubernetes)",
            &format!("var tfc_kubernetes_dynamic_credentials={DEFAULT_VAR}"),
        ],
    );
    let resolution = resolved(Plan, &[ON, AUDIENCE], &[]).expect("resolves");
    assert_eq!(resolution.requests()[0].lifetime, TWO_HOURS);
    check_warnings(
        Plan,
        &[ON, AUDIENCE],
        &[
            "W14 Kubernetes: the token cannot be replaced while it is in use, so it lives as long as the phase may last \
           (120 min) instead of the usual minutes or TFC_WORKLOAD_IDENTITY_TTL: the providers read it once and the API server checks it at every request; with \
           TFC_KUBERNETES_TOKEN_SOURCE=kubeconfig a single configuration has short ones read again and again",
        ],
    );
}

#[test]
fn beside_aliases_nothing_is_in_the_environment() {
    check(
        Plan,
        &[ON, AUDIENCE, ON_A, AUDIENCE_A],
        &[
            "file tfc-kubernetes-token=J(kubernetes)",
            "file tfc-kubernetes-token-A=J(a)",
            r#"var tfc_kubernetes_dynamic_credentials={"default":{"token_path":"/h/tfc-kubernetes-token"},"aliases":{"A":{"token_path":"/h/tfc-kubernetes-token-A"}}}"#,
        ],
    );
}

#[test]
fn what_wins_over_the_token_is_warned_about() {
    let resolution =
        resolved(Plan, &[ON_A, AUDIENCE_A, ("KUBE_TOKEN", "t"), ("KUBE_PASSWORD", "p"), HOST], &[]);
    let warnings = resolution.expect("resolves").warnings().to_vec();
    let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts[..2],
        [
            "KUBE_PASSWORD is set and takes precedence over dynamic credentials for Kubernetes",
            "KUBE_TOKEN is set and takes precedence over dynamic credentials for Kubernetes"
        ]
    );
}

#[track_caller]
fn check_kubeconfig(authority: Option<&str>) {
    let authority = authority.map(|authority| ("KUBE_CLUSTER_CA_CERT_DATA", authority));
    let variables: Vec<_> = [ON, AUDIENCE, SOURCE, HOST].into_iter().chain(authority).collect();
    let resolution = resolved(Plan, &variables, &[]).expect("resolves");
    assert_eq!(resolution.requests()[0].lifetime, TEN_MINUTES, "clients read the file again");
    assert!(!resolution.needs_token_source());
    let injection = injected(&resolution);
    let mut cluster = json!({ "server": "https://k8s.example.com:6443" });
    if authority.is_some() {
        cluster["certificate-authority-data"] = BASE64_STANDARD.encode(PEM).into();
    }
    let expected = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "default", "cluster": cluster }],
        "users": [{ "name": "default", "user": { "tokenFile": "/h/tfc-kubernetes-token" } }],
        "contexts": [{ "name": "default", "context": { "cluster": "default", "user": "default" } }],
        "current-context": "default",
    });
    let content = |name: &str| {
        let file = injection.files.iter().find(|file| file.name == name).expect("has the file");
        file.content.expose_secret().to_owned()
    };
    let found: Value = serde_json::from_str(&content("tfc-kubernetes-kubeconfig")).expect("is JSON");
    assert_eq!(found, expected);
    assert_eq!(content("tfc-kubernetes-token"), "J(kubernetes)");
    let path = injection.env["KUBE_CONFIG_PATH"].expose_secret();
    assert_eq!((path, injection.env.contains_key("KUBE_TOKEN")), ("/h/tfc-kubernetes-kubeconfig", false));
    assert_eq!(injection.variables["tfc_kubernetes_dynamic_credentials"], DEFAULT_VAR);
}

#[test]
fn a_kubeconfig_names_a_token_that_is_read_again() {
    check_kubeconfig(None);
    check_kubeconfig(Some(PEM));
    check_kubeconfig(Some(&BASE64_STANDARD.encode(PEM)));
    check_warnings(Plan, &[ON, AUDIENCE, SOURCE, HOST, ("KUBE_CLUSTER_CA_CERT_DATA", PEM)], &[]);
}

#[test]
fn an_authority_in_base64_becomes_what_the_providers_read() {
    let encoded = BASE64_STANDARD.encode(PEM);
    let variables = [ON, AUDIENCE, SOURCE, HOST, ("KUBE_CLUSTER_CA_CERT_DATA", encoded.as_str())];
    check_env(Plan, &variables, "KUBE_CLUSTER_CA_CERT_DATA", Some(PEM));
    check_warnings(
        Plan,
        &variables,
        &[
            "W1 KUBE_CLUSTER_CA_CERT_DATA is set by dynamic credentials; the value from the workspace is replaced",
        ],
    );
}

#[test]
fn a_kubeconfig_needs_a_cluster() {
    let invalid = "configuration for Kubernetes is invalid:";
    check_problems(
        Plan,
        &[ON, AUDIENCE, SOURCE],
        &[&format!(
            "E2 {invalid} KUBE_HOST must be the address of the API server, as TFC_KUBERNETES_TOKEN_SOURCE is kubeconfig"
        )],
    );
    check_problems(
        Plan,
        &[ON, AUDIENCE, SOURCE, ("KUBE_HOST", "k8s"), ("KUBE_CLUSTER_CA_CERT_DATA", "???")],
        &[
            &format!("E7 {invalid} KUBE_HOST is not an http(s) URL"),
            &format!("E6 {invalid} KUBE_CLUSTER_CA_CERT_DATA is neither PEM nor base64-encoded PEM"),
        ],
    );
}

#[test]
fn a_kubeconfig_is_for_a_single_configuration_only() {
    let problem = |title: &str, variable: &str| {
        format!(
            "E3 configuration for {title} is invalid: {variable} can only be kubeconfig where Kubernetes has a single \
             configuration, without a tag; the others are read from token files"
        )
    };
    let of_a = problem("Kubernetes (tag \"A\")", "TFC_KUBERNETES_TOKEN_SOURCE_A");
    check_problems(
        Plan,
        &[ON_A, AUDIENCE_A, ("TFC_KUBERNETES_TOKEN_SOURCE_A", "kubeconfig"), HOST],
        &[&of_a],
    );
    let beside = problem("Kubernetes", "TFC_KUBERNETES_TOKEN_SOURCE");
    check_problems(Plan, &[ON, AUDIENCE, ON_A, AUDIENCE_A, SOURCE, HOST], &[&beside]);
    check_problems(
        Plan,
        &[ON, AUDIENCE, ("TFC_KUBERNETES_TOKEN_SOURCE", "exec")],
        &[
            "E3 configuration for Kubernetes is invalid: TFC_KUBERNETES_TOKEN_SOURCE must be one of: env, kubeconfig \
             (got \"exec\")",
        ],
    );
}
