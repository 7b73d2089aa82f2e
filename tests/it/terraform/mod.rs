//! The real Terraform CLI: what a person types and what the terminal shows.

#![expect(
    clippy::too_many_lines,
    reason = "a scenario reads from top to bottom, with what the terminal shows in place"
)]

mod apply;
mod apply_options;
mod approval;
mod broken_configuration;
mod directory;
mod import;
mod init;
mod interrupt;
mod local_commands;
mod local_operations;
mod local_snapshots;
mod login;
mod masked;
mod migration;
mod module_tests;
mod plan;
mod queue;
mod remote_backend;
mod remote_state;
mod saved_plan;
mod state;
mod time_limit;
mod variables;
mod workspace_delete;
mod world;
