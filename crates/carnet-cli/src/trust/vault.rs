//! Trust of Vault and OpenBao (<https://developer.hashicorp.com/vault/api-docs/auth/jwt>).

use std::path::PathBuf;

use anyhow::Context as _;
use carnet_issuer::IssuerUrl;
use carnet_model::{OrgName, Phase, ProjectName, WorkspaceName};
use clap::Args;
use serde_json::{Value, json};

use super::TrustFormat;

/// The audience that Vault roles of HCP Terraform expect.
const AUDIENCE: &str = "vault.workload.identity";

/// What the trust is for.
#[derive(Debug, Args)]
pub(crate) struct VaultTrust {
    /// The issuer of identity tokens: the server's URL unless it was given another.
    #[arg(long, value_name = "URL")]
    url: IssuerUrl,

    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: OrgName,

    /// The project.
    #[arg(long, default_value = "Default Project", value_name = "NAME")]
    project: ProjectName,

    /// The workspace.
    #[arg(long, value_name = "NAME")]
    workspace: WorkspaceName,

    /// Where the JWT auth method is, or will be, mounted.
    #[arg(long, default_value = "jwt", value_name = "PATH")]
    mount: String,

    /// The policies of the plan's role, separated by commas.
    #[arg(long, value_delimiter = ',', required = true, value_name = "NAME")]
    policy_plan: Vec<String>,

    /// The policies of the apply's role, separated by commas.
    #[arg(long, value_delimiter = ',', required = true, value_name = "NAME")]
    policy_apply: Vec<String>,

    /// The address of Vault as runs reach it, for the workspace's variables.
    #[arg(long, default_value = "https://vault.example.org:8200", value_name = "URL")]
    vault_addr: String,

    /// The certificate authority of the issuer, PEM, if it is not publicly trusted.
    #[arg(long, value_name = "FILE")]
    issuer_ca_file: Option<PathBuf>,

    /// The certificate authority of Vault, PEM, if it is not publicly trusted.
    #[arg(long, value_name = "FILE")]
    vault_ca_file: Option<PathBuf>,

    /// How long the Vault token lives between renewals.
    #[arg(long, default_value = "20m", value_name = "DURATION")]
    token_ttl: String,

    /// How the trust is written.
    #[arg(long, default_value = "cli", value_name = "FORMAT")]
    format: TrustFormat,
}

struct Request {
    path: String,
    body: Value,
    /// The mount may be there already.
    may_exist: bool,
}

/// The trust as text.
pub(crate) fn text(options: &VaultTrust) -> anyhow::Result<String> {
    let requests = requests(options)?;
    let variables = variables(options)?;
    match options.format {
        TrustFormat::Json => {
            let requests: Vec<Value> = requests
                .iter()
                .map(|request| {
                    json!({ "method": "POST", "path": format!("/v1/{}", request.path), "body": request.body,
                            "may-exist": request.may_exist })
                })
                .collect();
            let variables: Vec<Value> = variables
                .iter()
                .map(|(key, value)| json!({ "key": key, "value": value, "category": "env" }))
                .collect();
            let document = json!({ "requests": requests, "variables": variables });
            Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
        }
        TrustFormat::Cli => Ok(commands(&requests, &variables)),
    }
}

fn role(options: &VaultTrust, phase: Phase) -> String {
    format!("carnet-{}-{}-{phase}", options.org, options.workspace)
}

fn subject(options: &VaultTrust, phase: Phase) -> String {
    format!(
        "organization:{}:project:{}:workspace:{}:run_phase:{phase}",
        options.org, options.project, options.workspace
    )
}

fn requests(options: &VaultTrust) -> anyhow::Result<Vec<Request>> {
    let mount = options.mount.trim_matches('/');
    let mut configuration =
        json!({ "oidc_discovery_url": options.url.as_str(), "bound_issuer": options.url.as_str() });
    if let Some(file) = &options.issuer_ca_file {
        let pem =
            std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        configuration["oidc_discovery_ca_pem"] = Value::String(pem);
    }
    let mut requests = vec![
        Request { path: format!("sys/auth/{mount}"), body: json!({ "type": "jwt" }), may_exist: true },
        Request { path: format!("auth/{mount}/config"), body: configuration, may_exist: false },
    ];
    for (phase, policies) in [(Phase::Plan, &options.policy_plan), (Phase::Apply, &options.policy_apply)] {
        requests.push(Request {
            path: format!("auth/{mount}/role/{}", role(options, phase)),
            // The subject is exact: no other workspace, no other phase. The workspace's id survives a rename as the alias.
            body: json!({
                "role_type": "jwt",
                "bound_audiences": [AUDIENCE],
                "bound_claims_type": "string",
                "bound_claims": { "sub": subject(options, phase) },
                "user_claim": "terraform_workspace_id",
                "claim_mappings": { "terraform_run_id": "terraform_run_id", "terraform_run_phase": "terraform_run_phase" },
                "token_policies": policies,
                "token_ttl": options.token_ttl,
            }),
            may_exist: false,
        });
    }
    Ok(requests)
}

fn variables(options: &VaultTrust) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut variables = vec![
        ("TFC_VAULT_PROVIDER_AUTH", "true".to_owned()),
        ("TFC_VAULT_ADDR", options.vault_addr.clone()),
        ("TFC_VAULT_PLAN_ROLE", role(options, Phase::Plan)),
        ("TFC_VAULT_APPLY_ROLE", role(options, Phase::Apply)),
    ];
    if options.mount.trim_matches('/') != "jwt" {
        variables.push(("TFC_VAULT_AUTH_PATH", options.mount.trim_matches('/').to_owned()));
    }
    if let Some(file) = &options.vault_ca_file {
        use base64::Engine as _;
        let pem = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        variables.push(("TFC_VAULT_ENCODED_CACERT", base64::engine::general_purpose::STANDARD.encode(pem)));
    }
    Ok(variables)
}

fn commands(requests: &[Request], variables: &[(&str, String)]) -> String {
    let mut text = String::from("# On the Vault or OpenBao side (bao instead of vault works the same):\n");
    for request in requests {
        if request.may_exist {
            text.push_str("# Skip this one if the auth method is mounted already.\n");
        }
        text.push_str(&format!("vault write {} - <<'EOF'\n{:#}\nEOF\n", request.path, request.body));
    }
    text.push_str("\n# On the Carnet side, as environment variables of the workspace:\n");
    for (key, value) in variables {
        text.push_str(&format!("# {key} = {value}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(format: TrustFormat) -> VaultTrust {
        VaultTrust {
            url: "https://carnet.example.org".parse().expect("valid"),
            org: "acme".parse().expect("valid"),
            project: "Default Project".parse().expect("valid"),
            workspace: "net".parse().expect("valid"),
            mount: "jwt".into(),
            policy_plan: vec!["read".into()],
            policy_apply: vec!["read".into(), "write".into()],
            vault_addr: "https://vault.example.org:8200".into(),
            issuer_ca_file: None,
            vault_ca_file: None,
            token_ttl: "20m".into(),
            format,
        }
    }

    #[test]
    fn each_phase_has_a_role_of_its_own_with_the_exact_subject() {
        let text = text(&options(TrustFormat::Json)).expect("text");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        for (index, phase, policies) in [(2, "plan", json!(["read"])), (3, "apply", json!(["read", "write"]))]
        {
            let request = &document["requests"][index];
            assert_eq!(request["path"], format!("/v1/auth/jwt/role/carnet-acme-net-{phase}"));
            assert_eq!(
                request["body"]["bound_claims"]["sub"],
                format!("organization:acme:project:Default Project:workspace:net:run_phase:{phase}")
            );
            assert_eq!(request["body"]["bound_audiences"], json!(["vault.workload.identity"]));
            assert_eq!(request["body"]["token_policies"], policies);
        }
        assert_eq!(document["variables"][2]["value"], "carnet-acme-net-plan");
    }

    #[test]
    fn commands_name_every_request_and_variable() {
        let text = text(&options(TrustFormat::Cli)).expect("text");
        for part in
            ["sys/auth/jwt", "auth/jwt/config", "carnet-acme-net-apply", "TFC_VAULT_PROVIDER_AUTH = true"]
        {
            assert!(text.contains(part), "{part}");
        }
    }
}
