//! What is said of a condition that is not true.

use cel::Value as CelValue;

use super::{Failure, Variables, evaluate, or, quoted};
use crate::check::{
    Cause, Finding, Wildcards,
    compare::{self, Kind, Reading},
};

/// A condition that is not true: what is said of it, and the expression that would be.
pub(in crate::check) struct Untrue {
    pub(in crate::check) finding: Finding,
    pub(in crate::check) repaired: String,
}

/// Holds a condition against claims; `pin` is a condition that is true for this token alone.
pub(in crate::check) fn condition(
    source: &str,
    variables: &Variables<'_>,
    at: &str,
    pin: &str,
) -> Option<Box<Untrue>> {
    let untrue = |finding: Finding, repaired: String| Some(Box::new(Untrue { finding, repaired }));
    match evaluate(source, variables) {
        Ok(CelValue::Bool(true)) => None,
        Ok(CelValue::Bool(false)) => {
            let parts = split(source, "&&");
            let index = parts.iter().position(|part| evaluate(part, variables) == Ok(CelValue::Bool(false)));
            let Some(index) = index else {
                let says = format!("the condition is false: {source}");
                return untrue(Finding::new(at, Cause::ExpressionFalse, says), or(source, pin));
            };
            let (finding, repaired) = comparison(parts[index].trim(), variables, at, pin);
            let whole: Vec<&str> = parts
                .iter()
                .enumerate()
                .map(|(at, part)| if at == index { repaired.as_str() } else { part.trim() })
                .collect();
            untrue(finding, whole.join(" && "))
        }
        Ok(other) => {
            let says = format!("a condition must result in true or false, not in {}", other.type_of());
            untrue(Finding::new(at, Cause::ExpressionType, says), pin.to_owned())
        }
        Err(failure @ Failure::Missing(_)) => untrue(failed(&failure, at), or(source, pin)),
        Err(failure) => untrue(failed(&failure, at), pin.to_owned()),
    }
}

/// What is said of an expression without a value.
pub(in crate::check) fn failed(failure: &Failure, at: &str) -> Finding {
    match failure {
        Failure::Syntax(says) => {
            Finding::new(at, Cause::ExpressionSyntax, format!("the expression cannot be read: {says}"))
        }
        Failure::Missing(name) => {
            let says = format!(
                "the expression reads {name}, which the token does not have; it then fails as a whole"
            );
            Finding::new(at, Cause::ClaimMissing, says)
        }
        Failure::Type(says) => {
            Finding::new(at, Cause::ExpressionType, format!("the expression fails: {says}"))
        }
        Failure::TooMuch(says) => {
            Finding::new(at, Cause::TooCostly, format!("the expression is not evaluated: {says}"))
        }
    }
}

/// The parts of an expression between operators that stand in no text, bracket or function.
fn split<'a>(source: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_i32, None);
    let mut position = 0;
    let bytes = source.as_bytes();
    while position < bytes.len() {
        match (quote, bytes[position]) {
            (Some(_), b'\\') => position += 1,
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth -= 1,
            (None, _) if depth == 0 && bytes[position..].starts_with(operator.as_bytes()) => {
                parts.push(&source[start..position]);
                position += operator.len() - 1;
                start = position + 1;
            }
            (None, _) => {}
        }
        position += 1;
    }
    parts.push(source.get(start..).unwrap_or_default());
    parts
}

/// One comparison that is false, in the forms in which people write conditions.
fn comparison(source: &str, variables: &Variables<'_>, at: &str, pin: &str) -> (Finding, String) {
    let inner = source.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(source).trim();
    let text = |source: &str| text_of(source, variables);
    let alternatives = split(inner, "||");
    if alternatives.len() > 1 {
        let found: Vec<_> =
            alternatives.iter().map(|one| comparison(one.trim(), variables, at, pin)).collect();
        let nearest =
            found.iter().max_by_key(|(finding, _)| finding.difference.as_ref().map(|one| one.offset()));
        if let Some((finding, repaired)) = nearest {
            return (finding.clone(), format!("({inner} || {repaired})"));
        }
    }
    let equality = split(inner, "==");
    if let [one, other] = equality.as_slice() {
        let is_literal = |text: &str| text.trim().starts_with(['"', '\'']);
        let (read, literal) = if is_literal(one) { (other, one) } else { (one, other) };
        if let (Some(presented), Some(expected)) = (text(read), text(literal)) {
            let finding = said(read, &presented, &expected, at, inner);
            let own = format!("{} == {}", read.trim(), quoted(&presented));
            // Another value may be that of somebody else, who stays.
            let repaired =
                if compare::is_spelling(finding.cause) { own } else { format!("({inner} || {own})") };
            return (finding, repaired);
        }
    }
    if let [read, list] = split(inner, " in ").as_slice()
        && let (Some(presented), Ok(CelValue::List(list))) = (text(read), evaluate(list, variables))
    {
        let texts: Vec<String> = list
            .iter()
            .filter_map(|one| if let CelValue::String(text) = one { Some(text.to_string()) } else { None })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        if let Some(expected) = compare::nearest(&presented, &texts, kind(read), Reading::Exact) {
            let repaired = format!("({inner} || {} == {})", read.trim(), quoted(&presented));
            return (said(read, &presented, expected, at, inner), repaired);
        }
    }
    call(inner, variables, at).unwrap_or_else(|| {
        (
            Finding::new(at, Cause::ExpressionFalse, format!("this part of the condition is false: {inner}")),
            format!("({inner} || {pin})"),
        )
    })
}

/// The text that a part of an expression results in.
fn text_of(source: &str, variables: &Variables<'_>) -> Option<String> {
    match evaluate(source, variables) {
        Ok(CelValue::String(text)) => Some(text.to_string()),
        Ok(_) | Err(_) => None,
    }
}

/// A function of a text that is false.
fn call(inner: &str, variables: &Variables<'_>, at: &str) -> Option<(Finding, String)> {
    for function in [".startsWith(", ".matches(", ".endsWith(", ".contains("] {
        let Some((read, rest)) = inner.split_once(function) else { continue };
        let expected = rest.strip_suffix(')').and_then(|literal| text_of(literal, variables));
        let (Some(presented), Some(expected)) = (text_of(read, variables), expected) else { continue };
        let finding = match function {
            ".startsWith(" => {
                let length = expected.chars().count();
                let start: String = presented.chars().take(length).collect();
                let mut finding = said(read, &start, &expected, at, inner);
                finding.cause = compare::compare(kind(read), &presented, &format!("{expected}*"), STAR);
                finding
            }
            _ => {
                let says = format!("{} is not so for {presented:?}: {inner}", read.trim());
                Finding::new(at, Cause::ExpressionFalse, says)
            }
        };
        return Some((finding, format!("({inner} || {} == {})", read.trim(), quoted(&presented))));
    }
    None
}

const STAR: Reading = Reading::Pattern(Wildcards::Star);

fn kind(read: &str) -> Kind {
    let name = read.trim().rsplit(['.', '[']).next().unwrap_or_default().trim_matches(['"', '\'', ']']);
    if name == "subject" { Kind::Subject } else { Kind::of_claim(name) }
}

fn said(read: &str, presented: &str, expected: &str, at: &str, source: &str) -> Finding {
    let kind = kind(read);
    let finding = compare::finding(at, read.trim(), kind, presented, expected, Reading::Exact);
    Finding { says: format!("{}; this part of the condition is false: {source}", finding.says), ..finding }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn conditions_are_split_where_they_join() {
        assert_eq!(split("a == 'x && y' && (b && c)", "&&"), ["a == 'x && y' ", " (b && c)"]);
    }
}
