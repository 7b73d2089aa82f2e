//! The condition block of a statement.

use serde_json::{Value, json};

use super::{
    context::{CLAIMS, Context, Known},
    operator::{Comparison, Operator, Set},
    statement::place,
};
use crate::check::{
    Cause, Difference, Edit, Finding, Part, Wildcards,
    compare::{self, Kind, Reading},
    document::segment,
    matches,
};

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
                    pointer,
                    place,
                });
            }
        }
        all.sort_by_key(|one| match one.key.rsplit_once(':').map(|(_, claim)| claim) {
            Some("aud") => 1,
            Some("sub") => 2,
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

    fn explain(&self, context: &Context<'_>) -> Finding {
        let Some(operator) = self.operator else {
            let says = format!("{} is no condition operator of AWS", self.name);
            let finding = Finding::new(self.place.clone(), Cause::UnknownOperator, says);
            return self.pin(finding, context, true);
        };
        match context.get(self.key) {
            Known::Values(found) => self.explain_values(operator, found, context),
            Known::Absent | Known::Unknown => self.explain_absent(operator, context),
        }
    }

    fn explain_absent(&self, operator: Operator, context: &Context<'_>) -> Finding {
        let claims = &context.question.claims;
        let host = claims.issuer_host();
        let (before, claim) = self.key.rsplit_once(':').unwrap_or(("", self.key));
        if operator.comparison == Comparison::Null {
            let says = format!("the condition wants {} to be there, and it is not", self.key);
            return self.pin(Finding::new(self.place.clone(), Cause::ClaimMissing, says), context, false);
        }
        if !before.eq_ignore_ascii_case(host) && CLAIMS.contains(&claim) && before != "aws" && before != "sts"
        {
            let why = compare::compare(Kind::Issuer, host, before, Reading::Exact);
            let says = format!(
                "the condition key must begin with the issuer without https://, {host}, so AWS finds no value for {}",
                self.key
            );
            let cause = if why == Cause::OtherIssuer { Cause::KeyHost } else { why };
            let value = if self.is_list { json!(self.wanted) } else { json!(self.wanted.first()) };
            let parent = self.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
            return Finding::new(self.place.clone(), cause, says)
                .differing(Difference::between(host, before))
                .edited(Edit::remove(Part::Policy, self.pointer.clone()))
                .edited(Edit::set(
                    Part::Policy,
                    format!("{parent}/{}", segment(&format!("{host}:{claim}"))),
                    value,
                ));
        }
        let is_own = before.eq_ignore_ascii_case(host);
        if is_own && claims.get(claim).is_some() {
            let says = format!(
                "the token has {claim}, but AWS offers of this issuer only the claims {} as conditions",
                CLAIMS.join(", ")
            );
            return self.pin(Finding::new(self.place.clone(), Cause::ClaimUnavailable, says), context, true);
        }
        let says = format!("the token has nothing for {}", self.key);
        let cause = if is_own && !CLAIMS.contains(&claim) && claim != "oaud" {
            Cause::ClaimUnavailable
        } else {
            Cause::ClaimMissing
        };
        self.pin(Finding::new(self.place.clone(), cause, says), context, true)
    }

    fn explain_values(&self, operator: Operator, found: &[String], context: &Context<'_>) -> Finding {
        let claim = self.key.rsplit_once(':').map_or(self.key, |(_, claim)| claim);
        let kind = Kind::of_claim(claim);
        let presented = found.first().map(String::as_str).unwrap_or_default();
        if matches!(operator.comparison, Comparison::Order { is_date: true, .. }) {
            let says = format!("the condition holds at other times only: {}", self.wanted.join(", "));
            return Finding::new(self.place.clone(), Cause::TimeCondition, says)
                .helped("remove the condition, or give it another time");
        }
        if operator.is_negated {
            return self.excluded(operator, presented);
        }
        let is_text = matches!(
            operator.comparison,
            Comparison::Equals | Comparison::EqualsIgnoreCase | Comparison::Like
        );
        if !is_text {
            let says =
                format!("{presented} is not what {} wants of {claim}: {}", self.name, self.wanted.join(", "));
            let finding = Finding::new(self.place.clone(), Cause::OtherValue, says);
            return self.pin(finding, context, true);
        }
        let reading = if operator.has_wildcards() {
            Reading::Pattern(Wildcards::StarAndQuestion)
        } else {
            Reading::Exact
        };
        let wanted: Vec<&str> = self.wanted.iter().map(String::as_str).collect();
        let claimed = if kind == Kind::Other { format!("the claim {claim}") } else { name(kind).to_owned() };
        let finding = match compare::nearest(presented, &wanted, kind, reading) {
            Some(expected) => compare::finding(&self.place, &claimed, kind, presented, expected, reading),
            None => {
                Finding::new(self.place.clone(), Cause::NothingTrusted, "the condition lists no value at all")
            }
        };
        let finding = self.advised(finding, kind);
        let value = match self.wanted.len() {
            0 | 1 if !self.is_list => json!(presented),
            0 | 1 => json!([presented]),
            _ => json!(self.wanted.iter().map(String::as_str).chain([presented]).collect::<Vec<_>>()),
        };
        // Signs that the operator would read as wildcards or variables cannot stand for themselves.
        let is_plain =
            !(presented.contains("${") || operator.has_wildcards() && presented.contains(['*', '?']));
        if is_plain { finding.edited(Edit::set(Part::Policy, self.pointer.clone(), value)) } else { finding }
    }

    fn advised(&self, finding: Finding, kind: Kind) -> Finding {
        match (finding.cause, kind) {
            (Cause::OtherPhase, _) => finding.helped(
                "or, if this role is meant for the other phase, give each phase its own with TFC_AWS_PLAN_ROLE_ARN and \
                 TFC_AWS_APPLY_ROLE_ARN",
            ),
            (Cause::WildcardLiteral, _) => {
                finding.helped("or use StringLike, where every value that the wildcard admits is meant")
            }
            (Cause::OtherAudience | Cause::AudienceOfOtherService, Kind::Audience) => {
                finding.helped("or set TFC_AWS_WORKLOAD_IDENTITY_AUDIENCE to the audience that is expected")
            }
            _ => finding,
        }
    }

    /// A negated operator names the value.
    fn excluded(&self, operator: Operator, presented: &str) -> Finding {
        let says = format!("{} excludes what the token has: {presented}", self.name);
        let finding = Finding::new(self.place.clone(), Cause::Excluded, says);
        let names = |one: &String| match operator.comparison {
            Comparison::Equals => one == presented,
            Comparison::EqualsIgnoreCase => one.eq_ignore_ascii_case(presented),
            _ => matches(one, presented, Wildcards::StarAndQuestion),
        };
        let rest: Vec<&String> = self.wanted.iter().filter(|one| !names(one)).collect();
        finding.edited(match rest.as_slice() {
            [] => Edit::remove(Part::Policy, self.pointer.clone()),
            rest => Edit::set(Part::Policy, self.pointer.clone(), json!(rest)),
        })
    }

    /// Takes the condition away and pins the subject instead.
    fn pin(&self, finding: Finding, context: &Context<'_>, is_removed: bool) -> Finding {
        let claims = &context.question.claims;
        if !is_removed || claims.subject().contains("${") {
            return finding;
        }
        let statement = self.pointer.split("/Condition/").next().unwrap_or_default();
        let key = segment(&format!("{}:sub", claims.issuer_host()));
        finding.edited(Edit::remove(Part::Policy, self.pointer.clone())).edited(Edit::set(
            Part::Policy,
            format!("{statement}/Condition/StringEquals/{key}"),
            claims.subject(),
        ))
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Subject => "the subject",
        Kind::Audience => "the audience",
        Kind::Issuer => "the issuer",
        Kind::Other => "the claim",
    }
}
