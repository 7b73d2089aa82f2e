//! A run tells what its phases left behind at providers.

use carnet_model::{Job, Timestamp};
use carnet_store::Tx;

use super::{Cause, note_event};
use crate::error::ApiError;
use crate::outstanding::{outstanding, sentence, stored_report};

/// The event of a credential that still works although its phase is over.
pub(crate) const NOT_REVOKED: &str = "credentials_not_revoked";

/// How many credentials that could not be revoked are told of, and how many characters of each.
const LIMIT: (usize, usize) = (100, 2000);

/// Notes everything that was not revoked when a job ended: in the agent's words, or, without them, what was reported last.
pub(crate) async fn note_unrevoked(
    tx: &mut Tx,
    job: &Job,
    told: &[String],
    now: Timestamp,
) -> Result<(), ApiError> {
    let reported = if told.is_empty() { left_behind(tx, job, now).await? } else { told.to_vec() };
    let (count, length) = LIMIT;
    for what in reported.iter().take(count) {
        let what: String = what.chars().take(length).collect();
        note_event(tx, &job.run_id, NOT_REVOKED, Cause::server(&what), now).await?;
    }
    Ok(())
}

async fn left_behind(tx: &mut Tx, job: &Job, now: Timestamp) -> Result<Vec<String>, ApiError> {
    let Some(text) = tx.job_credentials(&job.id).await? else {
        return Ok(Vec::new());
    };
    match stored_report(&text) {
        Ok(report) => Ok(outstanding(&report, now).map(|(entry, lease)| sentence(entry, lease)).collect()),
        Err(error) => {
            // The job must end whatever was stored of it.
            tracing::error!(job.id = %job.id, %error, "the report about the credentials of a job cannot be read");
            Ok(Vec::new())
        }
    }
}
