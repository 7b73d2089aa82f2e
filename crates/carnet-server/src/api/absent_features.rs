//! Features that no organization of this server has. Their lists are empty, nothing can be made, and single things are not
//! found, as there are none; whoever may not see the organization or the workspace learns not even that.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use carnet_model::{OrgName, Permission, Timestamp, WorkspaceId};
use serde_json::json;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{Id, Params, Read, Write};
use crate::reply::{Reply, list};
use crate::route::{Access, Routes};

/// What organizations do not have, and what the refusal to make one calls it.
const OF_ORGANIZATIONS: &[(&str, &str)] = &[
    ("tasks", "run tasks"),
    ("policies", "policies"),
    ("policy-sets", "policy sets"),
    ("oauth-clients", "connections to version control"),
];

const INSTALLATIONS: &str = "/api/v2/github-app/installations";
const FEATURE_SETS: &str = "/api/v2/feature-sets";

pub(crate) fn routes() -> Routes {
    let workspace_tasks = "/api/v2/workspaces/{workspace}/tasks";
    let routes = Routes::default()
        .get(INSTALLATIONS, Access::User, no_installations)
        .get(FEATURE_SETS, Access::User, no_feature_sets)
        .get(
            "/api/v2/organizations/{organization}/oauth-tokens",
            Access::Allowed(Permission::ReadOrganization),
            no_oauth_tokens,
        )
        .get("/api/meta/ip-ranges", Access::Public, ip_ranges)
        .get(workspace_tasks, Access::Allowed(Permission::ReadWorkspace), no_workspace_tasks)
        .post(workspace_tasks, Access::Allowed(Permission::UpdateWorkspace), refuse_workspace_task);
    OF_ORGANIZATIONS.iter().fold(routes, |routes, (path, what)| {
        let all = format!("/api/v2/organizations/{{organization}}/{path}");
        let own = path;
        routes
            .get(
                &all,
                Access::Allowed(Permission::ReadOrganization),
                move |Read(mut cx): Read, Id(name): Id<OrgName>, params: Params| async move {
                    cx.organization(&name, Permission::ReadOrganization).await?;
                    empty(&format!("/api/v2/organizations/{name}/{own}"), &params)
                },
            )
            .post(
                &all,
                Access::Allowed(Permission::ManageOrganization),
                move |Write(mut cx): Write, Id(name): Id<OrgName>| async move {
                    cx.organization(&name, Permission::ManageOrganization).await?;
                    refuse(what)
                },
            )
    })
}

fn empty(path: &str, params: &Params) -> Reply {
    list(path, Vec::new(), Vec::new(), params.page()?.of(0))
}

fn refuse(what: &str) -> Reply {
    Err(ApiError::Invalid { detail: format!("this server has no {what}"), pointer: None })
}

async fn no_installations(Read(cx): Read, params: Params) -> Reply {
    cx.require_user()?;
    empty(INSTALLATIONS, &params)
}

async fn no_feature_sets(Read(cx): Read, params: Params) -> Reply {
    cx.require_user()?;
    empty(FEATURE_SETS, &params)
}

async fn no_oauth_tokens(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    cx.organization(&name, Permission::ReadOrganization).await?;
    empty(&format!("/api/v2/organizations/{name}/oauth-tokens"), &params)
}

async fn no_workspace_tasks(Read(mut cx): Read, Id(id): Id<WorkspaceId>, params: Params) -> Reply {
    cx.workspace(&id, Permission::ReadWorkspace).await?;
    empty(&format!("/api/v2/workspaces/{id}/tasks"), &params)
}

async fn refuse_workspace_task(Write(mut cx): Write, Id(id): Id<WorkspaceId>) -> Reply {
    cx.workspace(&id, Permission::UpdateWorkspace).await?;
    refuse("run tasks")
}

/// From which addresses the server calls others depends on the network that it stands in, which it does not know.
async fn ip_ranges(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let since = headers.get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    let since = since.and_then(|text| jiff::fmt::rfc2822::parse(text).ok()).map(|moment| moment.timestamp());
    if since.is_some_and(|since: Timestamp| since > app.now()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    Json(json!({ "api": [], "notifications": [], "sentinel": [], "vcs": [] })).into_response()
}

#[cfg(test)]
mod tests;
