//! Notification configurations of workspaces: whom they tell what happens to their runs.

mod input;

use carnet_api::jsonapi::Resource;
use carnet_model::{
    NotificationConfiguration, NotificationId, NotificationResponse, Permission, WorkspaceId,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use self::input::Input;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::notifications::{Sender, random_id, verification};
use crate::reply::{Reply, created, list, no_content, ok};
use crate::route::{Access, Routes};

/// The most configurations of a workspace.
const LIMIT: u64 = 20;

/// Addresses and answers are shown, so this is for those who administer the workspace, as HCP Terraform has it.
const PERMISSION: Permission = Permission::UpdateWorkspace;

pub(crate) fn routes() -> Routes {
    let of_workspace = "/api/v2/workspaces/{workspace}/notification-configurations";
    let one = "/api/v2/notification-configurations/{configuration}";
    let access = Access::Allowed(PERMISSION);
    Routes::default()
        .get(of_workspace, access, index)
        .post(of_workspace, access, create)
        .get(one, access, show)
        .patch(one, access, update)
        .delete(one, access, delete)
        .post(&format!("{one}/actions/verify"), access, verify)
}

async fn index(Read(mut cx): Read, Id(id): Id<WorkspaceId>, params: Params) -> Reply {
    cx.workspace(&id, PERMISSION).await?;
    let page = params.page()?;
    let total = cx.tx.count_notifications(&id).await?;
    let mut data = Vec::new();
    for found in cx.tx.workspace_notifications(&id, (page.offset(), page.size)).await? {
        data.push(resource(&mut cx, &found).await?);
    }
    list(&format!("/api/v2/workspaces/{id}/notification-configurations"), data, Vec::new(), page.of(total))
}

async fn create(Read(mut cx): Read, Id(id): Id<WorkspaceId>, doc: Doc<Input>) -> Reply {
    cx.workspace(&id, PERMISSION).await?;
    let new = doc.attributes.created(id.clone(), &cx.app.settings.destinations, cx.now)?;
    let (mut cx, answer) = verified(cx, new.enabled.then_some(&new)).await?;
    cx.workspace(&id, PERMISSION).await?;
    if cx.tx.count_notifications(&id).await? >= LIMIT {
        let detail = format!("a workspace has at most {LIMIT} notification configurations");
        return Err(ApiError::Invalid { detail, pointer: None });
    }
    cx.tx.insert_notification(&new).await?;
    note(&mut cx, &new, answer).await?;
    let document = resource(&mut cx, &new).await?;
    cx.tx.commit().await?;
    created(document)
}

async fn show(Read(mut cx): Read, Id(id): Id<NotificationId>) -> Reply {
    let found = known(&mut cx, &id).await?;
    ok(resource(&mut cx, &found).await?)
}

async fn update(Read(mut cx): Read, Id(id): Id<NotificationId>, doc: Doc<Input>) -> Reply {
    let before = known(&mut cx, &id).await?;
    let changed = doc.attributes.changed(before.clone(), &cx.app.settings.destinations, cx.now)?;
    let is_other = before.url.expose_secret() != changed.url.expose_secret()
        || before.token.as_ref().map(|token| token.expose_secret())
            != changed.token.as_ref().map(|token| token.expose_secret());
    let needs_proof = changed.enabled && (!before.enabled || is_other);
    let (mut cx, answer) = verified(cx, needs_proof.then_some(&changed)).await?;
    if known(&mut cx, &id).await?.updated_at != before.updated_at {
        return Err(ApiError::Conflict("the configuration was changed at the same time".to_owned()));
    }
    cx.tx.update_notification(&changed).await?;
    note(&mut cx, &changed, answer).await?;
    let document = resource(&mut cx, &changed).await?;
    cx.tx.commit().await?;
    ok(document)
}

async fn delete(Write(mut cx): Write, Id(id): Id<NotificationId>) -> Reply {
    known(&mut cx, &id).await?;
    cx.tx.delete_notification(&id).await?;
    cx.tx.commit().await?;
    no_content()
}

async fn verify(Read(mut cx): Read, Id(id): Id<NotificationId>) -> Reply {
    let found = known(&mut cx, &id).await?;
    let (mut cx, answer) = tried(cx, &found).await?;
    known(&mut cx, &id).await?;
    note(&mut cx, &found, Some(answer.clone())).await?;
    let document = resource(&mut cx, &found).await?;
    cx.tx.commit().await?;
    if answer.successful { ok(document) } else { Err(unverified(&answer)) }
}

/// The configuration of this id, for those who administer its workspace.
async fn known(cx: &mut Context, id: &NotificationId) -> Result<NotificationConfiguration, ApiError> {
    let found = cx.tx.notification_configuration(id).await?.ok_or(ApiError::NotFound)?;
    cx.workspace(&found.workspace_id, PERMISSION).await?;
    Ok(found)
}

/// Begins to write, after the destination has proven that it accepts what it is sent, if that is asked for.
async fn verified(
    cx: Context,
    configuration: Option<&NotificationConfiguration>,
) -> Result<(Context, Option<NotificationResponse>), ApiError> {
    let Some(configuration) = configuration else {
        let Context { app, owner, tx, .. } = cx;
        drop(tx);
        return Ok((Write::begin(app, owner).await?.0, None));
    };
    let (cx, answer) = tried(cx, configuration).await?;
    if answer.successful { Ok((cx, Some(answer))) } else { Err(unverified(&answer)) }
}

/// Tries the destination without a transaction, which others would have to wait for, then begins to write.
async fn tried(
    cx: Context,
    configuration: &NotificationConfiguration,
) -> Result<(Context, NotificationResponse), ApiError> {
    let Context { app, owner, tx, now, .. } = cx;
    drop(tx);
    let sender = Sender::new(&app.settings.destinations)?;
    let answer = sender.send(configuration, &verification(configuration), now).await;
    Ok((Write::begin(app, owner).await?.0, answer))
}

fn unverified(answer: &NotificationResponse) -> ApiError {
    let reason = match answer.code {
        Some(code) => format!("it answered {code}"),
        None => answer.body.clone(),
    };
    ApiError::BadRequest(format!("Unable to complete verification request to destination URL: {reason}"))
}

async fn note(
    cx: &mut Context,
    configuration: &NotificationConfiguration,
    answer: Option<NotificationResponse>,
) -> Result<(), ApiError> {
    match answer {
        Some(answer) => {
            Ok(cx.tx.insert_notification_response(&random_id()?, &configuration.id, &answer).await?)
        }
        None => Ok(()),
    }
}

async fn resource(cx: &mut Context, of: &NotificationConfiguration) -> Result<Resource, ApiError> {
    let answers = cx.tx.notification_responses(&of.id).await?;
    let triggers: Vec<&str> = of.triggers.iter().map(|trigger| trigger.as_str()).collect();
    let attributes = json!({
        "name": of.name,
        "destination-type": of.destination.as_str(),
        "url": of.url.expose_secret(),
        "token": null,
        "triggers": triggers,
        "enabled": of.enabled,
        "email-addresses": [],
        "delivery-responses": answers.iter().map(|answer| response(of, answer)).collect::<Vec<_>>(),
        "created-at": of.created_at,
        "updated-at": of.updated_at,
    });
    Ok(Resource::new("notification-configurations", &of.id, attributes)
        .to_one("subscribable", "workspaces", Some(&of.workspace_id))
        .to_many("users", "users", Vec::<String>::new())
        .link("self", format!("/api/v2/notification-configurations/{}", of.id)))
}

/// Clients read the code and the success as texts.
fn response(of: &NotificationConfiguration, answer: &NotificationResponse) -> Value {
    json!({
        "url": of.url.expose_secret(),
        "code": answer.code.map(|code| code.to_string()),
        "body": answer.body,
        "headers": {},
        "sent-at": answer.sent_at,
        "successful": answer.successful.to_string(),
    })
}

#[cfg(test)]
mod tests;
