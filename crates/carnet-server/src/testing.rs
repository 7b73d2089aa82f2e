//! What the tests of this crate share: a server on an empty data directory with a clock that stands still.

mod fake_agent;
mod form;

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use carnet_issuer::{Issuer, KeyRing, KeySources, SigningKey};
use carnet_model::{
    ApiToken, IssuerName, KeyRecord, OrgName, Organization, Timestamp, TokenId, TokenKind, User, UserId,
    Username, Workspace, WorkspaceId,
};
use carnet_store::testing::TestStore;
use carnet_store::{BlobName, MasterKey, NewToken, Store, TokenHash};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Notify;
use tower::ServiceExt;

use crate::api::organizations::{claim_name, create_organization, join_organization};
use crate::app::{App, Settings, entropy, new_secret};
use crate::oidc::{LiveIssuer, stored_key};
use crate::rate_limit::Peer;
use crate::{create_agent_token, create_site_admin, router};

pub(crate) use fake_agent::{FakeAgent, FakeJob, Project, identity_request, report, state, vault_report};
pub(crate) use form::{FORM, encoded, form_secret};

/// The address of the server and of its issuer.
pub(crate) const URL: &str = "https://carnet.example.com";

/// The address at the other end of all connections.
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The token of the site administrator.
pub(crate) const ADMIN: &str = "carnet-administrator-of-tests";

/// Making a key takes long in debug builds: all tests share one.
static KEY: LazyLock<Vec<u8>> =
    LazyLock::new(|| SigningKey::generate().expect("a key").to_pkcs8().expect("bytes").to_vec());

async fn store_key(store: &Store, key: &SigningKey, now: Timestamp) {
    let mut tx = store.write().await.expect("a transaction");
    if tx.signing_keys(&IssuerName::Site).await.expect("keys").is_empty() {
        let record = KeyRecord::active(key.kid().to_string(), now);
        let key = stored_key(key, now).expect("a key to store");
        tx.insert_signing_key(&IssuerName::Site, &key, &record).await.expect("stored");
        tx.commit().await.expect("committed");
    }
}

/// A declarative adapter that hands the identity token over in a variable.
pub(crate) fn adapter_document(name: &str, title: &str) -> String {
    let upper = name.to_uppercase();
    format!(
        r#"
name = "{name}"
title = "{title}"
source = "https://docs.example.com/workload-identity"
token = "phase"

[settings.enable]
name = "TFC_{upper}_PROVIDER_AUTH"
doc = "Set to true to use the identity of the run."

[settings.audience]
name = "TFC_{upper}_WORKLOAD_IDENTITY_AUDIENCE"
default = "{name}.example"
doc = "The audience of the identity token."

[env]
{upper}_TOKEN = "{{{{ token }}}}"
"#
    )
}

/// A server without a socket: requests are calls of its router.
pub(crate) struct TestServer {
    pub(crate) app: Arc<App>,
    /// A token with which agents claim jobs.
    pub(crate) agent_token: String,
    router: Router,
    clock: Arc<Mutex<Timestamp>>,
    place: TestStore,
}

/// Everything of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null when it is empty.
    pub(crate) fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{} is not JSON: {error}", String::from_utf8_lossy(&self.body));
        })
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }
}

impl TestServer {
    /// A server with the site administrator [`ADMIN`] and a token for agents, and nothing else.
    pub(crate) async fn new() -> Self {
        Self::with_settings(Settings::new(URL)).await
    }

    /// The same with other settings.
    pub(crate) async fn with_settings(settings: Settings) -> Self {
        Self::with_key_sources(settings, KeySources::local()).await
    }

    /// The same with other places for keys; the first key is here.
    pub(crate) async fn with_key_sources(settings: Settings, sources: KeySources) -> Self {
        let place = TestStore::new().await;
        let store = place.open(MasterKey::from_bytes([7; 32])).await.expect("a store");
        let start: Timestamp = "2026-01-05T10:00:00Z".parse().expect("a time");
        let clock = Arc::new(Mutex::new(start));
        create_site_admin(&store, &SecretString::from(ADMIN), start).await.expect("an administrator");
        let agent_token = create_agent_token(&store, "tests", start).await.expect("a token");
        let key = SigningKey::from_pkcs8(&KEY).expect("a key");
        store_key(&store, &key, start).await;
        let shared = Arc::clone(&clock);
        let app = Arc::new(App {
            store,
            settings,
            issuer: LiveIssuer::new(Issuer::new(URL.parse().expect("a URL"), KeyRing::single(key)), sources)
                .with_trusted_clock(),
            clock: Arc::new(move || *shared.lock().expect("not poisoned")),
            jobs_waiting: Notify::new(),
            ledger: Default::default(),
        });
        Self {
            router: router(Arc::clone(&app)),
            app,
            agent_token: agent_token.expose_secret().to_owned(),
            clock,
            place,
        }
    }

    /// Tells whether a blob is there.
    pub(crate) async fn has_blob(&self, kind: &'static str, id: &str) -> bool {
        let (blobs, name) = (self.app.store.blobs(), BlobName::new(kind, id));
        let reader = tokio::task::spawn_blocking(move || blobs.reader(&name)).await.expect("no panic");
        reader.expect("readable").is_some()
    }

    /// Tells whether a text stands anywhere in the database or in the data directory.
    pub(crate) async fn holds(&self, text: &str) -> bool {
        let contents = self.place.contents().await;
        assert!(contents.len() > 1000, "nothing was looked at");
        contents.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// How many blobs of a kind are kept, complete or not.
    pub(crate) async fn count_blobs(&self, kind: &str) -> usize {
        self.place.count_blobs(kind).await
    }

    /// The data directory.
    pub(crate) fn folder(&self) -> &Path {
        self.place.folder()
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, time: Duration) {
        let mut now = self.clock.lock().expect("not poisoned");
        *now = now.checked_add(time).expect("within the calendar");
    }

    /// Sends a request. A null body is none; an empty token is none; absolute addresses of this server work, too.
    pub(crate) async fn request(&self, method: &str, path: &str, token: &str, body: Value) -> (u16, Value) {
        let answer = self.call(method, path, token, body).await;
        (answer.status, answer.json())
    }

    /// The same with everything of the answer.
    pub(crate) async fn call(&self, method: &str, path: &str, token: &str, body: Value) -> Answer {
        let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body).expect("JSON") };
        self.send(method, path, token, bytes).await
    }

    /// The same with any bytes as body.
    pub(crate) async fn send(&self, method: &str, path: &str, token: &str, body: Vec<u8>) -> Answer {
        self.send_with(method, path, token, &[], body).await
    }

    /// The same with further headers.
    pub(crate) async fn send_with(
        &self,
        method: &str,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let path = path.strip_prefix(URL).unwrap_or(path);
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.extension(Peer(PEER)).body(Body::from(body)).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body").to_vec();
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, body };
        crate::openapi::conformance::check(method, path, &answer);
        answer
    }

    /// Makes a user and returns its id and token.
    pub(crate) async fn user(&self, name: &str) -> (UserId, String) {
        let now = self.app.now();
        let username: Username = name.parse().expect("a name");
        let email = format!("{name}@example.com");
        let id = UserId::from_entropy(entropy().expect("randomness"));
        let user = User {
            id: id.clone(),
            username,
            email,
            service_of: None,
            is_site_admin: false,
            is_suspended: false,
            created_at: now,
        };
        let secret = new_secret("carnet-").expect("randomness");
        let token = ApiToken {
            id: TokenId::from_entropy(entropy().expect("randomness")),
            kind: TokenKind::User,
            user_id: Some(id.clone()),
            team_id: None,
            organization_id: None,
            agent_pool_id: None,
            created_by: None,
            description: "tests".to_owned(),
            created_at: now,
            expires_at: None,
            last_used_at: None,
        };
        let mut tx = self.app.store.write().await.expect("a transaction");
        tx.insert_user(&user).await.expect("stored");
        let hash = TokenHash::of(&secret);
        tx.insert_token(NewToken { token: &token, hash: &hash }).await.expect("stored");
        tx.commit().await.expect("committed");
        (id, secret.expose_secret().to_owned())
    }

    /// Makes an organization of which the user is the owner.
    pub(crate) async fn organization(&self, name: &str, owner: &UserId) -> Organization {
        let mut tx = self.app.store.write().await.expect("a transaction");
        let name: OrgName = name.parse().expect("a name");
        let organization = create_organization(&mut tx, &name, "owner@example.com", owner, self.app.now())
            .await
            .expect("stored");
        claim_name(&mut tx, &organization, true, self.app.now()).await.expect("a name");
        tx.commit().await.expect("committed");
        organization
    }

    /// Makes another user an owner of the organization.
    pub(crate) async fn join(&self, organization: &Organization, user: &UserId) {
        let mut tx = self.app.store.write().await.expect("a transaction");
        join_organization(&mut tx, &organization.id, user, self.app.now()).await.expect("stored");
        let owners = tx.owners_team(&organization.id).await.expect("read").expect("there");
        tx.add_team_member(&owners.id, user).await.expect("stored");
        tx.commit().await.expect("committed");
    }

    /// Makes a workspace in the default project.
    pub(crate) async fn workspace(&self, organization: &Organization, name: &str) -> Workspace {
        let id = WorkspaceId::from_entropy(entropy().expect("randomness"));
        let mut tx = self.app.store.write().await.expect("a transaction");
        let project = tx.project(&organization.default_project_id).await.expect("read").expect("there");
        let workspace =
            Workspace::new(id, name.parse().expect("a name"), organization, &project, self.app.now());
        tx.insert_workspace(&workspace).await.expect("stored");
        tx.commit().await.expect("committed");
        workspace
    }
}
