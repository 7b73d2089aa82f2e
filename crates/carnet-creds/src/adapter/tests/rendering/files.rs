//! Files: lines, whole texts and JSON.

use secrecy::ExposeSecret;

use super::{ANSWERS, GIVEN, changed, rendered};
use crate::adapter::{AdapterDefinition, RenderError, tests::ACME};

fn file(
    definition: &AdapterDefinition,
    given: &[(&str, &str)],
    token: &str,
    stem: &str,
) -> Result<String, RenderError> {
    let rendered = rendered(definition, given, &[("token", token), ("id", "i")])?;
    let file = rendered.files.iter().find(|file| file.stem == stem).expect("is written");
    Ok(file.content.expose_secret().to_owned())
}

#[test]
fn a_value_that_is_the_whole_file_has_its_own_lines() {
    let key = "-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n";
    // Nothing but the file shows the answer here.
    let definition = changed("ACME_TOKEN = \"{{ answer.token }}\"\n", "");
    assert_eq!(file(&definition, &GIVEN, key, "tfc-acme-token").expect("renders"), key);
    let inside = ACME
        .replace("ACME_TOKEN = \"{{ answer.token }}\"\n", "")
        .replace("tfc-acme-token = \"{{ answer.token }}\"", "tfc-acme-token = \"key: {{ answer.token }}\"");
    let definition = AdapterDefinition::parse(&inside).expect("is a document");
    let error = file(&definition, &GIVEN, key, "tfc-acme-token").expect_err("would start a new entry");
    assert_eq!(error.rule(), "must not contain line breaks or other control characters");
}

#[test]
fn the_authors_own_lines_stand_as_they_are() {
    let text = "tfc-acme-token = \"\"\"\n[default]\n\ttoken = {{ answer.token }}\n\"\"\"";
    let definition = changed("tfc-acme-token = \"{{ answer.token }}\"", text);
    let found = file(&definition, &GIVEN, "T", "tfc-acme-token").expect("renders");
    assert_eq!(found, "[default]\n\ttoken = T\n");
}

#[test]
fn values_in_json_are_texts() {
    let value = "\"},{\"x\":\"\\\n\u{7f}\u{1}";
    let from = "region = \"{{ setting.region }}\"\nretries";
    let definition = changed(from, "role = \"r {{ setting.role }}\"\nretries");
    let given = [("account", "a-1"), ("role", value)];
    let text = file(&definition, &given, "T", "tfc-acme-settings").expect("renders");
    let json: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
    let expected = serde_json::json!({"account": "a-1", "role": format!("r {value}"), "retries": 3});
    assert_eq!(json, expected);
}

#[test]
fn members_and_elements_that_are_not_set_are_left_out() {
    let list = "retries = [\"{{ setting.region }}\", 1.5, true, { a = \"{{ setting.region }}\" }]";
    let definition = changed("retries = 3", list);
    let rendered = rendered(&definition, &GIVEN, &ANSWERS).expect("renders");
    let file = rendered.files.iter().find(|file| file.stem == "tfc-acme-settings").expect("is there");
    assert_eq!(file.content.expose_secret(), r#"{"account":"a-1","retries":[1.5,true,{}]}"#);
}
