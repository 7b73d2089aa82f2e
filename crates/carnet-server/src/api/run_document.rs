//! A run as clients read it.

use std::collections::{BTreeMap, BTreeSet};

use carnet_api::jsonapi::Resource;
use carnet_model::{
    Permission, Phase, Run, RunDecision, RunEvent, RunId, RunRights, RunStatus, StatusTimestamps, Timestamp,
    UserId, Workspace, WorkspaceId,
};
use carnet_store::RunVariables;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::{account, applies, configuration_versions, plans, workspace_document};
use crate::error::ApiError;
use crate::extract::{Context, Params};
use crate::jobs::still_unrevoked;

/// A run as the caller may read it.
pub(crate) async fn document(cx: &mut Context, run: &Run) -> Result<Resource, ApiError> {
    documents(cx, std::slice::from_ref(run)).await?.pop().ok_or(ApiError::NotFound)
}

/// Runs as the caller may read them.
pub(crate) async fn documents(cx: &mut Context, runs: &[Run]) -> Result<Vec<Resource>, ApiError> {
    let ids: Vec<RunId> = runs.iter().map(|run| run.id.clone()).collect();
    let mut events = cx.tx.events_of_runs(&ids).await?;
    let mut variables = cx.tx.variables_of_runs(&ids).await?;
    let mut known: BTreeMap<&WorkspaceId, RunRights> = BTreeMap::new();
    let mut found = Vec::with_capacity(runs.len());
    for run in runs {
        let rights = match known.get(&run.workspace_id) {
            Some(rights) => *rights,
            None => rights(cx, run).await?,
        };
        known.insert(&run.workspace_id, rights);
        let events = events.remove(&run.id).unwrap_or_default();
        let variables = variables.remove(&run.id).unwrap_or_default();
        let position = cx.tx.queue_position(run).await?;
        let mut attributes = attributes(run, cx.now);
        attributes["permissions"] = permissions(run, rights, cx.user_id());
        attributes["position-in-queue"] = json!(position);
        attributes["variables"] = if rights.plans { shown(&variables) } else { json!([]) };
        attributes["unrevoked-credentials"] = json!(still_unrevoked(&events));
        found.push(resource(run, attributes, &events));
    }
    Ok(found)
}

/// What the caller may do with the runs of the workspace of this one.
pub(crate) async fn rights(cx: &mut Context, run: &Run) -> Result<RunRights, ApiError> {
    let rights = cx.workspace_rights(&run.organization_id, Some(&run.workspace_id)).await?;
    Ok(RunRights { plans: rights.may(Permission::QueuePlans), applies: rights.may(Permission::ApplyRuns) })
}

fn resource(run: &Run, attributes: Value, events: &[RunEvent]) -> Resource {
    let canceled_by = events.iter().find(|event| event.action == "cancel_requested");
    let canceled_by: Option<&UserId> = canceled_by.and_then(|event| event.actor_id.as_ref());
    Resource::new("runs", &run.id, attributes)
        .to_one("workspace", "workspaces", Some(&run.workspace_id))
        .to_one("plan", "plans", Some(&run.plan_id))
        .to_one("apply", "applies", Some(&run.apply_id))
        .to_one("configuration-version", "configuration-versions", Some(&run.configuration_version_id))
        .to_one("created-by", "users", run.created_by.as_ref())
        .to_one("confirmed-by", "users", run.confirmed_by.as_ref())
        .to_one("canceled-by", "users", canceled_by)
        .to_one("triggering-run", "runs", run.triggering_run_id.as_ref())
        .to_one("cost-estimate", "cost-estimates", None::<&str>)
        .to_many("run-events", "run-events", events.iter().map(|event| &event.id))
        .to_many("comments", "comments", events.iter().filter_map(RunEvent::comment_id))
        .to_many("policy-checks", "policy-checks", Vec::<String>::new())
        .to_many("task-stages", "task-stages", Vec::<String>::new())
        .link("self", format!("/api/v2/runs/{}", run.id))
}

fn shown(variables: &RunVariables) -> Value {
    variables.iter().map(|(key, value)| json!({ "key": key, "value": value.expose_secret() })).collect()
}

fn attributes(run: &Run, now: Timestamp) -> Value {
    let options = &run.options;
    json!({
        "status": run.status.as_str(),
        "status-timestamps": timestamps(&run.status_timestamps),
        "message": run.message,
        "source": run.source.as_str(),
        "trigger-reason": "manual",
        "created-at": run.created_at,
        "updated-at": run.status_timestamps.values().max().copied().unwrap_or(run.created_at),
        "canceled-at": run.canceled_at,
        "force-cancel-available-at": run.force_cancel_available_at,
        "has-changes": run.has_changes,
        "plan-only": options.plan_only,
        "save-plan": options.save_plan,
        "auto-apply": options.auto_apply,
        "allow-empty-apply": options.allow_empty_apply,
        "allow-config-generation": options.allow_config_generation,
        "is-destroy": options.is_destroy,
        "refresh": options.refresh,
        "refresh-only": options.refresh_only,
        "debugging-mode": options.debugging_mode,
        "target-addrs": options.target_addrs,
        "replace-addrs": options.replace_addrs,
        "policy-paths": [],
        "invoke-action-addrs": [],
        "terraform-version": run.terraform_version,
        "actions": {
            "is-cancelable": is_cancelable(run),
            "is-confirmable": run.status.is_confirmable(),
            "is-discardable": run.status.is_discardable(),
            "is-force-cancelable": is_force_cancelable(run, now),
        },
    })
}

fn permissions(run: &Run, rights: RunRights, caller: Option<&UserId>) -> Value {
    let may = |decision| run.may_be_decided(decision, rights, caller);
    json!({
        "can-apply": may(RunDecision::Confirm),
        "can-cancel": may(RunDecision::Cancel),
        "can-comment": rights.plans,
        "can-discard": may(RunDecision::Discard),
        "can-force-cancel": may(RunDecision::ForceCancel),
        "can-force-execute": may(RunDecision::ForceExecute),
        "can-override-policy-check": false,
    })
}

/// Whether the run can be stopped and was not asked to yet.
pub(crate) fn is_cancelable(run: &Run) -> bool {
    run.status.is_cancelable() && run.canceled_at.is_none()
}

/// Whether an agent that was asked to stop had its time.
pub(crate) fn is_force_cancelable(run: &Run, now: Timestamp) -> bool {
    matches!(run.status, RunStatus::Planning | RunStatus::Applying)
        && run.force_cancel_available_at.is_some_and(|time| time <= now)
}

/// Moments by the names that clients know: `plan_queued` becomes `plan-queued-at`.
pub(crate) fn timestamps(moments: &StatusTimestamps) -> Value {
    let named = moments
        .iter()
        .map(|(name, moment)| (format!("{}-at", name.replace('_', "-")), Value::String(moment.to_string())));
    Value::Object(named.collect::<Map<_, _>>())
}

/// The related resources that `include` asks for.
pub(crate) async fn included(
    cx: &mut Context,
    run: &Run,
    workspace: &Workspace,
    params: &Params,
) -> Result<Vec<Resource>, ApiError> {
    // A path into a relation asks for the relation itself, too.
    let wanted: BTreeSet<String> =
        params.include().iter().map(|path| path.split('.').next().unwrap_or(path).to_owned()).collect();
    let mut found = Vec::new();
    if wanted.contains("workspace") {
        found.push(workspace_document::document(cx, workspace).await?);
    }
    if wanted.contains("plan")
        && let Some(phase) = cx.tx.run_phase(&run.id, Phase::Plan).await?
    {
        found.push(plans::resource(cx, run, &phase).await?);
    }
    if wanted.contains("apply")
        && cx.may(Permission::ReadApplies, &run.organization_id, Some(&run.workspace_id)).await?
        && let Some(phase) = cx.tx.run_phase(&run.id, Phase::Apply).await?
    {
        found.push(applies::resource(cx, &phase).await?);
    }
    if wanted.contains("configuration_version")
        && let Some(version) = cx.tx.configuration_version(&run.configuration_version_id).await?
    {
        found.push(configuration_versions::resource(&version, None));
    }
    let mut people: Vec<&UserId> = Vec::new();
    for (name, person) in [("created_by", &run.created_by), ("confirmed_by", &run.confirmed_by)] {
        people.extend(person.as_ref().filter(|person| wanted.contains(name) && !people.contains(person)));
    }
    for person in people {
        found.extend(account::related(cx, &run.organization_id, person).await?);
    }
    Ok(found)
}
