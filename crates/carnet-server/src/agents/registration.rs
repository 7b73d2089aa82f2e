//! Agents introduce themselves.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use carnet_api::job::{Registered, Registration, Stop};
use carnet_model::{Agent, AgentId};
use jiff::SignedDuration;

use super::caller::{AgentCall, Plain};
use crate::app::entropy;
use crate::error::ApiError;
use crate::extract::Id;
use crate::reply::{Reply, no_content};

/// Agents that were not heard of for so long are forgotten.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The most bytes of an agent's name and of its version.
const TEXT_LIMIT: usize = 255;

pub(crate) async fn register(call: AgentCall, Plain(registration): Plain<Registration>) -> Reply {
    for (name, text) in [("name", &registration.name), ("version", &registration.version)] {
        if text.len() > TEXT_LIMIT || text.contains(char::is_control) {
            return Err(ApiError::invalid(
                &format!("/{name}"),
                format!("at most {TEXT_LIMIT} printable bytes"),
            ));
        }
    }
    let now = call.app.now();
    let agent = Agent {
        id: AgentId::from_entropy(entropy()?),
        token_id: call.token_id,
        agent_pool_id: call.agent_pool_id,
        name: registration.name,
        version: registration.version,
        ip_address: call.ip_address,
        created_at: now,
        last_ping_at: now,
        stopped_at: None,
        failed: false,
        is_busy: false,
    };
    let mut tx = call.app.store.write().await?;
    tx.forget_agents(now.checked_sub(FORGOTTEN_AFTER).map_err(ApiError::internal)?).await?;
    tx.insert_agent(&agent).await?;
    tx.commit().await?;
    tracing::info!(agent.id = %agent.id, agent.name = agent.name, "an agent registered");
    let registered = Registered { agent_id: agent.id.as_str().to_owned() };
    Ok((StatusCode::CREATED, Json(registered)).into_response())
}

/// An agent says that it ends.
pub(crate) async fn stop(call: AgentCall, Id(id): Id<AgentId>, Plain(stop): Plain<Stop>) -> Reply {
    let agent = call.agent(&id).await?;
    let mut tx = call.app.store.write().await?;
    tx.stop_agent(&agent.id, stop.failed, call.app.now()).await?;
    tx.commit().await?;
    tracing::info!(agent.id = %agent.id, agent.name = agent.name, "an agent ended");
    no_content()
}
