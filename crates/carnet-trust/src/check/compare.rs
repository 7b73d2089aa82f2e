//! Why two texts that should be the same are not.

use super::{Cause, Difference, Finding, Wildcards, glob::matches, subject::subject, visible::is_invisible};

/// What a text is, which decides what is probably wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Subject,
    Audience,
    Issuer,
    Other,
}

impl Kind {
    pub(super) fn of_claim(claim: &str) -> Self {
        match claim {
            "sub" => Self::Subject,
            "aud" => Self::Audience,
            "iss" => Self::Issuer,
            _ => Self::Other,
        }
    }
}

/// How what is expected is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Character by character.
    Exact,
    /// As a pattern.
    Pattern(Wildcards),
}

/// Audiences that other services expect, which are pasted into the wrong place.
const AUDIENCES: [&str; 10] = [
    "sts.amazonaws.com",
    "aws.workload.identity",
    "azure.workload.identity",
    "gcp.workload.identity",
    "vault.workload.identity",
    "tencentcloud.workload.identity",
    "api://AzureADTokenExchange",
    "api://AzureADTokenExchangeUSGov",
    "api://AzureADTokenExchangeChina",
    "kubernetes.default.svc",
];

/// What is said of a comparison that fails, at a place of a document.
pub(super) fn finding(
    at: impl Into<String>,
    name: &str,
    kind: Kind,
    presented: &str,
    expected: &str,
    reading: Reading,
) -> Finding {
    let cause = compare(kind, presented, expected, reading);
    let difference = match reading {
        Reading::Exact => Difference::between(presented, expected),
        Reading::Pattern(wildcards) => Difference::with_pattern(presented, expected, wildcards),
    };
    Finding::new(at, cause, format!("{name}: {}", sentence(cause))).differing(difference)
}

/// The one of several expected texts that is nearest to what was presented.
pub(super) fn nearest<'a>(
    presented: &str,
    expected: &[&'a str],
    kind: Kind,
    reading: Reading,
) -> Option<&'a str> {
    let score = |one: &&&str| {
        let cause = compare(kind, presented, one, reading);
        let is_near =
            is_spelling(cause) || matches!(cause, Cause::WildcardLiteral | Cause::RegularExpression);
        let same = presented.chars().zip(one.chars()).take_while(|(one, other)| one == other).count();
        (is_near, same)
    };
    // The last of equals would be found by `max_by_key`; the first is what a reader looks at.
    expected.iter().rev().max_by_key(score).copied()
}

/// Whether the same was meant, and written in another way.
pub(super) fn is_spelling(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::LetterCase
            | Cause::TrailingSlash
            | Cause::WhiteSpace
            | Cause::Scheme
            | Cause::Lookalike
            | Cause::Encoding
            | Cause::Template
            | Cause::Separator
    )
}

/// Why the text presented is not the one expected; both are known to differ.
pub(super) fn compare(kind: Kind, presented: &str, expected: &str, reading: Reading) -> Cause {
    spelling(presented, expected, reading).unwrap_or_else(|| match kind {
        Kind::Subject => subject(presented, expected, reading),
        Kind::Audience if AUDIENCES.contains(&expected) => Cause::AudienceOfOtherService,
        Kind::Audience => Cause::OtherAudience,
        Kind::Issuer => Cause::OtherIssuer,
        Kind::Other if !expected.is_empty() && presented.starts_with(expected) => Cause::Prefix,
        Kind::Other => Cause::OtherValue,
    })
}

/// What the eye overlooks.
fn spelling(presented: &str, expected: &str, reading: Reading) -> Option<Cause> {
    let fits = |expected: &str| match reading {
        Reading::Exact => presented == expected,
        Reading::Pattern(wildcards) => matches(expected, presented, wildcards),
    };
    let fits_but_case = |expected: &str| match reading {
        Reading::Exact => presented.eq_ignore_ascii_case(expected),
        Reading::Pattern(wildcards) => {
            matches(&expected.to_ascii_lowercase(), &presented.to_ascii_lowercase(), wildcards)
        }
    };
    let has_wildcard = expected.contains(['*', '?']);
    if fits(expected.trim()) || presented.trim() == expected.trim() {
        return Some(Cause::WhiteSpace);
    }
    if expected.contains("${") || expected.contains("{{") || expected.contains("<") && expected.contains(">")
    {
        return Some(Cause::Template);
    }
    let bare = expected.trim().trim_matches(['"', '\'', '`']);
    if bare.len() < expected.trim().len() && fits(bare) {
        return Some(Cause::Template);
    }
    if fits_but_case(expected) {
        return Some(Cause::LetterCase);
    }
    if fits(expected.trim_end_matches('/')) || presented.trim_end_matches('/') == expected {
        return Some(Cause::TrailingSlash);
    }
    let without_scheme = |text: &str| {
        text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text).to_owned()
    };
    if without_scheme(presented).trim_end_matches('/') == without_scheme(expected).trim_end_matches('/') {
        return Some(Cause::Scheme);
    }
    let decoded = expected.replace("%20", " ").replace("%3A", ":").replace("%3a", ":").replace("%2F", "/");
    if (decoded != expected && fits(&decoded))
        || (expected.contains('+') && fits(&expected.replace('+', " ")))
    {
        return Some(Cause::Encoding);
    }
    if looks_the_same(presented, expected, reading) {
        return Some(Cause::Lookalike);
    }
    // In Vault `*` is a wildcard and `?` is none.
    if reading == Reading::Pattern(Wildcards::Star)
        && expected.contains('?')
        && matches(expected, presented, Wildcards::StarAndQuestion)
    {
        return Some(Cause::WildcardLiteral);
    }
    if reading == Reading::Exact && has_wildcard {
        let is_pattern = matches(expected, presented, Wildcards::StarAndQuestion);
        return is_pattern.then_some(Cause::WildcardLiteral).or_else(|| regular(expected, presented));
    }
    regular(expected, presented)
}

/// Whether characters of another alphabet, or none that can be seen, are all that differs.
fn looks_the_same(presented: &str, expected: &str, reading: Reading) -> bool {
    if presented.is_ascii() && expected.is_ascii() {
        return false;
    }
    let (seen, wanted) = (as_seen(presented), as_seen(expected));
    match reading {
        Reading::Exact => seen == wanted,
        Reading::Pattern(wildcards) => matches(&wanted, &seen, wildcards),
    }
}

/// What the eye sees of a text (<https://www.unicode.org/reports/tr39/#Confusable_Detection>).
fn as_seen(text: &str) -> String {
    let seen: String = text.chars().filter(|character| !is_invisible(*character)).collect();
    unicode_security::skeleton(&seen).collect()
}

/// Whether the expected text is a regular expression, or a list of alternatives, that the service does not read as one.
fn regular(expected: &str, presented: &str) -> Option<Cause> {
    let has_signs = [".*", ".+", "\\", "[^", "(?", "|", "^"].iter().any(|sign| expected.contains(sign))
        || (expected.contains('{') && expected.contains(','));
    let opened = without_groups(expected.trim_start_matches('^').trim_end_matches('$')).replace('\\', "");
    let plain = opened.replace(".*", "*").replace(".+", "*");
    let is_alternative = |one: &str| one.trim() == presented;
    if expected.contains(['|', ',']) && expected.split(['|', ',']).any(is_alternative) {
        return Some(Cause::RegularExpression);
    }
    let is_anchored = (expected.starts_with('^') || expected.ends_with('$')) && !opened.is_empty();
    ((has_signs || is_anchored) && matches(&plain, presented, Wildcards::StarAndQuestion))
        .then_some(Cause::RegularExpression)
}

/// A text with each list of alternatives in brackets or braces replaced by a wildcard.
fn without_groups(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(['(', '{', '[']) {
        let Some(length) = rest[start..].find([')', '}', ']']) else { break };
        plain.push_str(&rest[..start]);
        plain.push('*');
        rest = rest[start + length + 1..].trim_start_matches(['*', '+', '?']);
    }
    plain + rest
}

/// What a cause says of a comparison.
pub(super) fn sentence(cause: Cause) -> &'static str {
    match cause {
        Cause::LetterCase => "the texts are the same but for upper and lower case, which are told apart",
        Cause::TrailingSlash => "one of the texts has a slash at its end, which counts",
        Cause::WhiteSpace => "one of the texts has white space at an end, which counts",
        Cause::Scheme => "one of the texts has https:// in front, and the other has not",
        Cause::Lookalike => "a character only looks like the other, or cannot be seen",
        Cause::Encoding => "a space is written as a space, never as %20 or +",
        Cause::Template => "the text expected holds quotes or a placeholder that was never replaced",
        Cause::MissingPart => "a part of the subject is missing in what is expected",
        Cause::Separator => "the parts of the subject are separated by other characters",
        Cause::DefaultProject => {
            "the project is spelled \"Default Project\", with capitals and a space, also where nobody chose one"
        }
        Cause::OtherOrganization => "another organization is expected",
        Cause::OtherProject => "another project is expected",
        Cause::OtherWorkspace => "another workspace is expected",
        Cause::OtherPhase => "the other phase is expected: plan and apply have subjects of their own",
        Cause::OtherForm => "the subject of another kind of issuer is expected",
        Cause::OtherTemplate => {
            "the same names are expected in a subject of another template: with or without ids (carnet subject show)"
        }
        Cause::PartName => "the parts of a subject are called organization, project, workspace and run_phase",
        Cause::WildcardLiteral => "the wildcard is compared as a character here",
        Cause::RegularExpression => "a regular expression or a list of alternatives is not read as one here",
        Cause::Prefix => "what is expected is only the beginning, and the whole text is compared",
        Cause::OtherAudience => "another audience is expected",
        Cause::AudienceOfOtherService => "the audience expected is that of another service",
        Cause::OtherIssuer => "another issuer is expected",
        _ => "another value is expected",
    }
}
