//! What there is to describe, one file for each part of the API.

mod accounts;
mod carnet;
mod configuration;
mod discovery;
mod organizations;
mod plans;
mod projects;
mod runs;
mod states;
mod transfers;
mod variable_sets;
mod variables;
mod workspaces;

use super::Family;

/// Every part of the API.
pub(super) fn families() -> Vec<Family> {
    vec![
        discovery::family(),
        accounts::family(),
        organizations::family(),
        projects::family(),
        workspaces::family(),
        variables::family(),
        variable_sets::family(),
        configuration::family(),
        runs::family(),
        plans::family(),
        states::family(),
        transfers::family(),
        carnet::family(),
    ]
}
