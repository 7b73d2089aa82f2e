//! Organizations.

use crate::openapi::Family;
use crate::openapi::operation::{delete, get, patch, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{choice, flag, flags, text, time, whole};

const ALL: &str = "/api/v2/organizations";
const ONE: &str = "/api/v2/organizations/{organization}";

pub(super) fn family() -> Family {
    let of = |rest: &str| format!("{ONE}/{rest}");
    Family::new("organizations", "Organizations hold everything else.")
        .with(organization())
        .with(entitlements())
        .with(ResourceType::new("organization-capacity", [whole("pending"), whole("running")]))
        .operations([
            get(ALL, "list-organizations", "List organizations").query(&["q"]).list("organizations"),
            post(ALL, "create-organization", "Make an organization")
                .takes_new("organizations")
                .created("organizations"),
            get(ONE, "show-organization", "Show an organization")
                .include(&["default_project"])
                .one("organizations"),
            patch(ONE, "update-organization", "Change an organization")
                .takes("organizations")
                .one("organizations"),
            delete(ONE, "delete-organization", "Delete an organization and all that is in it").no_content(),
            get(&of("entitlement-set"), "show-entitlements", "Show what an organization is entitled to")
                .one("entitlement-sets"),
            get(&of("capacity"), "show-capacity", "Show how many jobs wait and run")
                .one("organization-capacity"),
        ])
}

fn organization() -> ResourceType {
    ResourceType::new(
        "organizations",
        [
            text("name").demanded(),
            text("external-id"),
            text("email").demanded(),
            time("created-at"),
            text("collaborator-auth-policy"),
            flag("cost-estimation-enabled"),
            flag("assessments-enforced"),
            text("default-execution-mode"),
            whole("identity-token-ttl").nullable().writable(),
            choice("static-credentials", &["refuse", "warn"]).writable(),
            flag("allow-force-delete-workspaces"),
            flag("is-unified"),
            flag("saml-enabled"),
            flag("two-factor-conformant"),
            flags("permissions", &PERMISSIONS),
        ],
    )
    .one("default-project", &["projects"])
    .one("entitlement-set", &["entitlement-sets"])
}

const PERMISSIONS: [&str; 22] = [
    "can-update",
    "can-destroy",
    "can-create-workspace",
    "can-create-project",
    "can-manage-tags",
    "can-traverse",
    "can-create-team",
    "can-create-workspace-migration",
    "can-deploy-no-code-modules",
    "can-enable-stacks",
    "can-manage-auditing",
    "can-manage-no-code-modules",
    "can-manage-run-tasks",
    "can-manage-users",
    "can-manage-varsets",
    "can-read-varsets",
    "can-update-agent-pools",
    "can-update-api-token",
    "can-update-oauth",
    "can-update-sentinel",
    "can-update-ssh-keys",
    "can-view-usage",
];

fn entitlements() -> ResourceType {
    ResourceType::new(
        "entitlement-sets",
        [
            flag("operations"),
            flag("state-storage"),
            flag("agents"),
            flag("teams"),
            flag("private-module-registry"),
            flag("vcs-integrations"),
            flag("audit-logging"),
            flag("cost-estimation"),
            flag("sentinel"),
            flag("policy-enforcement"),
            flag("run-tasks"),
            flag("global-run-tasks"),
            flag("private-run-tasks"),
            flag("sso"),
            flag("configuration-designer"),
            whole("user-limit").nullable(),
        ],
    )
}
