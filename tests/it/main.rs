//! Whole-product tests.

mod counterparts;
mod credentials;
mod faults;
mod layers;
mod process_table;
mod reference;
mod site;
mod sweep;
mod terraform;
