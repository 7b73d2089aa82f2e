//! Agent pools and their agents. Their tokens are described with those of users.

use crate::openapi::Family;
use crate::openapi::operation::{delete, get, patch, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{choice, flag, text, time, whole};

const ALL: &str = "/api/v2/organizations/{organization}/agent-pools";
const ONE: &str = "/api/v2/agent-pools/{pool}";
const AGENT: &str = "/api/v2/agents/{agent}";

pub(super) fn family() -> Family {
    Family::new("agent pools", "Agent pools and their agents.").with(pool()).with(agent()).operations([
        get(ALL, "list-agent-pools", "List the agent pools of an organization")
            .query(&["q", "filter[allowed_workspaces][name]", "filter[allowed_projects][name]", "sort"])
            .include(&["workspaces"])
            .list("agent-pools"),
        post(ALL, "create-agent-pool", "Make an agent pool").takes_new("agent-pools").created("agent-pools"),
        get(ONE, "show-agent-pool", "Show an agent pool").include(&["workspaces"]).one("agent-pools"),
        patch(ONE, "update-agent-pool", "Change an agent pool").takes("agent-pools").one("agent-pools"),
        delete(ONE, "delete-agent-pool", "Delete an agent pool").no_content(),
        get(&format!("{ONE}/agents"), "list-agents", "List the agents of a pool")
            .query(&["filter[last-ping-since]", "sort"])
            .list("agents"),
        get(AGENT, "show-agent", "Show an agent").one("agents"),
        delete(AGENT, "delete-agent", "Forget an agent that is gone").no_content().refuses(412),
    ])
}

fn pool() -> ResourceType {
    ResourceType::new(
        "agent-pools",
        [
            text("name").demanded(),
            flag("organization-scoped").writable(),
            whole("agent-count"),
            time("created-at"),
        ],
    )
    .one("organization", &["organizations"])
    .many("workspaces", &["workspaces"])
    .optional()
    .many("allowed-workspaces", &["workspaces"])
    .optional()
    .writable()
    .many("allowed-projects", &["projects"])
    .optional()
    .writable()
    .many("excluded-workspaces", &["workspaces"])
    .optional()
    .writable()
    .many("agents", &["agents"])
    .optional()
    .many("authentication-tokens", &["authentication-tokens"])
    .optional()
}

fn agent() -> ResourceType {
    ResourceType::new(
        "agents",
        [
            text("name"),
            choice("status", &["idle", "busy", "unknown", "errored", "exited"]),
            text("ip-address").nullable(),
            text("version"),
            time("created-at"),
            time("last-ping-at").nullable(),
        ],
    )
    .one("agent-pool", &["agent-pools"])
}
