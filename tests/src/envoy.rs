//! Envoy, a proxy whose filter lets requests with an identity token pass: it verifies tokens in C++.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    json_client::{Answer, JsonClient},
    port::free_ports,
    process::{ChildProcess, Ending, Start},
    tool::{Tool, tool},
};

const START_ATTEMPTS: usize = 5;

/// Which tokens pass.
#[derive(Debug, Clone)]
pub struct EnvoyOptions {
    /// The issuer's URL, at `localhost`.
    pub issuer_url: String,
    /// Where the issuer's key set is.
    pub jwks_url: String,
    /// The file with the certificate of the authority behind the issuer's.
    pub issuer_ca: PathBuf,
    /// The audience that tokens must have.
    pub audience: String,
}

/// A running Envoy; what passes is answered with 200.
#[derive(Debug)]
pub struct Envoy {
    process: ChildProcess,
    client: JsonClient,
    _folder: TempDir,
}

impl Envoy {
    /// Starts a proxy, which has fetched the key set when it is ready.
    pub async fn start(options: &EnvoyOptions) -> anyhow::Result<Self> {
        let program = tool(Tool::Envoy).await?;
        for _ in 0..START_ATTEMPTS {
            if let Some(proxy) = Self::try_start(&program, options).await? {
                return Ok(proxy);
            }
        }
        bail!("envoy found no free port in {START_ATTEMPTS} attempts")
    }

    async fn try_start(program: &Path, options: &EnvoyOptions) -> anyhow::Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let [port] = free_ports()?;
        let file = folder.path().join("envoy.json");
        std::fs::write(&file, bootstrap(port, options)?.to_string())?;
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).args(["--disable-hot-restart", "--concurrency", "1"]);
        command.args(["--log-level", "warning"]).env_clear().env("HOME", folder.path());
        let log = folder.path().join("envoy.log");
        let process = ChildProcess::spawn("envoy", command, &log, Ending::Kill)?;
        let client = JsonClient::new(&format!("http://127.0.0.1:{port}"), None)?;
        let mut proxy = Self { process, client, _folder: folder };
        let Self { process, client, .. } = &mut proxy;
        let probe = async || client.request("GET", "/", None).await.is_ok_and(|answer| answer.status == 401);
        Ok(match process.until_ready(probe).await? {
            Start::Ready => Some(proxy),
            Start::PortTaken => None,
        })
    }

    /// Sends a request with a token.
    pub async fn request(&self, token: &str) -> anyhow::Result<Answer> {
        let client = self.client.clone().with_header("authorization", &format!("Bearer {token}"));
        client.request("GET", "/", None).await
    }

    /// The proxy's process.
    pub fn process(&mut self) -> &mut ChildProcess {
        &mut self.process
    }
}

fn bootstrap(port: u16, options: &EnvoyOptions) -> anyhow::Result<Value> {
    let routes = json!([{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]);
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gate",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [
            {"name": "envoy.filters.http.jwt_authn", "typed_config": filter(options)},
            {"name": "envoy.filters.http.router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            }},
        ],
    });
    let filters = json!([{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]);
    let listener = json!({"name": "gate", "address": address(port), "filter_chains": [{"filters": filters}]});
    Ok(json!({"static_resources": {"listeners": [listener], "clusters": [cluster(options)?]}}))
}

fn filter(options: &EnvoyOptions) -> Value {
    // The listener opens when the first fetch has ended.
    let keys = json!({
        "http_uri": {"uri": options.jwks_url, "cluster": "issuer", "timeout": "5s"},
        "async_fetch": {"fast_listener": false},
    });
    let provider = json!({
        "issuer": options.issuer_url, "audiences": [options.audience], "require_expiration": true, "remote_jwks": keys,
    });
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        "providers": {"carnet": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "carnet"}}],
    })
}

fn cluster(options: &EnvoyOptions) -> anyhow::Result<Value> {
    let port = options.issuer_url.rsplit(':').next().and_then(|port| port.parse().ok());
    let endpoint = json!({"endpoint": {"address": address(port.context("the issuer has no port")?)}});
    let name = json!({"san_type": "DNS", "matcher": {"exact": "localhost"}});
    let validation =
        json!({"trusted_ca": {"filename": options.issuer_ca}, "match_typed_subject_alt_names": [name]});
    let tls = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": "localhost",
        "common_tls_context": {"validation_context": validation},
    });
    Ok(json!({
        "name": "issuer",
        "load_assignment": {"cluster_name": "issuer", "endpoints": [{"lb_endpoints": [endpoint]}]},
        "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": tls},
    }))
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
