//! A Vault server with one JWT method, which checks tokens as the real one would, except for their signature.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::{
    fake_issuer::{ISSUER, SUBJECT},
    fake_secrets::{Secret, Secrets},
    http::{Answer, Request, serve_one},
    world::Clock,
};

/// What a role grants; the defaults are a service token of 20 minutes that may be renewed.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) audience: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) ttl: i64,
    pub(crate) max_ttl: i64,
    pub(crate) is_batch: bool,
    pub(crate) num_uses: u64,
    /// Whether the policies of the role lack the right to revoke itself.
    pub(crate) lacks_revoke: bool,
    pub(crate) warnings: Vec<&'static str>,
}

impl Default for Role {
    fn default() -> Self {
        Self {
            audience: "vault.workload.identity",
            subject: SUBJECT,
            ttl: 1200,
            max_ttl: 100_000,
            is_batch: false,
            num_uses: 0,
            lacks_revoke: false,
            warnings: Vec::new(),
        }
    }
}

#[derive(Debug, Clone)]
struct Token {
    role: Role,
    ends_at: i64,
    last_end: i64,
    is_revoked: bool,
}

#[derive(Default)]
struct State {
    roles: BTreeMap<String, Role>,
    tokens: BTreeMap<String, Token>,
    wrapped: BTreeMap<String, Value>,
    secrets: Secrets,
    requests: Vec<Request>,
    next_answers: VecDeque<Answer>,
    namespace: Option<String>,
    wraps: bool,
}

#[derive(Clone)]
pub(crate) struct FakeVault {
    pub(crate) address: String,
    clock: Clock,
    state: Arc<Mutex<State>>,
}

impl FakeVault {
    /// A server with role `r` of the defaults.
    pub(crate) async fn start(clock: &Clock) -> Self {
        Self::start_with(clock, None).await
    }

    /// The same with TLS.
    pub(crate) async fn start_tls(clock: &Clock, acceptor: TlsAcceptor) -> Self {
        Self::start_with(clock, Some(acceptor)).await
    }

    async fn start_with(clock: &Clock, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = match acceptor {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        };
        let vault = Self { address, clock: clock.clone(), state: Arc::default() };
        vault.role("r", Role::default());
        let server = vault.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (server, acceptor) = (server.clone(), acceptor.clone());
                tokio::spawn(async move {
                    let answer = |request: &Request| server.answer(request);
                    match acceptor {
                        None => serve_one(stream, answer).await,
                        // A client that does not trust us goes away here.
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve_one(stream, answer).await;
                            }
                        }
                    }
                });
            }
        });
        vault
    }

    pub(crate) fn role(&self, name: &str, role: Role) {
        self.state.lock().unwrap().roles.insert(name.to_owned(), role);
    }

    /// Removes a role.
    pub(crate) fn remove_role(&self, name: &str) {
        self.state.lock().unwrap().roles.remove(name);
    }

    /// Serves credentials at a path.
    pub(crate) fn secret(&self, path: &str, secret: Secret) {
        self.state.lock().unwrap().secrets.serve(path, secret);
    }

    /// Forbids to read a path.
    pub(crate) fn deny(&self, path: &str) {
        self.state.lock().unwrap().secrets.deny(path);
    }

    /// The leases that still work, by their numbers; a lease ends with the token that made it.
    pub(crate) fn living_leases(&self) -> Vec<usize> {
        let living = self.living_tokens();
        self.state.lock().unwrap().secrets.living(&living, self.clock.now().as_second())
    }

    /// Demands this namespace in every request.
    pub(crate) fn demand_namespace(&self, namespace: &str) {
        self.state.lock().unwrap().namespace = Some(namespace.to_owned());
    }

    /// Wraps the answers to logins.
    pub(crate) fn wrap(&self) {
        self.state.lock().unwrap().wraps = true;
    }

    /// Answers the next request like this, whatever it is.
    pub(crate) fn answer_next(&self, answer: Answer) {
        self.state.lock().unwrap().next_answers.push_back(answer);
    }

    /// Method and path of every request so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    /// The tokens that still work.
    pub(crate) fn living_tokens(&self) -> Vec<String> {
        self.state.lock().unwrap().living_tokens(self.clock.now().as_second())
    }

    /// Every token ever granted.
    pub(crate) fn all_tokens(&self) -> Vec<String> {
        self.state.lock().unwrap().tokens.keys().cloned().collect()
    }

    /// Ends every token, as an administrator could.
    pub(crate) fn end_all_tokens(&self) {
        self.state.lock().unwrap().tokens.values_mut().for_each(|token| token.is_revoked = true);
    }

    fn answer(&self, request: &Request) -> Answer {
        let now = self.clock.now().as_second();
        let mut state = self.state.lock().unwrap();
        state.requests.push(request.clone());
        if let Some(answer) = state.next_answers.pop_front() {
            return answer;
        }
        if request.headers.get("x-vault-request").map(String::as_str) != Some("true") {
            return refuse(400, "missing X-Vault-Request");
        }
        if state.namespace.as_ref() != request.headers.get("x-vault-namespace") {
            return refuse(404, "namespace not found");
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/v1/auth/jwt/login") => state.login(request, now),
            ("POST", "/v1/auth/token/renew-self") => state.renew(request, now),
            ("POST", "/v1/auth/token/revoke-self") => state.revoke(request, now),
            ("GET", "/v1/auth/token/lookup-self") => match state.caller(request, now) {
                Some(_) => {
                    let data =
                        json!({"display_name": "jwt-ws-1", "entity_id": "entity-1", "policies": ["default"]});
                    Answer::new(200, json!({ "data": data }).to_string())
                }
                None => refuse(403, "permission denied"),
            },
            ("POST", "/v1/sys/wrapping/unwrap") => state.unwrap(request),
            ("PUT", "/v1/sys/leases/renew") => match state.caller(request, now) {
                Some(_) => {
                    let living = state.living_tokens(now);
                    state.secrets.renew(&request.body, &living, now)
                }
                None => refuse(403, "permission denied"),
            },
            ("GET", path) => match state.caller(request, now) {
                Some(token) => state.secrets.read(path.trim_start_matches("/v1/"), &token, now),
                None => refuse(403, "permission denied"),
            },
            _ => refuse(403, "permission denied"),
        }
    }
}

impl State {
    fn login(&mut self, request: &Request, now: i64) -> Answer {
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let Some(name) = body["role"].as_str() else { return refuse(400, "missing role") };
        let Some(role) = self.roles.get(name).cloned() else {
            return refuse(400, &format!("role \"{name}\" could not be found"));
        };
        if let Err(reason) = check_token(body["jwt"].as_str().unwrap_or_default(), &role, now) {
            return refuse(400, &reason);
        }
        let number = self.tokens.len() + 1;
        let name = format!("{}.secret-{number}", if role.is_batch { "hvb" } else { "hvs" });
        let (last_end, ends_at) = (now + role.max_ttl, now + role.ttl.min(role.max_ttl));
        self.tokens.insert(name.clone(), Token { role: role.clone(), ends_at, last_end, is_revoked: false });
        let answer = json!({"auth": granted(&name, &role, ends_at - now), "warnings": role.warnings});
        if !self.wraps {
            return Answer::new(200, answer.to_string());
        }
        self.wrapped.insert("hvs.wrapping".to_owned(), answer);
        Answer::new(200, json!({"auth": null, "wrap_info": {"token": "hvs.wrapping"}}).to_string())
    }

    fn unwrap(&mut self, request: &Request) -> Answer {
        let wrapped = request.headers.get("x-vault-token").and_then(|token| self.wrapped.remove(token));
        wrapped.map_or_else(
            || refuse(400, "wrapping token is not valid"),
            |answer| Answer::new(200, answer.to_string()),
        )
    }

    fn renew(&mut self, request: &Request, now: i64) -> Answer {
        let Some(name) = self.caller(request, now) else { return refuse(403, "permission denied") };
        let token = self.tokens.get_mut(&name).unwrap();
        if token.role.is_batch {
            return refuse(400, "batch tokens cannot be renewed");
        }
        token.ends_at = token.last_end.min(now + token.role.ttl);
        let auth = granted(&name, &token.role, token.ends_at - now);
        Answer::new(200, json!({"auth": auth, "warnings": null}).to_string())
    }

    fn revoke(&mut self, request: &Request, now: i64) -> Answer {
        let Some(name) = self.caller(request, now) else { return refuse(403, "permission denied") };
        let token = self.tokens.get_mut(&name).unwrap();
        if token.role.lacks_revoke {
            return refuse(403, "permission denied");
        }
        token.is_revoked = true;
        Answer::new(204, "")
    }

    fn living_tokens(&self, now: i64) -> Vec<String> {
        let is_alive = |token: &Token| !token.is_revoked && token.ends_at > now;
        self.tokens.iter().filter(|(_, token)| is_alive(token)).map(|(name, _)| name.clone()).collect()
    }

    /// The token of the caller, if it works.
    fn caller(&self, request: &Request, now: i64) -> Option<String> {
        let name = request.headers.get("x-vault-token")?;
        let token = self.tokens.get(name)?;
        (!token.is_revoked && token.ends_at > now).then(|| name.clone())
    }
}

fn granted(name: &str, role: &Role, lease: i64) -> Value {
    json!({
        "client_token": name,
        "accessor": if role.is_batch { String::new() } else { format!("accessor-of-{}", &name[name.len() - 1..]) },
        "policies": ["default", "app-plan"],
        "entity_id": "entity-1",
        "token_type": if role.is_batch { "batch" } else { "service" },
        "lease_duration": lease,
        "renewable": !role.is_batch,
        "num_uses": role.num_uses,
    })
}

pub(crate) fn refuse(status: u16, text: &str) -> Answer {
    Answer::new(status, json!({"errors": [text]}).to_string())
}

/// The checks of the real server in its order and its words.
fn check_token(token: &str, role: &Role, now: i64) -> Result<(), String> {
    let parts: Vec<&str> = token.split('.').collect();
    let decoded = |part: &str| -> Option<Value> {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    };
    let [header, payload, _signature] = parts.as_slice() else { return Err("malformed token".to_owned()) };
    if decoded(header).is_none_or(|header| header["alg"] != "RS256" || !header["kid"].is_string()) {
        return Err("error verifying token signature: unsupported header".to_owned());
    }
    let claims = decoded(payload).ok_or("malformed token")?;
    let moment = |claim: &str| claims[claim].as_i64().ok_or(format!("no {claim} claim"));
    if moment("exp")? < now {
        return Err(
            "error validating token: invalid expiration time (exp) claim: token is expired".to_owned()
        );
    }
    if moment("nbf")? > now {
        return Err("error validating token: invalid not before (nbf) claim: token not yet valid".to_owned());
    }
    if moment("iat")? > now {
        return Err(
            "error validating token: invalid issued at (iat) claim: token issued in the future".to_owned()
        );
    }
    if claims["iss"] != ISSUER {
        return Err("error validating token: invalid issuer (iss) claim".to_owned());
    }
    if claims["aud"] != role.audience {
        return Err(
            "error validating token: invalid audience (aud) claim: audience claim does not match".to_owned()
        );
    }
    if claims["sub"] != role.subject {
        let text = "error validating claims: claim \"sub\" does not match any associated bound claim values";
        return Err(text.to_owned());
    }
    Ok(())
}
