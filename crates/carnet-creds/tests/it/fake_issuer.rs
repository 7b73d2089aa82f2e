//! An issuer whose tokens have true claims and no true signature.

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use carnet_creds::{IdentityToken, TokenError, TokenRequest, TokenSource};
use serde_json::json;

use crate::world::Clock;

pub(crate) const ISSUER: &str = "https://carnet.example";
pub(crate) const SUBJECT: &str = "organization:acme:project:Default Project:workspace:net:run_phase:plan";

pub(crate) struct FakeIssuer {
    clock: Clock,
    /// What the next requests lead to, instead of a token.
    pub(crate) failures: Mutex<VecDeque<TokenError>>,
    /// Every token, in the order of its making.
    pub(crate) minted: Mutex<Vec<String>>,
}

impl FakeIssuer {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, failures: Mutex::default(), minted: Mutex::default() }
    }

    pub(crate) fn fail_next(&self, error: TokenError) {
        self.failures.lock().unwrap().push_back(error);
    }
}

#[async_trait]
impl TokenSource for FakeIssuer {
    async fn identity_token(&self, request: &TokenRequest) -> Result<IdentityToken, TokenError> {
        if let Some(error) = self.failures.lock().unwrap().pop_front() {
            return Err(error);
        }
        let mut minted = self.minted.lock().unwrap();
        let now = self.clock.now();
        let expires_at = now + request.lifetime;
        let jti = format!("jti-{}", minted.len() + 1);
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": "k"});
        let claims = json!({
            "iss": ISSUER,
            "sub": SUBJECT,
            "aud": request.audience,
            "jti": jti,
            "iat": now.as_second(),
            "nbf": (now - Duration::from_secs(30)).as_second(),
            "exp": expires_at.as_second(),
        });
        let parts = [header.to_string(), claims.to_string(), "signature".to_owned()];
        let token = parts.map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
        minted.push(token.clone());
        Ok(IdentityToken { token: token.into(), jti, issued_at: now, expires_at })
    }
}
