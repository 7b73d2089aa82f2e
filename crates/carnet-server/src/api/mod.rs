//! The API that Terraform's clients speak, one file per resource.

mod account;
pub(crate) mod configuration_versions;
mod discovery;
mod job_reports;
pub(crate) mod organizations;
mod projects;
mod state_version_document;
mod state_version_outputs;
mod state_version_uploads;
mod state_version_writes;
mod state_versions;
mod variables;
mod workspace_document;
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
        .merge(organizations::routes())
        .merge(projects::routes())
        .merge(workspaces::routes())
        .merge(workspace_locks::routes())
        .merge(workspace_tags::routes())
        .merge(variables::routes())
        .merge(job_reports::routes())
        .merge(configuration_versions::routes())
        .merge(state_versions::routes())
        .merge(state_version_writes::routes())
        .merge(state_version_uploads::routes())
        .merge(state_version_outputs::routes())
}
