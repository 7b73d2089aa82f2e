//! The messages in what Terraform has printed, in its plain and in its structured form.

use serde_json::Value;

/// Cuts the output of Terraform into messages without decoration; each paragraph of a message is one line.
///
/// A diagnostic is one message, from its first word to its last; other lines are messages by themselves.
pub(crate) fn messages(output: &str) -> Vec<String> {
    let mut messages = Messages::default();
    for line in output.lines() {
        match structured(line) {
            Some(text) => {
                messages.end();
                messages.add(&text);
                messages.end();
            }
            None => messages.plain(&undecorated(line)),
        }
    }
    messages.end();
    messages.all
}

#[derive(Default)]
struct Messages {
    all: Vec<String>,
    /// The paragraphs of the message that is not over.
    current: Vec<String>,
    has_paragraph_ended: bool,
    open: Option<Open>,
}

/// A diagnostic that is not over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// It ends where its box ends.
    Boxed,
    /// It ends where the next one starts.
    Bare,
}

impl Messages {
    fn plain(&mut self, line: &str) {
        let text = line.trim_start_matches(BOX);
        let is_first = ["Error: ", "Warning: "].iter().any(|start| text.starts_with(start));
        if line.starts_with('╷') {
            self.end();
            self.open = Some(Open::Boxed);
        } else if is_first && self.open != Some(Open::Boxed) {
            self.end();
            self.open = Some(Open::Bare);
        }
        self.add(text);
        if line.starts_with('╵') || self.open.is_none() {
            self.end();
        }
    }

    fn add(&mut self, text: &str) {
        for line in text.lines() {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            match self.current.last_mut() {
                _ if line.is_empty() => self.has_paragraph_ended = true,
                // Terraform breaks lines at white space only.
                Some(paragraph) if !self.has_paragraph_ended => {
                    paragraph.push(' ');
                    paragraph.push_str(&line);
                }
                _ => {
                    self.has_paragraph_ended = false;
                    self.current.push(line);
                }
            }
        }
        if text.trim().is_empty() {
            self.has_paragraph_ended = true;
        }
    }

    fn end(&mut self) {
        (self.open, self.has_paragraph_ended) = (None, false);
        if !self.current.is_empty() {
            self.all.push(std::mem::take(&mut self.current).join("\n"));
        }
    }
}

/// What Terraform draws beside its diagnostics.
const BOX: [char; 5] = ['╷', '│', '╵', '|', ' '];

/// The text of a line of the structured form.
fn structured(line: &str) -> Option<String> {
    if !line.starts_with('{') {
        return None;
    }
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |value: &Value| value.as_str().map(undecorated);
    let diagnostic = &value["diagnostic"];
    let parts = match diagnostic["summary"].is_string() {
        true => ["summary", "detail", "address"].map(|name| text(&diagnostic[name])),
        false => [text(&value["@message"]), None, None],
    };
    // Any other JSON is the output of a program.
    value["@message"].as_str()?;
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n"))
}

/// A text without colours and other control characters.
fn undecorated(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // A sequence ends with its first letter.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else if !character.is_control() || character.is_whitespace() {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_in_a_box_is_one_message() {
        let output = "Initializing...\n\u{1b}[31m╷\u{1b}[0m\u{1b}[0m\n\u{1b}[31m│\u{1b}[0m \u{1b}[0m\u{1b}[1m\u{1b}[31mError: \
                      \u{1b}[0mCannot assume role\n│ \n│   with provider[\"a\"],\n│   on main.tf line 1\n│ \n│ Not \
                      authorized to perform\n│ sts:AssumeRoleWithWebIdentity\n╵\nafterwards\n";
        assert_eq!(
            messages(output),
            [
                "Initializing...",
                "Error: Cannot assume role\nwith provider[\"a\"], on main.tf line 1\nNot authorized to perform \
                 sts:AssumeRoleWithWebIdentity",
                "afterwards"
            ]
        );
    }

    #[test]
    fn a_diagnostic_without_a_box_ends_where_the_next_one_starts() {
        let output = "\nError: one\n\n  on main.tf\n\nits detail\n\nError: two\nits detail";
        assert_eq!(messages(output), ["Error: one\non main.tf\nits detail", "Error: two its detail"]);
    }

    #[test]
    fn structured_output_is_read() {
        let diagnostic = r#"{"@level":"error","@message":"Error: s","type":"diagnostic","diagnostic":{"severity":"error","summary":"s","detail":"first\nsecond","address":"kubernetes_namespace.n"}}"#;
        let progress =
            r#"{"@level":"info","@message":"a: (local-exec): AccessDenied","type":"provision_progress"}"#;
        let other = r#"{"error":"from a program"}"#;
        let output = [diagnostic, progress, other, "{broken"].join("\n");
        assert_eq!(
            messages(&output),
            [
                "s\nfirst second\nkubernetes_namespace.n",
                "a: (local-exec): AccessDenied",
                r#"{"error":"from a program"}"#,
                "{broken"
            ]
        );
    }

    #[test]
    fn nothing_breaks_on_what_is_cut_in_the_middle() {
        assert_eq!(messages("\u{1b}[3"), Vec::<String>::new());
        assert_eq!(messages("│ half a sentence\n╵\n"), ["half a sentence"]);
        assert!(messages("").is_empty());
    }
}
