//! What clients ask of a new run.

use carnet_model::{RunOptions, RunRights, TerraformVersion, VariableKey, Workspace};
use carnet_store::RunVariables;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::error::ApiError;

/// The most bytes of a message.
const MESSAGE_LIMIT: usize = 10_000;

/// The most addresses of one list, and the most bytes of an address.
const ADDRESS_LIMITS: (usize, usize) = (1000, 1000);

/// The most variables of a run, and the most bytes of all of them.
const VARIABLE_LIMITS: (usize, usize) = (1000, 1024 * 1024);

/// The attributes of a new run, as they come.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct RunInput {
    message: Option<String>,
    is_destroy: Option<bool>,
    refresh: Option<bool>,
    refresh_only: Option<bool>,
    plan_only: Option<bool>,
    auto_apply: Option<bool>,
    save_plan: Option<bool>,
    allow_empty_apply: Option<bool>,
    allow_config_generation: Option<bool>,
    debugging_mode: Option<bool>,
    target_addrs: Option<Vec<String>>,
    replace_addrs: Option<Vec<String>>,
    invoke_action_addrs: Option<Vec<String>>,
    terraform_version: Option<String>,
    variables: Option<Vec<VariableInput>>,
}

#[derive(Deserialize)]
struct VariableInput {
    key: String,
    value: SecretString,
}

/// The same, checked.
#[derive(Debug)]
pub(crate) struct CheckedInput {
    pub(crate) options: RunOptions,
    pub(crate) message: Option<String>,
    pub(crate) terraform_version: String,
    pub(crate) variables: RunVariables,
}

impl RunInput {
    /// Checks the attributes; a speculative configuration can only be planned, and nothing applies by itself for a caller who
    /// may not apply.
    pub(crate) fn check(
        self,
        workspace: &Workspace,
        is_speculative: bool,
        rights: RunRights,
    ) -> Result<CheckedInput, ApiError> {
        let plan_only = is_speculative || self.plan_only.unwrap_or(false);
        let save_plan = self.save_plan.unwrap_or(false) && !plan_only;
        if self.auto_apply == Some(true) && !rights.applies && !plan_only && !save_plan {
            return Err(ApiError::Forbidden(
                "this token may not apply runs of the workspace, so its runs cannot apply by themselves"
                    .to_owned(),
            ));
        }
        if self.invoke_action_addrs.is_some_and(|addresses| !addresses.is_empty()) {
            return Err(ApiError::attribute(
                "invoke-action-addrs",
                "Runs of this server cannot invoke actions",
            ));
        }
        let options = RunOptions {
            plan_only,
            save_plan,
            auto_apply: self.auto_apply.unwrap_or(workspace.auto_apply && rights.applies) && !save_plan,
            allow_empty_apply: self.allow_empty_apply.unwrap_or(false),
            allow_config_generation: self.allow_config_generation.unwrap_or(false),
            debugging_mode: self.debugging_mode.unwrap_or(false),
            is_destroy: self.is_destroy.unwrap_or(false),
            refresh: self.refresh.unwrap_or(true),
            refresh_only: self.refresh_only.unwrap_or(false),
            target_addrs: addresses("target-addrs", self.target_addrs)?,
            replace_addrs: addresses("replace-addrs", self.replace_addrs)?,
        };
        check_options(&options, workspace)?;
        let message = self.message.filter(|message| !message.is_empty());
        if message.as_ref().is_some_and(|message| message.len() > MESSAGE_LIMIT) {
            return Err(ApiError::attribute(
                "message",
                format!("Message is longer than {MESSAGE_LIMIT} bytes"),
            ));
        }
        Ok(CheckedInput {
            terraform_version: version(self.terraform_version, plan_only, workspace)?,
            variables: variables(self.variables.unwrap_or_default())?,
            options,
            message,
        })
    }
}

fn check_options(options: &RunOptions, workspace: &Workspace) -> Result<(), ApiError> {
    let refuse = |name: &str, detail: &str| Err(ApiError::attribute(name, detail));
    if options.is_destroy && options.refresh_only {
        return refuse("refresh-only", "A run cannot both destroy and only refresh");
    }
    if options.refresh_only && !options.refresh {
        return refuse("refresh", "A run that only refreshes cannot leave the refresh out");
    }
    if options.refresh_only && !options.replace_addrs.is_empty() {
        return refuse("replace-addrs", "A run that only refreshes cannot replace anything");
    }
    if options.is_destroy && !options.plan_only && !workspace.allow_destroy_plan {
        return refuse("is-destroy", "The workspace does not allow destroy plans");
    }
    Ok(())
}

fn addresses(name: &str, given: Option<Vec<String>>) -> Result<Vec<String>, ApiError> {
    let (count, length) = ADDRESS_LIMITS;
    let given = given.unwrap_or_default();
    if given.len() > count {
        return Err(ApiError::attribute(name, format!("At most {count} addresses")));
    }
    let is_address = |text: &String| (1..=length).contains(&text.len()) && !text.contains(char::is_control);
    if !given.iter().all(is_address) {
        return Err(ApiError::attribute(name, format!("An address has 1 to {length} printable bytes")));
    }
    Ok(given)
}

fn version(given: Option<String>, plan_only: bool, workspace: &Workspace) -> Result<String, ApiError> {
    let Some(version) = given.filter(|version| !version.is_empty()) else {
        return Ok(workspace.terraform_version.clone());
    };
    if version != workspace.terraform_version && !plan_only {
        let detail = "Only a run that cannot be applied may have a Terraform version of its own";
        return Err(ApiError::attribute("terraform-version", detail));
    }
    match version.parse::<TerraformVersion>() {
        Ok(version) => Ok(version.as_str().to_owned()),
        Err(error) => Err(ApiError::attribute("terraform-version", error.to_string())),
    }
}

fn variables(given: Vec<VariableInput>) -> Result<RunVariables, ApiError> {
    let (count, bytes) = VARIABLE_LIMITS;
    if given.len() > count {
        return Err(ApiError::attribute("variables", format!("At most {count} variables")));
    }
    let total: usize = given.iter().map(|one| one.value.expose_secret().len()).sum();
    if total > bytes {
        return Err(ApiError::attribute(
            "variables",
            format!("At most {bytes} bytes in all variables together"),
        ));
    }
    given
        .into_iter()
        .map(|one| match one.key.parse::<VariableKey>() {
            Ok(key) => Ok((key.to_string(), one.value)),
            Err(error) => Err(ApiError::attribute("variables", error.to_string())),
        })
        .collect()
}
