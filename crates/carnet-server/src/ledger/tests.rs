use carnet_api::job::CredentialReport;
use carnet_model::{FactName, LedgerFact, LedgerKind, OrgId, Timestamp};
use serde_json::{Value, json};

use super::{refused, report_facts};
use crate::error::ApiError;

fn report(entries: Value) -> CredentialReport {
    serde_json::from_value(json!({ "entries": entries })).expect("a report")
}

fn entry(outcome: &str, renewals: u32, leases: &[&str]) -> Value {
    let lease = |revocation: &&str| {
        json!({
            "address": "https://vault.example.com", "namespace": null, "accessor": "acc", "ends_at": null,
            "revocation": revocation, "detail": if *revocation == "failed" { "sealed" } else { "" },
        })
    };
    json!({
        "family": "vault", "tag": null, "audience": "vault.workload.identity", "subject": "organization:acme",
        "role": "deployer", "jti": "jti-1", "life_seconds": 60, "renewals": renewals, "expires_at": null,
        "outcome": outcome, "detail": if outcome == "refused" { "role unknown" } else { "" },
        "identity": ["entity 1"], "leases": leases.iter().map(lease).collect::<Vec<_>>(),
    })
}

#[track_caller]
fn check(before: Value, now: Value, expected: &[(LedgerKind, &str)]) {
    let about = LedgerFact::of(&OrgId::from_entropy([1; 16]), LedgerKind::Mint, Timestamp::UNIX_EPOCH);
    let facts = report_facts(&about, &report(before), &report(now));
    let found: Vec<(LedgerKind, &str)> =
        facts.iter().map(|fact| (fact.kind, fact.facts["outcome"].as_str())).collect();
    assert_eq!(found, expected);
    assert!(facts.iter().all(|fact| fact.facts[FactName::Source.as_str()] == "agent"));
}

#[test]
fn a_report_is_told_as_what_changed_since_the_one_before() {
    use LedgerKind::{Exchange, Refusal, Renewal, Revocation};
    let none = || json!([]);
    let one = |outcome: &str, renewals: u32, leases: &[&str]| json!([entry(outcome, renewals, leases)]);
    let held = || one("held", 0, &["outstanding"]);
    check(none(), held(), &[(Exchange, "obtained")]);
    check(held(), held(), &[]);
    check(held(), one("held", 2, &["outstanding"]), &[(Renewal, "renewed")]);
    check(held(), one("ended", 0, &["revoked"]), &[(Revocation, "revoked")]);
    check(held(), one("held", 0, &["failed"]), &[(Revocation, "failed")]);
    check(one("held", 0, &["failed"]), one("ended", 0, &["revoked"]), &[(Revocation, "revoked")]);
    check(none(), one("ended", 0, &["revoked"]), &[(Exchange, "obtained"), (Revocation, "revoked")]);
    check(none(), one("refused", 0, &[]), &[(Refusal, "refused_by_provider")]);
    check(one("refused", 0, &[]), one("refused", 0, &[]), &[]);
    let mut unseen = entry("refused", 0, &[]);
    unseen["jti"] = Value::Null;
    check(none(), json!([unseen]), &[]);
    check(json!([unseen]), one("refused", 0, &[]), &[(Refusal, "refused_by_provider")]);
    check(one("refused", 0, &[]), held(), &[(Exchange, "obtained")]);
    check(one("held", 0, &[]), one("ended", 0, &[]), &[(Revocation, "deleted")]);
    check(one("ended", 0, &[]), one("ended", 0, &[]), &[]);
}

#[test]
fn a_token_that_could_not_be_signed_is_told_with_its_id() {
    let about = || LedgerFact::of(&OrgId::from_entropy([1; 16]), LedgerKind::Refusal, Timestamp::UNIX_EPOCH);
    let wanted = serde_json::from_value(json!({
        "family": "plain", "tag": null, "audience": "vault.workload.identity", "lifetime_seconds": 60,
    }))
    .expect("a request");
    let error = ApiError::internal("the key did not sign");
    let fact = refused(about(), &wanted, &error, Some("jti-1")).expect("told");
    assert_eq!((fact.facts["outcome"].as_str(), fact.facts["jti"].as_str()), ("not_signed", "jti-1"));
    assert_eq!(refused(about(), &wanted, &error, None), None);
}
