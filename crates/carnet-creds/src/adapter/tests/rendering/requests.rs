//! Requests: addresses, forms, headers, bodies.

use secrecy::ExposeSecret;

use super::{ANSWERS, GIVEN, TOKEN, changed};
use crate::adapter::{
    AdapterDefinition, CallBody, PreparedCall, RenderError, Secrets,
    tests::{acme, secrets, settings, values},
};

const URL: &str = "https://{{ setting.account }}.acme.example/v1/{{ setting.role }}/token?run={{ run_id }}";

fn calls(
    definition: &AdapterDefinition,
    given: &[(&str, &str)],
    answers: &[(&str, &str)],
) -> Result<[PreparedCall; 2], RenderError> {
    let (given, answers, token) = (settings(given), secrets(answers), TOKEN.into());
    let held = Secrets::Held { token: &token, answers: &answers, source: None };
    let values = values(definition, &given, held);
    let exchange = definition.exchange_call(&values)?.expect("has an exchange");
    let revocation = definition.revocation_call(&values)?.expect("has a revocation");
    Ok([exchange, revocation])
}

/// The address of the exchange for an account and a role, or why there is none.
fn url(template: &str, account: &str, role: &str) -> Result<String, String> {
    let definition = changed(URL, template);
    let given = [("account", account), ("role", role)];
    match calls(&definition, &given, &ANSWERS) {
        Ok([exchange, _]) => Ok(exchange.url),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn values_stay_in_their_part_of_an_address() {
    for (role, expected) in [
        ("deploy", "deploy"),
        ("a/b", "a%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("../x", "..%2Fx"),
        ("ä %", "%C3%A4%20%25"),
        ("a&b=c", "a%26b%3Dc"),
    ] {
        let found = url(URL, "a-1", role);
        assert_eq!(found, Ok(format!("https://a-1.acme.example/v1/{expected}/token?run=run-1")));
        let found = url("https://acme.example/{{ setting.account }}?r={{ setting.role }}", "a", role);
        assert_eq!(found, Ok(format!("https://acme.example/a?r={expected}")));
    }
    for role in [".", ".."] {
        let error = url("https://acme.example/{{ setting.account }}/{{ setting.role }}/x", "a", role);
        let rule = "setting.role must not be \".\" or \"..\", as it stands in a path";
        assert_eq!(error, Err(rule.to_owned()));
    }
    let empty = url(URL, "a-1", "").expect_err("leaves a hole");
    assert_eq!(empty, "setting.role must not be empty, as it stands in an address");
}

#[test]
fn values_stay_in_their_part_of_a_host() {
    let inside = "setting.account may only contain letters, digits, \".\", \"-\" and \"_\", as it stands in a host name";
    for account in ["a/b", "a@b", "evil.example#", "a:80", "a?b", "", "ä", "a%2f", "a b", "a\n", "[::1]"] {
        assert_eq!(url(URL, account, "r"), Err(inside.to_owned()), "{account}");
    }
    let end = "https://{{ setting.account }}/{{ setting.role }}";
    assert_eq!(url(end, "acme.example:8443", "r"), Ok("https://acme.example:8443/r".to_owned()));
    let rule = "setting.account must be a host name, with or without a port, and nothing else";
    for account in ["a/b", "a@b", "a:", "a:x", "a:+1", "a:80:80", "a:70000", ":80", "", "[::1]"] {
        assert_eq!(url(end, account, "r"), Err(rule.to_owned()), "{account}");
    }
}

#[test]
fn a_setting_holds_a_whole_address() {
    let template = "{{ setting.account }}/token?r={{ setting.role }}";
    for (base, expected) in [
        ("https://acme.example", "https://acme.example/token?r=r"),
        ("https://acme.example/", "https://acme.example/token?r=r"),
        ("https://acme.example:8443/a/b//", "https://acme.example:8443/a/b/token?r=r"),
        // Whether http may be spoken is decided by who sends it.
        ("http://[::1]:80/a%20b", "http://[::1]:80/a%20b/token?r=r"),
    ] {
        assert_eq!(url(template, base, "r"), Ok(expected.to_owned()));
    }
    let rule = concat!(
        "setting.account must be an address like https://host or https://host/path, ",
        "without user, query and fragment",
    );
    for base in [
        "acme.example",
        "ftp://acme.example",
        "https://",
        "https:///x",
        "https://user@acme.example",
        "https://acme.example?x",
        "https://acme.example#x",
        "https://acme.example/../x",
        "https://acme.example/a b",
        "https://acme.example/ä",
        "https://ac%6De.example",
        "https://acme.example\\x",
        "",
    ] {
        assert_eq!(url(template, base, "r"), Err(rule.to_owned()), "{base}");
    }
}

#[test]
fn values_stay_in_their_field_of_a_form() {
    let given = [("account", "a-1"), ("role", "r"), ("region", "eu&token=x+y \r\nä")];
    let [exchange, _] = calls(&acme(), &given, &ANSWERS).expect("renders");
    let (kind, body) = exchange.body.expect("has a body");
    assert_eq!(kind, CallBody::Form);
    let expected = format!("grant_type=a%3Ab&token={TOKEN}&region=eu%26token%3Dx%2By%20%0D%0A%C3%A4");
    assert_eq!(body.expose_secret(), expected);
    let definition = changed("grant_type = \"a:b\"", "\"a b&c\" = \"x y{{ setting.role }}\"");
    let [exchange, _] = calls(&definition, &GIVEN, &ANSWERS).expect("renders");
    let body = exchange.body.expect("has a body").1;
    assert_eq!(body.expose_secret(), format!("a%20b%26c=x%20ydeploy&token={TOKEN}"));
}

#[test]
fn values_stay_in_their_header() {
    let definition = changed("X-Account = \"{{ setting.account }}\"", "X-Role = \"role {{ setting.role }}\"");
    let role = |role: &str| {
        let [exchange, _] = calls(&definition, &[("account", "a-1"), ("role", role)], &ANSWERS)?;
        Ok::<_, RenderError>(exchange.headers[0].1.expose_secret().to_owned())
    };
    assert_eq!(role("a b:c").expect("renders"), "role a b:c");
    for value in ["a\r\nX-Evil: 1", "ä", "\0", "\t"] {
        let error = role(value).expect_err("would leave the header");
        let rule =
            "setting.role may only contain visible ASCII characters and spaces, as it stands in a header";
        assert_eq!(error.to_string(), rule);
    }
}

#[test]
fn a_body_of_json_is_json() {
    let form = "form = { grant_type = \"a:b\", token = \"{{ token }}\", region = \"{{ setting.region }}\" }";
    let json = "json = { a = [\"{{ token }}\", 1], r = { role = \"{{ setting.role }}\", region = \"{{ setting.region }}\" } }";
    let definition = changed(form, json);
    let [exchange, revocation] =
        calls(&definition, &[("account", "a"), ("role", "\"\\\n")], &ANSWERS).expect("renders");
    let (kind, body) = exchange.body.expect("has a body");
    assert_eq!((kind, kind.media_type()), (CallBody::Json, "application/json"));
    let found: serde_json::Value = serde_json::from_str(body.expose_secret()).expect("is JSON");
    assert_eq!(found, serde_json::json!({"a": [TOKEN, 1], "r": {"role": "\"\\\n"}}));
    assert!(revocation.body.is_none());
}

#[test]
fn a_request_can_be_handed_to_another_process() {
    let [_, revocation] = calls(&acme(), &GIVEN, &ANSWERS).expect("renders");
    let text = serde_json::to_string(&revocation).expect("is written");
    let read: PreparedCall = serde_json::from_str(&text).expect("is read");
    assert_eq!((read.method.as_str(), read.url.as_str()), ("DELETE", "https://acme.example/tokens/i%2F1"));
    assert_eq!(read.headers[0].0, "Authorization");
    assert_eq!(read.headers[0].1.expose_secret(), "Bearer T");
    let secrets: Vec<_> = read.secrets.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(secrets, [TOKEN, "T"], "what is no secret may be told");
}

#[test]
fn nothing_shows_a_secret() {
    let [exchange, revocation] =
        calls(&acme(), &GIVEN, &[("token", "s3cret"), ("id", "i")]).expect("renders");
    let shown = format!("{exchange:?} {revocation:?}");
    assert!(!shown.contains(TOKEN) && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn settings_are_checked_before_anything_is_obtained() {
    let acme = acme();
    let check = |given: &[(&str, &str)]| {
        let given = settings(given);
        acme.check(&values(&acme, &given, Secrets::Outline))
    };
    check(&GIVEN).expect("good settings");
    let error = check(&[("account", "a/b"), ("role", "deploy")]).expect_err("is no part of a host");
    assert_eq!(error.setting(), Some("account"));
    let error = check(&[("account", "a"), ("role", "")]).expect_err("leaves a hole");
    assert_eq!(
        (error.setting(), error.rule()),
        (Some("role"), "must not be empty, as it stands in an address")
    );
}
