//! Terraform's language: blocks as text, laid out as `terraform fmt` does
//! (<https://developer.hashicorp.com/terraform/language/syntax/configuration>).

use super::block::{Block, Entry};
use super::text::{Part, Text, Value};

/// Blocks as a configuration.
pub(super) fn blocks(blocks: &[Block]) -> String {
    blocks.iter().map(|one| block(one, 0)).collect::<Vec<_>>().join("\n")
}

/// Lines of a comment.
pub(super) fn comment(lines: &[String], depth: usize) -> String {
    let pad = "  ".repeat(depth);
    lines.iter().map(|line| format!("{pad}# {}\n", printable(line))).collect()
}

/// A comment ends with its line: nothing that it quotes may end it before.
pub(super) fn printable(line: &str) -> String {
    line.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

fn block(block: &Block, depth: usize) -> String {
    let pad = "  ".repeat(depth);
    let labels: String = block.labels.iter().map(|label| format!(" {}", quoted(label))).collect();
    let mut text = comment(&block.comment, depth);
    if block.body.is_empty() {
        text.push_str(&format!("{pad}{}{labels} {{}}\n", block.kind));
        return text;
    }
    text.push_str(&format!("{pad}{}{labels} {{\n", block.kind));
    let mut attributes = Vec::new();
    let mut blocks = Vec::new();
    for entry in &block.body {
        match entry {
            Entry::Attribute(name, value) => {
                attributes.push(((*name).to_owned(), expression(value, depth + 1)));
            }
            Entry::Block(nested) => blocks.push(self::block(nested, depth + 1)),
        }
    }
    text.push_str(&aligned(&attributes, depth + 1));
    if !attributes.is_empty() && !blocks.is_empty() {
        text.push('\n');
    }
    text.push_str(&blocks.join("\n"));
    text.push_str(&format!("{pad}}}\n"));
    text
}

/// Attributes with their signs of equality in one column, up to the next value of several lines.
fn aligned(attributes: &[(String, String)], depth: usize) -> String {
    let pad = "  ".repeat(depth);
    let is_long = |(_, value): &(String, String)| value.contains('\n');
    let mut text = String::new();
    for group in attributes.chunk_by(|one, next| !is_long(one) && !is_long(next)) {
        let width = group.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        for (name, value) in group {
            text.push_str(&format!("{pad}{name:width$} = {value}\n"));
        }
    }
    text
}

fn expression(value: &Value, depth: usize) -> String {
    let (pad, inner) = ("  ".repeat(depth), "  ".repeat(depth + 1));
    match value {
        Value::Text(text) => template(text),
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Expression(expression) => (*expression).to_owned(),
        Value::Json(document) => format!("jsonencode({})", expression(document, depth)),
        Value::List(list) if list.iter().all(|one| matches!(one, Value::Text(_) | Value::Expression(_))) => {
            let list: Vec<String> = list.iter().map(|one| expression(one, depth)).collect();
            format!("[{}]", list.join(", "))
        }
        Value::List(list) => {
            let list: Vec<String> =
                list.iter().map(|one| format!("{inner}{}", expression(one, depth + 1))).collect();
            format!("[\n{}\n{pad}]", list.join(",\n"))
        }
        Value::Map(members) if members.is_empty() => "{}".to_owned(),
        Value::Map(members) => {
            let members: Vec<(String, String)> =
                members.iter().map(|(name, value)| (key(name), expression(value, depth + 1))).collect();
            format!("{{\n{}{pad}}}", aligned(&members, depth + 1))
        }
    }
}

/// A name that the language reads as such needs no quotes.
fn key(name: &str) -> String {
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_name = is_word && name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic());
    if is_name { name.to_owned() } else { quoted(name) }
}

/// A text as an expression: a reference alone stays one.
fn template(text: &Text) -> String {
    if let [Part::Input(_) | Part::Made { .. }] = text.parts() {
        return reference(&text.parts()[0]);
    }
    let inside = |part: &Part| match part {
        Part::Literal(text) => escaped(text),
        Part::Input(_) | Part::Made { .. } => format!("${{{}}}", reference(part)),
    };
    format!("\"{}\"", text.parts().iter().map(inside).collect::<String>())
}

fn reference(part: &Part) -> String {
    match part {
        Part::Literal(text) => quoted(text),
        Part::Input(name) => format!("var.{name}"),
        Part::Made { expression, .. } => expression.clone(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// What stands between quotes: nothing in it can end the text or begin a template.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(one) = rest.next() {
        match one {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // A mark of a template is doubled; beside another one, or where something may follow, only its code is safe.
            '$' | '%' if rest.peek().is_none() || out.ends_with(one) => {
                out.push_str(&format!("\\u{:04x}", u32::from(one)));
            }
            '$' | '%' if rest.peek() == Some(&'{') => out.extend([one, one]),
            _ if one.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(one))),
            _ => out.push(one),
        }
    }
    out
}
