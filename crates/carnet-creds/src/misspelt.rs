//! Names that look like settings and are none: somebody has probably misspelt one.

use crate::{
    lexicon::{Lexicon, Values, variable_name},
    notice::Notice,
    providers::Providers,
    setting::DEFAULT_PREFIX,
    switches::switched_on,
};

/// What the names of settings start with.
const PREFIXES: [&str; 8] = [
    "TFC_AWS_",
    "TFC_VAULT_",
    "TFC_AZURE_",
    "TFC_GCP_",
    "TFC_KUBERNETES_",
    "TFC_HCP_",
    "TFC_TENCENTCLOUD_",
    "TFC_WORKLOAD_IDENTITY_",
];

/// What is injected, and no setting.
const INJECTED: &str = "TFC_WORKLOAD_IDENTITY_TOKEN";

/// Names that start like settings and are none. Those that are near to no setting count only when a family is on.
pub(crate) fn misspelt(providers: &Providers<'_>, lexicon: &Lexicon<'_>, values: &Values<'_>) -> Vec<Notice> {
    let is_any_on = is_any_on(providers, values);
    let ours = values.other().filter(|name| is_like_a_setting(name));
    let unread = ours.filter(|name| !lexicon.is_known_in_upper_case(name));
    let unknown = unread.filter_map(|name| {
        let meant = nearest(name, lexicon);
        (meant.is_some() || is_any_on).then(|| Notice::UnknownSetting { name: name.to_owned(), meant })
    });
    unknown.collect()
}

/// The shared form that was probably meant by a name that starts like one.
pub(crate) fn nearest_default(name: &str, lexicon: &Lexicon<'_>) -> Option<String> {
    let forms = lexicon.default_forms();
    let (distance, form) = forms.map(|form| (distance(name, &form), form)).min()?;
    is_near(distance, name).then_some(form)
}

fn is_like_a_setting(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !name.starts_with(INJECTED)
}

fn is_any_on(providers: &Providers<'_>, values: &Values<'_>) -> bool {
    let switches = providers.iter().filter_map(|provider| provider.settings().first().copied());
    switches.into_iter().any(|switch| !switched_on(values, &switch, &mut Vec::new()).is_empty())
}

/// The setting of the same family that was probably meant, with the tag that seems to be there.
fn nearest(name: &str, lexicon: &Lexicon<'_>) -> Option<String> {
    let prefix = PREFIXES.iter().find(|prefix| name.starts_with(**prefix))?;
    let ends = name.match_indices('_').map(|(end, _)| end).filter(|end| *end > prefix.len());
    // The whole name goes first: a tag is supposed only where that is nearer.
    let parts = std::iter::once((name, None)).chain(ends.map(|end| (&name[..end], Some(&name[end + 1..]))));
    let bases: Vec<&str> = lexicon.bases().filter(|base| base.starts_with(prefix)).collect();
    let candidates = parts.flat_map(|(stem, tag)| {
        bases.iter().map(move |base| (distance(stem, base), stem, variable_name(base, tag)))
    });
    let (distance, stem, meant) = candidates.min_by_key(|(distance, ..)| *distance)?;
    is_near(distance, stem).then_some(meant)
}

/// Whether so many wrong characters in a name can be a slip.
fn is_near(distance: usize, name: &str) -> bool {
    distance * 4 <= name.trim_start_matches(DEFAULT_PREFIX).chars().count()
}

/// How many characters must be added, taken away or replaced (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (position, character) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = position + 1;
        for (column, wanted) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(character != *wanted);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_distance(one: &str, other: &str, expected: usize) {
        assert_eq!((distance(one, other), distance(other, one)), (expected, expected));
    }

    #[test]
    fn distances_count_single_changes() {
        check_distance("", "", 0);
        check_distance("", "abc", 3);
        check_distance("kitten", "sitting", 3);
        check_distance("RUNROLE", "RUN_ROLE", 1);
        check_distance("ADDR", "ADRD", 2);
    }

    #[track_caller]
    fn check_nearest(name: &str, expected: Option<&str>) {
        assert_eq!(nearest(name, &Lexicon::new(&Providers::with([]))).as_deref(), expected, "{name}");
    }

    #[test]
    fn the_nearest_setting_of_the_family_is_meant() {
        check_nearest("TFC_VAULT_RUNROLE", Some("TFC_VAULT_RUN_ROLE"));
        check_nearest("TFC_VAULT_RUNROLE_PROD", Some("TFC_VAULT_RUN_ROLE_PROD"));
        check_nearest("TFC_VAULT_ADDRESS", Some("TFC_VAULT_ADDR"));
        check_nearest("TFC_AWS_ROLE_ARN", Some("TFC_AWS_RUN_ROLE_ARN"));
        check_nearest("TFC_AWS_PROVIDER_AUHT", Some("TFC_AWS_PROVIDER_AUTH"));
        check_nearest("TFC_WORKLOAD_IDENTITY_AUDIENCES", Some("TFC_WORKLOAD_IDENTITY_AUDIENCE"));
        check_nearest("TFC_AWS_SOMETHING_ELSE_ENTIRELY", None);
        check_nearest("TFC_VAULT_é", None);
    }

    #[test]
    fn the_nearest_shared_form_is_meant() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(
                nearest_default(name, &Lexicon::new(&Providers::with([]))).as_deref(),
                expected,
                "{name}"
            );
        };
        check("TFC_DEFAULT_VAULT_ADRR", Some("TFC_DEFAULT_VAULT_ADDR"));
        check("TFC_DEFAULT_X", None);
    }
}
