//! Expressions of Google Cloud and Kubernetes, in CEL (<https://github.com/google/cel-spec>).

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use cel::{
    Context, Env, ExecutionError, ParseErrors, Value as CelValue,
    common::types::CelString,
    extensions,
    objects::{Key, Map},
};
use serde_json::Value;

use super::work;

mod cost;
mod explain;
mod nesting;

pub(super) use explain::{condition, failed};

/// Longer expressions are refused by every service, and are not read here either.
const CHARACTERS: usize = 4096;

/// The functions that expressions may call: those of CEL, of texts, and Google's own.
static ENVIRONMENT: LazyLock<Option<Arc<Env>>> = LazyLock::new(|| {
    let mut env = Env::stdlib().with_optional_support(true);
    env.add_extension(extensions::strings).ok()?;
    cel::add_member_overload!(env, fn extract: (CelString, CelString) -> CelString).ok()?;
    Some(Arc::new(env))
});

/// Variables of an expression.
pub(super) type Variables<'a> = [(&'a str, &'a Value)];

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failure {
    /// It is no expression.
    Syntax(String),
    /// A claim or an attribute is not there.
    Missing(String),
    /// A function or an operator does not take what it is given.
    Type(String),
    /// It is deeper, or more work, than anybody evaluates.
    TooMuch(String),
}

/// The value of an expression.
pub(super) fn evaluate(source: &str, variables: &Variables<'_>) -> Result<CelValue, Failure> {
    if let Some(says) = nesting::too_deep(source) {
        return Err(Failure::TooMuch(says));
    }
    if source.chars().count() > CHARACTERS {
        return Err(Failure::Syntax(format!("an expression has at most {CHARACTERS} characters")));
    }
    // Reading is work, too, and grows with the length.
    if !work::spend(source.len() as u64 * 8) {
        return Err(Failure::TooMuch(work::TooMuch::SAYS.to_owned()));
    }
    let Some(env) = &*ENVIRONMENT else {
        return Err(Failure::Type("the functions of texts are not at hand".to_owned()));
    };
    let program = env.compile(source).map_err(|errors| Failure::Syntax(first_line(&errors)))?;
    if !cost::steps(program.expression(), variables).is_some_and(work::spend) {
        let says = "evaluating it takes more work than services do: lists within lists, or texts that grow";
        return Err(Failure::TooMuch(says.to_owned()));
    }
    let mut context = Context::with_env(Arc::clone(env));
    for (name, value) in variables {
        context.add_variable_from_value(*name, value_of(value));
    }
    program.execute(&context).map_err(|error| match error {
        ExecutionError::NoSuchKey(name) => Failure::Missing(name.to_string()),
        ExecutionError::UndeclaredReference(name) => {
            Failure::Type(format!("there is no variable or function {name}"))
        }
        other => Failure::Type(other.to_string()),
    })
}

fn first_line(errors: &ParseErrors) -> String {
    errors.to_string().lines().next().unwrap_or_default().trim_start_matches("ERROR: ").to_owned()
}

/// What stands where a template has `{name}`
/// (<https://cloud.google.com/iam/docs/conditions-attribute-reference#extract>).
fn extract(this: &CelString<'_>, template: &CelString<'_>) -> CelString<'static> {
    let found = || {
        let template = template.inner();
        let (before, rest) = template.split_once('{')?;
        let (_, after) = rest.split_once('}')?;
        let text: &str = this.inner();
        let start = text.find(before)? + before.len();
        let rest = &text[start..];
        let end = if after.is_empty() { rest.len() } else { rest.find(after)? };
        Some(rest[..end].to_owned())
    };
    CelString::from(found().unwrap_or_default())
}

fn value_of(value: &Value) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(value) => CelValue::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => CelValue::Int(number),
            None => CelValue::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => CelValue::String(Arc::new(text.clone())),
        Value::Array(list) => CelValue::List(Arc::new(list.iter().map(value_of).collect())),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (Key::from(name.as_str()), value_of(value)));
            CelValue::Map(Map { map: Arc::new(members.collect::<HashMap<_, _>>()) })
        }
    }
}

/// A value as JSON, where it has such a form.
pub(super) fn json_of(value: &CelValue) -> Option<Value> {
    match value {
        CelValue::Null => Some(Value::Null),
        CelValue::Bool(value) => Some(Value::Bool(*value)),
        CelValue::Int(number) => Some(Value::from(*number)),
        CelValue::UInt(number) => Some(Value::from(*number)),
        CelValue::Float(number) => Some(Value::from(*number)),
        CelValue::String(text) => Some(Value::String(text.to_string())),
        CelValue::List(list) => list.iter().map(json_of).collect::<Option<Vec<_>>>().map(Value::Array),
        _ => None,
    }
}

/// A text as a literal.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"))
}

/// A condition that is true where it was, and where another one is.
pub(super) fn or(stated: &str, other: &str) -> String {
    match stated.trim() {
        "" | "false" => other.to_owned(),
        // What is no expression, or fails, stays without value whatever stands beside it.
        stated => format!("({stated}) || {other}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_are_extracted_as_google_documents() {
        let assertion = json!({"sub": "organization:acme:project:p", "n": 3});
        let variables = [("assertion", &assertion)];
        let found = evaluate("assertion.sub.extract('organization:{o}:')", &variables);
        assert_eq!(found.ok().as_ref().and_then(json_of), Some(json!("acme")));
        assert_eq!(evaluate("assertion.x", &variables), Err(Failure::Missing("x".to_owned())));
        assert_eq!(evaluate("assertion.n < 5", &variables), Ok(CelValue::Bool(true)));
    }

    /// Evaluates as a judgement does.
    fn bounded(source: &str, variables: &Variables<'_>) -> Result<CelValue, Failure> {
        work::bounded(|| evaluate(source, variables)).expect("the steps suffice")
    }

    #[track_caller]
    fn check_too_much(source: &str) {
        let assertion = json!({"sub": "organization:acme", "groups": ["a", "b"]});
        let found = bounded(source, &[("assertion", &assertion)]);
        assert!(matches!(found, Err(Failure::TooMuch(_))), "{source}: {found:?}");
    }

    #[test]
    fn what_nests_without_end_is_not_read() {
        for (open, close) in
            [("(", ")"), ("[", "]"), ("{1:", "}"), ("!(", ")"), ("true?", ":true"), ("a[", "]")]
        {
            for times in [100, 300] {
                check_too_much(&(open.repeat(times) + "true" + &close.repeat(times)));
            }
        }
        check_too_much(&("!".repeat(4000) + "true"));
        check_too_much(&("-".repeat(4000) + "1"));
    }

    #[test]
    fn what_is_as_deep_as_it_may_be_is_evaluated() {
        let longest = [
            "(".repeat(32) + "true" + &")".repeat(32),
            "true && ".repeat(500) + "true",
            "false || ".repeat(400) + "true",
            format!("{}1 > 1", "1+".repeat(2040)),
            "(false||".repeat(32) + "true" + &")".repeat(32),
            "true?true:".repeat(32) + "true",
            "!".repeat(32) + "true",
        ];
        for source in longest {
            assert_eq!(bounded(&source, &[]), Ok(CelValue::Bool(true)), "{source}");
        }
        let chain = format!("assertion{}", ".sub".repeat(1000));
        assert!(matches!(bounded(&chain, &[("assertion", &json!({}))]), Err(Failure::Missing(_))));
    }

    #[test]
    fn what_repeats_without_end_is_not_evaluated() {
        let list = format!("[{}]", ["1"; 40].join(","));
        let nested =
            "abcdef".chars().fold("true".to_owned(), |inner, name| format!("{list}.all({name}, {inner})"));
        check_too_much(&nested);
        let text = "a".repeat(60);
        check_too_much(&format!("['{text}']{}.exists(y, y == '')", ".map(x, x.replace('a', x))".repeat(4)));
        check_too_much(&format!("'{text}'{} == ''", ".replace('', 'aaaaaaaaaa')".repeat(9)));
        check_too_much(&format!("[{text:?}]{}.size() == 0", ".map(x, x + x)".repeat(30)));
        check_too_much("[1,2,3,4,5].all(a, assertion.sub.matches('((a{100}){100}){100}'))");
        assert_eq!(
            bounded(
                "assertion.sub.split(':').exists(a, assertion.groups.exists(b, a == b || a == 'acme'))",
                &[("assertion", &json!({"sub": "organization:acme", "groups": ["a", "b"]}))]
            ),
            Ok(CelValue::Bool(true))
        );
    }
}
