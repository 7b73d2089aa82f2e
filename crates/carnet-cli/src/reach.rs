//! How commands reach a server: its address, the authorities that are trusted, and what helps when it is not reached.

use std::path::Path;

use anyhow::{Context as _, bail};
use reqwest::{Certificate, Url};

/// Reads the address of a server.
pub(crate) fn server_address(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => Ok(url),
        // What stands before a colon reads as a scheme.
        Ok(_) | Err(_) => {
            let host = text.rsplit("://").next().unwrap_or_default().trim_start_matches('/');
            let host = if host.is_empty() { "carnet.example.com" } else { host };
            Err(format!("an address begins with https:// (or http://): write https://{host}"))
        }
    }
}

/// Reads a file of certificate authorities, PEM. One without any would leave the server untrusted without a word.
pub(crate) fn authorities(file: &Path) -> anyhow::Result<Vec<u8>> {
    let pem = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(pem),
        Ok(_) | Err(_) => bail!(
            "{} holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----; see --ca-file",
            file.display()
        ),
    }
}

/// The error of a request that got no answer, with what helps.
pub(crate) fn not_reached(error: reqwest::Error) -> anyhow::Error {
    let error = anyhow::Error::from(error);
    let advice = advice(&format!("{error:#}"));
    error.context(advice)
}

fn advice(text: &str) -> &'static str {
    if text.contains("UnknownIssuer") {
        return "the certificate of the server is not trusted: trust its authority with --ca-file (it is DATA/tls/ca.pem on \
                the server)";
    }
    "the server is not reached"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(text: &str, expected: &str) {
        let refused = server_address(text).expect_err(text);
        assert!(refused.ends_with(expected), "{refused}");
    }

    #[test]
    fn an_address_without_a_scheme_is_refused_with_what_to_write() {
        check_refused("localhost:28471", "write https://localhost:28471");
        check_refused("carnet.example.org", "write https://carnet.example.org");
        check_refused("ftp://carnet.example.org", "write https://carnet.example.org");
        check_refused("", "write https://carnet.example.com");
        for text in ["https://carnet.example.org", "http://127.0.0.1:1/"] {
            assert!(server_address(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_no_file_of_authorities() {
        let file = std::env::temp_dir().join(format!("carnet-authorities-{}", std::process::id()));
        for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&file, text).expect("written");
            let refused = authorities(&file).expect_err(text).to_string();
            assert!(refused.contains("holds no certificate"), "{refused}");
        }
        let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        std::fs::write(&file, authority.cert.pem()).expect("written");
        assert!(authorities(&file).is_ok());
        std::fs::remove_file(&file).expect("removed");
    }

    #[test]
    fn an_authority_that_is_not_trusted_points_to_the_option() {
        let advice = advice("client error (Connect): invalid peer certificate: UnknownIssuer");
        assert!(advice.contains("--ca-file (it is DATA/tls/ca.pem"), "{advice}");
        assert_eq!(super::advice("tcp connect error: Connection refused"), "the server is not reached");
    }
}
