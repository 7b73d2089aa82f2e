//! Which runs a list asks for.

use carnet_model::RunStatus;
use carnet_store::{RunFilter, RunKinds};

use crate::extract::Params;

/// Reads the filter; `None` when nothing can pass it.
pub(crate) fn filter(params: &Params) -> Option<RunFilter> {
    let operations = params.list("filter[operation]");
    let kinds = (!operations.is_empty()).then(|| kinds(&operations));
    if kinds == Some(RunKinds::default()) {
        return None;
    }
    let statuses = statuses(params);
    if statuses.as_ref().is_some_and(Vec::is_empty) {
        return None;
    }
    Some(RunFilter {
        kinds,
        statuses: statuses.unwrap_or_default(),
        sources: params.list("filter[source]"),
        workspace_names: params.list("filter[workspace_names]"),
        text: params.get("search[basic]").unwrap_or_default().to_owned(),
    })
}

fn kinds(operations: &[String]) -> RunKinds {
    let has = |name: &str| operations.iter().any(|operation| operation == name);
    RunKinds {
        plan_only: has("plan_only"),
        plan_and_apply: has("plan_and_apply"),
        save_plan: has("save_plan"),
        refresh_only: has("refresh_only"),
        destroy: has("destroy"),
        empty_apply: has("empty_apply"),
    }
}

/// The wanted statuses; `None` for any. Statuses that do not exist here are passed over.
fn statuses(params: &Params) -> Option<Vec<RunStatus>> {
    let named = params.list("filter[status]");
    let group = params.get("filter[status_group]");
    if named.is_empty() && group.is_none() {
        return None;
    }
    let is_wanted = |status: &RunStatus| {
        let in_group = match group {
            Some("final") => status.is_final(),
            Some("non_final") => !status.is_final(),
            Some("discardable") => status.is_discardable(),
            Some(_) | None => true,
        };
        in_group && (named.is_empty() || named.iter().any(|name| name == status.as_str()))
    };
    Some(RunStatus::ALL.into_iter().filter(is_wanted).collect())
}
