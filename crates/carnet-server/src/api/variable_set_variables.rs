//! Variables of variable sets. A sensitive value is never answered.

use carnet_model::{Permission, Variable, VariableId, VariableOwner, VariableSet, VariableSetId};

use super::variable_document::resource;
use super::variable_input::{self, Input};
use super::variable_set_access::{Wish, visible};
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Ids, Read, Write};
use crate::reply::{Reply, created, no_content, ok, whole_list};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadOrganization);
    let administer = Access::Allowed(Permission::ManageVariableSets);
    let all = "/api/v2/varsets/{variable_set}/relationships/vars";
    let one = "/api/v2/varsets/{variable_set}/relationships/vars/{variable}";
    Routes::default()
        .get(all, read, index)
        .post(all, administer, create)
        .get(one, read, show)
        .patch(one, administer, update)
        .delete(one, administer, delete)
}

async fn index(Read(mut cx): Read, Id(id): Id<VariableSetId>) -> Reply {
    visible(&mut cx, &id, Wish::Read).await?;
    let path = format!("/api/v2/varsets/{id}/relationships/vars");
    let variables = cx.tx.variables(&VariableOwner::Set(id)).await?;
    whole_list(&path, variables.iter().map(resource).collect())
}

async fn create(Write(mut cx): Write, Id(id): Id<VariableSetId>, doc: Doc<Input>) -> Reply {
    let set = visible(&mut cx, &id, Wish::Manage).await?;
    let variable = variable_input::create(&mut cx, VariableOwner::Set(id), doc.attributes).await?;
    refuse_rival(&mut cx, &set, &variable).await?;
    touched(&mut cx, set).await?;
    cx.tx.commit().await?;
    created(resource(&variable))
}

async fn show(Read(mut cx): Read, Ids(id, variable): Ids<VariableSetId, VariableId>) -> Reply {
    let (_, variable) = found(&mut cx, &id, &variable, Wish::Read).await?;
    ok(resource(&variable))
}

async fn update(
    Write(mut cx): Write,
    Ids(id, variable): Ids<VariableSetId, VariableId>,
    doc: Doc<Input>,
) -> Reply {
    let (set, mut variable) = found(&mut cx, &id, &variable, Wish::Manage).await?;
    variable_input::update(&mut cx, &mut variable, doc.attributes).await?;
    refuse_rival(&mut cx, &set, &variable).await?;
    touched(&mut cx, set).await?;
    cx.tx.commit().await?;
    ok(resource(&variable))
}

async fn delete(Write(mut cx): Write, Ids(id, variable): Ids<VariableSetId, VariableId>) -> Reply {
    let (set, variable) = found(&mut cx, &id, &variable, Wish::Manage).await?;
    variable_input::delete(&mut cx, &variable).await?;
    touched(&mut cx, set).await?;
    cx.tx.commit().await?;
    no_content()
}

async fn found(
    cx: &mut Context,
    id: &VariableSetId,
    variable: &VariableId,
    wish: Wish,
) -> Result<(VariableSet, Variable), ApiError> {
    let set = visible(cx, id, wish).await?;
    let variable = cx.tx.variable(variable).await?.ok_or(ApiError::NotFound)?;
    if variable.owner != VariableOwner::Set(set.id.clone()) {
        return Err(ApiError::NotFound);
    }
    Ok((set, variable))
}

async fn touched(cx: &mut Context, mut set: VariableSet) -> Result<(), ApiError> {
    set.updated_at = cx.now;
    Ok(cx.tx.update_variable_set(&set).await?)
}

/// Refuses a global set when a variable of it stands in another global set, too.
pub(super) async fn refuse_rivals(cx: &mut Context, set: &VariableSet) -> Result<(), ApiError> {
    if set.is_global {
        for variable in cx.tx.variables(&VariableOwner::Set(set.id.clone())).await? {
            refuse_rival(cx, set, &variable).await?;
        }
    }
    Ok(())
}

async fn refuse_rival(cx: &mut Context, set: &VariableSet, variable: &Variable) -> Result<(), ApiError> {
    if !set.is_global {
        return Ok(());
    }
    let (category, key) = (variable.input.category, &variable.input.key);
    match cx.tx.global_rival(set, category, key).await? {
        Some(rival) => Err(ApiError::attribute(
            "key",
            format!(
                "The {} variable {key} stands in the global variable set \"{rival}\", too",
                category.as_str()
            ),
        )),
        None => Ok(()),
    }
}
