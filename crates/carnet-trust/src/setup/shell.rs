//! Commands for a POSIX shell (<https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html>): what others chose
//! stands in quotes, whatever it is.

use super::command::{Command, Word};
use super::hcl::printable;
use super::text::{Part, Text, Value};

/// Commands, one after another.
pub(super) fn commands(commands: &[Command]) -> String {
    commands.iter().map(command).collect::<Vec<_>>().join("\n")
}

/// A text as one word.
pub(super) fn quoted(text: &Text) -> String {
    let part = |part: &Part| match part {
        Part::Literal(text) => literal(text),
        Part::Input(name) => format!("\"${}\"", name.to_uppercase()),
        Part::Made { otherwise, .. } => quoted(otherwise),
    };
    let text: String = text.parts().iter().map(part).collect();
    if text.is_empty() { "''".to_owned() } else { text }
}

fn literal(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@+,=".contains(&byte);
    match text {
        "" => String::new(),
        _ if text.bytes().all(is_plain) => text.to_owned(),
        _ => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// A document as one word. Inputs stand where a program puts them: between the quotes of JSON.
fn document(value: &Value) -> String {
    // Characters that no text may hold stand for the ends of an input's name while the document is written.
    let marked = |text: &Text| {
        let part = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Input(name) => format!("\u{e000}{}\u{e001}", name.to_uppercase()),
            Part::Made { .. } => String::new(),
        };
        text.plain().parts().iter().map(part).collect::<String>()
    };
    let json = format!("{:#}", value.as_json(&marked)).replace('\'', r"'\''");
    format!("'{}'", json.replace('\u{e000}', "'\"$").replace('\u{e001}', "\"'"))
}

fn words(words: &[Word]) -> String {
    let word = |word: &Word| match word {
        Word::Plain(words) => (*words).to_owned(),
        Word::Text(text) => quoted(text),
        Word::Flag(name, text) => format!("{name}={}", quoted(text)),
        Word::Json(value) => document(value),
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn command(command: &Command) -> String {
    let mut text: String = command.comment.iter().map(|line| format!("# {}\n", printable(line))).collect();
    let run = words(&command.run);
    if let Some(name) = &command.keeps {
        let name = name.to_uppercase();
        text.push_str(&format!("{name}=${{{name}:-$({run})}}\n"));
        return text;
    }
    let (before, after) = match &command.input {
        None => (String::new(), String::new()),
        Some(input) if input.inputs().is_empty() => (String::new(), here(input)),
        Some(input) => (format!("printf '%s\\n' {} | ", document(input)), String::new()),
    };
    let dash = if command.input.is_some() { " -" } else { "" };
    match (&command.is_there, &command.update) {
        (None, _) => text.push_str(&format!("{before}{run}{dash}{after}\n")),
        (Some(check), None) => {
            text.push_str(&format!("{} >/dev/null 2>&1 || {before}{run}{dash}{after}\n", words(check)));
        }
        (Some(check), Some(update)) => text.push_str(&format!(
            "if {} >/dev/null 2>&1; then\n  {}\nelse\n  {before}{run}{dash}{after}\nfi\n",
            words(check),
            words(update)
        )),
    }
    text
}

/// A document behind the command: no line of indented JSON is the word that ends it.
fn here(input: &Value) -> String {
    format!(" <<'EOF'\n{:#}\nEOF", input.to_json())
}
