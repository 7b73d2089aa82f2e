//! Trust that is wider than it should be: which rule is broken, why that matters, and what would be narrow.

mod aws;
mod azure;
mod gcp;
mod kubernetes;
mod pattern;
mod vault;

use serde_json::Value;

use crate::check::{Family, Trust};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A matter of clarity.
    Low,
    /// More of the own organization is let in than is probably meant.
    Medium,
    /// Somebody is let in whom nobody meant.
    High,
}

impl Severity {
    /// The name, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Trust that is too wide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wide {
    /// The rule, as a name that machines may rely on.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Where in the document.
    pub at: String,
    /// What is there.
    pub says: String,
    /// Whom that lets in.
    pub why: &'static str,
    /// What would be narrow.
    pub narrower: String,
}

impl Wide {
    fn new(rule: &'static str, severity: Severity, at: impl Into<String>) -> Self {
        Self { rule, severity, at: at.into(), says: String::new(), why: "", narrower: String::new() }
    }

    fn says(self, says: impl Into<String>) -> Self {
        Self { says: says.into(), ..self }
    }

    fn because(self, why: &'static str) -> Self {
        Self { why, ..self }
    }

    fn narrower(self, narrower: impl Into<String>) -> Self {
        Self { narrower: narrower.into(), ..self }
    }
}

impl Wide {
    /// The finding as JSON.
    pub fn to_json(&self) -> Value {
        serde_json::json!({
            "rule": self.rule, "severity": self.severity.as_str(), "at": self.at, "says": self.says, "why": self.why,
            "narrower": self.narrower,
        })
    }
}

/// Looks for trust that is too wide, the gravest first.
pub fn scan(family: Family, trust: &Trust) -> Vec<Wide> {
    let mut found = match family {
        Family::Aws => aws::scan(trust),
        Family::Azure => azure::scan(trust),
        Family::Gcp => gcp::scan(trust),
        Family::Vault => vault::scan(trust),
        Family::Kubernetes => kubernetes::scan(trust),
    };
    found.sort_by(|one, other| other.severity.cmp(&one.severity).then_with(|| one.at.cmp(&other.at)));
    found
}

/// Says that two documents of one family are the same, as those of a plan and of an apply must not be.
pub fn same(names: (&str, &str), documents: (&Value, &Value)) -> Option<Wide> {
    (documents.0 == documents.1).then(|| {
        Wide::new("plan-and-apply-identical", Severity::Medium, names.1)
            .says(format!("the same as {}", names.0))
            .because("if one is for plans and the other for applies, a plan can do what only an approved apply should")
            .narrower("one document with :run_phase:plan at the end of its subject, and one with :run_phase:apply")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(family: Family, policy: Value, beside: Option<Value>, expected: &[&str]) {
        let found = scan(family, &Trust { policy, beside, role: None });
        let mut rules: Vec<&str> = found.iter().map(|one| one.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        assert_eq!(rules, expected, "{found:#?}");
        assert!(
            found.iter().all(|one| !one.says.is_empty() && !one.why.is_empty() && !one.narrower.is_empty())
        );
    }

    fn aws(condition: Value) -> Value {
        json!({"Statement": [{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::1:oidc-provider/h"},
            "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}]})
    }

    const EXACT: &str = "organization:acme:project:p:workspace:net:run_phase:plan";

    #[test]
    fn exact_trust_is_narrow() {
        check(Family::Aws, aws(json!({"StringEquals": {"h:sub": EXACT, "h:aud": "a"}})), None, &[]);
        check(
            Family::Vault,
            json!({"role_type": "jwt", "user_claim": "terraform_workspace_id", "bound_audiences": ["a"],
                "bound_claims": {"sub": EXACT}}),
            None,
            &[],
        );
        check(
            Family::Azure,
            json!([{"issuer": "https://h", "subject": EXACT, "audiences": ["a"]}]),
            None,
            &[],
        );
        let condition = format!("assertion.sub == '{EXACT}'");
        check(Family::Gcp, json!({"attributeCondition": condition, "oidc": {}}), None, &[]);
        check(
            Family::Kubernetes,
            json!({"jwt": [{"issuer": {"audiences": ["a"]}, "claimMappings": {"username": {"claim": "sub", "prefix": "c:"}},
                "claimValidationRules": [{"claim": "terraform_organization_name", "requiredValue": "acme"}]}]}),
            None,
            &[],
        );
    }

    #[test]
    fn conditions_of_aws_that_admit_too_many_are_found() {
        let like =
            |pattern: &str| aws(json!({"StringLike": {"h:sub": pattern}, "StringEquals": {"h:aud": "a"}}));
        check(Family::Aws, aws(json!({})), None, &["audience-missing", "subject-missing"]);
        check(Family::Aws, like("*"), None, &["subject-any"]);
        check(Family::Aws, like("organization:*:workspace:net:*"), None, &["organization-not-pinned"]);
        check(Family::Aws, like("organization:acme*"), None, &["no-end-mark"]);
        check(Family::Aws, like("organization:acme:*"), None, &["project-wildcard"]);
        check(
            Family::Aws,
            like("organization:acme:project:*:workspace:net:run_phase:plan"),
            None,
            &["project-wildcard"],
        );
        check(Family::Aws, like("organization:acme:project:p:workspace:net*"), None, &["no-end-mark"]);
        check(Family::Aws, like("organization:acme:project:p:workspace:*"), None, &["workspace-wildcard"]);
        check(
            Family::Aws,
            like("organization:acme:project:p:workspace:net:run_phase:*"),
            None,
            &["phase-wildcard"],
        );
        check(Family::Aws, like(EXACT), None, &["pattern-without-need"]);
        let all = aws(json!({"ForAllValues:StringEquals": {"h:sub": EXACT}, "StringEquals": {"h:aud": "a"}}));
        check(Family::Aws, all, None, &["for-all-values"]);
        let if_exists =
            aws(json!({"StringEqualsIfExists": {"h:sub": EXACT}, "StringEquals": {"h:aud": "a"}}));
        check(Family::Aws, if_exists, None, &["if-exists"]);
        let negated = aws(json!({"StringNotEquals": {"h:sub": EXACT}, "StringEquals": {"h:aud": "a"}}));
        check(Family::Aws, negated, None, &["negated-only"]);
        let mut anybody = aws(json!({"StringEquals": {"h:sub": EXACT, "h:aud": "a"}}));
        anybody["Statement"][0]["Principal"] = json!("*");
        check(Family::Aws, anybody, None, &["principal-any"]);
        let apply = EXACT.replace(":plan", ":apply");
        let both = aws(json!({"StringEquals": {"h:sub": [EXACT, apply], "h:aud": "a"}}));
        check(Family::Aws, both, None, &["plan-and-apply-identical"]);
    }

    #[test]
    fn roles_of_vault_that_admit_too_many_are_found() {
        let role = |more: Value| {
            let mut role =
                json!({"role_type": "jwt", "user_claim": "terraform_workspace_id", "bound_audiences": ["a"]});
            role.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            role
        };
        check(Family::Vault, role(json!({})), None, &["subject-missing"]);
        let glob = role(
            json!({"bound_claims_type": "glob", "bound_claims": {"sub": "organization:acme:project:p:workspace:net*"}}),
        );
        check(Family::Vault, glob, None, &["no-end-mark"]);
        let name = role(json!({"bound_claims": {"terraform_workspace_name": "net"}}));
        check(Family::Vault, name, None, &["organization-not-pinned"]);
        let shared =
            role(json!({"user_claim": "terraform_organization_name", "bound_claims": {"sub": EXACT}}));
        check(Family::Vault, shared, None, &["user-claim-shared"]);
        let unbound = role(json!({"bound_audiences": [], "bound_claims": {"sub": EXACT}}));
        check(
            Family::Vault,
            unbound,
            Some(json!({"bound_issuer": ""})),
            &["audience-missing", "issuer-not-bound"],
        );
    }

    #[test]
    fn the_others_are_looked_at_too() {
        check(Family::Gcp, json!({"oidc": {}}), None, &["condition-missing"]);
        let loose = json!({"attributeCondition": "assertion.sub.startsWith('organization:acme:project:p:workspace:net')"});
        check(Family::Gcp, loose, None, &["no-end-mark"]);
        let pool = json!({"bindings": [{"members": ["principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*"]}]});
        let condition = format!("assertion.sub == '{EXACT}'");
        check(Family::Gcp, json!({"attributeCondition": condition}), Some(pool), &["pool-wide-member"]);
        check(
            Family::Kubernetes,
            json!({"jwt": [{"issuer": {}, "claimMappings": {"username": {"claim": "sub", "prefix": ""}}}]}),
            Some(json!({"subjects": [{"kind": "Group", "name": "system:authenticated"}]})),
            &["audience-missing", "bound-to-everybody", "claims-not-validated", "prefix-empty"],
        );
        let expression = json!([{"issuer": "https://app.terraform.io", "audiences": ["a"],
            "claimsMatchingExpression": {"value": "claims['sub'] matches 'organization:acme:*'"}}]);
        check(Family::Azure, expression, None, &["project-wildcard"]);
        let found = same(("plan.json", "apply.json"), (&json!({}), &json!({})));
        assert_eq!(found.map(|one| one.rule), Some("plan-and-apply-identical"));
    }
}
