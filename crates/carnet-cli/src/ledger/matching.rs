//! `carnet ledger match`: which run, and so which person, was behind the lines of a relying party's log.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use carnet_model::{FactName, LedgerEntry, LedgerKind};
use carnet_store::LedgerRange;
use carnet_trust::logs::{Access, Explanation, LogLine, NumberedLine, explain, identities, read_log};
use clap::Args;
use serde_json::{Value, json};

use super::source::{Source, SourceOptions};
use super::verify::Format;
use crate::edge;

#[derive(Debug, Args)]
pub(crate) struct MatchOptions {
    /// The log: CloudTrail, Entra sign-ins, Google Cloud audit log or the audit device of Vault or OpenBao, as JSON or JSON lines.
    #[arg(value_name = "FILE")]
    log: PathBuf,

    /// An exported ledger, instead of a server or a data directory.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "organization"])]
    ledger: Option<PathBuf>,

    #[command(flatten)]
    source: SourceOptions,

    /// Fail when no run explains an access.
    #[arg(long)]
    strict: bool,

    /// text or json.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

pub(super) async fn run(options: MatchOptions) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&options.log)
        .with_context(|| format!("{} cannot be read", options.log.display()))?;
    let lines = read_log(&text);
    let source = options.source.open(options.ledger).await?;
    let identities = identities(&entries(&source).await?);
    let found = explain(&lines, &identities);
    match options.format {
        Format::Text => edge::print(&report(&lines, &found))?,
        Format::Json => edge::print(&format!("{:#}\n", document(&lines, &found)))?,
    }
    let unexplained = found.values().filter(|found| found.is_none()).count();
    if options.strict && unexplained > 0 {
        bail!("no run explains {unexplained} of {} accesses", found.len());
    }
    Ok(())
}

/// The entries of all chains that tell of credentials. Whether they are what was written is for `verify` to say.
async fn entries(source: &Source) -> anyhow::Result<Vec<LedgerEntry>> {
    let mut entries = Vec::new();
    for chain in source.chains().await? {
        let mut after = Some(0);
        while let Some(place) = after {
            let page = source.page(&chain, place, LedgerRange::default()).await?;
            for record in &page.records {
                let entry = LedgerEntry::parse(&record.entry).with_context(|| {
                    format!("entry {} of {chain} cannot be read: verify the ledger first", record.sequence)
                })?;
                // Others lead to no identity token.
                if let LedgerKind::Mint
                | LedgerKind::Exchange
                | LedgerKind::Renewal
                | LedgerKind::Revocation = entry.kind
                {
                    entries.push(entry);
                }
            }
            after = page.next;
        }
    }
    Ok(entries)
}

fn accesses(lines: &[NumberedLine]) -> impl Iterator<Item = (usize, &'static str, &Access)> {
    lines.iter().filter_map(|(number, line)| match line {
        LogLine::Access(kind, access) => Some((*number, kind.as_str(), access.as_ref())),
        LogLine::Other | LogLine::Unreadable => None,
    })
}

/// Which lines were not looked at, and how many of them.
fn skipped(lines: &[NumberedLine]) -> (usize, Vec<usize>) {
    let others = lines.iter().filter(|(_, line)| *line == LogLine::Other).count();
    let unreadable = lines.iter().filter(|(_, line)| *line == LogLine::Unreadable);
    (others, unreadable.map(|(number, _)| *number).collect())
}

/// A name of a log, without what could disturb a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

fn person(found: &Explanation) -> String {
    let of = |name| found.identity.entry.fact(name);
    let actor = of(FactName::ActorName).or(of(FactName::Actor)).unwrap_or("nobody that is known");
    match of(FactName::ApproverName).or(of(FactName::Approver)) {
        Some(approver) if approver != actor => format!("{actor}, approved by {approver}"),
        _ => actor.to_owned(),
    }
}

pub(super) fn report(lines: &[NumberedLine], found: &BTreeMap<usize, Option<Explanation>>) -> String {
    let mut text = String::new();
    for (number, system, access) in accesses(lines) {
        let time = access.time.map_or_else(|| "-".to_owned(), |time| time.to_string());
        let refused = if access.is_refused { " (refused)" } else { "" };
        text.push_str(&format!("{number:>5}  {time}  {system}  {}{refused}\n", plain(&access.what)));
        text.push_str(&match found.get(&number).and_then(Option::as_ref) {
            Some(one) => {
                let of = |name| one.identity.entry.fact(name).unwrap_or("-");
                format!(
                    "       {} {} of {}: {} ({}: {})\n",
                    of(FactName::Run),
                    of(FactName::Phase),
                    of(FactName::Workspace),
                    person(one),
                    one.sureness.as_str(),
                    one.reason
                )
            }
            None => format!("       NO RUN EXPLAINS THIS: {}\n", plain(&access.who)),
        });
    }
    let unexplained = found.values().filter(|found| found.is_none()).count();
    let (others, unreadable) = skipped(lines);
    text.push_str(&format!(
        "{} accesses, {unexplained} that no run explains; {others} lines are of nobody with an identity token\n",
        found.len()
    ));
    if !unreadable.is_empty() {
        let numbers: Vec<String> = unreadable.iter().take(10).map(usize::to_string).collect();
        text.push_str(&format!(
            "{} lines are of no log that is known, the first of them: {}\n",
            unreadable.len(),
            numbers.join(", ")
        ));
    }
    text
}

fn document(lines: &[NumberedLine], found: &BTreeMap<usize, Option<Explanation>>) -> Value {
    let one = |(number, system, access): (usize, &str, &Access)| {
        let explanation = found.get(&number).and_then(Option::as_ref).map(|one| {
            json!({
                "sureness": one.sureness.as_str(),
                "reason": one.reason,
                "chain": one.identity.entry.chain.to_string(),
                "sequence": one.identity.entry.sequence,
                "facts": one.identity.entry.facts,
            })
        });
        json!({
            "line": number,
            "time": access.time,
            "system": system,
            "what": access.what,
            "who": access.who,
            "login": access.is_login,
            "refused": access.is_refused,
            "explanation": explanation,
        })
    };
    let (others, unreadable) = skipped(lines);
    json!({
        "accesses": accesses(lines).map(one).collect::<Vec<_>>(),
        "unexplained": found.values().filter(|found| found.is_none()).count(),
        "other_lines": others,
        "unreadable_lines": unreadable,
    })
}
