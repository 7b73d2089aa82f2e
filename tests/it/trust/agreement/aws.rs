//! Trust policies of AWS, judged by the token service of SeaweedFS within what it supports.

use carnet_model::{Phase, Timestamp, WorkloadIdentity};
use carnet_tests::{CertificateAuthority, IssuerServer, SeaweedFs, SeaweedOptions, TrustedRole};
use carnet_trust::check::{Claims, Family, Question, Trust, judge};
use futures_util::{StreamExt as _, stream};
use serde_json::{Map, Value, json};

use super::chance::Chance;

const ROLES: usize = 100;
const TOKENS: usize = 3;
const SEED: u64 = 0x000c_a121_e700_0a05;
const AUDIENCE: &str = "aws.workload.identity";
/// The name of the provider in trust policies of the counterpart, and of its condition keys.
const PROVIDER: &str = "carnet";
const OTHER: &str = "another-provider";

fn identity(workspace: &str, organization: &str, phase: Phase) -> anyhow::Result<WorkloadIdentity> {
    Ok(WorkloadIdentity {
        organization_id: "org-AAAAAAAAAAAAAAAA".parse()?,
        organization_name: organization.parse()?,
        project_id: "prj-AAAAAAAAAAAAAAAA".parse()?,
        project_name: "Default Project".parse()?,
        workspace_id: "ws-AAAAAAAAAAAAAAAA".parse()?,
        workspace_name: workspace.parse()?,
        run_id: "run-AAAAAAAAAAAAAAAA".parse()?,
        phase,
    })
}

/// A subject, a part of one, or a pattern.
fn value(chance: &mut Chance) -> String {
    if chance.once_in(3) {
        return "organization:acme:project:Default Project:workspace:net:run_phase:plan".to_owned();
    }
    let workspace = chance.one(&["net", "net", "net-prod", "n?t", "*", "net*"]);
    let organization = chance.one(&["acme", "acme", "acme", "Acme", "globex", "*"]);
    let phase = chance.one(&["plan", "plan", "apply", "*"]);
    format!("organization:{organization}:project:Default Project:workspace:{workspace}:run_phase:{phase}")
}

fn condition(chance: &mut Chance, is_deny: bool) -> Value {
    let operators = [
        "StringEquals",
        "StringLike",
        "StringLike",
        "StringNotEquals",
        "StringNotLike",
        "StringEqualsIgnoreCase",
    ];
    let mut block = Map::new();
    let operator = chance.one(&operators);
    let subject = match chance.below(4) {
        0 => json!([value(chance), value(chance)]),
        _ if is_deny => json!(value(chance)),
        1 => json!("organization:acme:*"),
        _ => json!(value(chance)),
    };
    block.insert(operator.to_owned(), json!({ "oidc:sub": subject }));
    if chance.once_in(3) {
        let name = if operator == "StringEquals" { "StringLike" } else { "StringEquals" };
        let audience = chance.one(&[AUDIENCE, AUDIENCE, "other", "aws.*"]);
        block.entry(name).or_insert_with(|| json!({}))["oidc:aud"] = json!(audience);
    }
    Value::Object(block)
}

fn statement(chance: &mut Chance, is_deny: bool) -> Value {
    // The counterpart does not load roles whose actions have wildcards.
    let action = if chance.once_in(9) { "sts:AssumeRole" } else { "sts:AssumeRoleWithWebIdentity" };
    let provider = if chance.once_in(10) { OTHER } else { PROVIDER };
    let mut statement = json!({
        "Effect": if is_deny { "Deny" } else { "Allow" },
        "Principal": { "Federated": provider },
        "Action": [action],
    });
    if !chance.once_in(10) {
        statement["Condition"] = condition(chance, is_deny);
    }
    statement
}

fn policy(chance: &mut Chance) -> Value {
    let mut statements = vec![statement(chance, false)];
    if chance.once_in(3) {
        statements.push(statement(chance, false));
    }
    if chance.once_in(4) {
        statements.push(statement(chance, true));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// The policy as AWS would have it.
fn of_aws(policy: &Value, host: &str) -> Value {
    let arn = |name: &str| format!("\"arn:aws:iam::123456789012:oidc-provider/{name}\"");
    let text = policy.to_string();
    let text = text.replace("\"oidc:", &format!("\"{host}:"));
    let text = text
        .replace(&format!("\"{PROVIDER}\""), &arn(host))
        .replace(&format!("\"{OTHER}\""), &arn("other.example.com"));
    serde_json::from_str(&text).expect("it is still JSON")
}

fn random_identity(chance: &mut Chance) -> anyhow::Result<WorkloadIdentity> {
    let phase = chance.one(&[Phase::Plan, Phase::Plan, Phase::Apply]);
    let workspace = chance.one(&["net", "net", "net-prod"]);
    let organization = chance.one(&["acme", "acme", "acme", "acme", "acme", "Acme"]);
    identity(workspace, organization, phase)
}

#[expect(clippy::disallowed_methods, reason = "the counterpart compares tokens with the real time")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[tokio::test]
async fn seaweedfs_and_the_evaluator_agree_on_random_trust_policies() -> anyhow::Result<()> {
    let mut chance = Chance::new(SEED);
    let ca = CertificateAuthority::new()?;
    let issuer = IssuerServer::start(&ca).await?;
    let options = SeaweedOptions {
        issuer_url: issuer.url(),
        jwks_url: issuer.jwks_url(),
        issuer_ca: ca.pem_file(),
        audience: AUDIENCE.to_owned(),
        roles: Vec::<TrustedRole>::new(),
    };
    let policies: Vec<(String, Value)> =
        (0..ROLES).map(|index| (format!("role-{index}"), policy(&mut chance))).collect();
    let seaweed = SeaweedFs::start_with_trust(&options, &policies).await?;
    let mut pairs = Vec::new();
    for (name, policy) in &policies {
        for _ in 0..TOKENS {
            let identity = random_identity(&mut chance)?;
            let audience = if chance.once_in(8) { "other" } else { AUDIENCE };
            let token = issuer.mint(&identity, audience, now())?;
            pairs.push((name, policy, identity.subject(), audience, token));
        }
    }
    let verdicts: Vec<anyhow::Result<(bool, String)>> = stream::iter(&pairs)
        .map(async |(name, policy, _, _, token)| {
            let answer = seaweed.assume_role(name, token).await?;
            let said = answer.body.to_string();
            anyhow::ensure!(!said.contains("role not found"), "{name} was not loaded: {policy}");
            Ok((answer.status == 200, said))
        })
        .buffered(8)
        .collect()
        .await;

    let host = issuer.url().trim_start_matches("https://").to_owned();
    let (mut accepted, mut disagreements) = (0, Vec::new());
    for ((name, policy, subject, audience, _), verdict) in pairs.iter().zip(verdicts) {
        let (real, said) = verdict?;
        let claims = json!({"iss": issuer.url(), "sub": subject, "aud": audience});
        let Value::Object(claims) = claims else { unreachable!("it is an object") };
        let trust = Trust {
            policy: of_aws(policy, &host),
            beside: Some(json!({"Url": host, "ClientIDList": [AUDIENCE]})),
            role: Some(SeaweedFs::role_arn(name)),
        };
        let judgement = judge(Family::Aws, &Question { claims: Claims::new(claims), trust, now: None });
        accepted += usize::from(real);
        if judgement.is_accepted() != real {
            disagreements
                .push(format!("{policy}\n  {subject} for {audience}\n  {:?}\n  {said}", judgement.findings));
        }
    }
    let (all, refused) = (pairs.len(), pairs.len() - accepted);
    println!(
        "SeaweedFS: {all} pairs, {accepted} accepted, {refused} refused, {} disagreements",
        disagreements.len()
    );
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
    assert!(accepted > all / 8 && refused > all / 8, "{accepted} accepted, {refused} refused");
    Ok(())
}
