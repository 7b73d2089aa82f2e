//! Which Terraform or OpenTofu runs, and whether it is the one that a run wants.

use std::{
    fs::Metadata,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use tokio::{process::Command, sync::Mutex};

use crate::config::EngineSource;

/// A program that can execute runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Engine {
    pub(crate) path: PathBuf,
    /// `Terraform` or `OpenTofu`.
    pub(crate) product: &'static str,
    pub(crate) version: String,
    pub(crate) platform: String,
}

/// Finds the engine and remembers what it said of itself, until its file changes.
#[derive(Debug)]
pub(crate) struct Engines {
    source: EngineSource,
    known: Mutex<Option<(Stamp, Engine)>>,
}

type Stamp = (PathBuf, u64, i64, u64);

#[derive(Deserialize)]
struct VersionOutput {
    terraform_version: String,
    #[serde(default)]
    platform: String,
}

impl Engines {
    pub(crate) fn new(source: EngineSource) -> Self {
        Self { source, known: Mutex::new(None) }
    }

    /// The engine; the error is a sentence for people.
    pub(crate) async fn engine(&self) -> Result<Engine, String> {
        let (path, metadata) = self.find()?;
        let stamp = (path.clone(), metadata.ino(), metadata.mtime(), metadata.len());
        let mut known = self.known.lock().await;
        if let Some((before, engine)) = &*known
            && *before == stamp
        {
            return Ok(engine.clone());
        }
        let engine = ask(path).await?;
        *known = Some((stamp, engine.clone()));
        Ok(engine)
    }

    fn find(&self) -> Result<(PathBuf, Metadata), String> {
        let is_program = |path: &Path| {
            let metadata = std::fs::metadata(path).ok()?;
            (metadata.is_file() && metadata.permissions().mode() & 0o111 != 0).then_some(metadata)
        };
        match &self.source {
            EngineSource::Path(path) => is_program(path)
                .map(|metadata| (path.clone(), metadata))
                .ok_or_else(|| format!("{} is not a program that can be run", path.display())),
            EngineSource::Search(folders) => ["terraform", "tofu"]
                .iter()
                .flat_map(|name| std::env::split_paths(folders).map(move |folder| folder.join(name)))
                .filter(|path| path.is_absolute())
                .find_map(|path| is_program(&path).map(|metadata| (path, metadata)))
                .ok_or_else(|| format!("neither terraform nor tofu is in {folders}")),
        }
    }
}

async fn ask(path: PathBuf) -> Result<Engine, String> {
    let failed = |reason: String| format!("{} did not tell its version: {reason}", path.display());
    let output = Command::new(&path)
        .args(["version", "-json"])
        .current_dir("/")
        .env_clear()
        .envs([
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("HOME", "/"),
            ("CHECKPOINT_DISABLE", "1"),
            ("TF_CLI_CONFIG_FILE", "/dev/null"),
        ])
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    let said: VersionOutput =
        serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    let is_tofu = path.file_name().is_some_and(|name| name.to_string_lossy().contains("tofu"));
    let product = if is_tofu { "OpenTofu" } else { "Terraform" };
    Ok(Engine { path, product, version: said.terraform_version, platform: said.platform })
}

/// Whether a run that wants `wanted` can be executed by `found`: an error, a remark, or nothing to say.
pub(crate) fn check_version(wanted: &str, found: &str) -> Result<Option<String>, String> {
    let wanted = wanted.trim();
    if wanted.is_empty() || wanted == "latest" || wanted == found {
        return Ok(None);
    }
    let Some(have) = parse(found) else {
        return Ok(Some(format!(
            "the version {found:?} of the installed engine cannot be compared with {wanted:?}"
        )));
    };
    if let Some(exact) = parse(wanted) {
        if exact[..2] == have[..2] {
            return Ok(Some(format!("the workspace wants version {wanted}; this agent runs {found}")));
        }
        return Err(format!(
            "the workspace wants version {wanted} and this agent has {found}; set the workspace's terraform-version to \
             {found}, or run an agent with {wanted}"
        ));
    }
    match satisfies(wanted, have) {
        Some(true) => Ok(None),
        Some(false) => Err(format!("the workspace wants a version {wanted} and this agent has {found}")),
        None => {
            Err(format!("the workspace's terraform-version {wanted:?} is neither a version nor a constraint"))
        }
    }
}

/// The three numbers of a version; what follows a dash or plus is left out.
fn parse(text: &str) -> Option<[u64; 3]> {
    let core = text.trim().trim_start_matches('v').split(['-', '+']).next()?;
    let mut parts = core.split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next().unwrap_or(Some(0))?, parts.next().unwrap_or(Some(0))?];
    parts.next().is_none().then_some(numbers).filter(|_| core.contains('.'))
}

fn satisfies(constraint: &str, have: [u64; 3]) -> Option<bool> {
    let mut holds = true;
    for part in constraint.split(',').map(str::trim) {
        let digits = part.find(|character: char| character.is_ascii_digit())?;
        let (operator, version) = part.split_at(digits);
        let limit = parse(version).or_else(|| version.parse().ok().map(|major| [major, 0, 0]))?;
        holds &= match operator.trim() {
            "" | "=" => have == limit,
            "!=" => have != limit,
            ">" => have > limit,
            ">=" => have >= limit,
            "<" => have < limit,
            "<=" => have <= limit,
            "~>" => {
                let fixed = version.split('.').count().saturating_sub(1).max(1);
                have >= limit && have[..fixed.min(2)] == limit[..fixed.min(2)]
            }
            _ => return None,
        };
    }
    Some(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared() {
        for (wanted, found, fine) in [
            ("latest", "1.11.4", true),
            ("1.11.4", "1.11.4", true),
            ("1.11.2", "1.11.4", true),
            ("1.10.4", "1.11.4", false),
            ("~> 1.11.0", "1.11.4", true),
            ("~> 1.10.0", "1.11.4", false),
            ("~> 1.0", "1.11.4", true),
            (">= 1.5, < 2", "1.11.4", true),
            (">= 1.5, < 1.11", "1.11.4", false),
            ("nonsense", "1.11.4", false),
        ] {
            assert_eq!(check_version(wanted, found).is_ok(), fine, "{wanted}");
        }
        assert!(check_version("1.11.2", "1.11.4").unwrap().is_some());
    }
}
