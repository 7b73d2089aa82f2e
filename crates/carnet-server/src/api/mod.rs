//! The API that Terraform's clients speak, one file per resource.

mod account;
pub(crate) mod configuration_versions;
mod discovery;
pub(crate) mod organizations;
mod projects;
mod variables;
mod workspace_document;
mod workspace_locks;
mod workspace_tags;
pub(crate) mod workspaces;

pub(crate) use workspace_document::resource as workspace_resource;

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
        .merge(configuration_versions::routes())
}
