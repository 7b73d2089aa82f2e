//! What comes out of a document.

use secrecy::ExposeSecret;

use super::{acme, secrets, settings, values};
use crate::adapter::Secrets;

#[test]
fn everything_is_rendered() {
    let acme = acme();
    let settings = settings(&[("account", "a-1"), ("role", "deploy & more")]);
    let answers = secrets(&[("token", "T"), ("id", "i/1")]);
    let token = "J".into();
    let held = Secrets::Held { token: &token, answers: &answers, source: None };
    let values = values(&acme, &settings, held);
    let rendered = acme.render(&values).expect("renders");
    let env: Vec<_> =
        rendered.env.iter().map(|entry| (entry.name.as_str(), entry.value.expose_secret())).collect();
    assert_eq!(env, [("ACME_TOKEN", "T"), ("ACME_CONFIG", "/h/tfc-acme-config")]);
    let files: Vec<_> =
        rendered.files.iter().map(|file| (file.stem.as_str(), file.content.expose_secret())).collect();
    let expected = [
        ("tfc-acme-config", "account = a-1\ntoken = /h/tfc-acme-token\n"),
        ("tfc-acme-token", "T"),
        ("tfc-acme-settings", r#"{"account":"a-1","retries":3}"#),
    ];
    assert_eq!(files, expected);
    let attributes =
        [("token_file".to_owned(), Some("/h/tfc-acme-token".to_owned())), ("region".to_owned(), None)];
    assert_eq!(rendered.attributes, attributes);
    let call = acme.exchange_call(&values).expect("renders").expect("is there");
    assert_eq!(call.method, "POST");
    assert_eq!(call.url, "https://a-1.acme.example/v1/deploy%20%26%20more/token?run=run-1");
    assert_eq!(call.body.expect("is there").1.expose_secret(), "grant_type=a%3Ab&token=J");
    let call = acme.revocation_call(&values).expect("renders").expect("is there");
    assert_eq!((call.method.as_str(), call.url.as_str()), ("DELETE", "https://acme.example/tokens/i%2F1"));
    assert_eq!(call.headers[0].1.expose_secret(), "Bearer T");
}
