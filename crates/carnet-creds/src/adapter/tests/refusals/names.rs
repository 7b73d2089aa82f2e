//! Names that a document may not give.

use super::{check, check_each, check_good};

#[test]
fn of_adapters() {
    let long = format!("name = \"a{}\"", "b".repeat(32));
    check_each(
        "name = \"acme\"",
        &[
            "name = \"Acme\"",
            "name = \"\"",
            "name = \"1acme\"",
            "name = \"_acme\"",
            "name = \"ac me\"",
            &long,
        ],
        "line 2, column 8: the name of an adapter has 1 to 32 lower-case letters, digits, \"_\" and \"-\", a letter first",
    );
    check_each(
        "name = \"acme\"",
        &["name = \"aws\"", "name = \"plain\"", "name = \"vault_backed_gcp\""],
        "line 2, column 8: the name of an adapter is the name of a built-in family",
    );
    check_good("name = \"acme\"", "name = \"acme-2_eu\"");
}

#[test]
fn of_people_and_pages() {
    let long = format!("title = \"{}\"", "x".repeat(65));
    check_each(
        "title = \"Acme\"",
        &["title = \"\"", "title = \"A\\nB\"", "title = \"A\\u001b[31m\"", &long],
        "line 3, column 9: a text of 1 to 64 characters on one line is needed",
    );
    check_each(
        "https://docs.acme.example/workload-identity",
        &["http://docs.acme.example", "javascript:alert(1)", "https://", "https://a b", "docs"],
        "line 4, column 10: the source is the https address of the provider's own documentation",
    );
}

#[test]
fn of_environment_variables() {
    check_each(
        "ACME_TOKEN =",
        &[
            "PATH =",
            "HOME =",
            "LD_PRELOAD =",
            "https_proxy =",
            "TF_CLI_ARGS =",
            "TF_VAR_x =",
            "TFC_RUN_ID =",
            "TFC_WORKLOAD_IDENTITY_TOKEN =",
            "TFC_WORKLOAD_IDENTITY_TOKEN_ =",
            "GIT_SSH_COMMAND =",
            "SSL_CERT_FILE =",
            "CARNET_DATA =",
        ],
        "line 36, column 1: an environment variable must not be set: it changes what a run executes or trusts",
    );
    check_each(
        "ACME_TOKEN =",
        &["\"A=B\" =", "\"\" =", "\"A B\" =", "\"Ä\" ="],
        "line 36, column 1: an environment variable has 1 to 64 letters, digits and underscores",
    );
    check(
        "ACME_TOKEN =",
        "1X =",
        &["line 36, column 1: an environment variable must not start with a digit"],
    );
    check_good("ACME_TOKEN =", "TFC_WORKLOAD_IDENTITY_TOKEN_ACME =");
    check_good("ACME_TOKEN =", "acme_token =");
}

#[test]
fn of_files() {
    let from = "tfc-acme-token = ";
    let unknown = |name: &str| {
        let known = format!("there is no file \"tfc-acme-token\"; there are {name}");
        [format!("line 41, column 19: {known}"), format!("line 51, column 29: {known}")]
    };
    let [first, last] = unknown("acme, tfc-acme-config, tfc-acme-settings");
    let expected = [&first, "line 42, column 1: the stem of a file must start with tfc-", &last];
    check(from, "acme = ", &expected);
    for (name, listed, problem) in [
        ("tfc-acme/../x", "tfc-acme-config, tfc-acme-settings, tfc-acme/../x", "has"),
        ("tfc-..", "tfc-.., tfc-acme-config, tfc-acme-settings", "has"),
        ("tfc-Acme", "tfc-Acme, tfc-acme-config, tfc-acme-settings", "has"),
        ("tfc-a--b", "tfc-a--b, tfc-acme-config, tfc-acme-settings", "has"),
        ("tfc-aws-x", "tfc-acme-config, tfc-acme-settings, tfc-aws-x", "taken"),
        ("tfc-vault", "tfc-acme-config, tfc-acme-settings, tfc-vault", "taken"),
    ] {
        let [first, last] = unknown(listed);
        let rule = match problem {
            "has" => "has at most 64 lower-case letters, digits, and single \"-\" and \".\"",
            _ => "is taken: it starts like a file of a built-in family",
        };
        let rule = format!("line 42, column 1: the stem of a file {rule}");
        check(from, &format!("\"{name}\" = "), &[&first, &rule, &last]);
    }
}

#[test]
fn of_files_that_look_like_one_with_a_tag() {
    check(
        "tfc-acme-token = ",
        "tfc-acme = \"x\"\ntfc-acme-token = ",
        &["line 42, column 1: tfc-acme-config would also be tfc-acme with a tag; give one another name"],
    );
}

#[test]
fn of_terraform_variables() {
    check_each(
        "tfc_acme_dynamic_credentials",
        &["acme", "tfc__dynamic_credentials", "tfc_Acme_dynamic_credentials", "tfc_dynamic_credentials"],
        "line 50, column 8: the Terraform variable must look like tfc_NAME_dynamic_credentials",
    );
}

#[test]
fn of_terraform_variables_that_are_taken() {
    check_each(
        "tfc_acme_dynamic_credentials",
        &["tfc_aws_dynamic_credentials", "tfc_vault_backed_acme_dynamic_credentials"],
        "line 50, column 8: the Terraform variable is the variable of a built-in family",
    );
    check(
        "token_file = ",
        "Token = ",
        &[concat!(
            "line 51, column 16: the name of an attribute has 1 to 64 lower-case letters, digits and underscores, ",
            "a letter first",
        )],
    );
}

#[test]
fn of_rivals() {
    let from = "role = \"role\"\n";
    let rule = "line 7, column 11: a rival is the name of an environment variable";
    check(from, "role = \"role\"\nrivals = [\"A B\"]\n", &[rule]);
    check(from, "role = \"role\"\nrivals = [\"\"]\n", &[rule]);
    let expected = "line 7, column 11: invalid type: integer `3`, expected a text or a table";
    check(from, "role = \"role\"\nrivals = [3]\n", &[expected]);
    check_good(
        from,
        "role = \"role\"\nrivals = [\"ACME_KEY\", { name = \"ACME_AUTH\", unless = \"oidc\" }]\n",
    );
}
