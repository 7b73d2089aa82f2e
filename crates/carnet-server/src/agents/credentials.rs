//! Agents tell what their phase holds or held, so that it is known when they are gone.

use carnet_api::job::{CredentialEntry, CredentialLease, CredentialReport};
use carnet_model::{JobId, LedgerKind};
use carnet_store::Tx;

use super::caller::{JobCall, Plain};
use super::document::run_of;
use super::identity::check_text;
use crate::error::ApiError;
use crate::issuance::grants::{Grant, hide};
use crate::issuance::grants_of;
use crate::ledger::{job_fact, report_facts};
use crate::outstanding::{LINE_LIMIT, for_people, outstanding_until, stored_report};
use crate::reply::{Reply, no_content};

/// The most entries of each list.
const LIST_LIMIT: usize = 1000;

const OUTCOMES: [&str; 3] = ["held", "refused", "ended"];

const REVOCATIONS: [&str; 5] = ["outstanding", "revoked", "already_gone", "ends_by_itself", "failed"];

pub(crate) async fn replace(call: JobCall, Plain(report): Plain<CredentialReport>) -> Reply {
    let report = checked(report)?;
    let mut tx = call.app.store.write().await?;
    let job = call.running(&mut tx).await?;
    let mut report = without_secrets(report, &grants_of(&mut tx, &job.id).await?);
    keep_own_tokens(&mut tx, &job.id, &mut report).await?;
    let kept = serde_json::to_string(&report).map_err(ApiError::internal)?;
    let before = tx.job_credentials(&job.id).await?;
    let before = before.map_or_else(|| Ok(CredentialReport::default()), |text| stored_report(&text))?;
    let (run, workspace) = run_of(&mut tx, &job).await?;
    let about = job_fact(&mut tx, LedgerKind::Exchange, (&job, &run, &workspace), call.now).await?;
    for fact in report_facts(&about, &before, &report) {
        tx.record(fact);
    }
    tx.set_job_credentials(&job.id, kept, outstanding_until(&report)).await?;
    tx.commit().await?;
    no_content()
}

/// The report without the values of sensitive variables: an agent knows them, and nobody else may read them again.
fn without_secrets(mut report: CredentialReport, grants: &[Grant]) -> CredentialReport {
    let hide = |text: &mut String| *text = hide(grants, text);
    for entry in &mut report.entries {
        hide(&mut entry.audience);
        hide(&mut entry.detail);
        entry.role.iter_mut().chain(&mut entry.identity).for_each(hide);
        for lease in &mut entry.leases {
            hide(&mut lease.detail);
        }
    }
    report
}

/// Takes out ids of tokens that were not made for the job: an agent tells of what it holds, and of nobody else's.
async fn keep_own_tokens(tx: &mut Tx, job: &JobId, report: &mut CredentialReport) -> Result<(), ApiError> {
    for entry in &mut report.entries {
        if let Some(jti) = &entry.jti
            && !tx.is_token_of_job(jti, job).await?
        {
            tracing::warn!(job.id = %job, "an agent told of an identity token that is not of its job");
            entry.jti = None;
        }
    }
    Ok(())
}

/// Names must be names. What is written for people is cut and cleaned instead of refused: the report about something that
/// works must not be lost for the words that a provider answered.
fn checked(mut report: CredentialReport) -> Result<CredentialReport, ApiError> {
    check_count("/entries", report.entries.len())?;
    for (place, entry) in report.entries.iter_mut().enumerate() {
        check_entry(&format!("/entries/{place}"), entry)?;
    }
    Ok(report)
}

fn check_entry(at: &str, entry: &mut CredentialEntry) -> Result<(), ApiError> {
    check_text(&format!("{at}/family"), &entry.family)?;
    check_text(&format!("{at}/tag"), entry.tag.as_deref().unwrap_or("default"))?;
    check_line(&format!("{at}/audience"), &entry.audience)?;
    check_line(&format!("{at}/subject"), &entry.subject)?;
    check_line(&format!("{at}/role"), entry.role.as_deref().unwrap_or_default())?;
    check_line(&format!("{at}/jti"), entry.jti.as_deref().unwrap_or_default())?;
    check_word(&format!("{at}/outcome"), &entry.outcome, &OUTCOMES)?;
    check_count(&format!("{at}/identity"), entry.identity.len())?;
    check_count(&format!("{at}/leases"), entry.leases.len())?;
    entry.detail = for_people(&entry.detail);
    entry.identity = entry.identity.iter().map(|line| for_people(line)).collect();
    for (place, lease) in entry.leases.iter_mut().enumerate() {
        check_lease(&format!("{at}/leases/{place}"), lease)?;
    }
    Ok(())
}

fn check_lease(at: &str, lease: &mut CredentialLease) -> Result<(), ApiError> {
    check_line(&format!("{at}/address"), &lease.address)?;
    check_line(&format!("{at}/namespace"), lease.namespace.as_deref().unwrap_or_default())?;
    check_line(&format!("{at}/accessor"), &lease.accessor)?;
    check_word(&format!("{at}/revocation"), &lease.revocation, &REVOCATIONS)?;
    lease.detail = for_people(&lease.detail);
    Ok(())
}

fn check_count(pointer: &str, count: usize) -> Result<(), ApiError> {
    if count > LIST_LIMIT {
        return Err(ApiError::invalid(pointer, format!("at most {LIST_LIMIT} entries")));
    }
    Ok(())
}

fn check_line(pointer: &str, text: &str) -> Result<(), ApiError> {
    if text.len() > LINE_LIMIT || text.contains(char::is_control) {
        let detail = format!("at most {LINE_LIMIT} bytes without control characters");
        return Err(ApiError::invalid(pointer, detail));
    }
    Ok(())
}

fn check_word(pointer: &str, text: &str, words: &[&str]) -> Result<(), ApiError> {
    if !words.contains(&text) {
        return Err(ApiError::invalid(pointer, format!("one of {}", words.join(", "))));
    }
    Ok(())
}
