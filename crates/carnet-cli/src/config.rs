//! The server's configuration: flags beat variables, variables beat the file, the file beats the defaults.

mod rotation;
mod text;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use carnet_agent::{AllowedHosts, SandboxMode};
use carnet_issuer::publish::Destination;
use carnet_issuer::{KeySources, KeyWrapper};
use carnet_model::RotationPolicy;
use carnet_server::{Publication, ServerAdapter, read_adapters};
use secrecy::SecretString;
use serde::Deserialize;

use self::rotation::{RotationTexts, rotation};
use crate::cli::{self, ServerOptions};
use crate::database::Database;
use crate::edge;
use crate::key_places::{
    ModuleOptions, SigningKeys, TransitOptions, key_sources, key_wrapper, wrapped_beside,
};
use crate::reach::authorities;

pub(crate) use text::text;

/// The file: the keys are those of the flags, with underscores.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    database: Option<SecretString>,
    database_file: Option<PathBuf>,
    listen: Option<String>,
    url: Option<String>,
    issuer_url: Option<String>,
    key_rotation: Option<String>,
    key_announcement: Option<String>,
    jwks_max_age: Option<String>,
    key_leeway: Option<String>,
    tls: Option<String>,
    master_key_file: Option<PathBuf>,
    master_key_wrapper: Option<String>,
    signing_keys: Option<String>,
    transit_address: Option<String>,
    transit_namespace: Option<String>,
    transit_ca_file: Option<PathBuf>,
    transit_token_file: Option<PathBuf>,
    transit_role_id: Option<String>,
    transit_secret_id_file: Option<PathBuf>,
    transit_kubernetes_role: Option<String>,
    transit_auth_mount: Option<String>,
    pkcs11_module: Option<PathBuf>,
    pkcs11_pin_file: Option<PathBuf>,
    publish_to: Option<String>,
    ca_file: Option<PathBuf>,
    adapters: Option<PathBuf>,
    allow_provider_hosts: Option<Vec<String>>,
    no_agent: Option<bool>,
    terraform: Option<PathBuf>,
    terraform_plugin_dir: Option<PathBuf>,
    work_root: Option<PathBuf>,
    concurrency: Option<usize>,
    sandbox: Option<String>,
    upload_limit: Option<u64>,
    rate_limit: Option<u32>,
    forwarded_for: Option<bool>,
    allow_notification_hosts: Option<Vec<String>>,
    checkpoint_after: Option<String>,
    plan_timeout: Option<String>,
    apply_timeout: Option<String>,
}

impl File {
    /// How the places are reached where keys are.
    fn key_places(&mut self) -> (TransitOptions, ModuleOptions) {
        let transit = TransitOptions {
            transit_address: self.transit_address.take(),
            transit_namespace: self.transit_namespace.take(),
            transit_ca_file: self.transit_ca_file.take(),
            transit_token_file: self.transit_token_file.take(),
            transit_role_id: self.transit_role_id.take(),
            transit_secret_id_file: self.transit_secret_id_file.take(),
            transit_kubernetes_role: self.transit_kubernetes_role.take(),
            transit_auth_mount: self.transit_auth_mount.take(),
        };
        let module = ModuleOptions {
            pkcs11_module: self.pkcs11_module.take(),
            pkcs11_pin_file: self.pkcs11_pin_file.take(),
        };
        (transit, module)
    }
}

/// go-tfe, on which Terraform's clients are built, keeps to two thirds of the limit that it reads, in bursts of one third: with
/// this it makes 33 requests at once and 66 a second, where HCP Terraform's 30 would make it 9 and 20.
const RATE_LIMIT: u32 = 100;

/// How connections to the server are protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// With a certificate authority in the data directory.
    Auto,
    /// Not at all.
    Off,
    /// With these files.
    Files {
        /// The certificate chain, PEM.
        certificate: PathBuf,
        /// The private key, PEM.
        key: PathBuf,
    },
}

/// What the server is started with.
#[derive(Debug)]
pub(crate) struct ServerConfig {
    pub(crate) data: PathBuf,
    pub(crate) database: Database,
    pub(crate) listen: SocketAddr,
    pub(crate) url: Option<String>,
    pub(crate) issuer_url: Option<String>,
    pub(crate) key_rotation: RotationPolicy,
    pub(crate) tls: TlsMode,
    pub(crate) master_key_file: Option<PathBuf>,
    pub(crate) master_key_wrapper: Option<String>,
    pub(crate) signing_keys: SigningKeys,
    pub(crate) transit: TransitOptions,
    pub(crate) module: ModuleOptions,
    pub(crate) publish_to: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) adapters: Option<PathBuf>,
    pub(crate) allow_provider_hosts: Vec<String>,
    pub(crate) has_agent: bool,
    pub(crate) terraform: Option<PathBuf>,
    pub(crate) terraform_plugin_dir: Option<PathBuf>,
    pub(crate) work_root: PathBuf,
    pub(crate) concurrency: usize,
    pub(crate) sandbox: SandboxMode,
    pub(crate) upload_limit: u64,
    pub(crate) rate_limit: u32,
    pub(crate) forwarded_for: bool,
    pub(crate) allow_notification_hosts: Vec<String>,
    pub(crate) checkpoint_after: Duration,
    pub(crate) plan_timeout: Duration,
    pub(crate) apply_timeout: Duration,
}

/// Reads the file, if one is named, and puts flags and variables over it.
pub(crate) fn server(path: Option<&Path>, options: Box<ServerOptions>) -> anyhow::Result<ServerConfig> {
    let mut file = path.map(read_file).transpose()?.unwrap_or_default();
    let (transit, module) = file.key_places();
    let concurrency = options.concurrency.or(file.concurrency).unwrap_or(2);
    if concurrency == 0 {
        bail!("concurrency must be at least 1; to run no agent, use --no-agent");
    }
    let is_published_elsewhere = is_published_elsewhere(&options, &file);
    Ok(ServerConfig {
        data: options.data.or(file.data).unwrap_or_else(|| PathBuf::from("carnet-data")),
        database: Database::new(options.database, file.database, file.database_file)?,
        listen: listen_address(options.listen, file.listen)?,
        key_rotation: rotation(RotationTexts {
            is_published_elsewhere,
            publishes: options.publish_to.is_some() || file.publish_to.is_some(),
            period: options.key_rotation.or(file.key_rotation),
            announcement: options.key_announcement.or(file.key_announcement),
            max_age: options.jwks_max_age.or(file.jwks_max_age),
            leeway: options.key_leeway.or(file.key_leeway),
        })?,
        url: options.url.or(file.url).map(|url| web_address(&url)).transpose()?,
        issuer_url: options.issuer_url.or(file.issuer_url),
        publish_to: options.publish_to.or(file.publish_to),
        tls: tls_mode(options.tls.or(file.tls).as_deref().unwrap_or("auto"))?,
        master_key_file: options.master_key_file.or(file.master_key_file),
        master_key_wrapper: options.wrapper.master_key_wrapper.or(file.master_key_wrapper),
        signing_keys: (options.signing_keys.or(file.signing_keys).as_deref())
            .map_or_else(|| Ok(SigningKeys::default()), SigningKeys::parse)?,
        transit: options.transit.or(transit),
        module: options.module.or(module),
        ca_file: options.ca_file.or(file.ca_file),
        adapters: options.adapters.or(file.adapters),
        allow_provider_hosts: hosts(options.allow_provider_hosts, file.allow_provider_hosts),
        has_agent: !(options.no_agent || file.no_agent.unwrap_or(false)),
        terraform: options.terraform.or(file.terraform),
        terraform_plugin_dir: options.terraform_plugin_dir.or(file.terraform_plugin_dir),
        work_root: options.work_root.or(file.work_root).unwrap_or_else(|| PathBuf::from("/tmp")),
        concurrency,
        sandbox: sandbox_mode(options.sandbox.or(file.sandbox).as_deref().unwrap_or("auto"))?,
        rate_limit: options.rate_limit.or(file.rate_limit).unwrap_or(RATE_LIMIT),
        forwarded_for: options.forwarded_for || file.forwarded_for.unwrap_or(false),
        allow_notification_hosts: hosts(options.allow_notification_hosts, file.allow_notification_hosts),
        upload_limit: options.upload_limit.or(file.upload_limit).unwrap_or(256 * 1024 * 1024),
        checkpoint_after: timeout(options.checkpoint_after.or(file.checkpoint_after), 5, "checkpoint_after")?,
        plan_timeout: timeout(options.plan_timeout.or(file.plan_timeout), 2 * 60, "plan_timeout")?,
        apply_timeout: timeout(options.apply_timeout.or(file.apply_timeout), 24 * 60, "apply_timeout")?,
    })
}

fn listen_address(flag: Option<SocketAddr>, file: Option<String>) -> anyhow::Result<SocketAddr> {
    match (flag, file) {
        (Some(address), _) => Ok(address),
        (None, Some(text)) => cli::listen_address(&text).map_err(anyhow::Error::msg),
        (None, None) => Ok(SocketAddr::from(([127, 0, 0, 1], 8443))),
    }
}

fn hosts(flags: Vec<String>, file: Option<Vec<String>>) -> Vec<String> {
    if flags.is_empty() { file.unwrap_or_default() } else { flags }
}

fn timeout(text: Option<String>, default_minutes: u64, name: &str) -> anyhow::Result<Duration> {
    match text {
        Some(text) => duration(&text).with_context(|| format!("{name} is not a duration like 90m: {text:?}")),
        None => Ok(Duration::from_secs(default_minutes * 60)),
    }
}

/// Finds out what the server would refuse at its start, as far as that can be seen without starting it.
pub(crate) fn check(config: &ServerConfig) -> anyhow::Result<()> {
    let mut files: Vec<&PathBuf> =
        [&config.ca_file, &config.terraform, &config.terraform_plugin_dir, &config.master_key_file]
            .into_iter()
            .flatten()
            .collect();
    if let TlsMode::Files { certificate, key } = &config.tls {
        files.extend([certificate, key]);
    }
    for file in files {
        std::fs::metadata(file).with_context(|| format!("{} cannot be read", file.display()))?;
    }
    config.ca_file.as_deref().map(authorities).transpose()?;
    config.key_sources()?;
    config.key_wrapper()?;
    config.publication()?;
    config.adapters()?;
    config.allowed_hosts()?;
    config.allowed_notification_hosts()?;
    if config.url.is_none() && config.listen.ip().is_unspecified() {
        bail!("listening on every address: say with url how clients reach this server");
    }
    config.issuer().parse::<carnet_issuer::IssuerUrl>().with_context(|| {
        format!("the issuer of identity tokens cannot be {}; set issuer_url", config.issuer())
    })?;
    Ok(())
}

impl ServerConfig {
    /// The address under which clients reach the server, as far as it is known before the start.
    fn address(&self) -> String {
        let scheme = if self.tls == TlsMode::Off { "http" } else { "https" };
        self.url.clone().unwrap_or_else(|| format!("{scheme}://{}", self.listen))
    }

    /// Where signing keys are.
    pub(crate) fn key_sources(&self) -> anyhow::Result<KeySources> {
        key_sources(&self.signing_keys, &self.transit, &self.module)
    }

    /// What wraps the master key.
    pub(crate) fn key_wrapper(&self) -> anyhow::Result<Option<Box<dyn KeyWrapper>>> {
        self.master_key_wrapper.as_deref().map(|place| key_wrapper(place, &self.transit)).transpose()
    }

    /// Where discovery and keys are published.
    pub(crate) fn publication(&self) -> anyhow::Result<Option<Publication>> {
        let Some(place) = &self.publish_to else { return Ok(None) };
        let destination = Destination::new(place, &edge::environment())?;
        Ok(Some(Publication { destination }))
    }

    /// Everything that Terraform must not read, beside what the agent itself knows.
    pub(crate) fn protected(&self, data: &Path) -> Vec<PathBuf> {
        let mut found = vec![data.to_owned()];
        found.extend(self.transit.secret_files().cloned());
        found.extend(self.module.pkcs11_pin_file.clone());
        if let Some(file) = &self.master_key_file {
            found.extend([file.clone(), wrapped_beside(file)]);
        }
        found.retain(|path| path.exists());
        found
    }

    /// Hosts that adapters may reach although they lie where adapters may not reach.
    pub(crate) fn allowed_hosts(&self) -> anyhow::Result<AllowedHosts> {
        let hosts = self.allow_provider_hosts.iter().map(String::as_str);
        AllowedHosts::parse(hosts).context("allow_provider_hosts cannot be used")
    }

    /// Hosts that notifications may go to although they lie where notifications may not go.
    pub(crate) fn allowed_notification_hosts(&self) -> anyhow::Result<AllowedHosts> {
        let hosts = self.allow_notification_hosts.iter().map(String::as_str);
        AllowedHosts::parse(hosts).context("allow_notification_hosts cannot be used")
    }

    /// The declarative adapters of every organization.
    pub(crate) fn adapters(&self) -> anyhow::Result<Vec<ServerAdapter>> {
        let found = self.adapters.as_deref().map(read_adapters).transpose();
        Ok(found.context("the declarative adapters cannot be used")?.unwrap_or_default())
    }

    fn issuer(&self) -> String {
        self.issuer_url.clone().unwrap_or_else(|| self.address())
    }
}

fn read_file(path: &Path) -> anyhow::Result<File> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let reader =
        toml::Deserializer::parse(&text).with_context(|| format!("{} is not TOML", path.display()))?;
    serde_path_to_error::deserialize(reader)
        .with_context(|| format!("{} is not a configuration", path.display()))
}

fn tls_mode(text: &str) -> anyhow::Result<TlsMode> {
    Ok(match text {
        "auto" => TlsMode::Auto,
        "off" => TlsMode::Off,
        other => match other.split_once('+') {
            Some((certificate, key)) => TlsMode::Files { certificate: certificate.into(), key: key.into() },
            None => bail!("tls is auto, off or CERT.pem+KEY.pem, not {other:?}"),
        },
    })
}

/// Reads how far Terraform is kept from the rest of the machine.
pub(crate) fn sandbox_mode(text: &str) -> anyhow::Result<SandboxMode> {
    Ok(match text {
        "required" => SandboxMode::Required,
        "auto" => SandboxMode::Auto,
        "off" => SandboxMode::Off,
        other => bail!("sandbox is required, auto or off, not {other:?}"),
    })
}

fn web_address(url: &str) -> anyhow::Result<String> {
    let parsed = reqwest::Url::parse(url).with_context(|| format!("url is not a web address: {url:?}"))?;
    if !matches!(parsed.scheme(), "https" | "http") || parsed.query().is_some() || parsed.path() != "/" {
        bail!("url must look like https://carnet.example.org, without a path, not {url:?}");
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// Tells whether discovery and keys are read from another address than the server's.
fn is_published_elsewhere(options: &ServerOptions, file: &File) -> bool {
    let issuer = options.issuer_url.as_ref().or(file.issuer_url.as_ref());
    issuer.is_some() && issuer != options.url.as_ref().or(file.url.as_ref())
}

fn duration(text: &str) -> anyhow::Result<Duration> {
    let duration = crate::duration::parse(text)?;
    if duration < Duration::from_secs(1) {
        bail!("less than a second");
    }
    Ok(duration)
}

#[cfg(test)]
mod tests;
