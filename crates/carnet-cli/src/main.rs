//! The command `carnet`: wires the server, the agent and the tools around them.

mod adapters;
mod admin;
mod agent;
mod api_client;
mod cli;
mod config;
mod data_dir;
mod database;
mod duration;
mod edge;
mod issuer;
mod key_places;
mod ledger;
mod logging;
mod master_key;
mod reach;
mod server;
mod subject;
mod tls;
mod trust;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::cli::{Cli, Command, ConfigCommand};

fn main() -> ExitCode {
    // The two stages run for every job: they must start fast and need nothing of what follows.
    let stage = edge::stage();
    if stage.as_deref() == Some("sandbox-exec") {
        carnet_agent::sandbox_main();
    }
    if let Err(error) = edge::hide_memory() {
        eprintln!("carnet: this process cannot be kept from being traced: {error}");
        return ExitCode::FAILURE;
    }
    if stage.as_deref() == Some("guardian") {
        carnet_agent::guardian_main();
        return ExitCode::SUCCESS;
    }
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("carnet: {}", complaint(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes in one line. Some libraries repeat their cause in their own text: it is said once.
fn complaint(error: &anyhow::Error) -> String {
    error.chain().skip(1).fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.contains(cause.trim()) { text } else { format!("{text}: {cause}") }
    })
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "carnet", &mut std::io::stdout());
            Ok(())
        }
        Command::Trust { command } => trust::run(command),
        Command::Config { command: ConfigCommand::Check { options } } => {
            let config = config::server(cli.config.as_deref(), options)?;
            config::check(&config)?;
            edge::print(&format!("{}# the configuration is valid\n", config::text(&config)))
        }
        Command::Server { options } => {
            let config = config::server(cli.config.as_deref(), options)?;
            logging::init(cli.log_format);
            edge::runtime()?.block_on(server::run(config))
        }
        Command::Agent { options } => {
            logging::init(cli.log_format);
            edge::runtime()?.block_on(agent::run(options))
        }
        Command::Ledger { command } => ledger::run(command),
        Command::Adapters { command } => adapters::run(command),
        Command::Issuer { command } => edge::runtime()?.block_on(issuer::run(command)),
        Command::Subject { command } => edge::runtime()?.block_on(subject::run(command)),
        Command::Admin { command } => edge::runtime()?.block_on(admin::run(command)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let error =
            anyhow::anyhow!("the disk is full").context("writing: the disk is full").context("no report");
        assert_eq!(complaint(&error), "no report: writing: the disk is full");
    }
}
