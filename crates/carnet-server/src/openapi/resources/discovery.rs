//! What clients read first: which services there are, how to log in, the keys of identity tokens.

use crate::openapi::Family;
use crate::openapi::operation::{Operation, get, post};
use crate::openapi::schema::{Schema, anything, list, text, texts};

pub(super) fn family() -> Family {
    Family::new("discovery", "Which services there are, login, health and the issuer of identity tokens.")
        .operations([
            get("/.well-known/terraform.json", "show-services", "Name the services of this host")
                .any_json(&Schema::Map(Box::new(Schema::Anything))),
            get("/.well-known/openid-configuration", "show-issuer", "Describe the issuer of identity tokens")
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
            get("/.well-known/jwks", "list-keys", "List the keys with which identity tokens are checked")
                .json(200, [list("keys", Schema::Map(Box::new(Schema::Anything)))])
                .empty(304),
        ])
        .operations(login())
        .operations(server())
}

fn login() -> [Operation; 3] {
    [
        get("/oauth/authorize", "show-login", "Ask a person to approve a login")
            .query(&[
                "response_type",
                "client_id",
                "redirect_uri",
                "state",
                "code_challenge",
                "code_challenge_method",
            ])
            .media(200, "text/html")
            .media(400, "text/html")
            .empty(303),
        post("/oauth/authorize", "approve-login", "Approve or deny a login")
            .takes_form([
                text("response_type").writable(),
                text("client_id").writable(),
                text("redirect_uri").writable(),
                text("state").writable(),
                text("code_challenge").writable(),
                text("code_challenge_method").writable(),
                text("csrf").writable(),
                text("token").writable(),
                text("decision").writable(),
            ])
            .media(200, "text/html")
            .media(400, "text/html")
            .media(422, "text/html")
            .empty(303),
        post("/oauth/token", "trade-login-code", "Trade the code of an approved login for a token")
            .takes_form([
                text("client_id").demanded(),
                text("grant_type").demanded(),
                text("code").demanded(),
                text("code_verifier").demanded(),
                text("redirect_uri").demanded(),
            ])
            .json(200, [text("access_token"), text("token_type")])
            .json(400, [text("error"), text("error_description")]),
    ]
}

fn server() -> [Operation; 6] {
    [
        get("/api/v2/ping", "ping", "Tell that the API is there").no_content(),
        get("/api/v2/openapi.json", "show-description", "Describe the API: this document").json(
            200,
            [
                text("openapi"),
                anything("info"),
                anything("servers"),
                anything("security"),
                anything("tags"),
                anything("paths"),
                anything("components"),
            ],
        ),
        post("/api/v2/admin/oidc-settings/actions/rotate-key", "rotate-key", "Begin to sign with a new key")
            .refuses(503)
            .empty(204),
        post("/api/v2/admin/oidc-settings/actions/trim-key", "trim-key", "Forget keys that sign no more")
            .empty(204),
        get("/healthz", "show-life", "Tell that the process lives").media(200, "text/plain"),
        get("/readyz", "show-readiness", "Tell that the server can answer").media(200, "text/plain"),
    ]
}
