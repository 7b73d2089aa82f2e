//! Old subjects that go on for a stated time: what tokens say now is what they say until then, whatever is renamed or moved.

use axum::http::StatusCode;
use carnet_api::jsonapi::Resource;
use carnet_model::{
    KeptName, MAX_GRACE_DAYS, OrgName, Permission, ProjectId, SubjectPart, Timestamp, WorkspaceId,
};
use carnet_store::SubjectScopes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::subject_settings::{organization_scope, project_scope, workspace_scope};
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Read, Write};
use crate::ledger::record_resources;
use crate::reply::{Reply, json as answer, no_content, ok};
use crate::route::{Access, Routes};
use crate::subjects::Subjects;

const ORGANIZATION: &str = "/api/carnet/v1/organizations/{organization}/subject-grace";
const PROJECT: &str = "/api/carnet/v1/projects/{project}/subject-grace";
const WORKSPACE: &str = "/api/carnet/v1/workspaces/{workspace}/subject-grace";

pub(crate) fn routes() -> Routes {
    let administer = Access::Allowed(Permission::ManageOrganization);
    let manage = Access::Allowed(Permission::UpdateProject);
    Routes::default()
        .get(ORGANIZATION, Access::Allowed(Permission::ReadOrganization), show_of_organization)
        .post(ORGANIZATION, administer, keep_of_organization)
        .delete(ORGANIZATION, administer, end_of_organization)
        .get(PROJECT, Access::Allowed(Permission::ReadProject), show_of_project)
        .post(PROJECT, manage, keep_of_project)
        .delete(PROJECT, manage, end_of_project)
        .get(WORKSPACE, Access::Allowed(Permission::ReadWorkspace), show_of_workspace)
        .post(WORKSPACE, manage, keep_of_workspace)
        .delete(WORKSPACE, manage, end_of_workspace)
}

#[derive(Deserialize)]
struct Input {
    days: Option<i64>,
    until: Option<Timestamp>,
}

async fn show_of_organization(Read(mut cx): Read, Id(name): Id<OrgName>) -> Reply {
    let scope = organization_scope(&mut cx, &name, Permission::ReadOrganization).await?;
    shown(&mut cx, &scope).await
}

async fn keep_of_organization(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<Input>) -> Reply {
    let scope = organization_scope(&mut cx, &name, Permission::ManageOrganization).await?;
    kept(cx, &scope, &doc.attributes).await
}

async fn end_of_organization(Write(mut cx): Write, Id(name): Id<OrgName>) -> Reply {
    let scope = organization_scope(&mut cx, &name, Permission::ManageOrganization).await?;
    ended(cx, &scope).await
}

async fn show_of_project(Read(mut cx): Read, Id(id): Id<ProjectId>) -> Reply {
    let scope = project_scope(&mut cx, &id, Permission::ReadProject).await?;
    shown(&mut cx, &scope).await
}

async fn keep_of_project(Write(mut cx): Write, Id(id): Id<ProjectId>, doc: Doc<Input>) -> Reply {
    let scope = project_scope(&mut cx, &id, Permission::UpdateProject).await?;
    kept(cx, &scope, &doc.attributes).await
}

async fn end_of_project(Write(mut cx): Write, Id(id): Id<ProjectId>) -> Reply {
    let scope = project_scope(&mut cx, &id, Permission::UpdateProject).await?;
    ended(cx, &scope).await
}

async fn show_of_workspace(Read(mut cx): Read, Id(id): Id<WorkspaceId>) -> Reply {
    let scope = workspace_scope(&mut cx, &id, Permission::ReadWorkspace).await?;
    shown(&mut cx, &scope).await
}

async fn keep_of_workspace(Write(mut cx): Write, Id(id): Id<WorkspaceId>, doc: Doc<Input>) -> Reply {
    let scope = workspace_scope(&mut cx, &id, Permission::UpdateProject).await?;
    kept(cx, &scope, &doc.attributes).await
}

/// Whoever manages the project that is still presented may end it, too, wherever the workspace is by now.
async fn end_of_workspace(Write(mut cx): Write, Id(id): Id<WorkspaceId>) -> Reply {
    let workspace = cx.tx.workspace(&id).await?.ok_or(ApiError::NotFound)?;
    let subjects = Subjects::of(&mut cx.tx, &id, cx.now).await?;
    let presented: ProjectId = subjects.presented().project.id.parse()?;
    let organization = &workspace.organization_id;
    if presented != workspace.project_id
        && cx.may_on_project(Permission::UpdateProject, organization, &presented).await?
    {
        return ended(cx, &subjects.sources.scopes).await;
    }
    let scope = workspace_scope(&mut cx, &id, Permission::UpdateProject).await?;
    ended(cx, &scope).await
}

async fn shown(cx: &mut Context, scope: &SubjectScopes) -> Reply {
    let own = own(cx, scope).await?;
    ok(resource(scope, &own).ok_or(ApiError::NotFound)?)
}

/// What is kept by the scope itself and is not over.
async fn own(cx: &mut Context, scope: &SubjectScopes) -> Result<Vec<KeptName>, ApiError> {
    let all = living(cx, scope).await?;
    Ok(all.into_iter().filter(|kept| kept.holder == scope.part()).collect())
}

/// What is kept for the scope, by itself or by what it lies in, and is not over.
async fn living(cx: &mut Context, scope: &SubjectScopes) -> Result<Vec<KeptName>, ApiError> {
    let now = cx.now;
    let all = cx.tx.kept_names(scope).await?;
    Ok(all.into_iter().filter(|kept| kept.until > now).collect())
}

async fn kept(mut cx: Context, scope: &SubjectScopes, input: &Input) -> Reply {
    let until = match (input.days, input.until) {
        (Some(days), None) => {
            let until = in_days(cx.now, days)?;
            at_most_last(&mut cx, scope, until).await?
        }
        (None, Some(until)) => until,
        _ => {
            return Err(ApiError::attribute(
                "days",
                "say either days or until, a moment like 2026-01-05T10:00:00Z",
            ));
        }
    };
    let before = resource(scope, &own(&mut cx, scope).await?);
    keep(&mut cx, scope, until).await?;
    let own = own(&mut cx, scope).await?;
    let data = resource(scope, &own).ok_or_else(|| ApiError::internal("what was kept is not there"))?;
    record_resources(&mut cx.tx, before.as_ref(), Some(&data));
    cx.tx.commit().await?;
    Ok(answer(StatusCode::OK, carnet_api::jsonapi::Document { data, included: Vec::new() }))
}

fn in_days(now: Timestamp, days: i64) -> Result<Timestamp, ApiError> {
    if !(1..=MAX_GRACE_DAYS).contains(&days) {
        return Err(ApiError::attribute(
            "days",
            format!("an old subject is kept for 1 to {MAX_GRACE_DAYS} days"),
        ));
    }
    now.checked_add(jiff::SignedDuration::from_hours(24 * days)).map_err(ApiError::internal)
}

/// Days are whole ones, and the limit counts from the first time: what is less than a day beyond it ends there.
async fn at_most_last(
    cx: &mut Context,
    scope: &SubjectScopes,
    until: Timestamp,
) -> Result<Timestamp, ApiError> {
    let last = last_end(cx.now, &living(cx, scope).await?)?;
    let is_near = until.duration_since(last) < jiff::SignedDuration::from_hours(24);
    Ok(if is_near { until.min(last) } else { until })
}

/// The latest time until which something is kept, given what is kept already.
fn last_end(now: Timestamp, living: &[KeptName]) -> Result<Timestamp, ApiError> {
    in_days(first_time(now, living), MAX_GRACE_DAYS)
}

/// When it was asked for first.
fn first_time(now: Timestamp, living: &[KeptName]) -> Timestamp {
    living.iter().map(|kept| kept.created_at).min().unwrap_or(now)
}

/// The same for changes that take a number of days along; says what is kept and until when, for the entry of the change.
pub(super) async fn keep_for_days(
    cx: &mut Context,
    scope: &SubjectScopes,
    days: i64,
) -> Result<Value, ApiError> {
    let until = in_days(cx.now, days).map_err(|error| match error {
        ApiError::Invalid { detail, .. } => ApiError::attribute("keep-subject-days", detail),
        other => other,
    })?;
    let until = at_most_last(cx, scope, until).await?;
    keep(cx, scope, until).await?;
    let own = own(cx, scope).await?;
    let until = own.first().map(|kept| kept.until);
    Ok(json!({ "until": until, "names": kept_names(&own) }))
}

/// Keeps what tokens of the scope say at present. Only what they really say can be kept, so nobody gets a subject by this that was
/// not its own; and what was kept before is not kept longer than the limit, counted from its first time.
async fn keep(cx: &mut Context, scope: &SubjectScopes, until: Timestamp) -> Result<(), ApiError> {
    let living = living(cx, scope).await?;
    let (last, first) = (last_end(cx.now, &living)?, first_time(cx.now, &living));
    let before: Vec<KeptName> = living.into_iter().filter(|kept| kept.holder == scope.part()).collect();
    if until <= cx.now || until > last {
        return Err(ApiError::attribute(
            "until",
            format!(
                "an old subject is kept until {last} at the latest, {MAX_GRACE_DAYS} days after that was asked for first"
            ),
        ));
    }
    let presented = match &scope.workspace_id {
        Some(workspace) => {
            let presented = Subjects::of(&mut cx.tx, workspace, cx.now).await?.presented();
            refuse_others_project(cx, scope, &presented.project.id).await?;
            SubjectPart::ALL.map(|part| (part, presented.part(part).clone())).to_vec()
        }
        None => {
            let facts = match before.into_iter().next() {
                Some(kept) => kept.facts,
                None => cx.tx.part_facts(scope).await?.ok_or(ApiError::NotFound)?,
            };
            vec![(scope.part(), facts)]
        }
    };
    for (part, facts) in presented {
        let kept = KeptName { holder: scope.part(), part, facts, until, created_at: first };
        cx.tx.keep_name(scope, &kept).await?;
    }
    Ok(())
}

/// A workspace that was moved away presents a project whose managers must agree that it goes on.
async fn refuse_others_project(
    cx: &mut Context,
    scope: &SubjectScopes,
    presented: &str,
) -> Result<(), ApiError> {
    let presented: ProjectId = presented.parse()?;
    if scope.project_id.as_ref() == Some(&presented)
        || cx.may_on_project(Permission::UpdateProject, &scope.organization_id, &presented).await?
    {
        return Ok(());
    }
    Err(ApiError::Forbidden(
        "the workspace still presents a project that you do not manage; whoever manages that one can keep it longer, or end it now \
         and keep what comes then"
            .to_owned(),
    ))
}

async fn ended(mut cx: Context, scope: &SubjectScopes) -> Reply {
    let before = resource(scope, &own(&mut cx, scope).await?);
    if !cx.tx.end_kept_names(scope).await? {
        return Err(ApiError::NotFound);
    }
    record_resources(&mut cx.tx, before.as_ref(), None);
    cx.tx.commit().await?;
    no_content()
}

/// What is kept, as clients read it.
pub(super) fn kept_names<'a>(kept: impl IntoIterator<Item = &'a KeptName>) -> Vec<Value> {
    let name = |kept: &KeptName| {
        json!({
            "holder": kept.holder.as_str(),
            "part": kept.part.as_str(),
            "name": kept.facts.name,
            "id": kept.facts.id,
            "until": kept.until,
        })
    };
    kept.into_iter().map(name).collect()
}

fn resource(scope: &SubjectScopes, own: &[KeptName]) -> Option<Resource> {
    let first = own.first()?;
    let attributes = json!({
        "scope": scope.part().as_str(),
        "until": first.until,
        "created-at": first.created_at,
        "names": kept_names(own),
    });
    Some(Resource::new("subject-graces", scope.id(), attributes))
}
