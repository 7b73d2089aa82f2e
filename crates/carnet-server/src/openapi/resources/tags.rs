//! Tags of organizations, projects and workspaces.

use crate::openapi::Family;
use crate::openapi::operation::{Operation, delete, get, patch, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{flag, text, time, whole};

const ORGANIZATION: &str = "/api/v2/organizations/{organization}";
const PROJECT: &str = "/api/v2/projects/{project}";
const WORKSPACE: &str = "/api/v2/workspaces/{workspace}";
const BINDINGS: &str = "tag-bindings";
const EFFECTIVE: &str = "effective-tag-bindings";

pub(super) fn family() -> Family {
    let all = format!("{ORGANIZATION}/tags");
    Family::new("tags", "Tags of workspaces, flat and with values, of their own and inherited from projects.")
        .with(tag())
        .with(binding(BINDINGS))
        .with(binding(EFFECTIVE))
        .with(reserved_key())
        .operations([
            get(&all, "list-tags", "List the tags of an organization")
                .query(&["q", "filter[exclude][taggable][id]"])
                .list("tags"),
            delete(&all, "delete-tags", "Delete tags of an organization")
                .takes_references(&["tags"])
                .no_content(),
            post("/api/v2/tags/{tag}/relationships/workspaces", "tag-workspaces", "Add a tag to workspaces")
                .takes_references(&["workspaces"])
                .no_content(),
        ])
        .operations(assigned())
        .operations(reserved_keys())
}

fn tag() -> ResourceType {
    ResourceType::new("tags", [text("name"), whole("instance-count"), time("created-at")])
        .one("organization", &["organizations"])
}

fn binding(kind: &'static str) -> ResourceType {
    ResourceType::new(kind, [text("key"), text("value")])
}

// Clients read the moments with an underscore, only here.
fn reserved_key() -> ResourceType {
    ResourceType::new(
        "reserved-tag-keys",
        [
            text("key").demanded(),
            flag("disable-overrides").writable(),
            time("created_at"),
            time("updated_at"),
        ],
    )
}

fn assigned() -> [Operation; 9] {
    let of = |what: &str, rest: &str| format!("{what}/{rest}");
    let flat = of(WORKSPACE, "relationships/tags");
    [
        get(&flat, "list-workspace-tags", "List the tags of a workspace").query(&["q"]).list("tags"),
        post(&flat, "add-workspace-tags", "Add tags to a workspace").takes_references(&["tags"]).no_content(),
        delete(&flat, "remove-workspace-tags", "Remove tags from a workspace")
            .takes_references(&["tags"])
            .no_content(),
        get(&of(WORKSPACE, BINDINGS), "list-workspace-tag-bindings", "List the tag bindings of a workspace")
            .whole_list(BINDINGS),
        patch(&of(WORKSPACE, BINDINGS), "bind-workspace-tags", "Add or change tag bindings of a workspace")
            .takes_references(&[BINDINGS])
            .whole_list(BINDINGS),
        get(
            &of(WORKSPACE, EFFECTIVE),
            "list-effective-workspace-tag-bindings",
            "List the tag bindings that a workspace has or inherits",
        )
        .whole_list(EFFECTIVE),
        get(&of(PROJECT, BINDINGS), "list-project-tag-bindings", "List the tag bindings of a project")
            .whole_list(BINDINGS),
        patch(&of(PROJECT, BINDINGS), "bind-project-tags", "Add or change tag bindings of a project")
            .takes_references(&[BINDINGS])
            .whole_list(BINDINGS),
        get(
            &of(PROJECT, EFFECTIVE),
            "list-effective-project-tag-bindings",
            "List the tag bindings that the workspaces of a project inherit",
        )
        .whole_list(EFFECTIVE),
    ]
}

fn reserved_keys() -> [Operation; 6] {
    let reserved = format!("{ORGANIZATION}/reserved-tag-keys");
    [
        get(&reserved, "list-reserved-tag-keys", "List the reserved tag keys of an organization")
            .list("reserved-tag-keys"),
        post(&reserved, "create-reserved-tag-key", "Reserve a tag key")
            .takes_new("reserved-tag-keys")
            .created("reserved-tag-keys"),
        patch(
            "/api/v2/reserved-tag-keys/{reserved_tag_key}",
            "update-reserved-tag-key",
            "Change a reserved tag key",
        )
        .takes("reserved-tag-keys")
        .one("reserved-tag-keys"),
        delete(
            "/api/v2/reserved-tag-keys/{reserved_tag_key}",
            "delete-reserved-tag-key",
            "Free a reserved tag key",
        )
        .no_content(),
        patch("/api/v2/reserved-tags/{reserved_tag_key}", "update-reserved-tag", "Change a reserved tag key")
            .takes("reserved-tag-keys")
            .one("reserved-tag-keys"),
        delete("/api/v2/reserved-tags/{reserved_tag_key}", "delete-reserved-tag", "Free a reserved tag key")
            .no_content(),
    ]
}
