//! Locks of workspaces.

use carnet_model::{Lock, LockOwner, Permission, Workspace, WorkspaceId};
use carnet_store::Tx;

use super::workspace_document::document;
use crate::document::ActionBody;
use crate::error::ApiError;
use crate::extract::{Context, Id, Write};
use crate::jobs::schedule;
use crate::reply::{Reply, ok};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let write = Access::Allowed(Permission::LockWorkspace);
    Routes::default()
        .post("/api/v2/workspaces/{workspace}/actions/lock", write, lock)
        .post("/api/v2/workspaces/{workspace}/actions/unlock", write, unlock)
        .post(
            "/api/v2/workspaces/{workspace}/actions/force-unlock",
            Access::Allowed(Permission::ForceUnlock),
            force_unlock,
        )
}

async fn lock(Write(mut cx): Write, Id(id): Id<WorkspaceId>, body: ActionBody) -> Reply {
    cx.workspace(&id, Permission::LockWorkspace).await?;
    let user = cx.require_user()?;
    let lock = Lock { owner: LockOwner::User(user), reason: body.text.unwrap_or_default() };
    if !cx.tx.lock_workspace(&id, &lock).await? {
        let workspace = cx.tx.workspace(&id).await?.ok_or(ApiError::NotFound)?;
        let holder = holder(&mut cx.tx, &workspace).await?;
        return Err(ApiError::Conflict(format!("workspace already locked by {holder}")));
    }
    answer(cx, &id).await
}

async fn unlock(Write(mut cx): Write, Id(id): Id<WorkspaceId>, _: ActionBody) -> Reply {
    let workspace = cx.workspace(&id, Permission::LockWorkspace).await?;
    let user = cx.require_user()?;
    match workspace.lock.as_ref().map(|lock| &lock.owner) {
        None => return Err(ApiError::Conflict("workspace already unlocked".to_owned())),
        Some(LockOwner::Run(run)) => {
            return Err(ApiError::Conflict(format!(
                "workspace is locked by Run {run}; cancel or discard the run to unlock it"
            )));
        }
        Some(LockOwner::User(owner)) if *owner != user => {
            let whose = if workspace.locked_by_team_id.is_some() { "team" } else { "user" };
            let holder = holder(&mut cx.tx, &workspace).await?;
            return Err(ApiError::Conflict(format!(
                "workspace is locked by {holder}; only that {whose} may unlock it, or an administrator by force"
            )));
        }
        Some(LockOwner::User(_)) => {}
    }
    if cx.tx.has_pending_state(&id).await? {
        return Err(ApiError::Invalid {
            detail: "latest state version is still pending".to_owned(),
            pointer: None,
        });
    }
    release(cx, &workspace).await
}

async fn force_unlock(Write(mut cx): Write, Id(id): Id<WorkspaceId>, _: ActionBody) -> Reply {
    let workspace = cx.workspace(&id, Permission::ForceUnlock).await?;
    match workspace.lock.as_ref().map(|lock| &lock.owner) {
        None => Err(ApiError::Conflict("workspace already unlocked".to_owned())),
        // Two runs could write one state: the run has to end first.
        Some(LockOwner::Run(run)) => Err(ApiError::Conflict(format!(
            "workspace is locked by Run {run}; cancel or discard the run to unlock it"
        ))),
        Some(LockOwner::User(_)) => release(cx, &workspace).await,
    }
}

/// Who holds the lock and why, for whoever may see the workspace: `locked-reason` and `locked-by` tell them the same.
///
/// Clients look for the words `locked by Run`, `locked by Team` and `locked by User`.
pub(super) async fn holder(tx: &mut Tx, workspace: &Workspace) -> Result<String, ApiError> {
    let Some(lock) = &workspace.lock else {
        return Ok("nobody".to_owned());
    };
    let name = match (&lock.owner, &workspace.locked_by_team_id) {
        (LockOwner::Run(run), _) => return Ok(format!("Run {run}")),
        (LockOwner::User(_), Some(team)) => match tx.team(team).await? {
            Some(found) => format!("Team {}", found.name),
            None => format!("Team {team}"),
        },
        (LockOwner::User(user), None) => match tx.user(user).await? {
            Some(found) => format!("User {}", found.username),
            None => format!("User {user}"),
        },
    };
    let reason = lock.reason.trim();
    Ok(if reason.is_empty() { name } else { format!("{name}: {reason}") })
}

async fn release(mut cx: Context, workspace: &Workspace) -> Reply {
    cx.tx.unlock_workspace(&workspace.id).await?;
    schedule(&mut cx.tx, &cx.app, &workspace.id, cx.now).await?;
    let app = std::sync::Arc::clone(&cx.app);
    let reply = answer(cx, &workspace.id).await;
    app.jobs_waiting.notify_waiters();
    reply
}

async fn answer(mut cx: Context, id: &WorkspaceId) -> Reply {
    let workspace = cx.tx.workspace(id).await?.ok_or(ApiError::NotFound)?;
    let document = document(&mut cx, &workspace).await?;
    cx.tx.commit().await?;
    ok(document)
}
