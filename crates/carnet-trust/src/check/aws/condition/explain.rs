//! What is said of a condition that is not met.

use serde_json::json;

use super::{Condition, claim};
use crate::check::{
    Cause, Difference, Edit, Finding, Part, Wildcards,
    aws::{
        context::{CLAIMS, Context, Known, audience},
        operator::{Comparison, Operator},
    },
    compare::{self, Kind, Reading},
    document::segment,
    matches,
};

impl Condition<'_> {
    pub(super) fn explain(&self, context: &Context<'_>) -> Finding {
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
            [] => self.removed(),
            rest => Edit::set(Part::Policy, self.pointer.clone(), json!(rest)),
        })
    }

    /// What takes the condition away; an operator that nothing is left of goes with it.
    fn removed(&self) -> Edit {
        let operator = self.pointer.rsplit_once('/').map_or(self.pointer.as_str(), |(operator, _)| operator);
        Edit::remove(Part::Policy, if self.is_alone { operator } else { &self.pointer })
    }

    /// Takes the condition away and pins what it was about instead: the audience, or the subject.
    fn pin(&self, finding: Finding, context: &Context<'_>, is_removed: bool) -> Finding {
        let claims = &context.question.claims;
        let presented = audience(claims).first().copied().unwrap_or_default();
        let (name, value) = match claim(self.key).as_str() {
            "aud" | "oaud" | "audience" | "client_id" => ("aud", presented),
            _ => ("sub", claims.subject()),
        };
        if !is_removed || value.contains("${") {
            return finding;
        }
        let statement = self.pointer.split("/Condition/").next().unwrap_or_default();
        let key = segment(&format!("{}:{name}", claims.issuer_host()));
        finding.edited(self.removed()).edited(Edit::set(
            Part::Policy,
            format!("{statement}/Condition/StringEquals/{key}"),
            value,
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
