//! State versions and the rule which one may follow which.

use secrecy::SecretString;

use crate::{RunId, StateVersionId, StateVersionOutputId, Timestamp, UserId, WorkspaceId};

/// Where a state version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateStatus {
    /// Waiting for its bytes.
    Pending,
    /// The bytes are there.
    Finalized,
    /// A newer one came before its bytes did.
    Discarded,
}

impl StateStatus {
    /// The status as clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Finalized => "finalized",
            Self::Discarded => "discarded",
        }
    }
}

impl std::str::FromStr for StateStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pending" => Ok(Self::Pending),
            "finalized" => Ok(Self::Finalized),
            "discarded" => Ok(Self::Discarded),
            other => Err(format!("{other:?} is not the status of a state version")),
        }
    }
}

/// One version of a workspace's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateVersion {
    /// The stable id.
    pub id: StateVersionId,
    /// The workspace it belongs to.
    pub workspace_id: WorkspaceId,
    /// The run that wrote it.
    pub run_id: Option<RunId>,
    /// The user who wrote it.
    pub created_by: Option<UserId>,
    /// Where it stands.
    pub status: StateStatus,
    /// Whether it was written while a local run went on, and never became current.
    pub intermediate: bool,
    /// Counts up with every change of the state.
    pub serial: i64,
    /// Names the history that the state belongs to.
    pub lineage: String,
    /// The MD5 of the raw bytes, in hex.
    pub md5: String,
    /// How many bytes.
    pub size: u64,
    /// The Terraform that wrote it.
    pub terraform_version: Option<String>,
    /// Managed resources in it.
    pub resource_count: u32,
    /// What it holds, one entry for each resource block.
    pub resources: Vec<StateResource>,
    /// Whether a JSON form was uploaded too.
    pub has_json: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The objects of one resource block in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateResource {
    /// The name.
    pub name: String,
    /// The type; that of a data source begins with `data.`.
    pub kind: String,
    /// How many objects.
    pub count: u32,
    /// The module's address; `root` for the root module.
    pub module: String,
    /// The provider's address.
    pub provider: String,
}

impl StateVersion {
    /// How many resources count for a bill: data sources do not, nor do resources that stand for nothing outside.
    pub fn billable_count(&self) -> u32 {
        self.resources
            .iter()
            .filter(|resource| {
                let kind = resource.kind.as_str();
                !kind.starts_with("data.") && !matches!(kind, "null_resource" | "terraform_data")
            })
            .fold(0, |total: u32, resource| total.saturating_add(resource.count))
    }
}

/// One output of a state version.
#[derive(Debug, Clone)]
pub struct StateOutput {
    /// The stable id.
    pub id: StateVersionOutputId,
    /// The state version it belongs to.
    pub state_version_id: StateVersionId,
    /// The name.
    pub name: String,
    /// Whether lists leave the value out.
    pub sensitive: bool,
    /// `string`, `number`, `bool`, `array` or `object`.
    pub value_type: String,
    /// Terraform's type constraint, as JSON.
    pub detailed_type: String,
    /// The value, as JSON.
    pub value: SecretString,
}

/// What must be known of a state to judge its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateHead<'a> {
    /// The serial.
    pub serial: i64,
    /// The lineage; empty when unknown.
    pub lineage: &'a str,
    /// The MD5 in hex.
    pub md5: &'a str,
}

/// Why a state may not follow the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StateConflict {
    /// The current state is newer.
    #[error("the serial is lower than that of the current state")]
    OlderSerial,
    /// The same serial with other content.
    #[error("the current state has the same serial and another content")]
    SameSerial,
    /// The state belongs to another history.
    #[error("the lineage differs from that of the current state")]
    OtherLineage,
}

/// Tells whether `next` may become the state after `current`; `force` skips both comparisons.
pub fn check_successor(
    current: Option<StateHead<'_>>,
    next: StateHead<'_>,
    force: bool,
) -> Result<(), StateConflict> {
    let Some(current) = current.filter(|_| !force) else {
        return Ok(());
    };
    if !current.lineage.is_empty() && !next.lineage.is_empty() && current.lineage != next.lineage {
        return Err(StateConflict::OtherLineage);
    }
    if next.serial < current.serial {
        return Err(StateConflict::OlderSerial);
    }
    if next.serial == current.serial && next.md5 != current.md5 {
        return Err(StateConflict::SameSerial);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        current: (i64, &str, &str),
        next: (i64, &str, &str),
        force: bool,
        expected: Result<(), StateConflict>,
    ) {
        let head = |(serial, lineage, md5)| StateHead { serial, lineage, md5 };
        assert_eq!(check_successor(Some(head(current)), head(next), force), expected);
    }

    #[test]
    fn the_rules_of_serial_and_lineage() {
        check((3, "l", "a"), (4, "l", "b"), false, Ok(()));
        check((3, "l", "a"), (3, "l", "a"), false, Ok(()));
        check((3, "l", "a"), (3, "l", "b"), false, Err(StateConflict::SameSerial));
        check((3, "l", "a"), (2, "l", "b"), false, Err(StateConflict::OlderSerial));
        check((3, "l", "a"), (4, "m", "b"), false, Err(StateConflict::OtherLineage));
        check((3, "l", "a"), (1, "m", "b"), true, Ok(()));
    }
}
