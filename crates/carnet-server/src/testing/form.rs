//! Forms, as a browser sends them.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Answer;

/// The content type of a form.
pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// The body of a form, or a query.
pub(crate) fn encoded<T: AsRef<str>>(fields: &[(&str, T)]) -> String {
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value.as_ref(), NON_ALPHANUMERIC)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The cookie that came with a form, and the field that belongs to it.
#[track_caller]
pub(crate) fn form_secret(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let cookie = answer.headers["set-cookie"].to_str().expect("text");
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    let text = answer.text();
    let field = text.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    (cookie, field.expect("a field").to_owned())
}
