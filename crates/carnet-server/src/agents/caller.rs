//! Who calls: an agent by its agent token, or the agent of one job by the job's tokens.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use carnet_model::{Agent, AgentId, AgentPoolId, Job, JobId, JobStatus, Timestamp, TokenId, TokenOwner};
use carnet_store::{TokenHash, Tx};
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{Read, bearer};
use crate::jobs::{TOKEN_REVOKED, is_trusted};
use crate::rate_limit::{Peer, note_proof};

/// The most bytes of a JSON body of the protocol.
const JSON_LIMIT: usize = 1024 * 1024;

/// An agent process.
#[derive(Debug)]
pub(crate) struct AgentCall {
    pub(crate) app: Arc<App>,
    pub(crate) token_id: TokenId,
    /// The pool whose jobs it takes; `None` for an agent of the site.
    pub(crate) agent_pool_id: Option<AgentPoolId>,
    /// The address at the other end of the connection.
    pub(crate) ip_address: Option<IpAddr>,
}

impl AgentCall {
    /// The agent, if it registered with the caller's token.
    pub(crate) async fn agent(&self, id: &AgentId) -> Result<Agent, ApiError> {
        let agent = self.app.store.read().await?.agent(id).await?;
        agent.filter(|agent| agent.token_id == self.token_id).ok_or(ApiError::NotFound)
    }
}

impl FromRequestParts<Arc<App>> for AgentCall {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Read(cx) = Read::from_request_parts(parts, app).await?;
        let ip_address = parts.extensions.get::<Peer>().map(|peer| peer.0.to_canonical());
        match cx.owner {
            TokenOwner::Agent { token_id, agent_pool_id } => {
                Ok(Self { app: cx.app, token_id, agent_pool_id, ip_address })
            }
            _ => Err(ApiError::NotFound),
        }
    }
}

/// The job of a token, if it is the one of the path; a token of another job sees nothing there.
async fn of_path(job: Option<Job>, parts: &mut Parts, app: &Arc<App>) -> Result<Job, ApiError> {
    let job = job.ok_or(ApiError::Unauthorized)?;
    note_proof(parts);
    let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| ApiError::NotFound)?;
    let first = params.iter().next().map(|(_, value)| value).ok_or(ApiError::NotFound)?;
    if first.parse::<JobId>()? == job.id { Ok(job) } else { Err(ApiError::NotFound) }
}

fn gone() -> ApiError {
    ApiError::Gone("the job has ended or was given up".to_owned())
}

fn revoked() -> ApiError {
    ApiError::Gone(TOKEN_REVOKED.to_owned())
}

/// The agent of a job, by the job's control token. The job may have ended since.
#[derive(Debug)]
pub(crate) struct JobCall {
    pub(crate) app: Arc<App>,
    pub(crate) now: Timestamp,
    /// The job as it was when the request came.
    pub(crate) job: Job,
    /// Whether the agent token with which the job was claimed still worked then.
    is_trusted: bool,
}

impl JobCall {
    /// The job as it stands in this transaction, if it still runs.
    pub(crate) async fn running(&self, tx: &mut Tx) -> Result<Job, ApiError> {
        let job = tx.job(&self.job.id).await?.ok_or(ApiError::NotFound)?;
        if job.status == JobStatus::Running { Ok(job) } else { Err(gone()) }
    }

    /// The job as it stands in this transaction, if it still runs and its agent token was not revoked.
    pub(crate) async fn trusted(&self, tx: &mut Tx) -> Result<Job, ApiError> {
        let job = self.running(tx).await?;
        if is_trusted(tx, &job, self.now).await? { Ok(job) } else { Err(revoked()) }
    }

    /// Refuses when the job had ended before the request.
    pub(crate) fn require_running(&self) -> Result<(), ApiError> {
        if self.job.status == JobStatus::Running { Ok(()) } else { Err(gone()) }
    }

    /// Refuses when the job had ended before the request, or its agent token was revoked.
    pub(crate) fn require_trusted(&self) -> Result<(), ApiError> {
        self.require_running()?;
        if self.is_trusted { Ok(()) } else { Err(revoked()) }
    }
}

impl FromRequestParts<Arc<App>> for JobCall {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let hash = TokenHash::of(&bearer(parts)?);
        let now = app.now();
        let mut tx = app.store.read().await?;
        let job = tx.job_by_control_hash(&hash).await?;
        let is_trusted = match &job {
            Some(job) => is_trusted(&mut tx, job, now).await?,
            None => false,
        };
        drop(tx);
        Ok(Self { app: Arc::clone(app), now, job: of_path(job, parts, app).await?, is_trusted })
    }
}

/// Whoever may deliver the state of a job: its agent, also long after the job ended.
#[derive(Debug)]
pub(crate) struct DeliveryCall {
    pub(crate) app: Arc<App>,
    pub(crate) job: Job,
}

impl FromRequestParts<Arc<App>> for DeliveryCall {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let hash = TokenHash::of(&bearer(parts)?);
        let mut tx = app.store.read().await?;
        let by_delivery = tx.job_by_delivery_hash(&hash).await?;
        let job = match by_delivery {
            Some(job) => Some(job),
            None => tx.job_by_control_hash(&hash).await?.filter(|job| job.status == JobStatus::Running),
        };
        drop(tx);
        Ok(Self { app: Arc::clone(app), job: of_path(job, parts, app).await? })
    }
}

/// A JSON body of the protocol.
#[derive(Debug)]
pub(crate) struct Plain<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Plain<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = axum::body::to_bytes(request.into_body(), JSON_LIMIT)
            .await
            .map_err(|_| ApiError::TooLarge { limit: JSON_LIMIT as u64 })?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| ApiError::BadRequest(format!("the body is not what the protocol says: {error}")))
    }
}
