//! Patterns of names, audiences and roles.

use std::collections::BTreeMap;

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

    /// The most bytes of a text that is compared: an ARN has at most 2048.
    pub const LONGEST_TEXT: usize = 2048;

    /// Tells whether the whole text is as the pattern says. Only `*` takes a text of more than [`Self::LONGEST_TEXT`] bytes.
    pub fn matches(&self, text: &str) -> bool {
        self.0 == "*" || (text.len() <= Self::LONGEST_TEXT && matches(self.0.as_bytes(), text.as_bytes()))
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

/// What a pattern is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Byte(u8),
    /// Any number of bytes; with `true` also separators.
    Star(bool),
}

/// The elements of a pattern, without two stars one behind the other.
fn elements(pattern: &[u8]) -> Vec<Element> {
    let mut elements: Vec<Element> = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'*' {
            elements.push(Element::Byte(*first));
            continue;
        }
        let crosses = after.first() == Some(&b'*');
        rest = if crosses { &after[1..] } else { after };
        match elements.last_mut() {
            Some(Element::Star(before)) => *before |= crosses,
            _ => elements.push(Element::Star(crosses)),
        }
    }
    elements
}

/// Bits, the lowest first.
#[derive(Debug, Clone)]
struct Bits(Vec<u64>);

impl Bits {
    fn none(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    fn set(&mut self, place: usize) {
        self.0[place / 64] |= 1 << (place % 64);
    }

    fn has(&self, place: usize) -> bool {
        self.0[place / 64] >> (place % 64) & 1 == 1
    }

    /// Adds the bits that both others have, each one place further.
    fn add_next(&mut self, these: &Self, those: &Self) {
        let mut carried = 0;
        for (word, (one, other)) in self.0.iter_mut().zip(these.0.iter().zip(&those.0)) {
            let both = one & other;
            *word |= both << 1 | carried;
            carried = both >> 63;
        }
    }
}

/// Follows all ways through the pattern at once, 64 places of it in one step: the time is bounded by the length of the text times
/// that of the pattern, divided by 64, whatever the pattern is.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let elements = elements(pattern);
    let count = elements.len() + 1;
    let mut bytes: BTreeMap<u8, Bits> = BTreeMap::new();
    let (mut stars, mut crossing) = (Bits::none(count), Bits::none(count));
    for (place, element) in elements.iter().enumerate() {
        match element {
            Element::Byte(byte) => bytes.entry(*byte).or_insert_with(|| Bits::none(count)).set(place),
            Element::Star(crosses) => {
                stars.set(place);
                if *crosses {
                    crossing.set(place);
                }
            }
        }
    }
    // The ways that stand in front of an element; a star can also be passed without taking anything.
    let mut ways = Bits::none(count);
    ways.set(0);
    let passed = |ways: Bits| {
        let mut all = ways.clone();
        all.add_next(&ways, &stars);
        all
    };
    ways = passed(ways);
    let no_byte = Bits::none(count);
    for byte in text {
        let takes = if matches!(byte, b'/' | b':') { &crossing } else { &stars };
        let mut next = Bits(ways.0.iter().zip(&takes.0).map(|(way, star)| way & star).collect());
        next.add_next(&ways, bytes.get(byte).unwrap_or(&no_byte));
        ways = passed(next);
        if ways.0.iter().all(|word| *word == 0) {
            return false;
        }
    }
    ways.has(elements.len())
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

    #[test]
    fn a_long_text_is_taken_by_the_lone_star_only() {
        let text = "a".repeat(Pattern::LONGEST_TEXT + 1);
        check("a*", &text, false);
        check("**", &text, false);
        check("*", &text, true);
        check("a*", &text[1..], true);
        check(&"*a".repeat(256), &text[1..], true);
        check(&format!("{}b", "*a".repeat(255)), &text[1..], false);
    }

    /// The meaning of patterns, spelled out.
    fn takes(elements: &[Element], text: &[u8]) -> bool {
        match (elements.split_first(), text.split_first()) {
            (None, rest) => rest.is_none(),
            (Some((Element::Byte(byte), after)), rest) => {
                rest.is_some_and(|(first, rest)| first == byte && takes(after, rest))
            }
            (Some((Element::Star(crosses), after)), rest) => {
                takes(after, text)
                    || rest.is_some_and(|(first, rest)| {
                        (*crosses || !matches!(first, b'/' | b':')) && takes(elements, rest)
                    })
            }
        }
    }

    proptest! {
        #[test]
        fn all_ways_at_once_are_each_way_tried(pattern in "[ab/*]{1,9}", text in "[ab/]{0,9}", before in 0_usize..130) {
            let (pattern, text) = ("x".repeat(before) + &pattern, "x".repeat(before) + &text);
            let expected = takes(&elements(pattern.as_bytes()), text.as_bytes());
            prop_assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected);
        }

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
