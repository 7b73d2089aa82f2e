//! Which issuer the runs of an organization have, and which trust breaks when they get another one.

use std::time::Duration;

use axum::Json;
use axum::response::IntoResponse;
use carnet_model::{OrgName, Organization, Permission, Timestamp};
use carnet_store::UsedTrust;
use serde_json::{Value, json};

use super::{check_url, only_site_admin, organization};
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read};
use crate::oidc::{issuer_of, url_below, url_of};
use crate::reply::Reply;
use crate::route::{Access, Routes};

/// How far back trust counts as used.
const LATELY: Duration = Duration::from_secs(90 * 24 * 3600);

/// How many kinds of trust are listed.
const LIMIT: u64 = 1000;

pub(super) fn routes() -> Routes {
    Routes::default().get("/api/carnet/v1/admin/issuers/{issuer}/preview", Access::SiteAdmin, preview).get(
        "/api/carnet/v1/organizations/{organization}/issuer",
        Access::Allowed(Permission::ManageOrganization),
        of_organization,
    )
}

/// The same for owners of the organization.
async fn of_organization(Read(mut cx): Read, Id(name): Id<OrgName>) -> Reply {
    let organization = cx.organization(&name, Permission::ManageOrganization).await?;
    Ok(Json(previewed(&mut cx, &organization, None).await?).into_response())
}

/// What would be if the organization had an issuer of its own that mints, or if the one that mints stopped. Nothing is changed.
async fn preview(Read(mut cx): Read, Id(text): Id<String>, params: Params) -> Reply {
    only_site_admin(&cx)?;
    let organization = organization(&mut cx, &text).await?;
    Ok(Json(previewed(&mut cx, &organization, params.get("url")).await?).into_response())
}

async fn previewed(
    cx: &mut Context,
    organization: &Organization,
    url: Option<&str>,
) -> Result<Value, ApiError> {
    check_url(&cx.app, &organization.id, url)?;
    let now = issuer_of(&cx.app, &mut cx.tx, &organization.id).await?;
    let site = cx.app.issuer.url().clone();
    let own = cx.tx.organization_issuer(&organization.id).await?;
    let then = match (&own, url) {
        (Some(own), None) if own.is_minting => Ok(site),
        (_, Some(url)) => url.parse(),
        (Some(own), None) => url_of(&site, own),
        (None, None) => url_below(&site, &organization.id),
    };
    let then = then.map_err(ApiError::internal)?;
    let since = cx.now.checked_sub(LATELY).unwrap_or(Timestamp::MIN);
    let used = cx.tx.used_trust(&organization.id, since, LIMIT).await?;
    Ok(json!({
        "organization": organization.name.as_str(),
        "organization_id": organization.id.as_str(),
        "issuer_now": now.as_str(),
        "issuer_then": then.as_str(),
        "has_own_issuer": own.is_some(),
        "is_own_minting": own.as_ref().is_some_and(|own| own.is_minting),
        "breaks": breaks(now.as_str(), then.as_str(), used.len()),
        "trust_used": used.iter().map(trust).collect::<Vec<_>>(),
    }))
}

fn breaks(now: &str, then: &str, used: usize) -> Vec<String> {
    vec![
        format!("Every trust that names the issuer {now} refuses the tokens of this organization's runs, which then say {then}."),
        format!("{used} kinds of trust were used in the last 90 days; they are listed. Set each up for {then} before the switch."),
        "Runs that are under way get tokens of the new issuer when they refresh theirs: switch when none runs, or keep both \
         issuers trusted until they have ended."
            .to_owned(),
    ]
}

fn trust(used: &UsedTrust) -> Value {
    json!({
        "workspace": used.workspace_name,
        "phase": used.phase.as_str(),
        "family": used.family,
        "tag": used.tag,
        "audience": used.audience,
        "last_used_at": used.last_issued_at,
    })
}
