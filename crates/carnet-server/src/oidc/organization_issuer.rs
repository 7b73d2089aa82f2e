//! Issuers that organizations have of their own.

use std::sync::Arc;

use carnet_issuer::{Issuer, IssuerUrl, IssuerUrlError};
use carnet_model::{Confirmation, IssuerName, OrgId, RotationPolicy};
use carnet_store::{OrganizationIssuer, StoreError, Tx};

use crate::app::App;
use crate::error::ApiError;

/// Where the issuer of an organization is, below the issuer of the site. The id stays when the organization is renamed.
pub(crate) fn url_below(site: &IssuerUrl, organization: &OrgId) -> Result<IssuerUrl, IssuerUrlError> {
    format!("{site}/organizations/{organization}", site = site.as_str()).parse()
}

/// The URL of an organization's own issuer.
pub(crate) fn url_of(site: &IssuerUrl, own: &OrganizationIssuer) -> Result<IssuerUrl, IssuerUrlError> {
    match &own.url {
        Some(url) => url.parse(),
        None => url_below(site, &own.organization_id),
    }
}

/// Whether relying parties read discovery and keys of this issuer somewhere else than here, so that only a look from outside
/// tells what they find: what is published by this server, and the issuer of an organization that has a URL of its own.
pub(crate) fn is_served_elsewhere(app: &App, own: Option<&OrganizationIssuer>) -> bool {
    app.settings.key_rotation.confirmation == Confirmation::SeenOutside
        || own.is_some_and(|own| own.url.is_some())
}

/// The URL of an issuer.
pub(crate) async fn url_of_issuer(
    app: &App,
    tx: &mut Tx,
    issuer: &IssuerName,
) -> Result<IssuerUrl, ApiError> {
    let site = app.issuer.url();
    let IssuerName::Organization(id) = issuer else { return Ok(site.clone()) };
    match tx.organization_issuer(id).await? {
        Some(own) => url_of(site, &own).map_err(ApiError::internal),
        None => Err(ApiError::NotFound),
    }
}

/// An issuer with the keys that are stored; `None` when it is no more.
pub(crate) async fn issuer_named(
    app: &App,
    tx: &mut Tx,
    issuer: &IssuerName,
) -> Result<Option<Arc<Issuer>>, ApiError> {
    Ok(match issuer {
        IssuerName::Site => Some(app.issuer.fresh(tx).await?),
        IssuerName::Organization(id) => app.issuer.fresh_of(tx, id).await?,
    })
}

/// What is decided about the rotation of an issuer's keys.
pub(crate) async fn policy_of(
    app: &App,
    tx: &mut Tx,
    issuer: &IssuerName,
) -> Result<RotationPolicy, StoreError> {
    let own = match issuer {
        IssuerName::Site => None,
        IssuerName::Organization(id) => tx.organization_issuer(id).await?,
    };
    let confirmation = match is_served_elsewhere(app, own.as_ref()) {
        true => Confirmation::SeenOutside,
        false => Confirmation::NotNeeded,
    };
    Ok(RotationPolicy { confirmation, ..app.settings.key_rotation.clone() })
}

/// The issuer of the tokens of an organization's runs: the claim `iss`, and what relying parties must trust.
pub(crate) async fn issuer_of(app: &App, tx: &mut Tx, organization: &OrgId) -> Result<IssuerUrl, ApiError> {
    let own = tx.organization_issuer(organization).await?.filter(|own| own.is_minting);
    match own {
        Some(own) => url_of(app.issuer.url(), &own).map_err(ApiError::internal),
        None => Ok(app.issuer.url().clone()),
    }
}
