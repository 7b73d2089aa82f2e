//! `carnet server`: everything in one process, the parts meeting over HTTP.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use carnet_agent::AgentConfig;
use carnet_issuer::IssuerUrl;
use carnet_server::{App, Destinations, LedgerWatch, Settings, Tls};
use carnet_store::Store;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

use crate::config::{ServerConfig, TlsMode};
use crate::data_dir::DataDir;
use crate::database::Database;
use crate::master_key::MasterKeyPlace;
use crate::{agent, edge, reach, tls};

/// Runs the server until it is asked to stop.
pub(crate) async fn run(config: ServerConfig) -> anyhow::Result<()> {
    // Before anything is made.
    config.ca_file.as_deref().map(reach::authorities).transpose()?;
    let data = DataDir::open(&config.data)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("{} cannot be listened on; choose another with --listen", config.listen))?;
    let address = listener.local_addr()?;
    let scheme = if config.tls == TlsMode::Off { "http" } else { "https" };
    if config.url.is_none() && address.ip().is_unspecified() {
        bail!("listening on every address: say with --url how clients reach this server");
    }
    let url = config.url.clone().unwrap_or_else(|| format!("{scheme}://{address}"));
    let (tls, authority) = certificates(&config, data.path(), &url)?;
    let app = application(&config, &data, &url).await?;
    note_issuer(&app).await?;
    first_user(&app.store, &url).await?;
    let agent_config = match config.has_agent {
        true => {
            Some(embedded_agent(&config, &data, &app.store, Endpoint { scheme, address, authority }).await?)
        }
        false => None,
    };

    let router = carnet_server::router(Arc::clone(&app));
    let (stop_server, server_stopped) = oneshot::channel::<()>();
    let (stop_background, background_stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(carnet_server::serve(listener, tls, router, async {
        let _ = server_stopped.await;
    }));
    let background = tokio::spawn(carnet_server::run_background(app, async {
        let _ = background_stopped.await;
    }));
    edge::print(&format!("listening on {scheme}://{address}\n"))?;

    let result = work_until_stopped(agent_config).await;
    // The agent has ended and reported by now; only then may the server go.
    let _ = stop_background.send(());
    let _ = stop_server.send(());
    background.await?;
    serving.await??;
    result
}

/// Says who the issuer is, and warns when it is another than at the last start: trust that names the old one breaks.
async fn note_issuer(app: &App) -> anyhow::Result<()> {
    const LAST_ISSUER: &str = "last-issuer-url";
    let issuer = app.issuer.url().as_str();
    let mut tx = app.store.write().await?;
    match tx.meta(LAST_ISSUER).await? {
        Some(last) if last != issuer => tracing::warn!(
            issuer.url = issuer,
            "the issuer of identity tokens was {last} until now: providers that trust it refuse the new one; \
             use --issuer-url to keep it"
        ),
        Some(_) | None => tracing::info!(issuer.url = issuer, "identity tokens are issued"),
    }
    tx.set_meta(LAST_ISSUER, Some(issuer)).await?;
    Ok(tx.commit().await?)
}

async fn work_until_stopped(agent: Option<AgentConfig>) -> anyhow::Result<()> {
    let Some(config) = agent else {
        return edge::stop_signal().await;
    };
    let stop = async {
        if let Err(error) = edge::stop_signal().await {
            tracing::error!(%error, "signals cannot be received");
        }
        tracing::info!("stopping; running jobs are interrupted and report their end");
    };
    carnet_agent::run(config, edge::clock(), stop).await.context("the embedded agent ended")
}

fn certificates(config: &ServerConfig, data: &Path, url: &str) -> anyhow::Result<(Tls, Option<Vec<u8>>)> {
    let made = match &config.tls {
        TlsMode::Off => return Ok((Tls::Off, None)),
        TlsMode::Files { certificate, key } => tls::from_files(certificate, key)?,
        TlsMode::Auto => {
            let url = reqwest::Url::parse(url)?;
            let host = url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']'));
            tls::automatic(&data.join("tls"), host)?
        }
    };
    if made.authority_pem.is_some() {
        tracing::info!(file = %data.join("tls/ca.pem").display(), "clients must trust this certificate authority");
    }
    Ok((Tls::On(made.config), made.authority_pem))
}

async fn application(config: &ServerConfig, data: &DataDir, url: &str) -> anyhow::Result<Arc<App>> {
    let is_in_use = config.database.is_in_use(data).await?;
    let key_place = MasterKeyPlace::new(data, config.master_key_file.as_deref(), config.key_wrapper()?);
    let master = key_place.key(is_in_use).await?;
    let store = edge::for_owner_only(async || config.database.open(data, master, &key_place).await).await?;
    let issuer_url: IssuerUrl = config
        .issuer_url
        .as_deref()
        .unwrap_or(url)
        .parse()
        .context("the issuer of identity tokens cannot have this address; set one with --issuer-url")?;
    let issuer = carnet_server::load_issuer(&store, issuer_url, config.key_sources()?, edge::now())
        .await
        .context("the issuer's signing keys cannot be used")?;
    let settings = Settings {
        upload_limit: config.upload_limit,
        plan_timeout: config.plan_timeout,
        apply_timeout: config.apply_timeout,
        key_rotation: config.key_rotation.clone(),
        checkpoint_after: config.checkpoint_after,
        adapters: config.adapters()?,
        rate_limit: config.rate_limit,
        trusts_forwarded_for: config.forwarded_for,
        destinations: destinations(config)?,
        publication: config.publication()?,
        authority: own_authority(config, data)?,
        outside_ca_pem: outside_authorities(config, data)?,
        ..Settings::new(url)
    };
    Ok(Arc::new(App {
        store,
        settings,
        issuer,
        clock: edge::clock(),
        jobs_waiting: Notify::new(),
        ledger: LedgerWatch::default(),
    }))
}

/// Whom to trust when looking at issuers from outside: they may have a certificate of this server's own authority.
fn outside_authorities(config: &ServerConfig, data: &DataDir) -> anyhow::Result<Option<Vec<u8>>> {
    let mut pem = config.ca_file.as_deref().map(reach::authorities).transpose()?.unwrap_or_default();
    pem.extend(own_authority(config, data)?.unwrap_or_default().bytes());
    Ok((!pem.is_empty()).then_some(pem))
}

/// The authority that this server made for itself.
fn own_authority(config: &ServerConfig, data: &DataDir) -> anyhow::Result<Option<String>> {
    let file = data.path().join("tls/ca.pem");
    if config.tls != TlsMode::Auto || !file.exists() {
        return Ok(None);
    }
    Ok(Some(String::from_utf8(reach::authorities(&file)?)?))
}

fn destinations(config: &ServerConfig) -> anyhow::Result<Destinations> {
    let allowed = config.allowed_notification_hosts()?;
    let ca_pem = config.ca_file.as_deref().map(reach::authorities).transpose()?;
    Ok(Destinations::new(move |host, port| allowed.allows(host, port), ca_pem))
}

async fn first_user(store: &Store, url: &str) -> anyhow::Result<()> {
    if let Some(token) = edge::secret("CARNET_BOOTSTRAP_TOKEN") {
        return carnet_server::create_site_admin(store, &token, edge::now())
            .await
            .context("the site administrator of CARNET_BOOTSTRAP_TOKEN cannot be made");
    }
    if let Some(address) = carnet_server::prepare_first_user(store, url).await? {
        edge::print(&format!(
            "nobody uses this server yet; make the first user at {}\n",
            address.expose_secret()
        ))?;
    }
    Ok(())
}

/// Where and how the server answers.
struct Endpoint {
    scheme: &'static str,
    address: SocketAddr,
    authority: Option<Vec<u8>>,
}

impl Endpoint {
    /// The address under which this machine reaches the server.
    fn local_url(&self, config: &ServerConfig) -> anyhow::Result<String> {
        match (&config.tls, &config.url) {
            // The certificate is for the public name only.
            (TlsMode::Files { .. }, Some(url)) => Ok(url.clone()),
            (TlsMode::Files { .. }, None) => {
                bail!("with a certificate from files, --url must name the host that it is for")
            }
            (TlsMode::Auto | TlsMode::Off, _) => Ok(format!("{}://{}", self.scheme, loopback(self.address))),
        }
    }
}

/// The embedded agent meets the server over HTTP like any other.
async fn embedded_agent(
    config: &ServerConfig,
    data: &DataDir,
    store: &Store,
    endpoint: Endpoint,
) -> anyhow::Result<AgentConfig> {
    let url = endpoint.local_url(config)?;
    let mut authorities = endpoint.authority.unwrap_or_default();
    if let Some(file) = &config.ca_file {
        authorities.extend(reach::authorities(file)?);
    }
    let token: SecretString =
        carnet_server::renew_agent_token(store, &agent_description(config, data), edge::now()).await?;
    Ok(AgentConfig {
        name: "embedded".to_owned(),
        ca_pem: (!authorities.is_empty()).then_some(authorities),
        work_root: config.work_root.clone(),
        engine: agent::engine(config.terraform.as_deref()),
        allowed_hosts: config.allowed_hosts()?,
        plugin_dir: config.terraform_plugin_dir.clone(),
        protected: config.protected(data.path()),
        host_env: edge::environment(),
        concurrency: config.concurrency,
        sandbox: config.sandbox,
        ..AgentConfig::new(url, token, data.path().join("agent"))
    })
}

/// What the token of the embedded agent is described as: the next start replaces the token of the same description.
fn agent_description(config: &ServerConfig, data: &DataDir) -> String {
    let description = carnet_server::AGENT_TOKEN_DESCRIPTION;
    match config.database {
        Database::DataDir => description.to_owned(),
        // Other servers of this database have embedded agents, too.
        Database::Postgres { .. } => {
            let system = rustix::system::uname();
            format!("{description} of {}:{}", system.nodename().to_string_lossy(), data.path().display())
        }
    }
}

/// Where this machine reaches an address that was listened on.
fn loopback(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, v4.port())),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => SocketAddr::from((Ipv6Addr::LOCALHOST, v6.port())),
        SocketAddr::V4(_) | SocketAddr::V6(_) => address,
    }
}
