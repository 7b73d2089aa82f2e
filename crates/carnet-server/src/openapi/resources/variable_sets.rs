//! Variable sets, their variables and where they are assigned.

use crate::openapi::Family;
use crate::openapi::operation::{delete, get, patch, post, put};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{flag, flags, text, time, whole};

const ALL: &str = "/api/v2/organizations/{organization}/varsets";
const ONE: &str = "/api/v2/varsets/{variable_set}";
const INCLUDE: [&str; 3] = ["workspaces", "projects", "vars"];

pub(super) fn family() -> Family {
    let of = |rest: &str| format!("{ONE}/relationships/{rest}");
    let of_workspace = |rest: &str| format!("/api/v2/workspaces/{{workspace}}/{rest}");
    let filtered = |operation: crate::openapi::operation::Operation| {
        operation.query(&["q", "filter[global]"]).include(&INCLUDE).list("varsets")
    };
    let (workspaces, projects, stacks) = (of("workspaces"), of("projects"), of("stacks"));
    let (vars, var) = (of("vars"), of("vars/{variable}"));
    Family::new("variable sets", "Variables that many workspaces share.").with(set()).operations([
        filtered(get(ALL, "list-variable-sets", "List the variable sets of an organization")),
        post(ALL, "create-variable-set", "Make a variable set").takes_new("varsets").created("varsets"),
        get(ONE, "show-variable-set", "Show a variable set").include(&INCLUDE).one("varsets"),
        patch(ONE, "update-variable-set", "Change a variable set")
            .include(&INCLUDE)
            .takes("varsets")
            .one("varsets"),
        put(ONE, "put-variable-set", "Change a variable set")
            .include(&INCLUDE)
            .takes("varsets")
            .one("varsets"),
        delete(ONE, "delete-variable-set", "Delete a variable set").no_content(),
        filtered(get(
            &of_workspace("varsets"),
            "list-workspace-variable-sets",
            "List the variable sets that apply to a workspace",
        )),
        filtered(get(
            &of_workspace("applicable-varsets"),
            "list-applicable-variable-sets",
            "List the variable sets that apply to a workspace",
        )),
        filtered(get(
            "/api/v2/projects/{project}/varsets",
            "list-project-variable-sets",
            "List the variable sets that apply to a project",
        )),
        post(&workspaces, "assign-to-workspaces", "Assign a variable set to workspaces")
            .takes_references(&["workspaces"])
            .no_content(),
        delete(&workspaces, "unassign-from-workspaces", "Take a variable set from workspaces")
            .takes_references(&["workspaces"])
            .no_content(),
        post(&projects, "assign-to-projects", "Assign a variable set to projects")
            .takes_references(&["projects"])
            .no_content(),
        delete(&projects, "unassign-from-projects", "Take a variable set from projects")
            .takes_references(&["projects"])
            .no_content(),
        post(&stacks, "assign-to-stacks", "Assign a variable set to stacks: there are none")
            .takes_references(&["stacks"])
            .no_content(),
        delete(&stacks, "unassign-from-stacks", "Take a variable set from stacks: there are none")
            .takes_references(&["stacks"])
            .no_content(),
        get(&vars, "list-set-variables", "List the variables of a set").whole_list("vars"),
        post(&vars, "create-set-variable", "Make a variable of a set").takes_new("vars").created("vars"),
        get(&var, "show-set-variable", "Show a variable of a set").one("vars"),
        patch(&var, "update-set-variable", "Change a variable of a set").takes("vars").one("vars"),
        delete(&var, "delete-set-variable", "Delete a variable of a set").no_content(),
    ])
}

fn set() -> ResourceType {
    ResourceType::new(
        "varsets",
        [
            text("name").demanded(),
            text("description").nullable().writable(),
            flag("global").writable(),
            flag("priority").writable(),
            time("created-at"),
            time("updated-at"),
            whole("var-count"),
            whole("workspace-count"),
            whole("project-count"),
            flags("permissions", &["can-update"]),
        ],
    )
    .one("organization", &["organizations"])
    .one("parent", &["organizations", "projects"])
    .writable()
    .many("workspaces", &["workspaces"])
    .writable()
    .many("projects", &["projects"])
    .writable()
    .many("vars", &["vars"])
    .writable()
}
