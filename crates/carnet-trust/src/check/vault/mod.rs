//! Roles of the JWT auth method of Vault and OpenBao (<https://openbao.org/api-docs/auth/jwt/>), judged as OpenBao 2.7 does.

mod claims;

use serde_json::{Map, Value, json};

use super::{
    Cause, Claims, Edit, Family, Finding, Part, Question,
    compare::{self, Kind, Reading},
    document::{inner, texts},
    judgement::{Checked, Evaluation, NO_POLICY, refused},
    times::{self, Leeway},
};

/// What `clock_skew_leeway` stands for when it is 0, in seconds.
const SKEW: i64 = 60;
/// What `expiration_leeway` and `not_before_leeway` stand for when they are 0, in seconds.
const DERIVED: i64 = 150;

pub(super) fn evaluate(question: &Question) -> Evaluation {
    let mut notes = Vec::new();
    Evaluation::of(check(question, &mut notes), notes)
}

/// A role, also as `vault read -format=json` prints it.
struct Role<'a> {
    value: &'a Value,
    base: &'static str,
}

impl<'a> Role<'a> {
    fn of(policy: &'a Value) -> Self {
        let (base, value) = inner(Family::Vault, policy);
        Self { value, base }
    }

    fn text(&self, name: &str) -> &'a str {
        self.value.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, name: &str) -> i64 {
        self.value.get(name).and_then(Value::as_i64).unwrap_or_default()
    }

    fn members(&self, name: &str) -> Option<&'a Map<String, Value>> {
        self.value.get(name).and_then(Value::as_object).filter(|members| !members.is_empty())
    }

    fn set(&self, name: &str, value: impl Into<Value>) -> Edit {
        Edit::set(Part::Policy, format!("{}/{name}", self.base), value)
    }

    fn is_glob(&self) -> bool {
        self.text("bound_claims_type") == "glob"
    }
}

/// What tells a role from another document.
const ROLE: [&str; 5] = ["role_type", "user_claim", "bound_audiences", "bound_claims", "bound_subject"];

fn check(question: &Question, notes: &mut Vec<String>) -> Checked {
    let claims = &question.claims;
    let role = Role::of(&question.trust.policy);
    if !role.value.is_object() {
        return refused(Finding::new(NO_POLICY, Cause::Unreadable, "a role is a JSON object"));
    }
    if !ROLE.iter().any(|name| role.value.get(*name).is_some_and(|value| !value.is_null())) {
        let says = "a role of the JWT method has role_type, user_claim, bound_audiences and bound_claims: nothing of that is here";
        return refused(Finding::new(NO_POLICY, Cause::Unreadable, says));
    }
    form(&role)?;
    if let Some(list) = role.value.get("token_bound_cidrs").filter(|list| !texts(Some(list)).is_empty()) {
        notes.push(format!("token_bound_cidrs {list} depends on the address of the agent: taken as met"));
    }
    algorithm(question)?;
    registered(claims)?;
    issuer(question, notes)?;
    bound_subject(claims, &role)?;
    bound_audiences(claims, &role)?;
    life(question, &role)?;
    unbound_audience(claims, &role)?;
    claims::identity(claims, &role)?;
    claims::bound_claims(claims, &role)
}

fn form(role: &Role<'_>) -> Checked {
    if role.text("role_type") != "jwt" {
        let says = match role.text("role_type") {
            "" => "role_type is not set, which makes it oidc: such a role takes no tokens",
            "oidc" => "role_type is oidc, for people in a browser: such a role takes no tokens",
            _ => "role_type must be jwt",
        };
        return refused(
            Finding::new("role_type", Cause::RoleType, says).edited(role.set("role_type", "jwt")),
        );
    }
    if !matches!(role.text("bound_claims_type"), "" | "string" | "glob") {
        let says = "bound_claims_type is string or glob";
        return refused(
            Finding::new("bound_claims_type", Cause::Unreadable, says)
                .edited(role.set("bound_claims_type", "string")),
        );
    }
    for (name, values) in role.members("bound_claims").into_iter().flatten().filter(|_| role.is_glob()) {
        let is_texts = match values {
            Value::Array(list) => list.iter().all(Value::is_string),
            one => one.is_string(),
        };
        if !is_texts {
            let says = format!("with glob all bound values are texts, and those of {name} are not");
            let finding = Finding::new(format!("bound_claims.{name}"), Cause::ClaimType, says);
            return refused(finding.edited(role.set("bound_claims_type", "string")));
        }
    }
    if role.text("user_claim").is_empty() {
        let says = "the role has no user_claim, without which it cannot be written";
        return refused(
            Finding::new("user_claim", Cause::SettingMissing, says)
                .edited(role.set("user_claim", "terraform_workspace_id")),
        );
    }
    let is_bound = role.members("bound_claims").is_some()
        || !role.text("bound_subject").is_empty()
        || ["bound_audiences", "token_bound_cidrs"]
            .iter()
            .any(|name| !texts(role.value.get(*name)).is_empty());
    if !is_bound {
        let says = "the role is bound to nothing, and such a role cannot be written";
        return refused(Finding::new("bound_claims", Cause::NothingTrusted, says));
    }
    Ok(())
}

fn algorithm(question: &Question) -> Checked {
    const ALGORITHMS: [&str; 10] =
        ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"];
    let Some(own) = question.claims.algorithm() else { return Ok(()) };
    let config = question.trust.beside.as_ref().map(|config| inner(Family::Vault, config).1);
    let listed = texts(config.and_then(|config| config.get("jwt_supported_algs")));
    let accepted = if listed.is_empty() { ALGORITHMS.to_vec() } else { listed };
    if accepted.contains(&own) {
        return Ok(());
    }
    let says = format!("the token is signed with {own}, and the mount accepts {}", accepted.join(", "));
    refused(Finding::new("jwt_supported_algs", Cause::Algorithm, says))
}

/// Claims of the wrong type make the token unreadable.
fn registered(claims: &Claims) -> Checked {
    let is_text = |name: &str| claims.get(name).is_none_or(Value::is_string);
    let is_time = |name: &str| claims.get(name).is_none_or(Value::is_number);
    let is_audience = match claims.get("aud") {
        None | Some(Value::String(_)) => true,
        Some(Value::Array(list)) => list.iter().all(Value::is_string),
        Some(_) => false,
    };
    let wrong = ["iss", "sub"].into_iter().find(|name| !is_text(name));
    let wrong = wrong.or_else(|| ["exp", "nbf", "iat"].into_iter().find(|name| !is_time(name)));
    match wrong.or((!is_audience).then_some("aud")) {
        Some(name) => {
            refused(Finding::new(name, Cause::ClaimType, format!("the claim {name} has the wrong type")))
        }
        None => Ok(()),
    }
}

fn life(question: &Question, role: &Role<'_>) -> Checked {
    let claims = &question.claims;
    let [end, start, issued] = ["exp", "nbf", "iat"].map(|name| claims.time(name).filter(|time| *time != 0));
    if end.is_none() && start.is_none() && issued.is_none() {
        return refused(Finding::new("exp", Cause::TimeMissing, "the token has neither exp nor nbf nor iat"));
    }
    // A negative leeway is none, 0 is the default.
    let leeway = |name: &str, default: i64| match role.number(name) {
        0 => default,
        seconds => seconds.max(0),
    };
    let end_then = end.unwrap_or_else(|| {
        issued
            .unwrap_or_default()
            .max(start.unwrap_or_default())
            .saturating_add(leeway("expiration_leeway", DERIVED))
    });
    let start_then =
        start.or(issued).unwrap_or_else(|| end_then.saturating_sub(leeway("not_before_leeway", DERIVED)));
    let skew = leeway("clock_skew_leeway", SKEW);
    let whole = claims.with("exp", json!(end_then)).with("nbf", json!(start_then));
    times::check(&whole, question.now, Leeway { end: skew, start: skew })
}

/// The discovery URL says where the keys are. What it names as issuer is compared with nothing but `bound_issuer`.
fn issuer(question: &Question, notes: &mut Vec<String>) -> Checked {
    let Some(config) = &question.trust.beside else { return Ok(()) };
    let (base, config) = inner(Family::Vault, config);
    let text = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default();
    let (own, bound, discovery) =
        (question.claims.issuer(), text("bound_issuer"), text("oidc_discovery_url"));
    keys(own, config, notes);
    if bound.is_empty() && !discovery.is_empty() && discovery != own {
        notes.push("the mount does not compare the issuer: it has no bound_issuer".to_owned());
    }
    if bound.is_empty() || bound == own {
        return Ok(());
    }
    let finding = compare::finding(
        "bound_issuer of the mount",
        "the issuer of the token is not the bound_issuer of the mount",
        Kind::Issuer,
        own,
        bound,
        Reading::Exact,
    );
    refused(finding.edited(Edit::set(Part::Beside, format!("{base}/bound_issuer"), own)))
}

/// Where the mount has its keys from, if not from the issuer of the token.
fn keys(issuer: &str, config: &Value, notes: &mut Vec<String>) {
    let text = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default();
    let below = format!("{}/", issuer.trim_end_matches('/'));
    let is_elsewhere = |url: &&str| !url.is_empty() && *url != issuer && !url.starts_with(&below);
    for url in [text("oidc_discovery_url"), text("jwks_url")].into_iter().filter(is_elsewhere) {
        notes.push(format!(
            "the mount reads its keys at {url}, which is not below the issuer of the token: the token is taken if they made it"
        ));
    }
    let has = |name: &&str| config.get(*name).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    for name in ["jwt_validation_pubkeys", "jwks_pairs"].into_iter().filter(has) {
        notes.push(format!(
            "the mount has keys of its own ({name}), which were not looked at: a token of a key that is not among them is refused"
        ));
    }
}

fn bound_subject(claims: &Claims, role: &Role<'_>) -> Checked {
    let bound = role.text("bound_subject");
    if bound.is_empty() || bound == claims.subject() {
        return Ok(());
    }
    let finding = compare::finding(
        "bound_subject",
        "the subject",
        Kind::Subject,
        claims.subject(),
        bound,
        Reading::Exact,
    );
    refused(advised(finding).edited(role.set("bound_subject", claims.subject())))
}

fn advised(finding: Finding) -> Finding {
    match finding.cause {
        Cause::WildcardLiteral if finding.at == "bound_subject" => finding.helped(
            "bound_subject is compared exactly whatever bound_claims_type says: a pattern belongs into bound_claims.sub",
        ),
        Cause::WildcardLiteral => finding.helped("or set bound_claims_type to glob, where every value that the wildcard admits is meant"),
        Cause::OtherPhase => finding.helped(
            "or, if this role is meant for the other phase, give each phase its own with TFC_VAULT_PLAN_ROLE and \
             TFC_VAULT_APPLY_ROLE",
        ),
        _ => finding,
    }
}

fn bound_audiences(claims: &Claims, role: &Role<'_>) -> Checked {
    let listed = texts(role.value.get("bound_audiences"));
    let own = claims.audiences();
    if listed.is_empty() || listed.iter().any(|one| own.contains(one)) {
        return Ok(());
    }
    let presented = claims.audience();
    let expected = compare::nearest(presented, &listed, Kind::Audience, Reading::Exact).unwrap_or_default();
    let finding = compare::finding(
        "bound_audiences",
        "the audience",
        Kind::Audience,
        presented,
        expected,
        Reading::Exact,
    );
    let values: Vec<&str> = match listed.as_slice() {
        [_] => vec![presented],
        all => all.iter().copied().chain([presented]).collect(),
    };
    refused(
        finding
            .helped("or set TFC_VAULT_WORKLOAD_IDENTITY_AUDIENCE to one that is bound")
            .edited(role.set("bound_audiences", json!(values))),
    )
}

/// A token with an audience needs a role with one.
fn unbound_audience(claims: &Claims, role: &Role<'_>) -> Checked {
    if claims.audiences().is_empty() || !texts(role.value.get("bound_audiences")).is_empty() {
        return Ok(());
    }
    let says = "the token has an audience, and the role binds none: such a token is refused";
    refused(
        Finding::new("bound_audiences", Cause::NoAudience, says)
            .edited(role.set("bound_audiences", json!([claims.audience()]))),
    )
}

/// Whether what a role binds of the claims lets a token in, whatever else speaks against it.
pub(crate) fn is_admitted(role: &Value, claims: &Claims) -> bool {
    let role = Role { value: role, base: "" };
    bound_subject(claims, &role).is_ok() && claims::bound_claims(claims, &role).is_ok()
}

/// The claim `sub`, and nothing but this subject.
pub(super) fn pinned(question: &Question) -> Vec<Edit> {
    let role = Role::of(&question.trust.policy);
    let claims = &question.claims;
    if !role.value.is_object() || claims.subject().is_empty() {
        return Vec::new();
    }
    let mut edits = vec![role.set("bound_claims", json!({ "sub": claims.subject() }))];
    if role.is_glob() {
        edits.push(role.set("bound_claims_type", "string"));
    }
    if !role.text("bound_subject").is_empty() {
        edits.push(role.set("bound_subject", claims.subject()));
    }
    edits
}
