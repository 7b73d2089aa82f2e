//! Agent pools: agents of an organization that take the jobs of its workspaces of execution mode `agent`.

use std::collections::BTreeSet;

use crate::{AgentPoolId, OrgId, ProjectId, Timestamp, WorkspaceId};

/// The most characters of a pool's name.
const NAME_LIMIT: usize = 90;

/// Agents with one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPool {
    /// The stable id.
    pub id: AgentPoolId,
    /// The organization that owns it.
    pub organization_id: OrgId,
    /// Its name, unique in the organization.
    pub name: String,
    /// Whether every workspace of the organization may use it, but for the excluded ones; if not, the allowed ones only.
    pub organization_scoped: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Which workspaces a pool is for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentPoolScope {
    /// These workspaces may use a pool that is not for the whole organization.
    pub allowed_workspaces: BTreeSet<WorkspaceId>,
    /// So may the workspaces of these projects.
    pub allowed_projects: BTreeSet<ProjectId>,
    /// These may not use it in any case.
    pub excluded_workspaces: BTreeSet<WorkspaceId>,
}

/// A name that no pool may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentPoolNameError {
    /// There is none.
    #[error("Name can't be blank")]
    Blank,
    /// It is too long, or holds control characters.
    #[error("Name may have at most {NAME_LIMIT} characters and no control characters")]
    Unprintable,
}

impl AgentPool {
    /// Checks the name of a pool and takes the space around it away.
    pub fn checked_name(text: &str) -> Result<String, AgentPoolNameError> {
        let name = text.trim();
        if name.is_empty() {
            return Err(AgentPoolNameError::Blank);
        }
        if name.chars().count() > NAME_LIMIT || name.contains(char::is_control) {
            return Err(AgentPoolNameError::Unprintable);
        }
        Ok(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printable_and_not_blank() {
        assert_eq!(AgentPool::checked_name(" data centre 1 "), Ok("data centre 1".to_owned()));
        assert_eq!(AgentPool::checked_name("  "), Err(AgentPoolNameError::Blank));
        assert_eq!(AgentPool::checked_name("a\nb"), Err(AgentPoolNameError::Unprintable));
        assert_eq!(AgentPool::checked_name(&"x".repeat(91)), Err(AgentPoolNameError::Unprintable));
    }
}
