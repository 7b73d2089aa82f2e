//! Patterns with wildcards.

use super::work;

/// Which characters of a pattern are wildcards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wildcards {
    /// `*` for any characters, and `?` for one: AWS and Entra.
    StarAndQuestion,
    /// `*` alone: Vault and OpenBao.
    Star,
}

/// How far a pattern and a text agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Agreement {
    /// Characters of the text.
    pub(super) text: usize,
    /// Characters of the pattern.
    pub(super) pattern: usize,
}

/// Texts whose lengths have a greater product are not held against each other position by position.
const POSITIONS: usize = 1 << 22;
/// Comparisons of characters after which steps of the judgement are counted.
const COMPARISONS: usize = 1 << 10;

/// Whether the whole text matches the pattern. One that takes more steps than a judgement has does not.
pub fn matches(pattern: &str, text: &str, wildcards: Wildcards) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    is_match(&pattern, &text, wildcards)
}

/// Goes back to the last wildcard alone: what an earlier one takes need never change.
fn is_match(pattern: &[char], text: &[char], wildcards: Wildcards) -> bool {
    let fits = |wanted: char, found: char| {
        wanted == found || (wanted == '?' && wildcards == Wildcards::StarAndQuestion)
    };
    let (mut at, mut position, mut compared) = (0, 0, 0);
    let mut last: Option<(usize, usize)> = None;
    while let Some(found) = text.get(position) {
        compared += 1;
        if compared % COMPARISONS == 0 && !work::spend(COMPARISONS as u64 / 16) {
            return false;
        }
        match (pattern.get(at), last) {
            (Some('*'), _) => {
                last = Some((at, position));
                at += 1;
            }
            (Some(wanted), _) if fits(*wanted, *found) => {
                at += 1;
                position += 1;
            }
            (_, Some((star, taken))) => {
                last = Some((star, taken + 1));
                at = star + 1;
                position = taken + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

/// How far a text matches the beginning of a pattern; nothing when all of it matches all of the pattern.
pub(super) fn agreement(pattern: &str, text: &str, wildcards: Wildcards) -> Option<Agreement> {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    if is_match(&pattern, &text, wildcards) {
        return None;
    }
    let positions = pattern.len().saturating_mul(text.len());
    if positions > POSITIONS || !work::spend(positions as u64 / 16) {
        let same = pattern.iter().zip(&text).take_while(|(wanted, found)| wanted == found).count();
        return Some(Agreement { text: same, pattern: same });
    }
    // Which positions of the text the pattern so far can end at.
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    let mut furthest = Agreement { text: 0, pattern: 0 };
    for (index, wanted) in pattern.iter().enumerate() {
        let mut next = vec![false; text.len() + 1];
        match (wanted, wildcards) {
            ('*', _) => {
                let first = ends.iter().position(|is_end| *is_end).unwrap_or(text.len() + 1);
                next.iter_mut().skip(first).for_each(|is_end| *is_end = true);
            }
            ('?', Wildcards::StarAndQuestion) => {
                for position in (0..text.len()).filter(|position| ends[*position]) {
                    next[position + 1] = true;
                }
            }
            _ => {
                for position in
                    (0..text.len()).filter(|position| ends[*position] && text[*position] == *wanted)
                {
                    next[position + 1] = true;
                }
            }
        }
        // After a wildcard the text has not been compared with anything yet: the first position stands for it.
        let Some(first) = next.iter().position(|is_end| *is_end) else { return Some(furthest) };
        let reached =
            if *wanted == '*' { first } else { next.iter().rposition(|is_end| *is_end).unwrap_or(first) };
        furthest = Agreement { text: reached, pattern: index + 1 };
        ends = next;
    }
    Some(furthest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, written without care for time.
    fn model(pattern: &[char], text: &[char], wildcards: Wildcards) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(('*', rest)), _) => {
                (0..=text.len()).any(|skipped| model(rest, &text[skipped..], wildcards))
            }
            (Some(('?', rest)), Some((_, after))) if wildcards == Wildcards::StarAndQuestion => {
                model(rest, after, wildcards)
            }
            (Some((wanted, rest)), Some((found, after))) => wanted == found && model(rest, after, wildcards),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn patterns_match_as_they_are_defined(pattern in "[ab*?]{0,7}", text in "[ab?*]{0,9}") {
            for wildcards in [Wildcards::Star, Wildcards::StarAndQuestion] {
                let pattern_characters: Vec<char> = pattern.chars().collect();
                let characters: Vec<char> = text.chars().collect();
                let expected = model(&pattern_characters, &characters, wildcards);
                prop_assert_eq!(matches(&pattern, &text, wildcards), expected);
            }
        }
    }

    #[test]
    fn a_pattern_says_how_far_it_came() {
        let found = agreement("a:*:plan", "a:b:apply", Wildcards::Star);
        assert_eq!(found, Some(Agreement { text: 4, pattern: 4 }));
        assert_eq!(agreement("a:*", "a:b", Wildcards::Star), None);
    }

    #[test]
    fn long_patterns_end() {
        let (pattern, text) = ("*a".repeat(50_000), "a".repeat(100_000));
        assert!(matches(&pattern, &text, Wildcards::StarAndQuestion));
        let found = agreement(&format!("{pattern}b"), &text, Wildcards::Star);
        assert_eq!(found, Some(Agreement { text: 0, pattern: 0 }));
        // Goes back for each character, and has to stop.
        let backwards = format!("*{}b", "a?".repeat(25_000));
        let is_match = || matches(&backwards, &text, Wildcards::StarAndQuestion);
        assert_eq!(work::bounded(is_match), Err(work::TooMuch));
    }
}
