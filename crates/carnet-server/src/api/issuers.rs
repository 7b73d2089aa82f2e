//! The issuers of a site: the one of the site, and those that organizations have of their own. For administrators of the site.

mod keys;
mod revocation;
mod trust;

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use carnet_issuer::IssuerUrl;
use carnet_model::{IssuerName, KeyRecord, OrgId, OrgName, Organization, Timestamp};
use carnet_store::{OrganizationIssuer, StoreError, TokensOfKey};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::audit::event_of_key;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Read, Write};
use crate::jobs::seen_outside;
use crate::ledger::record_change;
use crate::oidc::{KeyChange, is_served_elsewhere, issuers, url_below, url_of};
use crate::reply::{Reply, no_content};
use crate::route::{Access, Routes};

const ALL: &str = "/api/carnet/v1/admin/issuers";
const ONE: &str = "/api/carnet/v1/admin/issuers/{issuer}";

pub(crate) fn routes() -> Routes {
    Routes::default()
        .get(ALL, Access::SiteAdmin, index)
        .post(ALL, Access::SiteAdmin, create)
        .get(ONE, Access::SiteAdmin, show)
        .patch(ONE, Access::SiteAdmin, update)
        .delete(ONE, Access::SiteAdmin, destroy)
        .merge(keys::routes())
        .merge(revocation::routes())
        .merge(trust::routes())
}

/// To everybody else, nothing is there.
fn only_site_admin(cx: &Context) -> Result<(), ApiError> {
    if cx.is_site_admin() { Ok(()) } else { Err(ApiError::NotFound) }
}

/// The organization of this id or name.
async fn organization(cx: &mut Context, text: &str) -> Result<Organization, ApiError> {
    let found = match (text.parse::<OrgId>(), text.parse::<OrgName>()) {
        (Ok(id), _) => cx.tx.organization_by_id(&id).await?,
        (Err(_), Ok(name)) => cx.tx.organization(&name).await?,
        (Err(_), Err(_)) => None,
    };
    found.ok_or(ApiError::NotFound)
}

/// The issuer of this name: `site`, or the id or the name of an organization that has one of its own.
async fn named(cx: &mut Context, text: &str) -> Result<IssuerName, ApiError> {
    only_site_admin(cx)?;
    if text == IssuerName::Site.as_str() {
        return Ok(IssuerName::Site);
    }
    own(cx, text).await.map(|own| IssuerName::Organization(own.organization_id))
}

/// The issuer that an organization has of its own.
async fn own(cx: &mut Context, text: &str) -> Result<OrganizationIssuer, ApiError> {
    let organization = organization(cx, text).await?;
    cx.tx.organization_issuer(&organization.id).await?.ok_or(ApiError::NotFound)
}

fn of_site(app: &App) -> Value {
    json!({
        "issuer": IssuerName::Site.as_str(),
        "organization": null,
        "url": app.issuer.url().as_str(),
        "jwks_url": app.issuer.url().jwks_url(),
        "is_minting": true,
        "created_at": null,
    })
}

/// What was decided about an issuer, as the ledger tells it.
fn decided(own: &OrganizationIssuer) -> String {
    json!({ "minting": own.is_minting, "url": own.url }).to_string()
}

fn of_organization(app: &App, own: &OrganizationIssuer) -> Result<Value, ApiError> {
    let url = url_of(app.issuer.url(), own).map_err(ApiError::internal)?;
    Ok(json!({
        "issuer": own.organization_id.as_str(),
        "organization": own.organization_name.as_str(),
        "url": url.as_str(),
        "jwks_url": url.jwks_url(),
        "is_minting": own.is_minting,
        "created_at": own.created_at,
    }))
}

async fn described(cx: &mut Context, issuer: &IssuerName) -> Result<Value, ApiError> {
    match issuer {
        IssuerName::Site => Ok(of_site(&cx.app)),
        IssuerName::Organization(id) => {
            let own = cx.tx.organization_issuer(id).await?.ok_or(ApiError::NotFound)?;
            of_organization(&cx.app, &own)
        }
    }
}

async fn index(Read(mut cx): Read) -> Reply {
    only_site_admin(&cx)?;
    let mut issuers = vec![of_site(&cx.app)];
    for own in cx.tx.organization_issuers().await? {
        issuers.push(of_organization(&cx.app, &own)?);
    }
    Ok(Json(json!({ "issuers": issuers })).into_response())
}

async fn show(Read(mut cx): Read, Id(text): Id<String>) -> Reply {
    let issuer = named(&mut cx, &text).await?;
    Ok(Json(described(&mut cx, &issuer).await?).into_response())
}

#[derive(Deserialize)]
struct NewIssuer {
    organization: String,
    url: Option<String>,
}

/// The new issuer publishes its key and mints nothing yet: trust can be set up first.
async fn create(Read(mut cx): Read, doc: Doc<NewIssuer>) -> Reply {
    only_site_admin(&cx)?;
    let organization = organization(&mut cx, &doc.attributes.organization)
        .await
        .map_err(|_| ApiError::attribute("organization", "no organization has this id or name"))?;
    check_url(&cx.app, &organization.id, doc.attributes.url.as_deref())?;
    let Context { app, owner, tx, now, .. } = cx;
    drop(tx);
    let mut new = app.issuer.new_key(now).await?;
    let mut cx = Write::begin(app, owner).await?.0;
    only_site_admin(&cx)?;
    let own = OrganizationIssuer {
        organization_id: organization.id.clone(),
        organization_name: organization.name,
        url: doc.attributes.url,
        is_minting: false,
        created_at: cx.now,
    };
    cx.tx.insert_organization_issuer(&own).await.map_err(taken)?;
    let issuer = IssuerName::Organization(organization.id);
    new.check(&mut cx.tx).await?;
    let mut change = KeyChange::begin(&mut cx.tx, &issuer).await?.with(&new);
    change.keys.add(KeyRecord::active(new.kid(), cx.now)).map_err(ApiError::internal)?;
    change.save(&mut cx.tx, cx.now).await?;
    let answer = of_organization(&cx.app, &own)?;
    cx.tx.audit_in(&own.organization_id);
    cx.tx.audit_resource(own.organization_id.as_str());
    record_change(&mut cx.tx, None, Some(&decided(&own)));
    cx.tx.commit().await?;
    new.settle();
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::Conflict(
            "the organization has an issuer of its own already, or another one has this URL".to_owned(),
        ),
        other => other.into(),
    }
}

/// Two issuers of one URL would be one to relying parties, with keys of both.
fn check_url(app: &App, organization: &OrgId, url: Option<&str>) -> Result<(), ApiError> {
    let below = url_below(app.issuer.url(), organization).map_err(ApiError::internal)?;
    let Some(text) = url else {
        return Ok(());
    };
    let url: IssuerUrl = text.parse().map_err(|error| ApiError::attribute("url", format!("{error}")))?;
    let site = app.issuer.url().as_str();
    let is_foreign = url.as_str().starts_with(&format!("{site}/organizations/")) && url != below;
    if url.as_str() == site || is_foreign {
        return Err(ApiError::attribute("url", "this is the URL of another issuer of this site"));
    }
    Ok(())
}

#[derive(Deserialize)]
struct Change {
    minting: Option<bool>,
    /// Mint although nobody has seen discovery and keys at the issuer's URL.
    #[serde(default)]
    unseen: bool,
    #[serde(default, with = "present")]
    url: Option<Option<String>>,
}

/// Tells a value that is null from one that is not there.
mod present {
    use serde::{Deserialize, Deserializer};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<String>>, D::Error> {
        Option::deserialize(deserializer).map(Some)
    }
}

/// Runs of the organization are minted by its own issuer from now on, or by that of the site again.
async fn update(Read(mut cx): Read, Id(text): Id<String>, doc: Doc<Change>) -> Reply {
    only_site_admin(&cx)?;
    let wanted = doc.attributes;
    let before = own(&mut cx, &text).await?;
    let changed = changed(&cx.app, &before, &wanted)?;
    let issuer = IssuerName::Organization(before.organization_id.clone());
    let kid = cx.tx.issuer_keys(&issuer).await?.active().map(|key| key.kid.clone());
    let Context { app, owner, tx, .. } = cx;
    drop(tx);
    if changed.is_minting && !before.is_minting && !wanted.unseen {
        check_seen(&app, &changed, kid.as_deref()).await?;
    }
    let mut cx = Write::begin(app, owner).await?.0;
    only_site_admin(&cx)?;
    if own(&mut cx, &text).await? != before {
        return Err(ApiError::Conflict("somebody else changed the issuer meanwhile: try again".to_owned()));
    }
    let own = changed;
    cx.tx.update_organization_issuer(&own).await.map_err(taken)?;
    cx.tx.audit_in(&own.organization_id);
    record_change(&mut cx.tx, Some(&decided(&before)), Some(&decided(&own)));
    let answer = of_organization(&cx.app, &own)?;
    let now = cx.now;
    cx.tx.commit().await?;
    tracing::info!(issuer.name = %own.organization_id, issuer.is_minting = own.is_minting, at = %now,
        "the issuer of an organization was changed");
    Ok(Json(answer).into_response())
}

fn changed(app: &App, before: &OrganizationIssuer, wanted: &Change) -> Result<OrganizationIssuer, ApiError> {
    let mut own = before.clone();
    if let Some(url) = &wanted.url {
        if own.is_minting && *url != own.url {
            return Err(ApiError::Conflict(
                "the issuer mints: changing its URL would break every trust at once. Stop minting first (minting: false), \
                 change the URL, set up trust, then let it mint again"
                    .to_owned(),
            ));
        }
        check_url(app, &own.organization_id, url.as_deref())?;
        own.url.clone_from(url);
    }
    own.is_minting = wanted.minting.unwrap_or(own.is_minting);
    Ok(own)
}

/// An issuer whose documents are read elsewhere mints only when they are there.
async fn check_seen(app: &App, own: &OrganizationIssuer, kid: Option<&str>) -> Result<(), ApiError> {
    let Some(kid) = kid.filter(|_| is_served_elsewhere(app, Some(own))) else { return Ok(()) };
    let url = url_of(app.issuer.url(), own).map_err(ApiError::internal)?;
    seen_outside(app, &url, kid).await.map_err(|unseen| {
        ApiError::Conflict(format!(
            "{unseen}. Every token that the issuer mints would be refused: publish its documents there (carnet issuer publish \
             --path /organizations/{}), then switch. unseen: true (--unseen) switches all the same",
            own.organization_id
        ))
    })
}

/// An issuer is removed when no token of its can be valid.
async fn destroy(Write(mut cx): Write, Id(text): Id<String>) -> Reply {
    only_site_admin(&cx)?;
    let own = own(&mut cx, &text).await?;
    if own.is_minting {
        return Err(ApiError::Conflict(
            "the issuer mints the tokens of the organization's runs: stop that first (carnet issuer switch --to site, or minting: false)"
                .to_owned(),
        ));
    }
    let issuer = IssuerName::Organization(own.organization_id.clone());
    if let Some(end) = last_expiry(&mut cx, &issuer).await?.filter(|end| *end > cx.now) {
        return Err(ApiError::Conflict(format!(
            "identity tokens of this issuer are valid until {end}; without its keys providers would refuse them: try again \
             then"
        )));
    }
    for key in cx.tx.issuer_keys(&issuer).await?.iter() {
        let event = event_of_key(&issuer, &key.kid, "remove", cx.now)?;
        cx.tx.insert_audit_event(&event).await?;
    }
    cx.tx.delete_organization_issuer(&own.organization_id).await?;
    cx.tx.audit_in(&own.organization_id);
    record_change(&mut cx.tx, Some(&decided(&own)), None);
    let left = issuers(&mut cx.tx).await?;
    cx.tx.commit().await?;
    cx.app.issuer.keep_only(&left);
    no_content()
}

async fn last_expiry(cx: &mut Context, issuer: &IssuerName) -> Result<Option<Timestamp>, ApiError> {
    let keys = cx.tx.issuer_keys(issuer).await?;
    Ok(keys.iter().filter_map(|key| key.last_expiry).max())
}

/// How many tokens of a key can still be valid.
async fn count_alive(cx: &mut Context, kid: &str) -> Result<u64, ApiError> {
    Ok(cx.tx.count_tokens_of_key(kid, TokensOfKey::ValidAfter(cx.now)).await?)
}

#[cfg(test)]
mod tests;
