//! Runs, decisions about them and what happened to them.

use crate::openapi::Family;
use crate::openapi::operation::{Operation, delete, get, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{Field, Schema, choice, flag, flags, list, map, text, texts, time, whole};

const ALL: &str = "/api/v2/runs";
const ONE: &str = "/api/v2/runs/{run}";
const INCLUDE: [&str; 6] =
    ["workspace", "plan", "apply", "configuration_version", "created_by", "confirmed_by"];
const FILTERS: [&str; 10] = [
    "filter[timeframe]",
    "filter[agent_pool_names]",
    "search[commit]",
    "search[user]",
    "filter[operation]",
    "filter[status]",
    "filter[status_group]",
    "filter[source]",
    "filter[workspace_names]",
    "search[basic]",
];

pub(super) fn family() -> Family {
    let of = |rest: &str| format!("{ONE}/{rest}");
    Family::new("runs", "Runs plan and apply a configuration.")
        .with(run())
        .with(event())
        .with(comment())
        .with(trigger())
        .operations([
            post(ALL, "create-run", "Start a run").takes_new("runs").created("runs"),
            get(ONE, "show-run", "Show a run").include(&INCLUDE).one("runs"),
            get("/api/v2/workspaces/{workspace}/runs", "list-runs", "List the runs of a workspace")
                .query(&FILTERS)
                .include(&INCLUDE)
                .list("runs"),
            get(
                "/api/v2/organizations/{organization}/runs",
                "list-organization-runs",
                "List the runs of an organization",
            )
            .query(&FILTERS)
            .include(&INCLUDE)
            .list("runs"),
            get(
                "/api/v2/organizations/{organization}/runs/queue",
                "list-queue",
                "List the runs that wait or execute",
            )
            .list("runs"),
            get(
                &of("configuration-version"),
                "show-run-configuration",
                "Show the configuration version of a run",
            )
            .one("configuration-versions"),
            get(
                &of("configuration-version/download"),
                "download-run-configuration",
                "Download the configuration of a run",
            )
            .media(200, "application/gzip"),
        ])
        .operations(events())
        .operations(decisions())
        .operations(triggers())
}

fn run() -> ResourceType {
    ResourceType::new(
        "runs",
        [
            choice("status", &STATUSES),
            map("status-timestamps", Schema::Time),
            text("message").writable(),
            text("source"),
            text("trigger-reason"),
            time("created-at"),
            time("updated-at"),
            time("canceled-at").nullable(),
            time("force-cancel-available-at").nullable(),
            flag("has-changes"),
            flag("plan-only").writable(),
            flag("save-plan").writable(),
            flag("auto-apply").writable(),
            flag("allow-empty-apply").writable(),
            flag("allow-config-generation").writable(),
            flag("is-destroy").writable(),
            flag("refresh").writable(),
            flag("refresh-only").writable(),
            flag("debugging-mode").writable(),
            texts("target-addrs").writable(),
            texts("replace-addrs").writable(),
            texts("policy-paths"),
            texts("invoke-action-addrs").writable(),
            text("terraform-version").writable(),
            whole("position-in-queue"),
        ],
    )
    .and(rights())
    .one("workspace", &["workspaces"])
    .writable()
    .one("plan", &["plans"])
    .one("apply", &["applies"])
    .one("configuration-version", &["configuration-versions"])
    .writable()
    .one("created-by", &["users"])
    .one("confirmed-by", &["users"])
    .one("canceled-by", &["users"])
    .one("triggering-run", &["runs"])
    .one("cost-estimate", &["cost-estimates"])
    .many("run-events", &["run-events"])
    .many("comments", &["comments"])
    .many("policy-checks", &["policy-checks"])
    .many("task-stages", &["task-stages"])
}

fn rights() -> [Field; 4] {
    [
        list("variables", Schema::Object(vec![text("key").demanded(), text("value").demanded()])).writable(),
        texts("unrevoked-credentials"),
        flags("actions", &["is-cancelable", "is-confirmable", "is-discardable", "is-force-cancelable"]),
        flags(
            "permissions",
            &[
                "can-apply",
                "can-cancel",
                "can-comment",
                "can-discard",
                "can-force-cancel",
                "can-force-execute",
                "can-override-policy-check",
            ],
        ),
    ]
}

const STATUSES: [&str; 13] = [
    "pending",
    "plan_queued",
    "planning",
    "planned",
    "planned_and_finished",
    "planned_and_saved",
    "confirmed",
    "apply_queued",
    "applying",
    "applied",
    "discarded",
    "errored",
    "canceled",
];

fn event() -> ResourceType {
    ResourceType::new(
        "run-events",
        [text("action"), text("description").nullable(), time("created-at"), text("target-id").nullable()],
    )
    .one("run", &["runs"])
    .one("actor", &["users"])
    .one("comment", &["comments"])
}

fn comment() -> ResourceType {
    ResourceType::new("comments", [text("body").demanded(), time("created-at")])
        .one("run-event", &["run-events"])
}

fn trigger() -> ResourceType {
    ResourceType::new("run-triggers", [text("workspace-name"), text("sourceable-name"), time("created-at")])
        .one("workspace", &["workspaces"])
        .one("sourceable", &["workspaces"])
        .writable()
}

fn triggers() -> [Operation; 4] {
    let all = "/api/v2/workspaces/{workspace}/run-triggers";
    let one = "/api/v2/run-triggers/{trigger}";
    let include = ["workspace", "sourceable"];
    [
        get(all, "list-run-triggers", "List the run triggers of a workspace")
            .required_query(&["filter[run-trigger][type]"])
            .include(&include)
            .list("run-triggers")
            .refuses(422),
        post(all, "create-run-trigger", "Let an apply elsewhere start a run here")
            .takes_new("run-triggers")
            .created("run-triggers"),
        get(one, "show-run-trigger", "Show a run trigger").include(&include).one("run-triggers"),
        delete(one, "delete-run-trigger", "Delete a run trigger").no_content(),
    ]
}

fn decisions() -> [Operation; 5] {
    let of = |rest: &str| format!("{ONE}/{rest}");
    [
        post(&of("actions/apply"), "apply-run", "Approve a plan").takes_words().empty(202),
        post(&of("actions/discard"), "discard-run", "Discard a plan").takes_words().empty(202),
        post(&of("actions/cancel"), "cancel-run", "Ask a run to stop").takes_words().empty(202),
        post(&of("actions/force-execute"), "force-execute-run", "Execute a run before those that wait")
            .takes_words()
            .empty(202),
        post(&of("actions/force-cancel"), "force-cancel-run", "Stop a run by force").takes_words().empty(202),
    ]
}

fn events() -> [Operation; 5] {
    let of = |rest: &str| format!("{ONE}/{rest}");
    [
        get(&of("run-events"), "list-run-events", "List what happened to a run")
            .include(&["actor", "comment"])
            .whole_list("run-events"),
        get(&of("comments"), "list-comments", "List the comments on a run").list("comments"),
        post(&of("comments"), "create-comment", "Comment on a run").takes_new("comments").created("comments"),
        get("/api/v2/comments/{comment}", "show-comment", "Show a comment").one("comments"),
        get("/api/v2/run-events/{event}", "show-run-event", "Show something that happened to a run")
            .include(&["actor", "comment"])
            .one("run-events"),
    ]
}
