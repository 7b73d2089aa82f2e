//! What clients may write about the credentials of runs, at organizations and at workspaces.

use carnet_model::{IdentityTokenTtl, IdentityTokenTtlError, StaticCredentials};
use serde_json::Value;

use crate::error::ApiError;

/// Reads `identity-token-ttl`; null leaves the decision to whoever is above.
pub(super) fn identity_token_ttl(value: Option<&Value>) -> Result<Option<IdentityTokenTtl>, ApiError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let found = value.as_u64().ok_or(IdentityTokenTtlError).and_then(IdentityTokenTtl::from_seconds);
    found.map(Some).map_err(|error| ApiError::attribute("identity-token-ttl", error.to_string()))
}

/// Reads `static-credentials`.
pub(super) fn static_credentials(text: &str) -> Result<StaticCredentials, ApiError> {
    text.parse().map_err(|error: String| ApiError::attribute("static-credentials", error))
}
