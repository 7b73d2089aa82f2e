//! Texts of real services, and what a person is told about them.

mod aws;
mod azure;
mod candidates;
mod engine;
mod gcp;
mod others;
mod properties;

use carnet_model::Timestamp;
use secrecy::SecretString;

use super::{Presented, Refusal, find, messages};
use crate::{exchange::claims::Claims, family::FamilyName, provider_env::ProviderEnv};

const ISSUER: &str = "https://carnet.example";
const PLAN: &str = "organization:acme:project:Default Project:workspace:net:run_phase:plan";

/// The claims of a plan's token.
fn claims(audience: &str) -> Claims {
    Claims {
        iss: Some(ISSUER.to_owned()),
        sub: Some(PLAN.to_owned()),
        aud: Some(audience.to_owned()),
        exp: Some(Timestamp::UNIX_EPOCH.to_string()),
        all: serde_json::Value::Null,
    }
}

fn env(values: &[(&str, &str)]) -> ProviderEnv {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), SecretString::from(*value)));
    ProviderEnv::of(&values.collect())
}

fn presented(family: FamilyName, role: &str, audience: &str) -> Presented {
    Presented {
        family,
        tag: None,
        role: Some(role.to_owned()).filter(|role| !role.is_empty()),
        identity_provider: None,
        claims: claims(audience),
        env: ProviderEnv::default(),
    }
}

/// The diagnostic as Terraform prints it, without colours, broken into lines.
fn boxed(summary: &str, detail: &str) -> String {
    let lines = |text: &str| {
        let mut lines = vec![String::from("│")];
        for word in text.split(' ') {
            if lines.last().is_some_and(|line| line.chars().count() + word.chars().count() > 76) {
                lines.push(String::from("│"));
            }
            if let Some(line) = lines.last_mut() {
                line.push(' ');
                line.push_str(word);
            }
        }
        lines.join("\n")
    };
    format!("╷\n{}\n│ \n{}\n╵\n", lines(&format!("Error: {summary}")), lines(detail))
}

/// Explains a diagnostic, in its plain form and in its structured one, which must lead to the same.
#[track_caller]
fn explained(presented: &[Presented], summary: &str, detail: &str) -> Vec<Refusal> {
    let plain = find(&messages(&boxed(summary, detail)), presented);
    let json = serde_json::json!({
        "@level": "error", "@message": format!("Error: {summary}"), "type": "diagnostic",
        "diagnostic": { "severity": "error", "summary": summary, "detail": detail },
    });
    assert_eq!(find(&messages(&json.to_string()), presented), plain);
    plain
}

/// Checks that a diagnostic leads to one block that has all these parts.
#[track_caller]
fn check(presented: &Presented, summary: &str, detail: &str, parts: &[&str]) {
    let found = explained(std::slice::from_ref(presented), summary, detail);
    assert_eq!(found.len(), 1, "{found:#?}");
    let text = found[0].to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

/// Checks that a text is taken for no refusal.
#[track_caller]
fn check_nothing(presented: &Presented, text: &str) {
    assert_eq!(explained(std::slice::from_ref(presented), text, ""), []);
}
