use std::net::SocketAddr;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::fixture;

const NOW: &str = "2026-11-23T12:00:00Z";

/// How a server misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Redirect,
    NotFound,
    Html,
    NoType,
    NoCache,
    LongCache,
    Issuer,
    IssuerSlash,
    Members,
    JwksElsewhere,
    JwksPlain,
    NoKeys,
    PrivateKey,
    OtherKey,
    SameName,
    NoUse,
    Large,
    Slow,
    Silent,
    Clock,
    Encoded,
    KeysNotJson,
    NoTls,
}

/// The certificate of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Certificate {
    Good,
    Expired,
    EndsSoon,
    OtherName,
    /// The server sends its own certificate without the one between it and the authority.
    Incomplete,
    /// Nobody knows the authority.
    Unknown,
}

struct Server {
    url: String,
    ca_pem: String,
    _serving: tokio::task::JoinHandle<()>,
}

fn authority(name: &str) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (params, KeyPair::generate().expect("a key"))
}

/// A chain below a new authority, its key, and the authority as PEM.
fn chain(kind: Certificate) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, String) {
    let (root, root_key) = authority("root of the test");
    let root_pem = root.self_signed(&root_key).expect("a certificate").pem();
    let root = Issuer::new(root, root_key);
    let (between, between_key) = authority("between");
    let between_der = between.signed_by(&between_key, &root).expect("a certificate").der().clone();
    let between = Issuer::new(between, between_key);
    let name = if kind == Certificate::OtherName { "other.example.com" } else { "localhost" };
    let mut leaf = CertificateParams::new([name.to_owned()]).expect("names");
    match kind {
        Certificate::Expired => leaf.not_after = date_time_ymd(2020, 1, 1),
        Certificate::EndsSoon => leaf.not_after = date_time_ymd(2026, 12, 1),
        _ => {}
    }
    let key = KeyPair::generate().expect("a key");
    let leaf = leaf.signed_by(&key, &between).expect("a certificate").der().clone();
    let chain = if kind == Certificate::Incomplete { vec![leaf] } else { vec![leaf, between_der] };
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let pem = if kind == Certificate::Unknown {
        let (other, key) = authority("another root");
        other.self_signed(&key).expect("a certificate").pem()
    } else {
        root_pem
    };
    (chain, key, pem)
}

impl Server {
    async fn start(fault: Fault, certificate: Certificate) -> Self {
        let (chain, key, ca_pem) = chain(certificate);
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a configuration");
        let acceptor = TlsAcceptor::from(std::sync::Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let url = format!("https://localhost:{}", address.port());
        let base = url.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, base) = (acceptor.clone(), base.clone());
                tokio::spawn(async move {
                    if fault == Fault::NoTls {
                        return;
                    }
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut request = vec![0; 4096];
                    let length = stream.read(&mut request).await.unwrap_or(0);
                    let request = String::from_utf8_lossy(&request[..length]).into_owned();
                    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                    let answer = answer(fault, &base, &path);
                    match fault {
                        Fault::Silent => std::future::pending::<()>().await,
                        Fault::Slow => tokio::time::sleep(Duration::from_millis(60)).await,
                        _ => {}
                    }
                    let _ = stream.write_all(&answer).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { url, ca_pem, _serving: serving }
    }
}

fn discovery(fault: Fault, base: &str) -> String {
    let issuer = match fault {
        Fault::Issuer => "https://other.example.com".to_owned(),
        Fault::IssuerSlash => format!("{base}/"),
        _ => base.to_owned(),
    };
    let jwks = match fault {
        Fault::JwksElsewhere => format!("{base}/keys.json"),
        Fault::JwksPlain => "http://127.0.0.1:9/keys".to_owned(),
        _ => format!("{base}{JWKS_PATH}"),
    };
    let mut document = serde_json::json!({
        "issuer": issuer, "jwks_uri": jwks, "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
    });
    if fault == Fault::Members {
        document.as_object_mut().expect("an object").remove("subject_types_supported");
    }
    document.to_string()
}

fn jwks(fault: Fault) -> String {
    let key = if fault == Fault::OtherKey { fixture::other_key() } else { fixture::key() };
    let mut key = serde_json::to_value(key.public()).expect("JSON");
    match fault {
        Fault::PrivateKey => key["d"] = "AQAB".into(),
        Fault::NoUse => {
            key.as_object_mut().expect("an object").remove("use");
        }
        _ => {}
    }
    let keys = match fault {
        Fault::NoKeys => vec![],
        Fault::SameName => vec![key.clone(), key],
        _ => vec![key],
    };
    serde_json::json!({"keys": keys}).to_string()
}

fn answer(fault: Fault, base: &str, path: &str) -> Vec<u8> {
    let body = match (fault, path) {
        (Fault::KeysNotJson, JWKS_PATH) => "<html>".to_owned(),
        (Fault::Large, JWKS_PATH) => "x".repeat(fetch::SIZE_LIMIT + 1),
        (_, DISCOVERY_PATH) => discovery(fault, base),
        _ => jwks(fault),
    };
    let status = match fault {
        Fault::Redirect => "302 Found\r\nlocation: https://www.example.com/",
        Fault::NotFound => "404 Not Found",
        _ => "200 OK",
    };
    let kind = match fault {
        Fault::Html => "content-type: text/html\r\n",
        Fault::NoType => "",
        _ => "content-type: application/json\r\n",
    };
    let cache = match fault {
        Fault::NoCache => "",
        Fault::LongCache => "cache-control: public, max-age=2592000\r\n",
        _ => "cache-control: public, max-age=300\r\n",
    };
    let date = if fault == Fault::Clock { "11:40:00" } else { "11:59:55" };
    let encoding = if fault == Fault::Encoded { "content-encoding: br\r\n" } else { "" };
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{kind}{cache}{encoding}date: Mon, 23 Nov 2026 {date} GMT\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

async fn look_at(url: &str, ca_pem: &str) -> Report {
    let clock = || NOW.parse::<Timestamp>().expect("a time");
    let limits = Limits {
        latency: Duration::from_secs(3),
        slow: Duration::from_millis(50),
        patience: Duration::from_millis(1500),
        ..Limits::default()
    };
    let key = fixture::key();
    let kid = key.kid().as_str();
    look(url, &Look { kid: Some(kid), ca_pem: Some(ca_pem.as_bytes()), clock: &clock, limits }).await
}

async fn report(fault: Fault, certificate: Certificate) -> Report {
    let server = Server::start(fault, certificate).await;
    look_at(&server.url, &server.ca_pem).await
}

#[tokio::test]
async fn an_issuer_as_it_should_be_has_no_failure() {
    let report = report(Fault::None, Certificate::Good).await;
    assert!(report.is_accepted(), "{report}");
    // What is particular to a test is noted: the port and the address of this machine.
    let warned = report.findings.iter().filter(|finding| finding.verdict == Verdict::Warn);
    assert!(
        warned.clone().all(|finding| [
            "url",
            "discovery.dns",
            "keys.dns",
            "discovery.latency",
            "keys.latency"
        ]
        .contains(&finding.check.as_str())),
        "{report}"
    );
    for check in
        ["keys.current", "keys.private", "clock", "discovery.certificate", "keys.cache", "discovery.issuer"]
    {
        assert_eq!(report.finding(check).expect(check).verdict, Verdict::Ok, "{check}: {report}");
    }
}

#[tokio::test]
async fn every_way_to_misbehave_is_found() {
    use Verdict::{Fail, Warn};
    for (fault, check, verdict, words) in [
        (Fault::Redirect, "discovery.redirect", Fail, "www.example.com"),
        (Fault::NotFound, "discovery.status", Fail, "404"),
        (Fault::Html, "discovery.content-type", Fail, "text/html"),
        (Fault::NoType, "keys.content-type", Fail, "none"),
        (Fault::NoCache, "keys.cache", Warn, "no Cache-Control"),
        (Fault::LongCache, "keys.cache", Warn, "2592000"),
        (Fault::Issuer, "discovery.issuer", Fail, "other.example.com"),
        (Fault::IssuerSlash, "discovery.issuer", Fail, "a slash at its end"),
        (Fault::Members, "discovery.members", Fail, "subject_types_supported"),
        (Fault::JwksElsewhere, "keys.url", Warn, "keys.json"),
        (Fault::JwksPlain, "keys.url", Fail, "without https://"),
        (Fault::NoKeys, "keys.json", Fail, "0 keys"),
        (Fault::PrivateKey, "keys.private", Fail, "PRIVATE"),
        (Fault::OtherKey, "keys.current", Fail, "is not in it"),
        (Fault::SameName, "keys.json", Fail, "twice"),
        (Fault::NoUse, "keys.use", Warn, "use is not sig"),
        (Fault::Large, "keys.size", Fail, "bytes"),
        (Fault::Slow, "discovery.latency", Warn, "ms"),
        (Fault::Silent, "discovery.latency", Fail, "the answer took longer"),
        (Fault::Clock, "clock", Fail, "1200 seconds"),
        (Fault::Encoded, "discovery.encoding", Fail, "br"),
        (Fault::KeysNotJson, "keys.json", Fail, "no JSON"),
        (Fault::NoTls, "discovery.tls", Fail, "handshake"),
    ] {
        let report = report(fault, Certificate::Good).await;
        let found = report.finding(check).unwrap_or_else(|| panic!("{fault:?}: no {check}:\n{report}"));
        assert_eq!(found.verdict, verdict, "{fault:?}:\n{report}");
        assert!(found.what.contains(words), "{fault:?}: {}", found.what);
        assert!(found.way_out.is_some(), "{fault:?} has a way out");
    }
}

#[tokio::test]
async fn certificates_that_relying_parties_refuse_are_found_and_told_apart() {
    use Verdict::{Fail, Warn};
    for (certificate, check, verdict, words) in [
        (Certificate::Expired, "discovery.certificate", Fail, "has expired"),
        (Certificate::EndsSoon, "discovery.expiry", Warn, "2026-12-01"),
        (Certificate::OtherName, "discovery.certificate", Fail, "not for localhost"),
        (Certificate::Incomplete, "discovery.certificate", Fail, "incomplete"),
        (Certificate::Unknown, "discovery.certificate", Fail, "unknown authority"),
    ] {
        let report = report(Fault::None, certificate).await;
        let found = report.finding(check).unwrap_or_else(|| panic!("{certificate:?}: no {check}:\n{report}"));
        assert_eq!(found.verdict, verdict, "{certificate:?}:\n{report}");
        assert!(found.what.contains(words), "{certificate:?}: {}", found.what);
    }
}

#[tokio::test]
async fn an_address_without_a_server_and_one_that_is_no_issuer_are_found() {
    let server = Server::start(Fault::None, Certificate::Good).await;
    for (url, check) in [
        ("https://localhost/", "url"),
        ("https://Localhost", "url"),
        ("http://carnet.example.com", "url"),
        ("https://host.invalid", "discovery.dns"),
        ("https://localhost:1", "discovery.connect"),
    ] {
        let report = look_at(url, &server.ca_pem).await;
        assert_eq!(report.finding(check).expect(check).verdict, Verdict::Fail, "{url}: {report}");
    }
}

#[tokio::test]
async fn the_report_is_json_too() {
    let report = report(Fault::PrivateKey, Certificate::Good).await;
    let json = serde_json::to_value(&report).expect("JSON");
    assert_eq!(json["verdict"], "fail");
    let of = |check: &str| {
        let findings = json["findings"].as_array().expect("a list");
        findings.iter().find(|finding| finding["check"] == check).cloned().expect("a finding")
    };
    assert!(of("keys.private")["way-out"].as_str().expect("text").contains("revoke"));
    assert!(report.failures().contains("keys.private"));
}
