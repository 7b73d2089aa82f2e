//! The part of Vault's HTTP API that a run needs: login, renewal, revocation.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use reqwest::{Client, Method, Response, StatusCode, Url, header::LOCATION};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{
    http::{HttpSettings, Roots, chain},
    vault_wire::{
        AuthAnswer, Failure, Granted, LeaseAnswer, Secret, VaultFailure, errors, one_line, without,
    },
};
use crate::provider::VaultLogin;

const RETRIES: u32 = 3;
/// No answer that a run needs is larger.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// One Vault server, in one namespace.
#[derive(Debug, Clone)]
pub(crate) struct VaultApi {
    client: Client,
    address: String,
    namespace: Option<String>,
    retry_pause: Duration,
}

/// What to know to reach a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VaultPlace<'a> {
    pub(crate) address: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) ca_pem: Option<&'a str>,
    pub(crate) timeout: Duration,
}

impl<'a> From<&'a VaultLogin> for VaultPlace<'a> {
    fn from(login: &'a VaultLogin) -> Self {
        Self {
            address: &login.address,
            namespace: login.namespace.as_deref(),
            ca_pem: login.ca_pem.as_deref(),
            timeout: login.timeout,
        }
    }
}

struct Call<'a> {
    method: Method,
    url: Url,
    token: Option<&'a SecretString>,
    body: Option<SecretString>,
}

impl VaultApi {
    /// Prepares to talk to a server; fails with the reason when its certificate authority cannot be used.
    pub(crate) fn new(http: &HttpSettings, place: VaultPlace<'_>) -> Result<Self, String> {
        let is_plain = place.address.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
        let roots = match place.ca_pem {
            Some(pem) => Roots::Only(pem),
            None if is_plain => Roots::None,
            None => Roots::System,
        };
        Ok(Self {
            client: http.client(roots, place.timeout)?,
            address: place.address.to_owned(),
            namespace: place.namespace.map(str::to_owned),
            retry_pause: http.retry_pause,
        })
    }

    /// Logs in with an identity token.
    pub(crate) async fn login(
        &self,
        auth_path: &str,
        role: &str,
        jwt: &SecretString,
    ) -> Result<Granted, VaultFailure> {
        let path = format!("auth/{auth_path}/login");
        let body = json!({"role": role, "jwt": jwt.expose_secret()}).to_string().into();
        let answer = self.call(Method::POST, &path, None, Some(body)).await;
        let answer = answer.map_err(|failure| without(failure, jwt))?;
        let mut found: AuthAnswer = self.parse(&path, &answer)?;
        if let (None, Some(wrapped)) = (&found.auth, &found.wrap_info) {
            let path = "sys/wrapping/unwrap";
            let answer = self.call(Method::POST, path, Some(&wrapped.token), None).await?;
            found = self.parse(path, &answer)?;
        }
        self.granted(&path, found)
    }

    /// Renews a token; the answer says how long it lives from now on.
    pub(crate) async fn renew(&self, token: &SecretString) -> Result<Granted, VaultFailure> {
        let path = "auth/token/renew-self";
        let answer = self.call(Method::POST, path, Some(token), Some("{}".into())).await?;
        let found = self.parse(path, &answer)?;
        self.granted(path, found)
    }

    /// Reads a secret; the path may carry a query.
    pub(crate) async fn read(&self, token: &SecretString, path: &str) -> Result<Secret, VaultFailure> {
        let answer = self.call(Method::GET, path, Some(token), None).await?;
        let found: Secret = self.parse(path, &answer)?;
        Ok(found)
    }

    /// Renews what was read under a lease.
    pub(crate) async fn renew_lease(
        &self,
        token: &SecretString,
        lease_id: &str,
    ) -> Result<LeaseAnswer, VaultFailure> {
        let path = "sys/leases/renew";
        let body = json!({"lease_id": lease_id}).to_string().into();
        let answer = self.call(Method::PUT, path, Some(token), Some(body)).await?;
        self.parse(path, &answer)
    }

    /// Revokes a token and everything that was read with it.
    pub(crate) async fn revoke(&self, token: &SecretString) -> Result<(), VaultFailure> {
        self.call(Method::POST, "auth/token/revoke-self", Some(token), None).await.map(drop)
    }

    /// Revokes the token behind an accessor on the authority of another one; yields the answer.
    pub(crate) async fn revoke_accessor(
        &self,
        authority: &SecretString,
        accessor: &str,
    ) -> Result<Vec<u8>, VaultFailure> {
        let body = json!({"accessor": accessor}).to_string().into();
        self.call(Method::POST, "auth/token/revoke-accessor", Some(authority), Some(body)).await
    }

    /// Whether a token still works. Its policies may not let it look at itself; any living token may list mounts.
    pub(crate) async fn is_alive(&self, token: &SecretString) -> bool {
        for path in ["auth/token/lookup-self", "sys/internal/ui/mounts"] {
            if self.call(Method::GET, path, Some(token), None).await.is_ok() {
                return true;
            }
        }
        false
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&SecretString>,
        body: Option<SecretString>,
    ) -> Result<Vec<u8>, VaultFailure> {
        let url = self.url(path);
        let fail = |failure| VaultFailure { method: method.clone(), url: url.clone(), failure };
        let parsed =
            Url::parse(&url).map_err(|error| fail(Failure::Unreadable { reason: error.to_string() }))?;
        let mut call = Call { method: method.clone(), url: parsed, token, body };
        for attempt in 0..RETRIES {
            match self.attempt(&mut call).await {
                Ok(answer) => return Ok(answer),
                Err(failure)
                    if failure.is_transient() && (method != Method::GET || failure.did_nothing()) =>
                {
                    tokio::time::sleep(pause(self.retry_pause, attempt)).await;
                }
                Err(failure) => return Err(fail(failure)),
            }
        }
        self.attempt(&mut call).await.map_err(fail)
    }

    async fn attempt(&self, call: &mut Call<'_>) -> Result<Vec<u8>, Failure> {
        let response = self.send(call).await?;
        if response.status() != StatusCode::TEMPORARY_REDIRECT {
            return read(response).await;
        }
        // A standby node names the active one; once, so that two nodes cannot send us in circles.
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        match location.and_then(|text| call.url.join(text).ok()) {
            Some(target) if target.scheme() == call.url.scheme() => {
                call.url = target;
                read(self.send(call).await?).await
            }
            _ => Err(Failure::Unreadable { reason: "a redirect to nowhere or to another scheme".to_owned() }),
        }
    }

    async fn send(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let mut request = self.client.request(call.method.clone(), call.url.clone());
        request = request.header("X-Vault-Request", "true");
        if let Some(namespace) = &self.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        if let Some(token) = call.token {
            let mut value = reqwest::header::HeaderValue::from_str(token.expose_secret())
                .map_err(|_| Failure::Unreadable { reason: "the token is not a header value".to_owned() })?;
            value.set_sensitive(true);
            request = request.header("X-Vault-Token", value);
        }
        if let Some(body) = &call.body {
            request =
                request.header("Content-Type", "application/json").body(body.expose_secret().to_owned());
        }
        request.send().await.map_err(no_answer)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v1/{path}", self.address)
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, path: &str, answer: &[u8]) -> Result<T, VaultFailure> {
        // The reason names a position only: the text of the answer may hold a token.
        serde_json::from_slice(answer).map_err(|error| {
            let reason =
                format!("no JSON of the expected form at line {} column {}", error.line(), error.column());
            self.unreadable(path, reason)
        })
    }

    fn granted(&self, path: &str, answer: AuthAnswer) -> Result<Granted, VaultFailure> {
        match answer.auth {
            Some(auth) => Ok(Granted { auth, warnings: answer.warnings }),
            None => Err(self.unreadable(path, "it holds no token".to_owned())),
        }
    }

    fn unreadable(&self, path: &str, reason: String) -> VaultFailure {
        let failure = Failure::Unreadable { reason };
        VaultFailure { method: Method::POST, url: self.url(path), failure }
    }
}

pub(super) async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Failure::Unreadable { reason: "it is longer than 1 MiB".to_owned() });
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() {
        return Ok(body);
    }
    Err(Failure::Refused { status: status.as_u16(), errors: errors(&body) })
}

pub(super) fn no_answer(error: reqwest::Error) -> Failure {
    let is_connection = error.is_connect() || (error.is_request() && !error.is_timeout());
    Failure::NoAnswer { reason: one_line(&chain(&error.without_url())), is_connection }
}

/// The pause before the next attempt, spread by a fifth so that many runs do not come back at once.
pub(super) fn pause(first: Duration, attempt: u32) -> Duration {
    let spread = RandomState::new().build_hasher().finish() % 400;
    first * 2_u32.pow(attempt) * u32::try_from(800 + spread).unwrap_or(1000) / 1000
}
