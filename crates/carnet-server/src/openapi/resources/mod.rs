//! What there is to describe, one file for each part of the API.

mod absent;
mod accounts;
mod agent_pools;
mod carnet;
mod configuration;
mod discovery;
mod issuance;
mod issuers;
mod ledger;
mod notifications;
mod organizations;
mod plans;
mod projects;
mod registry;
mod registry_protocol;
mod runs;
mod states;
mod subjects;
mod tags;
mod teams;
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
        teams::family(),
        projects::family(),
        tags::family(),
        workspaces::family(),
        variables::family(),
        variable_sets::family(),
        configuration::family(),
        runs::family(),
        plans::family(),
        states::family(),
        agent_pools::family(),
        notifications::family(),
        registry::family(),
        registry_protocol::family(),
        absent::family(),
        transfers::family(),
        carnet::family(),
        issuance::family(),
        ledger::family(),
        issuers::family(),
        subjects::family(),
    ]
}
