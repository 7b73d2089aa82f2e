//! The claims of an identity token, for templates.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// The claims that every identity token has, and those of a run of a workspace.
pub(super) const CLAIMS: [&str; 16] = [
    "aud",
    "exp",
    "iat",
    "iss",
    "jti",
    "nbf",
    "sub",
    "terraform_full_workspace",
    "terraform_organization_id",
    "terraform_organization_name",
    "terraform_project_id",
    "terraform_project_name",
    "terraform_run_id",
    "terraform_run_phase",
    "terraform_workspace_id",
    "terraform_workspace_name",
];

/// A claim as text; nothing when the token has none of this name.
pub(super) fn claim(token: &SecretString, name: &str) -> Option<String> {
    let payload = token.expose_secret().split('.').nth(1)?;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: Value = serde_json::from_slice(&bytes).ok()?;
    match claims.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
