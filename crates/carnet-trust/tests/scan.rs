//! Trust that is too wide is found, and what is narrow is left alone.

use carnet_trust::{
    check::{Family, Trust},
    scan::{NotScanned, same, scan},
};
use serde_json::{Value, json};

#[track_caller]
fn check(family: Family, policy: Value, beside: Option<Value>, expected: &[&str]) {
    let found = scan(family, &Trust { policy, beside, role: None }).unwrap_or_else(|error| panic!("{error}"));
    let mut rules: Vec<&str> = found.iter().map(|one| one.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    assert_eq!(rules, expected, "{found:#?}");
    assert!(found.iter().all(|one| !one.says.is_empty() && !one.why.is_empty() && !one.narrower.is_empty()));
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
    check(Family::Azure, json!([{"issuer": "https://h", "subject": EXACT, "audiences": ["a"]}]), None, &[]);
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
    let like = |pattern: &str| aws(json!({"StringLike": {"h:sub": pattern}, "StringEquals": {"h:aud": "a"}}));
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
    let if_exists = aws(json!({"StringEqualsIfExists": {"h:sub": EXACT}, "StringEquals": {"h:aud": "a"}}));
    check(Family::Aws, if_exists, None, &["if-exists"]);
    let negated = aws(json!({"StringNotEquals": {"h:sub": EXACT}, "StringEquals": {"h:aud": "a"}}));
    check(Family::Aws, negated, None, &["negated-only"]);
    let mut anybody = aws(json!({"StringEquals": {"h:sub": EXACT, "h:aud": "a"}}));
    anybody["Statement"][0]["Principal"] = json!("*");
    check(Family::Aws, anybody, None, &["principal-any"]);
    let apply = EXACT.replace(":plan", ":apply");
    let both = aws(json!({"StringEquals": {"h:sub": [EXACT, apply], "h:aud": "a"}}));
    check(Family::Aws, both, None, &["plan-and-apply-identical"]);
    let mut two = aws(json!({"StringEquals": {"h:sub": EXACT, "h:aud": "a"}}));
    let mut other = two["Statement"][0].clone();
    other["Condition"]["StringEquals"]["h:sub"] = json!(EXACT.replace(":plan", ":apply"));
    two["Statement"].as_array_mut().unwrap().push(other);
    check(Family::Aws, two, None, &["plan-and-apply-identical"]);
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
    let shared = role(json!({"user_claim": "terraform_organization_name", "bound_claims": {"sub": EXACT}}));
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
    let found = same(Family::Azure, ("plan.json", "apply.json"), (&Trust::default(), &Trust::default()));
    assert_eq!(found.map(|one| one.rule), Some("plan-and-apply-identical"));
}

fn gcp(condition: &str) -> Value {
    json!({"attributeCondition": condition, "attributeMapping": {"google.subject": "assertion.sub"},
        "oidc": {"issuerUri": "https://h"}})
}

const POOL: &str = "iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p";
const APPLY: &str = "organization:acme:project:p:workspace:net:run_phase:apply";

#[test]
fn principals_and_actions_of_aws_that_are_everybody_are_found() {
    let with = |principal: Value, action: &str| {
        let mut policy = aws(json!({"StringEquals": {"h:sub": EXACT, "h:aud": "a"}}));
        policy["Statement"][0]["Principal"] = principal;
        policy["Statement"][0]["Action"] = json!(action);
        policy
    };
    let oidc = json!({"Federated": "arn:aws:iam::1:oidc-provider/h"});
    check(Family::Aws, with(json!({"AWS": "*"}), "sts:AssumeRole"), None, &["principal-any"]);
    check(Family::Aws, with(json!("*"), "sts:AssumeRole"), None, &["principal-any"]);
    check(
        Family::Aws,
        with(json!({"AWS": ["*"]}), "sts:AssumeRoleWithWebIdentity"),
        None,
        &["principal-any"],
    );
    check(Family::Aws, with(json!({"Federated": "*"}), "sts:*"), None, &["principal-any"]);
    check(Family::Aws, with(json!({"AWS": "arn:aws:iam::1:root"}), "sts:AssumeRole"), None, &[]);
    check(Family::Aws, with(oidc.clone(), "sts:TagSession"), None, &[]);
    let mut open = with(oidc, "sts:AssumeRoleWithWebIdentit?");
    open["Statement"][0]["Condition"] = json!({});
    check(Family::Aws, open.clone(), None, &["audience-missing", "subject-missing"]);
    let members = open["Statement"][0].as_object_mut().unwrap();
    members.remove("Action");
    members.insert("NotAction".to_owned(), json!("sts:TagSession"));
    check(Family::Aws, open, None, &["audience-missing", "not-action", "subject-missing"]);
    let not = json!({"Statement": {"Effect": "Allow", "NotPrincipal": {"AWS": "arn:aws:iam::1:root"}, "Action": "sts:AssumeRole"}});
    check(Family::Aws, not, None, &["principal-any"]);
}

#[test]
fn values_of_conditions_of_aws_are_examined() {
    let equals = |sub: &str, aud: Value| aws(json!({"StringEquals": {"h:sub": sub, "h:aud": aud}}));
    let audience =
        |pattern: &str| aws(json!({"StringEquals": {"h:sub": EXACT}, "StringLike": {"h:aud": pattern}}));
    check(Family::Aws, audience("*"), None, &["audience-any"]);
    check(Family::Aws, audience("aws.*"), None, &["audience-wildcard"]);
    check(Family::Aws, equals("${h:sub}", json!("a")), None, &["variable-in-value"]);
    check(Family::Aws, equals(EXACT, json!(["${h:aud}"])), None, &["variable-in-value"]);
    let any = aws(json!({"StringLike": {"h:sub": "?*"}, "StringEquals": {"h:aud": "a"}}));
    check(Family::Aws, any, None, &["subject-any"]);
    // Names of keys are not told apart by case.
    check(Family::Aws, aws(json!({"StringEquals": {"h:SUB": EXACT, "h:AUD": "a"}})), None, &[]);
    let wide = aws(json!({"StringLike": {"H:Sub": "*"}, "StringEquals": {"h:aud": "a"}}));
    check(Family::Aws, wide, None, &["subject-any"]);
}

#[test]
fn documents_are_unwrapped_or_not_called_narrow() {
    let open = aws(json!({}));
    let text = open.to_string();
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for document in [json!(open), json!(text), json!(encoded)] {
        for wrapped in [
            json!({"Role": {"AssumeRolePolicyDocument": document}}),
            json!({"AssumeRolePolicyDocument": document}),
        ] {
            check(Family::Aws, wrapped, None, &["audience-missing", "subject-missing"]);
        }
    }
    let unread = |family: Family, policy: Value, beside: Option<Value>| {
        let found = scan(family, &Trust { policy: policy.clone(), beside, role: None });
        assert!(matches!(found, Err(NotScanned::Unreadable(_))), "{family}: {policy}: {found:?}");
    };
    for policy in [
        json!({"Role": {"RoleName": "x"}}),
        json!({"Role": {}}),
        json!({"Role": {"AssumeRolePolicyDocument": "%7B"}}),
        json!({"Statement": "x"}),
        json!({"Statement": ["x"]}),
        json!({"Statement": [{"effect": "Allow"}]}),
        json!({"Statement": [{"Effect": "Allow", "Condition": {"StringEquals": "x"}}]}),
        json!([]),
        json!("x"),
    ] {
        unread(Family::Aws, policy, None);
    }
    for family in [Family::Azure, Family::Gcp, Family::Vault, Family::Kubernetes] {
        unread(family, aws(json!({})), None);
        unread(family, json!({}), None);
    }
    unread(Family::Kubernetes, json!({"jwt": {"issuer": {}}}), None);
    unread(Family::Kubernetes, json!({"jwt": ["x"]}), None);
    unread(Family::Gcp, json!({"attributeCondition": {"x": 1}}), None);
    unread(Family::Vault, json!({"data": {"keys": ["a"]}}), None);
    unread(Family::Vault, json!({"user_claim": "sub", "bound_claims": "sub=x"}), None);
    unread(Family::Azure, json!([{"issuer": "https://h"}]), None);
    unread(Family::Gcp, gcp("true"), Some(json!({"bindings": {"members": []}})));
    unread(Family::Kubernetes, json!({"jwt": []}), Some(json!({"items": [{"kind": "Pod"}]})));
    let costly = gcp(&format!("assertion.sub == 'x' && {}true{}", "(".repeat(200), ")".repeat(200)));
    check(Family::Gcp, costly, None, &["not-judged"]);
}

#[test]
fn conditions_of_google_are_tried_with_strangers() {
    for condition in [
        "assertion.sub != ''",
        "has(assertion.terraform_organization_name)",
        "assertion.terraform_organization_name != 'evil'",
        "assertion.sub.endsWith(':run_phase:plan')",
        "assertion.sub.contains('acme')",
        "assertion.terraform_run_id != ''",
        "assertion.sub == 'x' || true",
        "true || assertion.sub == 'x'",
        "assertion.terraform_organization_name in ['acme'] || assertion.terraform_run_phase == 'plan'",
        "( true )",
        "1 == 1",
        "size(assertion.sub) > 0",
        "assertion.terraform_workspace_name == 'net' // organization",
        "assertion.sub.matches('^organization:.*:project:p:workspace:net:run_phase:plan$')",
    ] {
        check(Family::Gcp, gcp(condition), None, &["organization-not-pinned"]);
    }
    for condition in [
        "assertion['sub'].startsWith('organization:acme')",
        "assertion.sub.startsWith( 'organization:acme')",
        "assertion.terraform_organization_name.startsWith('acme')",
        "assertion.sub.matches('organization:acme')",
        "assertion.sub.matches('^organization:acme:project:p:workspace:net')",
        "assertion.sub.startsWith('organization:acme:project:p:workspace:net')",
    ] {
        check(Family::Gcp, gcp(condition), None, &["no-end-mark"]);
    }
    check(Family::Gcp, gcp("assertion.sub.startsWith('organization:acme:')"), None, &["project-wildcard"]);
    check(Family::Gcp, gcp("assertion.terraform_organization_name == 'acme'"), None, &["project-wildcard"]);
    check(
        Family::Gcp,
        gcp("assertion.sub.startsWith('organization:acme:project:p:workspace:')"),
        None,
        &["workspace-wildcard"],
    );
    check(Family::Gcp, gcp("assertion.terraform_workspace_id == 'ws-1'"), None, &["phase-wildcard"]);
    let narrow = "assertion.terraform_workspace_id == 'ws-1' && assertion.terraform_run_phase == 'plan'";
    check(Family::Gcp, gcp(narrow), None, &[]);
    check(Family::Gcp, gcp(&format!("assertion.sub in ['{EXACT}']")), None, &[]);
    check(Family::Gcp, gcp("assertion.sub == 'ws-1:plan'"), None, &[]);
    check(Family::Gcp, gcp("assertion.sub.startsWith('ws-1:plan')"), None, &["no-end-mark"]);
    check(Family::Gcp, gcp("assertion.nobody == 'has-this'"), None, &["not-judged"]);
}

#[test]
fn members_of_google_that_are_too_many_are_found() {
    let members = |condition: &str, members: &[String]| {
        let bindings = json!({"bindings": [{"role": "roles/iam.workloadIdentityUser", "members": members}]});
        (gcp(condition), Some(bindings))
    };
    let organization = "assertion.terraform_organization_name == 'acme'";
    let subject = |subject: &str| format!("principal://{POOL}/subject/{subject}");
    let check = |condition: &str, names: &[String], expected: &[&str]| {
        let (policy, beside) = members(condition, names);
        check(Family::Gcp, policy, beside, expected);
    };
    check(organization, &[subject(EXACT)], &[]);
    check(organization, &["allUsers".to_owned()], &["member-anybody", "project-wildcard"]);
    check(organization, &["allAuthenticatedUsers".to_owned(), subject(EXACT)], &["member-anybody"]);
    check(organization, &[subject(EXACT), subject(APPLY)], &["plan-and-apply-identical"]);
    let (mut policy, _) = members(organization, &[]);
    policy["attributeMapping"]["attribute.terraform_workspace_name"] =
        json!("assertion.terraform_workspace_name");
    let named = format!("principalSet://{POOL}/attribute.terraform_workspace_name/net");
    let beside = json!({"bindings": [{"role": "roles/iam.workloadIdentityUser", "members": [named]}]});
    self::check(Family::Gcp, policy, Some(beside), &["project-wildcard"]);
    // Another provider of the pool may map what this one does not.
    let phase = format!("principalSet://{POOL}/attribute.terraform_run_phase/plan");
    check(organization, &[phase], &["project-wildcard"]);
    for (source, rules) in [
        ("assertion.terraform_workspace_name", &["project-wildcard", "subject-shared"][..]),
        ("'x'", &["project-wildcard", "subject-shared"]),
        ("assertion.sub", &["project-wildcard"]),
    ] {
        let (mut policy, _) = members(organization, &[]);
        policy["attributeMapping"]["google.subject"] = json!(source);
        self::check(Family::Gcp, policy, None, rules);
    }
}

#[test]
fn roles_of_vault_are_tried_with_strangers() {
    let role = |kind: &str, claims: Value| {
        json!({"role_type": "jwt", "user_claim": "terraform_workspace_id", "bound_audiences": ["a"],
            "bound_claims_type": kind, "bound_claims": claims})
    };
    let check = |kind: &str, claims: Value, expected: &[&str]| {
        check(Family::Vault, role(kind, claims), None, expected);
    };
    check("glob", json!({"terraform_organization_name": "*"}), &["organization-not-pinned"]);
    check("glob", json!({"terraform_organization_name": "acme*"}), &["no-end-mark"]);
    check("glob", json!({"terraform_workspace_id": "*"}), &["organization-not-pinned"]);
    check("glob", json!({"terraform_full_workspace": "organization:acme*"}), &["no-end-mark"]);
    check("glob", json!({"/sub": "organization:acme*"}), &["no-end-mark"]);
    check("string", json!({"terraform_organization_name": "acme"}), &["project-wildcard"]);
    check(
        "string",
        json!({"terraform_organization_name": "acme", "terraform_run_phase": "plan"}),
        &["project-wildcard"],
    );
    check("string", json!({"terraform_workspace_id": "ws-1"}), &["phase-wildcard"]);
    check("string", json!({"terraform_workspace_id": "ws-1", "terraform_run_phase": "plan"}), &[]);
    check("string", json!({"sub": [EXACT, APPLY]}), &["plan-and-apply-identical"]);
    check("string", json!({"environment": "production"}), &["organization-not-pinned"]);
    let mut pointer = role("string", json!({"sub": EXACT}));
    pointer["user_claim"] = json!("/terraform_organization_name");
    pointer["user_claim_json_pointer"] = json!(true);
    self::check(Family::Vault, pointer, None, &["user-claim-shared"]);
    let mut subject = role("glob", json!({"sub": "*"}));
    subject["bound_subject"] = json!(EXACT);
    self::check(Family::Vault, subject, None, &[]);
}

#[test]
fn rules_and_mappings_of_kubernetes_are_tried() {
    let named = json!([{"claim": "terraform_organization_name", "requiredValue": "acme"}]);
    let of = |rules: &Value, mappings: Value| {
        let mut all = json!({"username": {"claim": "sub", "prefix": "c:"}});
        all.as_object_mut().unwrap().extend(mappings.as_object().unwrap().clone());
        json!({"jwt": [{"issuer": {"url": "https://h", "audiences": ["a"]}, "claimMappings": all, "claimValidationRules": rules}]})
    };
    for expression in [
        "claims.terraform_organization_name != ''",
        "has(claims.sub)",
        "true || claims.sub == 'x'",
        "claims.terraform_workspace_name == 'net'",
    ] {
        let rules = json!([{"expression": expression, "message": "organization"}]);
        check(Family::Kubernetes, of(&rules, json!({})), None, &["claims-not-validated"]);
    }
    for expression in [
        "claims.terraform_organization_name.startsWith('acme')",
        "claims.sub.startsWith('organization:acme')",
    ] {
        let rules = json!([{"expression": expression}]);
        check(Family::Kubernetes, of(&rules, json!({})), None, &["no-end-mark"]);
    }
    let with = |mappings: Value| of(&named, mappings);
    check(Family::Kubernetes, with(json!({})), None, &[]);
    let masters = json!({"groups": {"expression": "['system:masters']"}});
    check(Family::Kubernetes, with(masters), None, &["group-reserved"]);
    let groups = json!({"groups": {"claim": "terraform_organization_name", "prefix": ""}});
    check(Family::Kubernetes, with(groups), None, &["prefix-empty"]);
    let name = json!({"username": {"expression": "claims.terraform_workspace_name"}});
    check(Family::Kubernetes, with(name), None, &["prefix-empty", "user-claim-shared"]);
    let name = json!({"username": {"claim": "terraform_workspace_name", "prefix": "c:"}});
    check(Family::Kubernetes, with(name), None, &["user-claim-shared"]);
    let user = |name: &str| json!({"kind": "User", "name": format!("c:{name}")});
    let both = json!({"subjects": [user(EXACT), user(APPLY)], "roleRef": {}});
    check(Family::Kubernetes, with(json!({})), Some(both.clone()), &["plan-and-apply-identical"]);
    let list = json!({"kind": "List", "items": [both, {"subjects": [{"kind": "Group", "name": "system:authenticated"}]}]});
    check(
        Family::Kubernetes,
        with(json!({})),
        Some(list),
        &["bound-to-everybody", "plan-and-apply-identical"],
    );
}

#[test]
fn expressions_of_entra_are_tried() {
    let of = |expression: &str| {
        json!([{"issuer": "https://app.terraform.io", "audiences": ["a"],
        "claimsMatchingExpression": {"value": expression}}])
    };
    check(Family::Azure, of("claims['sub']  matches '*'"), None, &["organization-not-pinned"]);
    check(
        Family::Azure,
        of("claims['sub'] matches '*:run_phase:plan' and claims['sub'] matches '*'"),
        None,
        &["organization-not-pinned"],
    );
    check(
        Family::Azure,
        of("claims['terraform_workspace_name'] eq 'net'"),
        None,
        &["organization-not-pinned"],
    );
    check(Family::Azure, of(&format!("claims['sub'] eq '{EXACT}'")), None, &[]);
    check(Family::Azure, of("claims['sub'] matches 'organization:acme*'"), None, &["no-end-mark"]);
}

#[test]
fn roles_with_the_same_policy_are_told() {
    let role = |name: &str, policy: &Value| Trust {
        policy: json!({"Role": {"RoleName": name, "AssumeRolePolicyDocument": policy}}),
        ..Trust::default()
    };
    let (one, other) =
        (aws(json!({"StringEquals": {"h:sub": EXACT}})), aws(json!({"StringEquals": {"h:sub": APPLY}})));
    let compared = |one: &Trust, other: &Trust| same(Family::Aws, ("plan", "apply"), (one, other)).is_some();
    assert!(compared(&role("plan", &one), &role("apply", &one)));
    assert!(compared(&role("plan", &one), &role("apply", &json!(one.to_string()))));
    assert!(!compared(&role("plan", &one), &role("apply", &other)));
}
