//! What clients may write of an organization.

use carnet_api::jsonapi::Identifier;
use carnet_model::{AgentPoolId, DefaultExecution, DefaultExecutionError, NameError, OrgName, Organization};
use serde::Deserialize;
use serde_json::Value;

use super::credential_rules::{identity_token_ttl, static_credentials};
use crate::document::{Doc, present};
use crate::error::ApiError;
use crate::extract::Context;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct OrganizationInput {
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    #[serde(default, deserialize_with = "present")]
    identity_token_ttl: Option<Option<Value>>,
    static_credentials: Option<String>,
    collaborator_auth_policy: Option<String>,
    default_execution_mode: Option<String>,
    #[serde(default, deserialize_with = "present")]
    default_agent_pool_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    session_timeout: Option<Option<u32>>,
    #[serde(default, deserialize_with = "present")]
    session_remember: Option<Option<u32>>,
    #[serde(default, deserialize_with = "present")]
    owners_team_saml_role_id: Option<Option<String>>,
    send_passing_statuses_for_untriggered_speculative_plans: Option<bool>,
    aggregated_commit_status_enabled: Option<bool>,
    speculative_plan_management_enabled: Option<bool>,
    allow_force_delete_workspaces: Option<bool>,
    credential_variables_need_admin: Option<bool>,
    user_tokens_enabled: Option<bool>,
    max_ttl_enabled: Option<bool>,
    registry_monorepo_support_enabled: Option<bool>,
    // Features that this server does not have: kept for clients that compare what they read with what they wrote.
    cost_estimation_enabled: Option<bool>,
    assessments_enforced: Option<bool>,
    stacks_enabled: Option<bool>,
    enforce_hyok: Option<bool>,
    pub(super) keep_subject_days: Option<i64>,
}

impl OrganizationInput {
    /// What is kept and has no effect.
    pub(super) fn warnings(&self) -> Vec<String> {
        let absent = [
            (self.cost_estimation_enabled, "cost-estimation-enabled", "makes no cost estimates"),
            (self.assessments_enforced, "assessments-enforced", "makes no health assessments"),
            (self.stacks_enabled, "stacks-enabled", "has no stacks"),
        ];
        let asked = absent.into_iter().filter(|(given, ..)| *given == Some(true));
        asked.map(|(_, name, why)| format!("{name} is kept without effect: this server {why}")).collect()
    }
}

/// Applies what the document says to the organization.
pub(super) async fn change(
    cx: &mut Context,
    organization: &mut Organization,
    doc: &Doc<OrganizationInput>,
) -> Result<(), ApiError> {
    let input = &doc.attributes;
    if input.name.is_some() {
        organization.name = parsed_name(input.name.as_deref())?;
    }
    if let Some(email) = &input.email {
        organization.email = parsed_email(Some(email))?;
    }
    if let Some(ttl) = &input.identity_token_ttl {
        organization.identity_token_ttl = identity_token_ttl(ttl.as_ref())?;
    }
    if let Some(text) = &input.static_credentials {
        organization.static_credentials = static_credentials(text)?;
    }
    check_auth_policy(input.collaborator_auth_policy.as_deref())?;
    if input.enforce_hyok == Some(true) {
        // Whoever asks for it relies on it.
        let detail = "this server seals everything with its own key, so keys of one's own cannot be enforced";
        return Err(ApiError::attribute("enforce-hyok", detail));
    }
    change_settings(organization, input)?;
    let given = given_pool(doc)?;
    let current = &organization.settings.default_execution;
    let execution =
        current.changed(input.default_execution_mode.as_deref(), given).map_err(execution_error)?;
    check_pool(cx, organization, &execution).await?;
    organization.settings.default_execution = execution;
    Ok(())
}

fn change_settings(organization: &mut Organization, input: &OrganizationInput) -> Result<(), ApiError> {
    let settings = &mut organization.settings;
    settings.session_timeout = minutes("session-timeout", input.session_timeout, settings.session_timeout)?;
    settings.session_remember =
        minutes("session-remember", input.session_remember, settings.session_remember)?;
    if let Some(role) = &input.owners_team_saml_role_id {
        settings.owners_team_saml_role_id = role.clone().filter(|role| !role.is_empty());
    }
    for (place, given) in [
        (&mut settings.send_passing_statuses, input.send_passing_statuses_for_untriggered_speculative_plans),
        (&mut settings.aggregated_commit_status, input.aggregated_commit_status_enabled),
        (&mut settings.speculative_plan_management, input.speculative_plan_management_enabled),
        (&mut settings.allow_force_delete_workspaces, input.allow_force_delete_workspaces),
        (&mut settings.credential_variables_need_admin, input.credential_variables_need_admin),
        (&mut settings.user_tokens_enabled, input.user_tokens_enabled),
        (&mut settings.max_ttl_enabled, input.max_ttl_enabled),
        (&mut settings.registry_monorepo_support, input.registry_monorepo_support_enabled),
        (&mut settings.cost_estimation_enabled, input.cost_estimation_enabled),
        (&mut settings.assessments_enforced, input.assessments_enforced),
        (&mut settings.stacks_enabled, input.stacks_enabled),
    ] {
        *place = given.unwrap_or(*place);
    }
    Ok(())
}

fn minutes(name: &str, given: Option<Option<u32>>, current: Option<u32>) -> Result<Option<u32>, ApiError> {
    match given {
        Some(Some(0)) => Err(ApiError::attribute(name, "must be a number of minutes from 1")),
        Some(given) => Ok(given),
        None => Ok(current),
    }
}

fn check_auth_policy(policy: Option<&str>) -> Result<(), ApiError> {
    match policy {
        None | Some("password") => Ok(()),
        Some("two_factor_mandatory") => Err(ApiError::attribute(
            "collaborator-auth-policy",
            "this server has no two-factor authentication, so it cannot be made mandatory",
        )),
        Some(_) => Err(ApiError::attribute(
            "collaborator-auth-policy",
            "Collaborator auth policy must be password or two_factor_mandatory",
        )),
    }
}

/// The pool that clients give as a relation or as an attribute: outer `None` when there is neither.
fn given_pool(doc: &Doc<OrganizationInput>) -> Result<Option<Option<AgentPoolId>>, ApiError> {
    let relation: Option<Option<Identifier>> = doc.to_one("default-agent-pool")?;
    let id = match relation {
        Some(pool) => Some(pool.map(|pool| pool.id)),
        None => doc.attributes.default_agent_pool_id.clone(),
    };
    parsed_pool(id)
}

/// Reads the id of a pool; an empty text is none.
pub(super) fn parsed_pool(id: Option<Option<String>>) -> Result<Option<Option<AgentPoolId>>, ApiError> {
    match id.map(|id| id.filter(|id| !id.is_empty())) {
        None => Ok(None),
        Some(None) => Ok(Some(None)),
        Some(Some(id)) => id.parse().map(|id| Some(Some(id))).map_err(|_| no_such_pool()),
    }
}

fn no_such_pool() -> ApiError {
    ApiError::attribute("default-agent-pool-id", "Default agent pool does not exist in this organization")
}

/// Refuses a pool that is not the organization's.
pub(super) async fn check_pool(
    cx: &mut Context,
    organization: &Organization,
    execution: &DefaultExecution,
) -> Result<(), ApiError> {
    let Some(id) = execution.agent_pool() else {
        return Ok(());
    };
    let pool = cx.tx.agent_pool(id).await?.filter(|pool| pool.organization_id == organization.id);
    pool.map(drop).ok_or_else(no_such_pool)
}

/// The refusal of a mode and a pool that do not go together.
pub(super) fn execution_error(error: DefaultExecutionError) -> ApiError {
    let name = match error {
        DefaultExecutionError::Mode => "default-execution-mode",
        DefaultExecutionError::NoPool | DefaultExecutionError::Pool => "default-agent-pool-id",
    };
    ApiError::attribute(name, error.to_string())
}

pub(super) fn parsed_name(name: Option<&str>) -> Result<OrgName, ApiError> {
    let name = name.ok_or_else(|| ApiError::attribute("name", "Name can't be blank"))?;
    name.parse().map_err(|error: NameError| error.into())
}

pub(super) fn parsed_email(email: Option<&str>) -> Result<String, ApiError> {
    let email = email.map(str::trim).filter(|email| !email.is_empty());
    let email = email.ok_or_else(|| ApiError::attribute("email", "Email can't be blank"))?;
    let is_address = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    if !is_address || email.len() > 254 || email.chars().any(|one| one.is_whitespace() || one.is_control()) {
        return Err(ApiError::attribute("email", "Email is invalid"));
    }
    Ok(email.to_owned())
}
