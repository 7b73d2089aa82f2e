//! Which database the server uses.

use std::path::PathBuf;

use anyhow::Context as _;
use carnet_store::{MasterKey, PostgresUrl, Store, StoreError};
use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::DatabaseOptions;
use crate::data_dir::DataDir;
use crate::master_key::MasterKeyPlace;

/// Where the data is.
#[derive(Debug)]
pub(crate) enum Database {
    /// SQLite in the data directory.
    DataDir,
    /// Postgres; the file is where its address was found.
    Postgres { url: PostgresUrl, file: Option<PathBuf> },
}

impl Database {
    /// Reads the address; options beat what the configuration file says, an address beats the name of a file.
    pub(crate) fn new(
        options: DatabaseOptions,
        url: Option<SecretString>,
        file: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let chosen = if options.database.is_some() || options.database_file.is_some() {
            (options.database, options.database_file)
        } else {
            (url, file)
        };
        match chosen {
            (Some(url), _) => Ok(Self::Postgres { url: url.expose_secret().trim().parse()?, file: None }),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(&file)
                    .map(SecretString::from)
                    .with_context(|| format!("{} cannot be read", file.display()))?;
                let url = text.expose_secret().trim().parse();
                Ok(Self::Postgres {
                    url: url.with_context(|| format!("{} is of no use", file.display()))?,
                    file: Some(file),
                })
            }
            (None, None) => Ok(Self::DataDir),
        }
    }

    /// Tells whether data is there already that another master key would not open.
    pub(crate) async fn is_in_use(&self, data: &DataDir) -> anyhow::Result<bool> {
        match self {
            Self::DataDir => Ok(data.is_in_use()),
            Self::Postgres { url, .. } => {
                Store::is_in_use(url).await.with_context(|| format!("{} cannot be opened", url.display()))
            }
        }
    }

    /// Opens the data with the master key of a place.
    pub(crate) async fn open(
        &self,
        data: &DataDir,
        master: MasterKey,
        place: &MasterKeyPlace,
    ) -> anyhow::Result<Store> {
        let (opened, what) = match self {
            Self::DataDir => (
                Store::open(data.path(), master).await,
                format!("the data directory {}", data.path().display()),
            ),
            Self::Postgres { url, .. } => (Store::connect(url, master).await, url.display()),
        };
        match opened {
            Err(error @ StoreError::OtherMasterKey) => Err(error).with_context(|| {
                format!(
                    "{what} cannot be opened with the master key of {}; give the one that it was made with, with \
                     --master-key-file or as CARNET_MASTER_KEY",
                    place.name()
                )
            }),
            other => other.with_context(|| format!("{what} cannot be opened")),
        }
    }
}
