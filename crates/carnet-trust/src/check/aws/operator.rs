//! Condition operators
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>).

use super::context::Context;
use crate::check::{Wildcards, matches, times::instant};

/// A condition operator in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) set: Option<Set>,
    pub(crate) comparison: Comparison,
    pub(crate) is_negated: bool,
    pub(crate) if_exists: bool,
}

/// How several values of the request count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    /// `ForAnyValue:`
    Any,
    /// `ForAllValues:`
    All,
}

/// What is compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equals,
    EqualsIgnoreCase,
    Like,
    Arn,
    Bool,
    Binary,
    Null,
    /// Whether the value of the request is less, equal or greater, as numbers or as times.
    Order {
        less: bool,
        equal: bool,
        greater: bool,
        is_date: bool,
    },
    /// Needs the address of the caller.
    Address,
}

impl Operator {
    /// Reads a name; nothing for one that AWS does not know.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (set, name) = match name.split_once(':') {
            Some(("ForAnyValue", rest)) => (Some(Set::Any), rest),
            Some(("ForAllValues", rest)) => (Some(Set::All), rest),
            Some(_) => return None,
            None => (None, name),
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some("Null") | None => (name, false),
            Some(rest) => (rest, true),
        };
        let order = |less, equal, greater, is_date| Comparison::Order { less, equal, greater, is_date };
        let (comparison, is_negated) = match name {
            "StringEquals" => (Comparison::Equals, false),
            "StringNotEquals" => (Comparison::Equals, true),
            "StringEqualsIgnoreCase" => (Comparison::EqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Comparison::EqualsIgnoreCase, true),
            "StringLike" => (Comparison::Like, false),
            "StringNotLike" => (Comparison::Like, true),
            "ArnEquals" | "ArnLike" => (Comparison::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Comparison::Arn, true),
            "Bool" => (Comparison::Bool, false),
            "BinaryEquals" => (Comparison::Binary, false),
            "Null" => (Comparison::Null, false),
            "IpAddress" | "NotIpAddress" => (Comparison::Address, false),
            _ => {
                let (rest, is_date) = match (name.strip_prefix("Numeric"), name.strip_prefix("Date")) {
                    (Some(rest), _) => (rest, false),
                    (None, Some(rest)) => (rest, true),
                    (None, None) => return None,
                };
                let comparison = match rest {
                    "Equals" => order(false, true, false, is_date),
                    "NotEquals" => order(true, false, true, is_date),
                    "LessThan" => order(true, false, false, is_date),
                    "LessThanEquals" => order(true, true, false, is_date),
                    "GreaterThan" => order(false, false, true, is_date),
                    "GreaterThanEquals" => order(false, true, true, is_date),
                    _ => return None,
                };
                (comparison, rest == "NotEquals")
            }
        };
        Some(Self { set, comparison, is_negated, if_exists })
    }

    /// Whether `*` is a wildcard.
    pub(crate) fn has_wildcards(self) -> bool {
        matches!(self.comparison, Comparison::Like | Comparison::Arn)
    }

    /// Whether one value of the request meets the condition with all the values of the policy.
    pub(super) fn meets(self, found: &str, wanted: &[String], context: &Context<'_>) -> bool {
        let has = wanted.iter().any(|one| self.compares(found, one, context));
        // The comparison of NotEquals of numbers and times has the negation in itself.
        let is_order = matches!(self.comparison, Comparison::Order { .. });
        match (is_order, self.is_negated) {
            (true, true) => !wanted.is_empty() && wanted.iter().all(|one| self.compares(found, one, context)),
            (true, false) => has,
            (false, is_negated) => has != is_negated,
        }
    }

    fn compares(self, found: &str, wanted: &str, context: &Context<'_>) -> bool {
        match self.comparison {
            Comparison::Equals | Comparison::Binary => {
                resolved(wanted, context, false).as_deref() == Some(found)
            }
            Comparison::EqualsIgnoreCase => resolved(wanted, context, false)
                .is_some_and(|wanted| wanted.to_lowercase() == found.to_lowercase()),
            Comparison::Like => resolved(wanted, context, true).is_some_and(|wanted| like(&wanted, found)),
            Comparison::Arn => is_arn_like(wanted, found),
            Comparison::Bool => found.eq_ignore_ascii_case(wanted),
            Comparison::Order { less, equal, greater, is_date } => {
                let ordering = if is_date {
                    instant(found).zip(instant(wanted)).map(|(found, wanted)| found.cmp(&wanted))
                } else {
                    let numbers = found.parse::<f64>().ok().zip(wanted.parse::<f64>().ok());
                    numbers.and_then(|(found, wanted)| found.partial_cmp(&wanted))
                };
                match ordering {
                    Some(std::cmp::Ordering::Less) => less,
                    Some(std::cmp::Ordering::Equal) => equal,
                    Some(std::cmp::Ordering::Greater) => greater,
                    None => false,
                }
            }
            Comparison::Null | Comparison::Address => false,
        }
    }
}

/// Characters that stand for a `*`, a `?` and a `$` that are meant as themselves.
const LITERALS: [(&str, char); 3] = [("${*}", '\u{f0001}'), ("${?}", '\u{f0002}'), ("${$}", '$')];

fn like(pattern: &str, text: &str) -> bool {
    let text = text.replace('*', "\u{f0001}").replace('?', "\u{f0002}");
    matches(pattern, &text, Wildcards::StarAndQuestion)
}

/// A value of the policy with its policy variables replaced; nothing where one has neither a value nor a default.
fn resolved(wanted: &str, context: &Context<'_>, is_pattern: bool) -> Option<String> {
    if !context.has_variables {
        return Some(wanted.to_owned());
    }
    let mut rest = wanted;
    let mut text = String::new();
    while let Some(start) = rest.find("${") {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        let Some(end) = rest.find('}') else { break };
        let (variable, after) = rest.split_at(end + 1);
        match LITERALS.iter().find(|(name, _)| *name == variable) {
            Some((name, literal)) => {
                let plain = name.chars().nth(2).unwrap_or(*literal);
                text.push(if is_pattern { *literal } else { plain });
            }
            None => {
                let (key, default) = match variable[2..end].split_once(',') {
                    Some((key, default)) => {
                        (key, default.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\'')))
                    }
                    None => (&variable[2..end], None),
                };
                text.push_str(context.variable(key.trim()).or(default)?);
            }
        }
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

/// Each of the six parts of a name is a pattern of its own.
fn is_arn_like(wanted: &str, found: &str) -> bool {
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (wanted, found) = (parts(wanted), parts(found));
    wanted.len() == 6
        && found.len() == 6
        && wanted.iter().zip(&found).all(|(wanted, found)| matches(wanted, found, Wildcards::StarAndQuestion))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_operators_are_taken_apart() {
        let found = Operator::parse("ForAnyValue:StringNotLikeIfExists").unwrap();
        assert_eq!(
            (found.set, found.comparison, found.is_negated, found.if_exists),
            (Some(Set::Any), Comparison::Like, true, true)
        );
        assert_eq!(Operator::parse("stringequals"), None);
        assert_eq!(Operator::parse("StringMatches"), None);
        assert_eq!(Operator::parse("NullIfExists"), None);
    }

    #[test]
    fn names_of_resources_are_compared_part_by_part() {
        assert!(is_arn_like("arn:aws:iam::*:role/*", "arn:aws:iam::123456789012:role/a"));
        assert!(!is_arn_like("arn:*", "arn:aws:iam::123456789012:role/a"));
        assert!(!is_arn_like("organization:*", "organization:acme"));
    }
}
