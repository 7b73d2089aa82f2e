//! Where a ledger is read: a file, a server, or the database itself.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use carnet_issuer::PublicJwk;
use carnet_model::{LedgerChain, LedgerHash, OrgName};
use carnet_store::{LedgerPage, LedgerRange, LedgerSeals, Store};
use clap::Args;
use reqwest::Url;

use super::file::FileLedger;
use super::remote::RemoteLedger;
use crate::cli::DatabaseOptions;
use crate::data_dir::DataDir;
use crate::database::Database;
use crate::key_places::{TransitOptions, WrapperOptions, key_wrapper};
use crate::master_key::MasterKeyPlace;
use crate::reach::server_address;

/// How many entries are read at a time.
const PAGE: u64 = 1000;

/// Where the ledger is.
#[derive(Debug, Args)]
pub(super) struct SourceOptions {
    /// The server's address.
    #[arg(long, env = "CARNET_SERVER", value_name = "URL", value_parser = server_address)]
    server: Option<Url>,

    /// The organization whose ledger is read from the server.
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    organization: Option<OrgName>,

    /// One chain: site, or the id of an organization, also of one that was deleted. From a server, for administrators of the site.
    #[arg(long, value_name = "CHAIN", conflicts_with = "organization")]
    chain: Option<LedgerChain>,

    /// The file of the API token; CARNET_TOKEN beats it.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Certificate authorities to trust beside the system's, PEM.
    #[arg(long, env = "CARNET_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// The data directory of a server on this machine: the database is read itself, and no server is asked.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    #[command(flatten)]
    database: DatabaseOptions,

    /// The file of the master key [default: DATA/master.key]; CARNET_MASTER_KEY beats it.
    #[arg(long, env = "CARNET_MASTER_KEY_FILE", value_name = "FILE")]
    master_key_file: Option<PathBuf>,

    #[command(flatten)]
    wrapper: WrapperOptions,

    #[command(flatten)]
    transit: TransitOptions,
}

/// The end of a chain, as it is kept beside the entries.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) sequence: u64,
    pub(super) hash: LedgerHash,
    /// Why the server signs nothing about the chain.
    pub(super) fault: Option<String>,
}

/// A checkpoint that nobody has checked yet.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) jws: String,
    pub(super) key: PublicJwk,
}

/// Where a ledger is read.
#[derive(Debug)]
pub(super) enum Source {
    File(FileLedger),
    Server(RemoteLedger),
    Database { store: Box<Store>, chain: Option<LedgerChain> },
}

impl SourceOptions {
    /// Opens the file, if there is one, or else what the options name.
    pub(super) async fn open(self, file: Option<PathBuf>) -> anyhow::Result<Source> {
        if let Some(file) = file {
            return Ok(Source::File(FileLedger::read(&file, self.chain.as_ref())?));
        }
        if let Some(data) = self.data {
            let database = Database::new(self.database, None, None)?;
            let (data, is_in_use) = match &database {
                Database::DataDir => (DataDir::beside_server(&data)?, true),
                Database::Postgres { .. } => (DataDir::beside_database(&data), true),
            };
            let wrapper = self.wrapper.master_key_wrapper.as_deref();
            let wrapper = wrapper.map(|wrapper| key_wrapper(wrapper, &self.transit)).transpose()?;
            let place = MasterKeyPlace::new(&data, self.master_key_file.as_deref(), wrapper);
            let master = place.key(is_in_use).await?;
            let store = Box::new(database.open(&data, master, &place).await?);
            return Ok(Source::Database { store, chain: self.chain });
        }
        let Some(server) = self.server else {
            bail!(
                "no ledger: name a file, a server (--server and --organization) or a data directory (--data)"
            );
        };
        let token = (self.token_file.as_deref(), self.ca_file.as_deref());
        match (self.organization, self.chain) {
            (Some(name), _) => Ok(Source::Server(RemoteLedger::of_organization(&server, &name, token)?)),
            (None, Some(chain)) => Ok(Source::Server(RemoteLedger::of_chain(&server, &chain, token)?)),
            (None, None) => {
                bail!("which ledger? Name an organization with --organization, or a chain with --chain")
            }
        }
    }
}

impl Source {
    /// The chains that are there.
    pub(super) async fn chains(&self) -> anyhow::Result<Vec<LedgerChain>> {
        match self {
            Self::File(file) => Ok(file.chains()),
            Self::Server(server) => Ok(vec![server.chain().await?]),
            Self::Database { store, chain } => {
                let found = all_chains(store).await?;
                match chain {
                    Some(chain) if found.contains(chain) => Ok(vec![chain.clone()]),
                    Some(chain) => bail!("there is no chain {chain} in this database"),
                    None => Ok(found.into_iter().collect()),
                }
            }
        }
    }

    /// What the server signed last about each chain, as it keeps that beside the database's own words.
    pub(super) async fn seals(&self) -> anyhow::Result<Option<LedgerSeals>> {
        match self {
            Self::File(_) | Self::Server(_) => Ok(None),
            Self::Database { store, .. } => Ok(Some(store.read().await?.ledger_seals().await?)),
        }
    }

    /// Whether all chains are looked at, so that one that the others know of must be there.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Database { chain: None, .. })
    }

    /// The last entry and its hash, as the database has them beside the entries.
    pub(super) async fn head(&self, chain: &LedgerChain) -> anyhow::Result<Option<Head>> {
        match self {
            Self::File(_) => Ok(None),
            Self::Server(server) => server.head().await,
            Self::Database { store, .. } => {
                let head = store.read().await?.ledger_head(chain).await?;
                Ok(head.map(|head| Head { sequence: head.sequence, hash: head.hash, fault: None }))
            }
        }
    }

    /// Whether the end of a chain is kept beside its entries.
    pub(super) fn has_heads(&self) -> bool {
        !matches!(self, Self::File(_))
    }

    /// Entries behind one; where the next page begins is for this function alone to read.
    pub(super) async fn page(
        &self,
        chain: &LedgerChain,
        after: u64,
        range: LedgerRange,
    ) -> anyhow::Result<LedgerPage> {
        match self {
            Self::File(file) => file.page(chain, after),
            Self::Server(server) => server.page(after, range).await,
            Self::Database { store, .. } => {
                Ok(store.read().await?.ledger_range_page(chain, (after, PAGE), range).await?)
            }
        }
    }

    /// All checkpoints of a chain.
    pub(super) async fn checkpoints(&self, chain: &LedgerChain) -> anyhow::Result<Vec<Signed>> {
        match self {
            Self::File(file) => Ok(file.checkpoints(chain)),
            Self::Server(server) => server.checkpoints().await,
            Self::Database { store, .. } => {
                let (mut tx, mut found, mut after) = (store.read().await?, Vec::new(), 0);
                loop {
                    let page = tx.ledger_checkpoints(chain, after, PAGE).await?;
                    let Some(last) = page.last() else {
                        return Ok(found);
                    };
                    after = last.sequence;
                    for checkpoint in page {
                        found.push(Signed {
                            jws: checkpoint.jws,
                            key: serde_json::from_str(&checkpoint.jwk)?,
                        });
                    }
                }
            }
        }
    }
}

/// Every chain that has entries, a head or a seal: a table that somebody emptied must not hide one.
async fn all_chains(store: &Store) -> anyhow::Result<BTreeSet<LedgerChain>> {
    let mut tx = store.read().await?;
    let mut chains: BTreeSet<LedgerChain> = tx.ledger_seals().await?.chains.into_keys().collect();
    let mut after = String::new();
    while let Some(name) = tx.ledger_chain_after(&after).await? {
        chains.insert(name.parse().with_context(|| format!("entries of a chain that is none: {name:?}"))?);
        after = name;
    }
    after.clear();
    loop {
        let heads = tx.ledger_heads(&after, PAGE).await?;
        let Some(last) = heads.last() else {
            return Ok(chains);
        };
        after = last.chain.to_string();
        chains.extend(heads.into_iter().map(|head| head.chain));
    }
}
