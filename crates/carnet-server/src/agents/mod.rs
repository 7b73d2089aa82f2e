//! The job protocol, as `carnet_api::job` describes it.

mod caller;
mod claim;
mod credentials;
mod document;
mod finish;
mod heartbeat;
mod identity;
mod log;
mod registration;
mod transfer;

use carnet_api::job::BASE;
use carnet_model::RunId;
use carnet_store::BlobName;

pub(crate) use self::document::{given_to_job, run_of};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let at = |path: &str| format!("{BASE}/{path}");
    let artifact = at("jobs/{job}/artifacts/{artifact}");
    let state = at("jobs/{job}/state");
    Routes::default()
        .post(&at("agents"), Access::Agent, registration::register)
        .post(&at("agents/{agent}/claim"), Access::Agent, claim::claim)
        .post(&at("agents/{agent}/stop"), Access::Agent, registration::stop)
        .post(&at("jobs/{job}/heartbeat"), Access::Job, heartbeat::heartbeat)
        .post(&at("jobs/{job}/identity-tokens"), Access::Job, identity::create)
        .get(&at("jobs/{job}/configuration"), Access::Job, transfer::configuration)
        .put(&at("jobs/{job}/log"), Access::Job, log::append)
        .put(&artifact, Access::Job, transfer::put_artifact)
        .get(&artifact, Access::Job, transfer::artifact)
        .get(&state, Access::Job, transfer::state)
        .put(&state, Access::Job, transfer::put_state)
        .put(&at("jobs/{job}/credentials"), Access::Job, credentials::replace)
        .post(&at("jobs/{job}/finish"), Access::Job, finish::finish)
}

/// Where an artifact of a run is.
pub(crate) fn artifact_blob(artifact: carnet_api::job::Artifact, run: &RunId) -> BlobName {
    BlobName::new(artifact.as_str(), run)
}

#[cfg(test)]
mod tests;
