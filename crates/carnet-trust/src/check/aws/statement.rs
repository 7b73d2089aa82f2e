//! One statement of a trust policy.

use serde_json::{Value, json};

use super::{condition, context::Context, principal};
use crate::check::{
    Cause, Edit, Finding, Part, Wildcards,
    document::{segment, texts},
    judgement::{Checked, refused},
    matches,
};

const WEB_IDENTITY: &str = "sts:AssumeRoleWithWebIdentity";

/// A statement and where it stands.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    pub(crate) value: &'a Value,
    pointer: String,
}

/// A pointer as it is shown.
pub(super) fn place(pointer: &str) -> String {
    let index = pointer.rsplit('/').next().unwrap_or_default();
    if index.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("Statement[{index}]")
    } else {
        "Statement".to_owned()
    }
}

impl<'a> Statement<'a> {
    pub(super) fn new(value: &'a Value, pointer: String) -> Self {
        Self { value, pointer }
    }

    /// Where it is, as it is shown.
    pub(crate) fn place(&self) -> String {
        place(&self.pointer)
    }

    pub(crate) fn is_deny(&self) -> bool {
        self.value["Effect"] == "Deny"
    }

    /// Whether the statement is about a role assumed with an identity token at all.
    pub(super) fn names_web_identity(&self) -> bool {
        self.covers(WEB_IDENTITY) || !self.covers("sts:TagSession")
    }

    /// Whether the statement is about an action; names are not told apart by case.
    pub(crate) fn covers(&self, action: &str) -> bool {
        let is_in = |name: &str| {
            texts(self.value.get(name)).iter().any(|one| {
                matches(&one.to_ascii_lowercase(), &action.to_ascii_lowercase(), Wildcards::StarAndQuestion)
            })
        };
        if self.value.get("NotAction").is_some() { !is_in("NotAction") } else { is_in("Action") }
    }

    /// Everything in which the statement does not admit the token.
    pub(super) fn failures(&self, context: &Context<'_>, notes: &mut Vec<String>) -> Vec<Finding> {
        let mut failures = Vec::new();
        if self.value["Effect"] != "Allow" {
            let says = "Effect is Allow or Deny, spelled exactly so";
            let finding = Finding::new(format!("{}.Effect", place(&self.pointer)), Cause::Unreadable, says);
            failures.push(finding.edited(Edit::set(
                Part::Policy,
                format!("{}/Effect", self.pointer),
                "Allow",
            )));
        }
        if let Some(name) = ["Action", "Principal"]
            .into_iter()
            .find(|name| self.value.get(*name).is_some() && self.value.get(format!("Not{name}")).is_some())
        {
            let says = format!("a statement has {name} or Not{name}, not both: AWS refuses the policy");
            failures.push(
                Finding::new(self.place(), Cause::Unreadable, says)
                    .edited(Edit::remove(Part::Policy, format!("{}/Not{name}", self.pointer))),
            );
        }
        failures.extend(principal::check(self.value, &self.pointer, context));
        if !self.covers(WEB_IDENTITY) {
            failures.push(self.missing_action(WEB_IDENTITY));
        }
        let conditions = condition::Conditions::new(self.value.get("Condition"), &self.pointer);
        failures.extend(conditions.failures(context, notes));
        failures
    }

    fn missing_action(&self, action: &str) -> Finding {
        let stated = texts(self.value.get("Action"));
        let says = match stated.as_slice() {
            [] => format!("the statement has no Action: it must be {action}"),
            stated => format!("the action {action} is not allowed, only {}", stated.join(", ")),
        };
        let kept = stated.iter().filter(|one| **one != "sts:AssumeRole" && **one != "sts:AssumeRoleWithSAML");
        let actions: Vec<&str> = kept.copied().chain([action]).collect();
        let value = if actions.len() == 1 { json!(actions[0]) } else { json!(actions) };
        Finding::new(format!("{}.Action", place(&self.pointer)), Cause::Action, says).edited(Edit::set(
            Part::Policy,
            format!("{}/Action", self.pointer),
            value,
        ))
    }

    /// What a Deny statement says of the token, if it is about it.
    pub(super) fn denial(&self, context: &Context<'_>, notes: &mut Vec<String>) -> Option<Finding> {
        let is_about = match self.value.get("NotPrincipal") {
            Some(spared) => !principal::is_named(spared, context),
            None => principal::check(self.value, &self.pointer, context).is_none(),
        };
        let actions = std::iter::once(WEB_IDENTITY).chain(context.further_actions());
        let action = actions.into_iter().find(|action| self.covers(action))?;
        let conditions = condition::Conditions::new(self.value.get("Condition"), &self.pointer);
        if !is_about || !conditions.denies(context, notes) {
            return None;
        }
        let claims = &context.question.claims;
        let key = format!("{}:sub", claims.issuer_host());
        let spared = &self.value["Condition"]["StringNotEquals"];
        let mut values: Vec<&str> = texts(spared.get(&key));
        values.push(claims.subject());
        let says =
            format!("a Deny statement is about this token, and nothing outweighs it: {action} is denied");
        let pointer = format!("{}/Condition/StringNotEquals/{}", self.pointer, segment(&key));
        let value = if values.len() == 1 { json!(values[0]) } else { json!(values) };
        Some(
            Finding::new(place(&self.pointer), Cause::Denied, says)
                .helped("or remove the Deny statement, if it is about nobody else")
                .edited(Edit::set(Part::Policy, pointer, value)),
        )
    }
}

/// What the claims of the token ask for beside the role itself must be allowed, too.
pub(super) fn other_actions(
    list: &[Statement<'_>],
    context: &Context<'_>,
    notes: &mut Vec<String>,
) -> Checked {
    for action in context.further_actions() {
        let mut about = None;
        let mut is_allowed = false;
        for one in list.iter().filter(|one| !one.is_deny()) {
            let failures = one.failures(context, notes);
            let others = failures.iter().filter(|failure| failure.cause != Cause::Action).count();
            is_allowed |= others == 0 && one.covers(action);
            if failures.is_empty() {
                about = about.or(Some(one));
            }
        }
        if let (false, Some(one)) = (is_allowed, about) {
            return refused(one.missing_action(action));
        }
    }
    Ok(())
}
