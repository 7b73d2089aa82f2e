//! What the ledger costs: identity tokens recorded in a second, with and without their entry in the chain of the organization.
//!
//! Eight jobs of one organization record at once, which is the worst case: they all append to one chain. The engine is the one that
//! tests use: SQLite, or Postgres through `tools/postgres.py`, which makes nothing durable there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use carnet_benches::report::{Figure, publish};
use carnet_model::{FactName, JobId, LedgerFact, LedgerKind, OrgId, Phase, RunId, Timestamp, WorkspaceId};
use carnet_store::testing::{TestStore, is_on_postgres};
use carnet_store::{IdentityToken, MasterKey, Store};

const JOBS: u8 = 8;
const ROUNDS: u8 = 3;
const TIME: Duration = Duration::from_secs(4);

/// Whether tokens get an entry.
#[derive(Debug, Clone, Copy)]
enum Ledger {
    Off,
    On,
}

fn token(job: u8, number: u64) -> IdentityToken {
    IdentityToken {
        jti: format!("{job}-{number:032}"),
        job_id: JobId::from_entropy([job; 16]),
        run_id: RunId::from_entropy([job; 16]),
        workspace_id: WorkspaceId::from_entropy([job; 16]),
        organization_id: OrgId::from_entropy([1; 16]),
        phase: Phase::Plan,
        family: "vault".to_owned(),
        role: None,
        tag: None,
        audience: "vault.workload.identity".to_owned(),
        subject: "organization:acme:project:Default Project:workspace:net:run_phase:plan".to_owned(),
        claims: serde_json::json!({ "terraform_run_phase": "plan", "terraform_workspace_name": "net" }),
        kid: "0123456789abcdef0123456789abcdef0123456789a".to_owned(),
        issued_at: Timestamp::UNIX_EPOCH,
        expires_at: Timestamp::UNIX_EPOCH,
    }
}

fn fact(token: &IdentityToken) -> LedgerFact {
    LedgerFact::of(&token.organization_id, LedgerKind::Mint, token.issued_at)
        .with(FactName::Run, token.run_id.as_str())
        .with(FactName::Job, token.job_id.as_str())
        .with(FactName::Workspace, token.workspace_id.as_str())
        .with(FactName::Subject, &token.subject)
        .with(FactName::Audience, &token.audience)
        .with(FactName::Jti, &token.jti)
        .with(FactName::Kid, &token.kid)
}

async fn record(store: &Store, token: &IdentityToken, ledger: Ledger) -> anyhow::Result<()> {
    let mut tx = store.write_to_job(&token.job_id).await?;
    tx.insert_identity_token(token).await?;
    if let Ledger::On = ledger {
        tx.record(fact(token));
    }
    Ok(tx.commit().await?)
}

/// Tokens in a second.
async fn measure(store: &Arc<Store>, round: u8, ledger: Ledger) -> anyhow::Result<f64> {
    let start = Instant::now();
    let jobs: Vec<_> = (0..JOBS)
        .map(|job| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let mut count = 0;
                while start.elapsed() < TIME {
                    count += 1;
                    record(&store, &token(round * JOBS + job, count), ledger).await?;
                }
                anyhow::Ok(count)
            })
        })
        .collect();
    let mut total = 0_u64;
    for job in jobs {
        total += job.await??;
    }
    Ok(f64::from(u32::try_from(total)?) / start.elapsed().as_secs_f64())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let place = TestStore::new().await;
    let store = Arc::new(place.open(MasterKey::generate()?).await?);
    let engine = if is_on_postgres() { "postgres" } else { "sqlite" };
    // The two take turns, so that what else the machine does meets both; the median pair counts.
    let mut pairs = Vec::new();
    for round in 0..ROUNDS {
        let without = measure(&store, 2 * round, Ledger::Off).await?;
        let with = measure(&store, 2 * round + 1, Ledger::On).await?;
        pairs.push((with / without, with, without));
    }
    pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (ratio, with, without) = pairs[pairs.len() / 2];
    publish(&Figure {
        name: format!("ledger-{engine}"),
        value: with,
        unit: "tokens/s".to_owned(),
        reference: format!("without entries in the ledger: {without:.0} tokens/s"),
        ratio,
    })
}
