//! Patterns with wildcards.

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

/// Whether the whole text matches the pattern.
pub fn matches(pattern: &str, text: &str, wildcards: Wildcards) -> bool {
    agreement(pattern, text, wildcards).is_none()
}

/// How far a text matches the beginning of a pattern; nothing when all of it matches all of the pattern.
pub(super) fn agreement(pattern: &str, text: &str, wildcards: Wildcards) -> Option<Agreement> {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
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
    if ends[text.len()] { None } else { Some(furthest) }
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
}
