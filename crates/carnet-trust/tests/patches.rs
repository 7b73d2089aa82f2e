//! A patch lets the token in, nobody else, and keeps those who were let in.

use carnet_trust::{
    check::{Cause, Claims, Family, Judgement, Question, Trust, judge},
    scan::scan,
};
use serde_json::{Value, json};

const SUBJECT: &str = "organization:acme:project:p:workspace:net:run_phase:plan";
const POOL: &str = "projects/1/locations/global/workloadIdentityPools/p";

fn claims() -> Claims {
    let claims = json!({"iss": "https://h", "aud": "a", "sub": SUBJECT, "exp": 4_000_000_600_i64, "iat": 4_000_000_000_i64,
        "terraform_organization_name": "acme", "terraform_project_name": "p", "terraform_workspace_name": "net",
        "terraform_run_phase": "plan", "terraform_workspace_id": "ws-1"});
    Claims::new(claims.as_object().cloned().unwrap_or_default())
}

fn judged(family: Family, policy: &Value, beside: Option<Value>, claims: Claims) -> Judgement {
    let trust = Trust { policy: policy.clone(), beside, role: None };
    judge(family, &Question { claims, trust, now: None })
}

fn accepts(family: Family, trust: &Trust, claims: Claims) -> bool {
    judge(family, &Question { claims, trust: trust.clone(), now: None }).is_accepted()
}

fn aws(condition: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/h"},
        "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}]})
}

fn gcp(condition: &str) -> Value {
    json!({"name": format!("{POOL}/providers/c"), "attributeMapping": {"google.subject": "assertion.sub"},
        "attributeCondition": condition, "oidc": {"issuerUri": "https://h", "allowedAudiences": ["a"]}})
}

#[test]
fn patches_of_aws_bind_the_audience_and_leave_nothing_empty() {
    for condition in [
        json!({"StringEqual": {"h:sub": SUBJECT, "h:aud": "a"}}),
        json!({"StringEquals": {"h:sub": SUBJECT, "h:audience": "a"}}),
        json!({"StringEquals": {"h:sub": SUBJECT}, "stringEquals": {"h:aud": "a"}}),
        json!({"StringEquals": {"h:sub": SUBJECT}, "NumericEquals": {"h:aud": "a"}}),
        json!({"StringEquals": {"h:sub": SUBJECT, "h:aud": "b"}}),
        json!({"StringEquals": {"h:SUB": "organization:Acme", "h:AUD": "a"}}),
    ] {
        let policy = aws(condition.clone());
        let patch =
            judged(Family::Aws, &policy, None, claims()).patch.unwrap_or_else(|| panic!("{condition}"));
        let other = claims().with("aud", json!("sts.amazonaws.com"));
        assert!(accepts(Family::Aws, &patch.trust, claims()), "{condition}");
        assert!(!accepts(Family::Aws, &patch.trust, other), "{condition}: {}", patch.trust.policy);
        assert_eq!(scan(Family::Aws, &patch.trust), Ok(Vec::new()), "{condition}: {}", patch.trust.policy);
        assert!(!patch.trust.policy.to_string().contains("{}"), "{}", patch.trust.policy);
    }
}

#[test]
fn patches_of_google_and_kubernetes_keep_whom_they_let_in() {
    let named = |name: &str| {
        claims()
            .with("terraform_workspace_name", json!(name))
            .with_subject(&SUBJECT.replace("workspace:net", &format!("workspace:{name}")))
    };
    for condition in [
        "assertion.terraform_workspace_name in ['a', 'b']",
        "assertion.terraform_workspace_name == 'a' || assertion.terraform_workspace_name == 'b'",
        "assertion.terraform_workspace_name.matches('^[ab]$')",
        "assertion.sub.startsWith('organization:acme:project:p:workspace:a:') || assertion.terraform_workspace_name == 'b'",
    ] {
        let patch = judged(Family::Gcp, &gcp(condition), None, claims())
            .patch
            .unwrap_or_else(|| panic!("{condition}"));
        let rule = json!({"expression": condition.replace("assertion", "claims")});
        let kubernetes = json!({"jwt": [{"issuer": {"url": "https://h", "audiences": ["a"]},
            "claimMappings": {"username": {"claim": "sub", "prefix": "c:"}}, "claimValidationRules": [rule]}]});
        let other = judged(Family::Kubernetes, &kubernetes, None, claims())
            .patch
            .unwrap_or_else(|| panic!("{condition}"));
        for (family, patch) in [(Family::Gcp, patch), (Family::Kubernetes, other)] {
            for (name, is_in) in [("a", true), ("b", true), ("net", true), ("net-x", false), ("c", false)] {
                assert_eq!(accepts(family, &patch.trust, named(name)), is_in, "{name}: {:?}", patch.edits);
            }
            assert_eq!(patch.note, None);
        }
    }
    let required = json!({"jwt": [{"issuer": {"url": "https://h", "audiences": ["a"]},
        "claimMappings": {"username": {"claim": "sub", "prefix": "c:"}},
        "claimValidationRules": [{"claim": "absent", "requiredValue": "x"}]}]});
    let patch = judged(Family::Kubernetes, &required, None, claims()).patch.unwrap();
    assert!(accepts(Family::Kubernetes, &patch.trust, claims()));
}

#[test]
fn a_patch_that_locks_others_out_says_so() {
    let role = json!({"role_type": "jwt", "user_claim": "terraform_workspace_id", "bound_audiences": ["b"],
        "bound_claims_type": "glob",
        "bound_claims": {"sub": "organization:acme:project:p:*", "terraform_run_phase": "plan"}});
    let judgement = judged(Family::Vault, &role, None, claims());
    let patch = judgement.patch.as_ref().unwrap();
    assert!(patch.is_pinned && patch.note.is_some(), "{patch:?}");
    let trust = Trust { policy: role, ..Trust::default() };
    let question = Question { claims: claims(), trust, now: None };
    let said = judgement.lines(Family::Vault, &question).join("\n");
    assert!(said.contains("whoever else it let in is refused"), "{said}");
    assert!(judgement.to_json(Family::Vault)["patch"]["note"].is_string());
}

#[test]
fn members_count_with_their_role_alone() {
    let member = format!("principal://iam.googleapis.com/{POOL}/subject/{SUBJECT}");
    let user = "roles/iam.workloadIdentityUser";
    let policy = gcp(&format!("assertion.sub == '{SUBJECT}'"));
    let judged =
        |bindings: Value| judged(Family::Gcp, &policy, Some(json!({"bindings": bindings})), claims());

    // The member goes to where it belongs, and nowhere else.
    let bindings = json!([{"role": "roles/iam.serviceAccountAdmin", "members": ["user:x@y"]}, {"role": user, "members": []}]);
    let patch = judged(bindings.clone()).patch.unwrap();
    let after = patch.trust.beside.unwrap();
    assert_eq!(after["bindings"][0], bindings[0]);
    assert_eq!(after["bindings"][1]["members"], json!([member]));
    let after =
        judged(json!([{"role": "roles/iam.serviceAccountAdmin", "members": []}])).patch.unwrap().trust.beside;
    assert_eq!(after.unwrap()["bindings"][1], json!({"role": user, "members": [member]}));

    // Another role of a service account lets nobody act as it.
    let other = json!([{"role": "roles/iam.serviceAccountAdmin", "members": [member]}, {"role": user, "members": []}]);
    let found = judged(other);
    assert_eq!(
        found.first().map(|first| (first.at.as_str(), first.cause)),
        Some(("bindings.role", Cause::NotBound))
    );
    // Of a resource that is used directly each role lets somebody in.
    let direct = judged(json!([{"role": "roles/viewer", "members": [member]}]));
    assert!(direct.is_accepted() && direct.notes[0].contains("roles/viewer itself"), "{direct:?}");

    let conditional =
        judged(json!([{"role": user, "members": [member], "condition": {"expression": "request.time < x"}}]));
    assert!(
        conditional.is_accepted() && conditional.notes[0].contains("request.time < x"),
        "{conditional:?}"
    );
}

#[test]
fn what_was_not_looked_at_is_said() {
    let mut unnamed = gcp("true");
    unnamed.as_object_mut().unwrap().remove("name");
    unnamed["oidc"] = json!({"issuerUri": "https://h"});
    let judgement = judged(Family::Gcp, &unnamed, None, claims());
    assert!(
        judgement.is_accepted() && judgement.notes[0].contains("audience is taken as met"),
        "{judgement:?}"
    );

    let role = json!({"role_type": "jwt", "user_claim": "terraform_workspace_id", "bound_audiences": ["a"],
        "bound_claims": {"sub": SUBJECT}});
    let config = json!({"oidc_discovery_url": "https://other", "bound_issuer": ""});
    let judgement = judged(Family::Vault, &role, Some(config), claims());
    let said = judgement.notes.concat();
    assert!(judgement.is_accepted() && said.contains("reads its keys at https://other"), "{judgement:?}");
    assert!(said.contains("does not compare"), "{judgement:?}");
}

#[test]
fn policy_variables_are_those_of_the_newer_version() {
    let variable = aws(json!({"StringEquals": {"h:sub": "${h:sub}", "h:aud": "a"}}));
    assert!(judged(Family::Aws, &variable, None, claims()).is_accepted());
    for version in [json!("2008-10-17"), Value::Null] {
        let mut older = variable.clone();
        older["Version"] = version;
        assert!(!judged(Family::Aws, &older, None, claims()).is_accepted());
    }
    let start = SUBJECT.strip_suffix("plan").unwrap();
    let with_default = |text: &str| {
        let value = format!("{start}${{aws:RequestTag/phase{text}}}");
        judged(Family::Aws, &aws(json!({"StringEquals": {"h:sub": value, "h:aud": "a"}})), None, claims())
            .is_accepted()
    };
    assert!(with_default(", 'plan'"));
    assert!(!with_default(", 'apply'") && !with_default(""));
}

#[test]
fn everybody_is_denied_however_it_is_written() {
    for principal in [json!("*"), json!({"AWS": "*"}), json!({"AWS": ["arn:aws:iam::1:root", "*"]})] {
        let mut policy = aws(json!({"StringEquals": {"h:sub": SUBJECT, "h:aud": "a"}}));
        let deny = json!({"Effect": "Deny", "Principal": principal, "Action": "sts:*"});
        policy["Statement"].as_array_mut().unwrap().push(deny);
        let judgement = judged(Family::Aws, &policy, None, claims());
        assert_eq!(judgement.first().map(|first| first.cause), Some(Cause::Denied), "{principal}");
    }
}

#[test]
fn rules_on_users_see_the_uid_and_further_attributes() {
    let with = |rule: &str| {
        let policy = json!({"jwt": [{"issuer": {"url": "https://h", "audiences": ["a"]},
            "claimMappings": {"username": {"claim": "sub", "prefix": "c:"}, "uid": {"claim": "terraform_workspace_id"},
                "extra": [{"key": "x.y/z", "valueExpression": "claims.sub"}, {"key": "x.y/none", "valueExpression": "''"}]},
            "userValidationRules": [{"expression": rule}]}]});
        judged(Family::Kubernetes, &policy, None, claims()).is_accepted()
    };
    assert!(with("user.uid == 'ws-1'"));
    assert!(with("'x.y/z' in user.extra && user.extra['x.y/z'][0].startsWith('organization:acme')"));
    assert!(!with("'x.y/none' in user.extra"));
}

#[test]
fn several_audiences_are_too_many_for_entra() {
    let policy = json!([{"name": "n", "issuer": "https://h", "subject": SUBJECT, "audiences": ["a"]}]);
    let found = judged(Family::Azure, &policy, None, claims().with("aud", json!(["a", "b"])));
    assert_eq!(found.first().map(|first| first.cause), Some(Cause::TooMany));
    assert_eq!(found.patch, None);
}

#[test]
fn a_trust_policy_that_is_text_is_judged() {
    let policy = aws(json!({"StringEquals": {"h:sub": SUBJECT.replace("acme", "Acme"), "h:aud": "a"}}));
    let encoded = policy.to_string().replace('{', "%7B").replace('"', "%22").replace('}', "%7D");
    let wrapped = json!({"Role": {"AssumeRolePolicyDocument": encoded}});
    let judgement = judged(Family::Aws, &wrapped, None, claims());
    assert_eq!(judgement.first().map(|first| first.cause), Some(Cause::LetterCase));
    let patched = &judgement.patch.unwrap().trust.policy["Role"]["AssumeRolePolicyDocument"];
    assert_eq!(patched["Statement"][0]["Condition"]["StringEquals"]["h:sub"], SUBJECT);
}
