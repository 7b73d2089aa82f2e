use std::time::Duration;

use carnet_issuer::{Expected, verify_token};
use serde_json::{Value, json};

use crate::oidc::issuer_of;
use crate::testing::{ADMIN, FakeAgent, FakeJob, Project, URL};

const ISSUERS: &str = "/api/carnet/v1/admin/issuers";

fn attributes(attributes: Value) -> Value {
    json!({ "data": { "type": "issuers", "attributes": attributes } })
}

async fn keys(project: &Project, issuer: &str) -> Vec<(String, String)> {
    let (status, answer) =
        project.server.request("GET", &format!("{ISSUERS}/{issuer}/keys"), ADMIN, Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let keys = answer["keys"].as_array().expect("a list");
    keys.iter().map(|key| (text(&key["state"]), text(&key["kid"]))).collect()
}

async fn jwks(project: &Project, path: &str) -> carnet_issuer::Jwks {
    let answer = project.server.call("GET", &format!("{path}/.well-known/jwks"), "", Value::Null).await;
    assert_eq!(answer.status, 200);
    serde_json::from_value(answer.json()).expect("a key set")
}

async fn claims(project: &Project, path: &str, minted: &Value) -> Option<(String, Value)> {
    let discovery = format!("{path}/.well-known/openid-configuration");
    let discovery = project.server.call("GET", &discovery, "", Value::Null).await.json();
    let issuer = discovery["issuer"].as_str().expect("text").parse().expect("a URL");
    let audience = "vault.workload.identity".parse().expect("an audience");
    let expected = Expected { issuer: &issuer, audience: &audience };
    let token = minted["token"].as_str().expect("a token");
    let found = verify_token(token, &jwks(project, path).await, expected, project.server.app.now()).ok()?;
    Some((found.kid.to_string(), Value::Object(found.claims)))
}

async fn mint(job: &FakeJob<'_>) -> Value {
    let (status, minted) = job.mint().await;
    assert_eq!(status, 201, "{minted}");
    minted
}

#[tokio::test]
async fn a_graceful_rotation_is_asked_for_and_watched() {
    let project = Project::new().await;
    let server = &project.server;
    let rotate = format!("{ISSUERS}/site/actions/rotate");
    let (status, answer) =
        server.request("POST", &rotate, ADMIN, attributes(json!({ "announcement-seconds": 0 }))).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["issuer"]["url"], URL);
    let published = answer["keys"].as_array().expect("a list").iter().find(|key| key["state"] == "published");
    let published = published.expect("the new key");
    assert_eq!(published["next_step"], "activate");
    assert_eq!(published["next_step_at"], "2026-01-05T10:06:00Z", "300 seconds of max-age and 60 of leeway");
    let (status, refused) = server.request("POST", &rotate, ADMIN, attributes(json!({}))).await;
    assert_eq!(status, 409, "{refused}");
    let refused = refused.to_string();
    assert!(
        refused.contains("is published already and signs at 2026-01-05T10:06:00Z, by itself"),
        "{refused}"
    );
    assert!(refused.contains("another key is made that signs now"), "{refused}");
    let waits = ["announcement_seconds", "wait_seconds"].map(|member| published[member].clone());
    assert_eq!(waits, [json!(0), json!(360)]);
    assert_eq!(answer["consequences"], json!([]));
    let (status, answer) =
        server.request("POST", &rotate, ADMIN, attributes(json!({ "at-once": true }))).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer["consequences"].to_string().contains("refuse them for up to 300 seconds"), "{answer}");
    let keys = answer["keys"].as_array().expect("a list");
    let mut states: Vec<_> = keys.iter().map(|key| key["state"].as_str().expect("text")).collect();
    states.sort_unstable();
    assert_eq!(states, ["active", "published", "retired"]);
}

#[tokio::test]
async fn a_revoked_key_ends_at_once_and_everything_it_served_is_listed() {
    let project = Project::new().await;
    let server = &project.server;
    let agent = FakeAgent::new(server).await;
    let run = project.run(json!({})).await;
    let job = agent.claim().await;
    let old = mint(&job).await;
    let (kid, _) = claims(&project, "", &old).await.expect("verified");

    let revoke = format!("{ISSUERS}/site/actions/revoke");
    let (status, report) = server.request("POST", &revoke, ADMIN, attributes(json!({ "kid": kid }))).await;
    assert_eq!(status, 200, "{report}");
    let replacement = report["replacement"].as_str().expect("a key").to_owned();
    assert_eq!((&report["was"], &report["tokens_alive"]), (&json!("active"), &json!(1)));
    assert_eq!(claims(&project, "", &old).await, None, "the key is not in the key set");
    let new = mint(&job).await;
    assert_eq!(claims(&project, "", &new).await.expect("verified").0, replacement, "the job goes on");

    let path = format!("{ISSUERS}/site/keys/{kid}/tokens");
    let (status, served) = server.request("GET", &path, ADMIN, Value::Null).await;
    assert_eq!((status, &served["total"]), (200, &json!(1)), "{served}");
    let token = &served["tokens"][0];
    assert_eq!((&token["jti"], &token["run_id"]), (&old["jti"], &run["id"]));
    assert_eq!(token["workspace"], "net");
    server.advance(Duration::from_secs(3600));
    let ever = server.request("GET", &format!("{path}?ever=true"), ADMIN, Value::Null).await.1;
    let alive = server.request("GET", &path, ADMIN, Value::Null).await.1;
    assert_eq!((&ever["total"], &alive["total"]), (&json!(1), &json!(0)));

    let told = report["consequences"].to_string();
    assert!(told.contains("OpenBao and Vault read the key set again only when"), "{told}");
    let entries = async || {
        let path = "/api/carnet/v1/admin/ledgers/site?limit=500";
        let page = server.request("GET", path, ADMIN, Value::Null).await.1;
        let entries = page["entries"].as_array().expect("a list").iter();
        entries.map(|one| one["entry"].clone()).collect::<Vec<_>>()
    };
    let recorded = entries().await;
    let asked = recorded.iter().find(|entry| entry["action"] == "revoke" && entry["actor"].is_string());
    assert_eq!(asked.map(|entry| &entry["kid"]), Some(&json!(kid)), "{recorded:#?}");

    // Neither rotation nor a second revocation brings it back.
    let (_, again) = server.request("POST", &revoke, ADMIN, attributes(json!({ "kid": kid }))).await;
    assert_eq!((&again["was"], &again["replacement"]), (&json!("revoked"), &Value::Null));
    assert_eq!(entries().await.len(), recorded.len(), "nothing was changed");
    let listed = keys(&project, "site").await;
    assert_eq!(listed, [("active".to_owned(), replacement), ("revoked".to_owned(), kid.clone())]);
    let stored = server.app.store.read().await.expect("read").key_record(&kid).await.expect("read");
    assert!(stored.is_some());
    let (status, _) = server.request("POST", &revoke, ADMIN, attributes(json!({ "kid": "unknown" }))).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn pages_of_tokens_miss_none_although_others_end_meanwhile() {
    let project = Project::new().await;
    let server = &project.server;
    project.set_env("TFC_AWS_PROVIDER_AUTH", "true").await;
    project.set_env("TFC_AWS_RUN_ROLE_ARN", "arn:aws:iam::123456789012:role/deploy").await;
    let agent = FakeAgent::new(server).await;
    project.run(json!({})).await;
    let job = agent.claim().await;
    let mut all = Vec::new();
    for _ in 0..5 {
        let wanted = json!({ "family": "aws", "tag": null, "audience": "aws.workload.identity", "lifetime_seconds": 600 });
        let (status, minted) = job.post("identity-tokens", wanted).await;
        assert_eq!(status, 201, "{minted}");
        all.push(minted["jti"].as_str().expect("text").to_owned());
    }
    let kid = keys(&project, "site").await[0].1.clone();
    let page = async |after: &str| {
        let path = format!("{ISSUERS}/site/keys/{kid}/tokens?page[size]=2&page[after]={after}");
        let (status, answer) = server.request("GET", &path, ADMIN, Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let (mut found, mut after) = (Vec::new(), String::new());
    for expected in [2, 2, 1] {
        let answer = page(&after).await;
        let tokens = answer["tokens"].as_array().expect("a list");
        assert_eq!((tokens.len(), &answer["total"]), (expected, &json!(5)), "{answer}");
        assert_eq!(
            (&tokens[0]["role"], &tokens[0]["role_from"]),
            (&json!("arn:aws:iam::123456789012:role/deploy"), &json!("mint"))
        );
        found.extend(tokens.iter().map(|token| token["jti"].as_str().expect("text").to_owned()));
        after = answer["next"].as_str().unwrap_or_default().to_owned();
        // All of them end while somebody reads; those of the next page were valid when the list began.
        server.advance(Duration::from_secs(3600));
    }
    all.sort_unstable();
    found.sort_unstable();
    assert_eq!((found, after.as_str()), (all, ""));
    assert_eq!(page("").await["total"], json!(0));
    let wrong = format!("{ISSUERS}/site/keys/{kid}/tokens?page[after]=x");
    assert_eq!(server.request("GET", &wrong, ADMIN, Value::Null).await.0, 400);
}

#[tokio::test]
async fn the_organizations_of_a_revoked_key_find_it_in_their_audit_trail() {
    let project = Project::new().await;
    let server = &project.server;
    let agent = FakeAgent::new(server).await;
    project.run(json!({})).await;
    mint(&agent.claim().await).await;
    let kid = keys(&project, "site").await[0].1.clone();
    let body = attributes(json!({ "kid": kid }));
    server.request("POST", &format!("{ISSUERS}/site/actions/revoke"), ADMIN, body).await;
    let mut tx = server.app.store.read().await.expect("a transaction");
    let (events, _) =
        tx.audit_events(&project.organization.id, None, (0, 1000)).await.expect("an audit trail");
    let found = events.iter().find(|event| event.act.resource_type == "signing_key").expect("an entry");
    assert_eq!((found.act.action.as_str(), found.act.resource_id.as_deref()), ("revoke", Some(&*kid)));
}

#[tokio::test]
async fn an_organization_gets_an_issuer_of_its_own_with_keys_of_its_own() {
    let project = Project::new().await;
    let server = &project.server;
    let agent = FakeAgent::new(server).await;
    let (name, id) = (project.organization.name.as_str(), project.organization.id.as_str());
    project.run(json!({})).await;
    let job = agent.claim().await;
    let path = format!("/organizations/{id}");
    let issuer = async |app: &crate::app::App| {
        let mut tx = app.store.read().await.expect("a transaction");
        issuer_of(app, &mut tx, &project.organization.id).await.expect("an issuer").as_str().to_owned()
    };
    let nothing = server.call("GET", &format!("{path}/.well-known/jwks"), "", Value::Null).await;
    assert_eq!(nothing.status, 404);
    let first = mint(&job).await;
    assert_eq!(claims(&project, "", &first).await.expect("verified").1["iss"], URL);

    let (status, made) =
        server.request("POST", ISSUERS, ADMIN, attributes(json!({ "organization": name }))).await;
    assert_eq!((status, &made["url"]), (201, &json!(format!("{URL}{path}"))), "{made}");
    assert_eq!(made["is_minting"], false, "trust can be set up first");
    assert_eq!(issuer(&server.app).await, URL);
    let second = mint(&job).await;
    assert!(claims(&project, "", &second).await.is_some());
    let preview = server.request("GET", &format!("{ISSUERS}/{name}/preview"), ADMIN, Value::Null).await.1;
    assert_eq!(preview["issuer_now"], URL);
    assert_eq!(preview["issuer_then"], format!("{URL}{path}"));
    assert_eq!(preview["trust_used"][0]["audience"], "vault.workload.identity", "{preview}");

    let one = format!("{ISSUERS}/{name}");
    let (status, changed) =
        server.request("PATCH", &one, ADMIN, attributes(json!({ "minting": true }))).await;
    assert_eq!((status, &changed["is_minting"]), (200, &json!(true)));
    let third = mint(&job).await;
    let (kid, claims_now) = claims(&project, &path, &third).await.expect("verified by the own issuer");
    assert_eq!(claims_now["iss"], format!("{URL}{path}"));
    assert_eq!(claims(&project, "", &third).await, None, "not by that of the site");
    assert_eq!(issuer(&server.app).await, format!("{URL}{path}"));
    assert!(jwks(&project, "").await.find(&kid).is_none(), "no key is shared");

    // Rotation and revocation of one leave the other alone.
    let site = keys(&project, "site").await;
    let body = attributes(json!({ "at-once": true }));
    assert_eq!(server.request("POST", &format!("{one}/actions/rotate"), ADMIN, body).await.0, 200);
    let body = attributes(json!({ "kid": kid }));
    assert_eq!(server.request("POST", &format!("{one}/actions/revoke"), ADMIN, body).await.0, 200);
    assert_eq!(keys(&project, "site").await, site);
    let body = attributes(json!({ "kid": site[0].1 }));
    assert_eq!(server.request("POST", &format!("{one}/actions/revoke"), ADMIN, body).await.0, 404);
    assert_eq!(claims(&project, &path, &third).await, None, "revoked");
    assert!(claims(&project, &path, &mint(&job).await).await.is_some());

    assert_eq!(server.request("DELETE", &one, ADMIN, Value::Null).await.0, 409, "it mints");
    server.request("PATCH", &one, ADMIN, attributes(json!({ "minting": false }))).await;
    assert_eq!(server.request("DELETE", &one, ADMIN, Value::Null).await.0, 409, "tokens are valid");
    server.advance(Duration::from_secs(24 * 3600));
    let left = keys(&project, name).await.into_iter().find(|(state, _)| state == "active").expect("a key").1;
    assert_eq!(server.request("DELETE", &one, ADMIN, Value::Null).await.0, 204);
    assert_eq!(server.request("GET", &one, ADMIN, Value::Null).await.0, 404);
    assert!(server.app.issuer.known_of(&project.organization.id).is_none(), "nothing stays in memory");
    let mut tx = server.app.store.read().await.expect("a transaction");
    let (events, _) = tx.audit_events(&project.organization.id, None, (0, 1000)).await.expect("a trail");
    let is_removal = |event: &carnet_model::AuditEvent| {
        event.act.action == "remove" && event.act.resource_id.as_deref() == Some(&*left)
    };
    assert!(events.iter().any(is_removal), "the end of its key is in the audit trail");
}

#[tokio::test]
async fn the_url_of_an_issuer_is_that_of_no_other() {
    let project = Project::new().await;
    let server = &project.server;
    let name = project.organization.name.as_str();
    for url in [URL, &format!("{URL}/organizations/org-other"), "http://elsewhere.example.com", "nonsense"] {
        let body = attributes(json!({ "organization": name, "url": url }));
        assert_eq!(server.request("POST", ISSUERS, ADMIN, body).await.0, 422, "{url}");
    }
    let own = "https://identity.acme.example.com";
    let body = attributes(json!({ "organization": name, "url": own }));
    assert_eq!(server.request("POST", ISSUERS, ADMIN, body.clone()).await.0, 201);
    assert_eq!(server.request("POST", ISSUERS, ADMIN, body).await.0, 409, "one issuer each");
    let path = format!("/organizations/{}/.well-known/openid-configuration", project.organization.id);
    let discovery = server.call("GET", &path, "", Value::Null).await.json();
    assert_eq!(discovery["issuer"], own);
    assert_eq!(discovery["jwks_uri"], format!("{own}/.well-known/jwks"));
    let one = format!("{ISSUERS}/{name}");
    let body = attributes(json!({ "minting": true, "unseen": true }));
    assert_eq!(server.request("PATCH", &one, ADMIN, body).await.0, 200);
    let (status, refused) = server.request("PATCH", &one, ADMIN, attributes(json!({ "url": null }))).await;
    assert_eq!(status, 409, "{refused}");
    let (status, listed) = server.request("GET", ISSUERS, ADMIN, Value::Null).await;
    assert_eq!((status, listed["issuers"].as_array().map(Vec::len)), (200, Some(2)));
}

#[tokio::test]
async fn to_others_nothing_is_there_and_owners_see_their_issuer() {
    let project = Project::new().await;
    let server = &project.server;
    let kid = keys(&project, "site").await[0].1.clone();
    let body = attributes(json!({ "kid": kid, "organization": "acme" }));
    for (method, path) in [
        ("GET", String::new()),
        ("POST", String::new()),
        ("GET", "/site/keys".to_owned()),
        ("GET", format!("/site/keys/{kid}/tokens")),
        ("POST", "/site/actions/rotate".to_owned()),
        ("POST", "/site/actions/trim".to_owned()),
        ("POST", "/site/actions/revoke".to_owned()),
    ] {
        let sent = if method == "GET" { Value::Null } else { body.clone() };
        let path = format!("{ISSUERS}{path}");
        assert_eq!(server.request(method, &path, &project.token, sent).await.0, 404, "{path}");
    }
    let path = format!("/api/carnet/v1/organizations/{}/issuer", project.organization.name);
    let (status, answer) = server.request("GET", &path, &project.token, Value::Null).await;
    assert_eq!((status, &answer["issuer_now"]), (200, &json!(URL)), "{answer}");
}

#[tokio::test]
async fn the_ledger_of_an_organization_tells_who_did_what_to_its_issuer() {
    let project = Project::new().await;
    let id = project.organization.id.to_string();
    let send = async |method: &str, path: &str, given: Value| {
        let (status, answer) =
            project.server.request(method, &format!("{ISSUERS}{path}"), ADMIN, attributes(given)).await;
        assert!((200..300).contains(&status), "{answer}");
    };
    send("POST", "", json!({ "organization": "acme" })).await;
    send("PATCH", &format!("/{id}"), json!({ "minting": true })).await;
    send("POST", &format!("/{id}/actions/rotate"), json!({ "at-once": true })).await;
    let page = project.get("/api/carnet/v1/organizations/acme/ledger").await;
    let entries: Vec<&Value> =
        page["entries"].as_array().expect("a list").iter().map(|one| &one["entry"]).collect();
    let of = |action: &str| {
        let mut found = entries.iter().filter(|one| one["actor"].is_string());
        found.find(|one| one["action"] == action).unwrap_or_else(|| panic!("{action}: {entries:?}"))
    };
    assert_eq!(of("create")["resource"], json!(id));
    assert_eq!(of("create")["after"], json!("{\"minting\":false,\"url\":null}"));
    assert_eq!(of("update")["before"], of("create")["after"]);
    assert_eq!(of("update")["after"], json!("{\"minting\":true,\"url\":null}"));
    assert_eq!(of("rotate")["kind"], "key");
}
