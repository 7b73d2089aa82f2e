//! The server's configuration: flags beat variables, variables beat the file, the file beats the defaults.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use carnet_agent::SandboxMode;
use serde::Deserialize;

use crate::cli::ServerOptions;

/// The file: the keys are those of the flags, with underscores.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    listen: Option<SocketAddr>,
    url: Option<String>,
    issuer_url: Option<String>,
    tls: Option<String>,
    master_key_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    no_agent: Option<bool>,
    terraform: Option<PathBuf>,
    terraform_plugin_dir: Option<PathBuf>,
    work_root: Option<PathBuf>,
    concurrency: Option<usize>,
    sandbox: Option<String>,
    upload_limit: Option<u64>,
    plan_timeout: Option<String>,
    apply_timeout: Option<String>,
}

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
    pub(crate) listen: SocketAddr,
    pub(crate) url: Option<String>,
    pub(crate) issuer_url: Option<String>,
    pub(crate) tls: TlsMode,
    pub(crate) master_key_file: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) has_agent: bool,
    pub(crate) terraform: Option<PathBuf>,
    pub(crate) terraform_plugin_dir: Option<PathBuf>,
    pub(crate) work_root: PathBuf,
    pub(crate) concurrency: usize,
    pub(crate) sandbox: SandboxMode,
    pub(crate) upload_limit: u64,
    pub(crate) plan_timeout: Duration,
    pub(crate) apply_timeout: Duration,
}

/// Reads the file, if one is named, and puts flags and variables over it.
pub(crate) fn server(path: Option<&Path>, options: Box<ServerOptions>) -> anyhow::Result<ServerConfig> {
    let file = path.map(read_file).transpose()?.unwrap_or_default();
    let timeout = |text: Option<String>, default: Duration, name: &str| match text {
        Some(text) => duration(&text).with_context(|| format!("{name} is not a duration like 90m: {text:?}")),
        None => Ok(default),
    };
    let concurrency = options.concurrency.or(file.concurrency).unwrap_or(2);
    if concurrency == 0 {
        bail!("concurrency must be at least 1; to run no agent, use --no-agent");
    }
    Ok(ServerConfig {
        data: options.data.or(file.data).unwrap_or_else(|| PathBuf::from("carnet-data")),
        listen: options.listen.or(file.listen).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8443))),
        url: options.url.or(file.url).map(|url| web_address(&url)).transpose()?,
        issuer_url: options.issuer_url.or(file.issuer_url),
        tls: tls_mode(options.tls.or(file.tls).as_deref().unwrap_or("auto"))?,
        master_key_file: options.master_key_file.or(file.master_key_file),
        ca_file: options.ca_file.or(file.ca_file),
        has_agent: !(options.no_agent || file.no_agent.unwrap_or(false)),
        terraform: options.terraform.or(file.terraform),
        terraform_plugin_dir: options.terraform_plugin_dir.or(file.terraform_plugin_dir),
        work_root: options.work_root.or(file.work_root).unwrap_or_else(|| PathBuf::from("/tmp")),
        concurrency,
        sandbox: sandbox_mode(options.sandbox.or(file.sandbox).as_deref().unwrap_or("auto"))?,
        upload_limit: options.upload_limit.or(file.upload_limit).unwrap_or(256 * 1024 * 1024),
        plan_timeout: timeout(
            options.plan_timeout.or(file.plan_timeout),
            Duration::from_secs(2 * 3600),
            "plan_timeout",
        )?,
        apply_timeout: timeout(
            options.apply_timeout.or(file.apply_timeout),
            Duration::from_secs(24 * 3600),
            "apply_timeout",
        )?,
    })
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

fn duration(text: &str) -> anyhow::Result<Duration> {
    let span: jiff::SignedDuration = text.parse()?;
    let duration = Duration::try_from(span)?;
    if duration < Duration::from_secs(1) {
        bail!("less than a second");
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_of_the_file_is_refused_by_name() {
        let folder = std::env::temp_dir().join(format!("carnet-config-{}", std::process::id()));
        std::fs::write(&folder, "data = \"d\"\nlisen = \"127.0.0.1:1\"\n").expect("written");
        let error = format!("{:#}", server(Some(&folder), Box::default()).expect_err("refused"));
        std::fs::remove_file(&folder).expect("removed");
        assert!(error.contains("lisen"), "{error}");
    }

    #[test]
    fn a_flag_beats_the_default() {
        let options = ServerOptions {
            plan_timeout: Some("90m".into()),
            tls: Some("a.pem+b.pem".into()),
            ..Default::default()
        };
        let config = server(None, Box::new(options)).expect("valid");
        assert_eq!(config.plan_timeout, Duration::from_secs(90 * 60));
        assert_eq!(config.tls, TlsMode::Files { certificate: "a.pem".into(), key: "b.pem".into() });
        assert!(config.has_agent);
    }

    #[test]
    fn nonsense_is_refused() {
        for options in [
            ServerOptions { tls: Some("maybe".into()), ..Default::default() },
            ServerOptions { url: Some("carnet".into()), ..Default::default() },
            ServerOptions { url: Some("https://carnet.example.org/path".into()), ..Default::default() },
            ServerOptions { sandbox: Some("sometimes".into()), ..Default::default() },
            ServerOptions { plan_timeout: Some("soon".into()), ..Default::default() },
            ServerOptions { concurrency: Some(0), ..Default::default() },
        ] {
            assert!(server(None, Box::new(options)).is_err());
        }
    }
}
