//! What the access of teams to workspaces and to projects have in common.

use std::str::FromStr;

use crate::document::Doc;
use crate::error::ApiError;

/// The resource that a required relation names.
pub(super) fn related<A, T: FromStr>(doc: &Doc<A>, name: &str) -> Result<T, ApiError> {
    let pointer = format!("/data/relationships/{name}");
    let reference = doc.to_one(name)?.flatten();
    let reference =
        reference.ok_or_else(|| ApiError::invalid(&pointer, format!("the relation {name} is required")))?;
    reference.id.parse().map_err(|_| ApiError::NotFound)
}

/// The level of access that a document chooses.
pub(super) fn chosen<T: FromStr<Err = String>>(access: Option<&str>) -> Result<T, ApiError> {
    let access = access.ok_or_else(|| ApiError::attribute("access", "Access can't be blank"))?;
    access.parse().map_err(|error: String| ApiError::attribute("access", error))
}

/// Changes one part of custom access.
pub(super) fn set<T: FromStr<Err = String> + PartialEq>(
    part: &mut T,
    name: &str,
    wanted: Option<&str>,
    is_custom: bool,
    level: &str,
) -> Result<(), ApiError> {
    let Some(wanted) = wanted else { return Ok(()) };
    let wanted = wanted.parse().map_err(|error: String| ApiError::attribute(name, error))?;
    if !is_custom {
        return Err(read_only(name, level));
    }
    *part = wanted;
    Ok(())
}

/// The same for a part that is granted or not.
pub(super) fn set_flag(
    part: &mut bool,
    name: &str,
    wanted: Option<bool>,
    is_custom: bool,
    level: &str,
) -> Result<(), ApiError> {
    let Some(wanted) = wanted else { return Ok(()) };
    if !is_custom {
        return Err(read_only(name, level));
    }
    *part = wanted;
    Ok(())
}

/// The text is the one that clients know from HCP Terraform.
fn read_only(name: &str, level: &str) -> ApiError {
    let mut words = name.replace('-', " ");
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    let detail = format!(
        "{words} is read-only when access level is '{level}'; use the 'custom' access level to set this attribute."
    );
    ApiError::attribute(name, detail)
}
