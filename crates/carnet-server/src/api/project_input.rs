//! What clients may write of a project.

use carnet_model::{
    ActivityDuration, ActivityDurationError, DefaultExecution, NameError, Organization, Project, ProjectName,
};
use serde::Deserialize;

use super::organization_input::{check_pool, execution_error, parsed_pool};
use crate::document::present;
use crate::error::ApiError;
use crate::extract::Context;

/// The most characters of a description.
const DESCRIPTION_LIMIT: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ProjectInput {
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    auto_destroy_activity_duration: Option<Option<String>>,
    default_execution_mode: Option<String>,
    #[serde(default, deserialize_with = "present")]
    default_agent_pool_id: Option<Option<String>>,
    setting_overwrites: Option<SettingOverwrites>,
    pub(super) keep_subject_days: Option<i64>,
}

impl ProjectInput {
    /// What is kept and has no effect.
    pub(super) fn warnings(&self) -> Vec<String> {
        let duration = self.auto_destroy_activity_duration.iter().flatten().find(|text| !text.is_empty());
        duration.map(|_| kept_for_nothing("auto-destroy-activity-duration")).into_iter().collect()
    }
}

/// The warning about a time after which HCP Terraform destroys what a workspace manages.
pub(super) fn kept_for_nothing(name: &str) -> String {
    format!("{name} is kept without effect: this server destroys nothing by itself")
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SettingOverwrites {
    #[serde(alias = "execution-mode")]
    default_execution_mode: Option<bool>,
    #[serde(alias = "agent-pool")]
    default_agent_pool: Option<bool>,
}

/// Applies what the attributes say to the project.
pub(super) async fn change(
    cx: &mut Context,
    organization: &Organization,
    project: &mut Project,
    input: &ProjectInput,
) -> Result<(), ApiError> {
    if input.name.is_some() {
        project.name = parsed_name(input.name.as_deref())?;
    }
    if let Some(description) = &input.description {
        project.description = parsed_description(description.as_deref().unwrap_or_default())?;
    }
    if let Some(duration) = &input.auto_destroy_activity_duration {
        project.auto_destroy_activity_duration = parsed_duration(duration.as_deref())?;
    }
    let execution = changed_execution(organization, project, input)?;
    if let Some(execution) = &execution {
        check_pool(cx, organization, execution).await?;
    }
    project.default_execution = execution;
    Ok(())
}

/// Refuses the project's own pool when it is for others: no agent would ever take what its workspaces run. A pool that was chosen
/// before and closed since stays. The project must be stored.
pub(super) async fn refuse_closed_pool(
    cx: &mut Context,
    project: &Project,
    before: Option<&DefaultExecution>,
) -> Result<(), ApiError> {
    let pool = project.default_execution.as_ref().and_then(DefaultExecution::agent_pool);
    let Some(pool) = pool.filter(|pool| before.and_then(DefaultExecution::agent_pool) != Some(pool)) else {
        return Ok(());
    };
    if cx.tx.agent_pool_serves_project(pool, &project.id).await? {
        return Ok(());
    }
    let detail = "Agent pool is not open to this project: whoever manages the pool can allow it";
    Err(ApiError::attribute("default-agent-pool-id", detail))
}

/// What becomes of the project's own execution mode: `None` when it follows the organization.
fn changed_execution(
    organization: &Organization,
    project: &Project,
    input: &ProjectInput,
) -> Result<Option<DefaultExecution>, ApiError> {
    let overwrites = match &input.setting_overwrites {
        Some(given) => overwrites(given)?,
        None => None,
    };
    if overwrites == Some(false) {
        return Ok(None);
    }
    let pool = parsed_pool(input.default_agent_pool_id.clone())?;
    let is_given = input.default_execution_mode.is_some() || matches!(pool, Some(Some(_)));
    if overwrites.is_none() && !is_given {
        return Ok(project.default_execution.clone());
    }
    let current = project.execution_that_applies(organization);
    current.changed(input.default_execution_mode.as_deref(), pool).map(Some).map_err(execution_error)
}

fn overwrites(given: &SettingOverwrites) -> Result<Option<bool>, ApiError> {
    match (given.default_execution_mode, given.default_agent_pool) {
        (Some(mode), Some(pool)) if mode != pool => Err(ApiError::attribute(
            "setting-overwrites",
            "If agent-pool and execution-mode are both included in setting-overwrites, their values must be the same.",
        )),
        (mode, pool) => Ok(mode.or(pool)),
    }
}

pub(super) fn parsed_name(name: Option<&str>) -> Result<ProjectName, ApiError> {
    let name = name.ok_or_else(|| ApiError::attribute("name", "Name can't be blank"))?;
    name.parse().map_err(|error: NameError| error.into())
}

fn parsed_description(description: &str) -> Result<String, ApiError> {
    if description.chars().count() > DESCRIPTION_LIMIT {
        return Err(ApiError::attribute("description", "Description must be at most 256 characters long"));
    }
    Ok(description.to_owned())
}

fn parsed_duration(text: Option<&str>) -> Result<Option<ActivityDuration>, ApiError> {
    let text = text.filter(|text| !text.is_empty());
    text.map(str::parse).transpose().map_err(|error: ActivityDurationError| {
        ApiError::attribute("auto-destroy-activity-duration", error.to_string())
    })
}
