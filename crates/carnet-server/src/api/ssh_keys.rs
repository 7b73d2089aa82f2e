//! SSH keys of organizations. A value is sealed when it comes and never shown; runs do not use it yet.

use carnet_api::jsonapi::Resource;
use carnet_model::{OrgName, Permission, SshKey, SshKeyId, WorkspaceId};
use carnet_store::StoreError;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::workspace_document;
use crate::app::entropy;
use crate::document::{Doc, present};
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, created, list, no_content, ok};
use crate::route::{Access, Routes};

/// The most bytes of a key.
const VALUE_LIMIT: usize = 64 * 1024;

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadOrganization);
    let manage = Access::Allowed(Permission::ManageOrganization);
    let all = "/api/v2/organizations/{organization}/ssh-keys";
    let one = "/api/v2/ssh-keys/{ssh_key}";
    Routes::default()
        .get(all, read, index)
        .post(all, manage, create)
        .get(one, read, show)
        .patch(one, manage, update)
        .delete(one, manage, delete)
        .patch(
            "/api/v2/workspaces/{workspace}/relationships/ssh-key",
            Access::Allowed(Permission::UpdateWorkspace),
            assign,
        )
}

#[derive(Deserialize)]
struct Input {
    name: Option<String>,
    value: Option<SecretString>,
}

async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let page = params.page()?;
    let (keys, total) = cx.tx.ssh_keys(&organization.id, page.offset(), page.size).await?;
    let data = keys.iter().map(resource).collect();
    list(&format!("/api/v2/organizations/{name}/ssh-keys"), data, Vec::new(), page.of(total))
}

async fn create(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<Input>) -> Reply {
    let organization = cx.organization(&name, Permission::ManageOrganization).await?;
    let value = doc.attributes.value.as_ref();
    let value = value.ok_or_else(|| ApiError::attribute("value", "Value can't be blank"))?;
    check_value(value)?;
    let key = SshKey {
        id: SshKeyId::from_entropy(entropy()?),
        organization_id: organization.id,
        name: parsed_name(doc.attributes.name.as_deref().unwrap_or_default())?,
        created_at: cx.now,
    };
    cx.tx.insert_ssh_key(&key, value).await.map_err(taken)?;
    cx.tx.commit().await?;
    created(resource(&key))
}

async fn show(Read(mut cx): Read, Id(id): Id<SshKeyId>) -> Reply {
    let key = visible(&mut cx, &id, Permission::ReadOrganization).await?;
    ok(resource(&key))
}

async fn update(Write(mut cx): Write, Id(id): Id<SshKeyId>, doc: Doc<Input>) -> Reply {
    let mut key = visible(&mut cx, &id, Permission::ManageOrganization).await?;
    if let Some(name) = &doc.attributes.name {
        key.name = parsed_name(name)?;
    }
    if let Some(value) = &doc.attributes.value {
        check_value(value)?;
    }
    cx.tx.update_ssh_key(&key, doc.attributes.value.as_ref()).await.map_err(taken)?;
    cx.tx.commit().await?;
    ok(resource(&key))
}

async fn delete(Write(mut cx): Write, Id(id): Id<SshKeyId>) -> Reply {
    visible(&mut cx, &id, Permission::ManageOrganization).await?;
    cx.tx.delete_ssh_key(&id).await?;
    cx.tx.commit().await?;
    no_content()
}

#[derive(Deserialize)]
struct Assignment {
    #[serde(default, deserialize_with = "present")]
    id: Option<Option<String>>,
}

async fn assign(Write(mut cx): Write, Id(id): Id<WorkspaceId>, doc: Doc<Assignment>) -> Reply {
    let workspace = cx.workspace(&id, Permission::UpdateWorkspace).await?;
    let missing = || ApiError::attribute("id", "SSH key does not exist in this organization");
    let key = match doc.attributes.id {
        None => return Err(ApiError::attribute("id", "Id must be an SSH key, or null for none")),
        Some(None) => None,
        Some(Some(text)) => {
            let key_id: SshKeyId = text.parse().map_err(|_| missing())?;
            let key = cx.tx.ssh_key(&key_id).await?.ok_or_else(missing)?;
            if key.organization_id != workspace.organization_id {
                return Err(missing());
            }
            Some(key_id)
        }
    };
    cx.tx.set_workspace_ssh_key(&id, key.as_ref()).await?;
    let workspace = cx.tx.workspace(&id).await?.ok_or(ApiError::NotFound)?;
    let resource = workspace_document::document(&mut cx, &workspace).await?;
    cx.tx.commit().await?;
    ok(resource)
}

async fn visible(cx: &mut Context, id: &SshKeyId, permission: Permission) -> Result<SshKey, ApiError> {
    let key = cx.tx.ssh_key(id).await?.ok_or(ApiError::NotFound)?;
    let organization = cx.tx.organization_by_id(&key.organization_id).await?.ok_or(ApiError::NotFound)?;
    cx.organization(&organization.name, permission).await?;
    Ok(key)
}

fn parsed_name(name: &str) -> Result<String, ApiError> {
    if name.trim().is_empty() {
        return Err(ApiError::attribute("name", "Name can't be blank"));
    }
    if name.chars().count() > 255 || name.chars().any(char::is_control) {
        return Err(ApiError::attribute("name", "Name must be at most 255 characters long, on one line"));
    }
    Ok(name.to_owned())
}

fn check_value(value: &SecretString) -> Result<(), ApiError> {
    if value.expose_secret().trim().is_empty() {
        return Err(ApiError::attribute("value", "Value can't be blank"));
    }
    if value.expose_secret().len() > VALUE_LIMIT {
        return Err(ApiError::attribute("value", "Value must be at most 64 KiB long"));
    }
    Ok(())
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::attribute("name", "Name has already been taken"),
        other => other.into(),
    }
}

/// A key as clients read it: without its value.
fn resource(key: &SshKey) -> Resource {
    let attributes = json!({ "name": key.name, "created-at": key.created_at });
    Resource::new("ssh-keys", &key.id, attributes).link("self", format!("/api/v2/ssh-keys/{}", key.id))
}

#[cfg(test)]
mod tests;
