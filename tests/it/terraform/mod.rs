//! The real Terraform CLI: what a person types and what the terminal shows.

mod apply;
mod broken_configuration;
mod directory;
mod import;
mod init;
mod interrupt;
mod local_operations;
mod masked;
mod plan;
mod queue;
mod remote_backend;
mod saved_plan;
mod state;
mod time_limit;
mod variables;
mod world;
