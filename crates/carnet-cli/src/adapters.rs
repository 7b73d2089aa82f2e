//! `carnet adapters`: the declarative adapters that ship, and documents of one's own.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use carnet_creds::{
    AdapterDefinition,
    adapter::{self, ShippedAdapter},
};
use clap::Subcommand;

use crate::edge;

#[derive(Debug, Subcommand)]
pub(crate) enum AdaptersCommand {
    /// List the adapters that ship with Carnet.
    List,
    /// Print the document of an adapter that ships, to be changed and used instead.
    Show {
        /// Its name.
        name: String,
    },
    /// Check documents, and show what each of them reads and sets.
    Check {
        /// The documents.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// Carries out a command about adapters.
pub(crate) fn run(command: AdaptersCommand) -> anyhow::Result<()> {
    match command {
        AdaptersCommand::List => edge::print(&list(&adapter::shipped())),
        AdaptersCommand::Show { name } => {
            let shipped = adapter::shipped();
            let Some(found) = shipped.iter().find(|one| one.definition.name() == name) else {
                let names: Vec<&str> = shipped.iter().map(|one| one.definition.name()).collect();
                bail!("no adapter {name:?} ships with Carnet; there are {}", names.join(", "));
            };
            edge::print(found.document)
        }
        AdaptersCommand::Check { files } => check(&files),
    }
}

fn list(shipped: &[ShippedAdapter]) -> String {
    let widest = shipped.iter().map(|one| one.definition.name().len()).max().unwrap_or_default();
    let lines = shipped.iter().map(|one| {
        let one = &one.definition;
        format!("{:widest$}  {}  {}\n", one.name(), one.title(), one.source())
    });
    lines.collect()
}

fn check(files: &[PathBuf]) -> anyhow::Result<()> {
    let mut bad = 0;
    for file in files {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        match AdapterDefinition::parse(&text) {
            Ok(definition) => edge::print(&summary(&definition))?,
            Err(error) => {
                bad += 1;
                error.to_string().lines().for_each(|line| eprintln!("{}: {line}", file.display()));
            }
        }
    }
    match bad {
        0 => Ok(()),
        bad => bail!("{bad} of {} documents cannot be used", files.len()),
    }
}

fn summary(definition: &AdapterDefinition) -> String {
    let mut text = format!("{} ({}) is fine\n", definition.name(), definition.title());
    for setting in definition.settings() {
        let names: Vec<&str> = setting.variables().collect();
        let needed = if setting.is_required { " (needed)" } else { "" };
        text += &format!("  reads  {}{needed}\n", names.join(", "));
    }
    let env: Vec<&str> = definition.env().map(|(name, _)| name).collect();
    let files: Vec<&str> = definition.files().collect();
    for (what, names) in
        [("sets", env), ("writes", files), ("passes", definition.variable().into_iter().collect())]
    {
        if !names.is_empty() {
            text += &format!("  {what:6} {}\n", names.join(", "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_adapter_that_ships_is_listed_and_fine() {
        let shipped = adapter::shipped();
        let text = list(&shipped);
        assert_eq!(text.lines().count(), shipped.len());
        assert!(text.lines().all(|line| line.contains("https://")), "{text}");
        for one in &shipped {
            let text = summary(&one.definition);
            assert!(text.contains("  reads  TFC_") && text.contains("is fine"), "{text}");
        }
    }

    #[test]
    fn a_bad_document_is_refused() {
        let folder = std::env::temp_dir().join(format!("carnet-adapters-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("made");
        let (good, bad) = (folder.join("good.toml"), folder.join("bad.toml"));
        std::fs::write(&good, adapter::shipped()[0].document).expect("written");
        std::fs::write(&bad, "name = 1\n").expect("written");
        assert!(check(std::slice::from_ref(&good)).is_ok());
        let error = check(&[good, bad]).expect_err("refused").to_string();
        std::fs::remove_dir_all(&folder).expect("removed");
        assert_eq!(error, "1 of 2 documents cannot be used");
    }
}
