//! The plan phase.

use std::{ffi::OsString, io, time::Instant};

use bytes::Bytes;
use carnet_api::job::{Artifact, RunDocument};
use flate2::{Compression, write::GzEncoder};
use serde_json::value::RawValue;

use super::{LOCK_FILE, PhaseError, PhaseResult, Steps, arguments};
use crate::{
    plan_json::{PlanJson, PlanSummary},
    schemas::SchemaKey,
    workdir::{Home, open_plain, read_plain},
};

/// The exit code of `plan -detailed-exitcode`, which a workspace may have asked for, when there are changes.
const CHANGES: i32 = 2;

/// Plans, and stores what the apply and readers need.
pub(crate) async fn plan(steps: &Steps<'_>) -> PhaseResult {
    // Not in the apply, whose log clients show right behind this one.
    steps.log.line("Initializing plugins and modules...");
    steps.init(false).await?;
    let ended = steps.run_shown("plan", plan_arguments(steps), &mut |_| {}).await?;
    let is_planned = ended.status.success() || ended.status.code() == Some(CHANGES);
    if !is_planned || !steps.home.plan().exists() {
        return Err(steps.failure("plan", &ended));
    }
    let lock_file = read_plain(&steps.root.join(LOCK_FILE)).unwrap_or_default();
    let lock_file = String::from_utf8(lock_file).unwrap_or_default();
    let key = SchemaKey {
        organization_id: steps.document.identity.organization_id.clone(),
        engine: format!("{} {}", steps.engine.product, steps.engine.version),
        lock_file: lock_file.clone(),
    };
    let (plan_json, ()) = tokio::try_join!(show(steps), learn_schemas(steps, &key))?;
    let since = Instant::now();
    let archive = pack_plan(steps.home, &lock_file)
        .map_err(|error| PhaseError::failed("the plan cannot be packed", error))?;
    let described = describe(steps, &key, &plan_json)?;
    tokio::try_join!(
        steps.upload(Artifact::Plan, archive),
        steps.upload(Artifact::PlanJson, plan_json),
        steps.upload(Artifact::PlanJsonRedacted, described.redacted),
        steps.upload(Artifact::ProviderSchemas, described.schemas),
    )?;
    steps.clock_work.add("artifacts", since);
    Ok(described.summary)
}

fn plan_arguments(steps: &Steps<'_>) -> Vec<OsString> {
    let mut list = arguments(&["plan", "-input=false"]);
    list.extend(steps.output_flag());
    let mut out = OsString::from("-out=");
    out.push(steps.home.plan());
    list.push(out);
    list.extend(run_arguments(&steps.document.run).into_iter().map(OsString::from));
    if steps.document.run.allow_config_generation {
        let mut generated = OsString::from("-generate-config-out=");
        generated.push(steps.home.path().join("generated.tf"));
        list.push(generated);
    }
    list
}

fn run_arguments(run: &RunDocument) -> Vec<String> {
    let mut list = Vec::new();
    for (is_wanted, flag) in
        [(run.is_destroy, "-destroy"), (run.refresh_only, "-refresh-only"), (!run.refresh, "-refresh=false")]
    {
        if is_wanted {
            list.push(flag.to_owned());
        }
    }
    list.extend(run.target_addrs.iter().map(|address| format!("-target={address}")));
    list.extend(run.replace_addrs.iter().map(|address| format!("-replace={address}")));
    list
}

async fn show(steps: &Steps<'_>) -> Result<Bytes, PhaseError> {
    let mut list = arguments(&["show", "-json"]);
    list.push(steps.home.plan().into());
    let ended = steps.run("show", list).await?;
    if !ended.status.success() {
        steps.log.write(&ended.stderr.read().unwrap_or_default());
        return Err(steps.failure("show", &ended));
    }
    ended.stdout.read().map(Bytes::from).map_err(|error| PhaseError::failed("the plan cannot be read", error))
}

/// Has the schemas of the providers in use at hand.
async fn learn_schemas(steps: &Steps<'_>, key: &SchemaKey) -> Result<(), PhaseError> {
    if steps.schemas.has(key) {
        return Ok(());
    }
    let ended = steps.run("schemas", arguments(&["providers", "schema", "-json"])).await?;
    if !ended.status.success() {
        steps.log.write(&ended.stderr.read().unwrap_or_default());
        return Err(steps.failure("providers schema", &ended));
    }
    let (cache, key) = (steps.schemas.clone(), key.clone());
    let stored = tokio::task::spawn_blocking(move || cache.store(&key, &ended.stdout.read()?)).await;
    stored
        .map_err(io::Error::other)
        .and_then(|stored| stored)
        .map_err(|error| PhaseError::failed("the provider schemas cannot be read", error))
}

struct Described {
    summary: PlanSummary,
    redacted: Bytes,
    schemas: Bytes,
}

fn describe(steps: &Steps<'_>, key: &SchemaKey, plan_json: &[u8]) -> Result<Described, PhaseError> {
    let unreadable =
        |error: &dyn std::fmt::Display| PhaseError::failed("the plan cannot be described", error);
    let plan = PlanJson::parse(plan_json).map_err(|error| unreadable(&error))?;
    let summary = plan.summary(steps.document.run.refresh_only).map_err(|error| unreadable(&error))?;
    let kinds = plan.kinds().map_err(|error| unreadable(&error))?;
    let schemas: Box<RawValue> = steps.schemas.select(key, &kinds).map_err(|error| unreadable(&error))?;
    let redacted = plan.redacted(&schemas).map_err(|error| unreadable(&error))?;
    // Terraform's own marks get lost on their way through some resources.
    let redacted = steps.log.mask_json(redacted);
    let schemas = String::from(Box::<str>::from(schemas));
    Ok(Described { summary, redacted: redacted.into(), schemas: schemas.into() })
}

/// What the apply gets: the saved plan and the lock file, nothing else.
fn pack_plan(home: &Home, lock_file: &str) -> io::Result<Bytes> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    archive.append_file("plan.tfplan", &mut open_plain(&home.plan())?)?;
    if !lock_file.is_empty() {
        let mut header = tar::Header::new_gnu();
        header.set_size(lock_file.len() as u64);
        header.set_mode(0o600);
        archive.append_data(&mut header, LOCK_FILE, lock_file.as_bytes())?;
    }
    Ok(archive.into_inner()?.finish()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn wishes_of_the_run_become_flags() {
        let mut run = fixture::document("plan").run;
        assert!(run_arguments(&run).is_empty());
        run.is_destroy = true;
        run.refresh = false;
        run.target_addrs = vec!["a.b[\"x\"]".to_owned()];
        run.replace_addrs = vec!["a.c".to_owned()];
        assert_eq!(run_arguments(&run), ["-destroy", "-refresh=false", "-target=a.b[\"x\"]", "-replace=a.c"]);
    }
}
