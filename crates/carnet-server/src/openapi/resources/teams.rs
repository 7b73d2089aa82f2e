//! Teams, what they may do, and who belongs to organizations.

use crate::openapi::Family;
use crate::openapi::operation::{Operation, delete, get, patch, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{Schema, choice, flag, flags, map, object, text, time, whole};

const ORGANIZATION: &str = "/api/v2/organizations/{organization}";
const TEAM: &str = "/api/v2/teams/{team}";
const MEMBERSHIP: &str = "/api/v2/organization-memberships/{membership}";
const MEMBERSHIPS: &str = "organization-memberships";

pub(super) fn family() -> Family {
    let member = |rest: &str| format!("{TEAM}/relationships/{rest}");
    let teams = format!("{ORGANIZATION}/teams");
    Family::new("teams", "Teams, what they may do on projects and workspaces, and members of organizations.")
        .with(team())
        .with(team_workspace())
        .with(team_project())
        .with(membership())
        .operations([
            get(&teams, "list-teams", "List the teams of an organization")
                .query(&["q", "filter[names]"])
                .include(&["users", "organization-memberships"])
                .list("teams"),
            post(&teams, "create-team", "Make a team").takes_new("teams").created("teams"),
            get(TEAM, "show-team", "Show a team")
                .include(&["users", "organization-memberships"])
                .one("teams"),
            patch(TEAM, "update-team", "Change a team").takes("teams").one("teams"),
            delete(TEAM, "delete-team", "Delete a team").no_content(),
            changed(post(&member("users"), "add-team-users", "Add users to a team"), &["users"]),
            changed(delete(&member("users"), "remove-team-users", "Remove users from a team"), &["users"]),
            changed(post(&member(MEMBERSHIPS), "add-team-members", "Add members to a team"), &[MEMBERSHIPS]),
            changed(
                delete(&member(MEMBERSHIPS), "remove-team-members", "Remove members from a team"),
                &[MEMBERSHIPS],
            ),
        ])
        .operations(memberships())
        .operations(grants(
            "/api/v2/team-workspaces",
            "team-workspaces",
            "filter[workspace][id]",
            [
                "list-team-workspaces",
                "create-team-workspace",
                "show-team-workspace",
                "update-team-workspace",
                "delete-team-workspace",
            ],
        ))
        .operations(grants(
            "/api/v2/team-projects",
            "team-projects",
            "filter[project][id]",
            [
                "list-team-projects",
                "create-team-project",
                "show-team-project",
                "update-team-project",
                "delete-team-project",
            ],
        ))
}

fn changed(operation: Operation, kinds: &'static [&'static str]) -> Operation {
    operation.takes_references(kinds).no_content()
}

fn grants(path: &str, kind: &str, filter: &str, ids: [&'static str; 5]) -> [Operation; 5] {
    let one = format!("{path}/{{{}}}", kind.trim_end_matches('s').replace('-', "_"));
    [
        get(path, ids[0], "List what teams may do here").required_query(&[filter]).list(kind).refuses(422),
        post(path, ids[1], "Let a team do something here").takes_new(kind).created(kind),
        get(&one, ids[2], "Show what a team may do here").one(kind),
        patch(&one, ids[3], "Change what a team may do here").takes(kind).one(kind),
        delete(&one, ids[4], "Let a team do nothing here any more").no_content(),
    ]
}

fn team() -> ResourceType {
    ResourceType::new(
        "teams",
        [
            text("name").demanded(),
            choice("visibility", &["secret", "organization"]).writable(),
            text("sso-team-id").nullable().writable(),
            flag("allow-member-token-management").writable(),
            whole("users-count"),
            flag("is-unified"),
            map("organization-access", Schema::Boolean).writable(),
            flags(
                "permissions",
                &[
                    "can-destroy",
                    "can-update-membership",
                    "can-update-organization-access",
                    "can-update-api-token",
                    "can-update-visibility",
                    "can-update-name",
                    "can-update-sso-team-id",
                    "can-update-member-token-management",
                    "can-view-api-token",
                ],
            ),
        ],
    )
    .one("organization", &["organizations"])
    .many("users", &["users"])
    .many("organization-memberships", &[MEMBERSHIPS])
    .one("authentication-token", &["authentication-tokens"])
}

fn team_workspace() -> ResourceType {
    ResourceType::new(
        "team-workspaces",
        [
            choice("access", &["read", "plan", "write", "admin", "custom"]).demanded(),
            choice("runs", &["none", "read", "plan", "apply"]).writable(),
            choice("variables", &["none", "read", "write"]).writable(),
            choice("credential-variables", &["none", "follows", "write"]).writable(),
            choice("state-versions", &["none", "read-outputs", "read", "write"]).writable(),
            choice("sentinel-mocks", &["none", "read"]).writable(),
            flag("workspace-locking").writable(),
            flag("run-tasks").writable(),
            flag("policy-overrides").writable(),
        ],
    )
    .one("team", &["teams"])
    .writable()
    .one("workspace", &["workspaces"])
    .writable()
}

fn team_project() -> ResourceType {
    ResourceType::new(
        "team-projects",
        [
            choice("access", &["read", "write", "maintain", "admin", "custom"]).demanded(),
            object(
                "project-access",
                [
                    choice("settings", &["read", "update", "delete"]),
                    choice("teams", &["none", "read", "manage"]),
                    choice("variable-sets", &["none", "read", "write"]),
                ],
            )
            .writable(),
            object(
                "workspace-access",
                [
                    choice("runs", &["none", "read", "plan", "apply"]),
                    choice("sentinel-mocks", &["none", "read"]),
                    choice("state-versions", &["none", "read-outputs", "read", "write"]),
                    choice("variables", &["none", "read", "write"]),
                    choice("credential-variables", &["none", "follows", "write"]),
                    flag("create"),
                    flag("locking"),
                    flag("delete"),
                    flag("move"),
                    flag("run-tasks"),
                    flag("policy-overrides"),
                ],
            )
            .writable(),
        ],
    )
    .one("team", &["teams"])
    .writable()
    .one("project", &["projects"])
    .writable()
}

fn membership() -> ResourceType {
    ResourceType::new(
        MEMBERSHIPS,
        [
            choice("status", &["invited", "active"]),
            text("email").demanded(),
            text("username").nullable(),
            time("created-at"),
        ],
    )
    .one("user", &["users"])
    .one("organization", &["organizations"])
    .many("teams", &["teams"])
    .writable()
}

fn memberships() -> [Operation; 5] {
    let memberships = format!("{ORGANIZATION}/{MEMBERSHIPS}");
    [
        get(&memberships, "list-memberships", "List the members of an organization")
            .query(&["q", "filter[email]", "filter[status]"])
            .include(&["user", "teams"])
            .list(MEMBERSHIPS),
        post(&memberships, "create-membership", "Invite a user").takes_new(MEMBERSHIPS).created(MEMBERSHIPS),
        get("/api/v2/organization-memberships", "list-own-memberships", "List the memberships of the caller")
            .include(&["user", "teams"])
            .list(MEMBERSHIPS),
        get(MEMBERSHIP, "show-membership", "Show a membership").include(&["user", "teams"]).one(MEMBERSHIPS),
        delete(MEMBERSHIP, "delete-membership", "Remove a user from an organization").no_content(),
    ]
}
