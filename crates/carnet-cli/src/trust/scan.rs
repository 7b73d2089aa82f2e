//! `carnet trust scan`: stored or pasted policies that let too many in.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use carnet_trust::{
    check::{Family, Trust, UnknownFamily},
    scan::{Wide, printed, same, scan},
};
use clap::Args;
use serde_json::{Value, json};

use super::{check::AnswerFormat, input};
use crate::edge;

const EXAMPLES: &str = "\
Examples:
  carnet trust scan plan-role.json apply-role.json
  aws iam get-role --role-name net-plan | carnet trust scan -
  gcloud iam workload-identity-pools providers describe carnet --workload-identity-pool carnet --location global \\
    --format json | carnet trust scan - --beside iam-policy.json

Exit codes: 0 nothing was found, 1 something was found, 2 a policy could not be read, or the command was called in the wrong way.";

/// What is looked at.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ScanOptions {
    /// Policies as JSON, of the families that `carnet trust check` knows, or what `carnet trust FAMILY --format json` printed; - is
    /// standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// What stands beside the one policy given, as for `carnet trust check`.
    #[arg(long, value_name = "FILE")]
    beside: Option<PathBuf>,

    /// The family, where the policy does not tell.
    #[arg(long, value_name = "aws|azure|gcp|vault|kubernetes", value_parser = family)]
    family: Option<Family>,

    /// How the findings are written.
    #[arg(long, default_value = "text", value_name = "text|json")]
    format: AnswerFormat,
}

fn family(text: &str) -> Result<Family, UnknownFamily> {
    text.parse()
}

/// A policy that was looked at.
struct Scanned {
    name: String,
    family: Family,
    trust: Trust,
    found: Vec<Wide>,
}

/// Looks, prints, and says whether nothing was found.
pub(super) fn run(options: &ScanOptions) -> anyhow::Result<bool> {
    if options.beside.is_some() && options.files.len() != 1 {
        super::usage("--beside belongs to one policy: give one FILE");
    }
    let mut all: Vec<Scanned> = Vec::new();
    for file in &options.files {
        let name =
            if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() };
        let policy = input::document(file)?;
        for (part, family, trust) in printed(&policy) {
            all.push(scanned(&all, format!("{name}: {part}"), family, trust)?);
        }
        if !printed(&policy).is_empty() {
            continue;
        }
        let Some(family) = options.family.or_else(|| Family::of(&policy)) else {
            bail!("{name} is of no known family; name it with --family");
        };
        let beside = options.beside.as_deref().map(input::document).transpose()?;
        all.push(scanned(&all, name, family, Trust { policy, beside, role: None })?);
    }
    edge::print(&match options.format {
        AnswerFormat::Text => lines(&all).join("\n") + "\n",
        AnswerFormat::Json => serde_json::to_string_pretty(&as_json(&all))? + "\n",
    })?;
    Ok(all.iter().all(|one| one.found.is_empty()))
}

/// One policy, held against those of its family before it.
fn scanned(all: &[Scanned], name: String, family: Family, trust: Trust) -> anyhow::Result<Scanned> {
    let mut found = scan(family, &trust).with_context(|| format!("{name} was not examined"))?;
    let mut before = all.iter().filter(|one| one.family == family);
    found.extend(before.find_map(|one| same(family, (&one.name, &name), (&one.trust, &trust))));
    Ok(Scanned { name, family, trust, found })
}

fn lines(all: &[Scanned]) -> Vec<String> {
    let mut lines = Vec::new();
    for one in all {
        if one.found.is_empty() {
            lines.push(format!(
                "{}: nothing is too wide in this trust of {}",
                one.name,
                one.family.service()
            ));
        }
        for wide in &one.found {
            lines.push(format!("{}: {} {}: {}", one.name, wide.severity.as_str(), wide.rule, wide.says));
            lines.push(format!("  {:<11} {}", "at:", wide.at));
            lines.push(format!("  {:<11} {}", "why:", wide.why));
            lines.push(format!("  {:<11} {}", "narrower:", wide.narrower));
        }
    }
    lines
}

fn as_json(all: &[Scanned]) -> Value {
    let one = |one: &Scanned| {
        let found: Vec<Value> = one.found.iter().map(Wide::to_json).collect();
        json!({ "file": one.name, "family": one.family.as_str(), "findings": found })
    };
    json!({ "policies": all.iter().map(one).collect::<Vec<_>>() })
}
