//! Structured authentication of Kubernetes
//! (<https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration>).

use serde_json::{Value, json};

use super::{
    Cause, Edit, Finding, Part, Question,
    compare::{self, Kind, Reading},
    document::texts,
    expression::{self, evaluate as value_of, json_of, quoted},
    judgement::{Checked, Evaluation, refused},
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
        return refused(Finding::new("the policy", Cause::Unreadable, says));
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
    binding(question, &user)
}

struct Authenticator<'a> {
    value: &'a Value,
    index: usize,
    question: &'a Question,
}

/// Who the token is for the API server.
struct User {
    name: String,
    groups: Vec<String>,
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

    fn user(&self) -> Checked<User> {
        let mappings = &self.value["claimMappings"];
        let name = &mappings["username"];
        let at = self.at("claimMappings.username");
        let fixed = || self.set("claimMappings/username", json!({ "claim": "sub", "prefix": "" }));
        let has = |member: &str| name.get(member).is_some_and(|value| !value.is_null());
        if has("claim") && !has("prefix") {
            let says = "beside claim there must be a prefix, which may be empty";
            let finding = Finding::new(at, Cause::SettingMissing, says);
            return refused(finding.edited(self.set("claimMappings/username/prefix", "")));
        }
        if has("claim") == has("expression") {
            let says =
                "the user name must come from a claim or from an expression, and from one of them only";
            let cause = if has("claim") { Cause::Unreadable } else { Cause::MappingMissing };
            return refused(Finding::new(at, cause, says).edited(fixed()));
        }
        let mapped = self.mapped(name, &at).map_err(|failure| Box::new(failure.edited(fixed())))?;
        let Some(Value::String(user)) = mapped.filter(|value| value != "") else {
            let says = "the user name is no text, or empty";
            return refused(Finding::new(at, Cause::ClaimType, says).edited(fixed()));
        };
        let groups = self.groups(&mappings["groups"])?;
        let uid = &mappings["uid"];
        if uid.is_object() {
            let at = self.at("claimMappings.uid");
            let removed = Edit::remove(Part::Policy, format!("/jwt/{}/claimMappings/uid", self.index));
            let mapped =
                self.mapped(uid, &at).map_err(|failure| Box::new(failure.edited(removed.clone())))?;
            if !matches!(mapped, Some(Value::String(_))) {
                let says = "the uid is no text";
                return refused(Finding::new(at, Cause::ClaimType, says).edited(removed));
            }
        }
        let as_json = json!({ "username": user, "groups": groups, "extra": {}, "uid": "" });
        Ok(User { name: user, groups, as_json })
    }

    fn groups(&self, mapping: &Value) -> Checked<Vec<String>> {
        if !mapping.is_object() {
            return Ok(Vec::new());
        }
        let at = self.at("claimMappings.groups");
        let removed = Edit::remove(Part::Policy, format!("/jwt/{}/claimMappings/groups", self.index));
        if mapping.get("claim").is_some() && mapping.get("prefix").is_none() {
            let finding = Finding::new(
                at,
                Cause::SettingMissing,
                "beside claim there must be a prefix, which may be empty",
            );
            return refused(finding.edited(self.set("claimMappings/groups/prefix", "")));
        }
        // Groups may be absent where they come from a claim.
        let name = mapping.get("claim").and_then(Value::as_str);
        if name.is_some_and(|name| self.question.claims.get(name).is_none()) {
            return Ok(Vec::new());
        }
        let mapped =
            self.mapped(mapping, &at).map_err(|failure| Box::new(failure.edited(removed.clone())))?;
        match &mapped {
            Some(Value::String(one)) => Ok(vec![one.clone()]),
            Some(Value::Array(list)) if list.iter().all(Value::is_string) => {
                Ok(texts(mapped.as_ref()).into_iter().map(str::to_owned).collect())
            }
            _ => refused(
                Finding::new(at, Cause::ClaimType, "groups are a text or a list of texts").edited(removed),
            ),
        }
    }

    /// The value of a mapping, with its prefix.
    fn mapped(&self, mapping: &Value, at: &str) -> Checked<Option<Value>> {
        let claims = &self.question.claims;
        if let Some(source) = mapping.get("expression").and_then(Value::as_str) {
            let all = Value::Object(claims.as_map().clone());
            return match value_of(source, &[("claims", &all)]) {
                Ok(value) => Ok(json_of(&value)),
                Err(failure) => refused(expression::failed(&failure, at)),
            };
        }
        let name = mapping.get("claim").and_then(Value::as_str).unwrap_or_default();
        let prefix = mapping.get("prefix").and_then(Value::as_str).unwrap_or_default();
        match claims.get(name) {
            None => refused(Finding::new(at, Cause::ClaimMissing, format!("the token has no claim {name}"))),
            Some(Value::String(text)) => Ok(Some(Value::String(format!("{prefix}{text}")))),
            Some(Value::Array(list)) => {
                let named =
                    |one: &Value| one.as_str().map_or(one.clone(), |text| json!(format!("{prefix}{text}")));
                Ok(Some(Value::Array(list.iter().map(named).collect())))
            }
            Some(_) => Ok(None),
        }
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

/// The subjects of a RoleBinding or a ClusterRoleBinding.
fn binding(question: &Question, user: &User) -> Checked {
    let Some(binding) = &question.trust.beside else { return Ok(()) };
    let list: Vec<&Value> = binding.get("subjects").and_then(Value::as_array).into_iter().flatten().collect();
    let named = |kind: &str| -> Vec<&str> {
        let of_kind = list.iter().filter(|one| one["kind"] == kind);
        of_kind.filter_map(|one| one["name"].as_str()).collect()
    };
    let (users, groups) = (named("User"), named("Group"));
    if users.contains(&user.name.as_str())
        || user
            .groups
            .iter()
            .map(String::as_str)
            .chain(["system:authenticated"])
            .any(|group| groups.contains(&group))
    {
        return Ok(());
    }
    let subject = json!({ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user.name });
    let edit = match binding.get("subjects") {
        Some(Value::Array(_)) => Edit::set(Part::Beside, "/subjects/-", subject),
        _ => Edit::set(Part::Beside, "/subjects", json!([subject])),
    };
    let Some(nearest) = compare::nearest(&user.name, &users, Kind::Other, Reading::Exact) else {
        let says = format!("the binding names no user; the API server knows this one as {}", user.name);
        return refused(Finding::new("subjects", Cause::NotBound, says).edited(edit));
    };
    // The same subject behind different prefixes.
    let subject = question.claims.subject();
    let is_prefixed = user.name.ends_with(subject) && nearest.ends_with(subject);
    let prefix = user.name.strip_suffix(subject).unwrap_or_default();
    let bare = nearest.strip_prefix(prefix);
    let (own, expected) = bare.map_or((user.name.as_str(), nearest), |bare| (subject, bare));
    let cause = match compare::compare(Kind::Subject, own, expected, Reading::Exact) {
        _ if is_prefixed => Cause::NotBound,
        Cause::OtherValue => Cause::NotBound,
        cause => cause,
    };
    let says = match is_prefixed {
        true => "the binding and claimMappings.username do not have the same prefix",
        false => compare::sentence(cause),
    };
    let finding = Finding::new("subjects", cause, format!("the binding does not name this user: {says}"));
    refused(finding.differing(super::Difference::between(&user.name, nearest)).edited(edit))
}

/// A rule that is true for this subject alone.
pub(super) fn pinned(question: &Question) -> Vec<Edit> {
    let list = question.trust.policy.get("jwt").and_then(Value::as_array);
    let issuer = question.claims.issuer();
    let found = list.and_then(|list| {
        let exact = list.iter().position(|one| one["issuer"]["url"] == issuer);
        exact.or((list.len() == 1).then_some(0))
    });
    let Some(index) = found else { return Vec::new() };
    let rule = json!({ "expression": format!("claims.sub == {}", quoted(question.claims.subject())) });
    vec![Edit::set(Part::Policy, format!("/jwt/{index}/claimValidationRules"), json!([rule]))]
}
