//! Who a token is: user name, groups, uid and further attributes
//! (<https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration>).

use serde_json::{Map, Value, json};

use super::{Authenticator, User};
use crate::check::{
    Cause, Edit, Finding, Part,
    document::texts,
    expression::{self, evaluate as value_of, json_of},
    judgement::{Checked, refused},
};

impl Authenticator<'_> {
    pub(super) fn user(&self) -> Checked<User> {
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
        let uid = self.uid(&mappings["uid"])?;
        let extra = self.extra(&mappings["extra"])?;
        let as_json = json!({ "username": user, "groups": groups, "extra": extra, "uid": uid });
        Ok(User { name: user, groups, as_json })
    }

    fn uid(&self, mapping: &Value) -> Checked<String> {
        if !mapping.is_object() {
            return Ok(String::new());
        }
        let at = self.at("claimMappings.uid");
        let removed = Edit::remove(Part::Policy, format!("/jwt/{}/claimMappings/uid", self.index));
        let mapped =
            self.mapped(mapping, &at).map_err(|failure| Box::new(failure.edited(removed.clone())))?;
        match mapped {
            Some(Value::String(uid)) => Ok(uid),
            _ => refused(Finding::new(at, Cause::ClaimType, "the uid is no text").edited(removed)),
        }
    }

    /// Further attributes: lists of texts by name. What is empty is left out.
    fn extra(&self, mappings: &Value) -> Checked<Map<String, Value>> {
        let mut extra = Map::new();
        for (index, mapping) in mappings.as_array().into_iter().flatten().enumerate() {
            let at = self.at(&format!("claimMappings.extra[{index}].valueExpression"));
            let removed =
                Edit::remove(Part::Policy, format!("/jwt/{}/claimMappings/extra/{index}", self.index));
            let source = mapping.get("valueExpression").and_then(Value::as_str).unwrap_or_default();
            let all = Value::Object(self.question.claims.as_map().clone());
            let value = match value_of(source, &[("claims", &all)]) {
                Ok(value) => json_of(&value),
                Err(failure) => return refused(expression::failed(&failure, &at).edited(removed)),
            };
            let values = match &value {
                Some(Value::String(one)) => vec![one.as_str()],
                Some(Value::Array(list)) if list.iter().all(Value::is_string) => texts(value.as_ref()),
                Some(Value::Null) => Vec::new(),
                _ => {
                    let says = "a further attribute is a text or a list of texts";
                    return refused(Finding::new(at, Cause::ClaimType, says).edited(removed));
                }
            };
            let values: Vec<&str> = values.into_iter().filter(|value| !value.is_empty()).collect();
            if let (Some(key), false) = (mapping.get("key").and_then(Value::as_str), values.is_empty()) {
                extra.insert(key.to_owned(), json!(values));
            }
        }
        Ok(extra)
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
}
