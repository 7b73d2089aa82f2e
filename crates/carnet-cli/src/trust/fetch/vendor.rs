//! Policies of clouds, read by the cloud's own command line: it knows the caller's profile, single sign-on and proxies.

use std::io::ErrorKind;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use carnet_trust::check::Trust;
use serde_json::Value;

use super::is_name;

/// A role of IAM, and the OIDC provider that its policy names first.
pub(super) fn aws(role: &str) -> anyhow::Result<Trust> {
    let policy = asked("aws", &["iam", "get-role", "--role-name", role, "--output", "json"])?;
    let arn = policy.pointer("/Role/Arn").and_then(Value::as_str).map(str::to_owned);
    // Who may read a role may not always read the provider: its audiences are then not compared.
    let beside = provider(&policy).and_then(|arn| {
        let arguments = [
            "iam",
            "get-open-id-connect-provider",
            "--open-id-connect-provider-arn",
            &arn,
            "--output",
            "json",
        ];
        asked("aws", &arguments).ok()
    });
    Ok(Trust { policy, beside, role: arn })
}

/// The first OIDC provider that a policy lets in.
fn provider(policy: &Value) -> Option<String> {
    let statements = policy.pointer("/Role/AssumeRolePolicyDocument/Statement")?;
    let statements = statements.as_array().map_or(std::slice::from_ref(statements), Vec::as_slice);
    let federated = statements.iter().filter_map(|statement| statement.pointer("/Principal/Federated"));
    let arns = federated.flat_map(|one| one.as_array().map_or(std::slice::from_ref(one), Vec::as_slice));
    arns.filter_map(Value::as_str).find(|arn| arn.contains(":oidc-provider/")).map(str::to_owned)
}

/// The federated credentials of an application.
pub(super) fn azure(client_id: &str) -> anyhow::Result<Trust> {
    let arguments = ["ad", "app", "federated-credential", "list", "--id", client_id, "--output", "json"];
    Ok(Trust { policy: asked("az", &arguments)?, ..Trust::default() })
}

/// A provider of a workload identity pool, and who may act as a service account.
pub(super) fn gcp(
    (project, pool, provider): (&str, &str, &str),
    service_account: Option<&str>,
) -> anyhow::Result<Trust> {
    let start = ["iam", "workload-identity-pools", "providers", "describe", provider];
    let place = ["--workload-identity-pool", pool, "--location", "global", "--project", project];
    let policy = asked("gcloud", &[&start[..], &place, &["--format", "json"]].concat())?;
    let beside = service_account.map(|account| {
        if !is_name(account) {
            bail!("{account:?} is not the address of a service account");
        }
        asked("gcloud", &["iam", "service-accounts", "get-iam-policy", account, "--format", "json"])
    });
    Ok(Trust { policy, beside: beside.transpose()?, role: None })
}

/// What a command answers; its complaints reach the caller as they are.
fn asked(program: &str, arguments: &[&str]) -> anyhow::Result<Value> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = match output {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!(
                "{program} is not on PATH: install it, or save the policy elsewhere and name the file with --policy"
            )
        }
        output => output.with_context(|| format!("{program} could not be started"))?,
    };
    if !output.status.success() {
        bail!("{program} {} failed ({})", arguments.join(" "), output.status);
    }
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{program} answered something else than JSON"))
}
