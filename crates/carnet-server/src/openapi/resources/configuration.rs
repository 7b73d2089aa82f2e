//! Configuration versions.

use crate::openapi::Family;
use crate::openapi::operation::{get, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{Schema, choice, flag, map, text, texts};

const ALL: &str = "/api/v2/workspaces/{workspace}/configuration-versions";
const ONE: &str = "/api/v2/configuration-versions/{configuration_version}";

pub(super) fn family() -> Family {
    let of = |rest: &str| format!("{ONE}/{rest}");
    Family::new("configuration versions", "Configurations that were uploaded.").with(version()).operations([
        get(ALL, "list-configuration-versions", "List the configuration versions of a workspace")
            .list("configuration-versions"),
        post(ALL, "create-configuration-version", "Make a configuration version, to be uploaded")
            .takes_new("configuration-versions")
            .created("configuration-versions"),
        get(ONE, "show-configuration-version", "Show a configuration version")
            .include(&["run", "ingress_attributes"])
            .one("configuration-versions"),
        post(&of("actions/archive"), "archive-configuration", "Delete the archive of a configuration")
            .takes_words()
            .empty(202),
        get(&of("download"), "download-configuration", "Download a configuration")
            .media(200, "application/gzip"),
        get(
            &of("ingress-attributes"),
            "show-ingress-attributes",
            "Show where a configuration comes from: nowhere",
        ),
    ])
}

fn version() -> ResourceType {
    ResourceType::new(
        "configuration-versions",
        [
            flag("auto-queue-runs").writable(),
            flag("speculative").writable(),
            flag("provisional").writable(),
            choice("status", &["pending", "uploaded", "errored", "archived"]),
            text("source"),
            text("error").nullable(),
            text("error-message").nullable(),
            map("status-timestamps", Schema::Time),
            text("upload-url").nullable(),
            texts("changed-files"),
        ],
    )
    .one("ingress-attributes", &["ingress-attributes"])
}
