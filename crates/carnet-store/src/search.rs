//! What people search for: texts, as patterns for `lower(column) LIKE $n ESCAPE '\'`, and lists.

use std::collections::BTreeSet;

use crate::db::Bind;

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

/// The places of [`hundreds`] in a statement that has no other: `column IN (…)`.
macro_rules! hundred {
    () => {
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, \
         $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, \
         $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, \
         $61, $62, $63, $64, $65, $66, $67, $68, $69, $70, $71, $72, $73, $74, $75, $76, $77, $78, $79, $80, \
         $81, $82, $83, $84, $85, $86, $87, $88, $89, $90, $91, $92, $93, $94, $95, $96, $97, $98, $99, $100"
    };
}

pub(crate) use hundred;

/// Ids as the binds of statements with `hundred!()`, as many statements as it takes. The first id fills what is left.
pub(crate) fn hundreds<'a, I>(ids: &'a [I]) -> impl Iterator<Item = Vec<Bind>> + 'a
where
    Bind: From<&'a I>,
{
    ids.chunks(100).map(|chunk| chunk.iter().chain(chunk.iter().cycle()).take(100).map(Bind::from).collect())
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
    fn every_id_is_bound_and_every_place_is_filled() {
        let ids: Vec<String> = (0..130).map(|number| number.to_string()).collect();
        let binds: Vec<Vec<Bind>> = hundreds(&ids).collect();
        assert_eq!(binds.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100]);
        assert_eq!(hundred!().matches('$').count(), 100);
        let last = format!("{:?}", binds.last().expect("binds"));
        assert!(last.contains("\"129\"") && last.contains("\"100\"") && !last.contains("\"99\""));
        assert_eq!(hundreds::<String>(&[]).count(), 0);
    }

    #[test]
    fn stars_at_the_ends_stand_for_anything() {
        assert_eq!(wildcard("*net"), "%net");
        assert_eq!(wildcard("net*"), "net%");
        assert_eq!(wildcard("*a*b*"), "%a*b%");
        assert_eq!(wildcard("net"), "net");
    }
}
