//! What was seen while keys were rotated.

use std::{collections::BTreeSet, fmt, time::Duration};

use jsonwebtoken::decode_header;

use super::verifier::Verdict;

/// How often tokens of one kind were verified.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Judgements {
    /// Tokens that were accepted.
    pub accepted: usize,
    /// Tokens that were refused.
    pub refused: usize,
    /// Tokens that had ended before anybody looked at them.
    pub late: usize,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct RotationReport {
    /// How many tokens were minted.
    pub tokens: usize,
    /// The keys that signed them.
    pub keys: BTreeSet<String>,
    /// By verifiers that read the key set for each token.
    pub fetching: Judgements,
    /// By verifiers that keep it for as long as they may.
    pub caching: Judgements,
    /// By both, shortly before the tokens end.
    pub again: Judgements,
    reasons: BTreeSet<String>,
    waits: Vec<Duration>,
}

impl Judgements {
    fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.late += other.late;
    }
}

impl RotationReport {
    /// How many verifications failed.
    pub fn failures(&self) -> usize {
        self.fetching.refused + self.caching.refused + self.again.refused
    }

    /// How many verifications there were.
    pub fn verifications(&self) -> usize {
        [&self.fetching, &self.caching, &self.again].iter().map(|one| one.accepted + one.refused).sum()
    }

    pub(super) fn minted(&mut self, token: &str, wait: Duration) {
        self.tokens += 1;
        self.waits.push(wait);
        self.keys.extend(decode_header(token).ok().and_then(|header| header.kid));
    }

    pub(super) fn judged_fetching(&mut self, verdict: Verdict) {
        note(&mut self.fetching, &mut self.reasons, verdict);
    }

    pub(super) fn judged_caching(&mut self, verdict: Verdict) {
        note(&mut self.caching, &mut self.reasons, verdict);
    }

    pub(super) fn judged_again(&mut self, verdict: Verdict) {
        note(&mut self.again, &mut self.reasons, verdict);
    }

    pub(super) fn add(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.keys.extend(other.keys);
        self.fetching.add(&other.fetching);
        self.caching.add(&other.caching);
        self.again.add(&other.again);
        self.reasons.extend(other.reasons);
        self.waits.extend(other.waits);
    }

    fn wait(&self, percent: usize) -> Duration {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        waits
            .get((waits.len() * percent / 100).min(waits.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

fn note(judgements: &mut Judgements, reasons: &mut BTreeSet<String>, verdict: Verdict) {
    match verdict {
        Verdict::Accepted(_) => judgements.accepted += 1,
        Verdict::Late => judgements.late += 1,
        Verdict::Refused(reason) => {
            judgements.refused += 1;
            reasons.insert(reason);
        }
    }
}

impl fmt::Display for RotationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "tokens minted                    {}", self.tokens)?;
        writeln!(f, "keys that signed them            {}", self.keys.len())?;
        let [middle, most] = [50, 99].map(|percent| self.wait(percent).as_millis());
        writeln!(f, "minting, median and 99 %         {middle} ms, {most} ms")?;
        for (name, one) in [
            ("key set read for each token", &self.fetching),
            ("key set kept for its max-age", &self.caching),
            ("both, again before the end", &self.again),
        ] {
            writeln!(
                f,
                "{name:<32} {} accepted, {} refused, {} ended before",
                one.accepted, one.refused, one.late
            )?;
        }
        for reason in &self.reasons {
            writeln!(f, "refused because                  {reason}")?;
        }
        writeln!(f, "failed verifications             {} of {}", self.failures(), self.verifications())
    }
}
