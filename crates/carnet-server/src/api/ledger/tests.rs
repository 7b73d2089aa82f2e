use std::time::Duration;

use carnet_issuer::{Jwks, read_checkpoint};
use carnet_model::{LedgerChain, LedgerEntry, LedgerRecord, LedgerSummary, LedgerVerifier};
use carnet_store::testing::{rewrite_chain, tamper};
use serde_json::{Value, json};

use crate::api::tests::Site;
use crate::jobs::make_checkpoints;
use crate::testing::{ADMIN, FakeAgent, Project, TestServer};

async fn read(server: &TestServer, path: &str, token: &str) -> Value {
    let (status, body) = server.request("GET", path, token, Value::Null).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// The entries of a chain, page by page, verified with the checkpoints that the server gives.
async fn verified(server: &TestServer, path: &str, token: &str) -> (Vec<LedgerEntry>, LedgerSummary) {
    let of = read(server, &format!("{path}/checkpoints"), token).await;
    let keys: Jwks = serde_json::from_value(of["jwks"].clone()).expect("keys");
    let signed = of["checkpoints"].as_array().expect("a list").iter();
    let checkpoints: Vec<_> = signed
        .map(|one| read_checkpoint(one["jws"].as_str().expect("a text"), &keys).expect("verified").checkpoint)
        .collect();
    let chain: LedgerChain = of["chain"].as_str().expect("a chain").parse().expect("a chain");
    let mut verifier = LedgerVerifier::new(chain, checkpoints);
    let (mut entries, mut after) = (Vec::new(), Some(0));
    while let Some(place) = after {
        let page = read(server, &format!("{path}?limit=2&after={place}"), token).await;
        for entry in page["entries"].as_array().expect("a list") {
            let said = LedgerEntry::from_json(entry["entry"].clone()).expect("an entry");
            let record = LedgerRecord {
                sequence: entry["sequence"].as_u64().expect("a number"),
                entry: said.canonical(),
                hash: entry["hash"].as_str().expect("a hash").to_owned(),
                recorded_at: serde_json::from_value(entry["recorded_at"].clone()).expect("a time"),
            };
            entries.push(verifier.check(&record).expect("verified"));
        }
        after = page["next_after"].as_u64();
    }
    (entries, verifier.finish().expect("verified"))
}

fn told(entries: &[LedgerEntry]) -> Vec<(&str, &str)> {
    entries.iter().map(|entry| (entry.kind.as_str(), entry.facts["outcome"].as_str())).collect()
}

const ACME: &str = "/api/carnet/v1/organizations/acme/ledger";

#[tokio::test]
async fn a_run_can_be_followed_from_its_maker_to_its_last_credential() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let before = verified(&project.server, ACME, &project.token).await.0.len();
    let plan = agent.claim().await;
    let (_, minted) = plan.mint().await;
    let entry = |outcome: &str, renewals: u32, revocation: &str| {
        json!({ "entries": [{
            "family": "vault", "tag": null, "audience": "vault.workload.identity", "subject": "s", "role": "deployer",
            "jti": minted["jti"], "life_seconds": 60, "renewals": renewals, "expires_at": null, "outcome": outcome,
            "detail": "", "identity": ["entity 1"], "leases": [{
                "address": "https://vault.example.com", "namespace": null, "accessor": "acc", "ends_at": null,
                "revocation": revocation, "detail": "",
            }],
        }] })
    };
    for report in
        [entry("held", 0, "outstanding"), entry("held", 1, "outstanding"), entry("ended", 1, "revoked")]
    {
        assert_eq!(plan.put("credentials", report.to_string().as_bytes()).await.status, 204);
    }
    plan.succeed().await;
    assert_eq!(plan.mint().await.0, 410);
    assert_eq!(project.act(&run, "apply").await, 202);
    let apply = agent.claim().await;
    assert_eq!(apply.mint().await.0, 201);
    let (entries, _) = verified(&project.server, ACME, &project.token).await;
    let entries = &entries[before..];
    assert_eq!(
        told(entries),
        [
            ("mint", "minted"),
            ("exchange", "obtained"),
            ("renewal", "renewed"),
            ("revocation", "revoked"),
            ("refusal", "refused_out_of_turn"),
            ("mint", "minted"),
        ]
    );
    for entry in entries {
        assert_eq!(entry.facts["run"], run["id"].as_str().expect("an id"));
        assert!(entry.facts["actor"].starts_with("user-"), "{entry:?}");
        assert!(!entry.facts["actor_name"].is_empty());
    }
    let (first, exchange, last) = (&entries[0].facts, &entries[1].facts, &entries[5].facts);
    assert_eq!(first["jti"], minted["jti"].as_str().expect("an id"));
    assert_eq!((first["phase"].as_str(), first.get("approver")), ("plan", None));
    assert_eq!((exchange["role"].as_str(), exchange["source"].as_str()), ("deployer", "agent"));
    assert_eq!((last["phase"].as_str(), &last["approver"]), ("apply", &last["actor"]));
}

#[tokio::test]
async fn checkpoints_are_signed_when_they_are_due_and_outlive_their_keys() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    agent.claim().await.mint().await;
    let app = &project.server.app;
    assert_eq!(make_checkpoints(app).await.expect("made"), 0, "nothing is due yet");
    project.server.advance(Duration::from_secs(300));
    assert!(make_checkpoints(app).await.expect("made") > 0);
    assert_eq!(make_checkpoints(app).await.expect("made"), 0);
    let kid = app.issuer.known().ring().current().expect("a key").kid().to_string();
    for action in ["rotate", "trim"] {
        project.server.advance(Duration::from_secs(24 * 3600));
        let path = format!("/api/v2/admin/oidc-settings/actions/{action}-key");
        assert_eq!(project.server.request("POST", &path, ADMIN, Value::Null).await.0, 204);
    }
    assert!(app.issuer.known().ring().find(&kid).is_none(), "the key is published no longer");
    let (entries, summary) = verified(&project.server, ACME, &project.token).await;
    assert_eq!(summary.covered, Some(entries.len() as u64));
    make_checkpoints(app).await.expect("made");
    let (site, summary) = verified(&project.server, "/api/carnet/v1/admin/ledgers/site", ADMIN).await;
    let keys: Vec<_> = site.iter().filter(|entry| entry.kind.as_str() == "key").collect();
    let actions: Vec<&str> = keys.iter().map(|entry| entry.facts["action"].as_str()).collect();
    assert_eq!(actions[actions.len() - 2..], ["remove", "trim_key"]);
    assert!(actions.contains(&"rotate_key") && actions.contains(&"activate"), "{actions:?}");
    assert_eq!(keys[keys.len() - 2].facts["kid"], kid);
    assert_eq!(summary.covered, Some(summary.entries));
}

#[tokio::test]
async fn changes_of_trust_are_entries_without_what_was_written() {
    let site = Site::new().await;
    let before = verified(&site.server, ACME, &site.owner).await.0.len();
    let mut ids = Vec::new();
    for (key, value) in [("TFC_AWS_RUN_ROLE_ARN", "arn:aws:iam::1:role/hush"), ("region", "eu")] {
        let attributes = json!({ "key": key, "value": value, "category": "env", "sensitive": true });
        let body = json!({ "data": { "type": "vars", "attributes": attributes } });
        let (status, made) =
            site.server.request("POST", &site.workspace_path("/vars"), &site.owner, body).await;
        assert_eq!(status, 201);
        ids.push(made["data"]["id"].as_str().expect("an id").to_owned());
    }
    for id in &ids {
        let path = site.workspace_path(&format!("/vars/{id}"));
        assert_eq!(site.server.request("DELETE", &path, &site.owner, Value::Null).await.0, 204);
    }
    let (entries, _) = verified(&site.server, ACME, &site.owner).await;
    let entries = &entries[before..];
    let found: Vec<(&str, &str)> = entries
        .iter()
        .map(|entry| (entry.facts["action"].as_str(), entry.facts["setting"].as_str()))
        .collect();
    assert_eq!(found, [("create", "TFC_AWS_RUN_ROLE_ARN"), ("destroy", "TFC_AWS_RUN_ROLE_ARN")]);
    assert!(entries[0].facts["actor"].starts_with("user-"));
    assert!(!format!("{entries:?}").contains("hush"));
}

#[tokio::test]
async fn the_ledger_is_for_auditors() {
    let site = Site::new().await;
    let (_, stranger) = site.server.user("mallory").await;
    let status = async |path: &str, token: &str| site.server.request("GET", path, token, Value::Null).await.0;
    for path in [ACME, "/api/carnet/v1/organizations/acme/ledger/checkpoints"] {
        assert_eq!(status(path, &site.owner).await, 200);
        assert_eq!(status(path, &stranger).await, 404);
    }
    for path in ["/api/carnet/v1/admin/ledgers", "/api/carnet/v1/admin/ledgers/site"] {
        assert_eq!(status(path, ADMIN).await, 200);
        assert_eq!(status(path, &site.owner).await, 404);
    }
    assert_eq!(status("/api/carnet/v1/admin/ledgers/nowhere", ADMIN).await, 404);
    assert_eq!(status(&format!("{ACME}?limit=0"), &site.owner).await, 400);
    assert_eq!(status(&format!("{ACME}?since=yesterday"), &site.owner).await, 400);
}

#[tokio::test]
async fn the_chain_of_an_organization_outlives_it() {
    let site = Site::new().await;
    let id = site.organization.id.to_string();
    let path = "/api/v2/organizations/acme";
    assert_eq!(site.server.request("DELETE", path, &site.owner, Value::Null).await.0, 204);
    let (entries, _) = verified(&site.server, &format!("/api/carnet/v1/admin/ledgers/{id}"), ADMIN).await;
    let last = &entries.last().expect("an entry").facts;
    assert_eq!((last["resource_type"].as_str(), last["action"].as_str()), ("organization", "destroy"));
}

#[tokio::test]
async fn a_page_can_be_asked_for_by_time() {
    let site = Site::new().await;
    let rename = async |description: &str| {
        let body = json!({ "data": { "type": "workspaces", "attributes": { "description": description } } });
        site.server.request("PATCH", &site.workspace_path(""), &site.owner, body).await
    };
    rename("one").await;
    site.server.advance(Duration::from_secs(60));
    let moment = site.server.app.now();
    rename("two").await;
    site.server.advance(Duration::from_secs(60));
    let all = read(&site.server, ACME, &site.owner).await;
    let count = all["entries"].as_array().expect("a list").len();
    let of = async |query: String| read(&site.server, &format!("{ACME}?{query}"), &site.owner).await;
    let younger = of(format!("since={moment}")).await;
    let found = younger["entries"].as_array().expect("a list");
    assert_eq!(found.len(), 1);
    assert_eq!(younger["previous"], all["entries"][count - 2]["hash"]);
    let older = of(format!("until={moment}")).await;
    assert_eq!(older["entries"].as_array().expect("a list").len(), count - 1);
    let none = of(format!("since={}", site.server.app.now())).await;
    assert_eq!(none["entries"], json!([]));
}

/// Makes the checkpoints of everything that is open.
async fn checkpoints(server: &TestServer) -> usize {
    server.advance(Duration::from_secs(300));
    make_checkpoints(&server.app).await.expect("made")
}

async fn rename(site: &Site, description: &str) {
    let body = json!({ "data": { "type": "workspaces", "attributes": { "description": description } } });
    let (status, _) = site.server.request("PATCH", &site.workspace_path(""), &site.owner, body).await;
    assert_eq!(status, 200);
}

/// A site whose chains were signed twice.
async fn signed_site() -> (Site, LedgerChain) {
    let site = Site::new().await;
    rename(&site, "zero").await;
    checkpoints(&site.server).await;
    for description in ["one", "two", "three"] {
        rename(&site, description).await;
    }
    assert!(checkpoints(&site.server).await > 0);
    // The site's chain was told of them and gets its own a round later.
    while checkpoints(&site.server).await > 0 {}
    let chain = LedgerChain::Organization(site.organization.id.clone());
    (site, chain)
}

/// What the server says about a ledger that is not what it signed.
async fn alarm(site: &Site) -> String {
    assert_eq!(checkpoints(&site.server).await, 0, "nothing is signed");
    assert!(site.server.app.ledger.has_fault());
    let head = read(&site.server, ACME, &site.owner).await["head"].clone();
    assert_eq!(head["checkpoint_sequence"], 0, "{head}");
    head["fault"].as_str().expect("a fault").to_owned()
}

const REOPEN: &str = "UPDATE ledger_heads SET open_since = 0";

#[tokio::test]
async fn a_chain_that_was_written_anew_is_not_signed() {
    let (site, chain) = signed_site().await;
    rewrite_chain(&site.server.app.store, &chain, |entries| drop(entries.remove(2))).await.expect("done");
    let fault = alarm(&site).await;
    assert!(fault.contains("but none was signed") || fault.contains("not what was signed"), "{fault}");
}

#[tokio::test]
async fn a_chain_that_was_written_anew_behind_its_place_is_not_signed() {
    let (site, chain) = signed_site().await;
    // The same length, and everybody is told of a head that fits.
    rewrite_chain(&site.server.app.store, &chain, |entries| {
        entries[2].facts.insert("actor".to_owned(), "user-somebodyelse".to_owned());
    })
    .await
    .expect("done");
    let fault = alarm(&site).await;
    assert!(fault.contains("not what was signed when it was the last"), "{fault}");
}

#[tokio::test]
async fn nothing_is_signed_when_the_seals_are_gone() {
    for sql in ["DELETE FROM ledger_seals WHERE chain <> 'site'", "DELETE FROM ledger_seals"] {
        let (site, chain) = signed_site().await;
        let store = &site.server.app.store;
        rewrite_chain(store, &chain, |entries| drop(entries.remove(2))).await.expect("done");
        tamper(store, sql).await.expect("done");
        assert!(alarm(&site).await.contains("seals were removed"), "{sql}");
    }
    let (site, chain) = signed_site().await;
    let store = &site.server.app.store;
    rewrite_chain(store, &chain, |entries| drop(entries.remove(2))).await.expect("done");
    tamper(store, "DELETE FROM ledger_seals; DELETE FROM meta WHERE key = 'ledger-seal'")
        .await
        .expect("done");
    assert!(alarm(&site).await.contains("the sealed number of checkpoints is missing"));
}

#[tokio::test]
async fn everything_put_back_to_an_older_state_is_noticed_while_the_server_runs() {
    let site = Site::new().await;
    let store = &site.server.app.store;
    checkpoints(&site.server).await;
    let keep = "CREATE TABLE old_seals AS SELECT * FROM ledger_seals; \
                CREATE TABLE old_meta AS SELECT * FROM meta WHERE key = 'ledger-seal'";
    tamper(store, keep).await.expect("done");
    rename(&site, "one").await;
    assert!(checkpoints(&site.server).await > 0);
    let back = "DELETE FROM ledger_seals; INSERT INTO ledger_seals SELECT * FROM old_seals; \
                DELETE FROM meta WHERE key = 'ledger-seal'; INSERT INTO meta SELECT * FROM old_meta";
    tamper(store, back).await.expect("done");
    tamper(store, REOPEN).await.expect("done");
    assert_eq!(checkpoints(&site.server).await, 0);
    assert!(site.server.app.ledger.has_fault());
}

#[tokio::test]
async fn one_chain_that_was_changed_keeps_no_other_from_its_checkpoints() {
    let (site, chain) = signed_site().await;
    rewrite_chain(&site.server.app.store, &chain, |entries| drop(entries.remove(2))).await.expect("done");
    site.server.request("POST", "/api/v2/admin/oidc-settings/actions/rotate-key", ADMIN, Value::Null).await;
    assert_eq!(checkpoints(&site.server).await, 1, "the site's own");
    let heads = read(&site.server, "/api/carnet/v1/admin/ledgers", ADMIN).await;
    let faults: Vec<bool> =
        heads["chains"].as_array().expect("a list").iter().map(|head| head["fault"].is_string()).collect();
    assert_eq!(faults.iter().filter(|is_faulty| **is_faulty).count(), 1, "{heads}");
}

#[tokio::test]
async fn a_chain_that_grew_by_very_much_gets_its_checkpoints_one_after_the_other() {
    let (site, chain) = signed_site().await;
    let mut tx = site.server.app.store.write().await.expect("a transaction");
    let LedgerChain::Organization(id) = &chain else { panic!("of an organization") };
    for _ in 0..10_500 {
        tx.record(carnet_model::LedgerFact::of(id, carnet_model::LedgerKind::Setting, site.server.app.now()));
    }
    tx.commit().await.expect("committed");
    let covered = async || read(&site.server, ACME, &site.owner).await["head"]["checkpoint_sequence"].clone();
    let before = covered().await.as_u64().expect("a number");
    make_checkpoints(&site.server.app).await.expect("made");
    assert_eq!(covered().await, before + 10_000);
    checkpoints(&site.server).await;
    assert_eq!(covered().await, before + 10_500);
}

#[tokio::test]
async fn the_chain_of_the_site_tells_of_the_checkpoints_of_others() {
    let (site, chain) = signed_site().await;
    let (entries, _) = verified(&site.server, "/api/carnet/v1/admin/ledgers/site", ADMIN).await;
    let told: Vec<_> = entries.iter().filter(|entry| entry.kind.as_str() == "checkpoint").collect();
    assert_eq!(told.len(), 2);
    let head = read(&site.server, ACME, &site.owner).await["head"].clone();
    let last = &told[1].facts;
    assert_eq!(last["resource"], chain.to_string());
    assert_eq!(
        (last["covers"].as_str(), &json!(last["hash"])),
        (head["sequence"].to_string().as_str(), &head["hash"])
    );
}

#[tokio::test]
async fn a_chain_without_a_head_is_there_and_one_without_entries_is_not() {
    let (site, chain) = signed_site().await;
    tamper(&site.server.app.store, "DELETE FROM ledger_heads").await.expect("done");
    let path = format!("/api/carnet/v1/admin/ledgers/{chain}");
    let found = read(&site.server, &path, ADMIN).await;
    assert_eq!(found["head"], Value::Null);
    assert!(!found["entries"].as_array().expect("a list").is_empty());
    let nobody = carnet_model::OrgId::from_entropy([9; 16]);
    let path = format!("/api/carnet/v1/admin/ledgers/{nobody}");
    assert_eq!(site.server.request("GET", &path, ADMIN, Value::Null).await.0, 404);
    let body = json!({ "data": { "type": "workspaces", "attributes": { "description": "more" } } });
    let (status, _) = site.server.request("PATCH", &site.workspace_path(""), &site.owner, body).await;
    assert_eq!(status, 500, "the server, not the request, is at fault");
}
