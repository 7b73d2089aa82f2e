//! The judgement on a soak: a table, and what is wrong.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use super::{
    evidence::{Evidence, FAMILIES, Family, Held},
    options::SoakOptions,
};

/// Words of every counterpart and client for something whose time is over or whose holder is unknown.
const EXPIRY_WORDS: [&str; 8] = [
    "expired",
    "aadsts",
    "stale to sign-in",
    "permission denied",
    "invalid token",
    "invalidaccesskeyid",
    "accessdenied",
    "unauthorized",
];

/// What every JWT begins with.
const TOKEN_START: &str = "eyJ";

const SHOWN: usize = 20;

/// How a soak went.
#[derive(Debug, Clone)]
pub struct SoakReport {
    /// A line for each client.
    pub rows: Vec<SoakRow>,
    /// What is wrong; nothing when the soak has succeeded.
    pub complaints: Vec<String>,
    /// The log of the run.
    pub log: String,
}

/// What one client did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoakRow {
    /// The family of its credentials.
    pub family: &'static str,
    /// How often it used them.
    pub uses: usize,
    /// How many sessions or access tokens it went through.
    pub sessions: usize,
    /// How many different identity tokens of the apply its counterpart saw.
    pub identity_tokens: usize,
    /// How often the agent replaced the identity token in the apply, or renewed what it was traded for.
    pub renewals: usize,
    /// How often the agent logged in for it in the apply.
    pub logins: usize,
    /// What it, or its counterpart, called an error.
    pub errors: usize,
}

/// What a client printed as its last line.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    uses: usize,
    errors: usize,
}

impl SoakReport {
    pub(super) fn of(options: &SoakOptions, evidence: Evidence) -> Self {
        let rows: Vec<_> = FAMILIES.into_iter().map(|family| evidence.row(family)).collect();
        let mut complaints = Vec::new();
        if evidence.status != "applied" {
            complaints.push(format!("the run ended as {:?}", evidence.status));
        }
        if evidence.log.contains(TOKEN_START) {
            complaints.push("the log shows a token".to_owned());
        }
        complaints.extend(evidence.expiry_lines());
        complaints.extend(rows.iter().flat_map(|row| row.complaints(options)));
        complaints.extend(FAMILIES.into_iter().flat_map(|family| evidence.tokens(family)));
        complaints.extend(evidence.vault_tokens());
        Self { rows, complaints, log: evidence.log }
    }

    /// Whether nothing is wrong.
    pub fn is_success(&self) -> bool {
        self.complaints.is_empty()
    }
}

impl SoakRow {
    fn complaints(&self, options: &SoakOptions) -> Vec<String> {
        let Self { family, uses, identity_tokens, renewals, logins, errors, .. } = *self;
        let mut complaints = Vec::new();
        let mut check = |is_right: bool, text: String| {
            if !is_right {
                complaints.push(format!("{family}: {text}"));
            }
        };
        check(errors == 0, format!("{errors} errors"));
        // Half of what a client does on an idle machine.
        let fewest = match family {
            "aws" => options.objects() / 2,
            _ => usize::try_from(options.apply.as_secs() / 2).unwrap_or(usize::MAX),
        };
        check(uses >= fewest, format!("{uses} uses, which are less than {fewest}"));
        let fewest =
            if family == "vault" { options.fewest_renewals() } else { options.fewest_identity_tokens() };
        check(renewals >= fewest, format!("{renewals} renewals, which are less than {fewest}"));
        if family == "vault" {
            // Its token is renewed, so that one identity token is enough.
            check(
                (logins, identity_tokens) == (1, 1),
                format!("{logins} logins with {identity_tokens} tokens"),
            );
        } else {
            let text = format!("{identity_tokens} different identity tokens, which are less than {fewest}");
            check(identity_tokens >= fewest, text);
        }
        complaints
    }
}

impl Evidence {
    fn row(&self, family: Family) -> SoakRow {
        let seen = self.seen.get(family).map(Vec::as_slice).unwrap_or_default();
        let apply: BTreeSet<&str> = self.minted(family, "apply").collect();
        let of_apply = |id: &&str| apply.contains(id);
        let exchanged: Vec<&str> = seen
            .iter()
            .filter(|seen| seen.is_exchange && seen.refusal.is_none())
            .filter_map(|seen| seen.token_id.as_deref())
            .filter(of_apply)
            .collect();
        let shown = seen.iter().filter_map(|seen| seen.token_id.as_deref()).filter(of_apply);
        let counts = self.counts(family);
        let is_vault = family == "vault";
        let refused = if is_vault { self.vault.refusals.len() } else { refusals(seen).count() };
        SoakRow {
            family,
            uses: counts.map_or(if family == "aws" { self.objects } else { 0 }, |counts| counts.uses),
            sessions: exchanged.len(),
            identity_tokens: shown.collect::<BTreeSet<_>>().len(),
            renewals: self.held(family, "apply").map_or(0, |held| held.renewals),
            logins: if is_vault { exchanged.len() } else { 0 },
            errors: refused + counts.map_or(0, |counts| counts.errors),
        }
    }

    /// The last line of a client, if it has come to its end.
    fn counts(&self, family: Family) -> Option<Counts> {
        let texts = self.log.lines().filter_map(|line| line.split_once("soak-counts ")).map(|(_, text)| text);
        let mut counts = texts.filter_map(|text| serde_json::from_str::<Value>(text.trim()).ok());
        let own = counts.rfind(|counts| counts["client"] == family)?;
        let number = |name: &str| own[name].as_u64().and_then(|number| usize::try_from(number).ok());
        Some(Counts { uses: number("uses")?, errors: number("errors")? })
    }

    fn minted(&self, family: Family, phase: &str) -> impl Iterator<Item = &str> {
        let own = self.ledger.iter().filter(move |minted| minted.family == family && minted.phase == phase);
        own.map(|minted| minted.jti.as_str())
    }

    fn held(&self, family: Family, phase: &str) -> Option<&Held> {
        self.held.iter().find(|held| held.family == family && held.phase == phase)
    }

    fn expiry_lines(&self) -> Vec<String> {
        let is_about_expiry = |line: &&str| {
            let line = line.to_lowercase();
            EXPIRY_WORDS.iter().any(|word| line.contains(word))
        };
        let lines = self.log.lines().filter(is_about_expiry).take(SHOWN);
        lines.map(|line| format!("the log says: {}", line.trim())).collect()
    }

    /// Compares what a counterpart saw with the ledger, and the ledger with the report on the run.
    fn tokens(&self, family: Family) -> Vec<String> {
        let mut complaints = Vec::new();
        let seen = self.seen.get(family).map(Vec::as_slice).unwrap_or_default();
        let known: BTreeSet<&str> =
            ["plan", "apply"].into_iter().flat_map(|phase| self.minted(family, phase)).collect();
        let shown: BTreeSet<&str> = seen.iter().filter_map(|seen| seen.token_id.as_deref()).collect();
        for stranger in shown.difference(&known) {
            complaints.push(format!("{family}: token {stranger} is not in the ledger"));
        }
        complaints.extend(refusals(seen).take(SHOWN).map(|refusal| format!("{family}: {refusal}")));
        for phase in ["plan", "apply"] {
            let Some(held) = self.held(family, phase) else {
                complaints.push(format!("{family}: the report on the run says nothing about the {phase}"));
                continue;
            };
            let minted: Vec<&str> = self.minted(family, phase).collect();
            // Vault's token is renewed, the others are replaced by new ones.
            let expected = if family == "vault" { 1 } else { held.renewals + 1 };
            if minted.len() != expected || !minted.contains(&&*held.jti) {
                let (found, renewals) = (minted.len(), held.renewals);
                complaints.push(format!(
                    "{family}: the ledger has {found} tokens of the {phase} and the report {renewals} renewals, the last token \
                     being {}",
                    held.jti
                ));
            }
            if held.outcome != "ended" {
                complaints.push(format!("{family}: what the {phase} held is {:?}", held.outcome));
            }
        }
        complaints
    }

    /// Compares OpenBao's audit log with the ledger and the report, and asks for the death of every token.
    fn vault_tokens(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let vault = &self.vault;
        complaints.extend(vault.refusals.iter().take(SHOWN).map(|refusal| format!("vault: {refusal}")));
        complaints
            .extend(vault.live.iter().map(|accessor| format!("vault: the token {accessor} still works")));
        let held = ["plan", "apply"].into_iter().filter_map(|phase| self.held("vault", phase));
        for held in held.filter(|held| held.revocations != ["revoked"]) {
            complaints.push(format!("vault: the report on the {} says {:?}", held.phase, held.revocations));
        }
        let reported: usize =
            self.held.iter().filter(|held| held.family == "vault").map(|held| held.renewals).sum();
        if reported != vault.renewals.len() {
            let counted = vault.renewals.len();
            complaints.push(format!("vault: the report says {reported} renewals, the audit log {counted}"));
        }
        let uses = self.counts("vault").map_or(0, |counts| counts.uses);
        if uses != vault.reads {
            complaints.push(format!("vault: the client says {uses} reads, the audit log {}", vault.reads));
        }
        complaints
    }
}

fn refusals(seen: &[super::evidence::Seen]) -> impl Iterator<Item = &str> {
    seen.iter().filter_map(|seen| seen.refusal.as_deref())
}

impl fmt::Display for SoakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["uses", "sessions", "identity tokens", "renewals", "logins", "errors"];
        write!(f, "{:<8}", "")?;
        for name in header {
            write!(f, " {name:>15}")?;
        }
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "{:<8}", row.family)?;
            let cells = [row.uses, row.sessions, row.identity_tokens, row.renewals, row.logins, row.errors];
            for cell in cells {
                write!(f, " {cell:>15}")?;
            }
            writeln!(f)?;
        }
        for complaint in &self.complaints {
            writeln!(f, "WRONG: {complaint}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::evidence::{Minted, Seen, VaultUse};
    use super::*;

    /// What everybody says of a short soak in which all went well.
    fn good() -> Evidence {
        let mut evidence = Evidence { status: "applied".to_owned(), objects: 20, ..Evidence::default() };
        for (family, phase) in FAMILIES.into_iter().flat_map(|family| [(family, "plan"), (family, "apply")]) {
            let tokens = if family == "vault" { 1 } else { 8 };
            let ids: Vec<String> = (0..tokens).map(|place| format!("{family}-{phase}-{place}")).collect();
            let minted =
                |jti: &String| Minted { family: family.into(), phase: phase.into(), jti: jti.clone() };
            evidence.ledger.extend(ids.iter().map(minted));
            evidence.held.push(Held {
                family: family.into(),
                phase: phase.into(),
                jti: ids[0].clone(),
                renewals: 7,
                outcome: "ended".to_owned(),
                revocations: if family == "vault" { vec!["revoked".to_owned()] } else { Vec::new() },
            });
            let seen =
                ids.into_iter().map(|id| Seen { token_id: Some(id), is_exchange: true, refusal: None });
            evidence.seen.entry(family).or_default().extend(seen);
        }
        for family in ["vault", "azure", "gcp"] {
            let counts = format!("soak-counts {{\"client\": \"{family}\", \"uses\": 40, \"errors\": 0}}\n");
            evidence.log.push_str(&counts);
        }
        evidence.vault = VaultUse { reads: 40, renewals: vec!["a".to_owned(); 14], ..VaultUse::default() };
        evidence
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Evidence), complaints: &[&str]) {
        let mut evidence = good();
        change(&mut evidence);
        let report = SoakReport::of(&SoakOptions::short(), evidence);
        assert_eq!(report.complaints, complaints);
        assert_eq!(report.is_success(), complaints.is_empty());
    }

    #[test]
    fn a_soak_succeeds_when_nobody_has_anything_to_say_against_it() {
        check(|_| {}, &[]);
    }

    #[test]
    fn an_error_is_never_overlooked() {
        let line = "aws_s3_object.use_003: ExpiredToken: the token has expired";
        check(|evidence| evidence.log.push_str(line), &[&format!("the log says: {line}")]);
        let error = "soak-counts {\"client\": \"gcp\", \"uses\": 39, \"errors\": 1}";
        check(|evidence| evidence.log.push_str(error), &["gcp: 1 errors"]);
        let refused = |evidence: &mut Evidence| {
            let token_id = Some("azure-apply-0".to_owned());
            let refusal = Some("the exchange was refused with 700024".to_owned());
            let seen = evidence.seen.entry("azure").or_default();
            seen.push(Seen { token_id, is_exchange: true, refusal });
        };
        check(refused, &["azure: 1 errors", "azure: the exchange was refused with 700024"]);
        check(|evidence| evidence.log.push_str("eyJhbGciOi"), &["the log shows a token"]);
        check(|evidence| evidence.status = "errored".to_owned(), &["the run ended as \"errored\""]);
    }

    #[test]
    fn a_client_that_did_little_proves_nothing() {
        let idle = "soak-counts {\"client\": \"gcp\", \"uses\": 3, \"errors\": 0}";
        check(|evidence| evidence.log.push_str(idle), &["gcp: 3 uses, which are less than 20"]);
        let forgetful = |evidence: &mut Evidence| {
            let seen = evidence.seen.entry("aws").or_default();
            seen.retain(|seen| seen.token_id.as_deref().is_some_and(|id| id.ends_with('0')));
        };
        check(forgetful, &["aws: 1 different identity tokens, which are less than 3"]);
    }

    #[test]
    fn the_ledger_the_report_and_the_counterparts_must_agree() {
        let stranger = |evidence: &mut Evidence| {
            let token_id = Some("stranger".to_owned());
            let seen = evidence.seen.entry("gcp").or_default();
            seen.push(Seen { token_id, is_exchange: true, refusal: None });
        };
        check(stranger, &["gcp: token stranger is not in the ledger"]);
        let lost = |evidence: &mut Evidence| evidence.ledger.retain(|minted| minted.jti != "aws-plan-7");
        let text = "aws: the ledger has 7 tokens of the plan and the report 7 renewals, the last token being aws-plan-0";
        check(lost, &["aws: token aws-plan-7 is not in the ledger", text]);
        let alive = |evidence: &mut Evidence| evidence.vault.live.push("accessor".to_owned());
        check(alive, &["vault: the token accessor still works"]);
        let held = |evidence: &mut Evidence| {
            let vault = evidence.held.iter_mut().find(|held| held.family == "vault");
            vault.expect("there is one").revocations = vec!["outstanding".to_owned()];
        };
        check(held, &["vault: the report on the plan says [\"outstanding\"]"]);
    }
}
