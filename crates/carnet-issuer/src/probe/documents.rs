//! What relying parties think of the answers and of what is in them.

use std::collections::BTreeSet;

use hyper::header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, DATE, LOCATION};
use serde_json::{Map, Value};

use super::fetch::{Exchange, header};
use super::{Limits, Report, is_usual_jwks};
use crate::{IssuerUrl, Jwks};

const EVERYBODY: &[&str] = &["every relying party"];

/// The members of a private key (RFC 7518, section 6.3.2 and 6.2.2), and of a symmetric one.
const PRIVATE: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The members that discovery must have (OpenID Connect Discovery 1.0, section 3), as far as relying parties of workloads ask.
const MEMBERS: &[&str] = &[
    "issuer",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
];

/// The most keys that AWS takes of one type.
const KEY_LIMIT: usize = 100;

pub(super) fn has_port(url: &IssuerUrl) -> bool {
    let authority = url.without_scheme().split('/').next().unwrap_or_default();
    authority.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Checks the head of an answer; tells whether its body is worth a look.
pub(super) fn check_response(name: &str, exchange: &Exchange, limits: &Limits, report: &mut Report) -> bool {
    check_latency(name, exchange, limits, report);
    let status = exchange.status;
    if status.is_redirection() {
        let to = header(exchange, &LOCATION).unwrap_or("nowhere");
        report.fail(
            &format!("{name}.redirect"),
            format!("the answer is a redirect ({}) to {to}", status.as_u16()),
            &["AWS", "Kubernetes", "and everybody who does not follow"],
            "serve the document at the very address, without a redirect to another host, www. or a trailing slash",
        );
        return false;
    }
    if !status.is_success() {
        report.fail(
            &format!("{name}.status"),
            format!("the answer is {status}"),
            EVERYBODY,
            match status.is_server_error() {
                true => "what serves the document fails: look into its log",
                false => {
                    "let anybody read the document without credentials; a bucket needs public read for these two objects"
                }
            },
        );
        return false;
    }
    report.ok(&format!("{name}.status"), format!("{status}, without a redirect"));
    check_type(name, exchange, report);
    check_cache(name, exchange, report);
    true
}

fn check_latency(name: &str, exchange: &Exchange, limits: &Limits, report: &mut Report) {
    let (check, took) = (format!("{name}.latency"), exchange.took);
    let what = format!("{} ms from the name to the last byte", took.as_millis());
    let way_out = "put a cache in front of it, or publish to a bucket with carnet issuer publish";
    if took >= limits.latency {
        let what = format!("{what}, and AWS gives up after {:?}", limits.latency);
        report.fail(&check, what, &["AWS"], way_out);
    } else if took >= limits.slow {
        report.warn(&check, what, &["AWS"], way_out);
    } else {
        report.ok(&check, what);
    }
}

fn check_type(name: &str, exchange: &Exchange, report: &mut Report) {
    let check = format!("{name}.content-type");
    let found = header(exchange, &CONTENT_TYPE).unwrap_or_default();
    let kind = found.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = kind == "application/json" || (name == "keys" && kind == "application/jwk-set+json");
    if is_json {
        report.ok(&check, found.to_owned());
    } else {
        let found = if found.is_empty() { "none" } else { found };
        report.fail(
            &check,
            format!("it is {found:?}, not application/json"),
            &["relying parties that keep to OpenID Connect Discovery 1.0, section 4.2"],
            "set Content-Type: application/json; carnet issuer publish does it for buckets",
        );
    }
    if let Some(encoding) = header(exchange, &CONTENT_ENCODING) {
        report.fail(
            &format!("{name}.encoding"),
            format!("the answer is encoded ({encoding}) although nobody asked for it"),
            EVERYBODY,
            "serve the plain document to whoever sends no Accept-Encoding",
        );
    }
}

fn check_cache(name: &str, exchange: &Exchange, report: &mut Report) {
    let check = format!("{name}.cache");
    let way_out = "serve Cache-Control: public, max-age=300, and no more than the wait between publishing and using a key";
    let Some(control) = header(exchange, &CACHE_CONTROL) else {
        let what = "no Cache-Control: each cache on the way decides for itself how long it keeps the keys"
            .to_owned();
        report.warn(&check, what, EVERYBODY, way_out);
        return;
    };
    let seconds = control
        .split(',')
        .filter_map(|part| part.trim().to_ascii_lowercase().strip_prefix("max-age=")?.parse::<u64>().ok())
        .next();
    match seconds {
        Some(seconds) if seconds > 24 * 3600 => {
            let what =
                format!("caches may keep it for {seconds} seconds, which delays every rotation by as much");
            report.warn(&check, what, EVERYBODY, way_out);
        }
        Some(seconds) => {
            let age = header(exchange, &AGE).and_then(|age| age.trim().parse::<u64>().ok());
            let aged = age.map(|age| format!(", {age} seconds old")).unwrap_or_default();
            report.ok(&check, format!("{control} ({seconds} seconds{aged})"));
        }
        None => report.warn(&check, format!("Cache-Control is {control:?}, without max-age"), &[], way_out),
    }
}

/// Checks the discovery document; returns where the keys are.
pub(super) fn check_discovery(body: &[u8], url: &IssuerUrl, report: &mut Report) -> Option<String> {
    let document: Map<String, Value> = match serde_json::from_slice(body) {
        Ok(document) => document,
        Err(error) => {
            let way_out = "something else is served at this address, perhaps the page of a proxy";
            report.fail("discovery.json", format!("it is no JSON object: {error}"), EVERYBODY, way_out);
            return None;
        }
    };
    report.ok("discovery.json", "it is a JSON object".to_owned());
    let missing: Vec<&str> =
        MEMBERS.iter().copied().filter(|member| !document.contains_key(*member)).collect();
    if missing.is_empty() {
        report.ok("discovery.members", "every member is there that relying parties ask for".to_owned());
    } else {
        report.fail(
            "discovery.members",
            format!("{} missing", missing.join(", ")),
            &["AWS", "Vault and OpenBao", "Kubernetes"],
            "serve the document of the server as it is: carnet issuer publish",
        );
    }
    check_issuer(document.get("issuer"), url, report);
    let algorithms = document.get("id_token_signing_alg_values_supported").and_then(Value::as_array);
    if algorithms.is_some_and(|list| !list.iter().any(|one| one == "RS256")) {
        report.fail(
            "discovery.algorithms",
            "RS256 is not among the algorithms".to_owned(),
            &["AWS", "Vault and OpenBao"],
            "serve the document of the server as it is: carnet issuer publish",
        );
    }
    let jwks_url = document.get("jwks_uri").and_then(Value::as_str)?;
    check_jwks_url(jwks_url, url, report).then(|| jwks_url.to_owned())
}

fn check_issuer(found: Option<&Value>, url: &IssuerUrl, report: &mut Report) {
    let expected = url.as_str();
    match found.and_then(Value::as_str) {
        Some(found) if found == expected => {
            report.ok("discovery.issuer", "issuer is the URL, byte for byte".to_owned());
        }
        Some(found) => {
            let how = if found.trim_end_matches('/') == expected {
                ": there is a slash at its end"
            } else if found.eq_ignore_ascii_case(expected) {
                ": letters differ in case"
            } else {
                ""
            };
            report.fail(
                "discovery.issuer",
                format!("issuer is {found:?}, not {expected:?}{how}"),
                EVERYBODY,
                "tokens carry what the server calls its issuer: start it with --issuer-url, and tell relying parties the same",
            );
        }
        None => report.fail(
            "discovery.issuer",
            "issuer is missing".to_owned(),
            EVERYBODY,
            "serve the server's own document",
        ),
    }
}

/// Tells whether the key set is worth a look.
fn check_jwks_url(found: &str, url: &IssuerUrl, report: &mut Report) -> bool {
    if !found.starts_with("https://") && url.as_str().starts_with("https://") {
        report.fail(
            "keys.url",
            format!("jwks_uri is {found:?}, without https://"),
            EVERYBODY,
            "serve the key set over TLS, beside the discovery document",
        );
        return found.starts_with("http://");
    }
    if found.starts_with(&format!("{}/", url.as_str())) && is_usual_jwks(found) {
        report.ok("keys.url", format!("{found}, below the issuer's URL"));
    } else {
        report.warn(
            "keys.url",
            format!("jwks_uri is {found}, which is not at the usual place below the issuer's URL"),
            &["people who allow the issuer's own addresses alone through a proxy"],
            "it works; serve both below one address to have one thing to look after",
        );
    }
    true
}

/// Checks the key set.
pub(super) fn check_jwks(body: &[u8], kid: Option<&str>, report: &mut Report) {
    let document: Value = match serde_json::from_slice(body) {
        Ok(document) => document,
        Err(error) => {
            let way_out = "something else is served at this address, perhaps the page of a proxy";
            report.fail("keys.json", format!("it is no JSON: {error}"), EVERYBODY, way_out);
            return;
        }
    };
    let Some(keys) = document["keys"].as_array() else {
        report.fail(
            "keys.json",
            "it has no list of keys".to_owned(),
            EVERYBODY,
            "serve the key set of the server",
        );
        return;
    };
    let names: Vec<&str> = keys.iter().filter_map(|key| key["kid"].as_str()).collect();
    if keys.is_empty() || names.len() != keys.len() {
        let what = format!("{} keys, of which {} have a name (kid)", keys.len(), names.len());
        report.fail("keys.json", what, EVERYBODY, "serve the key set of the server");
    } else if names.iter().collect::<BTreeSet<_>>().len() != names.len() {
        let way_out = "two keys have one name: serve the key set of the server";
        report.fail("keys.json", "a name (kid) is there twice".to_owned(), EVERYBODY, way_out);
    } else {
        report.ok("keys.json", format!("{} keys: {}", keys.len(), names.join(", ")));
    }
    if keys.len() > KEY_LIMIT {
        report.fail(
            "keys.count",
            format!("{} keys", keys.len()),
            &["AWS"],
            "remove keys whose tokens have ended",
        );
    }
    check_private(keys, report);
    check_kinds(body, keys, report);
    check_kid(&names, kid, report);
}

fn check_private(keys: &[Value], report: &mut Report) {
    let is_private = |key: &&Value| PRIVATE.iter().any(|member| key.get(*member).is_some());
    let found: Vec<&str> =
        keys.iter().filter(is_private).map(|key| key["kid"].as_str().unwrap_or("without a name")).collect();
    if found.is_empty() {
        report.ok("keys.private", "nothing of a private key is in it".to_owned());
    } else {
        report.fail(
            "keys.private",
            format!("the PRIVATE half of {} can be read by everybody", found.join(", ")),
            EVERYBODY,
            "these keys are lost: take them out, revoke them, and have other ones made now",
        );
    }
}

fn check_kinds(body: &[u8], keys: &[Value], report: &mut Report) {
    let lacking: Vec<&str> = keys
        .iter()
        .filter(|key| key["alg"] != "RS256" || key["use"] != "sig")
        .map(|key| key["kid"].as_str().unwrap_or("without a name"))
        .collect();
    if lacking.is_empty() && !keys.is_empty() {
        report.ok("keys.use", "each says use sig and alg RS256".to_owned());
    } else if !keys.is_empty() {
        report.warn(
            "keys.use",
            format!("{}: use is not sig or alg is not RS256", lacking.join(", ")),
            &["Kubernetes", "relying parties that choose keys by use"],
            "serve the key set of the server as it is: carnet issuer publish",
        );
    }
    let usable = serde_json::from_slice::<Jwks>(body).map_or(0, |jwks| jwks.keys.len());
    if usable == 0 && !keys.is_empty() {
        report.fail(
            "keys.usable",
            "none is an RSA key of 2048 to 8192 bits for signatures".to_owned(),
            EVERYBODY,
            "serve the key set of the server as it is: carnet issuer publish",
        );
    }
}

fn check_kid(names: &[&str], kid: Option<&str>, report: &mut Report) {
    match kid {
        Some(kid) if names.contains(&kid) => report.ok("keys.current", format!("{kid} is published")),
        Some(kid) => report.fail(
            "keys.current",
            format!("{kid}, which signs or is to sign, is not in it"),
            EVERYBODY,
            "publish again (carnet issuer publish), and wait until caches have forgotten what they keep",
        ),
        None => {}
    }
}

/// Compares the clock of what answered with ours.
pub(super) fn check_clock(exchange: &Exchange, report: &mut Report) {
    let Some(text) = header(exchange, &DATE) else { return };
    let Ok(date) = jiff::fmt::rfc2822::parse(text) else {
        report.warn(
            "clock",
            format!("the header Date is {text:?}"),
            &[],
            "it should be a date (RFC 9110, section 6.6.1)",
        );
        return;
    };
    let age = header(exchange, &AGE).and_then(|age| age.trim().parse::<i64>().ok()).unwrap_or(0);
    let difference = exchange.answered_at.as_second() - date.timestamp().as_second() - age;
    let what = format!("the clocks here and there differ by {difference} seconds");
    let way_out = "set both clocks by NTP: tokens carry the time of the server that mints them";
    match difference.abs() {
        0..=30 => report.ok("clock", what),
        31..=300 => report.warn("clock", what, &["Vault and OpenBao, which allow about 60 seconds"], way_out),
        _ => report.fail("clock", what, EVERYBODY, way_out),
    }
}
