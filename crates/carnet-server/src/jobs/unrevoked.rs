//! A run tells what its phases left behind at providers, and what became of that.

use carnet_api::job::CredentialReport;
use carnet_model::{Job, RunEvent, RunEventId, RunId, Timestamp, UserId};
use carnet_store::Tx;

use super::{Cause, note_event};
use crate::app::entropy;
use crate::error::ApiError;
use crate::ledger::{record_left, record_settled};
use crate::outstanding::{LeaseId, closing_sentence, outstanding, sentence, stored_report};

/// The event of a credential that still works although its phase is over.
const NOT_REVOKED: &str = "credentials_not_revoked";

/// The event of such a credential that does not work any more.
const REVOKED: &str = "credentials_revoked";

/// How many credentials that could not be revoked are told of when a job ends.
const COUNT_LIMIT: usize = 100;

/// How many characters of each.
const LENGTH_LIMIT: usize = 2000;

/// Notes everything that was not revoked when a job ended: what was reported last, or, if that is nothing, the agent's words.
pub(crate) async fn note_unrevoked(
    tx: &mut Tx,
    job: &Job,
    told: &[String],
    now: Timestamp,
) -> Result<(), ApiError> {
    record_left(tx, job, now).await?;
    let left = left_behind(tx, job, now).await?;
    if left.is_empty() {
        for what in told.iter().take(COUNT_LIMIT) {
            note_event(tx, &job.run_id, NOT_REVOKED, Cause::server(&cut(what)), now).await?;
        }
    }
    for (lease, what) in left.iter().take(COUNT_LIMIT) {
        let event =
            LeaseEvent { run_id: &job.run_id, lease, action: NOT_REVOKED, cause: Cause::server(what) };
        event.note(tx, now).await?;
    }
    Ok(())
}

async fn left_behind(tx: &mut Tx, job: &Job, now: Timestamp) -> Result<Vec<(LeaseId, String)>, ApiError> {
    let Some(text) = tx.job_credentials(&job.id).await? else {
        return Ok(Vec::new());
    };
    match stored_report(&text) {
        Ok(report) => {
            let told = |id: LeaseId| {
                let (entry, lease) = id.find(&report)?;
                let text = sentence(entry, lease);
                Some((id, text))
            };
            Ok(outstanding(&job.id, &report, now).into_iter().filter_map(told).collect())
        }
        Err(error) => {
            // The job must end whatever was stored of it.
            tracing::error!(job.id = %job.id, %error, "the report about the credentials of a job cannot be read");
            Ok(Vec::new())
        }
    }
}

/// A lease whose fate somebody found out after its phase was over.
#[derive(Debug)]
pub(crate) struct Settled<'a> {
    pub(crate) run_id: &'a RunId,
    pub(crate) lease: &'a LeaseId,
    /// The report that says it already.
    pub(crate) report: &'a CredentialReport,
    pub(crate) actor: Option<&'a UserId>,
}

/// Notes what became of a lease.
pub(crate) async fn note_settled(tx: &mut Tx, settled: Settled<'_>, now: Timestamp) -> Result<(), ApiError> {
    let Some((entry, lease)) = settled.lease.find(settled.report) else {
        return Ok(());
    };
    let (action, what) = match lease.revocation.as_str() {
        "failed" => (NOT_REVOKED, sentence(entry, lease)),
        _ => (REVOKED, closing_sentence(entry, lease)),
    };
    let cause = Cause { actor: settled.actor, description: &what };
    let event = LeaseEvent { run_id: settled.run_id, lease: settled.lease, action, cause };
    event.note(tx, now).await?;
    record_settled(tx, settled.lease, settled.report, settled.actor, now).await
}

/// What of a run is not known to be over, in the order in which it was told.
pub(crate) fn still_unrevoked(events: &[RunEvent]) -> Vec<&str> {
    let mut left: Vec<&RunEvent> = Vec::new();
    for event in events.iter().filter(|event| matches!(&*event.action, NOT_REVOKED | REVOKED)) {
        let place =
            left.iter().position(|other| event.target_id.is_some() && other.target_id == event.target_id);
        match (place, event.action == NOT_REVOKED) {
            (Some(place), true) => left[place] = event,
            (Some(place), false) => drop(left.remove(place)),
            (None, true) => left.push(event),
            (None, false) => {}
        }
    }
    left.into_iter().map(|event| event.description.as_str()).collect()
}

/// Something that happened to a lease of a run.
struct LeaseEvent<'a> {
    run_id: &'a RunId,
    lease: &'a LeaseId,
    action: &'static str,
    cause: Cause<'a>,
}

impl LeaseEvent<'_> {
    async fn note(self, tx: &mut Tx, now: Timestamp) -> Result<(), ApiError> {
        let event = RunEvent {
            id: RunEventId::from_entropy(entropy()?),
            run_id: self.run_id.clone(),
            action: self.action.to_owned(),
            description: cut(self.cause.description),
            target_id: Some(self.lease.to_string()),
            actor_id: self.cause.actor.cloned(),
            created_at: now,
        };
        Ok(tx.insert_run_event(&event).await?)
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LENGTH_LIMIT).collect()
}
