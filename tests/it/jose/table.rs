//! One table: who judges, what is judged, and what everybody must say about it.

use std::time::Duration;

use anyhow::Context;
use carnet_model::{Phase, Timestamp, WorkloadIdentity};
use carnet_tests::{
    CarnetServer, CertificateAuthority, Forgery, IssuerServer, JsonClient, ServerOptions, TrustedIssuer,
    Witness,
};
use futures_util::future::try_join_all;
use serde_json::Value;

use super::verifiers::{Expected, Verifier};
use crate::site::{ORGANIZATION, claims, id, script, status, with, workspace};

const AUDIENCE: &str = "api.example";
const OTHER_AUDIENCE: &str = "other.example";

/// A token under its name, and whether it is a right one.
struct Specimen {
    name: String,
    token: String,
    is_right: bool,
}

fn specimen(name: &str, token: String, is_right: bool) -> Specimen {
    Specimen { name: name.to_owned(), token, is_right }
}

/// A good token and everything that somebody else can make of it.
async fn with_forgeries(good: String, jwks: Value) -> anyhow::Result<Vec<Specimen>> {
    let forging = move || {
        let mut specimens = vec![specimen("good", good.clone(), true)];
        for forgery in Forgery::ALL {
            specimens.push(specimen(&format!("{forgery:?}"), forgery.forge(&good, &jwks)?, false));
        }
        anyhow::Ok(specimens)
    };
    tokio::task::spawn_blocking(forging).await?
}

/// Everybody must accept the right tokens and refuse the others.
async fn check(expected: &Expected<'_>, specimens: &[Specimen]) -> anyhow::Result<()> {
    let verifiers = Verifier::all(expected).await?;
    assert!(verifiers.len() >= 6);
    let tokens: Vec<String> = specimens.iter().map(|specimen| specimen.token.clone()).collect();
    let judging = verifiers.iter().map(async |verifier| {
        verifier.judge(&tokens).await.with_context(|| format!("{} did not judge", verifier.name()))
    });
    let verdicts = try_join_all(judging).await?;
    let mut mistakes = Vec::new();
    for (verifier, verdicts) in verifiers.iter().zip(&verdicts) {
        for (specimen, verdict) in specimens.iter().zip(verdicts) {
            if verdict.is_ok() != specimen.is_right {
                mistakes.push(format!("{} says of {}: {verdict:?}", verifier.name(), specimen.name));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    Ok(())
}

async fn key_set(url: &str, ca_pem: &str) -> anyhow::Result<Value> {
    JsonClient::new(url, Some(ca_pem))?.request("GET", "/.well-known/jwks", None).await?.success()
}

#[expect(clippy::disallowed_methods, reason = "the verifiers compare tokens with the real time")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[tokio::test]
async fn everybody_accepts_the_right_tokens_and_no_others() -> anyhow::Result<()> {
    let ca = CertificateAuthority::new()?;
    let (issuer, stranger) = (IssuerServer::start(&ca).await?, IssuerServer::start(&ca).await?);
    let identity = WorkloadIdentity {
        organization_id: "org-AAAAAAAAAAAAAAAA".parse()?,
        organization_name: ORGANIZATION.parse()?,
        project_id: "prj-AAAAAAAAAAAAAAAA".parse()?,
        project_name: "Default Project".parse()?,
        workspace_id: "ws-AAAAAAAAAAAAAAAA".parse()?,
        workspace_name: "net".parse()?,
        run_id: "run-AAAAAAAAAAAAAAAA".parse()?,
        phase: Phase::Plan,
    };
    let jwks = key_set(&issuer.url(), ca.pem()).await?;
    let hour = Duration::from_secs(3600);
    let mut specimens = with_forgeries(issuer.mint(&identity, AUDIENCE, now())?, jwks).await?;
    specimens.extend([
        specimen("second", issuer.mint(&identity, AUDIENCE, now())?, true),
        specimen("other audience", issuer.mint(&identity, OTHER_AUDIENCE, now())?, false),
        specimen("other issuer", stranger.mint(&identity, AUDIENCE, now())?, false),
        specimen("expired", issuer.mint(&identity, AUDIENCE, now() - hour)?, false),
        specimen("not yet valid", issuer.mint(&identity, AUDIENCE, now() + hour)?, false),
    ]);
    let expected = Expected {
        issuer: TrustedIssuer { url: issuer.url(), ca_pem: ca.pem().to_owned() },
        issuer_ca: ca.pem_file(),
        audience: AUDIENCE,
        subject: &identity.subject(),
    };
    check(&expected, &specimens).await
}

#[tokio::test]
async fn everybody_accepts_the_tokens_of_a_run() -> anyhow::Result<()> {
    let (server, witness) =
        tokio::try_join!(CarnetServer::start(ServerOptions::default()), Witness::start())?;
    let api = server.api()?;
    api.create_organization(ORGANIZATION).await?;
    let variables = [
        ("TFC_WORKLOAD_IDENTITY_AUDIENCE", AUDIENCE),
        ("TFC_WORKLOAD_IDENTITY_AUDIENCE_OTHER", OTHER_AUDIENCE),
    ];
    let workspace = workspace(&api, ORGANIZATION, "net", &with(&Vec::new(), &variables)).await?;
    let [own, other] = ["TFC_WORKLOAD_IDENTITY_TOKEN", "TFC_WORKLOAD_IDENTITY_TOKEN_OTHER"];
    // The run ends after everybody has judged: its tokens are good for its phase only.
    let commands = [own, other].map(|name| format!("printf %s \"${name}\" | {}\n", witness.hear(name)));
    let configuration = script("holder", &format!("{}{}", commands.concat(), witness.wait_at("judged")));
    let attributes = serde_json::json!({"auto-apply": true});
    let run = api.start_run(&workspace, &configuration, attributes).await?;

    let good = witness.statement(own).await?;
    assert_eq!(claims(&good)?["terraform_run_id"], *run);
    let mut specimens = with_forgeries(good, key_set(&server.url(), server.ca_pem()).await?).await?;
    specimens.push(specimen("other audience", witness.statement(other).await?, false));
    let expected = Expected {
        issuer: TrustedIssuer { url: server.url(), ca_pem: server.ca_pem().to_owned() },
        issuer_ca: server.ca_file(),
        audience: AUDIENCE,
        subject: "organization:acme:project:Default Project:workspace:net:run_phase:apply",
    };
    check(&expected, &specimens).await?;
    witness.open("judged");
    let run = api.wait_for_status(&run, &["applied"]).await?;
    assert_eq!(status(&run), "applied", "{}", id(&run));
    Ok(())
}
