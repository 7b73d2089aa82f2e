//! Kubernetes and Helm: the token is handed over; the API server checks it at every request.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

use super::vault::{checked_address, has_certificates};
use crate::{
    credential::Credential,
    family::FamilyName,
    form::{Form, Found, Incomplete},
    injection::{Delivery, When},
    provider::{Configuration, Grant, Place, Provider, Rival, TokenLife, TokenNeed},
    setting::{OWN, Required, Setting, SettingKind, UPSTREAM},
};

const SETTING: Setting<'static> = Setting {
    name: "",
    family: FamilyName::Kubernetes,
    kind: SettingKind::Value,
    label: "Kubernetes audience",
    required: Required::Yes,
    default: None,
    example: "kubernetes",
    doc: "",
    source: UPSTREAM,
};

static AUTH: Setting<'static> = Setting {
    name: AUTH_FLAG,
    kind: SettingKind::Enable,
    label: "Kubernetes authentication",
    example: "true",
    doc: "Set to true to authenticate to Kubernetes with the identity of the run.",
    ..SETTING
};
static AUDIENCE: Setting<'static> = Setting {
    name: "TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE",
    doc: "The audience of the identity token; must be one of the audiences that the API server accepts.",
    ..SETTING
};
static TOKEN_SOURCE: Setting<'static> = Setting {
    name: "TFC_KUBERNETES_TOKEN_SOURCE",
    label: "Kubernetes token source",
    required: Required::No,
    default: Some(ENV),
    example: ENV,
    doc: "`env` hands over one token that lives as long as the phase may last; `kubeconfig` writes a kubeconfig for the \
          cluster in KUBE_HOST whose short token is read again and again, and is only for a single configuration \
          without a tag.",
    source: OWN,
    ..SETTING
};

const AUTH_FLAG: &str = "TFC_KUBERNETES_PROVIDER_AUTH";
const ENV: &str = "env";
const KUBECONFIG: &str = "kubeconfig";
const TOKEN_FILE: &str = "tfc-kubernetes-token";
const KUBECONFIG_FILE: &str = "tfc-kubernetes-kubeconfig";
const HOST: &str = "KUBE_HOST";
const AUTHORITY: &str = "KUBE_CLUSTER_CA_CERT_DATA";

const READ_ONCE: &str = "the providers read it once and the API server checks it at every request; with \
                         TFC_KUBERNETES_TOKEN_SOURCE=kubeconfig a single configuration has short ones read again and \
                         again";

/// The family of Kubernetes tokens.
pub(crate) struct Kubernetes;

#[derive(Debug)]
struct KubernetesConfiguration {
    audience: String,
    /// The cluster of the kubeconfig, where one is wanted.
    cluster: Option<Cluster>,
}

/// The cluster that the workspace names.
#[derive(Debug)]
struct Cluster {
    server: String,
    /// The only certificate authorities to trust, as PEM.
    ca_pem: Option<String>,
}

impl Provider for Kubernetes {
    fn family(&self) -> FamilyName {
        FamilyName::Kubernetes
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![AUTH, AUDIENCE, TOKEN_SOURCE]
    }

    fn variable(&self) -> Option<&str> {
        Some("tfc_kubernetes_dynamic_credentials")
    }

    fn rivals(&self) -> Vec<Rival<'_>> {
        vec![
            Rival::always("KUBE_CONFIG_PATH"),
            Rival::always("KUBE_CONFIG_PATHS"),
            Rival::always("KUBE_USER"),
            Rival::always("KUBE_PASSWORD"),
            Rival::always("KUBE_CLIENT_CERT_DATA"),
            Rival::always("KUBE_TOKEN"),
        ]
    }

    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete> {
        let audience = form.required(&AUDIENCE);
        let cluster = wanted_cluster(form);
        Ok(Box::new(KubernetesConfiguration { audience: audience?.value, cluster: cluster? }))
    }
}

impl Configuration for KubernetesConfiguration {
    fn token(&self) -> Option<TokenNeed<'_>> {
        let life = match self.cluster {
            None => TokenLife::Phase(READ_ONCE),
            Some(_) => TokenLife::Rotated,
        };
        Some(TokenNeed { audience: &self.audience, life })
    }

    fn role(&self) -> Option<&str> {
        None
    }

    fn grant(&self) -> Grant<'_> {
        Grant::HandOver
    }

    fn deliver(&self, credential: &Credential, place: &Place<'_>) -> Delivery {
        let token_path = place.path(TOKEN_FILE);
        let mut delivery = Delivery::default();
        delivery.file(place.file_name(TOKEN_FILE), credential.token.clone());
        delivery.attribute("token_path", token_path.as_str());
        let Some(cluster) = &self.cluster else {
            delivery.env(When::Alone, "KUBE_TOKEN", credential.token.clone());
            return delivery;
        };
        delivery.file(place.file_name(KUBECONFIG_FILE), cluster.kubeconfig(&token_path).into());
        delivery.env(When::Alone, "KUBE_CONFIG_PATH", place.path(KUBECONFIG_FILE));
        if let Some(pem) = &cluster.ca_pem {
            // The variable beats the kubeconfig, and the providers read it as PEM only.
            delivery.env(When::Alone, AUTHORITY, pem.as_str());
        }
        delivery
    }
}

impl Cluster {
    /// A kubeconfig in JSON, which every reader of YAML understands.
    fn kubeconfig(&self, token_path: &str) -> String {
        let mut cluster = json!({ "server": self.server });
        if let Some(pem) = &self.ca_pem {
            cluster["certificate-authority-data"] = BASE64_STANDARD.encode(pem).into();
        }
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "default", "cluster": cluster }],
            "users": [{ "name": "default", "user": { "tokenFile": token_path } }],
            "contexts": [{ "name": "default", "context": { "cluster": "default", "user": "default" } }],
            "current-context": "default",
        });
        kubeconfig.to_string()
    }
}

fn wanted_cluster(form: &mut Form<'_>) -> Result<Option<Cluster>, Incomplete> {
    let Some(found) = form.optional(&TOKEN_SOURCE)? else { return Ok(None) };
    if form.one_of(&TOKEN_SOURCE, found.clone(), &[ENV, KUBECONFIG])? == ENV {
        return Ok(None);
    }
    // The workspace names one cluster, and beside other configurations nothing is put into the environment.
    if !form.is_single(&[AUTH_FLAG]) {
        let rule = "can only be kubeconfig where Kubernetes has a single configuration, without a tag; the others are \
                    read from token files";
        return Err(form.malformed("E3", &found, rule));
    }
    let server = match form.workspace(HOST) {
        Some(host) => checked_address(form, &host),
        None => {
            let rule = format!("must be the address of the API server, as {} is kubeconfig", found.variable);
            Err(form.malformed("E2", &Found { variable: HOST.to_owned(), value: String::new() }, rule))
        }
    };
    let ca_pem = checked_authorities(form);
    Ok(Some(Cluster { server: server?, ca_pem: ca_pem? }))
}

fn checked_authorities(form: &mut Form<'_>) -> Result<Option<String>, Incomplete> {
    let Some(found) = form.workspace(AUTHORITY) else { return Ok(None) };
    if has_certificates(&found.value) {
        return Ok(Some(found.value));
    }
    let encoded: String = found.value.split_ascii_whitespace().collect();
    let pem = BASE64_STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match pem {
        Some(pem) if has_certificates(&pem) => Ok(Some(pem)),
        _ => Err(form.malformed("E6", &found, "is neither PEM nor base64-encoded PEM")),
    }
}
