//! The private registry: how modules and providers are published, and how Terraform installs them.

use crate::openapi::Family;
use crate::openapi::operation::{Operation, delete, get, patch, post};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{Schema, anything, choice, flag, flags, list, text, texts, time};

const ORGANIZATION: &str = "/api/v2/organizations/{organization}";
const MODULES: &str = "registry-modules";
const MODULE_VERSIONS: &str = "registry-module-versions";
const PROVIDERS: &str = "registry-providers";
const PROVIDER_VERSIONS: &str = "registry-provider-versions";
const PLATFORMS: &str = "registry-provider-platforms";
const KEYS: &str = "gpg-keys";

pub(super) fn family() -> Family {
    Family::new("registry", "Modules and providers of an organization.")
        .with(module())
        .with(module_version())
        .with(provider())
        .with(provider_version())
        .with(platform())
        .with(key())
        .operations(modules())
        .operations(module_versions())
        .operations(providers())
        .operations(provider_versions())
        .operations(keys())
}

fn modules() -> [Operation; 10] {
    let all = format!("{ORGANIZATION}/{MODULES}");
    let named = format!("{all}/{{registry}}/{{namespace}}/{{name}}");
    let one = format!("{named}/{{provider}}");
    let old = "/api/v2/registry-modules/actions/delete/{organization}/{name}";
    [
        get(&all, "list-modules", "List the modules of an organization")
            .query(&["q", "filter[provider]", "filter[registry_name]", "filter[organization_name]"])
            .list(MODULES),
        post(&all, "create-module", "Make a module").takes_new(MODULES).created(MODULES),
        delete(&named, "delete-named-modules", "Delete a module for all providers").no_content(),
        get(&one, "show-module", "Show a module").one(MODULES),
        patch(&one, "update-module", "Change a module: nothing of it can be changed")
            .takes(MODULES)
            .one(MODULES),
        delete(&one, "delete-module", "Delete a module").no_content(),
        get("/api/v2/registry-modules/{organization}", "show-module-by-id", "Show a module by its id")
            .one(MODULES),
        get(
            "/api/v2/registry-modules/show/{organization}/{name}/{provider}",
            "show-private-module",
            "Show a module of the private registry",
        )
        .one(MODULES),
        post(old, "delete-private-modules", "Delete a module for all providers").no_content(),
        post(&format!("{old}/{{provider}}"), "delete-private-module", "Delete a module").no_content(),
    ]
}

fn module_versions() -> [Operation; 7] {
    let module = format!("{ORGANIZATION}/{MODULES}/{{registry}}/{{namespace}}/{{name}}/{{provider}}");
    let all = format!("{module}/versions");
    let one = format!("{module}/{{version}}");
    let made = |operation: Operation| operation.takes_new(MODULE_VERSIONS).created(MODULE_VERSIONS);
    [
        get(&all, "list-module-versions", "List the versions of a module").whole_list(MODULE_VERSIONS),
        made(post(&all, "create-module-version", "Make a version of a module, to be uploaded")),
        get(
            &format!("{module}/version"),
            "show-asked-module-version",
            "Show the version that the query names",
        )
        .query(&["module_version"])
        .one(MODULE_VERSIONS),
        get(&one, "show-module-version", "Show a version of a module").one(MODULE_VERSIONS),
        delete(&one, "delete-module-version", "Delete a version of a module").no_content(),
        made(post(
            "/api/v2/registry-modules/{organization}/{name}/{provider}/versions",
            "create-private-module-version",
            "Make a version of a module, to be uploaded",
        )),
        post(
            "/api/v2/registry-modules/actions/delete/{organization}/{name}/{provider}/{version}",
            "delete-private-module-version",
            "Delete a version of a module",
        )
        .no_content(),
    ]
}

fn providers() -> [Operation; 5] {
    let all = format!("{ORGANIZATION}/{PROVIDERS}");
    let one = format!("{all}/{{registry}}/{{namespace}}/{{name}}");
    [
        get(&all, "list-providers", "List the providers of an organization")
            .query(&["q", "filter[registry_name]", "filter[organization_name]"])
            .include(&["registry_provider_versions"])
            .list(PROVIDERS),
        post(&all, "create-provider", "Make a provider").takes_new(PROVIDERS).created(PROVIDERS),
        get(&one, "show-provider", "Show a provider").include(&["registry_provider_versions"]).one(PROVIDERS),
        patch(&one, "update-provider", "Change a provider: nothing of it can be changed")
            .takes(PROVIDERS)
            .one(PROVIDERS),
        delete(&one, "delete-provider", "Delete a provider").no_content(),
    ]
}

fn provider_versions() -> [Operation; 8] {
    let versions = format!("{ORGANIZATION}/{PROVIDERS}/{{registry}}/{{namespace}}/{{name}}/versions");
    let version = format!("{versions}/{{version}}");
    let platforms = format!("{version}/platforms");
    let platform = format!("{platforms}/{{os}}/{{arch}}");
    [
        get(&versions, "list-provider-versions", "List the versions of a provider").list(PROVIDER_VERSIONS),
        post(&versions, "create-provider-version", "Make a version of a provider, to be uploaded")
            .takes_new(PROVIDER_VERSIONS)
            .created(PROVIDER_VERSIONS),
        get(&version, "show-provider-version", "Show a version of a provider").one(PROVIDER_VERSIONS),
        delete(&version, "delete-provider-version", "Delete a version of a provider").no_content(),
        get(&platforms, "list-provider-platforms", "List the builds of a version").list(PLATFORMS),
        post(&platforms, "create-provider-platform", "Make a build of a version, to be uploaded")
            .takes_new(PLATFORMS)
            .created(PLATFORMS),
        get(&platform, "show-provider-platform", "Show a build of a version").one(PLATFORMS),
        delete(&platform, "delete-provider-platform", "Delete a build of a version").no_content(),
    ]
}

fn keys() -> [Operation; 5] {
    let all = "/api/registry/private/v2/gpg-keys";
    let one = format!("{all}/{{namespace}}/{{key}}");
    [
        get(all, "list-gpg-keys", "List the keys that providers are signed with")
            .required_query(&["filter[namespace]"])
            .list(KEYS)
            .refuses(422),
        post(all, "create-gpg-key", "Add a key that providers are signed with").takes_new(KEYS).created(KEYS),
        get(&one, "show-gpg-key", "Show a key").one(KEYS),
        patch(&one, "update-gpg-key", "Change a key").takes(KEYS).one(KEYS),
        delete(&one, "delete-gpg-key", "Delete a key").no_content(),
    ]
}

fn module() -> ResourceType {
    ResourceType::new(
        MODULES,
        [
            text("name").demanded(),
            text("namespace").writable(),
            text("provider").demanded(),
            choice("registry-name", &["private"]).writable(),
            choice("status", &["pending", "setup_complete"]),
            list("version-statuses", Schema::Object(vec![text("version"), text("status"), text("error")])),
            flag("no-code"),
            text("publishing-mechanism").nullable(),
            anything("vcs-repo").optional(),
            anything("test-config"),
            time("created-at"),
            time("updated-at"),
            flags("permissions", &["can-delete", "can-resync", "can-retry"]),
        ],
    )
    .one("organization", &["organizations"])
}

fn module_version() -> ResourceType {
    ResourceType::new(
        MODULE_VERSIONS,
        [
            text("version").demanded(),
            text("status"),
            text("error").nullable(),
            text("source"),
            text("commit-sha").nullable().writable(),
            time("created-at"),
            time("updated-at"),
        ],
    )
    .one("registry-module", &[MODULES])
}

fn provider() -> ResourceType {
    ResourceType::new(
        PROVIDERS,
        [
            text("name").demanded(),
            text("namespace").writable(),
            choice("registry-name", &["private"]).writable(),
            time("created-at"),
            time("updated-at"),
            flags("permissions", &["can-delete", "can-upload-asset"]),
        ],
    )
    .one("organization", &["organizations"])
    .many(PROVIDER_VERSIONS, &[PROVIDER_VERSIONS])
}

fn provider_version() -> ResourceType {
    ResourceType::new(
        PROVIDER_VERSIONS,
        [
            text("version").demanded(),
            text("key-id").demanded(),
            texts("protocols").writable(),
            flag("shasums-uploaded"),
            flag("shasums-sig-uploaded"),
            time("created-at"),
            time("updated-at"),
            flags("permissions", &["can-delete", "can-upload-asset"]),
        ],
    )
    .one("registry-provider", &[PROVIDERS])
    .many("platforms", &[PLATFORMS])
}

fn platform() -> ResourceType {
    ResourceType::new(
        PLATFORMS,
        [
            text("os").demanded(),
            text("arch").demanded(),
            text("filename").demanded(),
            text("shasum").demanded(),
            flag("provider-binary-uploaded"),
            flags("permissions", &["can-delete", "can-upload-asset"]),
        ],
    )
    .one("registry-provider-version", &[PROVIDER_VERSIONS])
}

fn key() -> ResourceType {
    ResourceType::new(
        KEYS,
        [
            text("ascii-armor").demanded(),
            text("key-id"),
            text("namespace").demanded(),
            text("source"),
            text("source-url").nullable(),
            text("trust-signature"),
            time("created-at"),
            time("updated-at"),
        ],
    )
}
