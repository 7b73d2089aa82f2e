//! What the command line asks for when it opens the page.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{CLIENT, PORTS};

/// The most characters of `state`.
const STATE_LIMIT: usize = 512;

/// The parameters as they come, in the query or in the form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Parameters {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    state: String,
    code_challenge: String,
    code_challenge_method: String,
}

/// A request that a person may approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AuthorizationRequest {
    pub(super) redirect: Redirect,
    pub(super) state: String,
    pub(super) code_challenge: String,
}

/// An address of the command line: `http://localhost:PORT/login`, nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Redirect {
    pub(super) port: u16,
}

impl fmt::Display for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://localhost:{}/login", self.port)
    }
}

impl FromStr for Redirect {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let port = text.strip_prefix("http://localhost:").and_then(|rest| rest.strip_suffix("/login"));
        let port = port.and_then(|port| port.parse().ok()).ok_or(())?;
        let redirect = Self { port };
        // Another spelling of the same port, such as +10000, is another address.
        let is_allowed = (PORTS[0]..=PORTS[1]).contains(&port) && redirect.to_string() == text;
        is_allowed.then_some(redirect).ok_or(())
    }
}

impl Redirect {
    /// The address with parameters for the command line.
    pub(super) fn with(self, parameters: &[(&str, &str)]) -> String {
        let pairs: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
            .collect();
        format!("{self}?{}", pairs.join("&"))
    }
}

/// Why a request cannot be approved (RFC 6749, section 4.1.2.1).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nobody knows who asks, or where an answer would go: the person is told, and nobody else.
    Page(&'static str),
    /// The command line is told.
    Redirect { redirect: Redirect, state: String, error: &'static str, description: &'static str },
}

impl Parameters {
    /// Checks everything: first whom an answer may go to, then the rest.
    pub(super) fn check(self) -> Result<AuthorizationRequest, Refusal> {
        if self.client_id != CLIENT {
            return Err(Refusal::Page("The program that sent you here is not known to this server."));
        }
        let Ok(redirect) = self.redirect_uri.parse::<Redirect>() else {
            return Err(Refusal::Page(
                "The answer would go to an address that is not the one of Terraform on your own machine.",
            ));
        };
        match self.problem() {
            None => {
                Ok(AuthorizationRequest { redirect, state: self.state, code_challenge: self.code_challenge })
            }
            Some((error, description)) => {
                Err(Refusal::Redirect { redirect, state: self.state, error, description })
            }
        }
    }

    fn problem(&self) -> Option<(&'static str, &'static str)> {
        let invalid = "invalid_request";
        if self.response_type != "code" {
            Some(("unsupported_response_type", "response_type must be code"))
        } else if self.state.is_empty() || self.state.len() > STATE_LIMIT {
            Some((invalid, "state is missing or too long"))
        } else if self.code_challenge_method != "S256" {
            Some((invalid, "code_challenge_method must be S256"))
        } else if !is_challenge(&self.code_challenge) {
            Some((invalid, "code_challenge must be a SHA-256 in base64url without padding"))
        } else {
            None
        }
    }
}

/// SHA-256 in base64url without padding has 43 characters.
fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
