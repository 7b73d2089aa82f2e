//! Organizations and what belongs to them as a whole.

use crate::openapi::Family;
use crate::openapi::operation::{Operation, delete, get, patch, post, put};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{choice, flag, flags, text, time, whole};

const ALL: &str = "/api/v2/organizations";
const ONE: &str = "/api/v2/organizations/{organization}";
const POLICIES: &str = "organization-token-ttl-policies";
const SSH_KEY: &str = "/api/v2/ssh-keys/{ssh_key}";

pub(super) fn family() -> Family {
    let of = |rest: &str| format!("{ONE}/{rest}");
    Family::new("organizations", "Organizations hold everything else.")
        .with(organization())
        .with(entitlements())
        .with(ResourceType::new("organization-capacity", [whole("pending"), whole("running")]))
        .with(ResourceType::new(
            "ssh-keys",
            [text("name").demanded(), time("created-at"), text("value").demanded().write_only()],
        ))
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
        .with(ResourceType::new(
            POLICIES,
            [
                choice("token-type", &["organization", "team", "user", "audit_trails"]).demanded(),
                whole("max-ttl-ms").demanded(),
                time("created-at"),
                time("updated-at"),
            ],
        ))
        .operations(token_ttl_policies())
        .operations(ssh_keys())
}

fn token_ttl_policies() -> [Operation; 3] {
    let all = format!("{ONE}/token-ttl-policies");
    let changed = |operation: Operation| operation.takes_references(&[POLICIES]).whole_list(POLICIES);
    [
        get(&all, "list-token-ttl-policies", "List how long tokens of an organization may live")
            .list(POLICIES),
        changed(patch(&all, "update-token-ttl-policies", "Say how long tokens of an organization may live")),
        changed(put(&all, "put-token-ttl-policies", "Say how long tokens of an organization may live")),
    ]
}

fn ssh_keys() -> [Operation; 6] {
    let all = format!("{ONE}/ssh-keys");
    [
        get(&all, "list-ssh-keys", "List the SSH keys of an organization").list("ssh-keys"),
        post(&all, "create-ssh-key", "Store an SSH key").takes_new("ssh-keys").created("ssh-keys"),
        get(SSH_KEY, "show-ssh-key", "Show an SSH key, without its value").one("ssh-keys"),
        patch(SSH_KEY, "update-ssh-key", "Change an SSH key").takes("ssh-keys").one("ssh-keys"),
        delete(SSH_KEY, "delete-ssh-key", "Delete an SSH key").no_content(),
        patch(
            "/api/v2/workspaces/{workspace}/relationships/ssh-key",
            "assign-ssh-key",
            "Assign an SSH key to a workspace, or take it away",
        )
        .takes_attributes([text("id").nullable().writable()])
        .one("workspaces"),
    ]
}

fn organization() -> ResourceType {
    ResourceType::new(
        "organizations",
        [
            text("name").demanded(),
            text("external-id"),
            text("email").demanded(),
            time("created-at"),
            choice("collaborator-auth-policy", &["password", "two_factor_mandatory"]).writable(),
            flag("cost-estimation-enabled").writable(),
            flag("assessments-enforced").writable(),
            flag("stacks-enabled").writable(),
            flag("enforce-hyok").writable(),
            choice("default-execution-mode", &["remote", "local", "agent"]).writable(),
            text("default-agent-pool-id").nullable().write_only(),
            whole("identity-token-ttl").nullable().writable(),
            whole("keep-subject-days").write_only(),
            choice("static-credentials", &["refuse", "warn"]).writable(),
            whole("session-timeout").nullable().writable(),
            whole("session-remember").nullable().writable(),
            text("owners-team-saml-role-id").nullable().writable(),
            flag("send-passing-statuses-for-untriggered-speculative-plans").writable(),
            flag("aggregated-commit-status-enabled").writable(),
            flag("speculative-plan-management-enabled").writable(),
            flag("allow-force-delete-workspaces").writable(),
            flag("credential-variables-need-admin").writable(),
            flag("user-tokens-enabled").writable(),
            flag("max-ttl-enabled").writable(),
            flag("registry-monorepo-support-enabled").writable(),
            flag("is-unified"),
            flag("saml-enabled"),
            flag("two-factor-conformant"),
            whole("remaining-testable-count"),
            time("trial-expires-at").nullable(),
            flag("plan-expired"),
            text("plan-identifier"),
            flag("fair-run-queuing-enabled"),
            flags("permissions", &PERMISSIONS),
        ],
    )
    .one("default-project", &["projects"])
    .one("default-agent-pool", &["agent-pools"])
    .writable()
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
            flag("audit-logging"),
            flag("usage-reporting"),
            flag("vcs-integrations"),
            flag("cost-estimation"),
            flag("sentinel"),
            flag("policy-enforcement"),
            flag("run-tasks"),
            flag("global-run-tasks"),
            flag("private-run-tasks"),
            flag("sso"),
            flag("configuration-designer"),
            flag("waypoint-actions"),
            flag("waypoint-templates-and-addons"),
            whole("user-limit").nullable(),
        ],
    )
}
