//! Which servers an adapter may reach: never this machine, its neighbours on the link, or the metadata of a cloud.
//!
//! An adapter is a document that somebody wrote, and its settings come from a workspace. Neither may turn the agent
//! into a way to what only the agent can reach. What is checked is the address that is connected to: a name is
//! resolved once, and what it resolves to is filtered.

use std::{
    error::Error,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    str::FromStr,
    sync::Arc,
};

use carnet_model::is_local_address as is_forbidden;
use serde::{Deserialize, Serialize};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

/// Hosts that adapters may reach although they lie where adapters may not reach, given by the agent's operator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedHosts(Vec<AllowedHost>);

/// A host, with or without a port; without one, every port of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AllowedHost {
    host: String,
    port: Option<u16>,
}

/// A text that names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no host and no host:port; an IPv6 address stands in brackets")]
pub struct AllowedHostError(String);

/// Why an adapter may not reach an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreachable {
    /// The text is no address.
    #[error("it is no address: {0}")]
    NoAddress(String),
    /// The address has a part that it must not have.
    #[error("it holds a user or a password")]
    User,
    /// Only https is allowed.
    #[error("only https is allowed, unless the operator of the agent allows the host \"{0}\"")]
    Scheme(String),
    /// The address is one of those that adapters may not reach.
    #[error(
        "{0} is an address of this machine, of its link, or of a cloud's metadata, which the operator of the agent has \
         not allowed"
    )]
    Forbidden(String),
}

impl Unreachable {
    /// What was kept from an address, out of all that stands around it in a failed request.
    pub(crate) fn behind(error: &(dyn Error + 'static)) -> Option<Self> {
        match error.downcast_ref::<Self>() {
            Some(found) => Some(found.clone()),
            None => Self::behind(error.source()?),
        }
    }

    /// What the operator can do about it, if anything; `url` is the address that was asked for.
    pub(crate) fn allowance(&self, url: &str) -> Option<String> {
        let is_allowable = matches!(self, Self::Scheme(_) | Self::Forbidden(_));
        let url = Url::parse(url).ok().filter(|_| is_allowable)?;
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        Some(format!(
            "the operator of the agent can start it with --allow-provider-hosts {host}:{port} (an agent inside of the \
             server: carnet server with the same)"
        ))
    }
}

/// How freely one host is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Wherever its name leads, as the operator allows it.
    Anywhere,
    /// Only where adapters may reach.
    Filtered,
}

impl AllowedHosts {
    /// Reads a list of `host` and `host:port`.
    ///
    /// Fails with the first text that names no host.
    pub fn parse<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Result<Self, AllowedHostError> {
        hosts.into_iter().map(str::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Tells whether the operator named this host, with this port or for all of its ports.
    pub fn allows(&self, host: &str, port: u16) -> bool {
        self.has(host, Some(port))
    }

    fn has(&self, host: &str, port: Option<u16>) -> bool {
        let host = normal(host);
        self.0.iter().any(|allowed| allowed.host == host && (allowed.port.is_none() || allowed.port == port))
    }
}

impl FromStr for AllowedHost {
    type Err = AllowedHostError;

    fn from_str(text: &str) -> Result<Self, AllowedHostError> {
        let fail = || AllowedHostError(text.chars().filter(|character| !character.is_control()).collect());
        let is_character = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        // The parser of addresses writes a host in its normal form, so that both sides of a comparison have it.
        let url = Url::parse(&format!("https://{text}")).map_err(|_| fail())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(fail)?;
        if !text.bytes().all(is_character) || url.path() != "/" {
            return Err(fail());
        }
        // The port of the scheme is dropped from an address, and was still written here.
        let behind = text.rsplit_once(']').map_or(text, |(_, behind)| behind);
        let port =
            behind.rsplit_once(':').map(|(_, port)| port.parse::<u16>().map_err(|_| fail())).transpose()?;
        Ok(Self { host: normal(host), port })
    }
}

/// A host name in lower case and without the dot of the root.
fn normal(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Checks everything about an address that can be checked before its name is resolved.
pub(crate) fn check(text: &str, allowed: &AllowedHosts) -> Result<(Url, Reach), Unreachable> {
    let url = Url::parse(text).map_err(|error| Unreachable::NoAddress(error.to_string()))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Unreachable::User);
    }
    if !matches!(url.scheme(), "https" | "http") || host.is_empty() {
        return Err(Unreachable::NoAddress("it has no host, or is neither https nor http".to_owned()));
    }
    if allowed.has(&host, url.port_or_known_default()) {
        return Ok((url, Reach::Anywhere));
    }
    if url.scheme() != "https" {
        return Err(Unreachable::Scheme(host));
    }
    match literal(&host) {
        Some(address) if is_forbidden(address) => Err(Unreachable::Forbidden(host)),
        Some(_) | None => Ok((url, Reach::Filtered)),
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// What a look-up leads to.
pub(crate) type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Finds the addresses of a name.
pub(crate) type LookUp = Arc<dyn Fn(String) -> Found + Send + Sync>;

/// Resolves names, and leaves out every address that may not be reached.
pub(crate) struct FilteringResolver {
    look_up: LookUp,
}

impl FilteringResolver {
    /// Resolves names as the machine does.
    pub(crate) fn of_system() -> Self {
        Self::new(Arc::new(|name| {
            Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
        }))
    }

    pub(crate) fn new(look_up: LookUp) -> Self {
        Self { look_up }
    }
}

impl Resolve for FilteringResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let found = (self.look_up)(name.clone());
        Box::pin(async move {
            let (forbidden, reachable): (Vec<_>, Vec<_>) =
                found.await?.into_iter().partition(|address| is_forbidden(address.ip()));
            if let (Some(address), true) = (forbidden.first(), reachable.is_empty()) {
                let shown = format!("{name} ({})", address.ip());
                return Err(Unreachable::Forbidden(shown).into());
            }
            Ok(Box::new(reachable.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
