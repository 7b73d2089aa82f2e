//! Templates that lead nowhere, or that put something where it must not stand.

use super::{check, check_good};

const TOKEN: &str = "\"{{ answer.token }}\"";

#[test]
fn unknown_names_are_told_with_those_that_are_known() {
    for (written, problem) in [
        ("answer.tokn", "the exchange reads no answer \"tokn\"; there are id, token"),
        ("setting.tokn", "there is no setting \"tokn\"; there are account, audience, region, role"),
        ("setting.enable", "there is no setting \"enable\"; there are account, audience, region, role"),
        (
            "file.tfc-x",
            "there is no file \"tfc-x\"; there are tfc-acme-config, tfc-acme-settings, tfc-acme-token",
        ),
        (
            "claim.email",
            concat!(
                "no identity token has a claim \"email\"; there are aud, exp, iat, iss, jti, nbf, sub, ",
                "terraform_full_workspace, terraform_organization_id, terraform_organization_name, ",
                "terraform_project_id, terraform_project_name, terraform_run_id, terraform_run_phase, ",
                "terraform_workspace_id, terraform_workspace_name",
            ),
        ),
    ] {
        let expected = format!("line 36, column 14: {problem}");
        check(TOKEN, &format!("\"{{{{ {written} }}}}\""), &[&expected]);
    }
}

#[test]
fn there_is_no_code_in_templates() {
    let known = "there are token, setting.KEY, claim.NAME, answer.KEY, file.STEM, run_id, source_url and source_secret";
    for written in ["exec", "for x in y", "token | upper", "setting.", "env.HOME", "setting.a b", ""] {
        let expected = format!("line 36, column 15: \"{written}\" is no name; {known}");
        check(TOKEN, &format!("\"{{{{ {written} }}}}\""), &[&expected]);
    }
    check(TOKEN, "\"a {{ answer.token\"", &["line 36, column 17: \"{{\" without \"}}\""]);
    check_good(TOKEN, "\"{{answer.token}} }} { {answer.token}\"");
}

#[test]
fn values_of_the_environment_stand_on_one_line() {
    check(TOKEN, "\"a\\nb\"", &["line 36, column 14: the value must stand on one line"]);
    check(TOKEN, "\"a\\u0000\"", &["line 36, column 14: the value must stand on one line"]);
}

#[test]
fn attributes_hold_no_secrets() {
    let reason = "must not stand here: attributes are readable in the plan, and known before a run";
    for written in ["answer.id", "token", "claim.sub"] {
        let expected = format!("line 51, column 67: {written} {reason}");
        let to = format!("region = \"{{{{ {written} }}}}\" }}");
        check("region = \"{{ setting.region }}\" }", &to, &[&expected]);
    }
    check(
        "attributes = { token_file = \"{{ file.tfc-acme-token }}\", region = \"{{ setting.region }}\" }",
        "attributes = {}",
        &["line 50, column 8: the variable has no attributes"],
    );
}

#[test]
fn files_name_each_other_once() {
    let rule = "a file may only name files that name none themselves";
    let (first, second) = (format!("line 41, column 1: {rule}"), format!("line 42, column 1: {rule}"));
    check("token = {{ file.tfc-acme-token }}", "token = {{ file.tfc-acme-config }}", &[&first]);
    let from = "tfc-acme-token = \"{{ answer.token }}\"";
    check(from, "tfc-acme-token = \"{{ file.tfc-acme-config }}\"", &[&first, &second]);
    check(from, "tfc-acme-token = \"{{ file.tfc-acme-settings }}\"", &[&first]);
}

#[test]
fn json_holds_what_json_can_hold() {
    check("retries = 3", "retries = inf", &["line 44, column 1: JSON has no infinite numbers"]);
    check("retries = 3", "retries = 2020-01-01", &["line 44, column 1: JSON has no dates; write a text"]);
    check(
        "retries = 3",
        "retries = [{ a = \"{{ setting.x }}\" }]",
        &["line 44, column 1: there is no setting \"x\"; there are account, audience, region, role"],
    );
    check_good("retries = 3", "retries = [1.5, true, { deep = [\"{{ setting.role }}\"] }]");
}
