//! Trust of Vault and OpenBao (<https://developer.hashicorp.com/vault/api-docs/auth/jwt>).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_issuer::IssuerUrl;
use carnet_model::{OrgName, Phase, ProjectName, WorkspaceName};
use clap::Args;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::{TrustFormat, script::script};

/// The audience that Vault roles of HCP Terraform expect.
const AUDIENCE: &str = "vault.workload.identity";

/// What the trust is for.
#[derive(Debug, Args)]
pub(crate) struct VaultTrust {
    /// The issuer of identity tokens: the server's URL unless it was given another.
    #[arg(long, value_name = "URL")]
    url: IssuerUrl,

    /// The address of the application, if it is not the issuer's.
    #[arg(long, value_parser = web_address, value_name = "URL")]
    app_url: Option<String>,

    /// The organization.
    #[arg(long, value_name = "NAME")]
    pub(super) org: OrgName,

    /// The project.
    #[arg(long, default_value = "Default Project", value_name = "NAME")]
    project: ProjectName,

    /// The workspace.
    #[arg(long, value_name = "NAME")]
    pub(super) workspace: WorkspaceName,

    /// Where the JWT auth method is, or will be, mounted.
    #[arg(long, default_value = "jwt", value_parser = mount, value_name = "PATH")]
    mount: String,

    /// The policies of the plan's role, separated by commas; they must exist in Vault.
    #[arg(long, value_delimiter = ',', required = true, value_parser = policy, value_name = "NAME")]
    policy_plan: Vec<String>,

    /// The policies of the apply's role, separated by commas; they must exist in Vault.
    #[arg(long, value_delimiter = ',', required = true, value_parser = policy, value_name = "NAME")]
    policy_apply: Vec<String>,

    /// The address of Vault as runs reach it, for the workspace's variables.
    #[arg(long, value_parser = web_address, value_name = "URL")]
    vault_addr: String,

    /// The certificate authority of the issuer, PEM, if it is not publicly trusted.
    #[arg(long, value_name = "FILE")]
    issuer_ca_file: Option<PathBuf>,

    /// The certificate authority of Vault, PEM, if it is not publicly trusted.
    #[arg(long, value_name = "FILE")]
    vault_ca_file: Option<PathBuf>,

    /// How long the Vault token lives between renewals.
    #[arg(long, default_value = "20m", value_parser = ttl, value_name = "DURATION")]
    token_ttl: String,

    /// How the trust is written.
    #[arg(long, default_value = "cli", value_name = "FORMAT")]
    format: TrustFormat,
}

fn policy(text: &str) -> Result<String, String> {
    let is_name =
        !text.is_empty() && text.chars().all(|character| !character.is_whitespace() && character != '"');
    if is_name { Ok(text.to_owned()) } else { Err("a policy has a name without spaces".to_owned()) }
}

fn mount(text: &str) -> Result<String, String> {
    let is_path = text.trim_matches('/').split('/').all(|segment| {
        !segment.is_empty() && segment.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one))
    });
    if is_path { Ok(text.to_owned()) } else { Err("a mount has a path such as jwt or teams/jwt".to_owned()) }
}

fn web_address(text: &str) -> Result<String, String> {
    // The address stands in a script, in quotes.
    let is_plain = text.chars().all(|one| one.is_ascii_graphic() && !"'\"\\$`;&|<>()".contains(one));
    match reqwest::Url::parse(text) {
        Ok(url) if is_plain && matches!(url.scheme(), "https" | "http") && url.has_host() => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        Ok(_) | Err(_) => Err("an address looks like https://vault.example.org:8200".to_owned()),
    }
}

fn ttl(text: &str) -> Result<String, String> {
    let (number, unit) = text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
    let is_ttl = matches!(unit, "s" | "m" | "h") && number.parse::<u32>().is_ok_and(|number| number > 0);
    if is_ttl { Ok(text.to_owned()) } else { Err("a duration looks like 90s, 20m or 1h".to_owned()) }
}

/// Reads certificates and refuses anything else.
fn certificates(file: &Path) -> anyhow::Result<String> {
    let pem = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let found = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if !found.is_empty() => Ok(pem),
        Ok(_) | Err(_) => bail!("{} holds no certificate in PEM", file.display()),
    }
}

/// A request to Vault.
pub(super) struct Request {
    pub(super) path: String,
    pub(super) body: Value,
    /// The mount may be there already.
    pub(super) may_exist: bool,
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
        TrustFormat::Cli => Ok(script(options, &requests, &variables)),
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
                // Vault keeps what a write does not name: a subject that somebody bound here before would go on refusing.
                "bound_subject": "",
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
        variables.push(("TFC_VAULT_ENCODED_CACERT", STANDARD.encode(certificates(file)?)));
    }
    Ok(variables)
}

impl VaultTrust {
    /// The application's address: the issuer's, unless another was named.
    pub(super) fn app_url(&self) -> &str {
        self.app_url.as_deref().unwrap_or(self.url.as_str())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::trust) fn printed(options: &VaultTrust) -> String {
        text(options).expect("text")
    }

    pub(in crate::trust) fn options(format: TrustFormat) -> VaultTrust {
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
            app_url: None,
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
    fn what_vault_would_misread_is_refused() {
        assert!(policy("").is_err() && policy("a b").is_err() && policy("net-read").is_ok());
        assert!(web_address("127.0.0.1:8200").is_err() && web_address("https://vault:8200/").is_ok());
        assert!(
            web_address("https://vault:8200/'; id; '").is_err() && web_address("https://v:1/$(id)").is_err()
        );
        assert!(mount("teams/jwt/").is_ok() && mount("jwt; id").is_err() && mount("/").is_err());
        assert!(ttl("5").is_err() && ttl("").is_err() && ttl("0m").is_err() && ttl("20m").is_ok());
        assert!(certificates(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml").as_path()).is_err());
    }

    #[test]
    fn commands_name_every_request_and_variable() {
        let text = text(&options(TrustFormat::Cli)).expect("text");
        let parts = [
            "set -eu",
            "\"$VAULT\" read sys/auth/jwt >/dev/null 2>&1 || \"$VAULT\" write sys/auth/jwt",
            "\"bound_subject\": \"\"",
            "auth/jwt/config",
            "carnet-acme-net-apply",
            "request GET organizations/acme/workspaces/net\n",
            "variable TFC_VAULT_PROVIDER_AUTH 'true'",
        ];
        for part in parts {
            assert!(text.contains(part), "{part}");
        }
    }
}
