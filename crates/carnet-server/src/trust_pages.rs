//! Pages that write trust in a workspace, and that say what a relying party would make of its token: what the API does, for people.
//!
//! There are no sessions: whoever asks signs each form with an API token, which is compared and not kept, and which
//! comes back in no page.

mod check;
mod form;
mod set_up;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use carnet_model::{Permission, Workspace};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use self::form::{Field, FormPage, Typed};
use crate::api::workspaces::named;
use crate::app::{App, new_secret};
use crate::csrf::FormCookie;
use crate::error::ApiError;
use crate::extract::{Context, Read};
use crate::page::page;
use crate::route::{Access, Routes};

/// Where the families are chosen among.
const SET_UP: &str = "/trust";

/// Where a policy is pasted.
const CHECK: &str = "/trust-check";

/// The cookie of both forms.
const COOKIE: FormCookie = FormCookie { name: "carnet-trust", path: "/" };

pub(crate) fn routes() -> Routes {
    Routes::default()
        .get(SET_UP, Access::Public, set_up::families)
        .get("/trust/{family}", Access::Public, set_up::form)
        .post("/trust/{family}", Access::Public, set_up::submit)
        .get(CHECK, Access::Public, check::form)
        .post(CHECK, Access::Public, check::submit)
}

/// The text that was asked for, or what was wrong with the form.
type Outcome = Result<String, String>;

/// Shows a form with what was typed, and what came of it.
fn show(
    app: &App,
    mut page_of: FormPage,
    typed: &Typed,
    outcome: Option<Outcome>,
) -> Result<Response, ApiError> {
    let secret = new_secret("")?;
    let status = match &outcome {
        Some(Err(_)) => StatusCode::UNPROCESSABLE_ENTITY,
        Some(Ok(_)) | None => StatusCode::OK,
    };
    (page_of.result, page_of.problem) = match outcome {
        Some(Ok(text)) => (Some(text), None),
        Some(Err(problem)) => (None, Some(problem)),
        None => (None, None),
    };
    page_of.fill(typed);
    secret.expose_secret().clone_into(&mut page_of.csrf);
    Ok(COOKIE.set(page(status, &page_of)?, &app.settings.url, &secret))
}

/// The caller and the workspace that a form names, if it is ours and its token allows this.
async fn signed(
    app: &Arc<App>,
    headers: &HeaderMap,
    typed: &mut Typed,
    permission: Permission,
) -> Result<(Context, Workspace), ApiError> {
    let csrf = SecretString::from(typed.take("csrf"));
    // Pasting often adds white space.
    let token = SecretString::from(typed.take("token").trim());
    if !COOKIE.is_ours(&app.settings.url, headers, &csrf) {
        let reason = "this form is not the newest one that this server gave to your browser: send it again";
        return Err(ApiError::BadRequest(reason.to_owned()));
    }
    let Read(mut cx) = Read::begin(app, &token).await?;
    let organization = typed.get("organization").trim().parse().map_err(|_| ApiError::NotFound)?;
    let workspace = typed.get("workspace").trim().parse().map_err(|_| ApiError::NotFound)?;
    let workspace = named(&mut cx, &organization, &workspace, permission).await?;
    Ok((cx, workspace))
}

/// What was typed into these fields, as the API takes it; what was left empty is left out.
fn input<T: DeserializeOwned>(fields: &[Field], typed: &Typed) -> Result<T, ApiError> {
    let attributes = fields.iter().filter_map(|field| Some((field.name.clone(), field.value(typed)?)));
    let attributes = Value::Object(attributes.collect::<Map<String, Value>>());
    serde_json::from_value(attributes).map_err(|error| ApiError::BadRequest(error.to_string()))
}

/// What a person is told; failures of the server itself look as everywhere.
fn outcome(answer: Result<Value, ApiError>) -> Result<Outcome, ApiError> {
    let problem = match answer {
        Ok(attributes) => return Ok(Ok(attributes["text"].as_str().unwrap_or_default().to_owned())),
        Err(ApiError::Unauthorized) => {
            "The token is not an API token of this server, or it has expired.".to_owned()
        }
        Err(ApiError::NotFound) => "There is no such workspace, or this token may not see it.".to_owned(),
        Err(ApiError::Forbidden(reason) | ApiError::BadRequest(reason)) => sentence(&reason),
        Err(ApiError::Invalid { detail, pointer }) => {
            let name = pointer.as_deref().and_then(|pointer| pointer.rsplit('/').next());
            name.map_or_else(|| sentence(&detail), |name| sentence(&format!("{name}: {detail}")))
        }
        Err(error) => return Err(error),
    };
    Ok(Err(problem))
}

/// A reason that begins with a capital letter and ends with a mark.
fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let mut text: String = first.chain(letters).collect();
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}
