//! What clients may write of a workspace.

use carnet_model::{ExecutionMode, NameError, Organization, ProjectId, Tag, Workspace, WorkspaceName};
use serde::Deserialize;
use serde_json::Value;

use super::credential_rules::identity_token_ttl;
use super::workspace_tags::parse_bindings;
use crate::document::{Doc, present};
use crate::error::ApiError;
use crate::extract::Context;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct WorkspaceInput {
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    execution_mode: Option<String>,
    operations: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    terraform_version: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    working_directory: Option<Option<String>>,
    auto_apply: Option<bool>,
    allow_destroy_plan: Option<bool>,
    structured_run_output_enabled: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    identity_token_ttl: Option<Option<Value>>,
    vcs_repo: Option<Value>,
}

pub(super) fn tags_of(doc: &Doc<WorkspaceInput>) -> Result<Option<Vec<Tag>>, ApiError> {
    let flat = doc.to_many("tags")?;
    let bindings = doc.to_many("tag-bindings")?;
    if flat.is_none() && bindings.is_none() {
        return Ok(None);
    }
    let mut tags = parse_bindings(&bindings.unwrap_or_default())?;
    for one in flat.unwrap_or_default() {
        let name = one.attributes.as_ref().and_then(|attributes| attributes.get("name")?.as_str());
        let name = name.ok_or_else(|| ApiError::invalid("/data/relationships/tags", "a tag needs a name"))?;
        tags.push(Tag::new(name, "")?);
    }
    Ok(Some(tags))
}

/// Applies what the document says to the workspace.
pub(super) async fn change(
    cx: &mut Context,
    organization: &Organization,
    workspace: &mut Workspace,
    doc: &Doc<WorkspaceInput>,
) -> Result<(), ApiError> {
    let input = &doc.attributes;
    if let Some(name) = input.name.as_deref() {
        workspace.name = parsed_name(name)?;
    }
    if let Some(description) = &input.description {
        workspace.description = description.clone().unwrap_or_default();
    }
    workspace.execution_mode = execution_mode(input, workspace.execution_mode)?;
    if let Some(version) = &input.terraform_version {
        workspace.terraform_version = terraform_version(version.as_deref())?;
    }
    if let Some(folder) = &input.working_directory {
        workspace.working_directory = working_directory(folder.as_deref().unwrap_or_default())?;
    }
    if input.vcs_repo.as_ref().is_some_and(|repository| !repository.is_null()) {
        return Err(ApiError::attribute("vcs-repo", "this server has no version control integration"));
    }
    workspace.auto_apply = input.auto_apply.unwrap_or(workspace.auto_apply);
    workspace.allow_destroy_plan = input.allow_destroy_plan.unwrap_or(workspace.allow_destroy_plan);
    workspace.structured_run_output =
        input.structured_run_output_enabled.unwrap_or(workspace.structured_run_output);
    if let Some(ttl) = &input.identity_token_ttl {
        workspace.identity_token_ttl = identity_token_ttl(ttl.as_ref())?;
    }
    if let Some(Some(project)) = doc.to_one("project")? {
        let missing =
            || ApiError::invalid("/data/relationships/project", "no such project in this organization");
        let id: ProjectId = project.id.parse().map_err(|_| missing())?;
        let project = cx.tx.project(&id).await?.ok_or_else(missing)?;
        if project.organization_id != organization.id {
            return Err(missing());
        }
        (workspace.project_id, workspace.project_name) = (project.id, project.name);
    }
    Ok(())
}

fn execution_mode(input: &WorkspaceInput, current: ExecutionMode) -> Result<ExecutionMode, ApiError> {
    match (input.execution_mode.as_deref(), input.operations) {
        (Some(_), Some(_)) => {
            Err(ApiError::attribute("operations", "Operations and execution-mode cannot be set together"))
        }
        (Some(mode), None) => {
            mode.parse().map_err(|error: String| ApiError::attribute("execution-mode", error))
        }
        (None, Some(true)) => Ok(ExecutionMode::Remote),
        (None, Some(false)) => Ok(ExecutionMode::Local),
        (None, None) => Ok(current),
    }
}

fn terraform_version(version: Option<&str>) -> Result<String, ApiError> {
    let version = version.unwrap_or("latest").trim();
    let is_version = |character: char| character.is_ascii_alphanumeric() || " .,<>=!~-+".contains(character);
    if version.is_empty() || version.len() > 60 || !version.chars().all(is_version) {
        return Err(ApiError::attribute(
            "terraform-version",
            "a version like 1.11.4, a constraint like ~> 1.11.0, or latest",
        ));
    }
    Ok(version.to_owned())
}

fn working_directory(folder: &str) -> Result<String, ApiError> {
    let folder = folder.trim_matches('/');
    if folder.split('/').any(|part| part == "..") || folder.contains(['\0', '\\']) || folder.len() > 512 {
        return Err(ApiError::attribute(
            "working-directory",
            "a folder inside the configuration, without .. in it",
        ));
    }
    Ok(folder.to_owned())
}

pub(super) fn parsed_name(name: &str) -> Result<WorkspaceName, ApiError> {
    name.parse().map_err(|error: NameError| error.into())
}
