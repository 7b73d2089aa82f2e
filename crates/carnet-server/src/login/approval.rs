//! The page on which a person signs in and approves or denies.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect as SeeOther, Response};
use carnet_model::{Timestamp, TokenId, TokenKind, UserId};
use carnet_store::{LoginCode, TokenHash, Tx};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::request::{AuthorizationRequest, Parameters, Redirect, Refusal};
use super::{AUTHORIZE, CLIENT, CODE_TTL, COOKIE, DESCRIPTION};
use crate::app::{App, new_secret};
use crate::error::ApiError;
use crate::page::{page, page_with_targets};

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    action: &'static str,
    client: &'static str,
    description: &'static str,
    host: &'a str,
    request: &'a AuthorizationRequest,
    csrf: &'a str,
    problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "login_refused.html")]
struct RefusedPage<'a> {
    reason: &'a str,
}

/// What the form sends beside the parameters of the request.
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(flatten)]
    parameters: Parameters,
    #[serde(default)]
    csrf: SecretString,
    #[serde(default)]
    token: SecretString,
    #[serde(default)]
    decision: String,
}

pub(super) async fn form(
    State(app): State<Arc<App>>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Ok(Query(parameters)) = parameters else {
        return refused("The address of this page is broken.");
    };
    match parameters.check() {
        Ok(request) => ask(&app, &request, None),
        Err(refusal) => refuse(refusal),
    }
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    answer: Result<Form<Answer>, FormRejection>,
) -> Result<Response, ApiError> {
    let Ok(Form(answer)) = answer else {
        return refused("The form is broken.");
    };
    if !COOKIE.is_ours(&app.settings.url, &headers, &answer.csrf) {
        return refused("This form is not the newest one that this server gave to your browser.");
    }
    let request = match answer.parameters.check() {
        Ok(request) => request,
        Err(refusal) => return refuse(refusal),
    };
    match answer.decision.as_str() {
        "approve" => approve(&app, &request, &answer.token).await,
        "deny" => {
            let denied = [("error", "access_denied"), ("state", request.state.as_str())];
            Ok(leave(&app, request.redirect, &denied))
        }
        _ => ask(&app, &request, Some("Approve or deny.")),
    }
}

/// Shows the form, with a new cookie.
fn ask(app: &App, request: &AuthorizationRequest, problem: Option<&str>) -> Result<Response, ApiError> {
    let secret = new_secret("")?;
    let template = LoginPage {
        action: AUTHORIZE,
        client: CLIENT,
        description: DESCRIPTION,
        host: app.settings.host(),
        request,
        csrf: secret.expose_secret(),
        problem,
    };
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let targets = format!("'self' http://localhost:{}", request.redirect.port);
    let response = page_with_targets(status, &template, &targets)?;
    Ok(COOKIE.set(response, &app.settings.url, &secret))
}

async fn approve(
    app: &App,
    request: &AuthorizationRequest,
    token: &SecretString,
) -> Result<Response, ApiError> {
    let now = app.now();
    // A wrong token must not make others wait for the write lock.
    if signed_in(&mut app.store.read().await?, token, now).await?.is_none() {
        return wrong_token(app, request);
    }
    let mut tx = app.store.write().await?;
    let Some((token_id, user_id)) = signed_in(&mut tx, token, now).await? else {
        return wrong_token(app, request);
    };
    let code = new_secret("")?;
    let record = LoginCode {
        client_id: CLIENT.to_owned(),
        redirect_uri: request.redirect.to_string(),
        code_challenge: request.code_challenge.clone(),
        user_id,
        approving_token_id: Some(token_id.clone()),
        token_id: None,
        expires_at: now.checked_add(CODE_TTL).map_err(ApiError::internal)?,
    };
    tx.touch_token(&token_id, now).await?;
    tx.delete_expired_login_codes(now).await?;
    tx.insert_login_code(&TokenHash::of(&code), &record).await?;
    tx.commit().await?;
    let granted = [("code", code.expose_secret()), ("state", request.state.as_str())];
    Ok(leave(app, request.redirect, &granted))
}

/// The token and its user; agents have tokens, too, and cannot sign in.
async fn signed_in(
    tx: &mut Tx,
    token: &SecretString,
    now: Timestamp,
) -> Result<Option<(TokenId, UserId)>, ApiError> {
    // Pasting often adds white space.
    let hash = TokenHash::of(&SecretString::from(token.expose_secret().trim()));
    let found = tx.token_by_hash(&hash, now).await?.filter(|token| token.kind == TokenKind::User);
    Ok(found.and_then(|token| Some((token.id, token.user_id?))))
}

fn wrong_token(app: &App, request: &AuthorizationRequest) -> Result<Response, ApiError> {
    ask(app, request, Some("This is not the API token of a user, or it has expired."))
}

fn refused(reason: &str) -> Result<Response, ApiError> {
    page(StatusCode::BAD_REQUEST, &RefusedPage { reason })
}

fn refuse(refusal: Refusal) -> Result<Response, ApiError> {
    match refusal {
        Refusal::Page(reason) => refused(reason),
        Refusal::Redirect { redirect, state, error, description } => {
            let mut parameters = vec![("error", error), ("error_description", description)];
            if !state.is_empty() {
                parameters.push(("state", &state));
            }
            Ok(SeeOther::to(&redirect.with(&parameters)).into_response())
        }
    }
}

/// Sends the browser to the command line; the form is used up.
fn leave(app: &App, redirect: Redirect, parameters: &[(&str, &str)]) -> Response {
    let response = SeeOther::to(&redirect.with(parameters)).into_response();
    COOKIE.remove(response, &app.settings.url)
}
