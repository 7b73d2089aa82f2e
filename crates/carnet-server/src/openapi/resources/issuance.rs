//! Which identity tokens may be issued.

use crate::openapi::Family;
use crate::openapi::operation::{delete, get, post, put};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{Schema, choice, list, text, texts, time};

const POLICIES: &str = "issuance-policies";

pub(super) fn family() -> Family {
    let organization = "/api/carnet/v1/organizations/{organization}/issuance-policy";
    let project = "/api/carnet/v1/projects/{project}/issuance-policy";
    let check = |of: &str| format!("{of}/actions/check");
    Family::new("issuance", "Which identity tokens an organization and its projects let be issued.")
        .with(policy())
        .with(forecast())
        .operations([
            get(organization, "show-issuance-policy", "Show the issuance policy of an organization")
                .one(POLICIES),
            put(
                organization,
                "put-issuance-policy",
                "Make or replace the issuance policy of an organization",
            )
            .takes_new(POLICIES)
            .one(POLICIES)
            .created(POLICIES),
            delete(organization, "delete-issuance-policy", "Delete the issuance policy of an organization")
                .no_content(),
            post(
                &check(organization),
                "check-issuance-policy",
                "Tell what a policy would refuse to the workspaces as they are",
            )
            .takes_new(POLICIES)
            .list("issuance-checks"),
            get(project, "show-project-issuance-policy", "Show the issuance policy of a project")
                .one(POLICIES),
            put(project, "put-project-issuance-policy", "Make or replace the issuance policy of a project")
                .takes_new(POLICIES)
                .one(POLICIES)
                .created(POLICIES),
            delete(project, "delete-project-issuance-policy", "Delete the issuance policy of a project")
                .no_content(),
            post(
                &check(project),
                "check-project-issuance-policy",
                "Tell what a policy of a project would refuse to its workspaces",
            )
            .takes_new(POLICIES)
            .list("issuance-checks"),
        ])
}

fn policy() -> ResourceType {
    let statements = list("statements", Schema::Map(Box::new(Schema::Anything))).demanded();
    ResourceType::new(POLICIES, [statements, time("created-at"), time("updated-at")])
        .one("project", &["projects"])
}

fn forecast() -> ResourceType {
    ResourceType::new(
        "issuance-checks",
        [
            text("workspace-name"),
            text("project-name"),
            choice("phase", &["plan", "apply"]),
            text("family").nullable(),
            text("tag").nullable(),
            text("audience").nullable(),
            text("role").nullable(),
            choice("verdict", &["allowed", "depends", "refused", "incomplete"]),
            texts("depends-on"),
            texts("statements"),
            text("cause").nullable(),
            texts("fix"),
        ],
    )
    .one("workspace", &["workspaces"])
}
