//! Plans and applies.

use crate::openapi::Family;
use crate::openapi::operation::{Operation, get};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{Field, Schema, choice, flag, flags, map, object, text, whole};

const PLAN: &str = "/api/v2/plans/{plan}";
const APPLY: &str = "/api/v2/applies/{apply}";
const RUN: &str = "/api/v2/runs/{run}";

pub(super) fn family() -> Family {
    let any_json = |operation: Operation| operation.media(200, "application/json").no_content();
    let of_plan = |rest: &str| format!("{PLAN}/{rest}");
    let of_run = |rest: &str| format!("{RUN}/{rest}");
    Family::new("plans and applies", "The two phases of a run.").with(plan()).with(apply()).operations([
        get(PLAN, "show-plan", "Show a plan").one("plans"),
        get(&of_run("plan"), "show-run-plan", "Show the plan of a run").one("plans"),
        any_json(get(&of_plan("json-output"), "show-plan-json", "Show what a plan would do")),
        any_json(get(
            &of_plan("json-output-redacted"),
            "show-redacted-plan",
            "Show a plan without its secrets",
        )),
        any_json(get(&of_plan("json-schema"), "show-plan-schemas", "Show the schemas of a plan's providers")),
        any_json(get(
            &of_run("plan/json-output"),
            "show-run-plan-json",
            "Show what the plan of a run would do",
        )),
        any_json(get(
            &of_run("plan/json-output-redacted"),
            "show-run-redacted-plan",
            "Show the plan of a run without its secrets",
        )),
        any_json(get(
            &of_run("plan/json-schema"),
            "show-run-plan-schemas",
            "Show the schemas of the providers of a run",
        )),
        get(APPLY, "show-apply", "Show an apply").one("applies"),
        get(&of_run("apply"), "show-run-apply", "Show the apply of a run").one("applies"),
        get(
            &format!("{APPLY}/errored-state"),
            "download-errored-state",
            "Download a state that an apply wrote and that could not become current",
        )
        .media(200, "application/json"),
    ])
}

fn phase() -> [Field; 7] {
    [
        choice("status", &["pending", "queued", "running", "finished", "errored", "canceled", "unreachable"]),
        map("status-timestamps", Schema::Time),
        text("log-read-url"),
        whole("resource-additions").nullable(),
        whole("resource-changes").nullable(),
        whole("resource-destructions").nullable(),
        whole("resource-imports").nullable(),
    ]
}

fn plan() -> ResourceType {
    ResourceType::new("plans", phase())
        .and([
            execution_details(),
            flag("has-changes"),
            flag("generated-configuration"),
            flag("structured-run-output-enabled"),
            flags("actions", &["is-exportable"]),
            flags("permissions", &["can-export"]),
        ])
        .many("state-versions", &["state-versions"])
        .many("exports", &["plan-exports"])
}

fn apply() -> ResourceType {
    ResourceType::new("applies", phase())
        .and([execution_details()])
        .many("state-versions", &["state-versions"])
}

fn execution_details() -> Field {
    object(
        "execution-details",
        [
            choice("mode", &["remote", "agent"]),
            text("agent-id").nullable(),
            text("agent-name").nullable(),
            text("agent-pool-id").nullable(),
            text("agent-pool-name").nullable(),
        ],
    )
}
