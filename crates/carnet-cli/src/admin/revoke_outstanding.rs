//! `carnet admin revoke-outstanding`: ends what runs left behind in Vault when nobody was left to do it.
//!
//! The server keeps accessors and no secret, and no run may revoke what is not its own: the right to revoke comes with
//! whoever calls this. That Vault token is shown to the one address that the caller names, as the addresses on the list were
//! chosen by runs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use carnet_creds::{HttpSettings, RevocationOutcome, VaultAccessor};
use carnet_model::OrgName;
use clap::Args;
use reqwest::Url;
use secrecy::SecretString;

use super::outstanding_list::{Credential, Outstanding, OutstandingList};
use crate::api_client::ApiClient;
use crate::edge;
use crate::reach::{authorities, server_address};

/// Which list, and which Vault.
#[derive(Debug, Args)]
pub(crate) struct RevokeOptions {
    /// The server's address.
    #[arg(long, env = "CARNET_SERVER", value_name = "URL", value_parser = server_address)]
    server: Url,

    /// The organization.
    #[arg(long, value_name = "NAME")]
    organization: OrgName,

    /// The Vault whose tokens are revoked, as runs name it; no other address is shown the Vault token.
    #[arg(long, env = "VAULT_ADDR", value_parser = web_address, required_unless_present = "dry_run", value_name = "URL")]
    address: Option<Url>,

    /// The file of the API token; CARNET_TOKEN beats it.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Certificate authorities to trust beside the system's, PEM.
    #[arg(long, env = "CARNET_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// The certificate authority of Vault, PEM, if it is another one.
    #[arg(long, env = "VAULT_CACERT", value_name = "FILE")]
    vault_ca_file: Option<PathBuf>,

    /// Only print what would be revoked.
    #[arg(long)]
    dry_run: bool,
}

fn web_address(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => Ok(url),
        Ok(_) | Err(_) => Err("an address looks like https://vault.example.org:8200".to_owned()),
    }
}

/// Revokes what is outstanding; fails when something of this Vault is left.
pub(crate) async fn run(options: &RevokeOptions) -> anyhow::Result<()> {
    let ca_pem = options.ca_file.as_deref().map(authority_text).transpose()?;
    let server = ApiClient::open(&options.server, options.token_file.as_deref(), options.ca_file.as_deref())?;
    let list = OutstandingList::new(server, options.organization.clone());
    let mut print = |line: &str| edge::print(&format!("{line}\n"));
    if options.dry_run {
        return preview(&list, options.address.as_ref(), &mut print).await;
    }
    let authority = edge::secret("VAULT_TOKEN").context("no Vault token: set VAULT_TOKEN")?;
    let address = options.address.clone().context("no Vault: set VAULT_ADDR or --address")?;
    let http = HttpSettings { extra_roots_pem: ca_pem, ..HttpSettings::default() };
    let ca_pem = options.vault_ca_file.as_deref().map(authority_text).transpose()?;
    revoke_all(&list, &Vault { address, ca_pem, http, authority }, &mut print).await
}

fn authority_text(file: &Path) -> anyhow::Result<String> {
    String::from_utf8(authorities(file)?).with_context(|| format!("{} is not text", file.display()))
}

/// Where lines for people go.
type Print<'a> = &'a mut dyn FnMut(&str) -> anyhow::Result<()>;

/// A Vault, and the right to revoke there.
#[derive(Debug)]
pub(super) struct Vault {
    pub(super) address: Url,
    pub(super) ca_pem: Option<String>,
    pub(super) http: HttpSettings,
    pub(super) authority: SecretString,
}

impl Vault {
    async fn revoke(&self, credential: &Credential) -> RevocationOutcome {
        if credential.accessor.is_empty() {
            return RevocationOutcome::Failed("it has no accessor by which it could be revoked".to_owned());
        }
        let accessor = VaultAccessor {
            address: self.address.as_str().trim_end_matches('/').to_owned(),
            namespace: credential.namespace.clone(),
            ca_pem: self.ca_pem.clone(),
            accessor: credential.accessor.clone(),
        };
        accessor.revoke(&self.http, &self.authority).await
    }
}

/// Prints what would be revoked, the newest first.
pub(super) async fn preview(
    list: &OutstandingList,
    address: Option<&Url>,
    print: Print<'_>,
) -> anyhow::Result<()> {
    for entry in list.all().await?.iter().rev() {
        if address.is_none_or(|address| is_of(&entry.credential, address)) {
            print(&format!("would revoke {}", described(entry)))?;
        }
    }
    Ok(())
}

/// Revokes what the list has of one Vault, the newest first, and tells the server how it went.
pub(super) async fn revoke_all(
    list: &OutstandingList,
    vault: &Vault,
    print: Print<'_>,
) -> anyhow::Result<()> {
    let all = list.all().await?;
    let (ours, others): (Vec<_>, Vec<_>) =
        all.iter().rev().partition(|entry| is_of(&entry.credential, &vault.address));
    let mut left = 0;
    for entry in &ours {
        let outcome = vault.revoke(&entry.credential).await;
        let (word, revocation, detail) = words(&outcome);
        let mut line = format!("{word} {}", described(entry));
        if !detail.is_empty() {
            line.push_str(&format!(": {detail}"));
        }
        let told = list.settle(&entry.id, revocation, detail).await;
        if let Err(error) = &told {
            line.push_str(&format!("; the server was not told: {error:#}"));
        }
        if revocation == "failed" || told.is_err() {
            left += 1;
        }
        print(&line)?;
    }
    for entry in others {
        print(&format!("left alone, as it is of another server: {}", described(entry)))?;
    }
    if left > 0 {
        bail!("{left} of {} credentials of {} are left", ours.len(), vault.address);
    }
    Ok(())
}

/// What is printed, and what the server is told.
fn words(outcome: &RevocationOutcome) -> (&'static str, &'static str, &str) {
    match outcome {
        RevocationOutcome::Revoked => ("revoked", "revoked", ""),
        RevocationOutcome::AlreadyGone => ("already gone:", "already_gone", ""),
        RevocationOutcome::EndsByItself(_) => ("could not revoke", "failed", "it ends by itself"),
        RevocationOutcome::Failed(reason) => ("could not revoke", "failed", reason),
    }
}

fn is_of(credential: &Credential, address: &Url) -> bool {
    let plain = |text: &str| Url::parse(text.trim_end_matches('/')).ok();
    plain(&credential.address).is_some_and(|found| Some(found) == plain(address.as_str()))
}

fn described(entry: &Outstanding) -> String {
    let Outstanding { run_id, credential: found, .. } = entry;
    let tag = found.tag.as_ref().map(|tag| format!(" ({tag})")).unwrap_or_default();
    let accessor = if found.accessor.is_empty() { "without accessor" } else { &found.accessor };
    let end = found.ends_at.map(|end| format!(", ends at {end}")).unwrap_or_default();
    format!(
        "{}{tag} {accessor} at {} ({} of {run_id} in {}{end})",
        found.family, found.address, found.phase, found.workspace_name
    )
}
