//! What handlers take: the caller with a transaction, path parameters, query parameters.

mod caller;
mod context;
mod uploader;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use carnet_api::jsonapi::Page;
use carnet_model::TokenOwner;
use secrecy::SecretString;

use self::caller::{authenticate, note_use};
pub(crate) use self::caller::{bearer, bearer_of};
pub(crate) use self::context::{Context, Rights};
pub(crate) use self::uploader::Uploader;
use crate::app::App;
use crate::audit;
use crate::error::ApiError;
use crate::rate_limit::note_proof;

/// A request that only reads.
#[derive(Debug)]
pub(crate) struct Read(pub Context);

impl Read {
    /// Begins to read for whoever presents the token.
    pub(crate) async fn begin(app: &Arc<App>, token: &SecretString) -> Result<Self, ApiError> {
        let now = app.now();
        let mut tx = app.store.read().await?;
        let caller = authenticate(&mut tx, token, now).await?;
        if let Some(token) = caller.unnoted {
            note_use(app, token, now);
        }
        Ok(Self(Context::new(Arc::clone(app), caller.owner, tx, now)))
    }
}

/// A request that writes. Nothing is saved without [`Write::commit`].
#[derive(Debug)]
pub(crate) struct Write(pub Context);

impl Write {
    /// Begins to write for a caller who was authenticated before.
    pub(crate) async fn begin(app: Arc<App>, owner: TokenOwner) -> Result<Self, ApiError> {
        let mut tx = app.store.write().await?;
        let now = app.now();
        if let Some(event) = audit::event_of_request(&owner, now)? {
            tx.audit_as(event);
        }
        if let TokenOwner::User { token_id, .. }
        | TokenOwner::Team { token_id, .. }
        | TokenOwner::Organization { token_id, .. }
        | TokenOwner::AuditTrail { token_id, .. }
        | TokenOwner::Agent { token_id, .. } = &owner
        {
            tx.touch_token(token_id, now).await?;
        }
        Ok(Self(Context::new(app, owner, tx, now)))
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
        let read = Self::begin(app, &bearer(parts)?).await?;
        note_proof(parts);
        Ok(read)
    }
}

impl FromRequestParts<Arc<App>> for Write {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        // A wrong token must not make others wait for the write lock.
        let caller = authenticate(&mut app.store.read().await?, &bearer(parts)?, app.now()).await?;
        note_proof(parts);
        Self::begin(Arc::clone(app), caller.owner).await
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
    let values: Vec<String> = params.iter().map(|(_, value)| value.to_owned()).collect();
    if values.iter().any(|value| value.contains('\0')) {
        return Err(ApiError::NotFound);
    }
    Ok(values)
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

    /// The tags of `filter[tagged][0][key]` and its like, each with its value if one is asked for.
    pub(crate) fn tagged(&self) -> Vec<(String, Option<String>)> {
        let part = |index: usize, name: &str| self.get(&format!("filter[tagged][{index}][{name}]"));
        let tags = (0..10).filter_map(|index| Some((part(index, "key")?, part(index, "value"))));
        tags.map(|(key, value)| (key.to_owned(), value.map(str::to_owned))).collect()
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
        if pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(ApiError::BadRequest("a parameter must not hold a NUL character".to_owned()));
        }
        Ok(Self(pairs.into_iter().collect()))
    }
}
