//! The API that Terraform's clients speak, one file per resource.

mod absent_features;
pub(crate) mod account;
mod adapters;
mod admin_users;
mod agent_pools;
pub(crate) mod applies;
mod audit_trail;
pub(crate) mod authentication_tokens;
mod comments;
pub(crate) mod configuration_versions;
mod credential_rules;
mod credential_variables;
mod delegation;
mod discovery;
mod identity_tokens;
mod issuance_checks;
mod issuance_policies;
mod issuers;
mod job_reports;
mod ledger;
mod legacy_variables;
mod logs;
mod notification_configurations;
pub(crate) mod organization_document;
mod organization_input;
pub(crate) mod organization_memberships;
mod organization_tags;
mod organization_tokens;
pub(crate) mod organizations;
mod outstanding_credentials;
mod plans;
mod pool_agents;
mod project_document;
mod project_input;
mod project_tags;
mod projects;
mod queue;
mod registry_modules;
mod registry_protocol;
mod registry_providers;
mod remote_state_consumers;
mod reserved_tag_keys;
mod run_actions;
mod run_credentials;
mod run_document;
mod run_events;
mod run_filter;
mod run_input;
mod run_triggers;
mod runs;
mod service_users;
mod signing_keys;
mod ssh_keys;
mod state_version_document;
mod state_version_outputs;
mod state_version_uploads;
mod state_version_writes;
mod state_versions;
mod subject_graces;
mod subject_previews;
mod subject_settings;
mod team_access;
mod team_document;
mod team_members;
mod team_projects;
mod team_tokens;
mod team_workspaces;
mod teams;
mod token_ttl_policies;
pub(crate) mod trust_checks;
pub(crate) mod trust_setup;
mod variable_document;
mod variable_input;
mod variable_set_access;
mod variable_set_assignments;
mod variable_set_document;
mod variable_set_input;
mod variable_set_variables;
mod variable_sets;
mod variables;
mod workspace_blobs;
pub(crate) mod workspace_document;
mod workspace_input;
mod workspace_locks;
mod workspace_resources;
mod workspace_tags;
pub(crate) mod workspaces;

#[cfg(test)]
mod tests;

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    own_routes()
        .merge(discovery::routes())
        .merge(account::routes())
        .merge(admin_users::routes())
        .merge(authentication_tokens::routes())
        .merge(organizations::routes())
        .merge(projects::routes())
        .merge(workspaces::routes())
        .merge(workspace_locks::routes())
        .merge(workspace_tags::routes())
        .merge(variables::routes())
        .merge(legacy_variables::routes())
        .merge(variable_sets::routes())
        .merge(variable_set_assignments::routes())
        .merge(variable_set_variables::routes())
        .merge(configuration_versions::routes())
        .merge(state_versions::routes())
        .merge(state_version_writes::routes())
        .merge(state_version_uploads::routes())
        .merge(state_version_outputs::routes())
        .merge(runs::routes())
        .merge(run_actions::routes())
        .merge(run_events::routes())
        .merge(plans::routes())
        .merge(applies::routes())
        .merge(logs::routes())
        .merge(queue::routes())
        .merge(teams::routes())
        .merge(team_members::routes())
        .merge(team_workspaces::routes())
        .merge(team_projects::routes())
        .merge(team_tokens::routes())
        .merge(organization_tokens::routes())
        .merge(token_ttl_policies::routes())
        .merge(organization_memberships::routes())
        .merge(agent_pools::routes())
        .merge(pool_agents::routes())
        .merge(comments::routes())
        .merge(run_triggers::routes())
        .merge(reserved_tag_keys::routes())
        .merge(organization_tags::routes())
        .merge(project_tags::routes())
        .merge(notification_configurations::routes())
        .merge(registry_modules::routes())
        .merge(registry_providers::routes())
        .merge(registry_protocol::routes())
        .merge(audit_trail::routes())
        .merge(signing_keys::routes())
        .merge(absent_features::routes())
        .merge(remote_state_consumers::routes())
        .merge(workspace_resources::routes())
        .merge(ssh_keys::routes())
}

/// What HCP Terraform does not have.
fn own_routes() -> Routes {
    Routes::default()
        .merge(adapters::routes())
        .merge(job_reports::routes())
        .merge(ledger::routes())
        .merge(run_credentials::routes())
        .merge(outstanding_credentials::routes())
        .merge(issuers::routes())
        .merge(identity_tokens::routes())
        .merge(issuance_policies::routes())
        .merge(subject_settings::routes())
        .merge(subject_graces::routes())
        .merge(subject_previews::routes())
        .merge(trust_setup::routes())
        .merge(trust_checks::routes())
}
