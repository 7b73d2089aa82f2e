//! Vectors of AWS keys that are read from Vault.

use carnet_model::Phase::{Apply, Plan};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{
    check, check_problems, check_warnings, injected_with, resolved,
    vault_backed::{paths, reads, with_vault},
};
use crate::{credential::Credential, injection::Injection};

const ON: (&str, &str) = ("TFC_VAULT_BACKED_AWS_AUTH", "true");
const ROLE: (&str, &str) = ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE", "d");
const IAM_USER: (&str, &str) = ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "iam_user");
const ASSUMED_ROLE: (&str, &str) = ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "assumed_role");
const FEDERATION_TOKEN: (&str, &str) = ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "federation_token");
const ARN: (&str, &str) = ("TFC_VAULT_BACKED_AWS_RUN_ROLE_ARN", "arn:aws:iam::1:role/x y");

#[test]
fn vector_38_the_keys_of_a_user_lie_in_a_file() {
    check(
        Plan,
        &with_vault(&[ON, IAM_USER, ROLE]),
        &[
            "env AWS_EC2_METADATA_DISABLED=true",
            "env AWS_SHARED_CREDENTIALS_FILE=/h/tfc-vault-backed-aws-credentials",
            "env TERRAFORM_VAULT_SKIP_CHILD_TOKEN=true",
            "env VAULT_ADDR=https://v",
            "env VAULT_TOKEN=J(vault.workload.identity)",
            "file tfc-vault-backed-aws-credentials=[default]|aws_access_key_id = P(access_key)|\
             aws_secret_access_key = P(secret_key)|",
            "file tfc-vault-token=J(vault.workload.identity)",
            r#"var tfc_vault_backed_aws_dynamic_credentials={"default":{"shared_credentials_file":"/h/tfc-vault-backed-aws-credentials"},"aliases":{}}"#,
            r#"var tfc_vault_dynamic_credentials={"default":{"token_filename":"/h/tfc-vault-token","address":"https://v","namespace":"","ca_cert_file":""},"aliases":{}}"#,
        ],
    );
    check_warnings(Plan, &with_vault(&[ON, IAM_USER, ROLE]), &[]);
    assert_eq!(paths(Plan, &[ON, IAM_USER, ROLE]), ["aws/creds/d"]);
    let resolution = resolved(Plan, &with_vault(&[ON, IAM_USER, ROLE]), &[]).expect("resolves");
    assert_eq!(resolution.steps()[1], "Vault-backed AWS: read aws/creds/d from Vault");
    assert_eq!(resolution.requests().len(), 1, "the login needs a token, the reading none");
}

#[test]
fn vector_39_an_assumed_role_needs_its_name() {
    check_problems(
        Plan,
        &with_vault(&[ON, ASSUMED_ROLE, ROLE]),
        &["E2 configuration for Vault-backed AWS is invalid: missing required value(s): AWS role ARN; set \
           TFC_VAULT_BACKED_AWS_PLAN_ROLE_ARN, TFC_DEFAULT_VAULT_BACKED_AWS_PLAN_ROLE_ARN, \
           TFC_VAULT_BACKED_AWS_RUN_ROLE_ARN or TFC_DEFAULT_VAULT_BACKED_AWS_RUN_ROLE_ARN"],
    );
    let variables = [ON, ASSUMED_ROLE, ROLE, ARN];
    assert_eq!(paths(Plan, &variables), ["aws/sts/d?role_arn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx%20y"]);
    let variables = [&variables[..], &[("TFC_VAULT_BACKED_AWS_APPLY_ROLE_ARN", "a")]].concat();
    assert_eq!(paths(Apply, &variables), ["aws/sts/d?role_arn=a"]);
}

/// What is injected when Vault answers with these members more.
fn injected_after(
    variables: &[(&str, &str)],
    members: &[(&str, &str)],
    change: fn(&mut Credential),
) -> Injection {
    let resolution = resolved(Plan, &with_vault(variables), &[]).expect("resolves");
    injected_with(&resolution, |credential| {
        if !credential.parts.is_empty() {
            credential
                .parts
                .extend(members.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
            change(credential);
        }
    })
}

fn file<'a>(injection: &'a Injection, name: &str) -> &'a str {
    let file = injection.files.iter().find(|file| file.name == name).expect("has the file");
    file.content.expose_secret()
}

#[test]
fn vector_39_a_session_token_has_one_of_two_names() {
    for members in [
        &[("session_token", "t")][..],
        &[("security_token", "t")],
        &[("session_token", ""), ("security_token", "t")],
    ] {
        let injection = injected_after(&[ON, ASSUMED_ROLE, ROLE, ARN], members, |_| {});
        assert_eq!(
            file(&injection, "tfc-vault-backed-aws-credentials"),
            "[default]\naws_access_key_id = P(access_key)\naws_secret_access_key = P(secret_key)\n\
             aws_session_token = t\n"
        );
    }
}

#[test]
fn vector_40_an_unknown_type_is_refused() {
    check_problems(
        Plan,
        &with_vault(&[ON, ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "session_token"), ROLE]),
        &[
            "E3 configuration for Vault-backed AWS is invalid: TFC_VAULT_BACKED_AWS_AUTH_TYPE must be one of: iam_user, \
           assumed_role, federation_token (got \"session_token\")",
        ],
    );
    check_problems(
        Plan,
        &with_vault(&[ON]),
        &[
            "E2 configuration for Vault-backed AWS is invalid: missing required value(s): AWS authentication type, Vault \
           role; set TFC_VAULT_BACKED_AWS_AUTH_TYPE or TFC_DEFAULT_VAULT_BACKED_AWS_AUTH_TYPE; set \
           TFC_VAULT_BACKED_AWS_PLAN_VAULT_ROLE, TFC_DEFAULT_VAULT_BACKED_AWS_PLAN_VAULT_ROLE, \
           TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE or TFC_DEFAULT_VAULT_BACKED_AWS_RUN_VAULT_ROLE",
        ],
    );
}

#[test]
fn vector_45_a_type_with_a_tag_is_no_flag() {
    let variables = with_vault(&[
        ("TFC_VAULT_BACKED_AWS_AUTH_TYPE_B", "iam_user"),
        ("TFC_VAULT_BACKED_AWS_AUTH_B", "true"),
        ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE_B", "d"),
    ]);
    let resolution = resolved(Plan, &variables, &[]).expect("resolves");
    let tags: Vec<_> =
        resolution.configured.iter().map(|one| one.tag.as_ref().map(|tag| tag.as_str())).collect();
    assert_eq!(tags, [None, Some("B")]);
    check_warnings(Plan, &variables, &[]);
    check(Plan, &[("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "true")], &[]);
}

#[test]
fn a_federation_token_may_be_readable_at_either_path() {
    let read = &reads(Plan, &[ON, FEDERATION_TOKEN, ROLE])[0];
    assert_eq!((read.path.as_str(), read.fallback_path.as_deref()), ("aws/sts/d", Some("aws/creds/d")));
    assert_eq!(reads(Plan, &[ON, ASSUMED_ROLE, ROLE, ARN])[0].fallback_path, None);
}

#[test]
fn a_role_arn_for_another_type_is_ignored_aloud() {
    let text = |auth_type: &str| {
        format!(
            "W16 Vault-backed AWS: TFC_VAULT_BACKED_AWS_RUN_ROLE_ARN is ignored: the authentication type is {auth_type}"
        )
    };
    check_warnings(Plan, &with_vault(&[ON, IAM_USER, ROLE, ARN]), &[&text("iam_user")]);
    check_warnings(Plan, &with_vault(&[ON, FEDERATION_TOKEN, ROLE, ARN]), &[&text("federation_token")]);
    // A shared one may be meant for other configurations.
    let shared = ("TFC_DEFAULT_VAULT_BACKED_AWS_RUN_ROLE_ARN", "arn");
    check_warnings(Plan, &with_vault(&[ON, IAM_USER, ROLE, shared]), &[]);
}

#[test]
fn keys_that_end_early_are_fetched_by_a_process() {
    let members = [("session_token", "a\"b")];
    let injection = injected_after(&[ON, ASSUMED_ROLE, ROLE, ARN], &members, |credential| {
        credential.is_replaced = true;
        credential.ends_at = Some("2023-11-14T22:18:20Z".to_owned());
    });
    assert_eq!(
        file(&injection, "tfc-vault-backed-aws-credentials"),
        "[default]\ncredential_process = /bin/cat /h/tfc-vault-backed-aws-process.json\n"
    );
    let printed: Value =
        serde_json::from_str(file(&injection, "tfc-vault-backed-aws-process.json")).expect("is JSON");
    assert_eq!(
        printed,
        json!({
            "Version": 1,
            "AccessKeyId": "P(access_key)",
            "SecretAccessKey": "P(secret_key)",
            "SessionToken": "a\"b",
            "Expiration": "2023-11-14T22:18:20Z",
        })
    );
    // What the file names must be there when somebody reads it.
    let names: Vec<&str> = injection.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        names,
        ["tfc-vault-token", "tfc-vault-backed-aws-process.json", "tfc-vault-backed-aws-credentials"]
    );
}

fn completed(variables: &[(&str, &str)], members: &[(&str, &str)]) -> Result<(), String> {
    let resolution = resolved(Plan, &with_vault(variables), &[]).expect("resolves");
    let parts = members.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
    let mut credential = Credential { parts: parts.collect(), ..Credential::default() };
    resolution.configured[1].configuration.complete(&mut credential)
}

#[test]
fn an_answer_must_have_what_its_type_needs() {
    let keys = [("access_key", "k"), ("secret_key", "s")];
    assert_eq!(completed(&[ON, IAM_USER, ROLE], &keys), Ok(()));
    let lacks = Err("the answer lacks session_token".to_owned());
    assert_eq!(completed(&[ON, ASSUMED_ROLE, ROLE, ARN], &keys), lacks);
    assert_eq!(completed(&[ON, FEDERATION_TOKEN, ROLE], &keys), lacks);
    // Another line of the file could name a program to run.
    let forged = [("access_key", "k\ncredential_process = x"), ("secret_key", "s")];
    assert_eq!(
        completed(&[ON, IAM_USER, ROLE], &forged),
        Err("access_key has white space or control characters".to_owned())
    );
}

#[test]
fn beside_aliases_the_default_file_stays_in_the_environment() {
    let variables = [
        ON,
        IAM_USER,
        ROLE,
        ("TFC_VAULT_BACKED_AWS_AUTH_B", "true"),
        ("TFC_VAULT_BACKED_AWS_AUTH_TYPE_B", "iam_user"),
        ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE_B", "e"),
    ];
    let injection = injected_after(&variables, &[], |_| {});
    let env = |name: &str| injection.env.get(name).map(ExposeSecret::expose_secret);
    assert_eq!(env("AWS_SHARED_CREDENTIALS_FILE"), Some("/h/tfc-vault-backed-aws-credentials"));
    let injection = injected_after(&variables[3..], &[], |_| {});
    assert!(!injection.env.contains_key("AWS_SHARED_CREDENTIALS_FILE"));
}

#[test]
fn what_would_win_over_the_file_is_named() {
    let with = |name: &'static str, value: &'static str| with_vault(&[ON, IAM_USER, ROLE, (name, value)]);
    for name in ["AWS_CONFIG_FILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ACCESS_KEY_ID"] {
        check_warnings(
            Plan,
            &with(name, "x"),
            &[&format!(
                "W3 {name} is set and takes precedence over dynamic credentials for Vault-backed AWS"
            )],
        );
    }
    check_warnings(Plan, &with("AWS_PROFILE", "default"), &[]);
}
