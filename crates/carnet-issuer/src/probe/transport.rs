//! What relying parties think of the address and of the TLS of an exchange.

use std::net::IpAddr;
use std::time::Duration;

use carnet_model::Timestamp;
use rustls::{CertificateError, ProtocolVersion};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::fetch::{Exchange, TlsSeen};
use super::{Look, Report};

const CLOUDS: &[&str] = &["AWS", "Google Cloud", "Microsoft Entra"];
const EVERYBODY: &[&str] = &["every relying party"];

pub(super) fn check(name: &str, exchange: &Exchange, look: &Look<'_>, report: &mut Report) {
    check_address(name, exchange, report);
    let Some(tls) = &exchange.tls else { return };
    check_chain(name, exchange, tls, report);
    check_expiry(name, tls, look, report);
    let check = format!("{name}.protocol");
    match tls.protocol {
        Some(ProtocolVersion::TLSv1_3) => report.ok(&check, "TLS 1.3".to_owned()),
        Some(ProtocolVersion::TLSv1_2) => report.ok(&check, "TLS 1.2".to_owned()),
        other => report.fail(&check, format!("{other:?}"), EVERYBODY, "let the server speak TLS 1.2 or 1.3"),
    }
}

fn check_address(name: &str, exchange: &Exchange, report: &mut Report) {
    let check = format!("{name}.dns");
    let address = exchange.address.ip();
    if is_public(address) {
        report.ok(&check, format!("{} is at {address}", exchange.host));
    } else {
        report.warn(
            &check,
            format!("{} is at {address}, which is not an address of the internet", exchange.host),
            CLOUDS,
            "clouds cannot reach it: publish the documents where they can (carnet issuer publish), or give Google Cloud and \
             Kubernetes the key set as a file",
        );
    }
}

/// Whether hosts of the internet can have the address (RFC 1918, RFC 4193, RFC 6598 and their like).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || (first == 100 && (64..128).contains(&second)))
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(v4.into()),
            None => {
                let first = v6.segments()[0];
                !(v6.is_loopback()
                    || v6.is_unspecified()
                    || first & 0xfe00 == 0xfc00
                    || first & 0xffc0 == 0xfe80)
            }
        },
    }
}

fn check_chain(name: &str, exchange: &Exchange, tls: &TlsSeen, report: &mut Report) {
    let check = format!("{name}.certificate");
    let Some(refusal) = &tls.seen.refusal else {
        let count = tls.seen.chain.len();
        report.ok(&check, format!("it is valid for {}; {count} certificates are sent", exchange.host));
        return;
    };
    let (what, way_out) = match refusal {
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
                format!("the certificate is not for {}", exchange.host),
                "have a certificate issued for the very host of the issuer's URL",
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
                "the certificate has expired".to_owned(),
                "renew it, and see why that did not happen by itself",
            ),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
                "the certificate is not valid yet".to_owned(),
                "check the clock of this machine and of the one that issued it",
            ),
            CertificateError::UnknownIssuer => unknown_issuer(tls),
            other => (format!("the certificate is refused: {other:?}"), "have another one issued"),
        },
        other => (format!("the certificate is refused: {other}"), "have another one issued"),
    };
    report.fail(&check, what, EVERYBODY, way_out);
}

/// A chain that does not end at an authority that is trusted: an intermediate is missing, or nobody knows the authority.
fn unknown_issuer(tls: &TlsSeen) -> (String, &'static str) {
    let last = tls.seen.chain.last().and_then(|der| X509Certificate::from_der(der).ok());
    match last {
        Some((_, last)) if last.issuer() == last.subject() => (
            format!("the chain ends at {}, an authority that is not trusted", last.subject()),
            "clouds take certificates of public authorities only; for a relying party that is told to trust the authority, \
             name its file with --ca-file here",
        ),
        Some((_, last)) => (
            format!(
                "the chain is incomplete, or of an unknown authority: the last certificate that is sent was issued by {}, \
                 which is neither sent nor trusted",
                last.issuer()
            ),
            "serve the whole chain, the intermediate certificates too (fullchain.pem), or name the authority with --ca-file",
        ),
        None => ("no certificate was sent that can be read".to_owned(), "look at what serves the address"),
    }
}

fn check_expiry(name: &str, tls: &TlsSeen, look: &Look<'_>, report: &mut Report) {
    let ends = tls.seen.chain.iter().filter_map(|der| {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
    });
    let Some(end) = ends.min() else { return };
    let check = format!("{name}.expiry");
    let left = Duration::try_from(end.duration_since((look.clock)())).unwrap_or_default();
    if left < look.limits.certificate_left {
        report.warn(
            &check,
            format!("a certificate of the chain ends at {end}"),
            EVERYBODY,
            "renew it now: from that moment on no token is accepted anywhere",
        );
    } else {
        report.ok(&check, format!("the certificates last until {end}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_internet_are_told_from_others() {
        for (text, expected) in [
            ("203.0.113.7", true),
            ("10.0.0.5", false),
            ("172.20.0.1", false),
            ("192.168.1.1", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("169.254.1.1", false),
            ("2606:4700::1", true),
            ("fd00::1", false),
            ("fe80::1", false),
            ("::1", false),
            ("::ffff:10.0.0.1", false),
        ] {
            assert_eq!(is_public(text.parse().expect("an address")), expected, "{text}");
        }
    }
}
