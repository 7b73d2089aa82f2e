//! Projects.

use crate::openapi::Family;
use crate::openapi::operation::{delete, get, patch, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{choice, flag, flags, text, time, whole};

const ALL: &str = "/api/v2/organizations/{organization}/projects";
const ONE: &str = "/api/v2/projects/{project}";

pub(super) fn family() -> Family {
    Family::new("projects", "Projects group the workspaces of an organization.").with(project()).operations([
        get(ALL, "list-projects", "List the projects of an organization")
            .query(&["q", "filter[names]", "filter[permissions][create-workspace]", "sort"])
            .include(&["effective_tag_bindings"])
            .list("projects"),
        post(ALL, "create-project", "Make a project").takes_new("projects").created("projects"),
        get(ONE, "show-project", "Show a project").include(&["effective_tag_bindings"]).one("projects"),
        patch(ONE, "update-project", "Change a project").takes("projects").one("projects"),
        delete(ONE, "delete-project", "Delete an empty project").no_content(),
        post(&format!("{ONE}/relationships/workspaces"), "move-workspaces", "Move workspaces into a project")
            .takes_references(&["workspaces"])
            .no_content(),
    ])
}

fn project() -> ResourceType {
    ResourceType::new(
        "projects",
        [
            text("name").demanded(),
            text("description").nullable().writable(),
            time("created-at"),
            whole("workspace-count"),
            whole("team-count"),
            flag("is-unified"),
            text("auto-destroy-activity-duration").nullable().writable(),
            choice("default-execution-mode", &["remote", "local", "agent"]).writable(),
            text("default-agent-pool-id").nullable().write_only(),
            whole("keep-subject-days").write_only(),
            flags("setting-overwrites", &["default-execution-mode", "default-agent-pool"]).writable(),
            flags(
                "permissions",
                &[
                    "can-read",
                    "can-update",
                    "can-destroy",
                    "can-create-workspace",
                    "can-move-workspace",
                    "can-manage-teams",
                    "can-read-teams",
                    "can-manage-tags",
                    "can-manage-varsets",
                    "can-deploy-no-code-modules",
                ],
            ),
        ],
    )
    .one("organization", &["organizations"])
    .one("default-agent-pool", &["agent-pools"])
    .address("tag-bindings")
    .many_or_address("effective-tag-bindings", &["effective-tag-bindings"])
}
