//! Agents introduce themselves.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use carnet_api::job::{Registered, Registration};
use carnet_model::{Agent, AgentId};

use super::caller::{AgentCall, Plain};
use crate::app::entropy;
use crate::error::ApiError;
use crate::reply::Reply;

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
        name: registration.name,
        version: registration.version,
        created_at: now,
        last_ping_at: now,
    };
    let mut tx = call.app.store.write().await?;
    tx.insert_agent(&agent).await?;
    tx.commit().await?;
    tracing::info!(agent.id = %agent.id, agent.name = agent.name, "an agent registered");
    let registered = Registered { agent_id: agent.id.as_str().to_owned() };
    Ok((StatusCode::CREATED, Json(registered)).into_response())
}
