//! What is Carnet's own: adapters, the ledger of identity tokens, the credentials of runs.

use crate::openapi::Family;
use crate::openapi::operation::{delete, get, post, put};
use crate::openapi::resource::ResourceType;
use crate::openapi::schema::{Field, Schema, anything, choice, flag, list, map, text, texts, time, whole};

const ORGANIZATION: &str = "/api/carnet/v1/organizations/{organization}";
const ADAPTER: &str = "/api/carnet/v1/organizations/{organization}/adapters/{adapter}";
const RUN: &str = "/api/carnet/v1/runs/{run}";

pub(super) fn family() -> Family {
    let of_organization = |rest: &str| format!("{ORGANIZATION}/{rest}");
    let of_run = |rest: &str| format!("{RUN}/{rest}");
    Family::new("credentials", "Identity tokens, the credentials that runs got for them, and adapters.")
        .with(adapter())
        .with(outstanding())
        .with(credentials())
        .with(trust())
        .with(trust_check())
        .operations([
            post(
                "/api/carnet/v1/workspaces/{workspace}/trust-check",
                "check-trust",
                "Judge the token that a workspace would present by a relying party's policy",
            )
            .takes_new("trust-checks")
            .one("trust-checks"),
            get(&of_organization("adapters"), "list-adapters", "List the adapters of an organization")
                .list("adapters"),
            get(ADAPTER, "show-adapter", "Show an adapter").one("adapters"),
            put(ADAPTER, "put-adapter", "Make or replace an adapter")
                .takes_new("adapters")
                .one("adapters")
                .created("adapters"),
            delete(ADAPTER, "delete-adapter", "Delete an adapter").no_content(),
            get(
                &of_organization("outstanding-credentials"),
                "list-outstanding-credentials",
                "List what runs left behind at providers",
            )
            .list("outstanding-credentials"),
            post(
                &of_organization("outstanding-credentials/{credential}/actions/settle"),
                "settle-outstanding-credential",
                "Tell what became of something that a run left behind",
            )
            .takes("outstanding-credentials")
            .one("outstanding-credentials"),
            get(&of_run("credentials"), "list-run-credentials", "List the credentials that a run held")
                .whole_list("run-credentials"),
            get(&of_run("jobs"), "list-run-jobs", "List where the time of a run went").any_json(&jobs()),
            get(&of_run("identity-tokens"), "list-run-identity-tokens", "List the identity tokens of a run")
                .any_json(&identity_tokens()),
            get(
                "/api/carnet/v1/workspaces/{workspace}/identity-tokens",
                "list-workspace-identity-tokens",
                "List the latest identity tokens of a workspace",
            )
            .any_json(&identity_tokens()),
            post(
                "/api/carnet/v1/workspaces/{workspace}/trust",
                "write-trust",
                "Write what makes a provider trust the runs of a workspace",
            )
            .takes_new("trust")
            .one("trust"),
        ])
}

fn adapter() -> ResourceType {
    ResourceType::new("adapters", [text("definition").demanded(), time("created-at"), time("updated-at")])
        .one("organization", &["organizations"])
}

fn trust() -> ResourceType {
    ResourceType::new(
        "trust",
        [
            choice("family", &carnet_trust::setup::FAMILIES).demanded(),
            choice("format", &["terraform", "cli", "json"]).writable(),
            text("text"),
            map("options", Schema::Anything).write_only(),
            choice("phase", &["plan", "apply", "both"]).write_only(),
            choice("scope", &["workspace", "project", "organization"]).write_only(),
            text("tag").nullable().write_only(),
            text("audience").nullable().write_only(),
            text("subject-plan").nullable().write_only(),
            text("subject-apply").nullable().write_only(),
            flag("knows-issuer").write_only(),
            choice("variables", &["write", "show"]).write_only(),
            text("issuer-ca").nullable().write_only(),
            text("issuer-keys").nullable().write_only(),
        ],
    )
    .one("workspace", &["workspaces"])
}

fn trust_check() -> ResourceType {
    ResourceType::new(
        "trust-checks",
        [
            choice("family", &["auto", "aws", "azure", "gcp", "vault", "kubernetes"]).writable(),
            choice("verdict", &["accepted", "refused"]),
            list("findings", Schema::Anything),
            texts("notes"),
            anything("patch").nullable(),
            map("presented", Schema::Anything),
            text("text"),
            anything("policy").write_only(),
            anything("beside").write_only(),
            text("role").nullable().write_only(),
            choice("phase", &["plan", "apply"]).write_only(),
            text("tag").nullable().write_only(),
            text("audience").nullable().write_only(),
            map("claims", Schema::Anything).write_only(),
        ],
    )
    .one("workspace", &["workspaces"])
}

const REVOCATIONS: [&str; 5] = ["outstanding", "revoked", "already_gone", "ends_by_itself", "failed"];

fn outstanding() -> ResourceType {
    ResourceType::new(
        "outstanding-credentials",
        [
            text("workspace-name"),
            choice("phase", &["plan", "apply"]),
            text("family"),
            text("tag").nullable(),
            text("address"),
            text("namespace").nullable(),
            text("accessor"),
            time("ends-at").nullable(),
            choice("revocation", &REVOCATIONS).demanded(),
            text("detail").writable(),
            text("hint").nullable(),
        ],
    )
    .one("run", &["runs"])
    .one("workspace", &["workspaces"])
}

fn credentials() -> ResourceType {
    ResourceType::new(
        "run-credentials",
        [
            choice("phase", &["plan", "apply"]),
            text("family"),
            text("tag").nullable(),
            text("audience"),
            text("subject"),
            text("role").nullable(),
            text("jti").nullable(),
            whole("life-seconds"),
            whole("renewals"),
            time("expires-at").nullable(),
            choice("outcome", &["held", "refused", "ended"]),
            text("detail"),
            texts("identity"),
            list("leases", Schema::Object(lease())),
        ],
    )
    .one("run", &["runs"])
}

fn lease() -> Vec<Field> {
    vec![
        text("address"),
        text("namespace").nullable(),
        text("accessor"),
        time("ends-at").nullable(),
        choice("revocation", &REVOCATIONS),
        text("detail"),
    ]
}

fn jobs() -> Schema {
    let step = Schema::Object(vec![text("name"), whole("milliseconds")]);
    Schema::List(Box::new(Schema::Object(vec![
        text("job_id"),
        choice("phase", &["plan", "apply"]),
        text("status"),
        time("created_at"),
        time("claimed_at").nullable(),
        time("finished_at").nullable(),
        whole("preparation_ms").nullable(),
        list("steps", step).nullable(),
        texts("unrevoked").nullable(),
    ])))
}

fn identity_tokens() -> Schema {
    Schema::List(Box::new(Schema::Object(vec![
        text("jti"),
        text("family"),
        text("tag").nullable(),
        text("audience"),
        text("subject"),
        choice("phase", &["plan", "apply"]),
        text("run_id"),
        text("kid"),
        time("issued_at"),
        time("expires_at"),
        map("claims", Schema::Anything),
    ])))
}
