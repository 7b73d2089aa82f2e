//! The condition block of a statement.

mod explain;

use serde_json::Value;

use super::{
    context::{Context, Known},
    operator::{Comparison, Operator, Set},
    statement::place,
};
use crate::check::{Finding, document::segment};

/// Whether a condition is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Met,
    NotMet,
    /// It depends on what is no claim.
    Unknown,
}

/// One key under one operator.
struct Condition<'a> {
    name: &'a str,
    operator: Option<Operator>,
    key: &'a str,
    wanted: Vec<String>,
    /// Whether the policy has a list.
    is_list: bool,
    /// Whether it is the only one under its operator.
    is_alone: bool,
    pointer: String,
    place: String,
}

/// All conditions of a statement, those on the issuer's other claims first, then audience, subject and the rest.
pub(super) struct Conditions<'a> {
    all: Vec<Condition<'a>>,
}

impl<'a> Conditions<'a> {
    pub(super) fn new(block: Option<&'a Value>, statement: &str) -> Self {
        let mut all = Vec::new();
        for (name, keys) in block.and_then(Value::as_object).into_iter().flatten() {
            let is_alone = keys.as_object().is_some_and(|keys| keys.len() == 1);
            for (key, value) in keys.as_object().into_iter().flatten() {
                let pointer = format!("{statement}/Condition/{}/{}", segment(name), segment(key));
                let place = format!("{}.Condition.{name}[{key:?}]", place(statement));
                let wanted = wanted(value);
                let is_list = value.is_array();
                all.push(Condition {
                    name,
                    operator: Operator::parse(name),
                    key,
                    wanted,
                    is_list,
                    is_alone,
                    pointer,
                    place,
                });
            }
        }
        all.sort_by_key(|one| match claim(one.key).as_str() {
            "aud" => 1,
            "sub" => 2,
            _ if one.key.starts_with("aws:") || one.key.starts_with("sts:") => 3,
            _ => 0,
        });
        Self { all }
    }

    pub(super) fn failures(&self, context: &Context<'_>, notes: &mut Vec<String>) -> Vec<Finding> {
        let mut failures = Vec::new();
        for one in &self.all {
            match one.outcome(context) {
                Outcome::Met => {}
                Outcome::Unknown => {
                    add(
                        notes,
                        format!("{} depends on the request, not on the token: taken as met", one.place),
                    );
                }
                Outcome::NotMet => failures.push(one.explain(context)),
            }
        }
        failures
    }

    /// Whether all conditions of a Deny statement are met.
    pub(super) fn denies(&self, context: &Context<'_>, notes: &mut Vec<String>) -> bool {
        let outcomes: Vec<Outcome> = self.all.iter().map(|one| one.outcome(context)).collect();
        let is_met = outcomes.iter().all(|outcome| *outcome == Outcome::Met);
        let may_be = outcomes.iter().all(|outcome| *outcome != Outcome::NotMet);
        if !is_met && may_be {
            add(
                notes,
                "a Deny statement depends on the request, not on the token: taken as not met".to_owned(),
            );
        }
        is_met
    }
}

fn add(notes: &mut Vec<String>, note: String) {
    if !notes.contains(&note) {
        notes.push(note);
    }
}

fn wanted(value: &Value) -> Vec<String> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    match value {
        Value::Array(list) => list.iter().filter_map(one).collect(),
        other => one(other).into_iter().collect(),
    }
}

impl Condition<'_> {
    fn outcome(&self, context: &Context<'_>) -> Outcome {
        let Some(operator) = self.operator else { return Outcome::NotMet };
        let known = context.get(self.key);
        if operator.comparison == Comparison::Address || known == Known::Unknown {
            return Outcome::Unknown;
        }
        let is_met = match (operator.comparison, known) {
            (Comparison::Null, known) => {
                let is_absent = known == Known::Absent;
                self.wanted
                    .iter()
                    .any(|one| one.eq_ignore_ascii_case(if is_absent { "true" } else { "false" }))
            }
            (_, Known::Values(found)) => {
                let meets = |one: &String| operator.meets(one, &self.wanted, context);
                match operator.set {
                    Some(Set::All) => found.iter().all(meets),
                    Some(Set::Any) | None if !operator.is_negated => found.iter().any(meets),
                    Some(Set::Any) => found.iter().any(meets),
                    None => found.iter().all(meets),
                }
            }
            // Negated operators are met by what is not there; of the set operators only ForAllValues is.
            (_, Known::Absent | Known::Unknown) => {
                operator.if_exists
                    || operator.set == Some(Set::All)
                    || (operator.set.is_none() && operator.is_negated)
            }
        };
        if is_met { Outcome::Met } else { Outcome::NotMet }
    }
}

/// The claim that a key is about; names of keys are not told apart by case.
pub(crate) fn claim(key: &str) -> String {
    key.rsplit_once(':').map_or(key, |(_, claim)| claim).to_ascii_lowercase()
}
