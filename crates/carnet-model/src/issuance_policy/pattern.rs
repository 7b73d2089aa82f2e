//! Patterns of names, audiences and roles.

/// A text in which `*` stands for any characters but `/` and `:`, and `**` for any characters at all.
///
/// All other characters stand for themselves, upper and lower case apart. A pattern that is nothing but `*` takes everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// A text that cannot be a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a pattern is 1 to {} characters long, without control characters", Pattern::LIMIT)]
pub struct PatternError;

impl Pattern {
    /// The most characters.
    pub const LIMIT: usize = 512;

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether the whole text is as the pattern says.
    pub fn matches(&self, text: &str) -> bool {
        self.0 == "*" || matches(self.0.as_bytes(), text.as_bytes())
    }
}

impl std::str::FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let count = text.chars().count();
        if count == 0 || count > Self::LIMIT || text.chars().any(char::is_control) {
            return Err(PatternError);
        }
        Ok(Self(text.to_owned()))
    }
}

/// A row of the table "which beginnings of the text can the pattern so far have taken": time and room are bounded by the product
/// of the lengths, whatever the pattern is.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut rest = pattern;
    while let Some((first, after)) = rest.split_first() {
        let crosses = *first == b'*' && after.first() == Some(&b'*');
        rest = if crosses { &after[1..] } else { after };
        let mut next = vec![false; text.len() + 1];
        for place in 0..=text.len() {
            next[place] = match first {
                b'*' => {
                    let grows = |byte: u8| crosses || !matches!(byte, b'/' | b':');
                    reached[place] || (place > 0 && next[place - 1] && grows(text[place - 1]))
                }
                byte => place > 0 && reached[place - 1] && text[place - 1] == *byte,
            };
        }
        reached = next;
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(pattern.parse::<Pattern>().unwrap().matches(text), expected, "{pattern} on {text}");
    }

    #[test]
    fn a_star_stays_between_separators_and_two_do_not() {
        check("plan-*", "plan-net", true);
        check("plan-*", "plan-", true);
        check("plan-*", "plan-a/b", false);
        check("plan-**", "plan-a/b", true);
        check("arn:aws:iam::*:role/plan-*", "arn:aws:iam::123456789012:role/plan-net", true);
        check("arn:aws:iam::*:role/plan-*", "arn:aws:iam::1:role/x:role/plan-net", false);
        check("arn:aws:iam::*:role/plan-*", "arn:aws:iam::1:role/Plan-net", false);
        check("https://*.example.com", "https://vault.example.com", true);
        check("https://*.example.com", "https://evil.test/.example.com", false);
        check("a.c", "abc", false);
        check("*", "arn:aws:iam::1:role/x", true);
        check("*", "", true);
        check("**", "a/b:c", true);
        check("a**b*c", "a/:bxc", true);
        check("a", "", false);
    }

    #[test]
    fn what_cannot_be_a_pattern_is_refused() {
        for text in ["", "a\nb", &"a".repeat(513)] {
            assert_eq!(text.parse::<Pattern>(), Err(PatternError));
        }
    }

    proptest! {
        #[test]
        fn a_text_without_a_star_takes_itself_and_nothing_else(text in "[a-z:/.-]{1,12}", other in "[a-z:/.-]{0,12}") {
            let pattern: Pattern = text.parse().unwrap();
            prop_assert!(pattern.matches(&text));
            prop_assert_eq!(pattern.matches(&other), text == other);
        }

        #[test]
        fn two_stars_take_what_one_takes(before in "[ab/]{0,3}", after in "[ab/]{0,3}", text in "[ab/]{0,6}") {
            let one: Pattern = format!("{before}*{after}").parse().unwrap();
            let two: Pattern = format!("{before}**{after}").parse().unwrap();
            // A lone star is the way to write everything.
            prop_assert!(!one.matches(&text) || two.matches(&text));
            let plain = text.len() >= before.len() + after.len() && text.starts_with(&before) && text.ends_with(&after);
            prop_assert_eq!(two.matches(&text), plain);
        }
    }
}
