//! What clients may write of a workspace.

mod execution;

use carnet_model::{
    ActivityDuration, ActivityDurationError, AutoDestroy, NameError, Organization, Permission, Project,
    ProjectId, Tag, TerraformVersion, TerraformVersionError, Timestamp, Workspace, WorkspaceName,
};
use serde::Deserialize;
use serde_json::Value;

use self::execution::{Overwrites, change_execution};
use super::credential_rules::identity_token_ttl;
use super::project_input::kept_for_nothing;
use super::workspace_tags::parse_bindings;
use crate::document::{Doc, present};
use crate::error::ApiError;
use crate::extract::Context;

pub(super) use self::execution::refuse_closed_pool;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct WorkspaceInput {
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    execution_mode: Option<Option<String>>,
    operations: Option<bool>,
    setting_overwrites: Option<Overwrites>,
    #[serde(default, deserialize_with = "present")]
    agent_pool_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    terraform_version: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    working_directory: Option<Option<String>>,
    auto_apply: Option<bool>,
    auto_apply_run_trigger: Option<bool>,
    allow_destroy_plan: Option<bool>,
    queue_all_runs: Option<bool>,
    speculative_enabled: Option<bool>,
    structured_run_output_enabled: Option<bool>,
    file_triggers_enabled: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    trigger_prefixes: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    trigger_patterns: Option<Option<Vec<String>>>,
    global_remote_state: Option<bool>,
    project_remote_state: Option<bool>,
    assessments_enabled: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    auto_destroy_at: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    auto_destroy_activity_duration: Option<Option<String>>,
    inherits_project_auto_destroy: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    source_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    source_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    migration_environment: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    identity_token_ttl: Option<Option<Value>>,
    vcs_repo: Option<Value>,
    pub(super) keep_subject_days: Option<i64>,
}

impl WorkspaceInput {
    /// What is kept and has no effect.
    pub(super) fn warnings(&self) -> Vec<String> {
        let given = |text: &Option<Option<String>>| text.iter().flatten().any(|text| !text.is_empty());
        let mut warnings = Vec::new();
        for (name, is_given) in [
            ("auto-destroy-at", given(&self.auto_destroy_at)),
            ("auto-destroy-activity-duration", given(&self.auto_destroy_activity_duration)),
            ("inherits-project-auto-destroy", self.inherits_project_auto_destroy == Some(true)),
        ] {
            if is_given {
                warnings.push(kept_for_nothing(name));
            }
        }
        if self.assessments_enabled == Some(true) {
            let warning =
                "assessments-enabled is kept without effect: this server makes no health assessments";
            warnings.push(warning.to_owned());
        }
        warnings
    }
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
    // Clients without a connection to make send null or an object without attributes.
    let connects = |repository: &Value| match repository {
        Value::Null => false,
        Value::Object(attributes) => !attributes.is_empty(),
        _ => true,
    };
    if input.vcs_repo.as_ref().is_some_and(connects) {
        return Err(ApiError::attribute(
            "vcs-repo",
            "Version control connections are not supported by this server; upload configurations with Terraform or the API",
        ));
    }
    if let Some(name) = input.name.as_deref() {
        workspace.name = parsed_name(name)?;
    }
    if let Some(version) = &input.terraform_version {
        workspace.terraform_version = terraform_version(version.as_deref())?;
    }
    if let Some(folder) = &input.working_directory {
        workspace.working_directory = working_directory(folder.as_deref().unwrap_or_default())?;
    }
    if let Some(ttl) = &input.identity_token_ttl {
        workspace.identity_token_ttl = identity_token_ttl(ttl.as_ref())?;
    }
    change_texts(workspace, input)?;
    change_switches(workspace, input);
    change_triggers(workspace, input)?;
    change_auto_destroy(&mut workspace.auto_destroy, input)?;
    let project = project(cx, organization, workspace, doc).await?;
    change_execution(cx, (organization, &project), workspace, input).await
}

fn change_texts(workspace: &mut Workspace, input: &WorkspaceInput) -> Result<(), ApiError> {
    // It is shown as a link.
    let is_address = |url: &str| url.is_empty() || url.starts_with("https://") || url.starts_with("http://");
    if input.source_url.iter().flatten().any(|url| !is_address(url)) {
        return Err(ApiError::attribute("source-url", "Source url must start with https:// or http://"));
    }
    if let Some(description) = &input.description {
        workspace.description = description.clone().unwrap_or_default();
    }
    for (field, given) in [
        (&mut workspace.source_name, &input.source_name),
        (&mut workspace.source_url, &input.source_url),
        (&mut workspace.migration_environment, &input.migration_environment),
    ] {
        if let Some(given) = given {
            *field = given.clone().filter(|text| !text.is_empty());
        }
    }
    Ok(())
}

fn change_switches(workspace: &mut Workspace, input: &WorkspaceInput) {
    for (field, given) in [
        (&mut workspace.auto_apply, input.auto_apply),
        (&mut workspace.auto_apply_run_trigger, input.auto_apply_run_trigger),
        (&mut workspace.allow_destroy_plan, input.allow_destroy_plan),
        (&mut workspace.queue_all_runs, input.queue_all_runs),
        (&mut workspace.speculative_enabled, input.speculative_enabled),
        (&mut workspace.structured_run_output, input.structured_run_output_enabled),
        (&mut workspace.file_triggers_enabled, input.file_triggers_enabled),
        (&mut workspace.global_remote_state, input.global_remote_state),
        (&mut workspace.project_remote_state, input.project_remote_state),
        (&mut workspace.assessments_enabled, input.assessments_enabled),
    ] {
        *field = given.unwrap_or(*field);
    }
}

/// Prefixes and patterns exclude each other: the one that is given takes the place of the other.
fn change_triggers(workspace: &mut Workspace, input: &WorkspaceInput) -> Result<(), ApiError> {
    let list = |given: &Option<Option<Vec<String>>>| given.clone().map(Option::unwrap_or_default);
    let (prefixes, patterns) = (list(&input.trigger_prefixes), list(&input.trigger_patterns));
    let is_set = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    if is_set(&prefixes) && is_set(&patterns) {
        return Err(ApiError::attribute(
            "trigger-patterns",
            "Trigger patterns cannot be populated together with trigger prefixes",
        ));
    }
    let (sets_prefixes, sets_patterns) = (is_set(&prefixes), is_set(&patterns));
    workspace.trigger_prefixes = prefixes.unwrap_or_else(|| std::mem::take(&mut workspace.trigger_prefixes));
    workspace.trigger_patterns = patterns.unwrap_or_else(|| std::mem::take(&mut workspace.trigger_patterns));
    if sets_prefixes {
        workspace.trigger_patterns.clear();
    }
    if sets_patterns {
        workspace.trigger_prefixes.clear();
    }
    Ok(())
}

/// Kept for clients that set it; nothing is destroyed because of it.
fn change_auto_destroy(setting: &mut AutoDestroy, input: &WorkspaceInput) -> Result<(), ApiError> {
    let text =
        |given: &Option<Option<String>>| given.clone().map(|given| given.filter(|text| !text.is_empty()));
    let (at, duration) = (text(&input.auto_destroy_at), text(&input.auto_destroy_activity_duration));
    if matches!((&at, &duration), (Some(Some(_)), Some(Some(_)))) {
        return Err(ApiError::attribute(
            "auto-destroy-at",
            "Auto destroy at and auto destroy activity duration cannot be set together",
        ));
    }
    if let Some(at) = at {
        let parsed = at.map(|at| at.parse::<Timestamp>()).transpose();
        let parsed = parsed.map_err(|_| {
            ApiError::attribute("auto-destroy-at", "Auto destroy at must be a time like 2026-01-05T10:00:00Z")
        })?;
        if parsed.is_some() {
            *setting = AutoDestroy::default();
        }
        setting.at = parsed;
    }
    if let Some(duration) = duration {
        let parsed = duration.map(|duration| duration.parse::<ActivityDuration>()).transpose();
        let parsed = parsed.map_err(|error: ActivityDurationError| {
            ApiError::attribute("auto-destroy-activity-duration", error.to_string())
        })?;
        if parsed.is_some() {
            *setting = AutoDestroy::default();
        }
        setting.activity_duration = parsed;
    }
    setting.inherits_project = input.inherits_project_auto_destroy.unwrap_or(setting.inherits_project);
    Ok(())
}

/// The project that the workspace is in or goes to; who moves it must be allowed to on both sides.
async fn project(
    cx: &mut Context,
    organization: &Organization,
    workspace: &mut Workspace,
    doc: &Doc<WorkspaceInput>,
) -> Result<Project, ApiError> {
    let missing = || ApiError::invalid("/data/relationships/project", "no such project in this organization");
    let id: ProjectId = match doc.to_one("project")?.flatten() {
        Some(named) => named.id.parse().map_err(|_| missing())?,
        None => workspace.project_id.clone(),
    };
    let project = cx.tx.project(&id).await?.filter(|project| project.organization_id == organization.id);
    let project = project.ok_or_else(missing)?;
    (workspace.project_id, workspace.project_name) = (project.id.clone(), project.name.clone());
    Ok(project)
}

/// Refuses to move a workspace between projects that the caller may not move workspaces from and to.
pub(super) async fn refuse_move(
    cx: &mut Context,
    from: &ProjectId,
    workspace: &Workspace,
) -> Result<(), ApiError> {
    if *from != workspace.project_id {
        cx.project(from, Permission::MoveWorkspaces).await?;
        cx.project(&workspace.project_id, Permission::MoveWorkspaces).await?;
    }
    Ok(())
}

fn terraform_version(version: Option<&str>) -> Result<String, ApiError> {
    let version = version.unwrap_or("latest").parse::<TerraformVersion>();
    let refused = |error: TerraformVersionError| ApiError::attribute("terraform-version", error.to_string());
    version.map(|version| version.as_str().to_owned()).map_err(refused)
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
