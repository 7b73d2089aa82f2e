//! Workspaces: create, read, update, delete. Locks and tags have files of their own.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, StatusCode};
use carnet_model::{
    OrgId, OrgName, Permission, Phase, ProjectId, SubjectPart, TokenOwner, Workspace, WorkspaceId,
    WorkspaceName, WorkspaceSource, subject_warnings,
};
use carnet_store::{StoreError, WorkspaceAudience, WorkspaceFilter, WorkspaceOrder};

use super::subject_graces::keep_for_days;
use super::subject_previews::SubjectChange;
use super::subject_settings::workspace_scope;
use super::workspace_blobs::delete_blobs;
use super::workspace_document::{Wanted, add_statistics, document, document_in, included, may_force_delete};
use super::workspace_input::{WorkspaceInput, change, parsed_name, refuse_closed_pool, refuse_move, tags_of};
use super::workspace_locks::holder;
use super::workspace_tags::bind;
use crate::app::entropy;
use crate::document::{ActionBody, Doc};
use crate::error::ApiError;
use crate::extract::{Context, Id, Ids, Params, Read, Write};
use crate::ledger::{Names, record_names};
use crate::reply::{Reply, list, no_content, ok_with, with_warnings};
use crate::route::{Access, Routes};
use crate::subjects::{Subjects, refuse_kept_name, subject_of};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadWorkspace);
    let manage = Access::Allowed(Permission::UpdateWorkspace);
    let remove = Access::Allowed(Permission::DeleteWorkspace);
    let by_name = "/api/v2/organizations/{organization}/workspaces/{workspace}";
    let by_id = "/api/v2/workspaces/{workspace}";
    Routes::default()
        .get("/api/v2/organizations/{organization}/workspaces", read, index)
        .post(
            "/api/v2/organizations/{organization}/workspaces",
            Access::Allowed(Permission::CreateWorkspaces),
            create,
        )
        .get(by_name, read, show_by_name)
        .patch(by_name, manage, update_by_name)
        .delete(by_name, remove, delete_by_name)
        .post(&format!("{by_name}/actions/safe-delete"), remove, safe_delete_by_name)
        .get(by_id, read, show)
        .patch(by_id, manage, update)
        .delete(by_id, remove, delete)
        .post(&format!("{by_id}/actions/safe-delete"), remove, safe_delete)
}

async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let wanted = Wanted::new(&params)?;
    let page = params.page()?;
    let mut filter = filter(&params)?;
    filter.audience = audience(&mut cx, &organization.id).await?;
    let (workspaces, total) =
        cx.tx.workspace_page(&organization.id, &filter, (page.offset(), page.size)).await?;
    let (mut data, mut related, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
    for workspace in &workspaces {
        let mut document = document_in(&mut cx, workspace, &organization).await?;
        for one in included(&mut cx, workspace, &organization, &wanted, &mut document).await? {
            if known.insert((one.kind.clone(), one.id.clone())) {
                related.push(one);
            }
        }
        data.push(document);
    }
    list(&format!("/api/v2/organizations/{name}/workspaces"), data, related, page.of(total))
}

/// Who reads a list of workspaces of the organization: some see all of them, others those of their teams.
pub(super) async fn audience(cx: &mut Context, organization: &OrgId) -> Result<WorkspaceAudience, ApiError> {
    let standing = cx.standing(organization).await?;
    let granted = standing.organization;
    if cx.is_site_admin()
        || standing.is_owner
        || granted.manage_projects
        || granted.manage_workspaces
        || granted.read_workspaces
    {
        return Ok(WorkspaceAudience::Everything);
    }
    match &cx.owner {
        TokenOwner::User { user_id, .. } => Ok(WorkspaceAudience::User(user_id.clone())),
        TokenOwner::Team { team_id, .. } => Ok(WorkspaceAudience::Team(team_id.clone())),
        TokenOwner::Organization { organization_id, .. } if organization_id == organization => {
            Ok(WorkspaceAudience::Everything)
        }
        TokenOwner::Organization { .. }
        | TokenOwner::AuditTrail { .. }
        | TokenOwner::Agent { .. }
        | TokenOwner::Run { .. } => Err(ApiError::NotFound),
    }
}

fn filter(params: &Params) -> Result<WorkspaceFilter, ApiError> {
    let mut tags: Vec<(String, Option<String>)> =
        params.list("search[tags]").into_iter().map(|key| (key, None)).collect();
    tags.extend(params.tagged());
    let project_id = params.get("filter[project][id]").map(str::parse::<ProjectId>).transpose()?;
    Ok(WorkspaceFilter {
        name: params.get("search[name]").map(str::to_owned),
        wildcard_name: params.get("search[wildcard-name]").map(str::to_owned),
        project_id,
        run_statuses: params.list("filter[current-run][status]"),
        tags,
        excluded_tags: params.list("search[exclude-tags]"),
        order: order(params),
        ..WorkspaceFilter::default()
    })
}

fn order(params: &Params) -> WorkspaceOrder {
    match params.get("sort") {
        Some("-name") => WorkspaceOrder::NameDescending,
        Some("current-run.created-at") => WorkspaceOrder::CurrentRun,
        Some("-current-run.created-at") => WorkspaceOrder::CurrentRunDescending,
        Some("latest-change-at") => WorkspaceOrder::LatestChange,
        Some("-latest-change-at") => WorkspaceOrder::LatestChangeDescending,
        _ => WorkspaceOrder::Name,
    }
}

async fn create(
    Write(mut cx): Write,
    Id(name): Id<OrgName>,
    headers: HeaderMap,
    doc: Doc<WorkspaceInput>,
) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let name = doc.attributes.name.as_deref();
    let name = name.ok_or_else(|| ApiError::attribute("name", "Name can't be blank"))?;
    let project = cx.tx.project(&organization.default_project_id).await?.ok_or(ApiError::NotFound)?;
    let id = WorkspaceId::from_entropy(entropy()?);
    let mut workspace = Workspace::new(id, parsed_name(name)?, &organization, &project, cx.now);
    if is_cloud_integration(&headers) || headers.contains_key("terraform-version") {
        workspace.source = WorkspaceSource::Terraform;
    }
    change(&mut cx, &organization, &mut workspace, &doc).await?;
    match cx.project(&workspace.project_id, Permission::CreateWorkspaces).await {
        // Every organization has its default project: whoever sees the organization may know what is missing there.
        Err(ApiError::NotFound) if workspace.project_id == organization.default_project_id => {
            return Err(cx.refusal(true, Permission::CreateWorkspaces));
        }
        other => other?,
    };
    refuse_kept_workspace_name(&mut cx, &workspace).await?;
    cx.tx.insert_workspace(&workspace).await.map_err(taken)?;
    record_names(&mut cx.tx, None, Some(names(&workspace)));
    refuse_closed_pool(&mut cx, &workspace).await?;
    for tag in tags_of(&doc)?.unwrap_or_default() {
        bind(&mut cx, &workspace, &tag).await?;
    }
    let workspace = cx.tx.workspace(&workspace.id).await?.ok_or(ApiError::NotFound)?;
    let document = document_in(&mut cx, &workspace, &organization).await?;
    let mut warnings = doc.attributes.warnings();
    let subject = subject_of(&mut cx.tx, &workspace.id, (Phase::Apply, None), cx.now).await?;
    warnings.extend(subject_warnings(&subject));
    cx.tx.commit().await?;
    with_warnings(StatusCode::CREATED, document, warnings)
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::attribute("name", "Name has already been taken"),
        other => other.into(),
    }
}

/// The workspace of this name, if the caller may do this with it.
pub(crate) async fn named(
    cx: &mut Context,
    organization: &OrgName,
    name: &WorkspaceName,
    permission: Permission,
) -> Result<Workspace, ApiError> {
    let organization = cx.tx.organization(organization).await?.ok_or(ApiError::NotFound)?;
    let workspace = cx.tx.workspace_by_name(&organization.id, name).await?.ok_or(ApiError::NotFound)?;
    cx.workspace(&workspace.id, permission).await
}

async fn show_by_name(
    Read(mut cx): Read,
    Ids(organization, name): Ids<OrgName, WorkspaceName>,
    params: Params,
) -> Reply {
    let workspace = named(&mut cx, &organization, &name, Permission::ReadWorkspace).await?;
    shown(&mut cx, &workspace, &params).await
}

async fn show(Read(mut cx): Read, Id(id): Id<WorkspaceId>, params: Params) -> Reply {
    let workspace = cx.workspace(&id, Permission::ReadWorkspace).await?;
    shown(&mut cx, &workspace, &params).await
}

async fn shown(cx: &mut Context, workspace: &Workspace, params: &Params) -> Reply {
    let wanted = Wanted::new(params)?;
    let organization = cx.tx.organization_by_id(&workspace.organization_id).await?;
    let organization = organization.ok_or(ApiError::NotFound)?;
    let mut document = document_in(cx, workspace, &organization).await?;
    if cx.may(Permission::ReadRuns, &organization.id, Some(&workspace.id)).await? {
        add_statistics(&mut document, &cx.tx.workspace_statistics(&workspace.id).await?);
    }
    let included = included(cx, workspace, &organization, &wanted, &mut document).await?;
    ok_with(document, included)
}

async fn update_by_name(
    Write(mut cx): Write,
    Ids(organization, name): Ids<OrgName, WorkspaceName>,
    doc: Doc<WorkspaceInput>,
) -> Reply {
    let workspace = named(&mut cx, &organization, &name, Permission::UpdateWorkspace).await?;
    updated(cx, workspace, doc).await
}

async fn update(Write(mut cx): Write, Id(id): Id<WorkspaceId>, doc: Doc<WorkspaceInput>) -> Reply {
    let workspace = cx.workspace(&id, Permission::UpdateWorkspace).await?;
    updated(cx, workspace, doc).await
}

async fn updated(mut cx: Context, mut workspace: Workspace, doc: Doc<WorkspaceInput>) -> Reply {
    let organization =
        cx.tx.organization_by_id(&workspace.organization_id).await?.ok_or(ApiError::NotFound)?;
    let (from, old_name) = (workspace.project_id.clone(), workspace.name.clone());
    let subjects = Subjects::of(&mut cx.tx, &workspace.id, cx.now).await?;
    let kept = match doc.attributes.keep_subject_days {
        Some(days) => {
            let scope = workspace_scope(&mut cx, &workspace.id, Permission::UpdateProject).await?;
            Some(keep_for_days(&mut cx, &scope, days).await?)
        }
        None => None,
    };
    change(&mut cx, &organization, &mut workspace, &doc).await?;
    refuse_move(&mut cx, &from, &workspace).await?;
    refuse_kept_workspace_name(&mut cx, &workspace).await?;
    cx.tx.update_workspace(&workspace, cx.now).await.map_err(taken)?;
    let before = Names::new(old_name.as_str(), Some(from.as_str()));
    let after = Names { kept: kept.as_ref(), ..names(&workspace) };
    record_names(&mut cx.tx, Some(before), Some(after));
    refuse_closed_pool(&mut cx, &workspace).await?;
    if let Some(tags) = tags_of(&doc)? {
        cx.tx.clear_tags(&workspace.id).await?;
        for tag in tags {
            bind(&mut cx, &workspace, &tag).await?;
        }
    }
    let workspace = cx.tx.workspace(&workspace.id).await?.ok_or(ApiError::NotFound)?;
    let document = document(&mut cx, &workspace).await?;
    let mut warnings = doc.attributes.warnings();
    warnings.extend(subject_remarks(&mut cx, &subjects, &workspace).await?);
    cx.tx.commit().await?;
    with_warnings(StatusCode::OK, document, warnings)
}

fn names(workspace: &Workspace) -> Names<'_> {
    Names::new(workspace.name.as_str(), Some(workspace.project_id.as_str()))
}

/// What the change made of the subject of identity tokens, if it made anything of it.
async fn subject_remarks(
    cx: &mut Context,
    before: &Subjects,
    workspace: &Workspace,
) -> Result<Vec<String>, ApiError> {
    let after = Subjects::of(&mut cx.tx, &workspace.id, cx.now).await?;
    let change = SubjectChange::between(&mut cx.tx, before, &after, cx.now).await?;
    let mut remarks = change.warnings();
    if !remarks.is_empty() {
        remarks.extend(subject_warnings(&after.later_subject(Phase::Apply, None)));
    }
    Ok(remarks)
}

async fn refuse_kept_workspace_name(cx: &mut Context, workspace: &Workspace) -> Result<(), ApiError> {
    let name = (SubjectPart::Workspace, workspace.id.as_str(), workspace.name.as_str());
    refuse_kept_name(&mut cx.tx, name, &workspace.organization_id, cx.now).await
}

async fn delete_by_name(Write(mut cx): Write, Ids(organization, name): Ids<OrgName, WorkspaceName>) -> Reply {
    let workspace = named(&mut cx, &organization, &name, Permission::DeleteWorkspace).await?;
    refuse_force(&mut cx, &workspace).await?;
    deleted(cx, &workspace).await
}

async fn delete(Write(mut cx): Write, Id(id): Id<WorkspaceId>) -> Reply {
    let workspace = cx.workspace(&id, Permission::DeleteWorkspace).await?;
    refuse_force(&mut cx, &workspace).await?;
    deleted(cx, &workspace).await
}

async fn safe_delete_by_name(
    Write(mut cx): Write,
    Ids(organization, name): Ids<OrgName, WorkspaceName>,
    _: ActionBody,
) -> Reply {
    let workspace = named(&mut cx, &organization, &name, Permission::DeleteWorkspace).await?;
    refuse_unsafe(&mut cx, &workspace).await?;
    deleted(cx, &workspace).await
}

async fn safe_delete(Write(mut cx): Write, Id(id): Id<WorkspaceId>, _: ActionBody) -> Reply {
    let workspace = cx.workspace(&id, Permission::DeleteWorkspace).await?;
    refuse_unsafe(&mut cx, &workspace).await?;
    deleted(cx, &workspace).await
}

/// Whatever the workspace manages is forgotten, so the owners of the organization may reserve it for themselves.
async fn refuse_force(cx: &mut Context, workspace: &Workspace) -> Result<(), ApiError> {
    let organization = cx.tx.organization_by_id(&workspace.organization_id).await?;
    let organization = organization.ok_or(ApiError::NotFound)?;
    let rights = cx.workspace_rights(&organization.id, Some(&workspace.id)).await?;
    if may_force_delete(&rights, &organization) {
        return Ok(());
    }
    Err(ApiError::Forbidden(
        "only owners of this organization may delete workspaces by force; use a safe delete, which refuses \
         workspaces that manage resources"
            .to_owned(),
    ))
}

async fn refuse_unsafe(cx: &mut Context, workspace: &Workspace) -> Result<(), ApiError> {
    if workspace.lock.is_some() {
        let holder = holder(&mut cx.tx, workspace).await?;
        return Err(ApiError::Conflict(format!("the workspace is locked by {holder}; unlock it first")));
    }
    if cx.tx.has_pending_state(&workspace.id).await? {
        return Err(ApiError::Conflict("the latest state version is still being processed".to_owned()));
    }
    if workspace.resource_count > 0 {
        return Err(ApiError::Conflict(format!(
            "the workspace still manages {} resource(s); destroy them first",
            workspace.resource_count
        )));
    }
    Ok(())
}

async fn deleted(mut cx: Context, workspace: &Workspace) -> Reply {
    if cx.tx.workspace_has_running_jobs(&workspace.id).await? {
        return Err(ApiError::Conflict("a run of this workspace is executing; cancel it first".to_owned()));
    }
    let contents = cx.tx.workspace_contents(&workspace.id).await?;
    cx.tx.delete_workspace(&workspace.id).await?;
    record_names(&mut cx.tx, Some(names(workspace)), None);
    cx.tx.commit().await?;
    delete_blobs(&cx.app, contents).await;
    no_content()
}

/// The header by which the CLI tells that its `cloud` block made a request.
pub(crate) fn is_cloud_integration(headers: &HeaderMap) -> bool {
    headers.get("x-terraform-integration").is_some_and(|value| value == "cloud")
}

#[cfg(test)]
mod tests;
