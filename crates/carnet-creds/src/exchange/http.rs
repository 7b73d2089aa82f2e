//! How providers are reached.

use std::{error::Error, time::Duration};

use reqwest::{Certificate, Client, ClientBuilder, redirect::Policy};

use super::{reachable::AllowedHosts, who_am_i::Endpoints};

/// How providers are reached.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Certificate authorities to trust besides those of the system, as PEM.
    pub extra_roots_pem: Option<String>,
    /// The longest that making a connection may take.
    pub connect_timeout: Duration,
    /// The pause before the first retry; it doubles with every further one.
    pub retry_pause: Duration,
    /// Hosts that adapters may reach, and that are asked who a run is, although they lie where neither is allowed.
    pub allowed_hosts: AllowedHosts,
    /// Where providers are asked who a run is.
    pub endpoints: Endpoints,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            extra_roots_pem: None,
            connect_timeout: Duration::from_secs(10),
            retry_pause: Duration::from_millis(500),
            allowed_hosts: AllowedHosts::default(),
            endpoints: Endpoints::default(),
        }
    }
}

impl HttpSettings {
    /// A client that trusts these authorities.
    ///
    /// Fails with the reason when a certificate cannot be used, or the system has none.
    pub(crate) fn client(&self, roots: Roots<'_>, timeout: Duration) -> Result<Client, String> {
        self.builder(roots, timeout)?.build().map_err(|error| chain(&error))
    }

    /// A client that is not finished yet, as `client` makes it.
    ///
    /// Fails with the reason when a certificate cannot be used.
    pub(crate) fn builder(&self, roots: Roots<'_>, timeout: Duration) -> Result<ClientBuilder, String> {
        // The proxy variables of this process are not the run's.
        let builder = Client::builder()
            .connect_timeout(self.connect_timeout)
            .timeout(timeout)
            .redirect(Policy::none())
            .no_proxy();
        let parse = |pem: &str| Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| chain(&error));
        Ok(match (roots, &self.extra_roots_pem) {
            (Roots::None, _) => builder.tls_certs_only([]),
            (Roots::Only(pem), _) => builder.tls_certs_only(parse(pem)?),
            (Roots::System, Some(pem)) => builder.tls_certs_merge(parse(pem)?),
            (Roots::System, None) => builder,
        })
    }
}

/// The certificate authorities that a client trusts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Roots<'a> {
    /// None, for servers without TLS: a small image may hold no certificates at all.
    None,
    /// Those of the system and the extra ones.
    System,
    /// These only, as PEM.
    Only(&'a str),
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut parts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        source = cause.source();
    }
    parts.join(": ")
}
