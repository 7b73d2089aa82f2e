//! Whether a document is one that is understood: what is not cannot be called narrow.

use serde_json::Value;

use crate::check::{
    Family, Trust,
    aws::statements,
    document::{inner, texts},
};

/// Says what was expected, if a document is something else.
pub(super) fn unreadable(family: Family, trust: &Trust) -> Option<String> {
    let (_, policy) = inner(family, &trust.policy);
    let says = match family {
        Family::Aws => aws(trust),
        Family::Azure => azure(policy),
        Family::Gcp => gcp(policy),
        Family::Vault => vault(policy),
        Family::Kubernetes => kubernetes(policy),
    };
    says.map(str::to_owned).or_else(|| unreadable_beside(family, trust.beside.as_ref()?))
}

/// Says what was expected beside a policy, if a document is something else.
pub fn unreadable_beside(family: Family, document: &Value) -> Option<String> {
    beside(family, document).map(str::to_owned)
}

fn all_objects<'a>(list: impl IntoIterator<Item = &'a Value>) -> bool {
    list.into_iter().all(Value::is_object)
}

fn is_missing_or(value: Option<&Value>, is_right: fn(&Value) -> bool) -> bool {
    value.is_none_or(|value| value.is_null() || is_right(value))
}

fn aws(trust: &Trust) -> Option<&'static str> {
    let (_, policy) = inner(Family::Aws, &trust.policy);
    let is_list = matches!(policy.get("Statement"), Some(Value::Array(_) | Value::Object(_)));
    let is_statement = |one: &Value| {
        matches!(one["Effect"].as_str(), Some("Allow" | "Deny"))
            && (one.get("Principal").is_some() || one.get("NotPrincipal").is_some())
            && is_missing_or(one.get("Condition"), |block| {
                block.as_object().is_some_and(|operators| all_objects(operators.values()))
            })
    };
    let is_right = is_list && statements(trust).iter().all(|one| is_statement(one.value));
    (!is_right).then_some(
        "a trust policy of AWS has a Statement, or a list of them, with Effect, Principal and Condition; also in the answer of aws iam get-role",
    )
}

fn azure(policy: &Value) -> Option<&'static str> {
    let is_credential = |one: &Value| {
        let has_claims = one["subject"].is_string() || !one["claimsMatchingExpression"].is_null();
        one["issuer"].is_string() && has_claims
    };
    let is_right = match policy {
        Value::Array(list) => list.iter().all(is_credential),
        one => is_credential(one),
    };
    (!is_right).then_some(
        "a federated credential of Entra has an issuer, and a subject or a claimsMatchingExpression",
    )
}

fn gcp(policy: &Value) -> Option<&'static str> {
    let is_provider = ["attributeMapping", "attributeCondition", "oidc"]
        .iter()
        .any(|name| policy.get(name).is_some_and(|value| !value.is_null()));
    let is_right = is_provider
        && is_missing_or(policy.get("attributeCondition"), Value::is_string)
        && is_missing_or(policy.get("attributeMapping"), Value::is_object)
        && is_missing_or(policy.get("oidc"), Value::is_object);
    (!is_right).then_some("a provider of Google Cloud has oidc, attributeMapping and attributeCondition")
}

fn vault(policy: &Value) -> Option<&'static str> {
    let is_role = ["bound_claims", "bound_audiences", "bound_subject", "role_type", "user_claim"]
        .iter()
        .any(|name| policy.get(name).is_some_and(|value| !value.is_null()));
    let is_right = is_role && is_missing_or(policy.get("bound_claims"), Value::is_object);
    (!is_right).then_some(
        "a role of Vault's JWT method has user_claim, bound_audiences and an object of bound_claims",
    )
}

fn kubernetes(policy: &Value) -> Option<&'static str> {
    let is_authenticator = |one: &Value| {
        one["issuer"].is_object()
            && is_missing_or(one.get("claimValidationRules"), Value::is_array)
            && is_missing_or(one.get("claimMappings"), Value::is_object)
    };
    let is_right = policy["jwt"].as_array().is_some_and(|list| list.iter().all(is_authenticator));
    (!is_right).then_some("an AuthenticationConfiguration has jwt, a list with an issuer in each element")
}

/// What the configuration of a mount of Vault may have.
const MOUNT: [&str; 7] = [
    "oidc_discovery_url",
    "jwks_url",
    "jwks_pairs",
    "jwt_validation_pubkeys",
    "jwt_supported_algs",
    "bound_issuer",
    "default_role",
];

fn beside(family: Family, beside: &Value) -> Option<&'static str> {
    let (says, is_right) = match family {
        Family::Gcp => (
            "an IAM policy has bindings, a list with role and members in each element",
            // A policy without a binding has nothing but its etag.
            is_missing_or(beside.get("bindings"), |list| {
                list.as_array().is_some_and(|list| list.iter().all(|one| one["members"].is_array()))
            }) && beside.is_object(),
        ),
        Family::Kubernetes => (
            "a binding has subjects and a roleRef, and a List has items of that kind",
            bindings(beside).iter().all(|one| {
                (one.get("subjects").is_some() || one.get("roleRef").is_some())
                    && is_missing_or(one.get("subjects"), Value::is_array)
            }),
        ),
        Family::Vault => (
            "the configuration of a mount has oidc_discovery_url, jwks_url, jwt_validation_pubkeys or bound_issuer",
            MOUNT.iter().any(|name| inner(Family::Vault, beside).1.get(*name).is_some()),
        ),
        Family::Aws => (
            "the OIDC provider of AWS has a Url and a ClientIDList",
            beside.get("Url").is_some() || !texts(beside.get("ClientIDList")).is_empty(),
        ),
        Family::Azure => return None,
    };
    (!is_right).then_some(says)
}

/// The bindings of Kubernetes in a document: one, or those of a `List`.
pub(super) fn bindings(document: &Value) -> Vec<&Value> {
    match document["items"].as_array() {
        Some(items) => items.iter().collect(),
        None => vec![document],
    }
}
