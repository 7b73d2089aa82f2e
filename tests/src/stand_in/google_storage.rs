//! Google Cloud Storage: one bucket that everybody may read and one service account may write
//! (<https://cloud.google.com/storage/docs/xml-api/put-object-upload>). It accepts the tokens that service accounts sign for themselves
//! (<https://google.aip.dev/auth/4111>), checked with the account's public key.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use hyper::{Method, body::Bytes};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use percent_encoding::percent_decode_str;
use rcgen::{KeyPair, PKCS_RSA_SHA256};
use serde_json::{Value, json};

use super::listener::{Exchange, Listener, Reply, Request, Service};
use crate::certificate_authority::CertificateAuthority;

const ACCOUNT: &str = "publisher@acme.iam.gserviceaccount.com";
const KEY_ID: &str = "0123456789abcdef0123456789abcdef01234567";

/// The longest life of a token that an account signs for itself, in seconds.
const HOUR: u64 = 3600;

/// Scopes that allow writing objects.
const SCOPES: [&str; 3] = [
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/devstorage.full_control",
    "https://www.googleapis.com/auth/devstorage.read_write",
];

/// A running stand-in.
#[derive(Debug)]
pub struct GoogleStorage {
    listener: Listener,
    key_pem: String,
}

#[derive(Debug)]
struct Bucket {
    /// `/` and the bucket's name, and a slash.
    root: String,
    key: DecodingKey,
    objects: Mutex<HashMap<String, Object>>,
}

#[derive(Debug, Clone)]
struct Object {
    content: Bytes,
    content_type: String,
    cache_control: String,
}

impl GoogleStorage {
    /// Starts a stand-in with a certificate of the authority and an empty bucket.
    pub async fn start(ca: &CertificateAuthority, bucket: &str) -> anyhow::Result<Self> {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
        let bucket = Bucket {
            root: format!("/{bucket}/"),
            key: DecodingKey::from_rsa_der(key.public_key_raw()),
            objects: Mutex::default(),
        };
        Ok(Self { listener: Listener::start(ca, bucket).await?, key_pem: key.serialize_pem() })
    }

    /// The address that stands for `https://storage.googleapis.com`.
    pub fn url(&self) -> String {
        self.listener.url()
    }

    /// Every request so far, oldest first.
    pub fn record(&self) -> Vec<Exchange> {
        self.listener.record()
    }

    /// The key file of the service account, as Google hands it out.
    pub fn key_file(&self) -> Value {
        key_file(&self.key_pem)
    }

    /// The key file of somebody who only says to be the service account.
    pub fn forged_key_file(&self) -> anyhow::Result<Value> {
        Ok(key_file(&KeyPair::generate_for(&PKCS_RSA_SHA256)?.serialize_pem()))
    }
}

fn key_file(key_pem: &str) -> Value {
    json!({"type": "service_account", "project_id": "acme", "private_key_id": KEY_ID, "private_key": key_pem,
           "client_email": ACCOUNT, "client_id": "100000000000000000000",
           "token_uri": "https://oauth2.googleapis.com/token"})
}

impl Service for Bucket {
    async fn answer(&self, request: Request) -> Reply {
        // Clients escape all of an object's name, its slashes too.
        let path = percent_decode_str(&request.path).decode_utf8_lossy();
        let Some(name) = path.strip_prefix(&self.root).filter(|name| !name.is_empty()) else {
            return error(404, "NoSuchBucket", "The specified bucket does not exist.");
        };
        match request.method {
            Method::PUT => self.put(name, &request),
            Method::GET => self.get(name),
            _ => error(405, "MethodNotAllowed", "The specified method is not allowed against this resource."),
        }
    }
}

impl Bucket {
    fn put(&self, name: &str, request: &Request) -> Reply {
        let Some(token) = request.bearer() else {
            return error(
                403,
                "AccessDenied",
                "Anonymous caller does not have storage.objects.create access.",
            );
        };
        if !self.is_account(token) {
            return error(401, "AuthenticationRequired", "Authentication required.");
        }
        let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
        let object = Object {
            content: request.body.clone(),
            content_type: header("content-type"),
            cache_control: header("cache-control"),
        };
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), object);
        Reply::xml(200, String::new()).with_header("etag", "\"1\"").with_header("x-goog-generation", "1")
    }

    fn get(&self, name: &str) -> Reply {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        match objects.get(name) {
            Some(object) => Reply::bytes(200, &object.content_type, object.content.clone())
                .with_header("cache-control", &object.cache_control)
                .with_header("etag", "\"1\"")
                .with_header("last-modified", "Mon, 05 Jan 2026 10:00:00 GMT"),
            None => error(404, "NoSuchKey", "The specified key does not exist."),
        }
    }

    /// Whether a token is one that the service account has signed for itself, for this service, for an hour at most.
    fn is_account(&self, token: &str) -> bool {
        let is_named = decode_header(token).is_ok_and(|header| header.kid.as_deref() == Some(KEY_ID));
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.set_issuer(&[ACCOUNT]);
        validation.sub = Some(ACCOUNT.to_owned());
        let Ok(token) = decode::<Value>(token, &self.key, &validation) else { return false };
        let seconds = |name: &str| token.claims[name].as_u64().unwrap_or_default();
        let scopes = token.claims["scope"].as_str().unwrap_or_default();
        is_named
            && seconds("exp").saturating_sub(seconds("iat")) <= HOUR
            && scopes.split(' ').any(|scope| SCOPES.contains(&scope))
    }
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    let text = format!(
        "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    Reply::xml(status, text).because(code)
}
