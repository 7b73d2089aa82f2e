//! `carnet trust check --outside`: the issuer as relying parties see it, beside what they make of its token.

use std::path::Path;

use anyhow::Context as _;
use carnet_issuer::probe::Report;
use carnet_trust::check::Claims;

use crate::edge;
use crate::issuer::verify;
use crate::reach::authorities;

/// Looks at the issuer that the claims name, and at the key that signed, where the token says which.
pub(super) fn look(claims: &Claims, ca_file: Option<&Path>) -> anyhow::Result<Report> {
    let issuer =
        claims.text("iss").context("the claims name no issuer, so there is nothing to look at outside")?;
    let pem = ca_file.map(authorities).transpose()?;
    Ok(edge::runtime()?.block_on(verify::outside(issuer, claims.key(), pem.as_deref())))
}
