//! Where notifications may go: never to this machine, its link, a private network or a cloud's metadata, unless the operator has
//! allowed the host. Whoever administers a workspace names the address, and may not use the server to reach what only the
//! server can reach.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use carnet_model::{is_local_address, is_private_address};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Tells whether a host may be reached, by its name and port.
type IsAllowed = dyn Fn(&str, u16) -> bool + Send + Sync;

/// What the operator says about destinations.
#[derive(Clone, Default)]
pub struct Destinations {
    allowed: Option<Arc<IsAllowed>>,
    /// Certificate authorities to trust besides those of the system, as PEM.
    pub(super) ca_pem: Option<Vec<u8>>,
}

impl std::fmt::Debug for Destinations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Destinations").finish_non_exhaustive()
    }
}

impl Destinations {
    /// Destinations on the internet, and these hosts; `ca_pem` is trusted besides the system's authorities.
    pub fn new(
        is_allowed: impl Fn(&str, u16) -> bool + Send + Sync + 'static,
        ca_pem: Option<Vec<u8>>,
    ) -> Self {
        Self { allowed: Some(Arc::new(is_allowed)), ca_pem }
    }

    fn allows(&self, url: &Url) -> bool {
        match (&self.allowed, url.host_str(), url.port_or_known_default()) {
            (Some(is_allowed), Some(host), Some(port)) => is_allowed(host, port),
            _ => false,
        }
    }
}

/// How freely the host of an address is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Wherever its name leads: the operator has allowed it.
    Anywhere,
    /// Only where nothing is private.
    Public,
}

/// Checks everything about an address that can be checked before its name is looked up; fails with the reason.
pub(crate) fn checked_address(text: &str, destinations: &Destinations) -> Result<(Url, Reach), String> {
    let url = Url::parse(text).map_err(|error| format!("it is no address: {error}"))?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err("it must begin with https:// or http://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it must not hold a user or a password".to_owned());
    }
    if destinations.allows(&url) {
        return Ok((url, Reach::Anywhere));
    }
    let host = url.host_str().unwrap_or_default();
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(address) if is_forbidden(address) => Err(forbidden(host)),
        Ok(_) | Err(_) => Ok((url, Reach::Public)),
    }
}

fn is_forbidden(address: IpAddr) -> bool {
    is_local_address(address) || is_private_address(address)
}

fn forbidden(what: &str) -> String {
    format!(
        "{what} is not an address on the internet; the operator of the server can allow the host with \
         --allow-notification-hosts"
    )
}

/// Looks names up and leaves out every address that is not public. It is the address connected to that is checked, so a name
/// cannot lead elsewhere the second time.
#[derive(Debug)]
pub(super) struct PublicResolver;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let (private, public): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|address| is_forbidden(address.ip()));
            if let (Some(address), true) = (private.first(), public.is_empty()) {
                return Err(forbidden(&format!("{} ({})", name.as_str(), address.ip())).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
