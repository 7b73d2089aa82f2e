//! HCP: the exchange of identity tokens at a workload identity provider of a service principal.

use std::time::Duration;

use hyper::Method;
use serde_json::json;

use super::{
    grants::Grants,
    listener::{Exchange, Listener, Reply, Request, Service},
    verifier::{Rejection, TrustedIssuer, Verifier},
};
use crate::certificate_authority::CertificateAuthority;

/// How the workload identity providers are set up.
#[derive(Debug, Clone)]
pub struct HcpOptions {
    /// The issuer of all providers.
    pub issuer: TrustedIssuer,
    /// The providers.
    pub providers: Vec<WorkloadProvider>,
    /// How long access tokens live.
    pub token_lifetime: Duration,
}

/// A workload identity provider.
#[derive(Debug, Clone)]
pub struct WorkloadProvider {
    /// `iam/project/…/service-principal/…/workload-identity-provider/…`.
    pub resource_name: String,
    /// The allowed audiences; with none, the resource name is the one.
    pub audiences: Vec<String>,
    /// The conditional access: tokens of this subject only.
    pub subject: String,
}

/// A running stand-in.
#[derive(Debug)]
pub struct Hcp {
    listener: Listener,
}

struct Rules {
    options: HcpOptions,
    verifier: Verifier,
    grants: Grants,
}

impl Hcp {
    /// Starts a stand-in with a certificate of the authority.
    pub async fn start(ca: &CertificateAuthority, options: HcpOptions) -> anyhow::Result<Self> {
        let verifier = Verifier::new(&options.issuer)?;
        let grants = Grants::new(options.token_lifetime);
        Ok(Self { listener: Listener::start(ca, Rules { options, verifier, grants }).await? })
    }

    /// The address that stands for `https://api.cloud.hashicorp.com`.
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
        let name = request.path.strip_prefix("/2019-12-10/");
        let name = name.and_then(|path| path.strip_suffix("/exchange-token"));
        match (&request.method, &*request.path, name) {
            (&Method::POST, _, Some(name)) => self.exchange(&request, name).await,
            (&Method::GET, "/iam/2019-12-10/caller-identity", _) => self.caller(&request),
            _ => refused(404, 5, "not found"),
        }
    }
}

impl Rules {
    async fn exchange(&self, request: &Request, name: &str) -> Reply {
        let body = request.json();
        let Some(token) = body["jwt_token"].as_str().filter(|token| !token.is_empty()) else {
            return refused(400, 3, "a token must be given");
        };
        self.admit(name, token).await.about(token)
    }

    async fn admit(&self, name: &str, token: &str) -> Reply {
        let Some(provider) = self.options.providers.iter().find(|provider| provider.resource_name == name)
        else {
            return refused(404, 5, "workload identity provider not found");
        };
        let mut audiences: Vec<&str> = provider.audiences.iter().map(String::as_str).collect();
        if audiences.is_empty() {
            audiences.push(&provider.resource_name);
        }
        let claims = match self.verifier.verify(token, &audiences).await {
            Ok(claims) => claims,
            Err(rejection) => {
                let text = match rejection {
                    Rejection::Audience => "token audience is not allowed",
                    Rejection::Issuer => "token issuer does not match",
                    Rejection::Expired => "token is expired",
                    Rejection::NotYetValid => "token is not valid yet",
                    Rejection::Unreachable(_) => "keys of the issuer cannot be retrieved",
                    Rejection::Malformed(_)
                    | Rejection::Algorithm
                    | Rejection::UnknownKey
                    | Rejection::Signature => "token signature cannot be verified",
                };
                return refused(401, 16, text);
            }
        };
        if claims.text("sub") != provider.subject {
            return refused(403, 7, "token does not satisfy the conditional access statement");
        }
        let principal = name.split("/workload-identity-provider/").next().unwrap_or_default();
        let access = self.grants.give("hcp-access-", principal, claims.text("jti"));
        Reply::accepted(200, json!({"access_token": access, "expires_in": self.grants.seconds()}))
    }

    fn caller(&self, request: &Request) -> Reply {
        let Some(grant) = request.bearer().and_then(|token| self.grants.find(token)) else {
            return refused(401, 16, "unauthenticated");
        };
        let service = json!({"resource_name": grant.principal});
        let principal = json!({"id": grant.principal, "type": "PRINCIPAL_TYPE_SERVICE", "service": service});
        Reply::accepted(200, json!({"principal": principal})).about_id(&grant.token_id)
    }
}

/// An error of a gRPC service behind its gateway.
fn refused(status: u16, code: u16, text: &str) -> Reply {
    Reply::refused(status, code, json!({"code": code, "message": text, "details": []}))
}
