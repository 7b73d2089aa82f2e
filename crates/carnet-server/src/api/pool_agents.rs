//! Agents of a pool.

use carnet_api::jsonapi::Resource;
use carnet_model::{Agent, AgentId, AgentPoolId, Permission, Timestamp};
use carnet_store::AgentFilter;
use serde_json::json;

use super::agent_pools::find;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, list, no_content, ok};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let manage = Access::Allowed(Permission::ManageAgentPools);
    let one = "/api/v2/agents/{agent}";
    Routes::default()
        .get("/api/v2/agent-pools/{pool}/agents", manage, index)
        .get(one, manage, show)
        .delete(one, manage, delete)
}

async fn index(Read(mut cx): Read, Id(pool): Id<AgentPoolId>, params: Params) -> Reply {
    find(&mut cx, &pool, Permission::ManageAgentPools).await?;
    let heard_since = params.get("filter[last-ping-since]").map(moment).transpose()?;
    let filter = AgentFilter { heard_since, newest_first: params.get("sort") == Some("-created-at") };
    let page = params.page()?;
    let (agents, total) = cx.tx.pool_agents(&pool, filter, page.offset(), page.size).await?;
    let resources = agents.iter().map(|agent| resource(agent, cx.now)).collect();
    list(&format!("/api/v2/agent-pools/{pool}/agents"), resources, Vec::new(), page.of(total))
}

fn moment(text: &str) -> Result<Timestamp, ApiError> {
    let detail = "filter[last-ping-since] must be a time as in 2026-01-05T10:00:00Z";
    text.parse().map_err(|_| ApiError::BadRequest(detail.to_owned()))
}

async fn show(Read(mut cx): Read, Id(id): Id<AgentId>) -> Reply {
    ok(resource(&of_pool(&mut cx, &id).await?, cx.now))
}

async fn delete(Write(mut cx): Write, Id(id): Id<AgentId>) -> Reply {
    let agent = of_pool(&mut cx, &id).await?;
    let status = agent.status(cx.now);
    if !status.is_gone() {
        return Err(ApiError::Precondition(format!(
            "The agent is {}; only agents that are unknown, errored or exited can be deleted",
            status.as_str()
        )));
    }
    cx.tx.delete_agent(&id).await?;
    cx.tx.commit().await?;
    no_content()
}

/// The agent of this id, if it is of a pool that the caller manages. Agents of the site belong to no organization.
async fn of_pool(cx: &mut Context, id: &AgentId) -> Result<Agent, ApiError> {
    let agent = cx.tx.agent(id).await?.ok_or(ApiError::NotFound)?;
    let pool = agent.agent_pool_id.as_ref().ok_or(ApiError::NotFound)?;
    find(cx, pool, Permission::ManageAgentPools).await?;
    Ok(agent)
}

/// An agent as clients read it.
fn resource(agent: &Agent, now: Timestamp) -> Resource {
    let attributes = json!({
        "name": agent.name,
        "status": agent.status(now).as_str(),
        "ip-address": agent.ip_address.map(|address| address.to_string()),
        "version": agent.version,
        "created-at": agent.created_at,
        "last-ping-at": agent.last_ping_at,
    });
    Resource::new("agents", &agent.id, attributes)
        .to_one("agent-pool", "agent-pools", agent.agent_pool_id.as_ref())
        .link("self", format!("/api/v2/agents/{}", agent.id))
}
