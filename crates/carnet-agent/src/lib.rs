//! The agent: it claims jobs and runs Terraform or OpenTofu for them.
//!
//! An agent can mint nothing and approve nothing. What a run is given exists for one phase; at the end it is revoked
//! and deleted, also when the agent dies.

mod adapters;
mod broker;
mod certificates;
mod config;
mod control;
mod credential_report;
mod engine;
mod environment;
#[cfg(test)]
mod fixture;
mod guardian;
mod job;
mod leftovers;
mod log;
mod phase;
mod plan_json;
mod preparation;
mod process;
mod reach;
mod redact;
mod refusal;
mod retry;
mod sandbox;
mod schemas;
mod state;
mod steps;
mod strays;
mod token_source;
mod unpack;
mod variables;
mod workdir;
mod worker;

pub use carnet_creds::{AllowedHostError, AllowedHosts};
pub use config::{AgentConfig, AgentError, Clock, EngineSource, SandboxMode, UnpackLimits};
pub use guardian::guardian_main;
pub use sandbox::sandbox_main;
pub use worker::run;
