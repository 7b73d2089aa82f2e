//! Structured authentication of Kubernetes
//! (<https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration>).

mod binding;
mod user;

use serde_json::{Value, json};

use super::{
    Cause, Claims, Edit, Finding, Part, Question, Trust,
    compare::{self, Kind, Reading},
    document::texts,
    expression::{self, quoted},
    judge::Pin,
    judgement::{Checked, Evaluation, NO_POLICY, refused},
    times::{self, Leeway},
};

/// An ended token is refused at once; five minutes are granted before its start.
const LEEWAY: Leeway = Leeway { end: 0, start: 300 };

pub(super) fn evaluate(question: &Question) -> Evaluation {
    Evaluation::of(check(question), Vec::new())
}

fn check(question: &Question) -> Checked {
    let (claims, policy) = (&question.claims, &question.trust.policy);
    let version = policy.get("apiVersion").and_then(Value::as_str).unwrap_or("apiserver.config.k8s.io/v1");
    let is_known =
        ["v1", "v1beta1", "v1alpha1"].iter().any(|one| version == format!("apiserver.config.k8s.io/{one}"));
    let kind = policy.get("kind").and_then(Value::as_str).unwrap_or("AuthenticationConfiguration");
    let list = policy.get("jwt").and_then(Value::as_array);
    let Some(list) = list.filter(|_| is_known && kind == "AuthenticationConfiguration") else {
        let says = "what is read is an AuthenticationConfiguration of apiserver.config.k8s.io/v1 with jwt";
        return refused(Finding::new(NO_POLICY, Cause::Unreadable, says));
    };
    let url = |one: &&Value| one["issuer"]["url"].as_str().unwrap_or_default().to_owned();
    let own = list.iter().position(|one| url(&one) == claims.issuer());
    let Some(index) = own else {
        let urls: Vec<String> = list.iter().map(|one| url(&one)).collect();
        let texts: Vec<&str> = urls.iter().map(String::as_str).collect();
        let Some(nearest) = compare::nearest(claims.issuer(), &texts, Kind::Issuer, Reading::Exact) else {
            let finding = Finding::new("jwt", Cause::NothingTrusted, "no issuer is configured");
            return refused(finding);
        };
        let index = texts.iter().position(|one| *one == nearest).unwrap_or_default();
        let at = format!("jwt[{index}].issuer.url");
        let finding =
            compare::finding(at, "the issuer", Kind::Issuer, claims.issuer(), nearest, Reading::Exact);
        return refused(finding.edited(Edit::set(
            Part::Policy,
            format!("/jwt/{index}/issuer/url"),
            claims.issuer(),
        )));
    };
    let one = Authenticator { value: &list[index], index, question };
    one.audience()?;
    times::check(claims, question.now, LEEWAY)?;
    one.validation_rules()?;
    let user = one.user()?;
    one.user_rules(&user)?;
    binding::binding(question, &user)
}

struct Authenticator<'a> {
    value: &'a Value,
    index: usize,
    question: &'a Question,
}

/// Who the token is for the API server.
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
    as_json: Value,
}

impl Authenticator<'_> {
    fn at(&self, place: &str) -> String {
        format!("jwt[{}].{place}", self.index)
    }

    fn set(&self, pointer: &str, value: impl Into<Value>) -> Edit {
        Edit::set(Part::Policy, format!("/jwt/{}/{pointer}", self.index), value)
    }

    fn pin(&self) -> String {
        format!("claims.sub == {}", quoted(self.question.claims.subject()))
    }

    fn audience(&self) -> Checked {
        let claims = &self.question.claims;
        let issuer = &self.value["issuer"];
        let listed = texts(issuer.get("audiences"));
        let presented = claims.audience();
        if listed.is_empty() {
            let says = "no audience is configured, and at least one must be";
            let finding = Finding::new(self.at("issuer.audiences"), Cause::NoAudience, says);
            return refused(finding.edited(self.set("issuer/audiences", json!([presented]))));
        }
        let is_any = issuer.get("audienceMatchPolicy") == Some(&json!("MatchAny"));
        if listed.len() > 1 && !is_any {
            let says = "with several audiences audienceMatchPolicy must be MatchAny";
            let finding = Finding::new(self.at("issuer.audienceMatchPolicy"), Cause::SettingMissing, says);
            return refused(finding.edited(self.set("issuer/audienceMatchPolicy", "MatchAny")));
        }
        if claims.audiences().iter().any(|own| listed.contains(own)) {
            return Ok(());
        }
        let nearest =
            compare::nearest(presented, &listed, Kind::Audience, Reading::Exact).unwrap_or_default();
        let at = self.at("issuer.audiences");
        let finding =
            compare::finding(at, "the audience", Kind::Audience, presented, nearest, Reading::Exact);
        let values = if listed.len() == 1 { vec![presented] } else { [listed, vec![presented]].concat() };
        refused(
            finding
                .helped("or set TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE to one that is configured")
                .edited(self.set("issuer/audiences", json!(values))),
        )
    }

    fn validation_rules(&self) -> Checked {
        let claims = &self.question.claims;
        let rules = self.value.get("claimValidationRules").and_then(Value::as_array);
        for (index, rule) in rules.into_iter().flatten().enumerate() {
            let at = self.at(&format!("claimValidationRules[{index}]"));
            let pointer = format!("claimValidationRules/{index}");
            let repaired = self.set(&pointer, json!({ "expression": self.pin() }));
            if let Some(source) = rule.get("expression").and_then(Value::as_str) {
                let all = Value::Object(claims.as_map().clone());
                if let Some(untrue) = expression::condition(source, &[("claims", &all)], &at, &self.pin()) {
                    let message = rule.get("message").and_then(Value::as_str);
                    let finding = message.into_iter().fold(untrue.finding, |finding, message| {
                        finding.helped(format!("the server's log says: {message}"))
                    });
                    return refused(
                        finding.edited(self.set(&format!("{pointer}/expression"), untrue.repaired)),
                    );
                }
                continue;
            }
            let name = rule.get("claim").and_then(Value::as_str).unwrap_or_default();
            let wanted = rule.get("requiredValue").and_then(Value::as_str).unwrap_or_default();
            match claims.get(name) {
                Some(Value::String(own)) if own == wanted => {}
                Some(Value::String(own)) => {
                    let kind = Kind::of_claim(name);
                    let said = format!("the claim {name}");
                    let finding = compare::finding(at, &said, kind, own, wanted, Reading::Exact);
                    return refused(
                        finding.edited(self.set(&format!("{pointer}/requiredValue"), own.clone())),
                    );
                }
                Some(_) => {
                    let says = format!(
                        "the claim {name} is no text: requiredValue compares texts, an expression others"
                    );
                    return refused(Finding::new(at, Cause::ClaimType, says).edited(repaired));
                }
                None => {
                    let says = format!("the token has no claim {name}");
                    return refused(Finding::new(at, Cause::ClaimMissing, says).edited(repaired));
                }
            }
        }
        Ok(())
    }

    fn user_rules(&self, user: &User) -> Checked {
        let rules = self.value.get("userValidationRules").and_then(Value::as_array);
        for (index, rule) in rules.into_iter().flatten().enumerate() {
            let at = self.at(&format!("userValidationRules[{index}]"));
            let source = rule.get("expression").and_then(Value::as_str).unwrap_or_default();
            let pin = format!("user.username == {}", quoted(&user.name));
            if let Some(untrue) = expression::condition(source, &[("user", &user.as_json)], &at, &pin) {
                let pointer = format!("userValidationRules/{index}/expression");
                return refused(untrue.finding.edited(self.set(&pointer, untrue.repaired)));
            }
        }
        Ok(())
    }
}

/// Whether the rules of an authenticator let a token in, whatever else speaks against it.
pub(crate) fn is_admitted(authenticator: &Value, claims: &Claims) -> bool {
    let question = Question { claims: claims.clone(), trust: Trust::default(), now: None };
    let one = Authenticator { value: authenticator, index: 0, question: &question };
    one.validation_rules().is_ok() && one.user().is_ok_and(|user| one.user_rules(&user).is_ok())
}

/// Who a token is for an authenticator, where its mappings have a value.
pub(crate) fn user(authenticator: &Value, claims: &Claims) -> Option<User> {
    let question = Question { claims: claims.clone(), trust: Trust::default(), now: None };
    Authenticator { value: authenticator, index: 0, question: &question }.user().ok()
}

/// Rules that are true for this subject, and where those that are there are true.
pub(super) fn pinned(question: &Question, pin: Pin) -> Vec<Edit> {
    let list = question.trust.policy.get("jwt").and_then(Value::as_array);
    let issuer = question.claims.issuer();
    let found = list.and_then(|list| {
        let exact = list.iter().position(|one| one["issuer"]["url"] == issuer);
        exact.or((list.len() == 1).then_some(0)).map(|index| (index, &list[index]))
    });
    let Some((index, one)) = found else { return Vec::new() };
    let own = format!("claims.sub == {}", quoted(question.claims.subject()));
    let rules: Vec<Value> = match (pin, one.get("claimValidationRules").and_then(Value::as_array)) {
        (Pin::Beside, Some(rules)) if !rules.is_empty() => rules.iter().map(|rule| or(rule, &own)).collect(),
        _ => vec![json!({ "expression": own })],
    };
    vec![Edit::set(Part::Policy, format!("/jwt/{index}/claimValidationRules"), json!(rules))]
}

/// A rule that lets in whom it let in, and whom another condition does.
fn or(rule: &Value, pin: &str) -> Value {
    let text = |name: &str| rule.get(name).and_then(Value::as_str);
    let mut rule = rule.clone();
    let expression = match (text("expression"), text("claim"), text("requiredValue")) {
        (Some(stated), _, _) => expression::or(stated, pin),
        (None, Some(name), Some(wanted)) => {
            let name = quoted(name);
            format!("({name} in claims && claims[{name}] == {}) || {pin}", quoted(wanted))
        }
        (None, _, _) => pin.to_owned(),
    };
    if let Some(members) = rule.as_object_mut() {
        members.retain(|name, _| !matches!(name.as_str(), "claim" | "requiredValue"));
        members.insert("expression".to_owned(), json!(expression));
        return rule;
    }
    json!({ "expression": expression })
}
