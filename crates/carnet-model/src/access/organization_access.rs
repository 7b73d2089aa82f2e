//! What teams may be granted on a whole organization.

macro_rules! organization_access {
    ($($(#[$doc:meta])* $field:ident = $name:literal,)*) => {
        /// What a team may do in a whole organization.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct OrganizationAccess {
            $($(#[$doc])* pub $field: bool,)*
        }

        impl OrganizationAccess {
            /// To do everything.
            pub const ALL: Self = Self { $($field: true,)* };

            /// The names of all permissions, as clients write them.
            pub const NAMES: &'static [&'static str] = &[$($name,)*];

            /// The permission of this name.
            pub fn get(&self, name: &str) -> Option<bool> {
                match name {
                    $($name => Some(self.$field),)*
                    _ => None,
                }
            }

            /// Changes the permission of this name; `false` when there is none.
            pub fn set(&mut self, name: &str, value: bool) -> bool {
                match name {
                    $($name => self.$field = value,)*
                    _ => return false,
                }
                true
            }

            /// Everything that one of the two allows.
            #[must_use]
            pub fn union(self, other: Self) -> Self {
                Self { $($field: self.$field || other.$field,)* }
            }
        }
    };
}

organization_access! {
    /// To manage policies.
    manage_policies = "manage-policies",
    /// To override failed policies.
    manage_policy_overrides = "manage-policy-overrides",
    /// To let others override failed policies.
    delegate_policy_overrides = "delegate-policy-overrides",
    /// To manage run tasks.
    manage_run_tasks = "manage-run-tasks",
    /// To do everything with all workspaces.
    manage_workspaces = "manage-workspaces",
    /// To manage connections to version control.
    manage_vcs_settings = "manage-vcs-settings",
    /// To manage agent pools.
    manage_agent_pools = "manage-agent-pools",
    /// To do everything with all projects and workspaces.
    manage_projects = "manage-projects",
    /// To see all projects.
    read_projects = "read-projects",
    /// To see all workspaces.
    read_workspaces = "read-workspaces",
    /// To manage the modules of the private registry.
    manage_modules = "manage-modules",
    /// To manage the providers of the private registry.
    manage_providers = "manage-providers",
    /// To invite and to remove members.
    manage_membership = "manage-membership",
    /// To manage teams.
    manage_teams = "manage-teams",
    /// To manage what teams may do in the organization.
    manage_organization_access = "manage-organization-access",
    /// To see secret teams.
    access_secret_teams = "access-secret-teams",
}
