//! The API of a Kubernetes cluster that takes the issuer's tokens from its users.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use hyper::Method;
use serde_json::Value;

use super::{
    kubernetes_documents as documents,
    listener::{Exchange, Listener, Reply, Request, Service},
    verifier::{Claims, TrustedIssuer, Verifier},
};
use crate::certificate_authority::CertificateAuthority;

/// How the cluster authenticates and what it allows; without a token nobody may do anything.
#[derive(Debug, Clone)]
pub struct KubernetesOptions {
    /// The issuer of the `AuthenticationConfiguration`.
    pub issuer: TrustedIssuer,
    /// Its audiences.
    pub audiences: Vec<String>,
    /// What stands before the subject in the names of users.
    pub username_prefix: String,
    /// The users who may list namespaces, by their whole names.
    pub viewers: Vec<String>,
    /// The users who may also create them.
    pub editors: Vec<String>,
}

/// A running stand-in.
#[derive(Debug)]
pub struct Kubernetes {
    listener: Listener,
}

struct Rules {
    options: KubernetesOptions,
    verifier: Verifier,
    namespaces: Mutex<BTreeSet<String>>,
}

impl Kubernetes {
    /// Starts a stand-in with a certificate of the authority.
    pub async fn start(ca: &CertificateAuthority, options: KubernetesOptions) -> anyhow::Result<Self> {
        let verifier = Verifier::new(&options.issuer)?;
        let namespaces = Mutex::new(BTreeSet::from(["default".to_owned()]));
        Ok(Self { listener: Listener::start(ca, Rules { options, verifier, namespaces }).await? })
    }

    /// The address of the API server.
    pub fn url(&self) -> String {
        self.listener.url()
    }

    /// Every request so far, oldest first.
    pub fn record(&self) -> Vec<Exchange> {
        self.listener.record()
    }
}

impl Service for Rules {
    async fn answer(&self, request: Request) -> Reply {
        let Some(token) = request.bearer() else { return unauthorized() };
        let audiences: Vec<&str> = self.options.audiences.iter().map(String::as_str).collect();
        // Nothing is remembered from one request to the next: every one is checked, its time too.
        let reply = match self.verifier.verify(token, &audiences).await {
            Ok(claims) => self.serve(&request, &claims),
            Err(_) => unauthorized(),
        };
        reply.about(token)
    }
}

impl Rules {
    fn serve(&self, request: &Request, claims: &Claims) -> Reply {
        let user = format!("{}{}", self.options.username_prefix, claims.text("sub"));
        // Clients write some addresses with a slash at the end, which makes no difference to the real server.
        match (&request.method, request.path.trim_end_matches('/')) {
            (&Method::GET, "/version") => Reply::accepted(200, documents::version()),
            (&Method::GET, "/api") => Reply::accepted(200, documents::core_versions()),
            (&Method::GET, "/apis") => Reply::accepted(200, documents::groups()),
            (&Method::GET, "/api/v1") => Reply::accepted(200, documents::core_resources()),
            (&Method::GET, "/apis/authentication.k8s.io/v1") => {
                Reply::accepted(200, documents::authentication_resources())
            }
            (&Method::POST, "/apis/authentication.k8s.io/v1/selfsubjectreviews") => {
                let group = format!("tf:{}", claims.text("terraform_organization_name"));
                Reply::accepted(201, documents::review(&user, &group, claims.text("jti")))
            }
            (&Method::GET, "/api/v1/namespaces") => self.list(&user),
            (&Method::POST, "/api/v1/namespaces") => self.create(&user, &request.json()),
            _ => status(404, "NotFound", "the server could not find the requested resource"),
        }
    }

    fn list(&self, user: &str) -> Reply {
        let KubernetesOptions { viewers, editors, .. } = &self.options;
        if !viewers.iter().chain(editors).any(|known| known == user) {
            return forbidden(user, "list");
        }
        let namespaces = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        Reply::accepted(200, documents::namespaces(&namespaces))
    }

    fn create(&self, user: &str, namespace: &Value) -> Reply {
        if !self.options.editors.iter().any(|known| known == user) {
            return forbidden(user, "create");
        }
        let Some(name) = namespace["metadata"]["name"].as_str().filter(|name| !name.is_empty()) else {
            return status(422, "Invalid", "Namespace \"\" is invalid: metadata.name: Required value");
        };
        let mut namespaces = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        if !namespaces.insert(name.to_owned()) {
            return status(409, "AlreadyExists", &format!("namespaces \"{name}\" already exists"));
        }
        Reply::accepted(201, documents::namespace(name))
    }
}

fn unauthorized() -> Reply {
    status(401, "Unauthorized", "Unauthorized")
}

fn forbidden(user: &str, verb: &str) -> Reply {
    let text = format!(
        "namespaces is forbidden: User \"{user}\" cannot {verb} resource \"namespaces\" in API group \"\" at the cluster \
         scope"
    );
    status(403, "Forbidden", &text)
}

fn status(code: u16, reason: &str, text: &str) -> Reply {
    Reply::refused(code, reason, documents::failure(code, reason, text))
}
