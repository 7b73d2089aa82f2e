//! What holds for any text, any document and any value.

use std::collections::BTreeMap;

use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};

use super::{ACME, acme, settings, values};
use crate::adapter::{AdapterDefinition, PreparedCall, Rendered, Secrets, shipped};

/// Texts that mean something to somebody, and any other.
fn value() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "/",
        "..",
        ".",
        "?",
        "#",
        "&",
        "=",
        "%",
        "%2f",
        "@",
        ":",
        "\\",
        "\"",
        "'",
        "\r\n",
        "\n",
        "\0",
        "{{ token }}",
        "}}",
        "$(id)",
        "`id`",
        "${x}",
        "\u{2028}",
        "\u{feff}",
        "ä",
        "[::1]",
        "127.0.0.1",
        ":80",
        "http://",
        "https://a",
        " ",
        "",
    ]);
    let piece = prop_oneof![nasty.prop_map(str::to_owned), "[a-z0-9.-]{1,8}", ".{0,4}"];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// Values that pass everywhere, so that the others decide.
fn plain() -> impl Strategy<Value = String> {
    "[a-z0-9]{1,8}"
}

/// A document with some of it replaced.
fn document() -> impl Strategy<Value = String> {
    let shipped: Vec<String> = shipped().into_iter().map(|one| one.document.to_owned()).collect();
    let base = prop::sample::select([shipped, vec![ACME.to_owned()]].concat());
    let piece = prop_oneof![
        prop::sample::select(vec![
            "[",
            "]",
            "{",
            "}",
            "{{",
            "}}",
            "\"",
            "'",
            "\"\"\"",
            "=",
            ".",
            ",",
            "\n",
            "#",
            "json = ",
            "form = ",
            "[exchange]",
            "{{ token }}",
            "{{ answer.token }}",
            "{{ setting.role }}",
            "{{ file.tfc-acme-token }}",
            "when = \"always\"",
            "https://",
            "TFC_",
            "_RUN_",
            "tfc-",
            "true",
            "1e999",
            "2020-01-01",
            "\\u0000",
            "\\",
            "ä",
            "\u{feff}",
        ])
        .prop_map(str::to_owned),
        ".{0,12}",
    ];
    let edit = (any::<prop::sample::Index>(), 0_usize..40, piece);
    (base, prop::collection::vec(edit, 0..4)).prop_map(|(base, edits)| {
        edits.into_iter().fold(base, |text, (at, length, piece)| {
            let start = text.floor_char_boundary(at.index(text.len() + 1));
            let end = text.floor_char_boundary((start + length).min(text.len())).max(start);
            format!("{}{piece}{}", &text[..start], &text[end..])
        })
    })
}

/// What a definition leads to with a token, these texts as its settings, and these as the answers.
fn everything(
    definition: &AdapterDefinition,
    texts: &[String],
    token: &str,
) -> (Option<Rendered>, Option<PreparedCall>, Option<PreparedCall>) {
    let text = |at: usize| texts.get(at % texts.len().max(1)).cloned().unwrap_or_default();
    let keys = definition.settings().iter().enumerate();
    let given: BTreeMap<String, String> = keys.map(|(at, one)| (one.key.clone(), text(at))).collect();
    let answers = definition.exchange().map(|exchange| exchange.answers()).unwrap_or_default().iter();
    let answers: BTreeMap<String, SecretString> =
        answers.enumerate().map(|(at, one)| (one.key.clone(), SecretString::from(text(at + 1)))).collect();
    let (token, bearer) = (SecretString::from(token), SecretString::from("b"));
    let held =
        Secrets::Held { token: &token, answers: &answers, source: Some(("http://127.0.0.1:1", &bearer)) };
    let values = values(definition, &given, held);
    let exchange = definition.exchange_call(&values).ok().flatten();
    let revocation = definition.revocation_call(&values).ok().flatten();
    (definition.render(&values).ok(), exchange, revocation)
}

/// Checks that nothing has left its place, whatever the document says.
fn check_contexts(
    rendered: Option<&Rendered>,
    calls: [Option<&PreparedCall>; 2],
) -> Result<(), TestCaseError> {
    for entry in rendered.into_iter().flat_map(|rendered| &rendered.env) {
        prop_assert!(!entry.value.expose_secret().chars().any(char::is_control));
    }
    for (_, attribute) in rendered.into_iter().flat_map(|rendered| &rendered.attributes) {
        prop_assert!(!attribute.iter().flat_map(|text| text.chars()).any(char::is_control));
    }
    for call in calls.into_iter().flatten() {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte);
        prop_assert!(call.url.bytes().all(is_plain), "{}", call.url);
        prop_assert!(call.url.starts_with("http"));
        for (_, value) in &call.headers {
            prop_assert!(value.expose_secret().bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
        }
        if let Some((kind, body)) = &call.body {
            let body = body.expose_secret();
            let is_json = kind.media_type() == "application/json";
            prop_assert!(!is_json || serde_json::from_str::<serde_json::Value>(body).is_ok());
            prop_assert!(is_json || body.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
    Ok(())
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next(), rest.next()].map(|digit| char::from(digit.unwrap_or_default()));
            let number = u8::from_str_radix(&digits.iter().collect::<String>(), 16);
            bytes.push(number.unwrap_or_default());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_document_or_is_refused(text in "\\PC*", control in ".*") {
        for text in [text, control] {
            if let Err(error) = AdapterDefinition::parse(&text) {
                prop_assert!(!error.problems().is_empty());
            }
        }
    }

    #[test]
    fn any_document_is_refused_with_places_or_stays_in_its_places(
        document in document(),
        texts in prop::collection::vec(prop_oneof![value(), plain(), Just("https://a.example".to_owned())], 1..6),
        token in value(),
    ) {
        match AdapterDefinition::parse(&document) {
            Err(error) => {
                for problem in error.problems() {
                    prop_assert!(problem.line >= 1 && problem.line <= document.matches('\n').count() + 1);
                    prop_assert!(problem.column >= 1 && !problem.text.is_empty());
                }
            }
            Ok(definition) => {
                let (rendered, exchange, revocation) = everything(&definition, &texts, &token);
                check_contexts(rendered.as_ref(), [exchange.as_ref(), revocation.as_ref()])?;
            }
        }
    }

    #[test]
    fn a_value_stays_in_its_place_of_an_address(account in prop_oneof![plain(), value()], role in value()) {
        let acme = acme();
        let given = settings(&[("account", &account), ("role", &role)]);
        if let Ok(call) = acme.exchange_call(&values(&acme, &given, Secrets::Outline)) {
            let url = call.expect("has an exchange").url;
            let rest = url.strip_prefix("https://").and_then(|rest| rest.strip_suffix("/token?run=run-1"));
            let (host, path) = rest.expect("has its ends").split_once('/').expect("has a path");
            prop_assert_eq!(host, format!("{account}.acme.example"));
            let segment = path.strip_prefix("v1/").expect("has its start");
            prop_assert!(!segment.contains(['/', '?', '#', '&', ';', '\\']));
            prop_assert_eq!(decoded(segment), role);
        }
    }

    #[test]
    fn a_value_stays_in_its_field(role in plain(), region in value(), token in value(), id in value()) {
        let acme = acme();
        let given = settings(&[("account", "a"), ("role", &role), ("region", &region)]);
        let (held, answer) = (SecretString::from(token.clone()), SecretString::from("T"));
        let answers = BTreeMap::from([("token".to_owned(), answer), ("id".to_owned(), id.clone().into())]);
        let secrets = Secrets::Held { token: &held, answers: &answers, source: None };
        let values = values(&acme, &given, secrets);
        let call = acme.exchange_call(&values).expect("any text may stand in a form").expect("is there");
        let body = call.body.expect("has a body").1;
        let fields: Vec<(String, String)> = body
            .expose_secret()
            .split('&')
            .filter_map(|field| field.split_once('='))
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect();
        let expected = [("grant_type", "a:b"), ("token", &token), ("region", &region)];
        prop_assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        match acme.revocation_call(&values) {
            Ok(call) => {
                let url = call.expect("is there").url;
                let segment = url.strip_prefix("https://acme.example/tokens/").expect("has its start");
                prop_assert!(!segment.contains(['/', '?', '#', '&', ';', '\\']));
                prop_assert_eq!(decoded(segment), id);
            }
            Err(_) => prop_assert!(matches!(id.as_str(), "" | "." | "..")),
        }
    }

    #[test]
    fn a_value_stays_in_its_line_and_in_its_text(account in value(), region in value()) {
        let acme = acme();
        let given = settings(&[("account", &account), ("role", "r"), ("region", &region)]);
        if let Ok(rendered) = acme.render(&values(&acme, &given, Secrets::Outline)) {
            let file = |stem: &str| {
                let file = rendered.files.iter().find(|file| file.stem == stem);
                file.expect("is written").content.expose_secret()
            };
            let expected = format!("account = {account}\ntoken = /h/tfc-acme-token\n");
            prop_assert_eq!(file("tfc-acme-config"), expected);
            prop_assert_eq!(file("tfc-acme-config").lines().count(), 2);
            let json: serde_json::Value = serde_json::from_str(file("tfc-acme-settings")).expect("is JSON");
            prop_assert_eq!(json, serde_json::json!({"account": account, "region": region, "retries": 3}));
        }
    }
}
