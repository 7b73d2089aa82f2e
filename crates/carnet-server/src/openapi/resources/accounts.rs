//! Users, tokens of every kind.

use crate::openapi::Family;
use crate::openapi::operation::{Operation, delete, get, patch, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{flag, flags, text, time};

const TOKENS: &str = "/api/v2/users/{user}/authentication-tokens";
const TOKEN: &str = "/api/v2/authentication-tokens/{token}";
const OF_ORGANIZATION: &str = "/api/v2/organizations/{organization}/authentication-token";
const OF_TEAM: &str = "/api/v2/teams/{team}/authentication-token";
const OF_POOL: &str = "/api/v2/agent-pools/{pool}/authentication-tokens";
const KIND: &str = "authentication-tokens";

pub(super) fn family() -> Family {
    Family::new("accounts", "Users and the tokens of users, teams, organizations and agent pools.")
        .with(user())
        .with(token())
        .operations([
            get("/api/v2/account/details", "show-account", "Show the user behind the token").one("users"),
            patch("/api/v2/account/update", "update-account", "Change the user behind the token")
                .takes("users")
                .one("users"),
            patch("/api/v2/account/password", "change-password", "Change the password: there are none"),
            get("/api/v2/users/{user}", "show-user", "Show a user").one("users"),
            get("/api/v2/admin/users", "list-users", "List the people with an account")
                .query(&["q", "filter[suspended]"])
                .list("users"),
            post("/api/v2/admin/users/{user}/actions/suspend", "suspend-user", "Let no token of a user work")
                .one("users"),
            post(
                "/api/v2/admin/users/{user}/actions/unsuspend",
                "unsuspend-user",
                "Let the tokens of a user work",
            )
            .one("users"),
            get(TOKENS, "list-user-tokens", "List the tokens of a user").list(KIND),
            made(post(TOKENS, "create-user-token", "Make a token of a user")),
            get(TOKEN, "show-token", "Show a token").one(KIND),
            delete(TOKEN, "delete-token", "Revoke a token").no_content(),
        ])
        .operations([
            get(OF_ORGANIZATION, "show-organization-token", "Show the token of an organization")
                .query(&["token"])
                .one(KIND),
            made(post(
                OF_ORGANIZATION,
                "replace-organization-token",
                "Make or replace the token of an organization",
            ))
            .query(&["token"]),
            delete(OF_ORGANIZATION, "delete-organization-token", "Revoke the token of an organization")
                .query(&["token"])
                .no_content(),
            get(
                "/api/v2/organizations/{organization}/team-tokens",
                "list-team-tokens",
                "List the tokens of all teams",
            )
            .query(&["q"])
            .list(KIND),
            get(OF_TEAM, "show-team-token", "Show the only token of a team").one(KIND),
            made(post(OF_TEAM, "replace-team-token", "Make or replace the only token of a team")),
            delete(OF_TEAM, "delete-team-token", "Revoke the only token of a team").no_content(),
            made(post(
                "/api/v2/teams/{team}/authentication-tokens",
                "create-team-token",
                "Make one more token of a team",
            )),
            get(OF_POOL, "list-agent-tokens", "List the tokens of an agent pool").list(KIND),
            made(post(OF_POOL, "create-agent-token", "Make a token of an agent pool")),
        ])
}

fn made(operation: Operation) -> Operation {
    operation.takes_new(KIND).created(KIND)
}

fn user() -> ResourceType {
    ResourceType::new(
        "users",
        [
            text("username").writable(),
            text("email").writable(),
            text("unconfirmed-email").nullable(),
            text("avatar-url"),
            flag("is-service-account"),
            flag("is-admin"),
            flag("is-site-admin"),
            flag("is-suspended"),
            flag("is-sso-login"),
            text("auth-method"),
            flag("v2-only"),
            flags("two-factor", &["enabled", "verified"]),
            flags(
                "permissions",
                &[
                    "can-create-organizations",
                    "can-change-email",
                    "can-change-username",
                    "can-manage-user-tokens",
                ],
            ),
        ],
    )
    .address("authentication-tokens")
}

fn token() -> ResourceType {
    ResourceType::new(
        "authentication-tokens",
        [
            time("created-at"),
            time("last-used-at").nullable(),
            text("description").nullable().writable(),
            text("token").nullable(),
            time("expired-at").nullable().writable(),
        ],
    )
    .one("created-by", &["users", "teams", "organizations"])
    .one("team", &["teams"])
    .optional()
}
