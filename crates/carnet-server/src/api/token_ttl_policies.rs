//! How long tokens of organizations may live. It counts where the organization has `max-ttl-enabled`, and for tokens that are
//! made from then on.

use axum::extract::{FromRequest, Request};
use carnet_api::jsonapi::Resource;
use carnet_model::{
    LimitedToken, MaxTtl, MaxTtlError, OrgName, Permission, TokenTtlPolicy, TokenTtlPolicyId,
};
use serde_json::{Value, json};

use crate::app::entropy;
use crate::document::json_body;
use crate::error::ApiError;
use crate::extract::{Id, Params, Read, Write};
use crate::ledger::record_change;
use crate::reply::{Reply, list, page_of, whole_list};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let manage = Access::Allowed(Permission::ManageOrganization);
    let all = "/api/v2/organizations/{organization}/token-ttl-policies";
    // Older versions of go-tfe put what newer ones patch.
    let routes = Routes::default().get(all, Access::Allowed(Permission::ReadOrganization), index);
    routes.patch(all, manage, update).put(all, manage, update)
}

/// Nothing is in the list before somebody has set something: clients take it for switched off.
async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let policies = cx.tx.token_ttl_policies(&organization.id).await?;
    let (policies, pagination) = page_of(policies, params.page()?);
    list(&path(&name), policies.iter().map(resource).collect(), Vec::new(), pagination)
}

/// Kinds that were never set get the default, so that there is one policy for each.
async fn update(Write(mut cx): Write, Id(name): Id<OrgName>, AnyJson(body): AnyJson) -> Reply {
    let organization = cx.organization(&name, Permission::ManageOrganization).await?;
    let given = given(&body)?;
    let there = cx.tx.token_ttl_policies(&organization.id).await?;
    for kind in LimitedToken::ALL {
        let wanted = given.iter().rev().find(|(given, _)| *given == kind).map(|(_, max_ttl)| *max_ttl);
        if wanted.is_none() && there.iter().any(|policy| policy.kind == kind) {
            continue;
        }
        let policy = TokenTtlPolicy {
            id: TokenTtlPolicyId::from_entropy(entropy()?),
            organization_id: organization.id.clone(),
            kind,
            max_ttl: wanted.unwrap_or(MaxTtl::DEFAULT),
            created_at: cx.now,
            updated_at: cx.now,
        };
        cx.tx.save_token_ttl_policy(&policy).await?;
    }
    let policies = cx.tx.token_ttl_policies(&organization.id).await?;
    record_change(&mut cx.tx, Some(&decided(&there)), Some(&decided(&policies)));
    cx.tx.commit().await?;
    whole_list(&path(&name), policies.iter().map(resource).collect())
}

/// What was decided, as the ledger tells it: the longest lives in milliseconds.
fn decided(policies: &[TokenTtlPolicy]) -> String {
    let lives = policies.iter().map(|policy| (policy.kind.as_str(), policy.max_ttl.as_milliseconds()));
    json!(lives.collect::<std::collections::BTreeMap<_, _>>()).to_string()
}

fn path(organization: &OrgName) -> String {
    format!("/api/v2/organizations/{organization}/token-ttl-policies")
}

fn resource(policy: &TokenTtlPolicy) -> Resource {
    let attributes = json!({
        "token-type": policy.kind.as_str(),
        "max-ttl-ms": policy.max_ttl.as_milliseconds(),
        "created-at": policy.created_at,
        "updated-at": policy.updated_at,
    });
    Resource::new("organization-token-ttl-policies", &policy.id, attributes)
}

/// The body of a request, in any of the forms that clients send.
struct AnyJson(Value);

impl<S: Send + Sync> FromRequest<S> for AnyJson {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = json_body(request, state).await?;
        let body = serde_json::from_slice(&body);
        body.map(Self).map_err(|error| ApiError::BadRequest(format!("the body is not JSON: {error}")))
    }
}

/// The policies of a request.
fn given(body: &Value) -> Result<Vec<(LimitedToken, MaxTtl)>, ApiError> {
    let given = entries(body).iter().map(parsed).collect::<Result<Vec<_>, ApiError>>()?;
    if given.is_empty() {
        return Err(ApiError::invalid("/data", "at least one token TTL policy must be given"));
    }
    Ok(given)
}

/// Clients send a list of resources, one resource with a list in it, or a plain list, each version in another way.
fn entries(body: &Value) -> &[Value] {
    let data = body.get("data").unwrap_or(body);
    let inner = data.get("attributes").unwrap_or(data);
    let list = data.as_array().or_else(|| member(inner, "tokenttlpolicies")?.as_array());
    list.map(Vec::as_slice).unwrap_or_default()
}

fn parsed(entry: &Value) -> Result<(LimitedToken, MaxTtl), ApiError> {
    let entry = entry.get("attributes").unwrap_or(entry);
    let kind = member(entry, "tokentype").and_then(Value::as_str).unwrap_or_default();
    let kind = kind.parse().map_err(|error: String| ApiError::attribute("token-type", error))?;
    let max_ttl = member(entry, "maxttlms").and_then(Value::as_i64).unwrap_or_default();
    let max_ttl = MaxTtl::from_milliseconds(max_ttl);
    Ok((kind, max_ttl.map_err(|error: MaxTtlError| ApiError::attribute("max-ttl-ms", error.to_string()))?))
}

/// A member of an object by the letters of its name: `max-ttl-ms`, `max_ttl_ms` and `MaxTTLMs` are the same.
fn member<'a>(object: &'a Value, letters: &str) -> Option<&'a Value> {
    let is_meant = |name: &str| {
        let plain = name.chars().filter(|one| one.is_ascii_alphanumeric());
        plain.map(|one| one.to_ascii_lowercase()).eq(letters.chars())
    };
    object.as_object()?.iter().find(|(name, _)| is_meant(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests;
