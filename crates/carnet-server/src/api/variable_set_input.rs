//! What clients may write of a variable set.

use carnet_api::jsonapi::Identifier;
use carnet_model::{
    NameError, Organization, Permission, ProjectId, VariableOwner, VariableSet, VariableSetId,
    VariableSetName,
};
use carnet_store::StoreError;
use serde::Deserialize;

use super::credential_variables::guard_set;
use super::variable_input;
use super::variable_set_access::may_manage;
use super::variable_set_assignments::{Place, assign};
use super::variable_set_variables::refuse_rivals;
use crate::app::entropy;
use crate::document::{Doc, present};
use crate::error::ApiError;
use crate::extract::Context;

/// The most characters of a description.
const DESCRIPTION_LIMIT: usize = 512;

#[derive(Deserialize)]
pub(super) struct Input {
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    global: Option<bool>,
    priority: Option<bool>,
}

/// Stores a new variable set with the variables and assignments that the document names.
pub(super) async fn create(
    cx: &mut Context,
    organization: &Organization,
    doc: &Doc<Input>,
) -> Result<VariableSet, ApiError> {
    let name = doc.attributes.name.as_deref();
    let mut set = VariableSet {
        id: VariableSetId::from_entropy(entropy()?),
        organization_id: organization.id.clone(),
        organization_name: organization.name.clone(),
        parent_project_id: parent(cx, organization, doc).await?.flatten(),
        name: parsed_name(name.ok_or_else(|| ApiError::attribute("name", "Name can't be blank"))?)?,
        description: String::new(),
        is_global: false,
        has_priority: false,
        created_at: cx.now,
        updated_at: cx.now,
    };
    // Names of sets that the caller may not see are not to be found out.
    if !may_manage(cx, &set).await? {
        return Err(ApiError::Forbidden(format!(
            "this token may not {}; a project may own a set of its own",
            Permission::ManageVariableSets.describe()
        )));
    }
    change(&mut set, &doc.attributes)?;
    cx.tx.insert_variable_set(&set).await.map_err(taken)?;
    relate(cx, &set, doc).await?;
    Ok(set)
}

/// Saves what clients want changed; variables that the document holds are added.
pub(super) async fn update(
    cx: &mut Context,
    set: &mut VariableSet,
    doc: &Doc<Input>,
) -> Result<(), ApiError> {
    let organization = cx.tx.organization_by_id(&set.organization_id).await?.ok_or(ApiError::NotFound)?;
    if parent(cx, &organization, doc).await?.is_some_and(|parent| parent != set.parent_project_id) {
        return Err(ApiError::invalid(
            "/data/relationships/parent",
            "Parent cannot be changed; make a new variable set",
        ));
    }
    guard_set(cx, set).await?;
    change(set, &doc.attributes)?;
    set.updated_at = cx.now;
    cx.tx.update_variable_set(set).await.map_err(taken)?;
    relate(cx, set, doc).await
}

fn change(set: &mut VariableSet, input: &Input) -> Result<(), ApiError> {
    if let Some(name) = input.name.as_deref() {
        set.name = parsed_name(name)?;
    }
    if let Some(description) = &input.description {
        set.description = parsed_description(description.clone())?;
    }
    set.is_global = input.global.unwrap_or(set.is_global);
    set.has_priority = input.priority.unwrap_or(set.has_priority);
    if set.is_global && set.parent_project_id.is_some() {
        return Err(ApiError::attribute("global", "A variable set that a project owns cannot be global"));
    }
    Ok(())
}

/// Assigns the set as the document says and makes the variables that it defines. A global set is assigned nowhere.
async fn relate(cx: &mut Context, set: &VariableSet, doc: &Doc<Input>) -> Result<(), ApiError> {
    if let Some(workspaces) = assigned(set, doc, "workspaces")? {
        cx.tx.unassign_from_workspaces(&set.id).await?;
        assign(cx, set, Place::Workspace, &workspaces).await?;
    }
    if let Some(projects) = assigned(set, doc, "projects")? {
        cx.tx.unassign_from_projects(&set.id).await?;
        assign(cx, set, Place::Project, &projects).await?;
    }
    for (place, reference) in doc.to_many("vars")?.unwrap_or_default().into_iter().enumerate() {
        // A client that sends back what it has read names the variables by their ids.
        let Some(attributes) = reference.attributes else { continue };
        let at = format!("/data/relationships/vars/data/{place}/attributes");
        let input =
            serde_json::from_value(attributes).map_err(|error| ApiError::invalid(&at, error.to_string()))?;
        variable_input::create(cx, VariableOwner::Set(set.id.clone()), input).await?;
    }
    refuse_rivals(cx, set).await
}

/// What replaces the assignments of one kind.
fn assigned(set: &VariableSet, doc: &Doc<Input>, name: &str) -> Result<Option<Vec<Identifier>>, ApiError> {
    if set.is_global { Ok(Some(Vec::new())) } else { doc.to_many(name) }
}

/// The owner that the document names: outer `None` when it names none, inner `None` for the organization.
async fn parent(
    cx: &mut Context,
    organization: &Organization,
    doc: &Doc<Input>,
) -> Result<Option<Option<ProjectId>>, ApiError> {
    let Some(Some(parent)) = doc.to_one("parent")? else {
        return Ok(None);
    };
    let refused = |detail: String| ApiError::invalid("/data/relationships/parent", detail);
    if parent.id == organization.name.as_str() || parent.id == organization.id.as_str() {
        return Ok(Some(None));
    }
    let missing = || refused(format!("{:?} is neither this organization nor a project of it", parent.id));
    let id: ProjectId = parent.id.parse().map_err(|_| missing())?;
    let project = cx.tx.project(&id).await?.filter(|project| project.organization_id == organization.id);
    if project.is_none() || !cx.may_on_project(Permission::ReadProject, &organization.id, &id).await? {
        return Err(missing());
    }
    Ok(Some(Some(id)))
}

fn parsed_name(name: &str) -> Result<VariableSetName, ApiError> {
    if name.trim().is_empty() {
        return Err(ApiError::attribute("name", "Name can't be blank"));
    }
    name.trim().parse().map_err(|error: NameError| error.into())
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
        StoreError::Conflict => ApiError::attribute("name", "Name has already been taken"),
        other => other.into(),
    }
}
