//! What clients may write of a variable.

use carnet_model::{
    NameError, Variable, VariableCategory, VariableId, VariableInput, VariableKey, VariableOwner,
    VariableValue,
};
use carnet_store::StoreError;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::credential_variables::guard;
use crate::app::entropy;
use crate::document::present;
use crate::error::ApiError;
use crate::extract::Context;
use crate::ledger::record_owner;

/// The most bytes of a value.
const VALUE_LIMIT: usize = 256 * 1024;

/// The most characters of a description.
const DESCRIPTION_LIMIT: usize = 512;

#[derive(Deserialize)]
pub(super) struct Input {
    key: Option<String>,
    #[serde(default, deserialize_with = "present")]
    value: Option<Option<SecretString>>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    category: Option<String>,
    hcl: Option<bool>,
    sensitive: Option<bool>,
}

/// Stores a new variable.
pub(super) async fn create(
    cx: &mut Context,
    owner: VariableOwner,
    input: Input,
) -> Result<Variable, ApiError> {
    let category: VariableCategory = match input.category.as_deref() {
        Some(text) => text.parse().map_err(|error: String| ApiError::attribute("category", error))?,
        None => return Err(ApiError::attribute("category", "Category can't be blank")),
    };
    let variable = Variable {
        id: VariableId::from_entropy(entropy()?),
        owner,
        input: VariableInput {
            key: parsed_key(input.key.as_deref(), category)?,
            value: parsed_value(input.value.flatten())?,
            description: parsed_description(input.description.flatten())?,
            category,
            hcl: input.hcl.unwrap_or(false),
            sensitive: input.sensitive.unwrap_or(false),
        },
        version: 1,
        created_at: cx.now,
    };
    guard(cx, &variable.owner, category, &[&variable.input.key]).await?;
    record_owner(&mut cx.tx, &variable.owner);
    cx.tx.insert_variable(&variable).await.map_err(taken)?;
    Ok(variable)
}

/// Saves what clients want changed.
pub(super) async fn update(cx: &mut Context, variable: &mut Variable, input: Input) -> Result<(), ApiError> {
    let earlier = variable.input.key.clone();
    change(&mut variable.input, input)?;
    // A name that is given up counts as much as the new one.
    guard(cx, &variable.owner, variable.input.category, &[&earlier, &variable.input.key]).await?;
    variable.version += 1;
    record_owner(&mut cx.tx, &variable.owner);
    cx.tx.update_variable(variable).await.map_err(taken)
}

/// Removes a variable.
pub(super) async fn delete(cx: &mut Context, variable: &Variable) -> Result<(), ApiError> {
    guard(cx, &variable.owner, variable.input.category, &[&variable.input.key]).await?;
    record_owner(&mut cx.tx, &variable.owner);
    cx.tx.delete_variable(&variable.id).await?;
    Ok(())
}

/// What a sensitive variable is called and how it is read stays fixed, so that its value cannot be brought to light.
fn change(variable: &mut VariableInput, input: Input) -> Result<(), ApiError> {
    if let Some(text) = input.category.as_deref()
        && text != variable.category.as_str()
    {
        return Err(ApiError::attribute("category", "Category cannot be changed; make a new variable"));
    }
    if let Some(key) = input.key.as_deref()
        && key != variable.key.as_str()
    {
        if variable.sensitive {
            return Err(ApiError::attribute("key", "Key of a sensitive variable cannot be changed"));
        }
        variable.key = parsed_key(Some(key), variable.category)?;
    }
    if let Some(hcl) = input.hcl
        && hcl != variable.hcl
    {
        if variable.sensitive {
            return Err(ApiError::attribute("hcl", "HCL of a sensitive variable cannot be changed"));
        }
        variable.hcl = hcl;
    }
    if variable.sensitive && input.sensitive == Some(false) {
        return Err(ApiError::attribute("sensitive", "Sensitive cannot be taken back; delete the variable"));
    }
    variable.sensitive = input.sensitive.unwrap_or(variable.sensitive);
    if let Some(value) = input.value {
        variable.value = parsed_value(value)?;
    }
    if let Some(description) = input.description {
        variable.description = parsed_description(description)?;
    }
    Ok(())
}

fn parsed_key(key: Option<&str>, category: VariableCategory) -> Result<VariableKey, ApiError> {
    let key = key.map(str::trim).filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| ApiError::attribute("key", "Key can't be blank"))?;
    let key: VariableKey =
        key.parse().map_err(|error: NameError| ApiError::attribute("key", error.to_string()))?;
    if category == VariableCategory::Env && key.as_str().contains('-') {
        return Err(ApiError::attribute(
            "key",
            "Key of an environment variable may only contain letters, numbers and _",
        ));
    }
    Ok(key)
}

fn parsed_value(value: Option<SecretString>) -> Result<VariableValue, ApiError> {
    let value = value.unwrap_or_default();
    if value.expose_secret().len() > VALUE_LIMIT {
        return Err(ApiError::attribute("value", "Value must be at most 256 KiB long"));
    }
    if value.expose_secret().contains('\0') {
        return Err(ApiError::attribute("value", "Value must not hold a NUL character"));
    }
    Ok(VariableValue(value))
}

fn parsed_description(description: Option<String>) -> Result<String, ApiError> {
    let description = description.unwrap_or_default();
    if description.chars().count() > DESCRIPTION_LIMIT {
        return Err(ApiError::attribute("description", "Description must be at most 512 characters long"));
    }
    Ok(description)
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::attribute("key", "Key has already been taken"),
        other => other.into(),
    }
}
