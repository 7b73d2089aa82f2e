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
                let range = match (summary.first, summary.last) {
                    (Some(first), Some(last)) => format!(", {first} to {last}"),
                    _ => String::new(),
                };
                text.push_str(&format!(
                    "{chain}: {} entries{range}, each as it was written\n  hash of the last one: {}\n",
                    summary.entries, summary.hash
                ));
                text.push_str(&coverage(summary, finding));
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

fn coverage(summary: &LedgerSummary, finding: &Finding) -> String {
    match (summary.covered, &finding.newest) {
        (Some(covered), Some(newest)) => format!(
            "  {} signed checkpoints cover entries up to {covered}; the last is of {}, by {}\n",
            summary.checkpoints, newest.checkpoint.time, newest.issuer
        ),
        _ => "  no signed checkpoint covers them: their end could be cut off, or all written anew, unseen\n"
            .to_owned(),
    }
}

fn verdict(finding: &Finding) -> &'static str {
    match (&finding.result, finding.unknown_keys.is_empty()) {
        (Err(_), _) => "not-as-written",
        (Ok(_), false) => "not-proven",
        (Ok(_), true) => "as-written",
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
