//! Who a run is: the facts that a workload identity token states.

use crate::{
    ModuleName, OrgId, OrgName, ProjectId, ProjectName, RunId, TestRunId, WorkspaceId, WorkspaceName,
};

/// The phase of a run that a job executes, and so the phase its identity names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Planning: also speculative, destroy and refresh-only plans.
    Plan,
    /// Applying, after an approval was recorded.
    Apply,
}

impl Phase {
    /// The phase as it stands in claims, paths and columns.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
        }
    }
}

impl std::str::FromStr for Phase {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "plan" => Ok(Self::Plan),
            "apply" => Ok(Self::Apply),
            other => Err(format!("{other:?} is not a phase")),
        }
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A test run of a module in the registry; it belongs to no workspace and always counts as a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleTestIdentity {
    /// The organization's id.
    pub organization_id: OrgId,
    /// The organization's name.
    pub organization_name: OrgName,
    /// The module's name.
    pub module_name: ModuleName,
    /// The test run.
    pub run_id: TestRunId,
}

impl ModuleTestIdentity {
    /// The claim `sub`.
    pub fn subject(&self) -> String {
        format!("organization:{}:module:{}:operation:test_run", self.organization_name, self.module_name)
    }
}

/// The workload that a token is minted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadIdentity {
    /// The organization's id.
    pub organization_id: OrgId,
    /// The organization's name.
    pub organization_name: OrgName,
    /// The project's id.
    pub project_id: ProjectId,
    /// The project's name.
    pub project_name: ProjectName,
    /// The workspace's id.
    pub workspace_id: WorkspaceId,
    /// The workspace's name.
    pub workspace_name: WorkspaceName,
    /// The run.
    pub run_id: RunId,
    /// The phase of the run.
    pub phase: Phase,
}

impl WorkloadIdentity {
    /// The claim `terraform_full_workspace`: the subject without its phase.
    pub fn full_workspace(&self) -> String {
        format!(
            "organization:{}:project:{}:workspace:{}",
            self.organization_name, self.project_name, self.workspace_name
        )
    }

    /// The claim `sub`.
    pub fn subject(&self) -> String {
        format!("{}:run_phase:{}", self.full_workspace(), self.phase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_is_the_documented_text() {
        let identity = WorkloadIdentity {
            organization_id: OrgId::from_entropy([1; 16]),
            organization_name: "acme".parse().expect("valid"),
            project_id: ProjectId::from_entropy([1; 16]),
            project_name: "Default Project".parse().expect("valid"),
            workspace_id: WorkspaceId::from_entropy([1; 16]),
            workspace_name: "net".parse().expect("valid"),
            run_id: RunId::from_entropy([1; 16]),
            phase: Phase::Apply,
        };
        assert_eq!(
            identity.subject(),
            "organization:acme:project:Default Project:workspace:net:run_phase:apply"
        );
    }
}
