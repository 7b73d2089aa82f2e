//! Snapshots that the CLI takes of its state during a long local apply.
//!
//! The CLI takes them when an answer names the interval. They become current together, as the last one of them, when the
//! workspace is unlocked; until then readers go on to see the state from before the apply.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::IntoResponse as _;
use carnet_model::Lock;

use crate::api::workspaces::is_cloud_integration;
use crate::reply::Reply;

/// The header that asks for snapshots.
const INTERVAL_HEADER: HeaderName = HeaderName::from_static("x-terraform-snapshot-interval");

/// How many seconds lie at least between two snapshots: what Terraform does on its own where nobody tells it.
const INTERVAL: HeaderValue = HeaderValue::from_static("20");

/// What the CLI notes when it takes the lock for the time of a command, in Terraform and in OpenTofu.
const LOCKED_BY_CLI: [&str; 2] = ["Locked by Terraform", "Locked by OpenTofu"];

/// Adds the interval to an answer about state, also to one that says that there is none.
pub(crate) fn with_interval(reply: Reply) -> Reply {
    let mut response = reply.into_response();
    response.headers_mut().insert(INTERVAL_HEADER, INTERVAL);
    Ok(response)
}

/// Tells whether a state that is announced is a snapshot.
///
/// Only a command that unlocks when it is done may leave the current state behind. Who locked the workspace by hand and
/// works with `-lock=false` reads the state between two commands, and must find what the first one wrote.
pub(crate) fn is_snapshot(headers: &HeaderMap, lock: Option<&Lock>) -> bool {
    is_cloud_integration(headers) && lock.is_some_and(|lock| LOCKED_BY_CLI.contains(&lock.reason.as_str()))
}

#[cfg(test)]
mod tests {
    use carnet_model::{LockOwner, UserId};

    use super::*;

    #[test]
    fn only_a_lock_of_the_cloud_integration_makes_snapshots() {
        let mut cloud = HeaderMap::new();
        cloud.insert("x-terraform-integration", HeaderValue::from_static("cloud"));
        let lock = |reason: &str| Lock {
            owner: LockOwner::User(UserId::from_entropy([1; 16])),
            reason: reason.to_owned(),
        };
        assert!(is_snapshot(&cloud, Some(&lock("Locked by Terraform"))));
        assert!(is_snapshot(&cloud, Some(&lock("Locked by OpenTofu"))));
        assert!(!is_snapshot(&cloud, Some(&lock("holidays"))));
        assert!(!is_snapshot(&cloud, None));
        assert!(!is_snapshot(&HeaderMap::new(), Some(&lock("Locked by Terraform"))));
    }
}
