//! The API that Terraform's clients speak, one file per resource.

mod account;
mod adapters;
mod applies;
pub(crate) mod authentication_tokens;
pub(crate) mod configuration_versions;
mod credential_rules;
mod discovery;
mod identity_tokens;
mod job_reports;
mod logs;
pub(crate) mod organizations;
mod outstanding_credentials;
mod plans;
mod projects;
mod queue;
mod run_actions;
mod run_credentials;
mod run_document;
mod run_events;
mod run_filter;
mod run_input;
mod runs;
mod state_version_document;
mod state_version_outputs;
mod state_version_uploads;
mod state_version_writes;
mod state_versions;
mod variable_document;
mod variable_input;
mod variable_set_assignments;
mod variable_set_document;
mod variable_set_input;
mod variable_set_variables;
mod variable_sets;
mod variables;
mod workspace_blobs;
mod workspace_document;
mod workspace_input;
mod workspace_locks;
mod workspace_tags;
pub(crate) mod workspaces;

#[cfg(test)]
mod tests;

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .merge(discovery::routes())
        .merge(account::routes())
        .merge(authentication_tokens::routes())
        .merge(organizations::routes())
        .merge(adapters::routes())
        .merge(projects::routes())
        .merge(workspaces::routes())
        .merge(workspace_locks::routes())
        .merge(workspace_tags::routes())
        .merge(variables::routes())
        .merge(variable_sets::routes())
        .merge(variable_set_assignments::routes())
        .merge(variable_set_variables::routes())
        .merge(job_reports::routes())
        .merge(configuration_versions::routes())
        .merge(state_versions::routes())
        .merge(state_version_writes::routes())
        .merge(state_version_uploads::routes())
        .merge(state_version_outputs::routes())
        .merge(runs::routes())
        .merge(run_actions::routes())
        .merge(run_events::routes())
        .merge(run_credentials::routes())
        .merge(outstanding_credentials::routes())
        .merge(plans::routes())
        .merge(applies::routes())
        .merge(logs::routes())
        .merge(queue::routes())
        .merge(identity_tokens::routes())
}
