//! The ledger: chains of entries and their signed checkpoints.

use crate::openapi::Family;
use crate::openapi::operation::{Operation, get};
use crate::openapi::schema::{Field, Schema, anything, list, object, text, time, whole};

const ORGANIZATION: &str = "/api/carnet/v1/organizations/{organization}/ledger";
const SITE: &str = "/api/carnet/v1/admin/ledgers";

pub(super) fn family() -> Family {
    let text_of = "The ledger: who used which identity, in chains of entries that cannot be altered unseen.";
    Family::new("ledger", text_of).operations([
        entries(get(ORGANIZATION, "list-ledger-entries", "List the entries of an organization's ledger")),
        checkpoints(get(
            &format!("{ORGANIZATION}/checkpoints"),
            "list-ledger-checkpoints",
            "List the signed checkpoints of an organization's ledger",
        )),
        get(SITE, "list-ledgers", "List the ledgers of the site and of every organization that ever was")
            .query(&["after", "limit"])
            .any_json(&Schema::Object(vec![
                list("chains", Schema::Object(head())),
                text("next_after").nullable(),
            ])),
        entries(get(
            &format!("{SITE}/{{chain}}"),
            "list-entries-of-ledger",
            "List the entries of any ledger",
        )),
        checkpoints(get(
            &format!("{SITE}/{{chain}}/checkpoints"),
            "list-checkpoints-of-ledger",
            "List the signed checkpoints of any ledger",
        )),
    ])
}

fn head() -> Vec<Field> {
    vec![
        text("chain"),
        whole("sequence"),
        text("hash"),
        whole("checkpoint_sequence"),
        text("fault").nullable(),
    ]
}

fn entries(operation: Operation) -> Operation {
    let entry = vec![whole("sequence"), text("hash"), anything("entry"), time("recorded_at").nullable()];
    operation.query(&["after", "limit", "since", "until"]).any_json(&Schema::Object(vec![
        text("chain"),
        anything("head"),
        text("previous").nullable(),
        list("entries", Schema::Object(entry)),
        whole("next_after").nullable(),
    ]))
}

fn checkpoints(operation: Operation) -> Operation {
    let checkpoint = vec![whole("sequence"), text("hash"), time("time"), text("kid"), text("jws")];
    operation.query(&["after", "limit"]).any_json(&Schema::Object(vec![
        text("chain"),
        list("checkpoints", Schema::Object(checkpoint)),
        object("jwks", [list("keys", Schema::Map(Box::new(Schema::Anything)))]),
        whole("next_after").nullable(),
    ]))
}
