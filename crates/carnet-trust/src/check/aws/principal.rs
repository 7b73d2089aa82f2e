//! Whom a statement is about.

use serde_json::Value;

use super::{context::Context, provider_arn};
use crate::check::{
    Cause, Difference, Edit, Finding, Part,
    compare::{self, Kind, Reading},
    document::texts,
};

/// The first federated principal of a list of statements.
pub(super) fn stated(statements: Option<&Value>) -> Option<String> {
    let list = match statements? {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    list.into_iter()
        .flat_map(|one| texts(one.get("Principal").and_then(|principal| principal.get("Federated"))))
        .find(|name| name.contains(":oidc-provider/"))
        .map(str::to_owned)
}

/// Whether a principal is everybody: `*`, alone or as an account, says the same
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous>).
pub(crate) fn names_anybody(principal: &Value) -> bool {
    principal == "*" || texts(principal.get("AWS")).contains(&"*")
}

/// Whether a principal is everybody, or the provider of the token.
pub(super) fn is_named(principal: &Value, context: &Context<'_>) -> bool {
    let names = texts(principal.get("Federated"));
    names_anybody(principal)
        || names.iter().any(|name| *name == "*" || *name == provider_arn(context.question, Some(name)))
}

/// Whether a statement is about the provider of the token, and what stands in the way otherwise.
pub(super) fn check(statement: &Value, pointer: &str, context: &Context<'_>) -> Option<Finding> {
    let place = |name: &str| format!("{}.{name}", super::statement::place(pointer));
    if statement.get("NotPrincipal").is_some() {
        let says = "NotPrincipal cannot name whom a role trusts: AWS refuses it with Allow";
        return Some(Finding::new(place("NotPrincipal"), Cause::Unreadable, says));
    }
    let principal = statement.get("Principal").unwrap_or(&Value::Null);
    if names_anybody(principal) {
        return None;
    }
    let names = texts(principal.get("Federated"));
    let question = context.question;
    let wanted = provider_arn(question, names.iter().find(|name| name.contains(":oidc-provider/")).copied());
    if names.iter().any(|name| *name == wanted || *name == "*") {
        return None;
    }
    let edit =
        Edit::set(Part::Policy, format!("{pointer}/Principal"), serde_json::json!({ "Federated": wanted }));
    let Some(name) = compare::nearest(&wanted, &names, Kind::Other, Reading::Exact) else {
        let says = "the statement trusts no OIDC identity provider";
        return Some(Finding::new(place("Principal"), Cause::PrincipalKind, says).edited(edit));
    };
    let Some((_, host)) = name.split_once(":oidc-provider/") else {
        let says = "what is trusted is no OIDC identity provider: its name holds :oidc-provider/";
        let finding = Finding::new(place("Principal.Federated"), Cause::PrincipalKind, says);
        return Some(finding.differing(Difference::between(&wanted, name)).edited(edit));
    };
    let issuer = question.claims.issuer_host();
    let (cause, says) = if host == issuer {
        (
            Cause::PrincipalAccount,
            "the OIDC identity provider is one of another account than the role".to_owned(),
        )
    } else {
        let why = compare::compare(Kind::Issuer, issuer, host, Reading::Exact);
        let cause = if why == Cause::OtherIssuer { Cause::PrincipalHost } else { why };
        let says = format!(
            "the OIDC identity provider is not that of the token's issuer: {}",
            compare::sentence(why)
        );
        (cause, says)
    };
    let difference = Difference::between(&wanted, name);
    Some(Finding::new(place("Principal.Federated"), cause, says).differing(difference).edited(edit))
}
