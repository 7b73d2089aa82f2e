//! Variables of workspaces.

use crate::openapi::Family;
use crate::openapi::operation::{Operation, delete, get, patch, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{choice, flag, text, texts, time};

const ALL: &str = "/api/v2/workspaces/{workspace}/vars";
const LEGACY: &str = "/api/v2/vars";
const ONE: &str = "/api/v2/workspaces/{workspace}/vars/{variable}";

pub(super) fn family() -> Family {
    Family::new("variables", "Variables of workspaces. Sensitive values are never answered.")
        .with(variable())
        .operations(legacy())
        .operations([
            get(ALL, "list-variables", "List the variables of a workspace").whole_list("vars"),
            post(ALL, "create-variable", "Make a variable of a workspace").takes_new("vars").created("vars"),
            get(ONE, "show-variable", "Show a variable of a workspace").one("vars"),
            patch(ONE, "update-variable", "Change a variable of a workspace").takes("vars").one("vars"),
            delete(ONE, "delete-variable", "Delete a variable of a workspace").no_content(),
            get(
                "/api/v2/workspaces/{workspace}/all-vars",
                "list-effective-variables",
                "List all variables that take effect in a workspace, and where each was set",
            )
            .whole_list("vars"),
        ])
}

/// The same by the older paths, which name no workspace.
fn legacy() -> [Operation; 5] {
    let one = format!("{LEGACY}/{{variable}}");
    [
        get(LEGACY, "list-named-variables", "List the variables of a workspace that is given by its name")
            .query(&["filter[organization][name]", "filter[workspace][name]"])
            .whole_list("vars"),
        post(LEGACY, "create-related-variable", "Make a variable of a workspace that is given as a relation")
            .takes_new("vars")
            .created("vars"),
        get(&one, "show-variable-by-id", "Show a variable by its id").one("vars"),
        patch(&one, "update-variable-by-id", "Change a variable by its id").takes("vars").one("vars"),
        delete(&one, "delete-variable-by-id", "Delete a variable by its id").no_content(),
    ]
}

fn variable() -> ResourceType {
    ResourceType::new(
        "vars",
        [
            text("key").demanded(),
            text("value").nullable().writable(),
            text("description").nullable().writable(),
            choice("category", &["terraform", "env"]).demanded(),
            flag("hcl").writable(),
            flag("sensitive").writable(),
            text("version-id"),
            time("created-at"),
            text("origin").optional(),
            texts("overwrites").optional(),
        ],
    )
    .one("configurable", &["workspaces"])
    .optional()
    .one("varset", &["varsets"])
    .optional()
}
