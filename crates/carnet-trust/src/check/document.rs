//! The documents of a relying party, and changes to them.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Family;

/// What a relying party was told to trust.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trust {
    /// The policy itself: a role's trust policy, a list of credentials, a provider, a role, a configuration.
    pub policy: Value,
    /// What stands beside it: the OIDC provider of AWS, the IAM policy of the service account of Google, the configuration of
    /// the mount of Vault, the binding of Kubernetes.
    pub beside: Option<Value>,
    /// The role that is asked for, where its name says more than the policy: an ARN of AWS.
    pub role: Option<String>,
}

/// Which of the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The policy.
    Policy,
    /// The document beside it.
    Beside,
}

/// One change of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Which document.
    pub part: Part,
    /// The place in it (RFC 6901).
    pub pointer: String,
    /// The new value; nothing takes away what is there.
    pub value: Option<Value>,
}

impl Edit {
    pub(super) fn set(part: Part, pointer: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { part, pointer: pointer.into(), value: Some(value.into()) }
    }

    pub(super) fn remove(part: Part, pointer: impl Into<String>) -> Self {
        Self { part, pointer: pointer.into(), value: None }
    }
}

impl std::fmt::Display for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = shown(&self.pointer);
        match &self.value {
            Some(value) => write!(f, "set {place} to {value}"),
            None => write!(f, "remove {place}"),
        }
    }
}

/// A pointer as people write a place: `Statement[0].Action`.
fn shown(pointer: &str) -> String {
    let mut place = String::new();
    for segment in pointer.split('/').skip(1) {
        let name = segment.replace("~1", "/").replace("~0", "~");
        if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
            place.push_str(&format!("[{name}]"));
        } else if place.is_empty() {
            place.push_str(&name);
        } else if name.contains([':', '.', '/', ' ']) {
            place.push_str(&format!("[{name:?}]"));
        } else {
            place.push_str(&format!(".{name}"));
        }
    }
    if place.is_empty() { "the document".to_owned() } else { place }
}

/// A name as a segment of a pointer.
pub(super) fn segment(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The document of a role of AWS, as the command line and its interface have it.
const ROLE_DOCUMENTS: [&str; 2] = ["/Role/AssumeRolePolicyDocument", "/AssumeRolePolicyDocument"];

/// The policy itself in what commands and consoles print, and where in it.
pub(crate) fn inner(family: Family, document: &Value) -> (&'static str, &Value) {
    let places: &[&'static str] = match family {
        Family::Aws => &ROLE_DOCUMENTS,
        Family::Azure => &["/value"],
        Family::Vault => &["/data"],
        Family::Gcp | Family::Kubernetes => &[],
    };
    let is_policy = |found: &Value| match family {
        Family::Azure => found.is_array(),
        Family::Aws | Family::Gcp | Family::Vault | Family::Kubernetes => found.is_object(),
    };
    let found = places.iter().find_map(|place| Some((*place, document.pointer(place)?)));
    found.filter(|(_, found)| is_policy(found)).unwrap_or(("", document))
}

/// The text of a document in a document: as it is, or encoded as in an address (RFC 3986 section 2.1).
fn decoded(text: &str) -> Option<Value> {
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return Some(value);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    serde_json::from_slice(&bytes).ok()
}

impl Trust {
    /// With the trust policy of a role as JSON where it was text, as interfaces of AWS have it.
    pub(crate) fn opened(&self) -> Cow<'_, Self> {
        for place in ROLE_DOCUMENTS {
            let text = self.policy.pointer(place).and_then(Value::as_str);
            if let Some(document) = text.and_then(decoded) {
                let mut opened = self.clone();
                opened.apply(&Edit::set(Part::Policy, place, document));
                return Cow::Owned(opened);
            }
        }
        Cow::Borrowed(self)
    }

    pub(super) fn apply(&mut self, edit: &Edit) {
        let document = match edit.part {
            Part::Policy => &mut self.policy,
            Part::Beside => self.beside.get_or_insert(Value::Null),
        };
        let Some((parent, last)) = edit.pointer.rsplit_once('/') else {
            *document = edit.value.clone().unwrap_or(Value::Null);
            return;
        };
        let name = last.replace("~1", "/").replace("~0", "~");
        let parent = reach(document, parent);
        match (parent, &edit.value) {
            (Value::Array(list), Some(value)) => match name.parse::<usize>() {
                Ok(index) if index < list.len() => list[index] = value.clone(),
                Ok(_) | Err(_) => list.push(value.clone()),
            },
            (Value::Array(list), None) => {
                if let Some(index) = name.parse::<usize>().ok().filter(|index| *index < list.len()) {
                    list.remove(index);
                }
            }
            (Value::Object(members), Some(value)) => {
                members.insert(name, value.clone());
            }
            (Value::Object(members), None) => {
                members.remove(&name);
            }
            (other, Some(value)) => {
                *other = Value::Object(Map::from_iter([(name, value.clone())]));
            }
            (_, None) => {}
        }
    }
}

/// The value at a pointer, made of objects where there is none.
fn reach<'a>(document: &'a mut Value, pointer: &str) -> &'a mut Value {
    let mut value = document;
    for part in pointer.split('/').skip(1) {
        let name = part.replace("~1", "/").replace("~0", "~");
        let length = value.as_array().map(Vec::len);
        let index = name.parse::<usize>().ok().filter(|index| length.is_some_and(|length| *index < length));
        if index.is_none() && !value.is_object() {
            *value = Value::Object(Map::new());
        }
        value = match (value, index) {
            (Value::Array(list), Some(index)) => &mut list[index],
            (Value::Object(members), _) => members.entry(name).or_insert(Value::Null),
            (other, _) => other,
        };
    }
    value
}

/// One text or a list of them, as policies have it.
pub(crate) fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(_) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn edits_reach_what_is_there_and_what_is_not() {
        let mut trust = Trust { policy: json!({"a": [{"b:c/d": "x"}]}), ..Trust::default() };
        trust.apply(&Edit::set(Part::Policy, format!("/a/0/{}", segment("b:c/d")), "y"));
        trust.apply(&Edit::set(Part::Policy, "/a/-", 1));
        trust.apply(&Edit::set(Part::Policy, "/n/m", true));
        trust.apply(&Edit::set(Part::Beside, "/p", 2));
        assert_eq!(trust.policy, json!({"a": [{"b:c/d": "y"}, 1], "n": {"m": true}}));
        assert_eq!(trust.beside, Some(json!({"p": 2})));
        trust.apply(&Edit::remove(Part::Policy, "/a/0"));
        assert_eq!(trust.policy["a"], json!([1]));
        let edit = Edit::set(Part::Policy, "/Statement/0/Condition/StringEquals/h:sub", "s");
        assert_eq!(edit.to_string(), r#"set Statement[0].Condition.StringEquals["h:sub"] to "s""#);
    }
}
