//! Who may do what. Every route of the server names an action from here.

use crate::{OrgId, TokenOwner, WorkspaceId};

/// What a caller wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// See an organization, its projects and workspaces.
    Read,
    /// Read state versions and outputs.
    ReadState,
    /// Write state versions, lock and unlock.
    WriteState,
    /// Make runs, configuration versions, confirm, discard, cancel.
    Run,
    /// Change workspaces, projects, variables, tags.
    Manage,
    /// Change or delete the organization itself.
    Administer,
}

/// What a user is in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// May do everything in the organization.
    Owner,
}

impl Role {
    /// The role as it stands in a column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "owner" => Ok(Self::Owner),
            other => Err(format!("{other:?} is not a role")),
        }
    }
}

/// A caller together with what is known of it in the organization at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Whom the bearer token stands for.
    pub owner: TokenOwner,
    /// The caller's role in the organization at hand.
    pub role: Option<Role>,
}

/// Tells whether the caller may act in an organization, or on a workspace of it.
///
/// A caller that may not [`Action::Read`] is told that nothing is there.
pub fn is_allowed(
    principal: &Principal,
    action: Action,
    _organization: &OrgId,
    workspace: Option<&WorkspaceId>,
) -> bool {
    match &principal.owner {
        TokenOwner::User { is_site_admin, .. } => *is_site_admin || principal.role == Some(Role::Owner),
        TokenOwner::Agent { .. } => false,
        TokenOwner::Run { workspace_id, .. } => {
            workspace == Some(workspace_id) && matches!(action, Action::Read | Action::ReadState)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JobId, RunId, TokenId};

    const ACTIONS: [Action; 6] = [
        Action::Read,
        Action::ReadState,
        Action::WriteState,
        Action::Run,
        Action::Manage,
        Action::Administer,
    ];

    #[test]
    fn an_agent_token_opens_nothing_of_the_api() {
        let agent =
            Principal { owner: TokenOwner::Agent { token_id: TokenId::from_entropy([0; 16]) }, role: None };
        for action in ACTIONS {
            assert!(!is_allowed(&agent, action, &OrgId::from_entropy([0; 16]), None));
        }
    }

    #[test]
    fn a_run_reads_the_state_of_its_own_workspace_only() {
        let (own, other) = (WorkspaceId::from_entropy([1; 16]), WorkspaceId::from_entropy([2; 16]));
        let organization = OrgId::from_entropy([0; 16]);
        let run = Principal {
            owner: TokenOwner::Run {
                job_id: JobId::from_entropy([0; 16]),
                run_id: RunId::from_entropy([0; 16]),
                workspace_id: own.clone(),
            },
            role: None,
        };
        for action in ACTIONS {
            let reads = matches!(action, Action::Read | Action::ReadState);
            assert_eq!(is_allowed(&run, action, &organization, Some(&own)), reads);
            assert!(!is_allowed(&run, action, &organization, Some(&other)));
            assert!(!is_allowed(&run, action, &organization, None));
        }
    }
}
