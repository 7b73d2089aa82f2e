//! What `carnet ledger verify` says.

use carnet_model::LedgerSummary;
use serde_json::{Value, json};

use super::verify::{Finding, Report};

pub(super) fn text(report: &Report) -> String {
    let mut text = String::new();
    for fault in &report.faults {
        text.push_str(&format!("the ledger as a whole: NOT WHAT WAS WRITTEN\n  {fault}\n"));
    }
    for finding in &report.findings {
        let chain = &finding.chain;
        match &finding.result {
            Err(fault) => text.push_str(&format!("{chain}: NOT WHAT WAS WRITTEN\n  {fault}\n")),
            Ok(summary) => {
                let (range, proof) = (range(summary.first, summary.last), proof(summary, finding));
                let (entries, hash) = (summary.entries, &summary.hash);
                text.push_str(&format!(
                    "{chain}: {entries} entries{range}\n{proof}  hash of the last one: {hash}\n"
                ));
            }
        }
        if !finding.unknown_keys.is_empty() {
            text.push_str(&format!(
                "  NOT PROVEN: checkpoints were signed by keys that are in no key set you gave: {}; add the sets that you kept \
                 with more --keys\n",
                names(finding)
            ));
        }
    }
    for missing in &report.unchecked {
        text.push_str(&format!("Not checked: {missing}.\n"));
    }
    text
}

fn names(finding: &Finding) -> String {
    finding.unknown_keys.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// `, 1 to 3`, or nothing where there is nothing.
fn range(first: Option<u64>, last: Option<u64>) -> String {
    match (first, last) {
        (Some(first), Some(last)) => format!(", {first} to {last}"),
        _ => String::new(),
    }
}

/// The first entry that no checkpoint covers, if there is one.
fn unsigned_from(summary: &LedgerSummary) -> Option<u64> {
    let next = summary.covered.map_or(summary.first, |covered| covered.checked_add(1))?;
    summary.last.filter(|last| next <= *last).map(|_| next)
}

/// What is proven of the entries, and what only fits together: whoever can write to the ledger can write the rest anew, hashes and
/// all.
fn proof(summary: &LedgerSummary, finding: &Finding) -> String {
    let mut lines = String::new();
    if let (Some(first), Some(covered), Some(newest)) = (summary.first, summary.covered, &finding.newest) {
        lines.push_str(&format!(
            "  {first} to {covered}: each as it was written; {} signed checkpoints cover them, the last is of {}, by {}\n",
            summary.checkpoints, newest.checkpoint.time, newest.issuer
        ));
    }
    if let (Some(next), Some(last)) = (unsigned_from(summary), summary.last) {
        lines.push_str(&format!(
            "  {next} to {last}: they fit together, and nobody signed them yet: whoever can write to the ledger can have cut their \
             end off or written them anew\n"
        ));
    }
    lines
}

fn verdict(finding: &Finding) -> &'static str {
    match &finding.result {
        Err(_) => "not-as-written",
        Ok(_) if !finding.unknown_keys.is_empty() => "not-proven",
        Ok(summary) => match (summary.covered, unsigned_from(summary)) {
            (_, None) => "as-written",
            (Some(_), Some(_)) => "partly-signed",
            (None, Some(_)) => "not-signed",
        },
    }
}

pub(super) fn json(report: &Report) -> Value {
    let one = |finding: &Finding| {
        let (chain, verdict) = (finding.chain.to_string(), verdict(finding));
        match &finding.result {
            Err(fault) => json!({
                "chain": chain,
                "valid": false,
                "verdict": verdict,
                "fault": fault,
                "unknown_keys": finding.unknown_keys,
            }),
            Ok(summary) => json!({
                "chain": chain,
                "valid": finding.unknown_keys.is_empty(),
                "verdict": verdict,
                "entries": summary.entries,
                "first": summary.first,
                "last": summary.last,
                "hash": summary.hash.to_string(),
                "checkpoints": summary.checkpoints,
                "covered": summary.covered,
                "unsigned_from": unsigned_from(summary),
                "signers": finding.signers,
                "issuers": finding.issuers,
                "unknown_keys": finding.unknown_keys,
            }),
        }
    };
    json!({
        "chains": report.findings.iter().map(one).collect::<Vec<_>>(),
        "faults": report.faults,
        "not_checked": report.unchecked,
    })
}
