//! What AWS knows of a request when it evaluates conditions.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::{Claims, Question};

/// The claims that AWS offers as conditions for any issuer
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif>).
pub(super) const CLAIMS: [&str; 3] = ["sub", "aud", "amr"];

/// The issuers of which AWS offers further claims.
const WITH_MORE: [&str; 4] = [
    "accounts.google.com",
    "token.actions.githubusercontent.com",
    "oidc.circleci.com",
    "cognito-identity.amazonaws.com",
];

/// The claim with the tags of the session
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>).
const TAGS: &str = "https://aws.amazon.com/tags";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";

/// Condition keys, in lower case, and what is known of them.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) question: &'a Question,
    /// Whether `${...}` is a variable: policies of earlier versions take it as it stands
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>).
    pub(super) has_variables: bool,
    values: BTreeMap<String, Vec<String>>,
}

/// What is known of a condition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known<'a> {
    /// The request has these values.
    Values(&'a [String]),
    /// The request does not have the key.
    Absent,
    /// It depends on what is no claim, such as the address of the caller.
    Unknown,
}

/// Keys about whoever signs a request. Nobody signs this one, so they are not there
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principal-properties>,
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>).
const OF_CALLERS: [&str; 6] = [
    "aws:multifactorauth",
    "aws:principal",
    "aws:userid",
    "aws:username",
    "aws:sourceidentity",
    "aws:tokenissuetime",
];

impl<'a> Context<'a> {
    pub(super) fn new(question: &'a Question) -> Self {
        let claims = &question.claims;
        let host = claims.issuer_host().to_ascii_lowercase();
        let mut values = BTreeMap::new();
        let mut add = |key: String, found: Vec<String>| {
            if !found.is_empty() {
                values.insert(key.to_ascii_lowercase(), found);
            }
        };
        let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
        add(format!("{host}:aud"), owned(audience(claims)));
        add(format!("{host}:sub"), owned(claims.text("sub").into_iter().collect()));
        if claims.get("azp").is_some() {
            add(format!("{host}:oaud"), owned(claims.audiences()));
        }
        if WITH_MORE.iter().any(|known| host.starts_with(known)) {
            for (name, value) in
                claims.as_map().iter().filter(|(name, _)| !matches!(name.as_str(), "aud" | "sub"))
            {
                add(format!("{host}:{name}"), scalars(value));
            }
        } else {
            add(format!("{host}:amr"), claims.get("amr").map(scalars).unwrap_or_default());
        }
        let tags = claims.get(TAGS);
        if let Some(Value::Object(tags)) = tags.and_then(|tags| tags.get("principal_tags")) {
            add("aws:tagkeys".to_owned(), tags.keys().cloned().collect());
            for (name, value) in tags {
                add(format!("aws:requesttag/{name}"), scalars(value));
            }
        }
        if let Some(keys) = tags.and_then(|tags| tags.get("transitive_tag_keys")) {
            add("sts:transitivetagkeys".to_owned(), scalars(keys));
        }
        add("sts:sourceidentity".to_owned(), owned(claims.text(SOURCE_IDENTITY).into_iter().collect()));
        if let Some(now) = question.now {
            add("aws:currenttime".to_owned(), vec![now.to_string()]);
            add("aws:epochtime".to_owned(), vec![now.to_string()]);
        }
        let version = super::policy(&question.trust).1.and_then(|policy| policy.get("Version"));
        let has_variables = version.is_some_and(|version| version == "2012-10-17");
        Self { question, has_variables, values }
    }

    /// Names of keys are not told apart by case.
    pub(super) fn get(&self, key: &str) -> Known<'_> {
        let key = key.to_ascii_lowercase();
        match self.values.get(&key) {
            Some(values) => Known::Values(values),
            None if self.is_decided(&key) => Known::Absent,
            None => Known::Unknown,
        }
    }

    /// Whether claims alone say that the key is absent.
    fn is_decided(&self, key: &str) -> bool {
        let is_global = ["aws:", "sts:", "iam:", "saml:"].iter().any(|start| key.starts_with(start));
        let of_claims =
            ["aws:requesttag/", "aws:tagkeys", "sts:transitivetagkeys", "sts:sourceidentity", "saml:"];
        !is_global || of_claims.iter().chain(&OF_CALLERS).any(|start| key.starts_with(start))
    }

    /// The value of a policy variable such as `${aws:RequestTag/team}`.
    pub(super) fn variable(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Known::Values([one]) => Some(one),
            Known::Values(_) | Known::Absent | Known::Unknown => None,
        }
    }

    /// The actions that must be allowed beside the assumption of the role.
    pub(super) fn further_actions(&self) -> Vec<&'static str> {
        let claims = &self.question.claims;
        let tags = claims.get(TAGS).map(|_| "sts:TagSession");
        tags.into_iter().chain(claims.get(SOURCE_IDENTITY).map(|_| "sts:SetSourceIdentity")).collect()
    }
}

/// The audience that AWS looks at: `azp`, where the token has one.
pub(super) fn audience(claims: &Claims) -> Vec<&str> {
    match claims.text("azp") {
        Some(party) => vec![party],
        None => claims.audiences(),
    }
}

fn scalars(value: &Value) -> Vec<String> {
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
