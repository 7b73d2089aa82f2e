//! Azurite: Microsoft's emulator of the blobs of an Azure storage account. It verifies the signature of every request.

use std::{path::Path, process::Command};

use anyhow::{Context, bail};
use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use tempfile::TempDir;

use crate::{
    port::free_ports,
    process::{ChildProcess, Ending, Start},
    tool::{Tool, tool},
};

const START_ATTEMPTS: usize = 5;

/// The storage account.
const ACCOUNT: &str = "carnetdocs";

/// A version of the service that has what is asked here.
const API_VERSION: &str = "2021-08-06";

/// A running Azurite with one storage account.
#[derive(Debug)]
pub struct Azurite {
    _process: ChildProcess,
    url: String,
    /// The key of the account, base64.
    key: String,
    _folder: TempDir,
}

impl Azurite {
    /// Starts a server whose account has a key of its own.
    pub async fn start() -> anyhow::Result<Self> {
        let packages = tool(Tool::Azurite).await?;
        for _ in 0..START_ATTEMPTS {
            if let Some(server) = Self::try_start(&packages).await? {
                return Ok(server);
            }
        }
        bail!("azurite found no free port in {START_ATTEMPTS} attempts")
    }

    async fn try_start(packages: &Path) -> anyhow::Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let [port] = free_ports()?;
        let key = BASE64_STANDARD.encode(uuid::Uuid::new_v4().as_bytes());
        let mut command = Command::new(packages.join("node"));
        command.arg(packages.join("node_modules/azurite/dist/src/blob/main.js"));
        command.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
        command.args(["--inMemoryPersistence", "--disableTelemetry", "--disableProductStyleUrl"]);
        command.env_clear().env("HOME", folder.path()).env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{key}"));
        command.current_dir(folder.path());
        let log = folder.path().join("azurite.log");
        let mut process = ChildProcess::spawn("azurite", command, &log, Ending::Kill)?;
        let url = format!("http://127.0.0.1:{port}");
        let http = client()?;
        let started = process.until_ready(async || http.get(&url).send().await.is_ok()).await?;
        Ok(match started {
            Start::Ready => Some(Self { _process: process, url, key, _folder: folder }),
            Start::PortTaken => None,
        })
    }

    /// The environment of a program that may do everything with the account.
    pub fn environment(&self) -> Vec<(String, String)> {
        let variables = [
            ("AZURE_STORAGE_USE_EMULATOR", "true"),
            ("AZURITE_BLOB_STORAGE_URL", &self.url),
            ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
            ("AZURE_STORAGE_ACCOUNT_KEY", &self.key),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// The address of a container.
    pub fn container_url(&self, container: &str) -> String {
        format!("{}/{ACCOUNT}/{container}", self.url)
    }

    /// Makes a container whose blobs everybody may read
    /// (<https://learn.microsoft.com/rest/api/storageservices/create-container>).
    #[expect(clippy::disallowed_methods, reason = "the edge of the tests")]
    pub async fn create_public_container(&self, name: &str) -> anyhow::Result<()> {
        let date =
            jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&jiff::Timestamp::now())?;
        let headers =
            [("x-ms-blob-public-access", "blob"), ("x-ms-date", &date), ("x-ms-version", API_VERSION)];
        let canonical: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        // <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>: eleven headers that are not there, then the
        // account twice, because it is part of the path here.
        let signed =
            format!("PUT\n{}{canonical}/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container", "\n".repeat(11));
        let key = hmac::Key::new(hmac::HMAC_SHA256, &BASE64_STANDARD.decode(&self.key)?);
        let signature = BASE64_STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
        let mut request = client()?.put(format!("{}?restype=container", self.container_url(name)));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.header("authorization", format!("SharedKey {ACCOUNT}:{signature}"));
        let answer = request.header("content-length", "0").send().await?;
        let status = answer.status();
        anyhow::ensure!(status.is_success(), "azurite made no container: {status} {}", answer.text().await?);
        Ok(())
    }
}

fn client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().build().context("the HTTP client cannot be made")
}
