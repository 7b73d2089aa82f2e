//! Requests that a document may not make.

use super::{check, check_each, check_good};

const URL: &str =
    "url = \"https://{{ setting.account }}.acme.example/v1/{{ setting.role }}/token?run={{ run_id }}\"";
const QUERY: &str = "run={{ run_id }}";
const FORM: &str = "grant_type = \"a:b\"";
const HEADERS: &str = "headers = { X-Account";
const ID: &str = "id = { pointer = \"/id\", secret = false }";

#[test]
fn an_address_is_https_or_a_setting() {
    check_each(
        URL,
        &[
            "url = \"http://acme.example\"",
            "url = \"ftp://acme.example\"",
            "url = \"/token\"",
            "url = \"\"",
            "url = \"{{ run_id }}\"",
            "url = \"{{ setting.account }}{{ setting.role }}\"",
        ],
        "line 54, column 8: an address starts with https:// or with a setting that holds one",
    );
    check_each(
        URL,
        &["url = \"https://\"", "url = \"https:///x\"", "url = \"https://?x\""],
        "line 54, column 8: an address needs a host behind https://",
    );
    check(
        URL,
        "url = \"https://user:password@acme.example\"",
        &["line 54, column 8: an address holds no user and no password"],
    );
    check(
        URL,
        "url = \"{{ setting.account }}.example\"",
        &["line 54, column 8: behind a setting that holds an address comes \"/\" or \"?\""],
    );
    check_each(
        URL,
        &["url = \"https://acme.example/#\"", "url = \"https://acme.example/ä\"", "url = \"https://a b\""],
        concat!(
            "line 54, column 8: an address has visible ASCII characters without quotes, braces, \"\\\", \"|\", ",
            "\"^\" and \"#\"",
        ),
    );
}

#[test]
fn an_address_has_all_of_its_parts_and_no_secrets() {
    let setting = concat!(
        "line 54, column 7: setting.region must not stand here: it may be absent, and an address needs all of its ",
        "parts; give the setting a default or require it",
    );
    check(QUERY, "run={{ setting.region }}", &[setting]);
    for written in ["token", "answer.id", "claim.sub", "file.tfc-acme-token"] {
        let rule = format!(
            "line 54, column 7: {written} must not stand here: an address holds settings and the run only"
        );
        check(QUERY, &format!("run={{{{ {written} }}}}"), &[&rule]);
    }
    check_good(QUERY, "run={{ setting.audience }}");
}

#[test]
fn an_exchange_sends_the_token() {
    check(
        "token = \"{{ token }}\", region",
        "region",
        &["line 53, column 1: the exchange does not send {{ token }}"],
    );
    check_good("X-Account = \"{{ setting.account }}\"", "Authorization = \"Bearer {{ token }}\"");
}

#[test]
fn an_exchange_sends_what_is_known_before_and_outside() {
    for (written, reason) in [
        ("answer.id", "the answer comes after the request"),
        ("file.tfc-acme-token", "it means nothing outside the run"),
    ] {
        let rule = format!("line 55, column 23: {written} must not stand here: {reason}");
        check(FORM, &format!("grant_type = \"{{{{ {written} }}}}\""), &[&rule]);
    }
    check_good(FORM, "grant_type = \"{{ claim.sub }}\"");
}

#[test]
fn a_request_has_one_method_and_one_body() {
    let from = HEADERS;
    let both = "line 55, column 8: a request has either form or json";
    check(from, "json = { a = 1 }\nheaders = { X-Account", &[both]);
    check(
        from,
        "method = \"GET\"\nheaders = { X-Account",
        &["line 56, column 10: the method is one of POST"],
    );
    check(
        "method = \"DELETE\"",
        "method = \"PATCH\"",
        &["line 64, column 10: the method is one of POST, DELETE, PUT"],
    );
    check_good("method = \"DELETE\"\n", "");
    check_good(from, "method = \"POST\"\nheaders = { X-Account");
}

#[test]
fn headers_are_of_the_request() {
    check_each(
        HEADERS,
        &[
            "headers = { Host",
            "headers = { content-length",
            "headers = { Transfer-Encoding",
            "headers = { TE",
        ],
        "line 56, column 13: a header must not be set: the connection or the body decides it",
    );
    check_each(
        HEADERS,
        &["headers = { \"X Account\"", "headers = { \"X:\"", "headers = { \"\"", "headers = { \"X\\n\""],
        "line 56, column 13: a header has 1 to 64 letters, digits and \"-\"",
    );
    check_each(
        "headers = { X-Account = \"",
        &["headers = { X-Account = \"ä", "headers = { X-Account = \"a\\r\\nb"],
        "line 56, column 25: a header has visible ASCII characters and spaces only",
    );
}

#[test]
fn fields_of_the_answer_have_pointers() {
    let rule = "the pointer is no JSON pointer: it starts with \"/\", and \"~\" is written \"~0\"";
    let at_expiry = format!("line 57, column 14: {rule}");
    check_each(
        "expires_in = \"/expires_in\"",
        &["expires_in = \"expires_in\"", "expires_in = \"/a~b\"", "expires_in = \"\"", "expires_in = \"/~\""],
        &at_expiry,
    );
    check(
        "expires_in = \"/expires_in\"",
        "expires_in = \"/a\"\nexpires_at = \"/b\"",
        &["line 53, column 1: only one of expires_in and expires_at can hold"],
    );
    let at_answer = format!("line 60, column 9: {rule}");
    check("token = \"/access_token\"", "token = \"access_token\"", &[&at_answer]);
    check_good("expires_in = \"/expires_in\"", "expires_at = \"/a~1b/~0/0\"");
    check_good("expires_in = \"/expires_in\"", "");
}

#[test]
fn an_exchange_reads_something() {
    let none = |name: &str, line: usize, column: usize| {
        format!("line {line}, column {column}: the exchange reads no answer \"{name}\"; there is none")
    };
    check(
        "token = \"/access_token\"\nid = { pointer = \"/id\", secret = false }",
        "",
        &[
            &none("token", 36, 14),
            &none("token", 42, 18),
            "line 53, column 1: [exchange.answer] is missing: nothing is read from the answer",
            &none("id", 64, 7),
            &none("token", 65, 29),
        ],
    );
}

#[test]
fn a_revocation_uses_what_is_left() {
    let id = "line 65, column 7: answer.id must not stand here: ";
    let secret = format!(
        "{id}an address must not hold a secret; declare the answer with secret = false if it is none"
    );
    check(ID, "id = \"/id\"", &[&secret]);
    let absent = format!("{id}it may be absent, and an address needs all of its parts");
    check(ID, "id = { pointer = \"/id\", secret = false, optional = true }", &[&absent]);
    for written in ["token", "claim.sub"] {
        let rule = format!(
            "line 66, column 29: {written} must not stand here: the identity token has ended when the credential is \
             taken back"
        );
        check("Bearer {{ answer.token }}", &format!("Bearer {{{{ {written} }}}}"), &[&rule]);
    }
}
