//! Settings that a document may not have.

use super::{check, check_each, check_good};

#[test]
fn names_are_of_their_own() {
    let at = |problem: &str| format!("line 18, column 8: the name of a setting {problem}");
    check("TFC_ACME_ACCOUNT", "ACME_ACCOUNT", &[&at("must start with TFC_")]);
    check_each(
        "TFC_ACME_ACCOUNT",
        &["TFC_acme", "TFC_ACME__ACCOUNT", "TFC_ACME_", "TFC_", "TFC_ACME-ACCOUNT"],
        &at("has at most 64 upper-case letters, digits and single underscores"),
    );
    check_each(
        "TFC_ACME_ACCOUNT",
        &["TFC_AWS_ACCOUNT", "TFC_DEFAULT_ACME", "TFC_VAULT_BACKED_ACME", "TFC_RUN_ID", "TFC_WORKLOAD_X"],
        &at("is taken: it starts like a setting of a built-in family or of the run itself"),
    );
}

#[test]
fn names_are_told_apart() {
    let both = |name: &str, line: usize| {
        let rule = format!("{name} is the name of two settings");
        [format!("line 18, column 8: {rule}"), format!("line {line}, column 8: {rule}")]
    };
    let [first, second] = both("TFC_ACME_REGION", 31);
    check("TFC_ACME_ACCOUNT", "TFC_ACME_REGION", &[&first, &second]);
    let [first, second] = both("TFC_ACME_PLAN_ROLE", 24);
    check("TFC_ACME_ACCOUNT", "TFC_ACME_PLAN_ROLE", &[&first, &second]);
    let rule = concat!(
        "line 18, column 8: TFC_ACME_REGION_TWO would also be TFC_ACME_REGION with a tag; ",
        "give one of them another name",
    );
    check("TFC_ACME_ACCOUNT", "TFC_ACME_REGION_TWO", &[rule]);
}

#[test]
fn phased_names_have_a_place_for_the_phase() {
    check_each(
        "TFC_ACME_RUN_ROLE",
        &["TFC_ACME_ROLE", "TFC_ACME_RUN_X_RUN_ROLE", "TFC_ACME_RUN"],
        "line 24, column 8: a phased setting has _RUN_ once in its name, which becomes _PLAN_ and _APPLY_",
    );
    check(
        "name = \"TFC_ACME_PROVIDER_AUTH\"",
        "name = \"TFC_ACME_RUN_AUTH\"\nphased = true",
        &["line 9, column 8: neither switch nor audience is phased"],
    );
}

#[test]
fn what_is_always_there_is_not_required() {
    check(
        "name = \"TFC_ACME_PROVIDER_AUTH\"",
        "name = \"TFC_ACME_PROVIDER_AUTH\"\nrequired = true",
        &["line 9, column 8: the switch has no default and is never required"],
    );
    check(
        "name = \"TFC_ACME_ACCOUNT\"",
        "name = \"TFC_ACME_ACCOUNT\"\ndefault = \"x\"",
        &["line 18, column 8: a setting with a default is never required"],
    );
}

#[test]
fn people_are_told_what_a_setting_is() {
    check("example = \"eu\"\n", "", &["line 31, column 8: an example is missing"]);
    check("doc = \"The region, if any.\"", "", &["line 30, column 1: missing field `doc`"]);
    check(
        "doc = \"The region, if any.\"",
        "doc = \"\"",
        &["line 33, column 7: a text of 1 to 500 characters on one line is needed"],
    );
    check_good("example = \"eu\"\n", "default = \"eu\"\n");
}

#[test]
fn switch_and_audience_are_there() {
    let rest = "line 9, column 8: an example is missing";
    check("[settings.enable]", "[settings.on]", &["line 8, column 2: [settings.enable] is missing", rest]);
    check("[settings.audience]", "[settings.aud]", &["line 8, column 2: [settings.audience] is missing"]);
}

#[test]
fn the_role_is_a_setting() {
    for role in ["rolle", "audience", "enable"] {
        let rule = format!("line 6, column 8: the role is the key of a setting; there is no \"{role}\"");
        check("role = \"role\"\n", &format!("role = \"{role}\"\n"), &[&rule]);
    }
}

#[test]
fn what_is_declared_is_used() {
    let setting =
        "[settings.spare]\nname = \"TFC_ACME_SPARE\"\nexample = \"x\"\ndoc = \"Spare.\"\n\n[settings.region]";
    check("[settings.region]", setting, &["line 30, column 11: the setting \"spare\" is used nowhere"]);
    check(
        "id = { pointer = \"/id\", secret = false }",
        "id = { pointer = \"/id\", secret = false }\nspare = \"/spare\"",
        &["line 62, column 1: the answer \"spare\" is used nowhere"],
    );
}
