//! Where two texts part that should be the same.

use super::{
    Wildcards,
    glob::{Agreement, agreement},
    visible::visible,
};

/// What was presented and what is expected, and the first character in which they part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    presented: String,
    expected: String,
    /// Counted from 0, in characters.
    at: Agreement,
}

impl Difference {
    /// Compares two texts; nothing when they are the same.
    pub fn between(presented: &str, expected: &str) -> Option<Self> {
        if presented == expected {
            return None;
        }
        let same = presented.chars().zip(expected.chars()).take_while(|(one, other)| one == other).count();
        Some(Self {
            presented: presented.to_owned(),
            expected: expected.to_owned(),
            at: Agreement { text: same, pattern: same },
        })
    }

    /// Compares a text with a pattern; nothing when it matches.
    pub fn with_pattern(presented: &str, pattern: &str, wildcards: Wildcards) -> Option<Self> {
        let at = agreement(pattern, presented, wildcards)?;
        Some(Self { presented: presented.to_owned(), expected: pattern.to_owned(), at })
    }

    /// What was presented.
    pub fn presented(&self) -> &str {
        &self.presented
    }

    /// What is expected.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// The first character of what was presented that is not as expected, counted from 0.
    pub fn offset(&self) -> usize {
        self.at.text
    }

    /// The character that is there, if it is not the end.
    pub fn found(&self) -> Option<char> {
        self.presented.chars().nth(self.at.text)
    }

    /// The character that is expected, if it is not the end.
    pub fn wanted(&self) -> Option<char> {
        self.expected.chars().nth(self.at.pattern)
    }

    /// Both texts, one below the other, and a mark below the character.
    pub fn lines(&self) -> Vec<String> {
        let name = |character: Option<char>| match character {
            Some(character) if character.is_ascii() => format!("{character:?}").replace('\'', "\""),
            // Its number tells it from what looks the same.
            Some(character) => {
                format!("\"{}\" (U+{:04X})", visible(&character.to_string()), u32::from(character))
            }
            None => "the end".to_owned(),
        };
        let remark = format!(
            "^ character {}: {} where {} is expected",
            self.at.text + 1,
            name(self.found()),
            name(self.wanted())
        );
        let mark = |indent: usize, text: &str| format!("{:indent$}{text}", "", indent = indent + 11);
        let mut lines = vec![format!("presented  {}", visible(&self.presented))];
        if self.at.text != self.at.pattern {
            lines.push(mark(self.at.text, &remark));
        }
        lines.push(format!("expected   {}", visible(&self.expected)));
        lines.push(if self.at.text == self.at.pattern {
            mark(self.at.text, &remark)
        } else {
            mark(self.at.pattern, "^")
        });
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_character_that_differs_is_marked() {
        let found = Difference::between("project:Default Project", "project:default project").unwrap();
        assert_eq!(
            found.lines(),
            [
                "presented  project:Default Project",
                "expected   project:default project",
                r#"                   ^ character 9: "D" where "d" is expected"#,
            ]
        );
        assert_eq!(Difference::between("a", "a"), None);
    }

    #[test]
    fn what_looks_the_same_has_a_number() {
        let found = Difference::between("acme\u{200b}", "\u{430}cme").unwrap();
        assert_eq!(
            found.lines(),
            [
                "presented  acme\u{fffd}",
                "expected   \u{430}cme",
                "           ^ character 1: \"a\" where \"\u{430}\" (U+0430) is expected",
            ]
        );
    }

    #[test]
    fn a_pattern_has_a_mark_of_its_own() {
        let found = Difference::with_pattern("a:bbb:plan", "a:*:apply", Wildcards::Star).unwrap();
        assert_eq!(
            found.lines(),
            [
                "presented  a:bbb:plan",
                r#"                 ^ character 7: "p" where "a" is expected"#,
                "expected   a:*:apply",
                "               ^",
            ]
        );
    }
}
