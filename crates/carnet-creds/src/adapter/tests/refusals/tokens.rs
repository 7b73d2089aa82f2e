//! The way the token is read, and where it stands.

use super::{ACME, check, check_good};
use crate::adapter::AdapterDefinition;

/// A small adapter without an exchange.
fn hand_over(token: &str, env: &str, file: &str) -> String {
    format!(
        "name = \"beta\"\ntitle = \"Beta\"\nsource = \"https://beta.example\"\ntoken = \"{token}\"\n\
         [settings.enable]\nname = \"TFC_BETA_PROVIDER_AUTH\"\ndoc = \"On.\"\n\
         [settings.audience]\nname = \"TFC_BETA_AUDIENCE\"\ndefault = \"beta\"\ndoc = \"Audience.\"\n\
         [env]\nBETA = \"{env}\"\n[files]\ntfc-beta = \"{file}\"\n"
    )
}

#[track_caller]
fn check_hand_over(token: &str, env: &str, file: &str, expected: Option<&str>) {
    let parsed = AdapterDefinition::parse(&hand_over(token, env, file));
    let problem = parsed.err().map(|error| error.to_string());
    assert_eq!(problem, expected.map(|text| format!("line 4, column 9: {text}")));
}

#[test]
fn without_an_exchange() {
    let (token, both) = ("{{ token }}", "{{ source_url }} {{ source_secret }}");
    let in_env = "a rotated token cannot stand in the environment, which nobody can replace; use phase";
    check_hand_over("rotated", "x", token, None);
    check_hand_over("rotated", token, token, Some(in_env));
    check_hand_over("rotated", token, "x", Some(in_env));
    check_hand_over("rotated", "x", "x", Some("a rotated token must stand in a file, as {{ token }}"));
    check_hand_over("phase", token, "x", None);
    check_hand_over("phase", "x", token, None);
    check_hand_over("phase", "x", "x", Some("the token stands in no file and no variable"));
    let login = "a token that is used for a login only needs an exchange";
    check_hand_over("login", "x", token, Some(login));
    check_hand_over("login", "x", "x", Some(login));
    check_hand_over("source", both, "x", None);
    check_hand_over("source", "x", both, None);
    let missing = "{{ source_url }} and {{ source_secret }} must stand in a variable or a file";
    check_hand_over("source", "{{ source_url }}", "x", Some(missing));
    check_hand_over("source", "{{ source_secret }}", token, Some(missing));
    let asks = "a consumer that asks for tokens itself is handed none, and has no exchange";
    check_hand_over("source", both, token, Some(asks));
    let others = "{{ source_url }} and {{ source_secret }} need token = \"source\"";
    check_hand_over("phase", both, token, Some(others));
    check_hand_over("rotated", "{{ source_url }}", token, Some(others));
}

#[test]
fn with_an_exchange() {
    let env = "ACME_TOKEN = \"{{ answer.token }}\"";
    let traded = "line 5, column 9: a token that is traded ends soon and must not be handed over; use phase";
    check(env, "ACME_TOKEN = \"{{ token }}\"", &[traded]);
    check_good("token = \"login\"", "token = \"rotated\"");
    let rotated = ACME.replace("token = \"login\"", "token = \"rotated\"");
    let handed = rotated.replace(env, "ACME_TOKEN = \"{{ token }}\"");
    let told = |document: &str| AdapterDefinition::parse(document).expect_err("is refused").to_string();
    assert_eq!(told(&handed), traded);
    let no_file = rotated.replace("tfc-acme-token = \"{{ answer.token }}\"", "tfc-acme-token = \"x\"");
    let expected = "line 5, column 9: what is replaced in time must stand in a file, as {{ answer.KEY }}; otherwise use login";
    assert_eq!(told(&no_file), expected);
    let phase = ACME.replace("token = \"login\"", "token = \"phase\"");
    assert_eq!(told(&phase), "line 5, column 9: the token stands in no file and no variable");
    assert!(AdapterDefinition::parse(&phase.replace(env, "ACME_TOKEN = \"{{ token }}\"")).is_ok());
}

#[test]
fn there_are_four_ways() {
    let expected =
        "line 5, column 9: unknown variant `guess`, expected one of `rotated`, `login`, `phase`, `source`";
    check("token = \"login\"", "token = \"guess\"", &[expected]);
}
