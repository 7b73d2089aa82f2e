//! Workspaces, their locks, and what others may read of them.

use crate::api::workspace_document::RELATIONS;
use crate::openapi::Family;
use crate::openapi::operation::{Operation, delete, get, patch, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{anything, choice, flag, flags, number, text, texts, time, whole};

const ALL: &str = "/api/v2/organizations/{organization}/workspaces";
const NAMED: &str = "/api/v2/organizations/{organization}/workspaces/{workspace}";
const ONE: &str = "/api/v2/workspaces/{workspace}";
const KIND: &str = "workspaces";

pub(super) fn family() -> Family {
    let of = |rest: &str| format!("{ONE}/{rest}");
    let safely = "Delete a workspace that manages nothing";
    Family::new("workspaces", "Workspaces hold variables, runs and states.")
        .with(workspace())
        .with(output())
        .with(ResourceType::new("workspace-readme", [text("raw-markdown")]))
        .with(object_of_state())
        .operations([
            get(ALL, "list-workspaces", "List the workspaces of an organization")
                .query(&["search[name]", "search[wildcard-name]", "search[tags]", "search[exclude-tags]"])
                .query(&["filter[project][id]", "filter[tagged][0][key]", "filter[tagged][0][value]"])
                .query(&["filter[current-run][status]", "sort"])
                .include(&RELATIONS)
                .list(KIND),
            post(ALL, "create-workspace", "Make a workspace").takes_new(KIND).created(KIND),
            get(NAMED, "show-named-workspace", "Show a workspace by its name").include(&RELATIONS).one(KIND),
            patch(NAMED, "update-named-workspace", "Change a workspace by its name").takes(KIND).one(KIND),
            delete(NAMED, "delete-named-workspace", "Delete a workspace by its name").no_content(),
            post(&format!("{NAMED}/actions/safe-delete"), "safe-delete-named-workspace", safely)
                .takes_words()
                .no_content(),
            get(ONE, "show-workspace", "Show a workspace").include(&RELATIONS).one(KIND),
            patch(ONE, "update-workspace", "Change a workspace").takes(KIND).one(KIND),
            delete(ONE, "delete-workspace", "Delete a workspace").no_content(),
            post(&of("actions/safe-delete"), "safe-delete-workspace", safely).takes_words().no_content(),
            post(&of("actions/lock"), "lock-workspace", "Lock a workspace").takes_words().one(KIND),
            post(&of("actions/unlock"), "unlock-workspace", "Unlock a workspace").takes_words().one(KIND),
            post(
                &of("actions/force-unlock"),
                "force-unlock-workspace",
                "Unlock a workspace that another locked",
            )
            .takes_words()
            .one(KIND),
            get(&of("resources"), "list-resources", "List the objects in the current state")
                .list("resources"),
        ])
        .operations(consumers())
}

fn consumers() -> [Operation; 4] {
    let path = format!("{ONE}/relationships/remote-state-consumers");
    let changed = |operation: Operation| operation.takes_references(&[KIND]).no_content();
    [
        get(&path, "list-state-consumers", "List the workspaces that may read the state").list(KIND),
        changed(post(&path, "add-state-consumers", "Let workspaces read the state")),
        changed(patch(&path, "replace-state-consumers", "Say which workspaces may read the state")),
        changed(delete(&path, "remove-state-consumers", "Let workspaces not read the state any more")),
    ]
}

fn workspace() -> ResourceType {
    ResourceType::new(
        KIND,
        [
            text("name").demanded(),
            text("description").nullable().writable(),
            choice("execution-mode", &["remote", "local", "agent"]).writable(),
            flag("operations").writable(),
            flags("setting-overwrites", &["execution-mode", "agent-pool"]).writable(),
            text("agent-pool-id").nullable().write_only(),
            text("terraform-version").nullable().writable(),
            text("working-directory").nullable().writable(),
            flag("auto-apply").writable(),
            flag("auto-apply-run-trigger").writable(),
            flag("allow-destroy-plan").writable(),
            flag("queue-all-runs").writable(),
            flag("speculative-enabled").writable(),
            flag("structured-run-output-enabled").writable(),
            whole("identity-token-ttl").nullable().writable(),
            whole("keep-subject-days").write_only(),
            flag("file-triggers-enabled").writable(),
            texts("trigger-prefixes").writable(),
            texts("trigger-patterns").writable(),
            flag("global-remote-state").writable(),
            flag("project-remote-state").writable(),
            flag("assessments-enabled").writable(),
            time("auto-destroy-at").nullable().writable(),
            text("auto-destroy-activity-duration").nullable().writable(),
            flag("inherits-project-auto-destroy").writable(),
            anything("vcs-repo"),
            text("migration-environment").nullable().writable(),
        ],
    )
    .and(facts())
    .one("organization", &["organizations"])
    .one("project", &["projects"])
    .writable()
    .one("agent-pool", &["agent-pools"])
    .one("ssh-key", &["ssh-keys"])
    .one("current-run", &["runs"])
    .one("latest-run", &["runs"])
    .one("current-state-version", &["state-versions"])
    .one("current-configuration-version", &["configuration-versions"])
    .one("readme", &["workspace-readme"])
    .one("locked-by", &["users", "runs", "teams"])
    .address("remote-state-consumers")
    .many("outputs", &["workspace-outputs"])
    .optional()
    .many("vars", &["vars"])
    .optional()
    .many("tag-bindings", &["tag-bindings"])
    .optional()
    .writable()
    .many("effective-tag-bindings", &["effective-tag-bindings"])
    .optional()
}

fn facts() -> [crate::openapi::schema::Field; 21] {
    [
        text("source"),
        text("source-name").nullable().writable(),
        text("source-url").nullable().writable(),
        text("environment"),
        flag("locked"),
        text("locked-reason"),
        time("created-at"),
        time("updated-at"),
        time("latest-change-at"),
        whole("resource-count"),
        number("plan-duration-average").nullable(),
        number("apply-duration-average").nullable(),
        whole("policy-check-failures").nullable(),
        whole("run-failures").nullable(),
        whole("workspace-kpis-runs-count").nullable(),
        texts("tag-names"),
        flag("can-queue-destroy-plan"),
        flag("hyok-enabled"),
        flag("no-code-upgrade-available"),
        flags("actions", &["is-destroyable"]),
        flags("permissions", &PERMISSIONS),
    ]
}

const PERMISSIONS: [&str; 22] = [
    "can-update",
    "can-destroy",
    "can-force-delete",
    "can-queue-run",
    "can-queue-apply",
    "can-queue-destroy",
    "can-read-run",
    "can-read-variable",
    "can-update-variable",
    "can-update-credential-variable",
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

fn output() -> ResourceType {
    ResourceType::new(
        "workspace-outputs",
        [text("name"), flag("sensitive"), text("output-type"), anything("value")],
    )
}

// These days are no moments: clients read them as text.
fn object_of_state() -> ResourceType {
    ResourceType::new(
        "resources",
        [
            text("address"),
            text("name"),
            text("created-at"),
            text("updated-at"),
            text("module"),
            text("provider"),
            text("provider-type"),
            text("modified-by-state-version-id"),
            text("name-index").nullable(),
        ],
    )
}
