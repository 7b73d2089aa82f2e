use carnet_model::{FactName, LedgerEntry, LedgerFact, LedgerKind, OrgId, Timestamp};
use proptest::prelude::*;

use super::*;

const RUN_1: &str = "run-4hGq7vTnXzB2mKcD";
const RUN_2: &str = "run-Zk81LwPyQa5eRt3s";
const AZURE_APP: &str = "0f1e2d3c-0000-4000-8000-00000000bb02";

macro_rules! corpus {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/corpus/ledger/", $name))
    };
}

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

fn fact(kind: LedgerKind, time: &str, run: &str, family: &str, jti: &str) -> LedgerFact {
    LedgerFact::of(&OrgId::from_entropy([1; 16]), kind, at(time))
        .with(FactName::Run, run)
        .with(FactName::Family, family)
        .with(FactName::Jti, jti)
}

/// Three tokens of the apply of one run, and one of the plan of another.
fn ledger() -> Vec<LedgerEntry> {
    let subject =
        |phase: &str| format!("organization:acme:project:Default Project:workspace:net:run_phase:{phase}");
    let mut facts = Vec::new();
    for (family, role) in [
        ("aws", "arn:aws:iam::210987654321:role/carnet-net-apply"),
        ("azure", AZURE_APP),
        ("gcp", "terraform"),
    ] {
        let mint = fact(LedgerKind::Mint, "2026-11-23T10:00:00Z", RUN_1, family, family)
            .with(FactName::Subject, subject("apply"))
            .with(FactName::ExpiresAt, "2026-11-23T10:10:00Z");
        facts.push(if family == "aws" {
            mint.with(FactName::Audience, "aws.workload.identity")
        } else {
            mint
        });
        facts.push(
            fact(LedgerKind::Exchange, "2026-11-23T10:00:01Z", RUN_1, family, family)
                .with(FactName::Role, role),
        );
    }
    facts.push(
        fact(LedgerKind::Mint, "2026-11-23T09:30:00Z", RUN_2, "vault", "vault")
            .with(FactName::Subject, subject("plan"))
            .with(FactName::ExpiresAt, "2026-11-23T09:35:00Z"),
    );
    facts.push(LedgerFact::of_site(LedgerKind::Key, at("2026-11-23T09:00:00Z")));
    (1..).zip(facts).map(|(sequence, fact)| fact.at(sequence)).collect()
}

/// Number, run and sureness of each access; `-` where no run explains it.
fn told(text: &str) -> Vec<String> {
    let lines = read_log(text);
    let told = |(number, found): (usize, Option<Explanation>)| match found {
        None => format!("{number} -"),
        Some(found) => {
            let run = found.identity.entry.fact(FactName::Run).unwrap_or_default().to_owned();
            format!("{number} {run} {}", found.sureness.as_str())
        }
    };
    explain(&lines, &identities(&ledger())).into_iter().map(told).collect()
}

#[track_caller]
fn check(text: &str, expected: &[(usize, &str, &str)]) {
    let expected: Vec<String> = expected
        .iter()
        .map(|(number, run, sure)| format!("{number} {run} {sure}").trim_end().to_owned())
        .collect();
    assert_eq!(told(text), expected);
}

#[test]
fn aws_sessions_are_explained_by_their_run_and_strange_ones_are_not() {
    check(
        corpus!("cloudtrail.json"),
        &[
            (1, RUN_1, "certain"),
            (2, RUN_1, "certain"),
            (4, RUN_1, "likely"),
            (5, "-", ""),
            (6, "-", ""),
            (7, RUN_1, "likely"),
            (8, "-", ""),
        ],
    );
}

#[test]
fn the_name_of_an_aws_session_is_what_its_caller_chose() {
    let subject = "organization:acme:project:Default Project:workspace:net:run_phase:apply";
    let role = "arn:aws:iam::210987654321:role/carnet-net-apply";
    let login = |key: &str| {
        serde_json::json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRoleWithWebIdentity",
            "eventTime": "2026-11-23T10:00:05Z", "userIdentity": {"type": "WebIdentityUser", "userName": subject},
            "requestParameters": {"roleArn": role, "roleSessionName": RUN_1},
            "responseElements": {"subjectFromWebIdentityToken": subject, "credentials": {"accessKeyId": key},
                "assumedRoleUser": {"arn": format!("arn:aws:sts::210987654321:assumed-role/carnet-net-apply/{RUN_1}")}}})
    };
    let used = |key: &str| {
        serde_json::json!({"eventSource": "ec2.amazonaws.com", "eventName": "CreateVpc", "eventTime": "2026-11-23T10:00:09Z",
            "userIdentity": {"type": "AssumedRole", "accessKeyId": key, "principalId": format!("AROA:{RUN_1}"),
                "arn": format!("arn:aws:sts::210987654321:assumed-role/carnet-net-apply/{RUN_1}"),
                "sessionContext": {"sessionIssuer": {"arn": role}}}})
    };
    // No login is in the log: nothing but the name speaks for the run.
    check(&used("ASIA1").to_string(), &[(1, RUN_1, "likely")]);
    // Another key with the session name of a login that is explained.
    let lines = [login("ASIA1"), used("ASIA1"), used("ASIA2")].map(|line| line.to_string()).join("\n");
    check(&lines, &[(1, RUN_1, "certain"), (2, RUN_1, "certain"), (3, RUN_1, "likely")]);
    // Another run had a token for the same subject, and could have chosen the name.
    let mut entries = ledger();
    let mint = fact(LedgerKind::Mint, "2026-11-23T10:00:01Z", "run-another", "aws", "another")
        .with(FactName::Subject, subject)
        .with(FactName::ExpiresAt, "2026-11-23T10:10:00Z");
    entries.push(mint.at(99));
    let found = explain(&read_log(&lines), &identities(&entries));
    let sureness = |number: usize| found[&number].as_ref().map(|found| found.sureness);
    assert_eq!([1, 2, 3].map(sureness), [Some(Sureness::Likely); 3]);
}

#[test]
fn entra_names_neither_subject_nor_token_so_account_and_time_must_do() {
    check(corpus!("entra.jsonl"), &[(1, RUN_1, "likely"), (3, "-", ""), (4, RUN_1, "likely"), (5, "-", "")]);
}

#[test]
fn google_sessions_are_explained_by_the_subject_of_their_exchange() {
    check(
        corpus!("google.jsonl"),
        &[(1, RUN_1, "likely"), (2, RUN_1, "likely"), (3, RUN_1, "likely"), (5, "-", "")],
    );
}

#[test]
fn vault_names_what_a_role_maps_and_hashes_lead_from_login_to_use() {
    check(
        corpus!("vault.jsonl"),
        &[(2, RUN_2, "certain"), (3, RUN_2, "certain"), (4, RUN_2, "likely"), (5, "-", ""), (7, "-", "")],
    );
    assert_eq!(read_log(corpus!("vault.jsonl")).last(), Some(&(8, LogLine::Unreadable)));
}

#[test]
fn a_readable_accessor_and_a_mapped_token_id_are_certain() {
    let exchange = fact(LedgerKind::Exchange, "2026-11-23T09:30:01Z", RUN_2, "vault", "vault");
    let mut entries = ledger();
    entries.push(exchange.with(FactName::Accessor, "acc-1").at(99));
    let of = |auth: &str| {
        let line = format!(
            r#"{{"type":"response","time":"2030-01-01T00:00:00Z","auth":{auth},"request":{{"path":"a/b","operation":"read"}}}}"#
        );
        let found = explain(&read_log(&line), &identities(&entries)).into_values().next().flatten();
        found.map(|found| (found.sureness, found.reason))
    };
    assert_eq!(
        of(r#"{"accessor":"acc-1","metadata":{"role":"r"}}"#),
        Some((Sureness::Certain, "the log names the credential"))
    );
    assert_eq!(
        of(r#"{"accessor":"x","metadata":{"role":"r","jti":"vault"}}"#),
        Some((Sureness::Certain, "the log names the token"))
    );
    assert_eq!(of(r#"{"accessor":"x","metadata":{"role":"r","jti":"another"}}"#), None);
}

#[test]
fn logins_with_the_trust_that_carnet_writes_are_explained_and_refused_ones_prove_nothing() {
    let workspace = "ws-0123456789abcdef";
    let mut entries = ledger();
    let mint = fact(LedgerKind::Mint, "2026-11-23T10:00:00Z", RUN_1, "vault", "own")
        .with(FactName::Workspace, workspace)
        .with(FactName::Subject, "organization:acme:project:p:workspace:net:run_phase:apply")
        .with(FactName::ExpiresAt, "2026-11-23T10:10:00Z");
    entries.push(mint.at(90));
    let exchange = fact(LedgerKind::Exchange, "2026-11-23T10:00:01Z", RUN_1, "vault", "own");
    entries.push(exchange.with(FactName::Role, "net-apply").at(91));
    let of = |record: serde_json::Value| {
        let found =
            explain(&read_log(&record.to_string()), &identities(&entries)).into_values().next().flatten();
        found.map(|found| {
            (found.identity.entry.fact(FactName::Jti).unwrap_or_default().to_owned(), found.sureness)
        })
    };
    let login = |name: &str, metadata: serde_json::Value| {
        serde_json::json!({
            "type": "response", "time": "2026-11-23T10:00:02Z",
            "request": {"path": "auth/jwt/login", "operation": "update", "mount_type": "jwt", "data": {"role": "net-apply"}},
            "response": {"auth": {"display_name": name, "accessor": "hmac-sha256:1", "metadata": metadata}},
        })
    };
    let metadata = serde_json::json!({"role": "net-apply", "terraform_run_id": RUN_1});
    for name in [format!("jwt-{workspace}"), "jwt-somebody".to_owned()] {
        assert_eq!(of(login(&name, metadata.clone())), Some(("own".to_owned(), Sureness::Certain)), "{name}");
    }
    assert_eq!(of(login("jwt-ws-another", metadata)), None);
    // Whoever has no token at all can ask for a role.
    let mut refused = login("", serde_json::Value::Null);
    refused["response"] = serde_json::Value::Null;
    refused["error"] = "error validating token".into();
    assert_eq!(of(refused), None);
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "eventSource",
        "eventName",
        "userIdentity",
        "type",
        "AssumedRole",
        "AssumeRoleWithWebIdentity",
        "protoPayload",
        "authenticationInfo",
        "principalSubject",
        "/subject/",
        "methodName",
        "request",
        "response",
        "auth",
        "path",
        "auth/jwt/login",
        "mount_type",
        "jwt",
        "metadata",
        "properties",
        "servicePrincipalId",
        "appId",
        "Records",
        "requestParameters",
        "responseElements",
        "principalId",
        "provider",
        "identityProvider",
        "ü:é",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        let name = words.clone().prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_line_makes_a_reader_panic(record in any_json(), noise in "\\PC{0,60}") {
        for text in [record.to_string(), noise.clone(), format!("{record}\n{noise}\n{record}")] {
            let lines = read_log(&text);
            explain(&lines, &identities(&ledger()));
        }
    }
}

#[test]
fn a_token_was_not_used_before_it_was_minted() {
    let subject = "organization:acme:project:Default Project:workspace:net:run_phase:plan";
    let minted = |time: &str, end: &str, run: &str| {
        fact(LedgerKind::Mint, time, run, "vault", run)
            .with(FactName::Subject, subject)
            .with(FactName::ExpiresAt, end)
    };
    let earlier = minted("2026-11-23T09:00:00Z", "2026-11-23T09:20:00Z", RUN_1);
    let later = minted("2026-11-23T09:10:30Z", "2026-11-23T09:30:00Z", RUN_2);
    let login = |time: &str| {
        serde_json::json!({"type": "response", "time": time,
            "request": {"path": "auth/jwt/login", "operation": "update", "mount_type": "jwt"},
            "response": {"auth": {"accessor": time, "metadata": {"sub": subject, "role": "r"}}}})
        .to_string()
    };
    let told = |facts: &[&LedgerFact], time: &str| {
        let entries: Vec<LedgerEntry> =
            (1..).zip(facts).map(|(sequence, fact)| (*fact).clone().at(sequence)).collect();
        let found = explain(&read_log(&login(time)), &identities(&entries)).remove(&1).expect("an access");
        found.map(|one| {
            let run = one.identity.entry.fact(FactName::Run).unwrap_or_default().to_owned();
            (run, one.sureness.as_str(), one.reason)
        })
    };
    let fits = |run: &str, sureness| Some((run.to_owned(), sureness, "the subject and the time fit"));
    assert_eq!(told(&[&earlier, &later], "2026-11-23T09:10:04Z"), fits(RUN_1, "likely"), "26 s before");
    assert_eq!(told(&[&later], "2026-11-23T09:10:04Z"), None);
    let (run, sureness, reason) = told(&[&later], "2026-11-23T09:10:27Z").expect("clocks differ");
    assert_eq!((run.as_str(), sureness), (RUN_2, "possible"));
    assert!(reason.ends_with("if clocks differ: the token was minted up to 5 s later"), "{reason}");
    // Of several, one that was minted before comes first.
    assert_eq!(told(&[&earlier, &later], "2026-11-23T09:10:27Z"), fits(RUN_1, "possible"));
    assert_eq!(told(&[&later], "2026-11-23T09:10:30Z"), fits(RUN_2, "likely"));
}
