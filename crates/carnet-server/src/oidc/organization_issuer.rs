//! Issuers that organizations have of their own.

use carnet_issuer::{IssuerUrl, IssuerUrlError};
use carnet_model::OrgId;
use carnet_store::{OrganizationIssuer, Tx};

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

/// The issuer of the tokens of an organization's runs: the claim `iss`, and what relying parties must trust.
pub(crate) async fn issuer_of(app: &App, tx: &mut Tx, organization: &OrgId) -> Result<IssuerUrl, ApiError> {
    let own = tx.organization_issuer(organization).await?.filter(|own| own.is_minting);
    match own {
        Some(own) => url_of(app.issuer.url(), &own).map_err(ApiError::internal),
        None => Ok(app.issuer.url().clone()),
    }
}
