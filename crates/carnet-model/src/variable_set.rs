//! Variable sets: variables that many workspaces share.

use crate::{NameError, OrgId, OrgName, ProjectId, Timestamp, VariableLevel, VariableSetId};

/// The most characters of a name.
const NAME_LIMIT: usize = 128;

/// The name of a variable set: 1 to 128 printable characters; in one level of precedence the earlier name wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableSetName(String);

impl VariableSetName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for VariableSetName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text.chars().count() > NAME_LIMIT {
            return Err(NameError::Length { what: "Name", min: 1, max: NAME_LIMIT });
        }
        if text.trim() != text || text.chars().any(char::is_control) {
            let allowed = "printable characters, and no space at its ends";
            return Err(NameError::Characters { what: "Name", allowed });
        }
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Display for VariableSetName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Variables that many workspaces share; they are stored apart, as are the places it is assigned to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableSet {
    /// The stable id.
    pub id: VariableSetId,
    /// The organization it belongs to.
    pub organization_id: OrgId,
    /// That organization's name.
    pub organization_name: OrgName,
    /// The project that owns it; `None` when the organization does.
    pub parent_project_id: Option<ProjectId>,
    /// Its name, unique in the organization.
    pub name: VariableSetName,
    /// A free text.
    pub description: String,
    /// Whether it applies to every workspace of the organization; one that a project owns never is.
    pub is_global: bool,
    /// Whether its values win over those of workspaces and of the command line.
    pub has_priority: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it, its variables or its assignments were changed last.
    pub updated_at: Timestamp,
}

/// Where a variable set is assigned to, as far as one workspace is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariableSetAssignment {
    /// To the project of the workspace.
    pub to_project: bool,
    /// To the workspace itself.
    pub to_workspace: bool,
}

impl VariableSet {
    /// The level of its variables in a workspace of this project; `None` when the set does not apply there.
    ///
    /// A set that is assigned twice takes the stronger level. One that a project owns never leaves that project, even
    /// when a workspace that it is assigned to was moved out.
    pub fn level_in(&self, project: &ProjectId, assignment: VariableSetAssignment) -> Option<VariableLevel> {
        if self.is_global {
            return Some(if self.has_priority {
                VariableLevel::PriorityGlobal
            } else {
                VariableLevel::Global
            });
        }
        if self.parent_project_id.as_ref().is_some_and(|parent| parent != project) {
            return None;
        }
        let on_project = assignment.to_project.then(|| self.level_on_project());
        let on_workspace = assignment.to_workspace.then(|| self.level_on_workspace());
        on_project.into_iter().chain(on_workspace).min()
    }

    fn level_on_project(&self) -> VariableLevel {
        match (self.has_priority, &self.parent_project_id) {
            (true, None) => VariableLevel::PriorityOnProject,
            (true, Some(_)) => VariableLevel::PriorityOfProject,
            (false, None) => VariableLevel::OnProject,
            (false, Some(_)) => VariableLevel::OfProject,
        }
    }

    fn level_on_workspace(&self) -> VariableLevel {
        match (self.has_priority, &self.parent_project_id) {
            (true, None) => VariableLevel::PriorityOnWorkspace,
            (true, Some(_)) => VariableLevel::PriorityOfProjectOnWorkspace,
            (false, None) => VariableLevel::OnWorkspace,
            (false, Some(_)) => VariableLevel::OfProjectOnWorkspace,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASSIGNMENTS: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

    fn project(number: u8) -> ProjectId {
        ProjectId::from_entropy([number; 16])
    }

    fn set(parent_project_id: Option<ProjectId>, is_global: bool, has_priority: bool) -> VariableSet {
        VariableSet {
            id: VariableSetId::from_entropy([0; 16]),
            organization_id: OrgId::from_entropy([0; 16]),
            organization_name: "acme".parse().unwrap(),
            parent_project_id,
            name: "clouds".parse().unwrap(),
            description: String::new(),
            is_global,
            has_priority,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// The levels, as numbers of the documented table, for each of [`ASSIGNMENTS`].
    #[track_caller]
    fn check(set: &VariableSet, expected: [Option<usize>; 4]) {
        let found = ASSIGNMENTS.map(|(to_project, to_workspace)| {
            let level = set.level_in(&project(1), VariableSetAssignment { to_project, to_workspace });
            level.map(VariableLevel::number)
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn scope_owner_and_priority_give_the_level() {
        let own = || Some(project(1));
        check(&set(None, true, true), [Some(1); 4]);
        check(&set(None, false, true), [None, Some(3), Some(2), Some(2)]);
        check(&set(own(), false, true), [None, Some(5), Some(4), Some(4)]);
        check(&set(own(), false, false), [None, Some(9), Some(10), Some(9)]);
        check(&set(None, false, false), [None, Some(11), Some(12), Some(11)]);
        check(&set(None, true, false), [Some(13); 4]);
    }

    #[test]
    fn a_set_of_a_project_does_not_reach_a_workspace_that_was_moved_out() {
        check(&set(Some(project(2)), false, true), [None; 4]);
        check(&set(Some(project(2)), false, false), [None; 4]);
    }

    #[test]
    fn a_name_can_be_shown_in_a_line() {
        for text in ["clouds", "AWS (production): \"eu\"", "\u{e9}toile"] {
            assert!(text.parse::<VariableSetName>().is_ok(), "{text}");
        }
        for text in ["", " a", "a ", "a\nb", "\u{1b}[31m", &"x".repeat(129)] {
            assert!(text.parse::<VariableSetName>().is_err(), "{text}");
        }
    }
}
