//! Revoking by accessor, as an administrator does for runs whose agents have died.

use carnet_creds::{RevocationOutcome, VaultAccessor};
use serde_json::json;

use crate::{
    fake_vault::FakeVault,
    http::Answer,
    world::{World, http_settings},
};

const AUTHORITY: &str = "hvs.administrator";

fn refuse(status: u16, text: &str) -> Answer {
    Answer::new(status, json!({ "errors": [text] }).to_string())
}

fn accessor(address: &str, namespace: Option<&str>) -> VaultAccessor {
    VaultAccessor {
        address: address.to_owned(),
        namespace: namespace.map(str::to_owned),
        ca_pem: None,
        accessor: "accessor-of-1".to_owned(),
    }
}

/// Checks what an answer is taken for.
async fn check_answer(answer: Answer, expected: &RevocationOutcome) {
    let vault = FakeVault::start(&World::new().clock).await;
    vault.answer_next(answer.clone());
    let outcome = accessor(&vault.address, None).revoke(&http_settings(), &AUTHORITY.into()).await;
    assert_eq!(&outcome, expected, "{answer:?}");
}

#[tokio::test]
async fn the_accessor_is_all_that_is_told_of_the_token() {
    let vault = FakeVault::start(&World::new().clock).await;
    vault.answer_next(Answer::new(204, ""));
    let address = format!("{}/", vault.address);
    let outcome = accessor(&address, Some("team/a")).revoke(&http_settings(), &AUTHORITY.into()).await;
    assert_eq!(outcome, RevocationOutcome::Revoked);
    let requests = vault.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((&*request.method, &*request.path), ("POST", "/v1/auth/token/revoke-accessor"));
    assert_eq!(request.headers["x-vault-token"], AUTHORITY);
    assert_eq!(request.headers["x-vault-namespace"], "team/a");
    assert_eq!(request.body, r#"{"accessor":"accessor-of-1"}"#);
}

#[tokio::test]
async fn a_token_that_is_gone_is_no_failure_and_a_refusal_is_one() {
    let warning = r#"{"data":null,"warnings":["No token found with this accessor"],"auth":null}"#;
    for answer in [
        Answer::new(200, warning),
        refuse(400, "invalid accessor"),
        refuse(403, "1 error occurred:\n\t* invalid accessor\n\n"),
        refuse(404, "invalid accessor"),
    ] {
        check_answer(answer, &RevocationOutcome::AlreadyGone).await;
    }
    for answer in [Answer::new(204, ""), Answer::new(200, r#"{"warnings":["something else"]}"#)] {
        check_answer(answer, &RevocationOutcome::Revoked).await;
    }
}

#[tokio::test]
async fn a_failure_says_what_is_missing_and_never_the_token() {
    let vault = FakeVault::start(&World::new().clock).await;
    for (answer, expected) in [
        (refuse(403, "permission denied"), "needs update on auth/token/revoke-accessor"),
        (refuse(404, "namespace not found"), "returned 404: namespace not found"),
        (refuse(400, "missing accessor"), "returned 400: missing accessor"),
    ] {
        vault.answer_next(answer);
        let outcome = accessor(&vault.address, None).revoke(&http_settings(), &AUTHORITY.into()).await;
        let RevocationOutcome::Failed(reason) = outcome else { panic!("{outcome:?}") };
        assert!(reason.contains(expected) && !reason.contains(AUTHORITY), "{reason}");
    }
    let nobody = accessor("http://127.0.0.1:1", None);
    let outcome = nobody.revoke(&http_settings(), &AUTHORITY.into()).await;
    assert!(matches!(outcome, RevocationOutcome::Failed(reason) if reason.contains("got no answer")));
}
