//! Features that this server does not have: clients find empty lists.

use crate::openapi::Family;
use crate::openapi::operation::{get, post};
use crate::openapi::schema::texts;

pub(super) fn family() -> Family {
    let of = |rest: &str| format!("/api/v2/organizations/{{organization}}/{rest}");
    let of_workspace = "/api/v2/workspaces/{workspace}/tasks";
    let of_run = |rest: &str| format!("/api/v2/runs/{{run}}/{rest}");
    Family::new(
        "absent features",
        "What this server does not have: lists are empty, making something is refused.",
    )
    .operations([
        get(&of("tasks"), "list-run-tasks", "List run tasks: none").empty_list(),
        post(&of("tasks"), "create-run-task", "Make a run task: refused"),
        get(&of("policies"), "list-policies", "List policies: none").empty_list(),
        post(&of("policies"), "create-policy", "Make a policy: refused"),
        get(&of("policy-sets"), "list-policy-sets", "List policy sets: none").empty_list(),
        post(&of("policy-sets"), "create-policy-set", "Make a policy set: refused"),
        get(&of("oauth-clients"), "list-oauth-clients", "List connections to version control: none")
            .empty_list(),
        post(&of("oauth-clients"), "create-oauth-client", "Make a connection to version control: refused"),
        get(&of("oauth-tokens"), "list-oauth-tokens", "List tokens for version control: none").empty_list(),
        get(of_workspace, "list-workspace-tasks", "List the run tasks of a workspace: none").empty_list(),
        post(of_workspace, "create-workspace-task", "Add a run task to a workspace: refused"),
        get(&of_run("task-stages"), "list-task-stages", "List the task stages of a run: none").empty_list(),
        get(&of_run("policy-checks"), "list-policy-checks", "List the policy checks of a run: none")
            .empty_list(),
        get("/api/v2/github-app/installations", "list-app-installations", "List installations: none")
            .empty_list(),
        get("/api/v2/feature-sets", "list-feature-sets", "List what can be bought: nothing").empty_list(),
        get("/api/meta/ip-ranges", "show-ip-ranges", "List from where the server calls: it does not know")
            .json(200, [texts("api"), texts("notifications"), texts("sentinel"), texts("vcs")])
            .empty(304),
    ])
}
