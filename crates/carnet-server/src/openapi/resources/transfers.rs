//! Uploads and logs, whose addresses are secrets.

use crate::openapi::Family;
use crate::openapi::operation::{get, put};

pub(super) fn family() -> Family {
    let upload = |rest: &str| format!("/_uploads/{rest}/{{key}}");
    Family::new("transfers", "Uploads and logs. Their addresses are secrets, and need no token.").operations(
        [
            put(
                &upload("configuration-versions"),
                "upload-configuration",
                "Upload a configuration: a tar archive, gzip",
            )
            .takes_bytes("application/octet-stream")
            .empty(200),
            put(&upload("state-versions"), "upload-state", "Upload a state")
                .takes_bytes("application/octet-stream")
                .empty(200),
            put(
                &upload("json-state-versions"),
                "upload-json-state",
                "Upload a state in the form of terraform show",
            )
            .takes_bytes("application/octet-stream")
            .empty(200),
            get("/_logs/{key}", "read-log", "Read a part of the log of a plan or an apply")
                .query(&["offset", "limit"])
                .media(200, "text/plain"),
        ],
    )
}
