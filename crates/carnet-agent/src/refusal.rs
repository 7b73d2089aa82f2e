//! Explains what only Terraform has seen: providers that refuse the identity of the run.

use crate::{broker::Broker, log::Log, steps::PhaseError};

/// Adds a block to the log for each refused exchange that the output of a failed phase tells of.
pub(crate) async fn explain<T>(result: &Result<T, PhaseError>, broker: Option<&Broker>, log: &Log) {
    let (Err(PhaseError::Failed(_)), Some(broker)) = (result, broker) else {
        return;
    };
    for refusal in broker.refusals(&log.tail()).await {
        log.line(&refusal.to_string());
    }
}
