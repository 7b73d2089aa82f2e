//! Whole-product tests.

mod agent_pools;
mod api_clients;
mod clients;
mod counterparts;
mod credentials;
mod faults;
mod jose;
mod key_places;
mod keys;
mod layers;
mod openapi;
mod process_table;
mod publishing;
mod reference;
mod registry;
mod rotation;
mod site;
mod soak;
mod sweep;
mod terraform;
mod two_servers;
mod variable_sets;
