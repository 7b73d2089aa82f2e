//! Texts of others, as a terminal may show them.

/// Whether a character takes no place of its own, or turns the direction of what follows
/// (<https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point>, and the controls).
pub(super) fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A text on one line, of the same number of characters, each of which can be seen.
pub(super) fn visible(text: &str) -> String {
    text.chars().map(|character| if is_invisible(character) { '\u{fffd}' } else { character }).collect()
}
