//! The one way to write an entry: RFC 8785 (JSON Canonicalization Scheme), as far as texts and whole numbers need it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A value of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(u64),
}

/// Writes an object without any space, its members in the order of their names. All names are ASCII, so the order of their
/// bytes is the order of UTF-16 that RFC 8785, section 3.2.3, demands.
pub(super) fn object(members: &BTreeMap<String, Value>) -> String {
    let mut text = String::with_capacity(64 * members.len());
    let mut separator = '{';
    for (name, value) in members {
        text.push(separator);
        separator = ',';
        write_text(&mut text, name);
        text.push(':');
        match value {
            Value::Text(value) => write_text(&mut text, value),
            Value::Number(number) => text.push_str(&number.to_string()),
        }
    }
    if members.is_empty() {
        text.push('{');
    }
    text.push('}');
    text
}

/// RFC 8785, section 3.2.2.2: two characters for what has them, `\u00xx` for other controls, everything else as it is.
fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if control < ' ' => {
                // Writing to a text cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
