//! Notifications and the audit trail.

use crate::openapi::Family;
use crate::openapi::operation::{delete, get, patch, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{
    Field, Schema, anything, choice, flag, list, map, object, text, texts, time, whole,
};

const ALL: &str = "/api/v2/workspaces/{workspace}/notification-configurations";
const ONE: &str = "/api/v2/notification-configurations/{configuration}";
const KIND: &str = "notification-configurations";

pub(super) fn family() -> Family {
    Family::new("notifications", "What the server tells others about runs, and the audit trail.")
        .with(configuration())
        .operations([
            get(ALL, "list-notifications", "List the notification configurations of a workspace").list(KIND),
            post(ALL, "create-notification", "Make a notification configuration")
                .takes_new(KIND)
                .created(KIND),
            get(ONE, "show-notification", "Show a notification configuration").one(KIND),
            patch(ONE, "update-notification", "Change a notification configuration").takes(KIND).one(KIND),
            delete(ONE, "delete-notification", "Delete a notification configuration").no_content(),
            post(&format!("{ONE}/actions/verify"), "verify-notification", "Send a notification to try it")
                .one(KIND),
            get(
                "/api/v2/organization/audit-trail",
                "list-audit-trail",
                "List what was done in an organization",
            )
            .query(&["since", "page[number]", "page[size]"])
            .json(200, [list("data", Schema::Object(entry())), object("pagination", pagination())]),
        ])
}

fn configuration() -> ResourceType {
    ResourceType::new(
        KIND,
        [
            text("name").demanded(),
            choice("destination-type", &["generic", "slack", "microsoft-teams"]).demanded(),
            text("url").demanded(),
            text("token").nullable().writable(),
            texts("triggers").writable(),
            flag("enabled").writable(),
            texts("email-addresses"),
            list(
                "delivery-responses",
                Schema::Object(vec![
                    text("url"),
                    text("code").nullable(),
                    text("body"),
                    map("headers", Schema::Anything),
                    time("sent-at"),
                    choice("successful", &["true", "false"]),
                ]),
            ),
            time("created-at"),
            time("updated-at"),
        ],
    )
    .one("subscribable", &["workspaces"])
    .many("users", &["users"])
}

fn pagination() -> [Field; 5] {
    [
        whole("current_page"),
        whole("prev_page").nullable(),
        whole("next_page").nullable(),
        whole("total_pages"),
        whole("total_count"),
    ]
}

fn entry() -> Vec<Field> {
    vec![
        text("id"),
        text("version"),
        text("type"),
        time("timestamp"),
        object(
            "auth",
            [
                text("accessor_id").nullable(),
                text("description").nullable(),
                choice("type", &["Client", "System"]),
                text("impersonator_id").nullable(),
                text("organization_id").nullable(),
                text("token_id").nullable(),
                text("token_kind").nullable(),
            ],
        ),
        object("request", [text("id").nullable()]),
        object("resource", [text("id").nullable(), text("type"), text("action"), anything("meta")]),
    ]
}
