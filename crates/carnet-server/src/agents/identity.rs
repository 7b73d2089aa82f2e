//! Identity tokens: minted for the running job, for its own phase, on the authority of its control token.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use carnet_api::job::{IdentityTokenReply, IdentityTokenRequest};
use carnet_issuer::{Audience, Jti, MintRequest, TokenDraft};
use carnet_model::{FactName, Job, LedgerKind, Phase, Run, RunStatus, Signal, Timestamp, Workspace};
use carnet_store::IdentityToken;

use super::caller::{JobCall, Plain};
use super::document::{run_of, workload_identity};
use crate::app::{Settings, entropy};
use crate::audit;
use crate::error::ApiError;
use crate::issuance::grants::hide;
use crate::issuance::{self, Admission, Asked, is_told};
use crate::ledger::{self, job_fact};
use crate::reply::Reply;
use crate::subjects::{check_size, token_subject};

/// The most bytes of a family and of a tag.
const TEXT_LIMIT: usize = 128;

pub(crate) async fn create(call: JobCall, Plain(wanted): Plain<IdentityTokenRequest>) -> Reply {
    let mut unsigned = None;
    let reply = mint(&call, &wanted, &mut unsigned).await;
    if let Err(refusal) = &reply
        && let Err(error) = note_refusal(&call, &wanted, refusal, unsigned.as_deref()).await
    {
        tracing::error!(job.id = %call.job.id, %error, "the refusal of an identity token is not in the ledger");
    }
    reply
}

/// Notes who asked for what in vain. It stands beside the request: whatever that did is given up.
async fn note_refusal(
    call: &JobCall,
    wanted: &IdentityTokenRequest,
    refusal: &ApiError,
    unsigned: Option<&str>,
) -> Result<(), ApiError> {
    let mut tx = call.app.store.write_to_job(&call.job.id).await?;
    let (run, workspace) = run_of(&mut tx, &call.job).await?;
    let about = job_fact(&mut tx, LedgerKind::Refusal, (&call.job, &run, &workspace), call.now).await?;
    let grants = issuance::grants_of(&mut tx, &call.job.id).await?;
    let shown = IdentityTokenRequest { audience: hide(&grants, &wanted.audience), ..wanted.clone() };
    let Some(fact) = ledger::refused(about, &shown, refusal, unsigned) else {
        return Ok(());
    };
    let outcome = fact.facts.get(FactName::Outcome.as_str()).cloned().unwrap_or_default();
    let count = tx.count_refusal(&call.job.id, &outcome).await?;
    // Whoever holds a control token must not fill the ledger with what it asks for in vain.
    if is_told(count) {
        tx.record(fact.with(FactName::Count, count.to_string()));
    }
    Ok(tx.commit().await?)
}

/// `unsigned` becomes the id of the token while that is committed and not signed.
async fn mint(call: &JobCall, wanted: &IdentityTokenRequest, unsigned: &mut Option<String>) -> Reply {
    let audience: Audience =
        wanted.audience.parse().map_err(|error| ApiError::invalid("/audience", format!("{error}")))?;
    check_text("/family", &wanted.family)?;
    check_text("/tag", wanted.tag.as_deref().unwrap_or("default"))?;
    let mut tx = call.app.store.write_to_job(&call.job.id).await?;
    let job = call.trusted(&mut tx).await?;
    let (run, workspace) = run_of(&mut tx, &job).await?;
    check_job(&job, &run, call.now)?;
    let asked = Asked { job: &job, run: &run, workspace: &workspace, wanted, now: call.now };
    let (mut tx, admission) = issuance::admit(&call.app, tx, asked).await?;
    let lifetime = lifetime(&job, wanted.lifetime_seconds, &call.app.settings, call.now)?;
    let request = MintRequest {
        audience,
        lifetime: lifetime.min(admission.longest),
        jti: Jti::from_entropy(entropy()?),
    };
    let identity = workload_identity(&workspace, &run, job.phase);
    let place = (job.phase, wanted.tag.as_deref());
    let said = token_subject(&mut tx, (&run, &workspace), place, call.now).await?;
    let issuer = call.app.issuer.fresh_for(&mut tx, &workspace.organization_id).await?;
    let draft = issuer.draft(said.of(&identity), request, call.now)?;
    check_size(&draft)?;
    tx.insert_identity_token(&entry(&job, &workspace, wanted, (&draft, &admission))?).await?;
    let about = job_fact(&mut tx, LedgerKind::Mint, (&job, &run, &workspace), call.now).await?;
    tx.record(ledger::minted(about, wanted, &draft, &admission));
    let event = audit::event_of_token(&job, &workspace, (&draft, &admission.audience), call.now)?;
    tx.insert_audit_event(&event).await?;
    // The ledger comes first: a token that is not in it must never exist.
    tx.commit().await?;
    *unsigned = Some(draft.jti.to_string());
    let minted = call.app.issuer.sign(&call.app.store, &issuer, &workspace.organization_id, draft).await?;
    tracing::info!(job.id = %job.id, run.id = %run.id, token.jti = %minted.jti, token.audience = admission.audience,
        token.subject = minted.subject, "an identity token was minted");
    let reply = IdentityTokenReply {
        token: minted.token.into(),
        jti: minted.jti.to_string(),
        issued_at: minted.issued_at,
        expires_at: minted.expires_at,
    };
    Ok((StatusCode::CREATED, Json(reply)).into_response())
}

/// Refuses what cannot be the name of a family or a tag.
pub(super) fn check_text(pointer: &str, text: &str) -> Result<(), ApiError> {
    if text.is_empty() || text.len() > TEXT_LIMIT || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::invalid(
            pointer,
            format!("1 to {TEXT_LIMIT} printable characters without spaces"),
        ));
    }
    Ok(())
}

/// Refuses unless the job holds its lease, was not told to kill, and its run is in the very phase of the job.
fn check_job(job: &Job, run: &Run, now: Timestamp) -> Result<(), ApiError> {
    let refuse = |reason: &str| Err(ApiError::Gone(reason.to_owned()));
    if job.lease_expires_at.is_none_or(|end| end <= now) {
        return refuse("the lease of the job has run out");
    }
    if job.signal == Signal::Kill {
        return refuse("the job is being killed");
    }
    let executing = match job.phase {
        Phase::Plan => RunStatus::Planning,
        Phase::Apply => RunStatus::Applying,
    };
    if run.status != executing {
        return refuse("the run is not in the phase of this job");
    }
    Ok(())
}

/// No token lives longer than its phase may.
fn lifetime(job: &Job, wanted: u64, settings: &Settings, now: Timestamp) -> Result<Duration, ApiError> {
    if wanted == 0 {
        return Err(ApiError::invalid("/lifetime_seconds", "a token lives at least a second"));
    }
    let left = job.deadline_at.map_or(0, |deadline| deadline.duration_since(now).as_secs());
    let left = u64::try_from(left).unwrap_or(0);
    let seconds = wanted.min(left).min(settings.token_lifetime_limit.as_secs());
    if seconds == 0 {
        return Err(ApiError::Gone("the time limit of this phase has passed".to_owned()));
    }
    Ok(Duration::from_secs(seconds))
}

fn entry(
    job: &Job,
    workspace: &Workspace,
    wanted: &IdentityTokenRequest,
    (draft, admission): (&TokenDraft, &Admission),
) -> Result<IdentityToken, ApiError> {
    let mut claims: serde_json::Value =
        serde_json::from_slice(draft.claims_json()).map_err(ApiError::internal)?;
    if admission.audience != draft.audience.as_str() {
        claims["aud"] = admission.audience.as_str().into();
    }
    Ok(IdentityToken {
        jti: draft.jti.to_string(),
        job_id: job.id.clone(),
        run_id: job.run_id.clone(),
        workspace_id: workspace.id.clone(),
        organization_id: workspace.organization_id.clone(),
        phase: job.phase,
        family: wanted.family.clone(),
        tag: wanted.tag.clone(),
        role: admission.role.clone(),
        audience: admission.audience.clone(),
        subject: draft.subject.clone(),
        claims,
        kid: draft.kid.to_string(),
        issued_at: draft.issued_at,
        expires_at: draft.expires_at,
    })
}
