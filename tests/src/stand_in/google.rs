//! Google Cloud: the token service, service account impersonation, and the description of access tokens.

use std::time::Duration;

use hyper::Method;
use jsonwebtoken::get_current_timestamp;
use serde_json::{Value, json};

use super::{
    grants::{Grant, Grants},
    listener::{Exchange, Listener, Reply, Request, Service},
    verifier::{Claims, Rejection, TrustedIssuer, Verifier},
};
use crate::certificate_authority::CertificateAuthority;

const DAY: u64 = 24 * 3600;
const SUBJECT_LIMIT: usize = 127;
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// How the workload identity pool is set up.
#[derive(Debug, Clone)]
pub struct GoogleOptions {
    /// The issuer of the pool's provider.
    pub issuer: TrustedIssuer,
    /// The provider's resource name: `projects/…/locations/global/workloadIdentityPools/…/providers/…`.
    pub provider: String,
    /// The allowed audiences; with none, the provider's own name is the one.
    pub audiences: Vec<String>,
    /// The attribute condition: tokens of this organization only.
    pub organization: String,
    /// Who may impersonate which service account.
    pub service_accounts: Vec<ServiceAccount>,
    /// How long access tokens live, whatever is asked for.
    pub token_lifetime: Duration,
}

/// A service account that one subject may impersonate.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// Its address.
    pub email: String,
    /// The subject of the identity tokens.
    pub subject: String,
}

/// A running stand-in.
#[derive(Debug)]
pub struct Google {
    listener: Listener,
}

struct Rules {
    options: GoogleOptions,
    verifier: Verifier,
    grants: Grants,
}

impl Google {
    /// Starts a stand-in with a certificate of the authority.
    pub async fn start(ca: &CertificateAuthority, mut options: GoogleOptions) -> anyhow::Result<Self> {
        let verifier = Verifier::new(&options.issuer)?;
        if options.audiences.is_empty() {
            let name = format!("//iam.googleapis.com/{}", options.provider);
            options.audiences = vec![format!("https:{name}"), name];
        }
        let grants = Grants::new(options.token_lifetime);
        Ok(Self { listener: Listener::start(ca, Rules { options, verifier, grants }).await? })
    }

    /// The address that stands for `https://sts.googleapis.com`, `https://iamcredentials.googleapis.com` and
    /// `https://oauth2.googleapis.com`.
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
        let impersonated = request.path.strip_prefix("/v1/projects/-/serviceAccounts/");
        let impersonated = impersonated.and_then(|path| path.strip_suffix(":generateAccessToken"));
        match (&request.method, &*request.path, impersonated) {
            (&Method::POST, "/v1/token", _) => self.exchange(&request).await,
            (&Method::POST, _, Some(email)) => self.impersonate(&request, email),
            (&Method::GET, "/tokeninfo", _) => self.describe(&request),
            _ => api_error(404, "NOT_FOUND", "Requested entity was not found."),
        }
    }
}

impl Rules {
    /// The exchange of RFC 8693.
    async fn exchange(&self, request: &Request) -> Reply {
        let form = request.form();
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if field("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" {
            return oauth_error("unsupported_grant_type", "Invalid grant_type");
        }
        if field("requested_token_type") != ACCESS_TOKEN
            || field("subject_token_type") != "urn:ietf:params:oauth:token-type:jwt"
            || field("scope").is_empty()
        {
            return oauth_error("invalid_request", "Invalid value for a parameter of the exchange.");
        }
        if field("audience") != format!("//iam.googleapis.com/{}", self.options.provider) {
            return oauth_error(
                "invalid_target",
                "The target service indicated by the \"audience\" parameters is invalid. This might either be because the \
                 pool or provider is disabled or deleted or because it doesn't exist.",
            );
        }
        let token = field("subject_token");
        let audiences: Vec<&str> = self.options.audiences.iter().map(String::as_str).collect();
        let reply = match self.verifier.verify(token, &audiences).await {
            Ok(claims) => self.admit(&claims),
            Err(rejection) => self.refusal(&rejection, &Claims::unchecked(token)),
        };
        reply.about(token)
    }

    fn admit(&self, claims: &Claims) -> Reply {
        if claims.lifetime() > DAY {
            return oauth_error("invalid_grant", "The lifetime of the ID Token exceeds 24 hours.");
        }
        let subject = claims.text("sub");
        if subject.len() > SUBJECT_LIMIT {
            return oauth_error(
                "invalid_request",
                "The size of mapped attribute google.subject exceeds the 127 bytes limit. Either modify your attribute \
                 mapping or the incoming assertion to produce a mapped attribute that is less than 127 bytes.",
            );
        }
        if claims.text("terraform_organization_name") != self.options.organization {
            let text = "The given credential is rejected by the attribute condition.";
            return oauth_error("unauthorized_client", text);
        }
        let pool = self.options.provider.split("/providers/").next().unwrap_or_default();
        let principal = format!("principal://iam.googleapis.com/{pool}/subject/{subject}");
        let token = self.grants.give("ya29.d.", &principal, claims.text("jti"));
        Reply::accepted(
            200,
            json!({"access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer",
                   "expires_in": self.grants.seconds()}),
        )
    }

    fn refusal(&self, rejection: &Rejection, claims: &Claims) -> Reply {
        let text = match rejection {
            Rejection::Issuer => format!(
                "The issuer in ID Token {} does not match the expected ones: {}.",
                claims.text("iss"),
                self.verifier.issuer()
            ),
            Rejection::Audience => {
                let audience = claims.text("aud");
                format!("The audience in ID Token [{audience}] does not match the expected audience.")
            }
            Rejection::Expired | Rejection::NotYetValid => {
                format!("ID Token issued at {} is stale to sign-in.", claims.seconds("iat"))
            }
            Rejection::Unreachable(_) => "Error connecting to the given credential's issuer.".to_owned(),
            Rejection::Malformed(_) | Rejection::Algorithm | Rejection::UnknownKey | Rejection::Signature => {
                "The given ID Token is not signed by a key of its issuer.".to_owned()
            }
        };
        oauth_error("invalid_grant", &text)
    }

    fn impersonate(&self, request: &Request, email: &str) -> Reply {
        let Some(Grant { principal, token_id, .. }) = self.grant(request.bearer()) else {
            return unauthenticated();
        };
        if request.json()["scope"].as_array().is_none_or(Vec::is_empty) {
            return api_error(400, "INVALID_ARGUMENT", "Scope required.").about_id(&token_id);
        }
        let subject = principal.split_once("/subject/").map(|(_, subject)| subject).unwrap_or_default();
        let is_bound = |account: &&ServiceAccount| account.email == email && account.subject == subject;
        if self.options.service_accounts.iter().find(is_bound).is_none() {
            let text =
                "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).";
            return api_error(403, "PERMISSION_DENIED", text).about_id(&token_id);
        }
        let token = self.grants.give("ya29.c.", email, &token_id);
        let end = i64::try_from(get_current_timestamp() + self.grants.seconds());
        let end = end.ok().and_then(|end| jiff::Timestamp::from_second(end).ok()).unwrap_or_default();
        Reply::accepted(200, json!({"accessToken": token, "expireTime": end.to_string()})).about_id(&token_id)
    }

    fn describe(&self, request: &Request) -> Reply {
        let Some(grant) = self.grant(request.query.get("access_token").map(String::as_str)) else {
            return oauth_error("invalid_token", "Invalid Value");
        };
        let scope = "https://www.googleapis.com/auth/cloud-platform";
        let info = json!({"azp": grant.principal, "aud": grant.principal, "email": grant.principal,
                          "scope": scope, "access_type": "online"});
        Reply::accepted(200, info).about_id(&grant.token_id)
    }

    fn grant(&self, token: Option<&str>) -> Option<Grant> {
        self.grants.find(token?)
    }
}

fn oauth_error(code: &str, text: &str) -> Reply {
    Reply::refused(400, code, json!({"error": code, "error_description": text}))
}

fn unauthenticated() -> Reply {
    let text = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other \
                valid authentication credential. See \
                https://developers.google.com/identity/sign-in/web/devconsole-project.";
    api_error(401, "UNAUTHENTICATED", text)
}

fn api_error(status: u16, code: &str, text: &str) -> Reply {
    let body: Value = json!({"error": {"code": status, "message": text, "status": code}});
    Reply::refused(status, code, body)
}
