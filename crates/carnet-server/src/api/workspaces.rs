//! Workspaces: create, read, update, delete. Locks and tags have files of their own.

use axum::http::HeaderMap;
use carnet_api::jsonapi::Resource;
use carnet_model::{ExecutionMode, OrgName, Permission, ProjectId, Workspace, WorkspaceId, WorkspaceName};
use carnet_store::{StoreError, WorkspaceFilter};

use super::workspace_blobs::delete_blobs;
use super::workspace_document::{included, resource};
use super::workspace_input::{WorkspaceInput, change, parsed_name, tags_of};
use super::workspace_tags::bind;
use crate::app::entropy;
use crate::document::{ActionBody, Doc};
use crate::error::ApiError;
use crate::extract::{Context, Id, Ids, Params, Read, Write};
use crate::reply::{Reply, created, list, no_content, ok, ok_with, page_of};
use crate::route::{Access, Routes};

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
    let filter = filter(&params)?;
    let mut workspaces = cx.tx.workspaces(&organization.id, &filter).await?;
    if let Some(pattern) = params.get("search[wildcard-name]") {
        workspaces.retain(|workspace| matches_wildcard(workspace.name.as_str(), pattern));
    }
    if params.get("sort") == Some("-name") {
        workspaces.reverse();
    }
    let (workspaces, pagination) = page_of(workspaces, params.page()?);
    let mut related = Vec::new();
    for workspace in &workspaces {
        for one in included(&mut cx, workspace, &params).await? {
            if !related.iter().any(|other: &Resource| other.id == one.id && other.kind == one.kind) {
                related.push(one);
            }
        }
    }
    let data = workspaces.iter().map(|workspace| resource(workspace, true)).collect();
    list(&format!("/api/v2/organizations/{name}/workspaces"), data, related, pagination)
}

fn filter(params: &Params) -> Result<WorkspaceFilter, ApiError> {
    let mut tags: Vec<(String, Option<String>)> =
        params.list("search[tags]").into_iter().map(|key| (key, None)).collect();
    for index in 0..10 {
        if let Some(key) = params.get(&format!("filter[tagged][{index}][key]")) {
            let value = params.get(&format!("filter[tagged][{index}][value]"));
            tags.push((key.to_owned(), value.map(str::to_owned)));
        }
    }
    let project_id = params.get("filter[project][id]").map(str::parse::<ProjectId>).transpose()?;
    Ok(WorkspaceFilter {
        name: params.get("search[name]").map(str::to_owned),
        project_id,
        tags,
        excluded_tags: params.list("search[exclude-tags]"),
    })
}

/// A `*` at the start, the end, or both stands for anything.
fn matches_wildcard(name: &str, pattern: &str) -> bool {
    let (name, pattern) = (name.to_ascii_lowercase(), pattern.to_ascii_lowercase());
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => name.contains(pattern.trim_matches('*')),
        (Some(end), None) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == pattern,
    }
}

async fn create(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<WorkspaceInput>) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let input = &doc.attributes;
    let name = input.name.as_deref().ok_or_else(|| ApiError::attribute("name", "Name can't be blank"))?;
    let mut workspace = Workspace {
        id: WorkspaceId::from_entropy(entropy()?),
        name: parsed_name(name)?,
        organization_id: organization.id.clone(),
        organization_name: organization.name.clone(),
        project_id: organization.default_project_id.clone(),
        project_name: carnet_model::DEFAULT_PROJECT.parse()?,
        description: String::new(),
        execution_mode: ExecutionMode::Remote,
        terraform_version: "latest".to_owned(),
        working_directory: String::new(),
        auto_apply: false,
        allow_destroy_plan: true,
        structured_run_output: true,
        identity_token_ttl: None,
        lock: None,
        current_run_id: None,
        current_state_version_id: None,
        current_configuration_version_id: None,
        resource_count: 0,
        tags: Vec::new(),
        created_at: cx.now,
        updated_at: cx.now,
    };
    change(&mut cx, &organization, &mut workspace, &doc).await?;
    cx.project(&workspace.project_id, Permission::CreateWorkspaces).await?;
    cx.tx.insert_workspace(&workspace).await.map_err(taken)?;
    for tag in tags_of(&doc)?.unwrap_or_default() {
        bind(&mut cx, &workspace, &tag).await?;
    }
    let workspace = cx.tx.workspace(&workspace.id).await?.ok_or(ApiError::NotFound)?;
    cx.tx.commit().await?;
    created(resource(&workspace, true))
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::attribute("name", "Name has already been taken"),
        other => other.into(),
    }
}

async fn named(
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
    let can_manage =
        cx.may(Permission::UpdateWorkspace, &workspace.organization_id, Some(&workspace.id)).await?;
    let included = included(cx, workspace, params).await?;
    ok_with(resource(workspace, can_manage), included)
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
    change(&mut cx, &organization, &mut workspace, &doc).await?;
    cx.tx.update_workspace(&workspace, cx.now).await.map_err(taken)?;
    if let Some(tags) = tags_of(&doc)? {
        cx.tx.clear_tags(&workspace.id).await?;
        for tag in tags {
            bind(&mut cx, &workspace, &tag).await?;
        }
    }
    let workspace = cx.tx.workspace(&workspace.id).await?.ok_or(ApiError::NotFound)?;
    cx.tx.commit().await?;
    ok(resource(&workspace, true))
}

async fn delete_by_name(Write(mut cx): Write, Ids(organization, name): Ids<OrgName, WorkspaceName>) -> Reply {
    let workspace = named(&mut cx, &organization, &name, Permission::DeleteWorkspace).await?;
    deleted(cx, &workspace).await
}

async fn delete(Write(mut cx): Write, Id(id): Id<WorkspaceId>) -> Reply {
    let workspace = cx.workspace(&id, Permission::DeleteWorkspace).await?;
    deleted(cx, &workspace).await
}

async fn safe_delete_by_name(
    Write(mut cx): Write,
    Ids(organization, name): Ids<OrgName, WorkspaceName>,
    _: ActionBody,
) -> Reply {
    let workspace = named(&mut cx, &organization, &name, Permission::DeleteWorkspace).await?;
    refuse_unsafe(&workspace)?;
    deleted(cx, &workspace).await
}

async fn safe_delete(Write(mut cx): Write, Id(id): Id<WorkspaceId>, _: ActionBody) -> Reply {
    let workspace = cx.workspace(&id, Permission::DeleteWorkspace).await?;
    refuse_unsafe(&workspace)?;
    deleted(cx, &workspace).await
}

fn refuse_unsafe(workspace: &Workspace) -> Result<(), ApiError> {
    if workspace.lock.is_some() {
        return Err(ApiError::Conflict("the workspace is locked; unlock it first".to_owned()));
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
    cx.tx.commit().await?;
    delete_blobs(&cx.app, contents).await;
    no_content()
}

/// The header by which the CLI tells that its `cloud` block made a request.
pub(crate) fn is_cloud_integration(headers: &HeaderMap) -> bool {
    headers.get("x-terraform-integration").is_some_and(|value| value == "cloud")
}

#[cfg(test)]
mod tests {
    use super::matches_wildcard;

    #[test]
    fn a_wildcard_stands_at_either_end() {
        assert!(matches_wildcard("net-prod", "net*"));
        assert!(matches_wildcard("net-prod", "*PROD"));
        assert!(matches_wildcard("net-prod", "*t-p*"));
        assert!(matches_wildcard("net-prod", "net-prod"));
        assert!(!matches_wildcard("net-prod", "prod*"));
    }
}
