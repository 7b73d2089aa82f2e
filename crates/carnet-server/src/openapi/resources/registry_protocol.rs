//! How Terraform installs modules and providers from the private registry.

use crate::openapi::Family;
use crate::openapi::operation::{Operation, get, put};
use crate::openapi::schema::{Field, Schema, anything, flag, list, object, text, texts, time, whole};

pub(super) fn family() -> Family {
    Family::new("installation", "The registry as Terraform installs from it.")
        .operations(module_protocol())
        .operations(provider_protocol())
}

fn module_protocol() -> [Operation; 6] {
    let of_namespace = "/api/registry/v1/modules/{namespace}";
    let module = format!("{of_namespace}/{{name}}/{{provider}}");
    let version = Schema::Object(vec![text("version")]);
    let source = Schema::Object(vec![text("source"), list("versions", version)]);
    [
        get(of_namespace, "list-installable-modules", "List modules, as Terraform searches them")
            .query(&["q", "provider", "limit", "offset"])
            .json(
                200,
                [
                    object(
                        "meta",
                        [whole("limit"), whole("current_offset"), whole("next_offset").optional()],
                    ),
                    list("modules", Schema::Object(summary())),
                ],
            ),
        get(&module, "show-latest-module", "Show the newest version of a module").any_json(&detailed()),
        get(
            &format!("{module}/versions"),
            "list-installable-module-versions",
            "List versions, as Terraform reads them",
        )
        .json(200, [list("modules", source)]),
        get(&format!("{module}/download"), "locate-latest-module", "Go to the newest version of a module")
            .empty(302),
        get(&format!("{module}/{{version}}"), "show-installable-module", "Show a version of a module")
            .any_json(&detailed()),
        get(
            &format!("{module}/{{version}}/download"),
            "locate-module",
            "Tell where the archive of a module is",
        )
        .no_content(),
    ]
}

fn provider_protocol() -> [Operation; 4] {
    let provider = "/api/registry/v1/providers/{namespace}/{name}";
    [
        get(
            &format!("{provider}/versions"),
            "list-installable-provider-versions",
            "List versions of a provider",
        )
        .json(
            200,
            [list(
                "versions",
                Schema::Object(vec![
                    text("version"),
                    texts("protocols"),
                    list("platforms", Schema::Object(vec![text("os"), text("arch")])),
                ]),
            )],
        ),
        get(
            &format!("{provider}/{{version}}/download/{{os}}/{{arch}}"),
            "locate-provider",
            "Tell where a build is",
        )
        .any_json(&Schema::Object(build())),
        put("/_uploads/registry/{pass}", "upload-to-registry", "Upload a file of the registry")
            .takes_bytes("application/octet-stream")
            .empty(200),
        get(
            "/_downloads/registry/{pass}/{filename}",
            "download-from-registry",
            "Download a file of the registry",
        )
        .media(200, "application/gzip")
        .media(200, "application/zip")
        .media(200, "application/octet-stream")
        .media(200, "text/plain"),
    ]
}

fn summary() -> Vec<Field> {
    vec![
        text("id"),
        text("owner"),
        text("namespace"),
        text("name"),
        text("version"),
        text("provider"),
        text("description"),
        text("source"),
        text("tag"),
        time("published_at"),
        whole("downloads"),
        flag("verified"),
    ]
}

fn detailed() -> Schema {
    let mut fields = summary();
    fields.extend([
        anything("root"),
        list("submodules", Schema::Anything),
        list("examples", Schema::Anything),
        texts("providers"),
        texts("versions"),
    ]);
    Schema::Object(fields)
}

fn build() -> Vec<Field> {
    let key = Schema::Object(vec![
        text("key_id"),
        text("ascii_armor"),
        text("trust_signature"),
        text("source"),
        text("source_url").nullable(),
    ]);
    vec![
        texts("protocols"),
        text("os"),
        text("arch"),
        text("filename"),
        text("download_url"),
        text("shasums_url"),
        text("shasums_signature_url"),
        text("shasum"),
        object("signing_keys", [list("gpg_public_keys", key)]),
    ]
}
