//! Rotation of the keys that sign identity tokens, as Terraform Enterprise has it: for administrators of the site.

use std::time::Duration;

use carnet_model::Timestamp;

use crate::error::ApiError;
use crate::extract::{Context, Read, Write};
use crate::reply::{Reply, no_content};
use crate::route::{Access, Routes};

/// How long after its end relying parties may accept a token: clocks differ.
const LEEWAY: Duration = Duration::from_secs(60);

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
    let Context { app, owner, tx, now, .. } = cx;
    drop(tx);
    let key = app.issuer.new_key(now).await?;
    let mut cx = Write::begin(app, owner).await?.0;
    only_site_admin(&cx)?;
    cx.tx.rotate_signing_key(&key).await?;
    cx.tx.commit().await?;
    tracing::info!(key.id = key.kid, "identity tokens are signed with a new key");
    cx.app.issuer.fresh(&mut cx.app.store.read().await?).await?;
    no_content()
}

/// Removes the keys none of whose tokens can be valid. Fails when keys are left over and none could be removed.
async fn trim(Write(mut cx): Write) -> Reply {
    only_site_admin(&cx)?;
    let (mut removed, mut needed_until) = (0, None::<Timestamp>);
    for (kid, is_current) in cx.tx.signing_key_names().await? {
        if is_current {
            continue;
        }
        let last = cx.tx.last_expiry_of_key(&kid).await?;
        match last.map(|end| end.checked_add(LEEWAY).unwrap_or(Timestamp::MAX)) {
            Some(end) if end > cx.now => {
                needed_until = Some(needed_until.map_or(end, |other| other.min(end)));
            }
            Some(_) | None => {
                cx.tx.delete_signing_key(&kid).await?;
                tracing::info!(key.id = kid, "a key that signs no more is not published any longer");
                removed += 1;
            }
        }
    }
    if let (0, Some(end)) = (removed, needed_until) {
        return Err(ApiError::Conflict(format!(
            "identity tokens of the key before are valid until {end}; without the key providers would refuse them: try \
             again then"
        )));
    }
    cx.tx.commit().await?;
    cx.app.issuer.fresh(&mut cx.app.store.read().await?).await?;
    no_content()
}

#[cfg(test)]
mod tests;
