//! Names and limits of relying parties.

use carnet_model::Phase;
use serde_json::Value;

use super::super::name::{NameRule, object_name};
use super::super::{Scope, TrustFormat, TrustRequest, setup, write};
use super::request;

const SHORT: NameRule = NameRule { longest: 30, is_lower: true };

#[test]
fn names_are_readable_where_they_fit_and_differ_where_they_do_not() {
    let name = |organization: &str, workspace: &str, tag: Option<&str>| {
        let mut request = request("aws", Value::Null);
        request.organization = organization.parse().expect("valid");
        request.workspace = Some(workspace.parse().expect("valid"));
        request.tag = tag.map(str::to_owned);
        object_name(&request, Some(Phase::Apply), SHORT)
    };
    assert_eq!(name("acme", "net", None), "carnet-acme-net-apply");
    let all = [
        name("acme", "net", None),
        name("acme", "net", Some("EAST")),
        name("acme", "net", Some("east")),
        name("acme", "Net", None),
        name("acme-net", "one", None),
        name("acme", "net-one", None),
        name("acme", "NET", None),
        name("acme", "network-of-everything-one", None),
        name("acme", "network-of-everything-two", None),
    ];
    for (place, one) in all.iter().enumerate() {
        assert!(one.len() <= 30 && one.ends_with("-apply"), "{one}");
        assert!(
            one.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{one}"
        );
        assert!(all.iter().skip(place + 1).all(|other| other != one), "{one}");
    }
}

#[test]
fn a_wider_scope_has_names_of_its_own() {
    let mut wide = request("aws", Value::Null);
    wide.scope = Scope::Project;
    let project = object_name(&wide, None, SHORT);
    wide.project = "Default-Project".parse().expect("valid");
    assert_ne!(project, object_name(&wide, None, SHORT));
    wide.scope = Scope::Organization;
    let organization = object_name(&wide, None, SHORT);
    wide.project = "Other".parse().expect("valid");
    wide.workspace = None;
    assert_eq!(organization, object_name(&wide, None, SHORT));
}

#[track_caller]
fn refused(change: impl FnOnce(&mut TrustRequest), family: &str, says: &str) {
    let mut request = request(family, Value::Null);
    change(&mut request);
    let error = setup(&request).expect_err(says).to_string();
    assert!(error.contains(says), "{error}");
}

#[test]
fn what_a_relying_party_could_not_take_is_refused_with_the_reason() {
    let ca = || Some("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n".to_owned());
    refused(|one| one.workspace = None, "aws", "name the workspace");
    refused(|one| one.tag = Some("a-b".into()), "aws", "a tag has letters");
    refused(|one| one.audience = Some(String::new()), "aws", "an audience is not empty");
    refused(|one| one.issuer = "https://x/$(id)".into(), "aws", "an address looks like");
    refused(|one| one.subjects.plan = Some("s".repeat(256)), "aws", "255 bytes");
    refused(|one| one.subjects.plan = Some("s".repeat(601)), "azure", "600 characters");
    refused(|one| one.issuer_ca = ca(), "azure", "public certificate authorities");
    refused(|one| one.issuer_ca = ca(), "hcp", "public certificate authorities");
    refused(|one| one.issuer_ca = ca(), "gcp", "--issuer-keys-file");
    refused(|one| one.issuer = "http://carnet.example.org".into(), "kubernetes", "https://");
    refused(|one| one.audience = Some("a\u{0}b".into()), "vault", "cannot be seen");
    refused(|one| one.audience = Some("a\nb".into()), "vault", "several lines");
}

#[test]
fn a_key_set_of_google_s_own_stands_for_an_issuer_that_it_cannot_reach() {
    let mut gcp = request("gcp", Value::Null);
    gcp.issuer_keys = Some("{\"keys\":[]}".into());
    assert!(
        write(&gcp, TrustFormat::Terraform).expect("text").contains("jwks_json  = \"{\\\"keys\\\":[]}\"")
    );
    assert!(write(&gcp, TrustFormat::Cli).expect("text").contains("--jwk-json-path=\"$ISSUER_KEYS_FILE\""));
}

#[test]
fn phases_do_not_share_a_subject_of_their_own() {
    let subjects = |plan: Option<&str>, apply: Option<&str>| crate::setup::Subjects {
        plan: plan.map(str::to_owned),
        apply: apply.map(str::to_owned),
    };
    refused(|request| request.subjects = subjects(Some("same"), Some("same")), "aws", "of their own");
    refused(
        |request| {
            request.phases = crate::setup::Phases::Apply;
            request.subjects = subjects(Some("plan"), None);
        },
        "vault",
        "the other phase alone",
    );
}

#[test]
fn a_managed_policy_is_named_by_its_arn() {
    let aws = request("aws", serde_json::json!({"policy-arns-apply": ["ReadOnlyAccess"]}));
    let error = setup(&aws).expect_err("no ARN").to_string();
    assert!(error.contains("--policy-arn-apply") && error.contains("is no ARN"), "{error}");
}
