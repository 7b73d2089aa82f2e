//! The first user: by a one-time address for people, by a given token for automation.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use carnet_model::{ApiToken, NameError, OrgName, Timestamp, TokenId, TokenKind, User, UserId, Username};
use carnet_store::{NewToken, Store, TokenHash, Tx};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::api::account::{BOOTSTRAPPED, is_reserved};
use crate::api::authentication_tokens::{default_expiry, new_user_token};
use crate::api::organization_memberships::parsed_email;
use crate::api::organizations::{claim_name, create_organization};
use crate::app::{App, entropy, new_secret};
use crate::audit::event_of_setup;
use crate::error::ApiError;
use crate::extract::Id;
use crate::page::page;
use crate::route::{Access, Routes};

/// Where the hashes of the one-time codes are kept until the first user exists.
const SETUP_CODE: &str = "setup-code-hash";

/// The setting that names the token that the operator gave.
const BOOTSTRAP_TOKEN: &str = "bootstrap-token";

/// How many one-time codes work at a time.
const SETUP_CODES: usize = 8;

/// What the token of the embedded agent is described as.
pub const AGENT_TOKEN_DESCRIPTION: &str = "embedded agent";

/// Why an account or a token could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The bootstrap token is too weak.
    #[error("the bootstrap token needs at least 20 characters")]
    WeakToken,
    /// Somebody with the address has an account.
    #[error("somebody with this address has an account already")]
    AddressTaken,
    /// Somebody has the name.
    #[error("the username is taken")]
    NameTaken,
    /// The name is kept for the server.
    #[error("the username is reserved")]
    NameReserved,
    /// The bootstrap token would stand for somebody who does not administer the site.
    #[error(
        "the account that the bootstrap token stands for does not administer the site, or is suspended; start without the \
         token and make an administrator with `carnet admin create-user NAME --email ADDRESS --site-admin`"
    )]
    NotAdministrator,
    /// What was given for it cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The database or the operating system failed.
    #[error("the account or the token could not be stored")]
    Failed(#[source] ApiError),
}

impl From<ApiError> for SetupError {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Invalid { detail, .. } => Self::Unusable(detail),
            other => Self::Failed(other),
        }
    }
}

impl From<carnet_store::StoreError> for SetupError {
    fn from(error: carnet_store::StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Makes the site administrator `admin` whose API token is the given one. Nothing changes when that token works already.
pub async fn create_site_admin(
    store: &Store,
    token: &SecretString,
    now: Timestamp,
) -> Result<(), SetupError> {
    if token.expose_secret().len() < 20 {
        return Err(SetupError::WeakToken);
    }
    let hash = TokenHash::of(token);
    let mut tx = store.write().await?;
    if let Some(known) = tx.token_by_hash(&hash, now).await? {
        let user = match &known.user_id {
            Some(id) => tx.user(id).await?,
            None => None,
        };
        return user.filter(|user| user.is_site_admin).map(drop).ok_or(SetupError::NotAdministrator);
    }
    let name: Username = BOOTSTRAPPED.parse().map_err(ApiError::from)?;
    let user = match tx.user_by_name(&name).await? {
        Some(user) if user.is_site_admin && !user.is_suspended => user,
        Some(_) => return Err(SetupError::NotAdministrator),
        None => insert_user(&mut tx, name, "admin@localhost", true, now).await?,
    };
    let made = insert_token(&mut tx, TokenKind::User, Some(user.id), "bootstrap", &hash, now).await?;
    // The token is the value that the operator gives: one that the operator replaced works no longer.
    if let Some(before) = tx.meta(BOOTSTRAP_TOKEN).await? {
        tx.delete_token(&before.parse().map_err(ApiError::from)?).await?;
    }
    tx.set_meta(BOOTSTRAP_TOKEN, Some(made.as_str())).await?;
    tx.set_meta(SETUP_CODE, None).await?;
    tx.commit().await?;
    Ok(())
}

/// Makes an account and returns its first API token. Invitations to the address are accepted by it.
pub async fn create_user(
    store: &Store,
    username: &str,
    email: &str,
    is_site_admin: bool,
    now: Timestamp,
) -> Result<SecretString, SetupError> {
    let username: Username = username.parse().map_err(ApiError::from)?;
    let email = parsed_email(Some(email))?;
    if is_reserved(&username) && !is_site_admin {
        return Err(SetupError::NameReserved);
    }
    let mut tx = store.write().await?;
    let user = match tx.user_by_email(&email).await? {
        Some(invited) if tx.is_placeholder(&invited.id).await? => {
            let user = User { username, is_site_admin, ..invited };
            tx.accept_invitations(&user).await.map_err(name_taken)?;
            user
        }
        Some(_) => return Err(SetupError::AddressTaken),
        None => {
            if tx.user_by_name(&username).await?.is_some() {
                return Err(SetupError::NameTaken);
            }
            insert_user(&mut tx, username, &email, is_site_admin, now).await?
        }
    };
    let (_, secret) = new_user_token(&mut tx, &user.id, "first token", default_expiry(now), now).await?;
    tx.commit().await?;
    Ok(secret)
}

fn name_taken(error: carnet_store::StoreError) -> SetupError {
    match error {
        carnet_store::StoreError::Conflict => SetupError::NameTaken,
        other => other.into(),
    }
}

/// With nobody there yet, makes a new one-time code and returns the address that takes it.
pub async fn prepare_first_user(store: &Store, url: &str) -> Result<Option<SecretString>, SetupError> {
    let mut tx = store.write().await?;
    if tx.has_users().await? {
        return Ok(None);
    }
    let code = new_secret("")?;
    let hash = TokenHash::of(&code);
    // Servers that share a database each print an address; any of them takes the first user.
    let earlier = tx.meta(SETUP_CODE).await?.unwrap_or_default();
    let hashes: Vec<&str> =
        std::iter::once(hash.as_hex()).chain(earlier.split_whitespace()).take(SETUP_CODES).collect();
    tx.set_meta(SETUP_CODE, Some(&hashes.join(" "))).await?;
    tx.commit().await?;
    Ok(Some(SecretString::from(format!("{}/setup/{}", url.trim_end_matches('/'), code.expose_secret()))))
}

/// The token with which agents of this description claim jobs, with a new secret. It stays the same token, so that jobs that were
/// claimed with it go on.
pub async fn renew_agent_token(
    store: &Store,
    description: &str,
    now: Timestamp,
) -> Result<SecretString, SetupError> {
    let secret = new_secret("carnet-agent-")?;
    let hash = TokenHash::of(&secret);
    let mut tx = store.write().await?;
    if !tx.replace_token_hash(TokenKind::Agent, description, &hash).await? {
        insert_token(&mut tx, TokenKind::Agent, None, description, &hash, now).await?;
    }
    tx.commit().await?;
    Ok(secret)
}

/// Makes a token with which agents claim jobs, replacing those of the same description: the jobs that were claimed with them end.
pub async fn create_agent_token(
    store: &Store,
    description: &str,
    now: Timestamp,
) -> Result<SecretString, SetupError> {
    let secret = new_secret("carnet-agent-")?;
    let mut tx = store.write().await?;
    tx.delete_tokens(TokenKind::Agent, description).await?;
    insert_token(&mut tx, TokenKind::Agent, None, description, &TokenHash::of(&secret), now).await?;
    tx.commit().await?;
    Ok(secret)
}

async fn insert_user(
    tx: &mut Tx,
    username: Username,
    email: &str,
    is_site_admin: bool,
    now: Timestamp,
) -> Result<User, ApiError> {
    let user = User {
        id: UserId::from_entropy(entropy()?),
        username,
        email: email.to_lowercase(),
        service_of: None,
        is_site_admin,
        is_suspended: false,
        created_at: now,
    };
    tx.insert_user(&user).await?;
    Ok(user)
}

async fn insert_token(
    tx: &mut Tx,
    kind: TokenKind,
    user_id: Option<UserId>,
    description: &str,
    hash: &TokenHash,
    now: Timestamp,
) -> Result<TokenId, ApiError> {
    let token = ApiToken {
        id: TokenId::from_entropy(entropy()?),
        kind,
        user_id,
        team_id: None,
        organization_id: None,
        agent_pool_id: None,
        created_by: None,
        description: description.to_owned(),
        created_at: now,
        expires_at: None,
        last_used_at: None,
    };
    tx.insert_token(NewToken { token: &token, hash }).await?;
    Ok(token.id)
}

pub(crate) fn routes() -> Routes {
    Routes::default().get("/setup/{code}", Access::Capability, form).post(
        "/setup/{code}",
        Access::Capability,
        submit,
    )
}

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage<'a> {
    problem: Option<&'a str>,
    /// What was typed before.
    form: &'a SetupForm,
}

#[derive(Template)]
#[template(path = "used_address.html")]
struct UsedAddressPage;

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage<'a> {
    username: &'a str,
    host: &'a str,
    organization: &'a str,
    token: &'a str,
}

#[derive(Default, Deserialize)]
struct SetupForm {
    username: String,
    email: String,
    organization: String,
}

async fn is_code(tx: &mut Tx, code: &str) -> Result<bool, ApiError> {
    let hash = TokenHash::of(&SecretString::from(code));
    let hashes = tx.meta(SETUP_CODE).await?.unwrap_or_default();
    Ok(hashes.split_whitespace().any(|known| known == hash.as_hex()))
}

async fn form(State(app): State<Arc<App>>, Id(code): Id<String>) -> Result<Response, ApiError> {
    if !is_code(&mut app.store.read().await?, &code).await? {
        return page(StatusCode::NOT_FOUND, &UsedAddressPage);
    }
    page(StatusCode::OK, &SetupPage { problem: None, form: &SetupForm::default() })
}

fn parsed(form: &SetupForm) -> Result<(Username, String, OrgName), String> {
    let username = form.username.parse().map_err(|error: NameError| error.to_string())?;
    let email = parsed_email(Some(&form.email)).map_err(|_| "Email is not an address".to_owned())?;
    let organization =
        form.organization.parse().map_err(|error: NameError| format!("Organization: {error}"))?;
    Ok((username, email, organization))
}

async fn submit(
    State(app): State<Arc<App>>,
    Id(code): Id<String>,
    Form(form): Form<SetupForm>,
) -> Result<Response, ApiError> {
    let mut tx = app.store.write().await?;
    if !is_code(&mut tx, &code).await? {
        return page(StatusCode::NOT_FOUND, &UsedAddressPage);
    }
    let now = app.now();
    let (username, email, organization) = match parsed(&form) {
        Ok(parsed) => parsed,
        Err(problem) => {
            let again = SetupPage { problem: Some(&problem), form: &form };
            return page(StatusCode::UNPROCESSABLE_ENTITY, &again);
        }
    };
    let user = insert_user(&mut tx, username, &email, true, now).await?;
    let made = create_organization(&mut tx, &organization, &email, &user.id, now).await?;
    claim_name(&mut tx, &made, true, now).await?;
    tx.insert_audit_event(&event_of_setup(&user.id, &made.id, now)?).await?;
    let token = new_secret("carnet-")?;
    insert_token(&mut tx, TokenKind::User, Some(user.id), "first token", &TokenHash::of(&token), now).await?;
    tx.set_meta(SETUP_CODE, None).await?;
    tx.commit().await?;
    let welcome = WelcomePage {
        username: user.username.as_str(),
        host: app.settings.host(),
        organization: organization.as_str(),
        token: token.expose_secret(),
    };
    page(StatusCode::OK, &welcome)
}

#[cfg(test)]
mod tests;
