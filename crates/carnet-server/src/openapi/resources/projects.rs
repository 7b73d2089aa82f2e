//! Projects.

use crate::openapi::Family;
use crate::openapi::operation::{delete, get, patch, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{flag, flags, text, time, whole};

const ALL: &str = "/api/v2/organizations/{organization}/projects";
const ONE: &str = "/api/v2/projects/{project}";

pub(super) fn family() -> Family {
    Family::new("projects", "Projects group the workspaces of an organization.").with(project()).operations([
        get(ALL, "list-projects", "List the projects of an organization")
            .query(&["q", "filter[names]", "sort"])
            .list("projects"),
        post(ALL, "create-project", "Make a project").takes_new("projects").created("projects"),
        get(ONE, "show-project", "Show a project").one("projects"),
        patch(ONE, "update-project", "Change a project").takes("projects").one("projects"),
        delete(ONE, "delete-project", "Delete an empty project").no_content(),
    ])
}

fn project() -> ResourceType {
    ResourceType::new(
        "projects",
        [
            text("name").demanded(),
            text("description").writable(),
            time("created-at"),
            whole("workspace-count"),
            whole("team-count"),
            flag("is-unified"),
            text("auto-destroy-activity-duration").nullable(),
            text("default-execution-mode"),
            flags("setting-overwrites", &["default-execution-mode", "default-agent-pool"]),
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
}
