//! What paths of the registry name.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use carnet_model::{OrgName, Organization, Permission, RegistryVersion};

use crate::error::ApiError;
use crate::extract::Context;

/// The parameters of a path, by name.
#[derive(Debug)]
pub(in crate::api) struct Segments(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Segments {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| ApiError::NotFound)?;
        if params.iter().any(|(_, value)| value.contains('\0')) {
            return Err(ApiError::NotFound);
        }
        Ok(Self(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }
}

impl Segments {
    /// The text of a parameter; empty when the path has none of this name.
    pub(in crate::api) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A parameter; a text that cannot be one names nothing.
    pub(in crate::api) fn get<T: FromStr>(&self, name: &str) -> Result<T, ApiError> {
        self.text(name).parse().map_err(|_| ApiError::NotFound)
    }

    /// The version that the path names.
    pub(in crate::api) fn version(&self) -> Result<RegistryVersion, ApiError> {
        self.get("version")
    }

    /// The organization of a path with the names of a registry and of a namespace, if the caller may do this in it. There
    /// is the private registry only, and the namespace of an organization is its name.
    pub(in crate::api) async fn organization(
        &self,
        cx: &mut Context,
        permission: Permission,
    ) -> Result<Organization, ApiError> {
        let name: OrgName = self.get("organization")?;
        let is_private = self.0.get("registry").is_none_or(|registry| registry == "private");
        let is_own = self.0.get("namespace").is_none_or(|namespace| namespace == name.as_str());
        if !is_private || !is_own {
            return Err(ApiError::NotFound);
        }
        cx.organization(&name, permission).await
    }

    /// The organization whose namespace the path names, if the caller may use its registry.
    pub(in crate::api) async fn namespace(&self, cx: &mut Context) -> Result<Organization, ApiError> {
        let found = cx.tx.organization_of_namespace(self.text("namespace")).await?;
        cx.organization(&found.ok_or(ApiError::NotFound)?, Permission::ReadRegistry).await
    }
}
