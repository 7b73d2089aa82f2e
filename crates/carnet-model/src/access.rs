//! What teams may be granted: on an organization, on a project with its workspaces, on one workspace.
//!
//! The levels and what they stand for are HCP Terraform's: <https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/permissions>.

mod organization_access;

pub use organization_access::OrganizationAccess;

/// An ordered list of levels, each with the name that clients write.
macro_rules! levels {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every level, the least first.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The level as clients write it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|level| level.as_str() == text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|level| level.as_str()).collect();
                    format!("{text:?} is none of {}", known.join(", "))
                })
            }
        }
    )*};
}

levels! {
    /// What may be done with runs.
    RunAccess {
        /// Nothing is visible.
        None = "none",
        /// Runs, plans and logs are visible.
        Read = "read",
        /// Plans may be queued.
        Plan = "plan",
        /// Runs may be confirmed, discarded and canceled.
        Apply = "apply",
    }
    /// What may be done with variables.
    VariableAccess {
        /// Nothing is visible.
        None = "none",
        /// Names and values that are not sensitive are visible.
        Read = "read",
        /// Variables may be changed.
        Write = "write",
    }
    /// What may be done with variables that decide about credentials.
    CredentialVariableAccess {
        /// They cannot be changed.
        None = "none",
        /// They may be changed by whoever may change variables, unless the organization reserves that.
        Follows = "follows",
        /// They may be changed, if variables may.
        Write = "write",
    }
    /// What may be done with state versions.
    StateAccess {
        /// Nothing is visible.
        None = "none",
        /// Outputs are visible.
        ReadOutputs = "read-outputs",
        /// States are visible.
        Read = "read",
        /// States may be written.
        Write = "write",
    }
    /// Whether mock data for Sentinel may be downloaded.
    SentinelMockAccess {
        /// No.
        None = "none",
        /// Yes.
        Read = "read",
    }
    /// What may be done with a project itself.
    ProjectSettingsAccess {
        /// Its settings are visible.
        Read = "read",
        /// Its settings may be changed.
        Update = "update",
        /// It may be deleted.
        Delete = "delete",
    }
    /// What may be done with the access of teams to a project.
    ProjectTeamAccess {
        /// Nothing is visible.
        None = "none",
        /// It is visible.
        Read = "read",
        /// It may be changed.
        Manage = "manage",
    }
    /// The named levels of access to a workspace.
    WorkspaceLevel {
        /// To see runs, variables and states.
        Read = "read",
        /// To queue plans, too.
        Plan = "plan",
        /// To apply and to change variables and states, too.
        Write = "write",
        /// To do everything.
        Admin = "admin",
        /// What its attributes say.
        Custom = "custom",
    }
    /// The named levels of access to a project.
    ProjectLevel {
        /// To see everything in it.
        Read = "read",
        /// To run in its workspaces.
        Write = "write",
        /// To make and to delete workspaces, too.
        Maintain = "maintain",
        /// To do everything.
        Admin = "admin",
        /// What its attributes say.
        Custom = "custom",
    }
}

/// What a team may do on a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkspaceAccess {
    /// Runs.
    pub runs: RunAccess,
    /// Variables.
    pub variables: VariableAccess,
    /// Variables that decide about credentials; without access to variables there is none to these.
    pub credential_variables: CredentialVariableAccess,
    /// State versions.
    pub state_versions: StateAccess,
    /// Mock data for Sentinel.
    pub sentinel_mocks: SentinelMockAccess,
    /// To lock and to unlock.
    pub locking: bool,
    /// To attach run tasks.
    pub run_tasks: bool,
    /// To override policies.
    pub policy_overrides: bool,
    /// To change settings, access of teams, to delete.
    pub administers: bool,
}

impl WorkspaceAccess {
    /// To see that the workspace is there, and nothing of what is in it.
    pub const NONE: Self = Self {
        runs: RunAccess::None,
        variables: VariableAccess::None,
        credential_variables: CredentialVariableAccess::None,
        state_versions: StateAccess::None,
        sentinel_mocks: SentinelMockAccess::None,
        locking: false,
        run_tasks: false,
        policy_overrides: false,
        administers: false,
    };

    /// To do everything.
    pub const ALL: Self = Self {
        runs: RunAccess::Apply,
        variables: VariableAccess::Write,
        credential_variables: CredentialVariableAccess::Write,
        state_versions: StateAccess::Write,
        sentinel_mocks: SentinelMockAccess::Read,
        locking: true,
        run_tasks: true,
        policy_overrides: true,
        administers: true,
    };

    /// What a named level stands for; `None` for custom access, which begins with reading runs.
    pub fn of_level(level: WorkspaceLevel) -> Option<Self> {
        let read = Self {
            runs: RunAccess::Read,
            variables: VariableAccess::Read,
            state_versions: StateAccess::Read,
            ..Self::NONE
        };
        match level {
            WorkspaceLevel::Read => Some(read),
            WorkspaceLevel::Plan => Some(Self { runs: RunAccess::Plan, ..read }),
            WorkspaceLevel::Write => Some(Self {
                runs: RunAccess::Apply,
                variables: VariableAccess::Write,
                credential_variables: CredentialVariableAccess::Follows,
                state_versions: StateAccess::Write,
                sentinel_mocks: SentinelMockAccess::Read,
                locking: true,
                ..Self::NONE
            }),
            WorkspaceLevel::Admin => Some(Self { policy_overrides: false, ..Self::ALL }),
            WorkspaceLevel::Custom => None,
        }
    }

    /// What custom access is made with.
    pub const CUSTOM: Self =
        Self { runs: RunAccess::Read, credential_variables: CredentialVariableAccess::Follows, ..Self::NONE };

    /// The same without what is granted and has no effect: nobody writes some variables who may write none.
    #[must_use]
    pub fn effective(self) -> Self {
        match self.variables {
            VariableAccess::Write => self,
            VariableAccess::None | VariableAccess::Read => {
                Self { credential_variables: CredentialVariableAccess::None, ..self }
            }
        }
    }

    /// Everything that one of the two allows.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let credential_variables = |access: Self| access.effective().credential_variables;
        Self {
            runs: self.runs.max(other.runs),
            variables: self.variables.max(other.variables),
            credential_variables: credential_variables(self).max(credential_variables(other)),
            state_versions: self.state_versions.max(other.state_versions),
            sentinel_mocks: self.sentinel_mocks.max(other.sentinel_mocks),
            locking: self.locking || other.locking,
            run_tasks: self.run_tasks || other.run_tasks,
            policy_overrides: self.policy_overrides || other.policy_overrides,
            administers: self.administers || other.administers,
        }
    }
}

/// What a team may do on a project and on every workspace in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectAccess {
    /// The project itself.
    pub settings: ProjectSettingsAccess,
    /// The access of teams to it.
    pub teams: ProjectTeamAccess,
    /// Variable sets that the project owns.
    pub variable_sets: VariableAccess,
    /// Its workspaces.
    pub workspaces: WorkspaceAccess,
    /// To make workspaces.
    pub create: bool,
    /// To move workspaces to and from it.
    pub moves: bool,
    /// To delete workspaces.
    pub delete: bool,
}

impl ProjectAccess {
    /// What custom access is made with.
    pub const CUSTOM: Self = Self {
        settings: ProjectSettingsAccess::Read,
        teams: ProjectTeamAccess::None,
        variable_sets: VariableAccess::None,
        workspaces: WorkspaceAccess::CUSTOM,
        create: false,
        moves: false,
        delete: false,
    };

    /// To do everything.
    pub const ALL: Self = Self {
        settings: ProjectSettingsAccess::Delete,
        teams: ProjectTeamAccess::Manage,
        variable_sets: VariableAccess::Write,
        workspaces: WorkspaceAccess::ALL,
        create: true,
        moves: true,
        delete: true,
    };

    /// What a named level stands for; `None` for custom access.
    pub fn of_level(level: ProjectLevel) -> Option<Self> {
        let read = Self {
            variable_sets: VariableAccess::Read,
            workspaces: WorkspaceAccess {
                runs: RunAccess::Read,
                variables: VariableAccess::Read,
                state_versions: StateAccess::Read,
                ..WorkspaceAccess::NONE
            },
            ..Self::CUSTOM
        };
        let write = WorkspaceAccess {
            runs: RunAccess::Apply,
            variables: VariableAccess::Write,
            credential_variables: CredentialVariableAccess::Follows,
            state_versions: StateAccess::Write,
            sentinel_mocks: SentinelMockAccess::Read,
            locking: true,
            ..WorkspaceAccess::NONE
        };
        match level {
            ProjectLevel::Read => Some(read),
            ProjectLevel::Write => Some(Self { workspaces: write, ..read }),
            ProjectLevel::Maintain => Some(Self {
                workspaces: WorkspaceAccess {
                    run_tasks: true,
                    administers: true,
                    credential_variables: CredentialVariableAccess::Write,
                    ..write
                },
                variable_sets: VariableAccess::Write,
                create: true,
                delete: true,
                ..read
            }),
            ProjectLevel::Admin => Some(Self {
                workspaces: WorkspaceAccess { policy_overrides: false, ..WorkspaceAccess::ALL },
                ..Self::ALL
            }),
            ProjectLevel::Custom => None,
        }
    }

    /// Everything that one of the two allows.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            settings: self.settings.max(other.settings),
            teams: self.teams.max(other.teams),
            variable_sets: self.variable_sets.max(other.variable_sets),
            workspaces: self.workspaces.union(other.workspaces),
            create: self.create || other.create,
            moves: self.moves || other.moves,
            delete: self.delete || other.delete,
        }
    }
}

#[cfg(test)]
mod tests;
