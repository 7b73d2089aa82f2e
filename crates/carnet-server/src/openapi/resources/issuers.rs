//! Issuers and the keys that sign identity tokens.

use crate::openapi::Family;
use crate::openapi::operation::{Operation, delete, get, patch, post};
use crate::openapi::schema::{Field, Schema, choice, flag, list, number, object, text, texts, time, whole};

const ALL: &str = "/api/carnet/v1/admin/issuers";
const ONE: &str = "/api/carnet/v1/admin/issuers/{issuer}";
const STATES: [&str; 6] = ["prepared", "published", "active", "retired", "removed", "revoked"];

pub(super) fn family() -> Family {
    Family::new("issuers", "Issuers of identity tokens and the keys that sign for them.")
        .operations(documents())
        .operations(issuers())
        .operations(keys())
}

fn documents() -> [Operation; 2] {
    [
        get(
            "/organizations/{organization}/.well-known/openid-configuration",
            "show-organization-issuer-document",
            "Describe the issuer that an organization has of its own",
        )
        .json(
            200,
            [
                text("issuer"),
                text("jwks_uri"),
                texts("response_types_supported"),
                texts("subject_types_supported"),
                texts("id_token_signing_alg_values_supported"),
                texts("scopes_supported"),
                texts("claims_supported"),
            ],
        )
        .empty(304),
        get(
            "/organizations/{organization}/.well-known/jwks",
            "list-organization-keys",
            "List the keys with which identity tokens of an organization's own issuer are checked",
        )
        .json(200, [list("keys", Schema::Map(Box::new(Schema::Anything)))])
        .empty(304),
    ]
}

fn issuer() -> [Field; 6] {
    [
        text("issuer"),
        text("organization").nullable(),
        text("url"),
        text("jwks_url"),
        flag("is_minting"),
        time("created_at").nullable(),
    ]
}

fn issuers() -> [Operation; 7] {
    [
        get(ALL, "list-issuers", "List the issuers of the site")
            .json(200, [list("issuers", Schema::Object(issuer().into()))]),
        post(ALL, "create-issuer", "Give an organization an issuer of its own, which mints nothing yet")
            .takes_attributes([text("organization").demanded(), text("url").nullable().writable()])
            .refuses(503)
            .json(201, issuer()),
        get(ONE, "show-issuer-of-site", "Show an issuer").json(200, issuer()),
        patch(ONE, "update-issuer", "Let an organization's own issuer mint, or not, or give it another URL")
            .takes_attributes([
                flag("minting").writable(),
                text("url").nullable().writable(),
                flag("unseen").writable(),
            ])
            .json(200, issuer()),
        delete(ONE, "delete-issuer", "Remove the issuer that an organization has of its own").no_content(),
        get(&format!("{ONE}/preview"), "preview-issuer", "Show which trust another issuer would break")
            .query(&["url"])
            .json(200, preview()),
        get(
            "/api/carnet/v1/organizations/{organization}/issuer",
            "show-issuer-of-organization",
            "Show the issuer of an organization's runs, and which trust another one would break",
        )
        .json(200, preview()),
    ]
}

fn preview() -> [Field; 8] {
    let used = vec![
        text("workspace").nullable(),
        choice("phase", &["plan", "apply"]),
        text("family"),
        text("tag").nullable(),
        text("audience"),
        time("last_used_at"),
    ];
    [
        text("organization"),
        text("organization_id"),
        text("issuer_now"),
        text("issuer_then"),
        flag("has_own_issuer"),
        flag("is_own_minting"),
        texts("breaks"),
        list("trust_used", Schema::Object(used)),
    ]
}

fn keys() -> [Operation; 5] {
    [
        get(&format!("{ONE}/keys"), "list-issuer-keys", "List the keys of an issuer, and what happens next")
            .json(200, listing()),
        post(&format!("{ONE}/actions/rotate"), "rotate-issuer-key", "Replace the key that signs")
            .takes_attributes([
                flag("at-once").writable(),
                whole("announcement-seconds").nullable().writable(),
            ])
            .refuses(503)
            .json(200, listing()),
        post(&format!("{ONE}/actions/trim"), "trim-issuer-keys", "Forget keys that sign no more")
            .json(200, [texts("removed")]),
        post(&format!("{ONE}/actions/revoke"), "revoke-issuer-key", "End a key that others may have")
            .takes_attributes([text("kid").demanded()])
            .json(
                200,
                [
                    text("kid"),
                    choice("was", &STATES),
                    text("replacement").nullable(),
                    text("not_replaced").nullable(),
                    whole("tokens_alive"),
                    time("last_token_ends_at").nullable(),
                    whole("jwks_max_age_seconds"),
                    texts("consequences"),
                ],
            ),
        get(&format!("{ONE}/keys/{{kid}}/tokens"), "list-tokens-of-key", "List what a key served")
            .query(&["ever", "page[after]", "page[size]"])
            .json(
                200,
                [
                    text("kid"),
                    choice("state", &STATES),
                    time("as_of"),
                    whole("total"),
                    text("next").nullable(),
                    list("tokens", Schema::Object(token())),
                ],
            ),
    ]
}

fn listing() -> [Field; 7] {
    let key = vec![
        text("kid"),
        choice("state", &STATES),
        time("created_at"),
        time("published_at").nullable(),
        time("seen_outside_at").nullable(),
        time("activated_at").nullable(),
        time("retired_at").nullable(),
        time("ended_at").nullable(),
        whole("tokens_alive"),
        time("last_token_ends_at").nullable(),
        choice("next_step", &["publish", "activate", "remove"]).nullable(),
        time("next_step_at").nullable(),
        whole("announcement_seconds").nullable(),
        whole("wait_seconds").nullable(),
        time("signs_not_before").nullable(),
    ];
    let policy = [
        whole("rotation_seconds").nullable(),
        whole("announcement_seconds"),
        whole("jwks_max_age_seconds"),
        number("leeway_seconds"),
        flag("waits_for_probe"),
    ];
    [
        object("issuer", issuer()),
        object("policy", policy),
        time("next_key_at").nullable(),
        text("held_back").nullable(),
        text("not_signing").nullable(),
        list("keys", Schema::Object(key)),
        texts("consequences"),
    ]
}

fn token() -> Vec<Field> {
    vec![
        text("jti"),
        text("organization").nullable(),
        text("organization_id"),
        text("workspace").nullable(),
        text("workspace_id"),
        text("run_id"),
        text("job_id"),
        choice("phase", &["plan", "apply"]),
        text("family"),
        text("tag").nullable(),
        text("audience"),
        text("subject"),
        text("role").nullable(),
        choice("role_from", &["mint", "report"]).nullable(),
        time("issued_at"),
        time("expires_at"),
    ]
}
