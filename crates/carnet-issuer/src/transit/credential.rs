//! Who we are for Vault or OpenBao: a token that others keep fresh, or one that a login gives.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{TransitClient, TransitCredential};
use crate::KeySourceError;

/// A token of a login.
#[derive(Debug)]
pub(super) struct Session {
    token: SecretString,
    /// When a new login is due, well before the token ends; `None` when it does not end.
    renew_at: Option<Instant>,
}

impl Session {
    fn is_fresh(&self) -> bool {
        self.renew_at.is_none_or(|moment| Instant::now() < moment)
    }
}

/// The token to use now. `session` keeps that of a login.
pub(super) async fn token(
    client: &TransitClient,
    credential: &TransitCredential,
    session: &mut Option<Session>,
) -> Result<SecretString, KeySourceError> {
    let (mount, mut body, member, file) = match credential {
        TransitCredential::Token(token) => return Ok(token.clone()),
        TransitCredential::TokenFile(file) => return read(client, file).await,
        TransitCredential::AppRole { mount, role_id, secret_id_file } => {
            (mount, json!({"role_id": role_id}), "secret_id", secret_id_file)
        }
        TransitCredential::Kubernetes { mount, role, token_file } => {
            (mount, json!({"role": role}), "jwt", token_file)
        }
    };
    if let Some(session) = session.as_ref().filter(|session| session.is_fresh()) {
        return Ok(session.token.clone());
    }
    *session = None;
    body[member] = Value::from(read(client, file).await?.expose_secret());
    let path = format!("auth/{mount}/login");
    let answer = client.send(Method::POST, &path, Some(&body), None).await.map_err(|error| match error {
        // A login that is refused is answered with 400 and many texts, none of which helps.
        KeySourceError::Refused { place, reason } => KeySourceError::Denied {
            place,
            reason: format!("the login at {path} was refused: {reason}; is {} still valid?", file.display()),
        },
        other => other,
    })?;
    let new = answer["auth"]["client_token"].as_str().ok_or_else(|| client.unreadable("token"))?;
    let lease = answer["auth"]["lease_duration"].as_u64().unwrap_or(0);
    let new = Session {
        token: SecretString::from(new),
        renew_at: (lease > 0).then(|| Instant::now() + Duration::from_secs(lease).mul_f64(2.0 / 3.0)),
    };
    Ok(session.insert(new).token.clone())
}

async fn read(client: &TransitClient, file: &Path) -> Result<SecretString, KeySourceError> {
    let unreadable = |source: std::io::Error| KeySourceError::Credential {
        place: client.place(),
        from: file.display().to_string(),
        source: Box::new(source),
    };
    let text = tokio::fs::read_to_string(file).await.map(SecretString::from).map_err(unreadable)?;
    match text.expose_secret().trim() {
        "" => Err(unreadable(std::io::Error::other("the file is empty"))),
        token => Ok(SecretString::from(token)),
    }
}
