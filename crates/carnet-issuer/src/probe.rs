//! The look from outside: discovery and keys as relying parties meet them, with what each of them makes of it.
//!
//! Each document is fetched as they do: over a connection of its own, without following redirects, trusting public certificate
//! authorities. What would keep a relying party from accepting a token is found to be wrong here first.

mod connection;
mod documents;
mod fetch;
mod report;
mod transport;

use std::time::Duration;

use carnet_model::Timestamp;

use crate::{DISCOVERY_PATH, IssuerUrl, JWKS_PATH};
use fetch::{Exchange, Fetcher};

pub use report::{Finding, Report, Verdict};

/// Where looking ends and what is too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long relying parties wait for a document: the limit of AWS.
    pub latency: Duration,
    /// From when on a document is slow.
    pub slow: Duration,
    /// How long is waited for an answer at all.
    pub patience: Duration,
    /// How long before its end a certificate should be renewed.
    pub certificate_left: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            latency: Duration::from_secs(5),
            slow: Duration::from_secs(2),
            patience: Duration::from_secs(12),
            certificate_left: Duration::from_secs(14 * 24 * 3600),
        }
    }
}

/// How to look.
pub struct Look<'a> {
    /// The key that signs, or is to sign, which must be in the key set; none when it is not known here.
    pub kid: Option<&'a str>,
    /// Certificate authorities to trust beside the system's, PEM: relying parties that are told to trust them exist, clouds are
    /// none.
    pub ca_pem: Option<&'a [u8]>,
    /// Our clock.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// What is too much.
    pub limits: Limits,
}

impl std::fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Look").field("kid", &self.kid).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Looks at the issuer of this URL from here. To be the look from outside, "here" should be outside.
pub async fn look(issuer: &str, look: &Look<'_>) -> Report {
    let mut report = Report::new(issuer);
    let Some(url) = check_url(issuer, &mut report) else { return report };
    let fetcher = match Fetcher::new(look) {
        Ok(fetcher) => fetcher,
        Err(error) => {
            report.fail("look", format!("this program cannot make connections: {error}"), &[], "");
            return report;
        }
    };
    let discovery_url = url.discovery_url();
    let Some(discovery) = document(&fetcher, "discovery", &discovery_url, look, &mut report).await else {
        return report;
    };
    let jwks_url = documents::check_discovery(&discovery.body, &url, &mut report);
    if let Some(jwks_url) = jwks_url
        && let Some(jwks) = document(&fetcher, "keys", &jwks_url, look, &mut report).await
    {
        documents::check_jwks(&jwks.body, look.kid, &mut report);
        documents::check_clock(&jwks, &mut report);
    }
    report
}

fn check_url(text: &str, report: &mut Report) -> Option<IssuerUrl> {
    let url: IssuerUrl = match text.parse() {
        Ok(url) => url,
        Err(error) => {
            report.fail(
                "url",
                format!("{error}"),
                &["every relying party"],
                "start the server with another --issuer-url, exactly as relying parties are told it",
            );
            return None;
        }
    };
    if !text.starts_with("https://") {
        report.warn(
            "url",
            "the issuer is at http://, on this machine".to_owned(),
            &["AWS", "Google Cloud", "Microsoft Entra", "Kubernetes"],
            "for more than a trial, give the issuer an address with https://",
        );
    } else if documents::has_port(&url) {
        report.warn(
            "url",
            "the issuer's URL has a port, which the IAM user guide advises against".to_owned(),
            &["AWS"],
            "serve discovery and keys at port 443, for instance from a bucket: carnet issuer publish",
        );
    } else {
        report.ok("url", format!("{text} is a URL that every relying party takes"));
    }
    Some(url)
}

async fn document(
    fetcher: &Fetcher<'_>,
    name: &'static str,
    url: &str,
    look: &Look<'_>,
    report: &mut Report,
) -> Option<Exchange> {
    let exchange = match fetcher.get(url).await {
        Ok(exchange) => exchange,
        Err(error) => {
            error.report(name, url, report);
            return None;
        }
    };
    transport::check(name, &exchange, look, report);
    documents::check_response(name, &exchange, &look.limits, report).then_some(exchange)
}

/// Whether a path ends as ours do: other issuers name their documents otherwise.
fn is_usual_jwks(url: &str) -> bool {
    url.ends_with(JWKS_PATH) && !url.ends_with(DISCOVERY_PATH)
}

#[cfg(test)]
mod tests;
