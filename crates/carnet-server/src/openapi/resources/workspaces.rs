//! Workspaces, their locks and their tags.

use crate::openapi::Family;
use crate::openapi::operation::{delete, get, patch, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{anything, choice, flag, flags, text, texts, time, whole};

const ALL: &str = "/api/v2/organizations/{organization}/workspaces";
const NAMED: &str = "/api/v2/organizations/{organization}/workspaces/{workspace}";
const ONE: &str = "/api/v2/workspaces/{workspace}";
const INCLUDE: [&str; 3] = ["organization", "project", "locked_by"];

pub(super) fn family() -> Family {
    let of = |rest: &str| format!("{ONE}/{rest}");
    let named = |rest: &str| format!("{NAMED}/{rest}");
    Family::new("workspaces", "Workspaces hold variables, runs and states.")
        .with(workspace())
        .with(tag())
        .with(ResourceType::new("tag-bindings", [text("key"), text("value")]))
        .with(ResourceType::new("effective-tag-bindings", [text("key"), text("value")]))
        .operations([
            get(ALL, "list-workspaces", "List the workspaces of an organization")
                .query(&["search[name]", "search[wildcard-name]", "search[tags]", "search[exclude-tags]"])
                .query(&["filter[project][id]", "filter[tagged][0][key]", "filter[tagged][0][value]", "sort"])
                .include(&INCLUDE)
                .list("workspaces"),
            post(ALL, "create-workspace", "Make a workspace").takes_new("workspaces").created("workspaces"),
            get(NAMED, "show-named-workspace", "Show a workspace by its name")
                .include(&INCLUDE)
                .one("workspaces"),
            patch(NAMED, "update-named-workspace", "Change a workspace by its name")
                .takes("workspaces")
                .one("workspaces"),
            delete(NAMED, "delete-named-workspace", "Delete a workspace by its name").no_content(),
            post(
                &named("actions/safe-delete"),
                "safe-delete-named-workspace",
                "Delete a workspace that manages nothing",
            )
            .takes_words()
            .no_content(),
            get(ONE, "show-workspace", "Show a workspace").include(&INCLUDE).one("workspaces"),
            patch(ONE, "update-workspace", "Change a workspace").takes("workspaces").one("workspaces"),
            delete(ONE, "delete-workspace", "Delete a workspace").no_content(),
            post(
                &of("actions/safe-delete"),
                "safe-delete-workspace",
                "Delete a workspace that manages nothing",
            )
            .takes_words()
            .no_content(),
            post(&of("actions/lock"), "lock-workspace", "Lock a workspace").takes_words().one("workspaces"),
            post(&of("actions/unlock"), "unlock-workspace", "Unlock a workspace")
                .takes_words()
                .one("workspaces"),
            post(
                &of("actions/force-unlock"),
                "force-unlock-workspace",
                "Unlock a workspace that another user locked",
            )
            .takes_words()
            .one("workspaces"),
        ])
        .operations(tags())
}

fn tags() -> [crate::openapi::operation::Operation; 6] {
    let of = |rest: &str| format!("{ONE}/{rest}");
    let flat = of("relationships/tags");
    [
        get(&flat, "list-workspace-tags", "List the tags of a workspace").whole_list("tags"),
        post(&flat, "add-workspace-tags", "Add tags to a workspace").takes_references(&["tags"]).no_content(),
        delete(&flat, "remove-workspace-tags", "Remove tags from a workspace")
            .takes_references(&["tags"])
            .no_content(),
        get(&of("tag-bindings"), "list-workspace-tag-bindings", "List the tag bindings of a workspace")
            .whole_list("tag-bindings"),
        patch(&of("tag-bindings"), "bind-workspace-tags", "Add or change tag bindings of a workspace")
            .takes_references(&["tag-bindings"])
            .whole_list("tag-bindings"),
        get(
            &of("effective-tag-bindings"),
            "list-effective-tag-bindings",
            "List the tag bindings that a workspace has or inherits",
        )
        .whole_list("effective-tag-bindings"),
    ]
}

fn tag() -> ResourceType {
    ResourceType::new("tags", [text("name"), whole("instance-count")]).one("organization", &["organizations"])
}

fn workspace() -> ResourceType {
    ResourceType::new(
        "workspaces",
        [
            text("name").demanded(),
            text("description").nullable().writable(),
            choice("execution-mode", &["remote", "local", "agent"]).writable(),
            flag("operations").writable(),
            text("terraform-version").nullable().writable(),
            text("working-directory").nullable().writable(),
            flag("auto-apply").writable(),
            flag("auto-apply-run-trigger"),
            flag("allow-destroy-plan").writable(),
            flag("queue-all-runs"),
            flag("speculative-enabled"),
            flag("structured-run-output-enabled").writable(),
            whole("identity-token-ttl").nullable().writable(),
            flag("file-triggers-enabled"),
            texts("trigger-prefixes"),
            texts("trigger-patterns"),
            flag("global-remote-state"),
            flag("project-remote-state"),
            flag("assessments-enabled"),
            time("auto-destroy-at").nullable(),
            text("auto-destroy-activity-duration").nullable(),
            flag("inherits-project-auto-destroy"),
            anything("vcs-repo").nullable(),
            text("source"),
            text("environment"),
            flag("locked"),
            text("locked-reason"),
            time("created-at"),
            time("updated-at"),
            time("latest-change-at"),
            whole("resource-count"),
            texts("tag-names"),
            flags("setting-overwrites", &["execution-mode", "agent-pool"]),
            flags("actions", &["is-destroyable"]),
            flags("permissions", &PERMISSIONS),
        ],
    )
    .one("organization", &["organizations"])
    .one("project", &["projects"])
    .writable()
    .one("current-run", &["runs"])
    .one("latest-run", &["runs"])
    .one("current-state-version", &["state-versions"])
    .one("current-configuration-version", &["configuration-versions"])
    .one("locked-by", &["users", "runs"])
}

const PERMISSIONS: [&str; 21] = [
    "can-update",
    "can-destroy",
    "can-force-delete",
    "can-queue-run",
    "can-queue-apply",
    "can-queue-destroy",
    "can-read-run",
    "can-read-variable",
    "can-update-variable",
    "can-read-state-versions",
    "can-read-state-outputs",
    "can-create-state-versions",
    "can-lock",
    "can-unlock",
    "can-force-unlock",
    "can-read-settings",
    "can-manage-tags",
    "can-manage-run-tasks",
    "can-manage-assessments",
    "can-manage-ephemeral-workspaces",
    "can-read-assessment-results",
];
