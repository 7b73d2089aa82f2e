//! Subjects and claims of identity tokens.

use crate::openapi::Family;
use crate::openapi::operation::{Operation, delete, get, post, put};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{Field, Schema, choice, flag, list, text, texts, time, whole};

const PARTS: [&str; 3] = ["organization", "project", "workspace"];
const ORGANIZATION: &str = "/api/carnet/v1/organizations/{organization}";
const PROJECT: &str = "/api/carnet/v1/projects/{project}";
const WORKSPACE: &str = "/api/carnet/v1/workspaces/{workspace}";
const CONFIGURATION: &str = "/api/carnet/v1/workspaces/{workspace}/subject-settings/{tag}";

pub(super) fn family() -> Family {
    Family::new(
        "subjects",
        "What identity tokens say about their runs: subjects, claims, and old subjects that go on.",
    )
    .with(settings())
    .with(graces())
    .with(subjects())
    .with(previews())
    .operations(settings_operations())
    .operations(grace_operations())
    .operations([
        get(
            &format!("{WORKSPACE}/subjects"),
            "show-workspace-subjects",
            "Show the subjects of a workspace's tokens",
        )
        .one("workspace-subjects"),
        get(
            &format!("{WORKSPACE}/subject-preview"),
            "preview-workspace-subjects",
            "Show what a change would make of the subjects of a workspace",
        )
        .query(&["name", "project", "template"])
        .one("subject-previews"),
        get(
            &format!("{PROJECT}/subject-preview"),
            "preview-project-subjects",
            "Show what a change would make of the subjects in a project",
        )
        .query(&["name", "template"])
        .list("subject-previews"),
        get(
            &format!("{ORGANIZATION}/subject-preview"),
            "preview-organization-subjects",
            "Show what a change would make of the subjects in an organization",
        )
        .query(&["name", "template"])
        .list("subject-previews"),
    ])
}

fn settings_operations() -> [Operation; 12] {
    let at = |place: &str| format!("{place}/subject-settings");
    let shown = |path: &str, id, summary| get(path, id, summary).one("subject-settings");
    let stored = |path: &str, id, summary| {
        put(path, id, summary).takes_new("subject-settings").one("subject-settings")
    };
    let removed = |path: &str, id, summary| delete(path, id, summary).no_content();
    let (organization, project, workspace) = (at(ORGANIZATION), at(PROJECT), at(WORKSPACE));
    [
        shown(
            &organization,
            "show-organization-subject-settings",
            "Show what an organization says about subjects",
        ),
        stored(&organization, "put-organization-subject-settings", "Say what counts in an organization"),
        removed(
            &organization,
            "delete-organization-subject-settings",
            "Say nothing about subjects in an organization",
        ),
        shown(&project, "show-project-subject-settings", "Show what a project says about subjects"),
        stored(&project, "put-project-subject-settings", "Say what counts in a project"),
        removed(&project, "delete-project-subject-settings", "Leave subjects to the organization"),
        shown(&workspace, "show-workspace-subject-settings", "Show what a workspace says about subjects"),
        stored(&workspace, "put-workspace-subject-settings", "Say what counts in a workspace"),
        removed(&workspace, "delete-workspace-subject-settings", "Leave subjects to the project"),
        shown(
            CONFIGURATION,
            "show-configuration-subject-settings",
            "Show what is said about a configuration",
        ),
        stored(CONFIGURATION, "put-configuration-subject-settings", "Say what counts for a configuration"),
        removed(CONFIGURATION, "delete-configuration-subject-settings", "Leave subjects to the workspace"),
    ]
}

fn grace_operations() -> [Operation; 9] {
    let at = |place: &str| format!("{place}/subject-grace");
    let shown = |path: &str, id, summary| get(path, id, summary).one("subject-graces");
    let stored =
        |path: &str, id, summary| post(path, id, summary).takes_new("subject-graces").one("subject-graces");
    let removed = |path: &str, id, summary| delete(path, id, summary).no_content();
    let (organization, project, workspace) = (at(ORGANIZATION), at(PROJECT), at(WORKSPACE));
    [
        shown(
            &organization,
            "show-organization-subject-grace",
            "Show the name that an organization goes on presenting",
        ),
        stored(&organization, "keep-organization-subject", "Go on presenting the name of an organization"),
        removed(&organization, "end-organization-subject-grace", "Present the organization's own name"),
        shown(&project, "show-project-subject-grace", "Show the name that a project goes on presenting"),
        stored(&project, "keep-project-subject", "Go on presenting the name of a project"),
        removed(&project, "end-project-subject-grace", "Present the project's own name"),
        shown(&workspace, "show-workspace-subject-grace", "Show what a workspace goes on presenting"),
        stored(&workspace, "keep-workspace-subject", "Go on presenting the names of a workspace"),
        removed(&workspace, "end-workspace-subject-grace", "Present a workspace's own names"),
    ]
}

fn settings() -> ResourceType {
    ResourceType::new(
        "subject-settings",
        [
            choice("scope", &PARTS),
            text("tag").nullable(),
            text("template").nullable().writable(),
            texts("claims").nullable().writable(),
            flag("shared").writable(),
        ],
    )
}

fn kept() -> Schema {
    Schema::Object(vec![
        choice("holder", &PARTS),
        choice("part", &PARTS),
        text("name"),
        text("id"),
        time("until"),
    ])
}

fn graces() -> ResourceType {
    ResourceType::new(
        "subject-graces",
        [
            choice("scope", &PARTS),
            time("until").writable(),
            whole("days").write_only(),
            time("created-at"),
            list("names", kept()),
        ],
    )
}

fn subjects() -> ResourceType {
    let configuration: Vec<Field> = vec![
        text("tag").nullable(),
        text("template"),
        choice("said-by", &["default", "organization", "project", "workspace", "configuration"]),
        text("plan"),
        text("apply"),
        time("changes-at").nullable(),
        text("later-plan"),
        text("later-apply"),
        texts("claims"),
    ];
    ResourceType::new(
        "workspace-subjects",
        [list("configurations", Schema::Object(configuration)), list("kept", kept()), texts("warnings")],
    )
}

fn previews() -> ResourceType {
    let subject = vec![
        text("tag").nullable(),
        choice("phase", &["plan", "apply"]),
        text("before"),
        text("after"),
        text("later"),
    ];
    let family = vec![
        text("family"),
        text("tag").nullable(),
        choice("phase", &["plan", "apply"]),
        text("audience"),
        text("subject"),
        time("last-used-at"),
    ];
    ResourceType::new(
        "subject-previews",
        [
            text("workspace-name"),
            flag("changes"),
            time("kept-until").nullable(),
            list("subjects", Schema::Object(subject)),
            list("families", Schema::Object(family)),
            texts("warnings"),
        ],
    )
    .one("workspace", &["workspaces"])
}
