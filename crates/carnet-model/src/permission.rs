//! Who may do what. Every route of the server names a permission from here.

use crate::{
    CredentialVariableAccess, OrganizationAccess, ProjectAccess, ProjectSettingsAccess, ProjectTeamAccess,
    RunAccess, StateAccess, TokenOwner, VariableAccess, WorkspaceAccess,
};

/// What a permission is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The organization.
    Organization,
    /// A project.
    Project,
    /// A workspace.
    Workspace,
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident: $scope:ident = $text:literal,)*) => {
        /// What a caller wants to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Permission {
            $($(#[$doc])* $name,)*
        }

        impl Permission {
            /// Every permission.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What it is about.
            pub fn scope(self) -> Scope {
                match self {
                    $(Self::$name => Scope::$scope,)*
                }
            }

            /// What it allows, in words that follow "may".
            pub fn describe(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

permissions! {
    /// See the organization, its members and what belongs to all of it.
    ReadOrganization: Organization = "see the organization",
    /// See what the organization is entitled to, which Terraform reads before anything else.
    ReadEntitlements: Organization = "see the entitlements of the organization",
    /// Change or delete the organization, its tokens, its rules for credentials.
    ManageOrganization: Organization = "manage the organization",
    /// Read the audit trail.
    ReadAuditTrail: Organization = "read the audit trail",
    /// Invite and remove members.
    ManageMembership: Organization = "manage members",
    /// Make, change and delete teams and who is in them.
    ManageTeams: Organization = "manage teams",
    /// Change what teams may do in the whole organization.
    ManageOrganizationAccess: Organization = "manage what teams may do in the organization",
    /// Make projects.
    CreateProjects: Organization = "create projects",
    /// Manage tags of the organization and reserved tag keys.
    ManageTags: Organization = "manage tags",
    /// Manage variable sets that the organization owns.
    ManageVariableSets: Organization = "manage variable sets of the organization",
    /// Manage agent pools and their tokens.
    ManageAgentPools: Organization = "manage agent pools",
    /// Use the modules and providers of the private registry.
    ReadRegistry: Organization = "use the private registry",
    /// Publish and delete modules.
    ManageModules: Organization = "manage modules of the private registry",
    /// Publish and delete providers.
    ManageProviders: Organization = "manage providers of the private registry",
    /// See a project.
    ReadProject: Project = "see the project",
    /// Change the settings of a project.
    UpdateProject: Project = "change the settings of the project",
    /// Delete a project.
    DeleteProject: Project = "delete the project",
    /// See which teams may do what in a project.
    ReadProjectTeams: Project = "see the access of teams to the project",
    /// Change which teams may do what in a project.
    ManageProjectTeams: Project = "manage the access of teams to the project",
    /// See variable sets that a project owns.
    ReadProjectVariableSets: Project = "see variable sets of the project",
    /// Manage variable sets that a project owns.
    ManageProjectVariableSets: Project = "manage variable sets of the project",
    /// Make workspaces in a project.
    CreateWorkspaces: Project = "create workspaces in the project",
    /// Move workspaces to a project or away from it.
    MoveWorkspaces: Project = "move workspaces to or from the project",
    /// See a workspace and its settings.
    ReadWorkspace: Workspace = "see the workspace",
    /// Change the settings of a workspace.
    UpdateWorkspace: Workspace = "change the settings of the workspace",
    /// Delete a workspace.
    DeleteWorkspace: Workspace = "delete the workspace",
    /// See and change which teams may do what in a workspace.
    ManageWorkspaceTeams: Workspace = "manage the access of teams to the workspace",
    /// See variables; values that are sensitive are never shown.
    ReadVariables: Workspace = "see the variables of the workspace",
    /// Change variables.
    WriteVariables: Workspace = "change the variables of the workspace",
    /// Change the variables that decide which identity runs ask for.
    WriteCredentialVariables: Workspace = "change the credential variables of the workspace",
    /// See runs, plans and logs.
    ReadRuns: Workspace = "see the runs of the workspace",
    /// See applies.
    ReadApplies: Workspace = "see the applies of the workspace",
    /// Upload configurations and queue plans.
    QueuePlans: Workspace = "queue plans in the workspace",
    /// Confirm, discard and cancel runs.
    ApplyRuns: Workspace = "apply runs of the workspace",
    /// Read outputs.
    ReadStateOutputs: Workspace = "read the outputs of the workspace",
    /// Read states and JSON plans, which hold sensitive values.
    ReadState: Workspace = "read the state of the workspace",
    /// Write states.
    WriteState: Workspace = "write the state of the workspace",
    /// Lock and unlock.
    LockWorkspace: Workspace = "lock the workspace",
    /// Break a lock that somebody else holds.
    ForceUnlock: Workspace = "unlock the workspace by force",
}

/// What the teams of a caller were granted, at the place at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Whether the caller belongs to the organization.
    pub is_member: bool,
    /// Whether the caller is in the team of owners.
    pub is_owner: bool,
    /// What its teams may do in the organization.
    pub organization: OrganizationAccess,
    /// What its teams may do on the project, and so on all workspaces in it.
    pub project: Option<ProjectAccess>,
    /// What its teams may do on the workspace.
    pub workspace: Option<WorkspaceAccess>,
    /// Whether the place is a workspace whose state the workspace of the calling run may read.
    pub shares_state: bool,
    /// Whether the organization reserves credential variables to those who administer a workspace, or are granted them by name.
    pub credential_variables_need_admin: bool,
}

/// Where the caller wants to act, as far as tokens are bound to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Whether the organization at hand is the token's own.
    pub is_own_organization: bool,
    /// Whether the workspace at hand is the token's own.
    pub is_own_workspace: bool,
}

/// Tells whether the caller may do this at the place at hand.
///
/// Who may not see a thing is told that nothing is there.
pub fn is_allowed(owner: &TokenOwner, standing: &Standing, place: Place, permission: Permission) -> bool {
    match owner {
        TokenOwner::User { is_site_admin, .. } => {
            *is_site_admin || standing.is_owner || standing.allows(permission)
        }
        TokenOwner::Team { .. } => {
            place.is_own_organization && (standing.is_owner || standing.allows(permission))
        }
        TokenOwner::Organization { .. } => {
            place.is_own_organization && is_for_organization_tokens(permission)
        }
        TokenOwner::AuditTrail { .. } => {
            place.is_own_organization && permission == Permission::ReadAuditTrail
        }
        TokenOwner::Agent { .. } => false,
        TokenOwner::Run { .. } => is_for_run_tokens(standing, place, permission),
    }
}

/// Organization tokens set things up; they neither run nor read what runs wrote.
fn is_for_organization_tokens(permission: Permission) -> bool {
    !matches!(
        permission,
        Permission::QueuePlans | Permission::ApplyRuns | Permission::ReadApplies | Permission::WriteState
    )
}

/// A run reads the state of its own workspace and of those that share with it.
fn is_for_run_tokens(standing: &Standing, place: Place, permission: Permission) -> bool {
    match permission {
        Permission::ReadEntitlements | Permission::ReadRegistry => place.is_own_organization,
        Permission::ReadRuns => place.is_own_workspace,
        Permission::ReadWorkspace | Permission::ReadState | Permission::ReadStateOutputs => {
            place.is_own_workspace || (place.is_own_organization && standing.shares_state)
        }
        _ => false,
    }
}

impl Standing {
    /// What the caller may do on the project at hand; `None` when it may not see it.
    pub fn project_access(&self) -> Option<ProjectAccess> {
        let organization = &self.organization;
        let wide = if self.is_owner || organization.manage_projects {
            Some(ProjectAccess::ALL)
        } else if organization.manage_workspaces {
            Some(ProjectAccess {
                workspaces: WorkspaceAccess::ALL,
                create: true,
                moves: true,
                delete: true,
                variable_sets: VariableAccess::Write,
                ..ProjectAccess::CUSTOM
            })
        } else if organization.read_projects || organization.read_workspaces {
            let workspaces = match organization.read_workspaces {
                true => WorkspaceAccess {
                    runs: RunAccess::Read,
                    variables: VariableAccess::Read,
                    state_versions: StateAccess::Read,
                    ..WorkspaceAccess::NONE
                },
                false => WorkspaceAccess::NONE,
            };
            Some(ProjectAccess { workspaces, variable_sets: VariableAccess::Read, ..ProjectAccess::CUSTOM })
        } else {
            None
        };
        match (wide, self.project) {
            (Some(wide), Some(project)) => Some(wide.union(project)),
            (wide, project) => wide.or(project),
        }
    }

    /// What the caller may do on the workspace at hand; `None` when it may not see it.
    pub fn workspace_access(&self) -> Option<WorkspaceAccess> {
        let sees_all = self.is_owner
            || self.organization.manage_projects
            || self.organization.manage_workspaces
            || self.organization.read_workspaces;
        let from_project = self.project_access().filter(|_| sees_all || self.project.is_some());
        match (from_project.map(|project| project.workspaces), self.workspace) {
            (Some(project), Some(workspace)) => Some(project.union(workspace)),
            (project, workspace) => project.or(workspace),
        }
    }

    /// Tells whether the caller may do everything on the project at hand, and in its workspaces, that the grant allows.
    pub fn covers_project(&self, grant: &ProjectAccess) -> bool {
        match (self.project_access(), self.workspace_access()) {
            (Some(own), Some(inside)) => {
                let own = ProjectAccess { workspaces: with_policies(inside), ..own };
                own.union(*grant) == own
            }
            _ => false,
        }
    }

    /// Tells whether the caller may do everything on the workspace at hand that the grant allows.
    pub fn covers_workspace(&self, grant: &WorkspaceAccess) -> bool {
        let own = self.workspace_access().map(with_policies);
        own.is_some_and(|own| own.union(*grant) == own)
    }

    /// Tells whether the grants contain the permission.
    pub fn allows(&self, permission: Permission) -> bool {
        match permission.scope() {
            Scope::Organization => self.allows_in_organization(permission),
            Scope::Project => {
                self.project_access().is_some_and(|access| allows_on_project(&access, permission))
            }
            Scope::Workspace => {
                let deletes = self.project_access().is_some_and(|access| access.delete);
                self.workspace_access().is_some_and(|access| match permission {
                    Permission::DeleteWorkspace => access.administers || deletes,
                    Permission::WriteCredentialVariables => {
                        writes_credential_variables(&access, self.credential_variables_need_admin)
                    }
                    other => allows_on_workspace(&access, other),
                })
            }
        }
    }

    fn allows_in_organization(&self, permission: Permission) -> bool {
        let granted = &self.organization;
        if !self.is_member {
            return false;
        }
        match permission {
            Permission::ReadOrganization | Permission::ReadEntitlements | Permission::ReadRegistry => true,
            Permission::ManageMembership => granted.manage_membership,
            Permission::ManageTeams => granted.manage_teams,
            Permission::ManageOrganizationAccess => granted.manage_organization_access,
            Permission::CreateProjects => granted.manage_projects,
            Permission::ManageTags | Permission::ManageVariableSets => {
                granted.manage_projects || granted.manage_workspaces
            }
            Permission::ManageAgentPools => granted.manage_agent_pools,
            Permission::ManageModules => granted.manage_modules,
            Permission::ManageProviders => granted.manage_providers,
            _ => self.is_owner,
        }
    }
}

fn writes_credential_variables(access: &WorkspaceAccess, need_admin: bool) -> bool {
    match access.effective().credential_variables {
        CredentialVariableAccess::None => false,
        CredentialVariableAccess::Follows => !need_admin,
        CredentialVariableAccess::Write => true,
    }
}

/// No level contains to override policies, which are not there; who administers a workspace may grant it.
fn with_policies(access: WorkspaceAccess) -> WorkspaceAccess {
    WorkspaceAccess { policy_overrides: access.policy_overrides || access.administers, ..access.effective() }
}

fn allows_on_project(access: &ProjectAccess, permission: Permission) -> bool {
    match permission {
        Permission::ReadProject => true,
        Permission::UpdateProject => access.settings >= ProjectSettingsAccess::Update,
        Permission::DeleteProject => access.settings >= ProjectSettingsAccess::Delete,
        Permission::ReadProjectTeams => access.teams >= ProjectTeamAccess::Read,
        Permission::ManageProjectTeams => access.teams >= ProjectTeamAccess::Manage,
        Permission::ReadProjectVariableSets => access.variable_sets >= VariableAccess::Read,
        Permission::ManageProjectVariableSets => access.variable_sets >= VariableAccess::Write,
        Permission::CreateWorkspaces => access.create,
        Permission::MoveWorkspaces => access.moves,
        _ => false,
    }
}

fn allows_on_workspace(access: &WorkspaceAccess, permission: Permission) -> bool {
    match permission {
        Permission::ReadWorkspace => true,
        Permission::UpdateWorkspace
        | Permission::DeleteWorkspace
        | Permission::ManageWorkspaceTeams
        | Permission::ForceUnlock => access.administers,
        Permission::ReadVariables => access.variables >= VariableAccess::Read,
        Permission::WriteVariables => access.variables >= VariableAccess::Write,
        Permission::ReadRuns | Permission::ReadApplies => access.runs >= RunAccess::Read,
        Permission::QueuePlans => access.runs >= RunAccess::Plan,
        Permission::ApplyRuns => access.runs >= RunAccess::Apply,
        Permission::ReadStateOutputs => access.state_versions >= StateAccess::ReadOutputs,
        Permission::ReadState => access.state_versions >= StateAccess::Read,
        Permission::WriteState => access.state_versions >= StateAccess::Write,
        Permission::LockWorkspace => access.locking,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
