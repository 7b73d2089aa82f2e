//! How many identity tokens one core mints in a second, beside how many signatures `openssl speed` makes.
//!
//! The two take turns on the same core. Every pair gives a ratio, and the median of the ratios counts, so that
//! a machine that is slower for a while does not favour either.

use std::{
    hint::black_box,
    io::Write as _,
    process::Command,
    task::{Context as TaskContext, Poll, Waker},
    time::Duration,
};

use anyhow::{Context as _, anyhow, ensure};
use aws_lc_rs::{
    rand::{self, SystemRandom},
    rsa,
    signature::RSA_PKCS1_SHA256,
};
use carnet_benches::{
    core::{rate_per_second, stay_on_one_core},
    report::{Figure, median, publish},
};
use carnet_issuer::{Expected, Issuer, Jti, KeyRing, MintRequest, MintedToken, SigningKey, verify_token};
use carnet_model::{Phase, Timestamp, WorkloadIdentity};
use secrecy::ExposeSecret as _;

const ROUNDS: usize = 5;
const MINT_TIME: Duration = Duration::from_millis(600);
const RAW_TIME: Duration = Duration::from_millis(200);

/// What one turn of each side gave, in times per second.
struct Round {
    openssl: f64,
    mint: f64,
    raw: f64,
}

fn main() -> anyhow::Result<()> {
    let core = stay_on_one_core().context("cannot stay on one core")?;
    let workload = Workload::new()?;
    workload.check()?;
    let mut out = std::io::stdout();
    writeln!(out, "core {core}, {ROUNDS} rounds, per second of processor time")?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    for number in 0..ROUNDS {
        let round = play(&workload, number)?;
        let Round { openssl, mint, raw } = round;
        writeln!(
            out,
            "  openssl {openssl:8.1}  minted {mint:8.1}  aws-lc raw {raw:8.1}  ratio {:.3}",
            mint / openssl
        )?;
        rounds.push(round);
    }
    let middle = |read: fn(&Round) -> f64| {
        median(&rounds.iter().map(read).collect::<Vec<_>>()).ok_or_else(|| anyhow!("no rounds"))
    };
    let openssl = middle(|round| round.openssl)?;
    writeln!(out, "  raw RSA-2048 signing by aws-lc, SHA-256 included: {:.1}/s", middle(|round| round.raw)?)?;
    publish(&Figure {
        name: "mint-rs256-one-core".to_owned(),
        value: middle(|round| round.mint)?,
        unit: "tokens/s".to_owned(),
        reference: format!("openssl speed rsa2048, one core: {openssl:.1} sign/s"),
        ratio: middle(|round| round.mint / round.openssl)?,
    })
}

/// One turn of each, in an order that changes with every round.
fn play(workload: &Workload, number: usize) -> anyhow::Result<Round> {
    let mint_first = number % 2 == 1;
    let early = if mint_first { Some(workload.mint_rate()?) } else { None };
    let openssl = openssl_rate()?;
    let mint = match early {
        Some(rate) => rate,
        None => workload.mint_rate()?,
    };
    Ok(Round { openssl, mint, raw: workload.raw_rate()? })
}

/// An issuer, a run to mint for, and a bare key for comparison.
struct Workload {
    issuer: Issuer,
    identity: WorkloadIdentity,
    request: MintRequest,
    now: Timestamp,
    raw_key: rsa::KeyPair,
}

impl Workload {
    fn new() -> anyhow::Result<Self> {
        let key = SigningKey::generate()?;
        let raw_key = rsa::KeyPair::from_pkcs8(&key.to_pkcs8()?)?;
        Ok(Self {
            issuer: Issuer::new("https://carnet.example.com".parse()?, KeyRing::single(key)),
            identity: WorkloadIdentity {
                organization_id: "org-GRNbCjYNpBB6NEBH".parse()?,
                organization_name: "acme".parse()?,
                project_id: "prj-vegSA59s1XPwMr2t".parse()?,
                project_name: "Default Project".parse()?,
                workspace_id: "ws-mbsd5E3Ktt5Rg2Xm".parse()?,
                workspace_name: "network-production".parse()?,
                run_id: "run-X3n1AUXNGWbfECsJ".parse()?,
                phase: Phase::Plan,
            },
            request: MintRequest {
                audience: "aws.workload.identity".parse()?,
                lifetime: Duration::from_secs(600),
                jti: Jti::from_entropy([0; 16]),
            },
            now: Timestamp::from_second(1_800_000_000)?,
            raw_key,
        })
    }

    /// Makes sure that what is measured is right: tokens verify, and no two are the same.
    fn check(&self) -> anyhow::Result<()> {
        let (one, other) = (self.mint()?, self.mint()?);
        ensure!(one.token.expose_secret() != other.token.expose_secret(), "two tokens are the same");
        let expected = Expected { issuer: self.issuer.url(), audience: &one.audience };
        verify_token(one.token.expose_secret(), &self.issuer.jwks(), expected, self.now)?;
        Ok(())
    }

    /// Everything between a request and the token that leaves: a fresh id, claims, signature, text.
    fn mint(&self) -> anyhow::Result<MintedToken> {
        let mut entropy = [0; 16];
        rand::fill(&mut entropy)?;
        let request = MintRequest { jti: Jti::from_entropy(entropy), ..self.request.clone() };
        let minting = std::pin::pin!(self.issuer.mint(&self.identity, request, self.now));
        // The key is here, so there is nothing to wait for.
        match minting.poll(&mut TaskContext::from_waker(Waker::noop())) {
            Poll::Ready(minted) => Ok(minted?),
            Poll::Pending => Err(anyhow!("a key that is here waits for something")),
        }
    }

    fn mint_rate(&self) -> anyhow::Result<f64> {
        rate_per_second(MINT_TIME, || {
            black_box(self.mint()?);
            Ok(())
        })
    }

    fn raw_rate(&self) -> anyhow::Result<f64> {
        let (message, mut signature) = ([7; 32], [0; 256]);
        rate_per_second(RAW_TIME, || {
            self.raw_key.sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                black_box(&message),
                &mut signature,
            )?;
            black_box(&signature);
            Ok(())
        })
    }
}

fn openssl_rate() -> anyhow::Result<f64> {
    let output = Command::new("openssl")
        .args(["speed", "-seconds", "1", "rsa2048"])
        .output()
        .context("cannot start openssl")?;
    ensure!(output.status.success(), "openssl speed failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    sign_rate(&text).ok_or_else(|| anyhow!("openssl speed printed no signing rate: {text}"))
}

/// The first number behind the times (which end in "s") of the line on RSA-2048.
fn sign_rate(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with("rsa") && line.contains("2048 bits"))?;
    let (_, numbers) = line.split_once("bits")?;
    numbers.split_whitespace().find(|word| !word.ends_with('s'))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signing_rate_is_read_from_old_and_new_tables() {
        let old = "                  sign    verify    sign/s verify/s\n\
                   rsa 2048 bits 0.000235s 0.000014s   4257.6  69869.0\n";
        let new = "                   sign    verify    encrypt   decrypt   sign/s verify/s  encr./s  decr./s\n\
                   rsa  2048 bits 0.000235s 0.000014s 0.000016s 0.000240s   4257.6  69869.0  62000.0   4100.0\n";
        assert_eq!(sign_rate(old), Some(4257.6));
        assert_eq!(sign_rate(new), Some(4257.6));
        assert_eq!(sign_rate("rsa 1024 bits 0.1s 0.1s 1.0 1.0"), None);
    }
}
