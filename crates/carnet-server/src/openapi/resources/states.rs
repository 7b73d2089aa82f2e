//! State versions and their outputs.

use crate::openapi::Family;
use crate::openapi::operation::{get, patch, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{Schema, anything, choice, flag, list, map, text, time, whole};

const ALL: &str = "/api/v2/state-versions";
const ONE: &str = "/api/v2/state-versions/{state_version}";
const OF_WORKSPACE: &str = "/api/v2/workspaces/{workspace}/state-versions";
const INCLUDE: [&str; 3] = ["outputs", "run", "created_by"];

pub(super) fn family() -> Family {
    let of = |rest: &str| format!("{ONE}/{rest}");
    let current = |rest: &str| format!("/api/v2/workspaces/{{workspace}}/current-state-version{rest}");
    Family::new("states", "State versions and their outputs.")
        .with(state_version())
        .with(output())
        .operations([
            get(ALL, "list-state-versions", "List the state versions of a workspace")
                .required_query(&["filter[organization][name]", "filter[workspace][name]"])
                .query(&["filter[status]"])
                .include(&INCLUDE)
                .list("state-versions")
                .refuses(422),
            get(ONE, "show-state-version", "Show a state version").include(&INCLUDE).one("state-versions"),
            get(&of("download"), "download-state", "Download a state").media(200, "application/json"),
            get(
                &of("json-download"),
                "download-json-state",
                "Download a state in the form of terraform show",
            )
            .media(200, "application/json"),
            get(&current(""), "show-current-state-version", "Show the current state version of a workspace")
                .include(&INCLUDE)
                .one("state-versions"),
            post(OF_WORKSPACE, "create-state-version", "Write a new state, at once or by uploads")
                .takes_new("state-versions")
                .created("state-versions"),
            patch(OF_WORKSPACE, "roll-back-state", "Make an older state the current one again")
                .takes_references_to_one("state-versions")
                .created("state-versions"),
            get(&current("-outputs"), "list-current-outputs", "List the outputs of the current state")
                .whole_list("state-version-outputs"),
            get(&of("outputs"), "list-outputs", "List the outputs of a state version")
                .list("state-version-outputs"),
            get(
                "/api/v2/state-version-outputs/{output}",
                "show-output",
                "Show an output, also when it is sensitive",
            )
            .one("state-version-outputs"),
        ])
}

fn state_version() -> ResourceType {
    ResourceType::new(
        "state-versions",
        [
            whole("serial").demanded(),
            text("lineage").writable(),
            text("md5").demanded(),
            whole("size").nullable(),
            choice("status", &["pending", "finalized", "discarded"]),
            flag("intermediate"),
            whole("state-version").nullable(),
            text("terraform-version").nullable(),
            time("created-at"),
            text("hosted-state-download-url").nullable(),
            text("hosted-json-state-download-url").nullable(),
            text("hosted-state-upload-url").nullable(),
            text("hosted-json-state-upload-url").nullable(),
            flag("resources-processed"),
            list(
                "resources",
                Schema::Object(vec![
                    text("name"),
                    text("type"),
                    whole("count"),
                    text("module"),
                    text("provider"),
                ]),
            ),
            map("modules", Schema::Map(Box::new(Schema::Whole))),
            map("providers", Schema::Map(Box::new(Schema::Whole))),
            whole("billable-rum-count").nullable(),
            text("vcs-commit-sha").nullable(),
            text("vcs-commit-url").nullable(),
            flag("force").write_only(),
            text("state").write_only(),
            text("json-state").write_only(),
            text("json-state-outputs").write_only(),
        ],
    )
    .one("workspace", &["workspaces"])
    .one("run", &["runs"])
    .writable()
    .one("created-by", &["users"])
    .many("outputs", &["state-version-outputs"])
}

fn output() -> ResourceType {
    ResourceType::new(
        "state-version-outputs",
        [text("name"), flag("sensitive"), text("type"), anything("detailed-type"), anything("value")],
    )
}
