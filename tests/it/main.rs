//! Whole-product tests.

mod counterparts;
mod credentials;
mod layers;
mod process_table;
mod reference;
mod site;
mod sweep;
