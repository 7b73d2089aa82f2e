//! The forms in which a secret could lie around.

use std::collections::{BTreeMap, BTreeSet};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};

/// Secrets in every form that is looked for.
#[derive(Default)]
pub(crate) struct Secrets {
    /// The forms by their first byte, so that all are looked for at once.
    forms: BTreeMap<u8, Vec<Form>>,
}

struct Form {
    name: String,
    bytes: Vec<u8>,
}

impl Secrets {
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        assert!(value.len() >= 12, "{name} is too short to be looked for: {} bytes", value.len());
        for (kind, bytes) in forms(value) {
            let form = Form { name: format!("{name} ({kind})"), bytes };
            self.forms.entry(form.bytes[0]).or_default().push(form);
        }
    }

    /// The names of the secrets that stand in these bytes.
    pub(crate) fn found_in(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for (position, first) in bytes.iter().enumerate() {
            let Some(candidates) = self.forms.get(first) else { continue };
            let here = candidates.iter().filter(|form| bytes[position..].starts_with(&form.bytes));
            found.extend(here.map(|form| &*form.name));
        }
        found
    }
}

fn forms(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let json = serde_json::Value::from(value).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let go = json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
    let mut forms = vec![
        ("plain", value.as_bytes().to_vec()),
        ("JSON", json.into_bytes()),
        ("JSON of Go", go.into_bytes()),
        ("URL", url_encoded(value).into_bytes()),
        ("form", url_encoded(value).replace("%20", "+").into_bytes()),
        ("hexadecimal", hexadecimal(value).into_bytes()),
        ("backwards", value.bytes().rev().collect()),
    ];
    for shift in 0..3 {
        let [standard, url_safe] = base64(value, shift);
        forms.extend([("base64", standard), ("base64 of URLs", url_safe)]);
    }
    forms
}

/// The characters that depend on nothing but the secret, when it starts this far behind the beginning of a group.
fn base64(value: &str, shift: usize) -> [Vec<u8>; 2] {
    let mut bytes = vec![b'x'; shift];
    bytes.extend_from_slice(value.as_bytes());
    let whole = bytes.len() / 3 * 4;
    let first = [0, 2, 3][shift];
    [BASE64_STANDARD_NO_PAD.encode(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes)]
        .map(|text| text.as_bytes()[first..whole].to_vec())
}

fn url_encoded(value: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    value.bytes().map(encode).collect()
}

fn hexadecimal(value: &str) -> String {
    value.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_form_is_found_at_every_place() {
    let value = "s3cr&t \"of\" <three> words/+";
    let mut secrets = Secrets::default();
    secrets.add("s", value);
    let found =
        |text: &str| secrets.found_in(text.as_bytes()).into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert!(found("s3cr&t of three words").is_empty());
    for before in ["", "a", "ab", "abc"] {
        let encoded = BASE64_STANDARD_NO_PAD.encode(format!("{before}{value} and more"));
        assert!(found(&format!("x {encoded} y")).contains(&"s (base64)".to_owned()), "{before}");
    }
    assert_eq!(found("?q=s3cr%26t%20%22of%22%20%3Cthree%3E%20words%2F%2B"), ["s (URL)"]);
    assert_eq!(found(&format!("<{value}>")), ["s (plain)"]);
}
