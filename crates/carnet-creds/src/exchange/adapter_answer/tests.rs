//! Answers of every form.

use secrecy::ExposeSecret;

use super::*;
use crate::adapter::AdapterDefinition;

fn described(expiry: &str) -> AdapterDefinition {
    let document = r#"
        name = "acme"
        title = "Acme"
        source = "https://acme.example/docs"
        token = "login"
        env = { TOKEN = "{{ answer.token }}", EXTRA = "{{ answer.extra }}" }
        [settings]
        enable = { name = "TFC_ACME_AUTH", doc = "d" }
        audience = { name = "TFC_ACME_AUDIENCE", default = "a", doc = "d" }
        [exchange]
        url = "https://acme.example/"
        form = { token = "{{ token }}" }
        EXPIRY
        [exchange.answer]
        token = "/data/a~1b"
        extra = { pointer = "/extra", optional = true }
    "#;
    AdapterDefinition::parse(&document.replace("EXPIRY", expiry)).expect("is valid")
}

fn answered(expiry: &str, body: &str) -> Result<Traded, String> {
    let now = Timestamp::from_second(1_700_000_000).expect("is a moment");
    read_answer(body.as_bytes(), described(expiry).exchange().expect("is there"), now)
}

#[track_caller]
fn check_end(expiry: &str, value: &str, expected: Option<i64>) {
    let found = answered(expiry, &format!(r#"{{"data": {{"a/b": "T"}}, "end": {value}}}"#)).expect("is read");
    assert_eq!(found.ends_at.map(Timestamp::as_second), expected, "{value}");
}

#[test]
fn fields_are_read_by_pointer() {
    let traded = answered("", r#"{"data": {"a/b": "T"}}"#).expect("is read");
    assert_eq!(traded.parts["token"].expose_secret(), "T");
    assert_eq!((traded.parts.len(), traded.ends_at), (1, None));
    let traded = answered("", r#"{"data": {"a/b": 7}, "extra": {"kty": "EC"}}"#).expect("is read");
    assert_eq!(traded.parts["token"].expose_secret(), "7");
    assert_eq!(traded.parts["extra"].expose_secret(), r#"{"kty":"EC"}"#);
}

#[test]
fn what_is_absent_is_told_by_its_pointer() {
    for body in [r#"{"data": {"a/b": null, "secret": "s"}}"#, r#"{"data": {"a/b": ""}}"#, "[]", "7"] {
        assert_eq!(answered("", body).expect_err("is refused"), "it holds no /data/a~1b");
    }
    assert_eq!(answered("", "<html>secret").expect_err("is refused"), "no JSON at line 1 column 1");
}

#[test]
fn the_end_is_a_span_or_a_moment() {
    const IN: &str = "expires_in = \"/end\"";
    const AT: &str = "expires_at = \"/end\"";
    check_end(IN, "3600", Some(1_700_003_600));
    check_end(IN, "\"3600\"", Some(1_700_003_600));
    check_end(IN, "null", None);
    check_end(AT, "1700000060", Some(1_700_000_060));
    check_end(AT, "\"1700000060\"", Some(1_700_000_060));
    check_end(AT, "1700000060123", Some(1_700_000_060));
    check_end(AT, "\"2023-11-14T22:14:20Z\"", Some(1_700_000_060));
    check_end(AT, "\"2023-11-14T23:14:20.5+01:00\"", Some(1_700_000_060));
    for (expiry, value) in
        [(IN, "-1"), (IN, "1e400"), (IN, "\"soon\""), (IN, "999999999999"), (AT, "\"soon\"")]
    {
        let body = format!(r#"{{"data": {{"a/b": "T"}}, "end": {value}}}"#);
        answered(expiry, &body).expect_err(value);
    }
}
