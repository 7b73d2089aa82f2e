//! Whole-product tests.

mod agent_pools;
mod api_clients;
mod clients;
mod counterparts;
mod credentials;
mod faults;
mod jose;
mod layers;
mod openapi;
mod process_table;
mod reference;
mod registry;
mod site;
mod soak;
mod sweep;
mod terraform;
mod trust;
mod two_servers;
mod variable_sets;
