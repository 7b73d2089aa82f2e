//! `carnet trust`: what an administrator applies once so that a provider trusts this server's identities.

mod check;
mod families;
mod fetch;
mod input;
mod outside;
mod scan;
mod target;

use clap::{Args, Subcommand};

use self::families::{
    AwsArgs, AzureArgs, Family, GcpArgs, HcpArgs, KubernetesArgs, TencentCloudArgs, VaultArgs,
    VaultBackedAwsArgs, VaultBackedAzureArgs, VaultBackedGcpArgs,
};
use self::target::TrustTarget;
use crate::edge;

#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// AWS: an OpenID Connect provider and one role for each phase.
    Aws(Box<Trust<AwsArgs>>),
    /// Azure: an application with a federated credential for each phase.
    Azure(Box<Trust<AzureArgs>>),
    /// Google Cloud: a workload identity pool, its provider, and a service account for each phase.
    Gcp(Box<Trust<GcpArgs>>),
    /// Vault or OpenBao: a JWT auth mount and one role for each phase.
    Vault(Box<Trust<VaultArgs>>),
    /// Kubernetes: structured authentication and one binding for each phase.
    Kubernetes(Box<Trust<KubernetesArgs>>),
    /// HCP: a service principal with a workload identity provider for each phase.
    Hcp(Box<Trust<HcpArgs>>),
    /// Tencent Cloud: an OpenID Connect provider and one role for each phase.
    Tencentcloud(Box<Trust<TencentCloudArgs>>),
    /// AWS keys that Vault makes: the trust of Vault, and a role of its secrets engine for each phase.
    VaultAws(Box<Trust<VaultBackedAwsArgs>>),
    /// Azure secrets that Vault makes.
    VaultAzure(Box<Trust<VaultBackedAzureArgs>>),
    /// Google access tokens that Vault makes.
    VaultGcp(Box<Trust<VaultBackedGcpArgs>>),
    /// Say whether a relying party takes a token, and if not, why and what helps.
    Check(Box<check::CheckOptions>),
    /// Look for trust that is too wide.
    Scan(Box<scan::ScanOptions>),
}

/// Whose runs a family trusts, and what it needs to know besides.
#[derive(Debug, Args)]
pub(crate) struct Trust<F: Args> {
    #[command(flatten)]
    target: TrustTarget,
    #[command(flatten)]
    family: F,
}

/// Runs one of the commands.
pub(crate) fn run(command: TrustCommand) -> anyhow::Result<()> {
    match command {
        TrustCommand::Aws(trust) => print(*trust),
        TrustCommand::Azure(trust) => print(*trust),
        TrustCommand::Gcp(trust) => print(*trust),
        TrustCommand::Vault(trust) => print(*trust),
        TrustCommand::Kubernetes(trust) => print(*trust),
        TrustCommand::Hcp(trust) => print(*trust),
        TrustCommand::Tencentcloud(trust) => print(*trust),
        TrustCommand::VaultAws(trust) => print(*trust),
        TrustCommand::VaultAzure(trust) => print(*trust),
        TrustCommand::VaultGcp(trust) => print(*trust),
        TrustCommand::Check(options) => judged(check::run(&options)),
        TrustCommand::Scan(options) => judged(scan::run(&options)),
    }
}

/// Prints the trust for a provider.
fn print<F: Args + Family>(trust: Trust<F>) -> anyhow::Result<()> {
    edge::print(&trust.target.text(trust.family.into_options()?)?)
}

/// Ends the process as tools that look for something do: one code says that something was found, another one that nothing could be
/// looked at.
fn judged(outcome: anyhow::Result<bool>) -> anyhow::Result<()> {
    match outcome {
        Ok(true) => Ok(()),
        Ok(false) => edge::exit(1),
        Err(error) => {
            eprintln!("carnet: {error:#}");
            edge::exit(2)
        }
    }
}

/// Ends the process because it was called in the wrong way.
fn usage(says: &str) -> ! {
    clap::Error::raw(clap::error::ErrorKind::MissingRequiredArgument, format!("{says}\n")).exit()
}
