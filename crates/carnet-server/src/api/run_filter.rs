//! Which runs a list asks for.

use carnet_model::{OrgId, RunSource, RunStatus, Timestamp};
use carnet_store::{Grantee, RunFilter, RunKinds};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::error::ApiError;
use crate::extract::{Context, Params};

/// Reads the filter; `None` when nothing can pass it.
pub(crate) fn filter(params: &Params, now: Timestamp) -> Result<Option<RunFilter>, ApiError> {
    let operations = params.list("filter[operation]");
    let kinds = (!operations.is_empty()).then(|| kinds(&operations));
    let statuses = statuses(params);
    let sources = sources(params);
    let is_impossible = kinds == Some(RunKinds::default())
        || statuses.as_ref().is_some_and(Vec::is_empty)
        || sources.as_ref().is_some_and(Vec::is_empty)
        // No configuration comes from version control, so no run has a commit.
        || params.get("search[commit]").is_some();
    let (since, before) = timeframe(params, now)?;
    if is_impossible {
        return Ok(None);
    }
    Ok(Some(RunFilter {
        kinds,
        statuses: statuses.unwrap_or_default(),
        sources: sources.unwrap_or_default(),
        workspace_names: params.list("filter[workspace_names]"),
        agent_pool_names: params.list("filter[agent_pool_names]"),
        since,
        before,
        user: params.get("search[user]").unwrap_or_default().to_owned(),
        text: params.get("search[basic]").unwrap_or_default().to_owned(),
    }))
}

/// Whose grants decide which runs of the organization the caller sees; `None` for callers that see all of them.
pub(crate) async fn viewer(cx: &mut Context, organization: &OrgId) -> Result<Option<Grantee>, ApiError> {
    let standing = cx.standing(organization).await?;
    let granted = standing.organization;
    let sees_all = cx.is_site_admin()
        || standing.is_owner
        || granted.read_workspaces
        || granted.manage_workspaces
        || granted.manage_projects;
    Ok(cx.grantee().filter(|_| !sees_all))
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

/// The wanted sources; `None` for any. Sources that do not exist here are passed over.
fn sources(params: &Params) -> Option<Vec<RunSource>> {
    let named = params.list("filter[source]");
    (!named.is_empty()).then(|| named.iter().filter_map(|name| name.parse().ok()).collect())
}

/// The moments between which the runs were made: within the year of this number, or within the last twelve months.
fn timeframe(params: &Params, now: Timestamp) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiError> {
    let Some(text) = params.get("filter[timeframe]") else {
        return Ok((None, None));
    };
    if text == "year" {
        let today = now.to_zoned(TimeZone::UTC);
        let before = today.checked_sub(jiff::Span::new().years(1)).map_err(ApiError::internal)?;
        return Ok((Some(before.timestamp()), None));
    }
    let start_of = |year: i16| {
        let day = Date::new(year, 1, 1).ok()?;
        Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let year: Option<i16> = text.parse().ok().filter(|year| (1970..9999).contains(year));
    let frame = year.and_then(|year| Some((start_of(year)?, start_of(year + 1)?)));
    match frame {
        Some((since, before)) => Ok((Some(since), Some(before))),
        None => Err(ApiError::BadRequest("filter[timeframe] is a year, or the word year".to_owned())),
    }
}
