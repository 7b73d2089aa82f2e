//! Users and their tokens.

use crate::openapi::Family;
use crate::openapi::operation::{delete, get, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{flag, flags, text, time};

const TOKENS: &str = "/api/v2/users/{user}/authentication-tokens";
const TOKEN: &str = "/api/v2/authentication-tokens/{token}";

pub(super) fn family() -> Family {
    Family::new("accounts", "Users and their tokens.").with(user()).with(token()).operations([
        get("/api/v2/account/details", "show-account", "Show the user behind the token").one("users"),
        get("/api/v2/users/{user}", "show-user", "Show a user").one("users"),
        get(TOKENS, "list-user-tokens", "List the tokens of a user").list("authentication-tokens"),
        post(TOKENS, "create-user-token", "Make a token of a user")
            .takes_new("authentication-tokens")
            .created("authentication-tokens"),
        get(TOKEN, "show-token", "Show a token").one("authentication-tokens"),
        delete(TOKEN, "delete-token", "Revoke a token").no_content(),
    ])
}

fn user() -> ResourceType {
    ResourceType::new(
        "users",
        [
            text("username"),
            text("email"),
            text("unconfirmed-email").nullable(),
            text("avatar-url"),
            flag("is-service-account"),
            flag("is-admin"),
            flag("is-site-admin"),
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
            text("description").writable(),
            text("token").nullable(),
            time("expired-at").nullable().writable(),
        ],
    )
    .one("created-by", &["users"])
}
