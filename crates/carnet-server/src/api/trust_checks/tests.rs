use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::apart;
use crate::api::tests::Site;
use crate::error::ApiError;

async fn asked(site: &Site, attributes: Value) -> (u16, Value) {
    let path = format!("/api/carnet/v1/workspaces/{}/trust-check", site.workspace.id);
    let body = json!({ "data": { "type": "trust-checks", "attributes": attributes } });
    site.server.request("POST", &path, &site.owner, body).await
}

async fn set(site: &Site, key: &str, value: &str, is_sensitive: bool) {
    let path = format!("/api/v2/workspaces/{}/vars", site.workspace.id);
    let attributes = json!({ "key": key, "value": value, "category": "env", "sensitive": is_sensitive });
    let body = json!({ "data": { "type": "vars", "attributes": attributes } });
    let (status, answer) = site.server.request("POST", &path, &site.owner, body).await;
    assert_eq!(status, 201, "{answer}");
}

fn role(subject: &str, audience: &str) -> Value {
    json!({ "role_type": "jwt", "user_claim": "terraform_workspace_id", "bound_audiences": [audience],
            "bound_claims": { "sub": subject } })
}

#[tokio::test]
async fn the_token_of_the_workspace_is_judged_with_the_audience_of_its_variables() {
    let site = Site::new().await;
    for (key, value) in [
        ("TFC_VAULT_PROVIDER_AUTH", "true"),
        ("TFC_VAULT_ADDR", "https://vault.example.com"),
        ("TFC_VAULT_RUN_ROLE", "net"),
        ("TFC_VAULT_WORKLOAD_IDENTITY_AUDIENCE", "acme-vault"),
    ] {
        set(&site, key, value, false).await;
    }
    let (status, answer) =
        asked(&site, json!({ "policy": role("organization:other", "vault.workload.identity") })).await;
    assert_eq!(status, 200, "{answer}");
    let first = &answer["data"]["attributes"];
    assert_eq!((&first["verdict"], &first["family"]), (&json!("refused"), &json!("vault")));
    assert_eq!(first["findings"][0]["at"], "bound_audiences");
    assert_eq!(first["presented"]["aud"], "acme-vault");
    let subject = first["presented"]["sub"].as_str().expect("a subject").to_owned();
    assert!(subject.ends_with(":run_phase:plan"), "{subject}");

    // The patch is taken, and so is the same policy as pasted text.
    let patched = &first["patch"]["policy"];
    let (_, answer) = asked(&site, json!({ "family": "vault", "policy": patched })).await;
    assert_eq!(answer["data"]["attributes"]["verdict"], "accepted", "{answer}");
    let (_, answer) =
        asked(&site, json!({ "policy": role(&subject, "acme-vault").to_string(), "phase": "apply" })).await;
    assert_eq!(answer["data"]["attributes"]["findings"][0]["cause"], "other-phase", "{answer}");
}

#[tokio::test]
async fn what_cannot_be_judged_is_refused_where_it_was_said() {
    let site = Site::new().await;
    let policy = role("organization:acme", "a");
    let cases = [
        (json!({}), "/data/attributes/policy"),
        (json!({ "policy": "{" }), "/data/attributes/policy"),
        (json!({ "policy": { "x": 1 } }), "/data/attributes/family"),
        (json!({ "policy": policy, "family": "hcp" }), "/data/attributes/family"),
        (json!({ "policy": policy, "phase": "destroy" }), "/data/attributes/phase"),
        (json!({ "policy": policy }), "/data/attributes/audience"),
    ];
    for (attributes, pointer) in cases {
        let (status, answer) = asked(&site, attributes).await;
        assert_eq!((status, &answer["errors"][0]["source"]["pointer"]), (422, &json!(pointer)), "{answer}");
    }
}

#[tokio::test]
async fn a_sensitive_value_is_never_part_of_the_answer() {
    let site = Site::new().await;
    for (key, value, is_sensitive) in [
        ("TFC_VAULT_PROVIDER_AUTH", "true", false),
        ("TFC_VAULT_ADDR", "https://vault.example.com", false),
        ("TFC_VAULT_RUN_ROLE", "net", true),
        ("TFC_VAULT_WORKLOAD_IDENTITY_AUDIENCE", "of-nobody-else", true),
    ] {
        set(&site, key, value, is_sensitive).await;
    }
    let (status, answer) = asked(&site, json!({ "policy": role("organization:acme", "a") })).await;
    assert_eq!(status, 422, "{answer}");
    assert!(!answer.to_string().contains("of-nobody-else"), "{answer}");
    let claims = json!({ "iss": "https://h", "sub": "organization:acme", "aud": "a", "terraform_workspace_id": "ws-1" });
    let (status, answer) =
        asked(&site, json!({ "policy": role("organization:acme", "a"), "claims": claims })).await;
    assert_eq!(
        (status, &answer["data"]["attributes"]["findings"][0]["cause"]),
        (200, &json!("time-missing")),
        "{answer}"
    );
}

#[tokio::test]
async fn what_would_stop_the_server_is_refused() {
    let site = Site::new().await;
    let list = format!("[{}]", ["1"; 40].join(","));
    let repeated =
        "abcdef".chars().fold("true".to_owned(), |inner, name| format!("{list}.all({name}, {inner})"));
    let grown =
        format!("['{}']{}.exists(y, y == '')", "a".repeat(60), ".map(x, x.replace('a', x))".repeat(4));
    let claims = json!({ "iss": "https://h", "sub": "s", "aud": "a" });
    for condition in ["(".repeat(500) + "true" + &")".repeat(500), "[".repeat(2000), repeated, grown] {
        let policy = json!({ "attributeMapping": { "google.subject": "assertion.sub" }, "attributeCondition": condition,
                             "oidc": { "issuerUri": "https://h", "allowedAudiences": ["a"] } });
        let asked = asked(&site, json!({ "family": "gcp", "policy": policy, "claims": claims })).await;
        assert_eq!(
            (asked.0, &asked.1["data"]["attributes"]["findings"][0]["cause"]),
            (200, &json!("too-costly")),
            "{condition}"
        );
    }
    // The parser has no more than a judgement's stack for what is allowed.
    let policy = json!({ "attributeMapping": { "google.subject": "assertion.sub" },
                         "attributeCondition": "(".repeat(32) + "true" + &")".repeat(32),
                         "oidc": { "issuerUri": "https://h", "allowedAudiences": ["a"] } });
    let (_, answer) = asked(&site, json!({ "policy": policy, "claims": claims })).await;
    assert_eq!(answer["data"]["attributes"]["verdict"], "accepted", "{answer}");
}

#[tokio::test]
async fn other_requests_are_answered_while_policies_are_judged() {
    let site = Site::new().await;
    let busy = super::JUDGES.acquire_many(2).await.expect("nobody closes it");
    let claims =
        json!({ "iss": "https://h", "sub": "s", "aud": "a", "exp": 1, "terraform_workspace_id": "ws-1" });
    let waits = asked(&site, json!({ "policy": role("s", "a"), "claims": claims }));
    let others = async {
        // A judgement that waits has no transaction that a change would wait for.
        set(&site, "KEY", "value", false).await;
        drop(busy);
    };
    let ((status, answer), ()) = tokio::join!(waits, others);
    assert_eq!((status, &answer["data"]["attributes"]["family"]), (200, &json!("vault")), "{answer}");
}

#[tokio::test]
async fn work_without_an_end_is_given_up_and_keeps_its_place() {
    static PLACES: Semaphore = Semaphore::const_new(1);
    let moment = Duration::from_millis(20);
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let endless = apart(&PLACES, moment, move || ended.recv().is_ok()).await;
    assert!(
        matches!(&endless, Err(ApiError::Invalid { detail, .. }) if detail.contains("was not judged within")),
        "{endless:?}"
    );
    // It goes on, and nobody takes its place.
    let next = apart(&PLACES, moment, || ()).await;
    assert!(matches!(next, Err(ApiError::Unavailable(_))), "{next:?}");
    end.send(()).expect("it waits");
    let next = apart(&PLACES, Duration::from_secs(60), || "judged").await;
    assert!(matches!(next, Ok("judged")), "{next:?}");
}
