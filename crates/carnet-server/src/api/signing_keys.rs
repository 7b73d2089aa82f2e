//! Rotation of the keys that sign identity tokens, as Terraform Enterprise has it: for administrators of the site.

use carnet_model::{FactName, IssuerName};

use crate::error::ApiError;
use crate::extract::{Context, Read, Write};
use crate::oidc::{Concern, KeyChange, heed_clock};
use crate::reply::{Reply, no_content};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    Routes::default().post("/api/v2/admin/oidc-settings/actions/rotate-key", Access::SiteAdmin, rotate).post(
        "/api/v2/admin/oidc-settings/actions/trim-key",
        Access::SiteAdmin,
        trim,
    )
}

/// To everybody else, nothing is there.
fn only_site_admin(cx: &Context) -> Result<(), ApiError> {
    if cx.is_site_admin() { Ok(()) } else { Err(ApiError::NotFound) }
}

/// A new key signs from now on; the one before stays published for the tokens that it has signed.
async fn rotate(Read(cx): Read) -> Reply {
    only_site_admin(&cx)?;
    rotate_at_once(cx, &IssuerName::Site).await?;
    no_content()
}

/// Signs with a new key from now on, whoever may not know it yet.
pub(crate) async fn rotate_at_once(cx: Context, issuer: &IssuerName) -> Result<String, ApiError> {
    let Context { app, owner, tx, now, .. } = cx;
    drop(tx);
    heed_clock(&app).await?;
    let mut new = app.issuer.new_key(now).await?;
    let kid = new.kid();
    let mut cx = Write::begin(app, owner).await?.0;
    only_site_admin(&cx)?;
    new.check(&mut cx.tx).await?;
    cx.tx.audit_fact(FactName::Kid, &kid);
    let mut change = KeyChange::begin(&mut cx.tx, issuer).await?.with(&new);
    change.keys.rotate_at_once(kid.clone(), cx.now).map_err(ApiError::internal)?;
    change.save(&mut cx.tx, cx.now).await?;
    cx.tx.commit().await?;
    new.settle();
    cx.app.issuer.problems.forget(issuer, Concern::Visibility);
    cx.app.issuer.renew(&cx.app.store, issuer).await?;
    cx.app.issuer.asked.notify_one();
    Ok(kid)
}

async fn trim(Read(cx): Read) -> Reply {
    only_site_admin(&cx)?;
    trim_keys(cx, &IssuerName::Site).await?;
    no_content()
}

/// Removes the keys none of whose tokens can be valid. Fails when keys are left over and none could be removed.
pub(crate) async fn trim_keys(cx: Context, issuer: &IssuerName) -> Result<Vec<String>, ApiError> {
    let Context { app, owner, tx, .. } = cx;
    drop(tx);
    heed_clock(&app).await?;
    let mut cx = Write::begin(app, owner).await?.0;
    only_site_admin(&cx)?;
    let mut change = KeyChange::begin(&mut cx.tx, issuer).await?;
    let trimmed = change.keys.trim(&cx.app.settings.key_rotation, cx.now);
    if let (true, Some(end)) = (trimmed.removed.is_empty(), trimmed.needed_until) {
        return Err(ApiError::Conflict(format!(
            "identity tokens of the key before are valid until {end}; without the key providers would refuse them: try \
             again then"
        )));
    }
    change.save(&mut cx.tx, cx.now).await?;
    cx.tx.commit().await?;
    cx.app.issuer.renew(&cx.app.store, issuer).await?;
    Ok(trimmed.removed)
}

#[cfg(test)]
mod tests;
