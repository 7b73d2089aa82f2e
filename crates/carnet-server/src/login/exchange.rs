//! The exchange of a code for a token.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_model::Timestamp;
use carnet_store::{LoginCode, TokenHash, Tx};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::{CLIENT, DESCRIPTION};
use crate::api::authentication_tokens::{default_expiry, new_user_token};
use crate::app::App;
use crate::error::ApiError;

/// RFC 6749, section 5.1: neither tokens nor refusals are kept by anybody in between.
const UNCACHED: [(HeaderName, &str); 2] = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];

/// Refusals of RFC 6749, section 5.2.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    Broken,
    UnknownClient,
    OtherGrant,
    /// One answer for all that may be wrong with a code: whoever guesses learns nothing.
    Code,
}

impl Refusal {
    fn into_response(self) -> Response {
        let (error, description) = match self {
            Self::Broken => ("invalid_request", "a parameter is missing, repeated or malformed"),
            Self::UnknownClient => ("invalid_client", "this client is not known"),
            Self::OtherGrant => ("unsupported_grant_type", "grant_type must be authorization_code"),
            Self::Code => (
                "invalid_grant",
                "the code is wrong, used, expired or revoked, or was given to another request",
            ),
        };
        answer(StatusCode::BAD_REQUEST, json!({ "error": error, "error_description": description }))
    }
}

#[derive(Deserialize)]
pub(super) struct Parameters {
    client_id: Option<String>,
    grant_type: Option<String>,
    code: Option<SecretString>,
    code_verifier: Option<SecretString>,
    redirect_uri: Option<String>,
}

/// What is compared with the stored code.
struct Presented {
    client_id: String,
    redirect_uri: String,
    code: SecretString,
    verifier: SecretString,
}

pub(super) async fn exchange(
    State(app): State<Arc<App>>,
    parameters: Result<Form<Parameters>, FormRejection>,
) -> Result<Response, ApiError> {
    let presented = match parameters.map_err(|_| Refusal::Broken).and_then(|Form(given)| presented(given)) {
        Ok(presented) => presented,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let (now, hash) = (app.now(), TokenHash::of(&presented.code));
    // A wrong code must not make others wait for the write lock.
    if app.store.read().await?.login_code(&hash, now).await?.is_none() {
        return Ok(Refusal::Code.into_response());
    }
    let mut tx = app.store.write().await?;
    let Some(code) = tx.login_code(&hash, now).await? else {
        return Ok(Refusal::Code.into_response());
    };
    if let Some(token) = &code.token_id {
        // RFC 6749, section 4.1.2: a second use means that somebody else has the code.
        tx.delete_token(token).await?;
    }
    if code.token_id.is_some() || !is_for(&code, &presented) || !is_approved(&mut tx, &code, now).await? {
        tx.delete_login_code(&hash).await?;
        tx.commit().await?;
        return Ok(Refusal::Code.into_response());
    }
    let (token, secret) =
        new_user_token(&mut tx, &code.user_id, DESCRIPTION, default_expiry(now), now).await?;
    tx.set_login_code_token(&hash, &token.id).await?;
    tx.commit().await?;
    Ok(answer(StatusCode::OK, json!({ "access_token": secret.expose_secret(), "token_type": "bearer" })))
}

fn presented(parameters: Parameters) -> Result<Presented, Refusal> {
    let grant_type = parameters.grant_type.ok_or(Refusal::Broken)?;
    let client_id = parameters.client_id.ok_or(Refusal::Broken)?;
    if client_id != CLIENT {
        return Err(Refusal::UnknownClient);
    }
    if grant_type != "authorization_code" {
        return Err(Refusal::OtherGrant);
    }
    Ok(Presented {
        client_id,
        redirect_uri: parameters.redirect_uri.ok_or(Refusal::Broken)?,
        code: parameters.code.ok_or(Refusal::Broken)?,
        verifier: parameters.code_verifier.ok_or(Refusal::Broken)?,
    })
}

/// Whoever takes a token away takes away what it approved, too.
async fn is_approved(tx: &mut Tx, code: &LoginCode, now: Timestamp) -> Result<bool, ApiError> {
    match &code.approving_token_id {
        Some(token) => Ok(tx.is_token_working(token, now).await?),
        None => Ok(false),
    }
}

fn is_for(code: &LoginCode, presented: &Presented) -> bool {
    let digest = digest(&SHA256, presented.verifier.expose_secret().as_bytes());
    let challenge = URL_SAFE_NO_PAD.encode(digest);
    code.client_id == presented.client_id
        && code.redirect_uri == presented.redirect_uri
        && bool::from(code.code_challenge.as_bytes().ct_eq(challenge.as_bytes()))
}

fn answer(status: StatusCode, body: Value) -> Response {
    (status, UNCACHED, Json(body)).into_response()
}
