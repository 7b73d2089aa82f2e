//! Microsoft Entra: a tenant's token endpoint for workload identities, and a resource behind it.

use std::time::Duration;

use hyper::Method;
use jsonwebtoken::get_current_timestamp;
use serde_json::{Value, json};

use super::{
    grants::Grants,
    listener::{Exchange, Listener, Reply, Request, Service},
    verifier::{Claims, Rejection, TrustedIssuer, Verifier},
};
use crate::certificate_authority::CertificateAuthority;

const LONGEST_ASSERTION: u64 = 25 * 3600;
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How the tenant is set up.
#[derive(Debug, Clone)]
pub struct EntraOptions {
    /// The issuer of all federated credentials.
    pub issuer: TrustedIssuer,
    /// The tenant's id.
    pub tenant: String,
    /// What the applications trust.
    pub credentials: Vec<FederatedCredential>,
    /// How long access tokens live.
    pub token_lifetime: Duration,
}

/// A federated credential of an application: compared byte by byte, without wildcards.
#[derive(Debug, Clone)]
pub struct FederatedCredential {
    /// The application.
    pub client_id: String,
    /// The subject of the identity tokens.
    pub subject: String,
    /// Their audience.
    pub audience: String,
}

/// A running stand-in.
#[derive(Debug)]
pub struct Entra {
    listener: Listener,
}

struct Rules {
    options: EntraOptions,
    verifier: Verifier,
    grants: Grants,
}

/// An error of the token endpoint: the number behind `AADSTS`, and what it says.
struct Refusal {
    error: &'static str,
    code: u32,
    text: String,
}

impl Entra {
    /// Starts a stand-in with a certificate of the authority.
    pub async fn start(ca: &CertificateAuthority, options: EntraOptions) -> anyhow::Result<Self> {
        let verifier = Verifier::new(&options.issuer)?;
        let grants = Grants::new(options.token_lifetime);
        Ok(Self { listener: Listener::start(ca, Rules { options, verifier, grants }).await? })
    }

    /// The address that stands for `https://login.microsoftonline.com` and `https://management.azure.com`.
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
        let path = request.path.trim_start_matches('/');
        let (tenant, rest) = path.split_once('/').unwrap_or((path, ""));
        match (&request.method, rest) {
            (&Method::GET, "v2.0/.well-known/openid-configuration") => self.discovery(&request, tenant),
            (&Method::POST, "oauth2/v2.0/token") => match self.token(&request, tenant).await {
                Ok(reply) => reply,
                Err(refusal) => refusal.reply(),
            }
            .about(request.form().get("client_assertion").map(String::as_str).unwrap_or_default()),
            (&Method::GET, "") if tenant == "subscriptions" => self.subscriptions(&request),
            _ => Reply::refused(404, "NotFound", Value::Null),
        }
    }
}

impl Rules {
    fn discovery(&self, request: &Request, tenant: &str) -> Reply {
        if tenant != self.options.tenant {
            return Refusal::tenant(tenant).reply();
        }
        let own = format!("https://{}/{tenant}", request.header("host").unwrap_or_default());
        Reply::accepted(
            200,
            json!({
                "issuer": format!("{own}/v2.0"),
                "token_endpoint": format!("{own}/oauth2/v2.0/token"),
                "authorization_endpoint": format!("{own}/oauth2/v2.0/authorize"),
                "jwks_uri": format!("{own}/discovery/v2.0/keys"),
                "token_endpoint_auth_methods_supported":
                    ["client_secret_post", "private_key_jwt", "client_secret_basic"],
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }),
        )
    }

    async fn token(&self, request: &Request, tenant: &str) -> Result<Reply, Refusal> {
        let form = request.form();
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if tenant != self.options.tenant {
            return Err(Refusal::tenant(tenant));
        }
        if field("grant_type") != "client_credentials" {
            let text = format!("The app requested an unsupported grant type '{}'.", field("grant_type"));
            return Err(Refusal { error: "unsupported_grant_type", code: 70003, text });
        }
        if field("client_assertion_type") != JWT_BEARER || field("client_assertion").is_empty() {
            let text =
                "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' \
                        grant type."
                    .to_owned();
            return Err(Refusal { error: "invalid_client", code: 7_000_216, text });
        }
        if !field("scope").ends_with("/.default") {
            let text = format!("The provided value for scope {} is not valid.", field("scope"));
            return Err(Refusal { error: "invalid_scope", code: 1_002_012, text });
        }
        let (client, assertion) = (field("client_id"), field("client_assertion"));
        let audience = self.matching(client, &Claims::unchecked(assertion))?;
        let verified = self.verifier.verify(assertion, &[audience]).await;
        let claims = verified.map_err(|rejection| refusal(&rejection, &Claims::unchecked(assertion)))?;
        if claims.lifetime() > LONGEST_ASSERTION {
            let text = format!(
                "External OIDC Provider token must have a lifetime of less than or equal to 1.01:00:00. Token issued at \
                 {}. Token expires on {}.",
                claims.seconds("iat"),
                claims.seconds("exp")
            );
            return Err(Refusal { error: "invalid_request", code: 70023, text });
        }
        let token = self.grants.give("entra-access-", client, claims.text("jti"));
        let seconds = self.grants.seconds();
        Ok(Reply::accepted(
            200,
            json!({"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}),
        ))
    }

    /// The audience of the federated credential that an assertion claims to be for.
    fn matching(&self, client: &str, claims: &Claims) -> Result<&str, Refusal> {
        let of_client = |credential: &&FederatedCredential| credential.client_id == client;
        let credentials: Vec<_> = self.options.credentials.iter().filter(of_client).collect();
        if credentials.is_empty() {
            let tenant = &self.options.tenant;
            let text =
                format!("Application with identifier '{client}' was not found in the directory '{tenant}'.");
            return Err(Refusal { error: "unauthorized_client", code: 700_016, text });
        }
        let no_match = |code, name: &str, value: &str| {
            let text = format!(
                "No matching federated identity record found for presented assertion {name} '{value}'. Check your federated \
                 identity credential Subject, Audience and Issuer against the presented assertion. \
                 https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
            );
            Refusal { error: "invalid_client", code, text }
        };
        let [issuer, subject, audience] = ["iss", "sub", "aud"].map(|name| claims.text(name));
        if issuer != self.verifier.issuer() {
            return Err(no_match(700_211, "issuer", issuer));
        }
        let same_subject: Vec<_> =
            credentials.iter().filter(|credential| credential.subject == subject).collect();
        if same_subject.is_empty() {
            return Err(no_match(700_213, "subject", subject));
        }
        let found = same_subject.iter().find(|credential| credential.audience == audience);
        found.map(|credential| &*credential.audience).ok_or_else(|| no_match(700_212, "audience", audience))
    }

    fn subscriptions(&self, request: &Request) -> Reply {
        let refused = |code: &str, text: &str| {
            Reply::refused(401, code, json!({"error": {"code": code, "message": text}}))
        };
        let Some(token) = request.bearer() else {
            let text = "Authentication failed. The 'Authorization' header is missing.";
            return refused("AuthenticationFailed", text);
        };
        let Some(grant) = self.grants.find(token) else {
            return refused("InvalidAuthenticationToken", "The access token is invalid.");
        };
        let value = json!([{"subscriptionId": grant.principal, "displayName": "The application's own",
                            "state": "Enabled"}]);
        Reply::accepted(200, json!({"value": value})).about_id(&grant.token_id)
    }
}

fn refusal(rejection: &Rejection, claims: &Claims) -> Refusal {
    let invalid = |why: &str| Refusal {
        error: "invalid_request",
        code: 50027,
        text: format!("JWT token is invalid or malformed. {why}"),
    };
    match rejection {
        Rejection::Expired | Rejection::NotYetValid => {
            let time = |seconds: u64| {
                let second = i64::try_from(seconds).unwrap_or_default();
                jiff::Timestamp::from_second(second).unwrap_or_default()
            };
            let text = format!(
                "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, expiry time \
                 of assertion {}.",
                time(get_current_timestamp()),
                time(claims.seconds("nbf")),
                time(claims.seconds("exp"))
            );
            Refusal { error: "invalid_client", code: 700_024, text }
        }
        Rejection::Unreachable(_) => {
            let text = "Request to External OIDC endpoint failed.".to_owned();
            Refusal { error: "invalid_request", code: 90061, text }
        }
        Rejection::UnknownKey => invalid("The key that signed it is not published by the issuer."),
        Rejection::Malformed(why) => invalid(why),
        Rejection::Algorithm | Rejection::Signature | Rejection::Issuer | Rejection::Audience => {
            invalid("External ID token from issuer failed signature verification.")
        }
    }
}

impl Refusal {
    fn tenant(tenant: &str) -> Self {
        let text = format!("Tenant '{tenant}' not found.");
        Self { error: "invalid_request", code: 90002, text }
    }

    fn reply(self) -> Reply {
        let Self { error, code, text } = self;
        let status = if error == "invalid_client" { 401 } else { 400 };
        let [trace, correlation] = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(|id| id.to_string());
        let second = i64::try_from(get_current_timestamp()).unwrap_or_default();
        let now = jiff::Timestamp::from_second(second).unwrap_or_default().to_string().replace('T', " ");
        let description =
            format!("AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}");
        let body = json!({
            "error": error, "error_description": description, "error_codes": [code], "timestamp": now,
            "trace_id": trace, "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        });
        Reply::refused(status, code, body)
    }
}
