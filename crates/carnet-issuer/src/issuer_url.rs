//! The issuer's URL: the claim `iss`, compared byte for byte by every relying party.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Where the discovery document is, below the issuer's URL (OpenID Connect Discovery 1.0, section 4).
pub const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

/// Where the key set is, below the issuer's URL.
pub const JWKS_PATH: &str = "/.well-known/jwks";

/// The longest URL that AWS takes for an OpenID Connect provider.
const MAX_LENGTH: usize = 255;

/// The URL of an issuer in its one canonical spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IssuerUrl {
    text: String,
    host_start: usize,
    path_start: usize,
}

/// Why a text cannot be the URL of an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssuerUrlError {
    /// The scheme is not one that relying parties follow.
    #[error("the issuer's URL must start with https:// (http:// only for this machine itself)")]
    Scheme,
    /// The host is missing or misspelt.
    #[error("the issuer's URL needs a host name in lower case")]
    Host,
    /// A user name or password stands before the host.
    #[error("the issuer's URL must not hold a user name or password")]
    UserInfo,
    /// The port is not a number, or it is the scheme's own.
    #[error("the port of the issuer's URL must be a number, and is left out when it is the usual one")]
    Port,
    /// The URL ends with a slash.
    #[error("the issuer's URL must not end with a slash: relying parties compare it byte for byte")]
    TrailingSlash,
    /// The path has empty, relative or escaped parts.
    #[error("the path of the issuer's URL may only have plain segments of letters, numbers, - . _ and ~")]
    Path,
    /// There is a query or a fragment.
    #[error("the issuer's URL must not have a query or a fragment")]
    Suffix,
    /// The URL is too long for some relying party.
    #[error("the issuer's URL is longer than {MAX_LENGTH} characters, which AWS refuses")]
    Length,
}

impl IssuerUrl {
    /// The URL as it stands in the claim `iss`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL without its scheme, as AWS names the provider in ARNs and condition keys.
    pub fn without_scheme(&self) -> &str {
        &self.text[self.host_start..]
    }

    /// The path with its leading slash, empty when there is none.
    pub fn path(&self) -> &str {
        &self.text[self.path_start..]
    }

    /// Where the discovery document is served.
    pub fn discovery_url(&self) -> String {
        format!("{}{DISCOVERY_PATH}", self.text)
    }

    /// Where the key set is served.
    pub fn jwks_url(&self) -> String {
        format!("{}{JWKS_PATH}", self.text)
    }
}

impl std::str::FromStr for IssuerUrl {
    type Err = IssuerUrlError;

    fn from_str(text: &str) -> Result<Self, IssuerUrlError> {
        let (rest, scheme) = if let Some(rest) = text.strip_prefix("https://") {
            (rest, Scheme::Https)
        } else if let Some(rest) = text.strip_prefix("http://") {
            (rest, Scheme::Http)
        } else {
            return Err(IssuerUrlError::Scheme);
        };
        if text.len() > MAX_LENGTH {
            return Err(IssuerUrlError::Length);
        }
        if rest.contains(['?', '#']) {
            return Err(IssuerUrlError::Suffix);
        }
        if rest.ends_with('/') {
            return Err(IssuerUrlError::TrailingSlash);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        check_authority(authority, scheme)?;
        if !path.split('/').skip(1).all(is_plain_segment) {
            return Err(IssuerUrlError::Path);
        }
        Ok(Self {
            text: text.to_owned(),
            host_start: text.len() - rest.len(),
            path_start: text.len() - path.len(),
        })
    }
}

impl std::fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Clone, Copy)]
enum Scheme {
    Https,
    Http,
}

impl Scheme {
    fn port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

fn check_authority(authority: &str, scheme: Scheme) -> Result<(), IssuerUrlError> {
    if authority.contains('@') {
        return Err(IssuerUrlError::UserInfo);
    }
    let host_end = authority.find(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match authority[host_end..].find(':') {
        Some(colon) => (&authority[..host_end + colon], Some(&authority[host_end + colon + 1..])),
        None => (authority, None),
    };
    if let Some(port) = port {
        check_port(port, scheme)?;
    }
    match (Host::parse(host)?, scheme) {
        (Host::Remote, Scheme::Http) => Err(IssuerUrlError::Scheme),
        (Host::Loopback, Scheme::Http) | (Host::Loopback | Host::Remote, Scheme::Https) => Ok(()),
    }
}

fn check_port(port: &str, scheme: Scheme) -> Result<(), IssuerUrlError> {
    match port.parse::<u16>() {
        // A plus sign or leading zeros would give one port several spellings.
        Ok(number) if number != 0 && number != scheme.port() && number.to_string() == port => Ok(()),
        _ => Err(IssuerUrlError::Port),
    }
}

/// Whose machine a host is.
enum Host {
    Loopback,
    Remote,
}

impl Host {
    fn parse(host: &str) -> Result<Self, IssuerUrlError> {
        if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return Self::from_ipv6(address);
        }
        let is_name = host.len() <= 253 && host.split('.').all(is_label);
        if !is_name {
            return Err(IssuerUrlError::Host);
        }
        let is_numeric = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        match host.parse::<Ipv4Addr>() {
            Ok(address) if address.is_loopback() => Ok(Self::Loopback),
            Ok(_) => Ok(Self::Remote),
            // Clients read "127.1" as an address; nothing that only looks like one is a name.
            Err(_) if is_numeric => Err(IssuerUrlError::Host),
            Err(_) if host == "localhost" || host.ends_with(".localhost") => Ok(Self::Loopback),
            Err(_) => Ok(Self::Remote),
        }
    }

    fn from_ipv6(address: &str) -> Result<Self, IssuerUrlError> {
        match address.parse::<Ipv6Addr>() {
            // Only the canonical spelling (RFC 5952): the URL is compared byte for byte.
            Ok(parsed) if parsed.to_string() != address => Err(IssuerUrlError::Host),
            Ok(parsed) if parsed.is_loopback() => Ok(Self::Loopback),
            Ok(_) => Ok(Self::Remote),
            Err(_) => Err(IssuerUrlError::Host),
        }
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_plain_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_urls_are_kept_byte_for_byte() {
        for (text, path) in [
            ("https://carnet.example.com", ""),
            ("https://carnet.example.com:8443", ""),
            ("https://xn--bcher-kva.example/issuers/A_1", "/issuers/A_1"),
            ("https://192.0.2.1", ""),
            ("https://[2001:db8::1]:8443/x", "/x"),
            ("http://localhost:3000", ""),
            ("http://carnet.localhost", ""),
            ("http://127.0.0.1:8080", ""),
            ("http://127.8.9.1", ""),
            ("http://[::1]:8080/oidc", "/oidc"),
        ] {
            let url = text.parse::<IssuerUrl>().expect(text);
            assert_eq!((url.as_str(), url.path()), (text, path));
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", IssuerUrlError::Scheme),
            ("carnet.example.com", IssuerUrlError::Scheme),
            ("HTTPS://carnet.example.com", IssuerUrlError::Scheme),
            ("http://carnet.example.com", IssuerUrlError::Scheme),
            ("http://localhost.example.com", IssuerUrlError::Scheme),
            ("http://10.0.0.1", IssuerUrlError::Scheme),
            ("http://[2001:db8::1]", IssuerUrlError::Scheme),
            ("https://", IssuerUrlError::Host),
            ("https://:8443", IssuerUrlError::Host),
            ("https://Carnet.example.com", IssuerUrlError::Host),
            ("https://carnet.example.com.", IssuerUrlError::Host),
            ("https://-carnet.example.com", IssuerUrlError::Host),
            ("https://carnet_1.example.com", IssuerUrlError::Host),
            ("https://b\u{fc}cher.example", IssuerUrlError::Host),
            ("https://127.1", IssuerUrlError::Host),
            ("https://[::1", IssuerUrlError::Port),
            ("https://[0:0:0:0:0:0:0:1]", IssuerUrlError::Host),
            ("https://[::1]x", IssuerUrlError::Host),
            ("https://a.example b.example", IssuerUrlError::Host),
            ("https://user@carnet.example.com", IssuerUrlError::UserInfo),
            ("https://carnet.example.com:443", IssuerUrlError::Port),
            ("http://localhost:80", IssuerUrlError::Port),
            ("https://carnet.example.com:", IssuerUrlError::Port),
            ("https://carnet.example.com:08443", IssuerUrlError::Port),
            ("https://carnet.example.com:70000", IssuerUrlError::Port),
            ("https://carnet.example.com/", IssuerUrlError::TrailingSlash),
            ("https://carnet.example.com/x/", IssuerUrlError::TrailingSlash),
            ("https://carnet.example.com//x", IssuerUrlError::Path),
            ("https://carnet.example.com/../x", IssuerUrlError::Path),
            ("https://carnet.example.com/a%20b", IssuerUrlError::Path),
            ("https://carnet.example.com/a b", IssuerUrlError::Path),
            ("https://carnet.example.com?x=1", IssuerUrlError::Suffix),
            ("https://carnet.example.com/x#y", IssuerUrlError::Suffix),
            (&format!("https://carnet.example.com/{}", "a".repeat(255)), IssuerUrlError::Length),
        ] {
            assert_eq!(text.parse::<IssuerUrl>(), Err(reason), "{text}");
        }
    }

    #[test]
    fn the_derived_urls_stand_below_the_path() {
        let url = "https://carnet.example.com/a".parse::<IssuerUrl>().expect("valid");
        assert_eq!(url.discovery_url(), "https://carnet.example.com/a/.well-known/openid-configuration");
        assert_eq!(url.jwks_url(), "https://carnet.example.com/a/.well-known/jwks");
        assert_eq!(url.without_scheme(), "carnet.example.com/a");
    }
}
