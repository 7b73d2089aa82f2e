//! What comes out of a document.

mod files;
mod requests;

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::{ACME, acme, secrets, settings, values};
use crate::{
    adapter::{AdapterDefinition, EnvWhen, RenderError, Rendered, Secrets, Values},
    family::Tag,
};

/// A token with the claims `sub`, `aud`, `exp`, and no others.
const TOKEN: &str = "e30.eyJzdWIiOiJvcmdhbml6YXRpb246byIsImF1ZCI6ImEiLCJleHAiOjE3MDAwMDAwMDB9.c2ln";

/// The small adapter with one text replaced.
#[track_caller]
fn changed(from: &str, to: &str) -> AdapterDefinition {
    assert!(ACME.contains(from), "{from} is not in the document");
    AdapterDefinition::parse(&ACME.replacen(from, to, 1)).unwrap_or_else(|error| panic!("{error}"))
}

/// What the test adapter puts into a run with these settings and answers.
fn rendered(
    definition: &AdapterDefinition,
    given: &[(&str, &str)],
    answers: &[(&str, &str)],
) -> Result<Rendered, RenderError> {
    let (given, answers) = (settings(given), secrets(answers));
    let token = TOKEN.into();
    let held = Secrets::Held { token: &token, answers: &answers, source: None };
    definition.render(&values(definition, &given, held))
}

fn env(rendered: &Rendered) -> Vec<(&str, &str)> {
    rendered.env.iter().map(|entry| (entry.name.as_str(), entry.value.expose_secret())).collect()
}

const GIVEN: [(&str, &str); 2] = [("account", "a-1"), ("role", "deploy")];
const ANSWERS: [(&str, &str); 2] = [("token", "T"), ("id", "i/1")];

#[test]
fn what_is_not_set_is_left_out() {
    let acme = acme();
    let without = rendered(&acme, &GIVEN, &ANSWERS).expect("renders");
    assert_eq!(env(&without), [("ACME_TOKEN", "T"), ("ACME_CONFIG", "/h/tfc-acme-config")]);
    let attributes =
        [("token_file".to_owned(), Some("/h/tfc-acme-token".to_owned())), ("region".to_owned(), None)];
    assert_eq!(without.attributes, attributes);
    let given = [("account", "a-1"), ("role", "deploy"), ("region", "eu")];
    let with = rendered(&acme, &given, &ANSWERS).expect("renders");
    let expected = [("ACME_TOKEN", "T"), ("ACME_REGION", "eu"), ("ACME_CONFIG", "/h/tfc-acme-config")];
    assert_eq!(env(&with), expected);
    assert_eq!(with.attributes[1].1.as_deref(), Some("eu"));
    let whens: Vec<_> = with.env.iter().map(|entry| entry.when).collect();
    assert_eq!(whens, [EnvWhen::Alone, EnvWhen::BesideAliases, EnvWhen::Always]);
}

#[test]
fn a_default_stands_for_what_is_not_set() {
    let definition = changed("example = \"eu\"", "default = \"eu\"");
    let rendered = rendered(&definition, &GIVEN, &ANSWERS).expect("renders");
    assert_eq!(env(&rendered)[1], ("ACME_REGION", "eu"));
}

#[test]
fn an_answer_that_may_be_absent_leaves_out_what_names_it() {
    let token = "token = \"/access_token\"";
    let definition = changed(token, "token = { pointer = \"/access_token\", optional = true }");
    let rendered = rendered(&definition, &GIVEN, &[("id", "i")]).expect("renders");
    assert_eq!(env(&rendered), [], "a path leads to a file that is there, or is left out, too");
    let stems: Vec<_> = rendered.files.iter().map(|file| file.stem.as_str()).collect();
    assert_eq!(stems, ["tfc-acme-settings"]);
    let attributes = [("token_file".to_owned(), None), ("region".to_owned(), None)];
    assert_eq!(rendered.attributes, attributes);
}

#[test]
fn an_outline_needs_no_secrets() {
    let definition = changed("{{ answer.token }}", "{{ answer.token }} {{ claim.sub }}");
    let given = settings(&GIVEN);
    let outline = values(&definition, &given, Secrets::Outline);
    let rendered = definition.render(&outline).expect("renders");
    assert_eq!(env(&rendered), [("ACME_TOKEN", " "), ("ACME_CONFIG", "/h/tfc-acme-config")]);
    assert_eq!(rendered.files.len(), 3);
    definition.check(&outline).expect("good settings");
}

#[test]
fn a_tag_stands_behind_files_and_what_is_always_set() {
    let acme = acme();
    let (given, answers, token) = (settings(&GIVEN), secrets(&ANSWERS), TOKEN.into());
    let held = Secrets::Held { token: &token, answers: &answers, source: None };
    let tag: Tag = "EU".parse().expect("a tag");
    let values = Values { tag: Some(&tag), home: "/h/", ..values(&acme, &given, held) };
    let rendered = acme.render(&values).expect("renders");
    assert_eq!(env(&rendered), [("ACME_TOKEN", "T"), ("ACME_CONFIG_EU", "/h/tfc-acme-config-EU")]);
    assert_eq!(rendered.files[0].content.expose_secret(), "account = a-1\ntoken = /h/tfc-acme-token-EU\n");
    assert_eq!(rendered.files[0].stem, "tfc-acme-config", "the tag is put behind it by whoever writes it");
}

#[test]
fn claims_are_read_from_the_token() {
    let claims = "{{ claim.sub }} {{ claim.exp }} {{ run_id }}";
    let definition = changed("{{ answer.token }}", claims);
    let found = rendered(&definition, &GIVEN, &ANSWERS).expect("renders");
    assert_eq!(env(&found)[0].1, "organization:o 1700000000 run-1");
    let definition = changed("{{ answer.token }}", "{{ claim.terraform_run_id }}");
    let error = rendered(&definition, &GIVEN, &ANSWERS).expect_err("is not in the token");
    assert_eq!(error.to_string(), "claim.terraform_run_id is not in the identity token");
}

#[test]
fn what_is_no_token_has_no_claims() {
    let definition = changed("{{ answer.token }}", "{{ claim.sub }}");
    for token in ["", "a", "a.b.c", "a.e30.c", "a.bnVsbA.c", "a.eyJzdWIiOnsiYSI6MX19.c"] {
        let (given, answers, token) = (settings(&GIVEN), secrets(&ANSWERS), SecretString::from(token));
        let held = Secrets::Held { token: &token, answers: &answers, source: None };
        let error = definition.render(&values(&definition, &given, held)).expect_err("has no claim");
        assert_eq!(error.to_string(), "claim.sub is not in the identity token");
    }
}

#[test]
fn a_source_is_needed_by_those_who_ask_for_tokens() {
    let shipped = crate::adapter::shipped();
    let style = shipped.iter().find(|one| one.definition.name() == "github_style").expect("is there");
    let (nothing, token) = (BTreeMap::new(), TOKEN.into());
    let (given, answers) = (settings(&[("audience", "a")]), nothing);
    let held = Secrets::Held { token: &token, answers: &answers, source: None };
    let error = style.definition.render(&values(&style.definition, &given, held)).expect_err("has none");
    assert_eq!(error.to_string(), "source_secret is not there: the agent runs no token source");
}

#[test]
fn values_of_the_environment_stand_on_one_line() {
    let acme = acme();
    for value in ["a\nb", "a\rb", "a\0b", "a\u{1b}[0m", "a\u{2028}b", "a\u{85}b"] {
        let given = [("account", "a-1"), ("role", "deploy"), ("region", value)];
        let error = rendered(&acme, &given, &ANSWERS).expect_err("breaks the line");
        assert_eq!(error.setting(), Some("region"));
        assert_eq!(error.rule(), "must not contain line breaks or other control characters");
        let error = rendered(&acme, &GIVEN, &[("token", value), ("id", "i")]).expect_err("breaks the line");
        assert_eq!(
            (error.setting(), error.to_string().as_str()),
            (None, "answer.token must not contain line breaks or other control characters",)
        );
    }
}

#[test]
fn adapters_that_clash_are_told() {
    let acme = acme();
    let other = |changes: &[(&str, &str)]| {
        let text = ACME.replace("TFC_ACME", "TFC_OTHER").replace("acme", "other");
        let text = changes.iter().fold(text, |text, (from, to)| text.replace(from, to));
        AdapterDefinition::parse(&text).unwrap_or_else(|error| panic!("{error}"))
    };
    let clash = |changes: &[(&str, &str)]| acme.clash(&other(changes));
    assert_eq!(clash(&[]), None);
    let told = |text: &str| Some(text.to_owned());
    assert_eq!(acme.clash(&acme), told("there are two adapters with the name \"acme\""));
    assert_eq!(
        clash(&[("TFC_OTHER_REGION", "TFC_ACME_ACCOUNT")]),
        told("adapters \"acme\" and \"other\" both read TFC_ACME_ACCOUNT (TFC_ACME_ACCOUNT)")
    );
    assert_eq!(
        clash(&[("TFC_OTHER_REGION", "TFC_ACME_ACCOUNT_EU")]),
        told("adapters \"acme\" and \"other\" both read TFC_ACME_ACCOUNT (TFC_ACME_ACCOUNT_EU)")
    );
    assert_eq!(
        clash(&[("tfc-other-token", "tfc-acme-token-2")]),
        told("adapters \"acme\" and \"other\" both write tfc-acme-token (tfc-acme-token-2)")
    );
    assert_eq!(
        clash(&[("tfc_other_dynamic_credentials", "tfc_acme_dynamic_credentials")]),
        told("adapters \"acme\" and \"other\" both set tfc_acme_dynamic_credentials")
    );
}
