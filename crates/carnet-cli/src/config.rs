//! The server's configuration: flags beat variables, variables beat the file, the file beats the defaults.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use carnet_agent::{AllowedHosts, SandboxMode};
use carnet_model::RotationPolicy;
use carnet_server::{ServerAdapter, Settings, read_adapters};
use secrecy::SecretString;
use serde::Deserialize;

use crate::cli::{self, ServerOptions};
use crate::database::Database;
use crate::reach::authorities;

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
    plan_timeout: Option<String>,
    apply_timeout: Option<String>,
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
    let is_published_elsewhere = is_published_elsewhere(&options, &file);
    Ok(ServerConfig {
        data: options.data.or(file.data).unwrap_or_else(|| PathBuf::from("carnet-data")),
        database: Database::new(options.database, file.database, file.database_file)?,
        listen: match (options.listen, file.listen) {
            (Some(address), _) => address,
            (None, Some(text)) => cli::listen_address(&text).map_err(anyhow::Error::msg)?,
            (None, None) => SocketAddr::from(([127, 0, 0, 1], 8443)),
        },
        url: options.url.or(file.url).map(|url| web_address(&url)).transpose()?,
        key_rotation: rotation(RotationTexts {
            is_published_elsewhere,
            period: options.key_rotation.or(file.key_rotation),
            announcement: options.key_announcement.or(file.key_announcement),
            max_age: options.jwks_max_age.or(file.jwks_max_age),
            leeway: options.key_leeway.or(file.key_leeway),
        })?,
        issuer_url: options.issuer_url.or(file.issuer_url),
        tls: tls_mode(options.tls.or(file.tls).as_deref().unwrap_or("auto"))?,
        master_key_file: options.master_key_file.or(file.master_key_file),
        ca_file: options.ca_file.or(file.ca_file),
        adapters: options.adapters.or(file.adapters),
        allow_provider_hosts: Some(options.allow_provider_hosts)
            .filter(|hosts| !hosts.is_empty())
            .or(file.allow_provider_hosts)
            .unwrap_or_default(),
        has_agent: !(options.no_agent || file.no_agent.unwrap_or(false)),
        terraform: options.terraform.or(file.terraform),
        terraform_plugin_dir: options.terraform_plugin_dir.or(file.terraform_plugin_dir),
        work_root: options.work_root.or(file.work_root).unwrap_or_else(|| PathBuf::from("/tmp")),
        concurrency,
        sandbox: sandbox_mode(options.sandbox.or(file.sandbox).as_deref().unwrap_or("auto"))?,
        rate_limit: options.rate_limit.or(file.rate_limit).unwrap_or(RATE_LIMIT),
        forwarded_for: options.forwarded_for || file.forwarded_for.unwrap_or(false),
        allow_notification_hosts: Some(options.allow_notification_hosts)
            .filter(|hosts| !hosts.is_empty())
            .or(file.allow_notification_hosts)
            .unwrap_or_default(),
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

/// The configuration as a file would say it, for people.
pub(crate) fn text(config: &ServerConfig) -> String {
    let quoted = |value: &dyn std::fmt::Display| format!("{:?}", value.to_string());
    let path = |value: &PathBuf| quoted(&value.display());
    let tls = match &config.tls {
        TlsMode::Auto => "auto".to_owned(),
        TlsMode::Off => "off".to_owned(),
        TlsMode::Files { certificate, key } => format!("{}+{}", certificate.display(), key.display()),
    };
    let sandbox = match config.sandbox {
        SandboxMode::Required => "required",
        SandboxMode::Auto => "auto",
        SandboxMode::Off => "off",
    };
    let duration = |value: Duration| quoted(&format!("{}s", value.as_secs()));
    let (database, database_file) = match &config.database {
        Database::DataDir => (None, None),
        Database::Postgres { url, file } => (Some(url), file.clone()),
    };
    let lines = [
        ("data", Some(path(&config.data))),
        ("database_file", database_file.as_ref().map(path)),
        // Without the user and the password, it is no setting.
        ("# database", database.map(|url| quoted(&url.display()))),
        ("listen", Some(quoted(&config.listen))),
        ("url", Some(quoted(&config.address()))),
        ("issuer_url", Some(quoted(&config.issuer()))),
        ("key_rotation", Some(config.key_rotation.period.map_or_else(|| quoted(&"off"), duration))),
        ("key_announcement", Some(duration(config.key_rotation.announcement))),
        ("jwks_max_age", Some(duration(config.key_rotation.published_lifetime))),
        ("key_leeway", Some(quoted(&format!("{}ms", config.key_rotation.leeway.as_millis())))),
        ("tls", Some(quoted(&tls))),
        (
            "master_key_file",
            Some(path(config.master_key_file.as_ref().unwrap_or(&config.data.join("master.key")))),
        ),
        ("ca_file", config.ca_file.as_ref().map(path)),
        ("adapters", config.adapters.as_ref().map(path)),
        ("allow_provider_hosts", Some(format!("{:?}", config.allow_provider_hosts))),
        ("no_agent", Some((!config.has_agent).to_string())),
        ("terraform", config.terraform.as_ref().map(path)),
        ("terraform_plugin_dir", config.terraform_plugin_dir.as_ref().map(path)),
        ("work_root", Some(path(&config.work_root))),
        ("concurrency", Some(config.concurrency.to_string())),
        ("sandbox", Some(quoted(&sandbox))),
        ("rate_limit", Some(config.rate_limit.to_string())),
        ("forwarded_for", Some(config.forwarded_for.to_string())),
        ("allow_notification_hosts", Some(format!("{:?}", config.allow_notification_hosts))),
        ("upload_limit", Some(config.upload_limit.to_string())),
        ("plan_timeout", Some(duration(config.plan_timeout))),
        ("apply_timeout", Some(duration(config.apply_timeout))),
    ];
    lines.into_iter().filter_map(|(key, value)| Some(format!("{key} = {}\n", value?))).collect()
}

impl ServerConfig {
    /// The address under which clients reach the server, as far as it is known before the start.
    fn address(&self) -> String {
        let scheme = if self.tls == TlsMode::Off { "http" } else { "https" };
        self.url.clone().unwrap_or_else(|| format!("{scheme}://{}", self.listen))
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

/// What is written about rotation.
struct RotationTexts {
    is_published_elsewhere: bool,
    period: Option<String>,
    announcement: Option<String>,
    max_age: Option<String>,
    leeway: Option<String>,
}

/// Tells whether discovery and keys are read from another address than the server's.
fn is_published_elsewhere(options: &ServerOptions, file: &File) -> bool {
    let issuer = options.issuer_url.as_ref().or(file.issuer_url.as_ref());
    issuer.is_some() && issuer != options.url.as_ref().or(file.url.as_ref())
}

fn rotation(texts: RotationTexts) -> anyhow::Result<RotationPolicy> {
    let named = |name: &'static str, text: String| {
        let span: Result<jiff::SignedDuration, _> = days(&text).parse();
        let duration = span.ok().and_then(|span| Duration::try_from(span).ok());
        duration.with_context(|| format!("{name} is not a duration like 30d, 24h or 5m: {text:?}"))
    };
    let mut policy = Settings::new("").key_rotation;
    match texts.period.as_deref() {
        Some("off") => policy.period = None,
        // Whoever publishes elsewhere must publish each new key before it signs: this is not begun without a word.
        None if texts.is_published_elsewhere => policy.period = None,
        None => {}
        Some(text) => policy.period = Some(named("key_rotation", text.to_owned())?),
    }
    if policy.period.is_some_and(|period| period < Duration::from_secs(1)) {
        bail!("key_rotation must be at least a second, or off");
    }
    if let Some(text) = texts.announcement {
        policy.announcement = named("key_announcement", text)?;
    }
    if let Some(text) = texts.leeway {
        policy.leeway = named("key_leeway", text)?;
    }
    if let Some(text) = texts.max_age {
        policy.published_lifetime = named("jwks_max_age", text)?;
    }
    if policy.published_lifetime.subsec_nanos() != 0 {
        bail!("jwks_max_age must be whole seconds: max-age has no others");
    }
    Ok(policy)
}

/// Days as hours: the parser knows nothing longer.
fn days(text: &str) -> String {
    match text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
        Some(days) => format!("{}h", u64::from(days) * 24),
        None => text.to_owned(),
    }
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
    use crate::cli::DatabaseOptions;

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
    fn keys_are_rotated_by_themselves_unless_they_are_published_elsewhere() {
        let period = |rotation: Option<&str>, issuer: Option<&str>| {
            let options = ServerOptions {
                url: Some("https://carnet.example.org".into()),
                key_rotation: rotation.map(str::to_owned),
                issuer_url: issuer.map(str::to_owned),
                ..Default::default()
            };
            server(None, Box::new(options))
                .map(|config| config.key_rotation.period.map(|period| period.as_secs()))
        };
        let month = Some(30 * 24 * 3600);
        assert_eq!(period(None, None).expect("valid"), month);
        assert_eq!(period(None, Some("https://carnet.example.org")).expect("valid"), month);
        assert_eq!(period(None, Some("https://keys.example.org")).expect("valid"), None);
        assert_eq!(period(Some("30d"), Some("https://keys.example.org")).expect("valid"), month);
        assert_eq!(period(Some("off"), None).expect("valid"), None);
        assert!(period(Some("soon"), None).is_err());
        assert!(period(Some("10ms"), None).is_err());
    }

    #[test]
    fn what_is_printed_is_a_file_that_says_the_same() {
        let config = server(None, Box::default()).expect("valid");
        let file: File = toml::from_str(&text(&config)).expect("a file");
        assert_eq!(file.plan_timeout.as_deref(), Some("7200s"));
        assert_eq!(file.url.as_deref(), Some("https://127.0.0.1:8443"));
        assert_eq!(file.no_agent, Some(false));
        assert!(check(&config).is_ok());
    }

    #[test]
    fn a_check_finds_what_the_start_would_refuse() {
        for options in [
            ServerOptions { listen: "0.0.0.0:1".parse().ok(), ..Default::default() },
            ServerOptions { ca_file: Some("nowhere.pem".into()), ..Default::default() },
            ServerOptions { adapters: Some("nowhere".into()), ..Default::default() },
            ServerOptions { allow_provider_hosts: vec!["a host".into()], ..Default::default() },
            ServerOptions { url: Some("http://carnet.example.org".into()), ..Default::default() },
        ] {
            assert!(check(&server(None, Box::new(options)).expect("valid")).is_err());
        }
    }

    #[test]
    fn the_address_of_a_database_is_never_repeated() {
        let options = |text: &str| {
            let database = DatabaseOptions { database: Some(text.into()), ..Default::default() };
            Box::new(ServerOptions { database, ..Default::default() })
        };
        let config = server(None, options("postgres://carnet:hunter2@db:5432/carnet")).expect("valid");
        let text = text(&config);
        assert!(text.contains("# database = \"postgres://db:5432/carnet\""), "{text}");
        assert!(!format!("{text}{config:?}").contains("hunter2"));
        let error = server(None, options("postgre://carnet:hunter2@db:5432/carnet")).expect_err("refused");
        assert!(!format!("{error:#}").contains("hunter2"));
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
            ServerOptions { jwks_max_age: Some("1500ms".into()), ..Default::default() },
            ServerOptions { key_leeway: Some("-1s".into()), ..Default::default() },
        ] {
            assert!(server(None, Box::new(options)).is_err());
        }
    }
}
