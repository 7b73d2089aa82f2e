//! What a job left behind, and what somebody found out about it later.

use carnet_api::job::CredentialReport;
use carnet_model::{FactName, Job, LedgerFact, LedgerKind, Timestamp, UserId};
use carnet_store::Tx;

use super::{SERVER, job_fact, lease_fact};
use crate::agents::run_of;
use crate::error::ApiError;
use crate::outstanding::{LeaseId, outstanding, stored_report};

/// How many credentials of one job are told of.
const COUNT_LIMIT: usize = 100;

/// Records what nobody revoked when a job ended; what its agent failed to revoke was recorded when the agent said so.
pub(crate) async fn record_left(tx: &mut Tx, job: &Job, now: Timestamp) -> Result<(), ApiError> {
    let Some(text) = tx.job_credentials(&job.id).await? else {
        return Ok(());
    };
    // The job must end whatever was stored of it; who reads the report for the run's events logs that it cannot be read.
    let Ok(report) = stored_report(&text) else {
        return Ok(());
    };
    let left = outstanding(&job.id, &report, now);
    let left = left.iter().filter_map(|id| id.find(&report));
    let left: Vec<_> = left.filter(|(_, lease)| lease.revocation == "outstanding").collect();
    if left.is_empty() {
        return Ok(());
    }
    let about = about(tx, job, now).await?;
    for (entry, lease) in left.into_iter().take(COUNT_LIMIT) {
        tx.record(lease_fact(&about, entry, lease).with(FactName::Source, SERVER));
    }
    Ok(())
}

/// Records what somebody found out about a lease after its job was over. Who found out is not who made the run.
pub(crate) async fn record_settled(
    tx: &mut Tx,
    id: &LeaseId,
    report: &CredentialReport,
    actor: Option<&UserId>,
    now: Timestamp,
) -> Result<(), ApiError> {
    let (Some((entry, lease)), Some(job)) = (id.find(report), tx.job(&id.job_id).await?) else {
        return Ok(());
    };
    let about = about(tx, &job, now).await?;
    let mut fact = lease_fact(&about, entry, lease).with(FactName::Source, SERVER);
    for name in [FactName::Actor, FactName::ActorName] {
        fact.facts.remove(name.as_str());
    }
    tx.record(fact.with_some(FactName::Actor, actor.map(UserId::as_str)).with(FactName::Action, "settle"));
    Ok(())
}

async fn about(tx: &mut Tx, job: &Job, now: Timestamp) -> Result<LedgerFact, ApiError> {
    let (run, workspace) = run_of(tx, job).await?;
    Ok(job_fact(tx, LedgerKind::Revocation, (job, &run, &workspace), now).await?)
}
