//! Errors of handlers and how they look over HTTP. No other file makes an error response, except for `terraform login`,
//! whose errors look as OAuth says.

use std::error::Error;
use std::io;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use carnet_api::jsonapi::{ErrorObject, ErrorSource, Errors, MEDIA_TYPE};
use carnet_issuer::{IssuerError, KeyError};
use carnet_model::{IdError, NameError, TagError};
use carnet_store::StoreError;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// There is no valid token.
    #[error("unauthorized")]
    Unauthorized,
    /// Nothing is there, or nothing that the caller may see.
    #[error("not found")]
    NotFound,
    /// The caller may see it, but not do this with it.
    #[error("forbidden: {0}")]
    Forbidden(String),
    /// The request is not well-formed.
    #[error("bad request: {0}")]
    BadRequest(String),
    /// A value of the request is not acceptable.
    #[error("invalid attribute: {detail}")]
    Invalid {
        /// What is wrong and what would be right.
        detail: String,
        /// Where in the body.
        pointer: Option<String>,
    },
    /// The thing is not in a state that allows this.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The thing cannot go from the status that it is in to the wanted one.
    #[error("transition not allowed: {0}")]
    Transition(String),
    /// Something must happen before this may be done.
    #[error("precondition failed: {0}")]
    Precondition(String),
    /// It was there and is not any more.
    #[error("gone: {0}")]
    Gone(String),
    /// The body is longer than allowed.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// The most bytes.
        limit: u64,
    },
    /// The database is busy or away for the moment; the same request may succeed soon.
    #[error("unavailable")]
    Unavailable(#[source] BoxError),
    /// A key that is in another place did not sign; runs are told what helps, since nobody else sees it.
    #[error("the place of the signing key did not sign")]
    Unsigned {
        /// What helps, without addresses.
        detail: &'static str,
        /// What happened.
        #[source]
        source: BoxError,
    },
    /// The caller asks for too much at once.
    #[error("too many requests")]
    TooManyRequests,
    /// A part of the server failed; clients are told nothing.
    #[error("internal error")]
    Internal(#[source] BoxError),
}

impl ApiError {
    /// A value of the request is not acceptable.
    pub fn invalid(pointer: &str, detail: impl Into<String>) -> Self {
        Self::Invalid { detail: detail.into(), pointer: Some(pointer.to_owned()) }
    }

    /// An attribute is not acceptable.
    pub fn attribute(name: &str, detail: impl Into<String>) -> Self {
        Self::invalid(&format!("/data/attributes/{name}"), detail)
    }

    /// A part of the server failed.
    pub fn internal(error: impl Into<BoxError>) -> Self {
        Self::Internal(error.into())
    }

    /// A blob could not be read or written. Where blobs are rows of a database, that passes when the database is only busy, however
    /// many readers and writers of files have wrapped the error.
    pub fn blob(error: io::Error) -> Self {
        let mut next = inner(&error);
        while let Some(cause) = next {
            if let Some(StoreError::Busy(_)) = cause.downcast_ref() {
                return Self::Unavailable(Box::new(error));
            }
            next = cause.downcast_ref().map_or_else(|| cause.source(), inner);
        }
        StoreError::from(error).into()
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict(_) | Self::Transition(_) => StatusCode::CONFLICT,
            Self::Precondition(_) => StatusCode::PRECONDITION_FAILED,
            Self::Gone(_) => StatusCode::GONE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable(_) | Self::Unsigned { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn object(&self) -> ErrorObject {
        let status = self.status();
        let (title, detail, pointer) = match self {
            Self::Unauthorized => {
                ("unauthorized", Some("The token is missing, wrong or expired".to_owned()), None)
            }
            Self::NotFound => {
                ("not found", Some("Resource not found, or not visible with this token".to_owned()), None)
            }
            Self::Forbidden(detail) => ("forbidden", Some(detail.clone()), None),
            Self::BadRequest(detail) => ("bad request", Some(detail.clone()), None),
            Self::Invalid { detail, pointer } => ("invalid attribute", Some(detail.clone()), pointer.clone()),
            Self::Conflict(detail) => ("conflict", Some(detail.clone()), None),
            Self::Transition(detail) => ("transition not allowed", Some(detail.clone()), None),
            Self::Precondition(detail) => ("precondition failed", Some(detail.clone()), None),
            Self::Gone(detail) => ("gone", Some(detail.clone()), None),
            Self::TooLarge { .. } => ("payload too large", Some(self.to_string()), None),
            Self::Unavailable(_) => ("service unavailable", Some("Try again in a moment".to_owned()), None),
            Self::Unsigned { detail, .. } => (
                "service unavailable",
                Some(format!("The identity token could not be signed: {detail}")),
                None,
            ),
            Self::TooManyRequests => {
                ("too many requests", Some("You have exceeded the API's rate limit".to_owned()), None)
            }
            Self::Internal(_) => ("internal server error", None, None),
        };
        ErrorObject {
            status: status.as_str().to_owned(),
            title: title.to_owned(),
            detail,
            source: pointer.map(|pointer| ErrorSource { pointer }),
        }
    }
}

/// An error with every cause of it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// What an error of input or output holds; its own `source` passes over it.
fn inner(error: &io::Error) -> Option<&(dyn Error + 'static)> {
    error.get_ref().map(|cause| cause as &(dyn Error + 'static))
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Internal(cause) | Self::Unavailable(cause) | Self::Unsigned { source: cause, .. } = &self
        {
            tracing::error!(error = chain(cause.as_ref()), "a request failed");
        }
        let mut response = (self.status(), Json(Errors { errors: vec![self.object()] })).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Self::Unavailable(_) | Self::Unsigned { .. } = &self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict("the change conflicts with what is stored".to_owned()),
            StoreError::Unstorable => {
                Self::Invalid { detail: "a text must not hold the character NUL".to_owned(), pointer: None }
            }
            StoreError::Busy(_) => Self::Unavailable(Box::new(error)),
            StoreError::OtherMasterKey
            | StoreError::Address(_)
            | StoreError::Corrupt { .. }
            | StoreError::Sealed(_)
            | StoreError::Ledger { .. }
            | StoreError::Blob(_)
            | StoreError::Database(_) => Self::internal(error),
        }
    }
}

impl From<NameError> for ApiError {
    fn from(error: NameError) -> Self {
        Self::attribute("name", error.to_string())
    }
}

impl From<TagError> for ApiError {
    fn from(error: TagError) -> Self {
        Self::Invalid { detail: error.to_string(), pointer: None }
    }
}

/// An id that cannot exist names nothing.
impl From<IdError> for ApiError {
    fn from(_: IdError) -> Self {
        Self::NotFound
    }
}

impl From<IssuerError> for ApiError {
    fn from(error: IssuerError) -> Self {
        match error {
            IssuerError::Key(error) => error.into(),
            IssuerError::NoKey => Self::Unsigned {
                detail: "no key signs since the last one was revoked, and no new one could be made yet; an administrator of the \
                         site finds the reason with carnet issuer keys",
                source: Box::new(error),
            },
            IssuerError::Lifetime { .. } | IssuerError::Clock(_) => Self::internal(error),
        }
    }
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        match &error {
            KeyError::Elsewhere { source, .. } | KeyError::NotMade { source, .. } => {
                Self::Unsigned { detail: source.summary(), source: Box::new(error) }
            }
            KeyError::Generate(_)
            | KeyError::Rejected(_)
            | KeyError::Public(_)
            | KeyError::TooLarge
            | KeyError::Export(_)
            | KeyError::Sign(_)
            | KeyError::NotHere { .. }
            | KeyError::OtherKey { .. } => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use carnet_store::testing::busy;

    use super::*;

    #[track_caller]
    fn check(error: io::Error, expected: StatusCode) {
        assert_eq!(ApiError::blob(error).into_response().status(), expected);
    }

    #[test]
    fn a_blob_in_a_busy_database_is_there_again_soon() {
        check(io::Error::other(busy()), StatusCode::SERVICE_UNAVAILABLE);
        let wrapped = io::Error::other(io::Error::other(busy()));
        check(wrapped, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn a_blob_that_cannot_be_read_stays_so() {
        check(io::ErrorKind::PermissionDenied.into(), StatusCode::INTERNAL_SERVER_ERROR);
        check(io::Error::other("damaged"), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
