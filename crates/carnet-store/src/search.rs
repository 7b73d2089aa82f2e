//! What people search for: texts, as patterns for `lower(column) LIKE $n ESCAPE '\'`, and lists.

use std::collections::BTreeSet;

/// A pattern that finds the text anywhere, whatever its letter case.
pub(crate) fn contains(text: &str) -> String {
    format!("%{}%", escaped(text))
}

/// A pattern in which a `*` at the start or the end of the text stands for anything.
pub(crate) fn wildcard(text: &str) -> String {
    let inner = text.strip_prefix('*').unwrap_or(text);
    let inner = inner.strip_suffix('*').unwrap_or(inner);
    let start = if text.starts_with('*') { "%" } else { "" };
    let end = if text.ends_with('*') { "%" } else { "" };
    format!("{start}{}{end}", escaped(inner))
}

/// A list that a statement searches by taking a line out of it; its lines hold no line break.
pub(crate) fn lines(values: impl IntoIterator<Item = String>) -> (String, i64) {
    let values: BTreeSet<String> = values.into_iter().map(|value| value.replace('\n', " ")).collect();
    let count = i64::try_from(values.len()).unwrap_or(i64::MAX);
    if values.is_empty() {
        return (String::new(), 0);
    }
    (format!("\n{}\n", values.into_iter().collect::<Vec<_>>().join("\n\n")), count)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_with_a_meaning_are_escaped() {
        assert_eq!(contains("Net_1%"), "%net\\_1\\%%");
    }

    #[test]
    fn stars_at_the_ends_stand_for_anything() {
        assert_eq!(wildcard("*net"), "%net");
        assert_eq!(wildcard("net*"), "net%");
        assert_eq!(wildcard("*a*b*"), "%a*b%");
        assert_eq!(wildcard("net"), "net");
    }
}
