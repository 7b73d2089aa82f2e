//! What handlers take: the caller with a transaction, path parameters, query parameters.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header;
use axum::http::request::Parts;
use carnet_api::jsonapi::Page;
use carnet_model::{
    Action, OrgId, OrgName, Organization, Principal, Timestamp, TokenKind, TokenOwner, UserId, Workspace,
    WorkspaceId, is_allowed,
};
use carnet_store::{TokenHash, Tx};
use secrecy::SecretString;

use crate::app::App;
use crate::error::ApiError;

/// The caller, a transaction and the moment of the request.
#[derive(Debug)]
pub(crate) struct Context {
    /// The server.
    pub app: Arc<App>,
    /// Whom the token stands for.
    pub owner: TokenOwner,
    /// The transaction.
    pub tx: Tx,
    /// The moment of the request.
    pub now: Timestamp,
}

impl Context {
    /// The user who calls; run and agent tokens stand for none.
    pub(crate) fn user_id(&self) -> Option<&UserId> {
        match &self.owner {
            TokenOwner::User { user_id, .. } => Some(user_id),
            TokenOwner::Agent { .. } | TokenOwner::Run { .. } => None,
        }
    }

    /// The user who calls, or the refusal for a caller that is none.
    pub(crate) fn require_user(&self) -> Result<UserId, ApiError> {
        self.user_id().cloned().ok_or(ApiError::NotFound)
    }

    /// Tells whether the caller may act in the organization, or on a workspace of it.
    pub(crate) async fn may(
        &mut self,
        action: Action,
        organization: &OrgId,
        workspace: Option<&WorkspaceId>,
    ) -> Result<bool, ApiError> {
        let role = match &self.owner {
            TokenOwner::User { user_id, .. } => self.tx.member_role(organization, user_id).await?,
            TokenOwner::Agent { .. } | TokenOwner::Run { .. } => None,
        };
        let principal = Principal { owner: self.owner.clone(), role };
        Ok(is_allowed(&principal, action, organization, workspace))
    }

    /// The organization of this name, if the caller may act on it; otherwise nothing is there.
    pub(crate) async fn organization(
        &mut self,
        name: &OrgName,
        action: Action,
    ) -> Result<Organization, ApiError> {
        let organization = self.tx.organization(name).await?.ok_or(ApiError::NotFound)?;
        if !self.may(action, &organization.id, None).await? {
            return Err(ApiError::NotFound);
        }
        Ok(organization)
    }

    /// The workspace of this id, if the caller may act on it; otherwise nothing is there.
    pub(crate) async fn workspace(
        &mut self,
        id: &WorkspaceId,
        action: Action,
    ) -> Result<Workspace, ApiError> {
        let workspace = self.tx.workspace(id).await?.ok_or(ApiError::NotFound)?;
        if !self.may(action, &workspace.organization_id, Some(id)).await? {
            return Err(ApiError::NotFound);
        }
        Ok(workspace)
    }
}

/// The bearer token of a request.
pub(crate) fn bearer(parts: &Parts) -> Result<SecretString, ApiError> {
    let value = parts.headers.get(header::AUTHORIZATION).ok_or(ApiError::Unauthorized)?;
    let text = value.to_str().map_err(|_| ApiError::Unauthorized)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(SecretString::from(token.trim()))
        }
        _ => Err(ApiError::Unauthorized),
    }
}

async fn authenticate(tx: &mut Tx, parts: &Parts, now: Timestamp) -> Result<TokenOwner, ApiError> {
    let hash = TokenHash::of(&bearer(parts)?);
    if let Some(token) = tx.token_by_hash(&hash, now).await? {
        return match (token.kind, token.user_id) {
            (TokenKind::User, Some(user_id)) => {
                let user = tx.user(&user_id).await?.ok_or(ApiError::Unauthorized)?;
                Ok(TokenOwner::User { token_id: token.id, user_id, is_site_admin: user.is_site_admin })
            }
            (TokenKind::Agent, None) => Ok(TokenOwner::Agent { token_id: token.id }),
            (TokenKind::User, None) | (TokenKind::Agent, Some(_)) => Err(ApiError::Unauthorized),
        };
    }
    let job = tx.job_by_run_hash(&hash).await?.ok_or(ApiError::Unauthorized)?;
    Ok(TokenOwner::Run { job_id: job.id, run_id: job.run_id, workspace_id: job.workspace_id })
}

/// A request that only reads.
#[derive(Debug)]
pub(crate) struct Read(pub Context);

/// A request that writes. Nothing is saved without [`Write::commit`].
#[derive(Debug)]
pub(crate) struct Write(pub Context);

impl Write {
    /// Begins to write for a caller who was authenticated before.
    pub(crate) async fn begin(app: Arc<App>, owner: TokenOwner) -> Result<Self, ApiError> {
        let mut tx = app.store.write().await?;
        let now = app.now();
        if let TokenOwner::User { token_id, .. } | TokenOwner::Agent { token_id } = &owner {
            tx.touch_token(token_id, now).await?;
        }
        Ok(Self(Context { app, owner, tx, now }))
    }

    /// Saves everything that was done.
    pub(crate) async fn commit(self) -> Result<Arc<App>, ApiError> {
        self.0.tx.commit().await?;
        Ok(self.0.app)
    }
}

impl FromRequestParts<Arc<App>> for Read {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let now = app.now();
        let mut tx = app.store.read().await?;
        let owner = authenticate(&mut tx, parts, now).await?;
        Ok(Self(Context { app: Arc::clone(app), owner, tx, now }))
    }
}

impl FromRequestParts<Arc<App>> for Write {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        // A wrong token must not make others wait for the write lock.
        let owner = Read::from_request_parts(parts, app).await?.0.owner;
        Self::begin(Arc::clone(app), owner).await
    }
}

/// Path parameters, in the order of the path; a text that cannot be one names nothing.
#[derive(Debug)]
pub(crate) struct Id<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let values = path_values(parts, state).await?;
        parse_nth(&values, 0).map(Self)
    }
}

/// Two path parameters.
#[derive(Debug)]
pub(crate) struct Ids<A, B>(pub A, pub B);

impl<S: Send + Sync, A: FromStr, B: FromStr> FromRequestParts<S> for Ids<A, B> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let values = path_values(parts, state).await?;
        Ok(Self(parse_nth(&values, 0)?, parse_nth(&values, 1)?))
    }
}

async fn path_values<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<Vec<String>, ApiError> {
    let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| ApiError::NotFound)?;
    Ok(params.iter().map(|(_, value)| value.to_owned()).collect())
}

fn parse_nth<T: FromStr>(values: &[String], place: usize) -> Result<T, ApiError> {
    values.get(place).and_then(|value| value.parse().ok()).ok_or(ApiError::NotFound)
}

/// The query parameters, decoded; of a repeated one the last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// The value of a parameter that is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The values of a comma list.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let values = self.get(name).unwrap_or_default().split(',');
        values.map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    /// What `include` asks for; clients write dashes and underscores alike.
    pub(crate) fn include(&self) -> BTreeSet<String> {
        self.list("include").into_iter().map(|name| name.replace('-', "_")).collect()
    }

    /// The wanted page.
    pub(crate) fn page(&self) -> Result<Page, ApiError> {
        let number = |name: &str, default: u64| match self.get(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| ApiError::BadRequest(format!("{name} must be a whole number from 1"))),
        };
        Ok(Page { number: number("page[number]", 1)?, size: number("page[size]", 20)?.min(100) })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let axum::extract::Query(pairs) =
            axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
                .map_err(|error| ApiError::BadRequest(error.to_string()))?;
        Ok(Self(pairs.into_iter().collect()))
    }
}
