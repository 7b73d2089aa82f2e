//! Everything that stands in the home directory before Terraform starts.

use std::{
    fs,
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use bytes::Bytes;
use carnet_api::{
    client::{ClientError, JobClient},
    job::{Artifact, JobDocument},
};
use carnet_model::Phase;
use flate2::read::GzDecoder;
use tokio_util::sync::CancellationToken;

use crate::{
    config::UnpackLimits,
    log::Log,
    retry::retry,
    state::STATE_FILE,
    steps::{LOCK_FILE, PhaseError},
    unpack::unpack,
    variables::{last_name, variables_file},
    workdir::{Home, write_private},
};

/// What the server has for this phase.
pub(crate) struct Downloads {
    pub(crate) state: Option<Bytes>,
    plan: Option<Bytes>,
}

/// Fetches everything at once and unpacks the configuration.
pub(crate) async fn download(
    client: &JobClient,
    phase: Phase,
    home: &Home,
    limits: UnpackLimits,
    give_up: &CancellationToken,
) -> Result<Downloads, PhaseError> {
    let configuration = async {
        let archive = retry(give_up, || client.configuration())
            .await
            .map_err(|error| unavailable("configuration", &error))?;
        let folder = home.config();
        let unpacked = tokio::task::spawn_blocking(move || unpack(&archive, &folder, limits)).await;
        match unpacked {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(PhaseError::failed("the configuration is refused", explain(&error))),
            Err(error) => Err(PhaseError::failed("the configuration cannot be unpacked", error)),
        }
    };
    let state =
        async { retry(give_up, || client.state()).await.map_err(|error| unavailable("state", &error)) };
    let plan = async {
        match phase {
            Phase::Plan => Ok(None),
            Phase::Apply => match retry(give_up, || client.artifact(Artifact::Plan)).await {
                Ok(Some(plan)) => Ok(Some(plan)),
                Ok(None) => Err(PhaseError::Failed("the saved plan is not there".to_owned())),
                Err(error) => Err(unavailable("saved plan", &error)),
            },
        }
    };
    let ((), state, plan) = tokio::try_join!(configuration, state, plan)?;
    Ok(Downloads { state, plan })
}

/// Puts the state, the saved plan and our own files in their places; returns the folder where Terraform runs.
pub(crate) fn arrange(
    home: &Home,
    document: &JobDocument,
    downloads: &Downloads,
    log: &Log,
) -> Result<PathBuf, PhaseError> {
    let root = working_directory(&home.config(), &document.run.working_directory)?;
    let cannot = |error: io::Error| PhaseError::failed("the working directory cannot be prepared", error);
    if let Some(state) = &downloads.state {
        write_private(&home.state().join(STATE_FILE), state).map_err(cannot)?;
    }
    if let Some(plan) = &downloads.plan {
        unpack_plan(plan, home, &root)
            .map_err(|error| PhaseError::failed("the saved plan cannot be read", error))?;
    }
    write_own_files(home, &root, document, log).map_err(cannot)?;
    Ok(root)
}

fn write_own_files(home: &Home, root: &Path, document: &JobDocument, log: &Log) -> io::Result<()> {
    let variables = variables_file(&document.variables);
    for notice in &variables.notices {
        log.line(&format!("Warning: {notice}"));
    }
    if !variables.content.is_empty() {
        let name = last_name(root, &[".auto.tfvars", ".auto.tfvars.json"], ".auto.tfvars")?;
        write_private(&root.join(name), variables.content.as_bytes())?;
    }
    // An override with a backend replaces a `cloud` block as well as another backend.
    let endings = ["override.tf", "override.tf.json", "override.tofu", "override.tofu.json"];
    let name = last_name(root, &endings, "_override.tf")?;
    let path = serde_json::Value::from(home.state().join(STATE_FILE).to_string_lossy().into_owned());
    let backend = format!("terraform {{\n  backend \"local\" {{\n    path = {path}\n  }}\n}}\n");
    write_private(&root.join(name), backend.as_bytes())
}

fn working_directory(config: &Path, wanted: &str) -> Result<PathBuf, PhaseError> {
    let relative = Path::new(wanted.trim_matches('/'));
    let is_inside =
        relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let folder = config.join(relative);
    if is_inside && folder.is_dir() {
        return Ok(folder);
    }
    Err(PhaseError::Failed(format!(
        "the working directory {wanted:?} of the workspace is not a folder of the configuration"
    )))
}

fn unpack_plan(archive: &[u8], home: &Home, root: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let place = match entry.path()?.to_str() {
            Some("plan.tfplan") => home.plan(),
            Some(LOCK_FILE) => root.join(LOCK_FILE),
            _ => continue,
        };
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        // The lock file of the plan replaces the one of the configuration.
        let _ = fs::remove_file(&place);
        write_private(&place, &content)?;
    }
    if home.plan().exists() { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
}

fn unavailable(what: &str, error: &ClientError) -> PhaseError {
    PhaseError::failed(&format!("the {what} cannot be fetched"), error)
}

/// The error with its causes.
fn explain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", explain(cause)),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_working_directory_must_be_inside() {
        let config = tempfile::tempdir().unwrap();
        fs::create_dir_all(config.path().join("a/b")).unwrap();
        for (wanted, fine) in
            [("", true), ("a/b", true), ("/a/b/", true), ("c", false), ("../x", false), ("a/..", false)]
        {
            assert_eq!(working_directory(config.path(), wanted).is_ok(), fine, "{wanted}");
        }
    }
}
