//! A family that is switched on and cannot be satisfied stops the phase before Terraform starts, and says the way out.

use base64::{Engine, prelude::BASE64_STANDARD};
use carnet_tests::{BOOTSTRAP_TOKEN, CertificateAuthority, IssuerServer, TerraformCli};
use futures_util::future::try_join_all;
use serde_json::json;

use crate::site::{ORGANIZATION, Site, Variables, id, status, with, without};

/// Variables with which no phase can start.
struct Case {
    workspace: &'static str,
    variables: Variables,
    /// The reason and the way out.
    says: Vec<String>,
}

impl Case {
    fn new(workspace: &'static str, variables: Variables, says: &[&str]) -> Self {
        Self { workspace, variables, says: says.iter().map(|text| (*text).to_owned()).collect() }
    }

    /// A login that was tried: the log has what was presented, too.
    fn of_login(workspace: &'static str, variables: Variables, says: &[&str]) -> Self {
        let mut case = Self::new(workspace, variables, says);
        let subject =
            format!("sub = organization:acme:project:Default Project:workspace:{workspace}:run_phase:plan");
        let common = ["failed authenticating to Vault", "tried:", "presented:", "likely fix:"];
        case.says.extend(common.map(str::to_owned));
        case.says.extend([subject, "aud = vault.workload.identity".to_owned()]);
        case
    }
}

#[tokio::test]
async fn the_reason_and_the_way_out_are_in_the_log() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let trusted = site.trust("net", &[]).await?;
    let expired = CertificateAuthority::expired()?;
    let old_vault = IssuerServer::start(&expired).await?;
    let logins = logins(&site, &trusted, &expired, &old_vault)?;
    let configuration = configuration(&site);
    let run = async |case: Case| {
        let workspace = site.workspace(case.workspace, &case.variables).await?;
        let run = site.api.run_to_end(&workspace, &configuration).await?;
        let log = site.api.run_log(id(&run)).await?;
        assert_eq!(status(&run), "errored", "{}: {log}", case.workspace);
        assert!(log.contains("Operation failed: "), "{}: {log}", case.workspace);
        for text in &case.says {
            assert!(log.contains(text), "{:?} is not in the log of {}:\n{log}", text, case.workspace);
        }
        assert!(!log.contains("eyJ"), "{}: {log}", case.workspace);
        assert!(!log.contains("Initializing"), "{}: {log}", case.workspace);
        anyhow::Ok(())
    };
    try_join_all(settings(&trusted).into_iter().chain(other_families()).chain(logins).map(run)).await?;
    assert_eq!(site.witness.arrivals("init"), 0, "terraform was started");
    assert!(site.bao.logins()?.is_empty());
    assert_eq!(std::fs::read_dir(site.server.work_root())?.count(), 0, "homes of runs are left");
    Ok(())
}

/// Nothing is asked of anybody.
fn settings(trusted: &Variables) -> Vec<Case> {
    vec![
        Case::new(
            "no-address",
            without(trusted, &["TFC_VAULT_ADDR"]),
            &[
                "configuration for Vault is invalid: missing required value(s): Vault address",
                "set TFC_VAULT_ADDR or",
            ],
        ),
        Case::new(
            "no-role",
            without(trusted, &["TFC_VAULT_PLAN_ROLE", "TFC_VAULT_APPLY_ROLE"]),
            &["missing required value(s): Vault role", "TFC_VAULT_PLAN_ROLE", "TFC_VAULT_RUN_ROLE"],
        ),
        Case::new(
            "no-certificate",
            with(trusted, &[("TFC_VAULT_ENCODED_CACERT", "???")]),
            &["TFC_VAULT_ENCODED_CACERT is not base64-encoded PEM"],
        ),
    ]
}

/// Nothing is asked of anybody, either; families beside Vault.
fn other_families() -> Vec<Case> {
    let only = |name: &str| with(&Vec::new(), &[(name, "true")]);
    vec![
        Case::new(
            "azure",
            only("TFC_AZURE_PROVIDER_AUTH"),
            &[
                "missing required value(s): Azure client ID",
                "TFC_AZURE_PLAN_CLIENT_ID",
                "TFC_AZURE_RUN_CLIENT_ID",
            ],
        ),
        Case::new(
            "gcp-alias",
            only("TFC_GCP_PROVIDER_AUTH_Tag"),
            &["configuration for GCP (tag \"Tag\") is invalid", "TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL_Tag"],
        ),
        Case::new(
            "vault-backed",
            with(
                &Vec::new(),
                &[
                    ("TFC_VAULT_BACKED_AWS_AUTH", "true"),
                    ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "iam_user"),
                    ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE", "r"),
                ],
            ),
            &["configuration for Vault authentication is required for Vault-backed AWS authentication"],
        ),
        Case::new(
            "static-key",
            with(
                &Vec::new(),
                &[
                    ("TFC_AWS_PROVIDER_AUTH", "true"),
                    ("TFC_AWS_RUN_ROLE_ARN", "arn:aws:iam::123456789012:role/r"),
                    ("AWS_ACCESS_KEY_ID", "AKIA0123456789"),
                ],
            ),
            &[
                "AWS_ACCESS_KEY_ID (set in workspace \"static-key\") would win over the dynamic credentials for AWS that \
                 TFC_AWS_PROVIDER_AUTH (set in workspace \"static-key\") switches on; remove one of them",
                "static-credentials",
            ],
        ),
        Case::new("withdrawn", only("TFC_HVS_BACKED_AWS_AUTH"), &["the service was discontinued"]),
    ]
}

/// A login is tried and comes to nothing.
fn logins(
    site: &Site,
    trusted: &Variables,
    expired: &CertificateAuthority,
    old_vault: &IssuerServer,
) -> anyhow::Result<Vec<Case>> {
    let encoded = |ca: &CertificateAuthority| BASE64_STANDARD.encode(ca.pem());
    let stranger = encoded(&CertificateAuthority::new()?);
    let change = |changes: &[(&str, &str)]| with(trusted, changes);
    let old = [("TFC_VAULT_ADDR", &*old_vault.url()), ("TFC_VAULT_ENCODED_CACERT", &encoded(expired))];
    Ok(vec![
        Case::of_login(
            "down",
            change(&[("TFC_VAULT_ADDR", "https://localhost:1")]),
            &["https://localhost:1/v1/auth/jwt/login got no answer", "or correct TFC_VAULT_ADDR"],
        ),
        Case::of_login(
            "role",
            change(&[("TFC_VAULT_PLAN_ROLE", "nobody")]),
            &[
                r#"Vault said: role "nobody" could not be found"#,
                "create role",
                "or correct TFC_VAULT_PLAN_ROLE",
            ],
        ),
        Case::of_login(
            "mount",
            change(&[("TFC_VAULT_AUTH_PATH", "elsewhere")]),
            &["returned 403", "mounted at auth/elsewhere", "or correct TFC_VAULT_AUTH_PATH"],
        ),
        Case::of_login(
            "authority",
            change(&[("TFC_VAULT_ENCODED_CACERT", &*stranger)]),
            &[site.bao.address(), "certificate", "put the CA of this server into TFC_VAULT_ENCODED_CACERT"],
        ),
        Case::of_login("expired", change(&old), &["certificate expired", "has expired: renew it"]),
    ])
}

#[tokio::test]
async fn an_owner_may_tolerate_static_credentials_while_workspaces_are_moved() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let body = json!({"data": {"type": "organizations", "attributes": {"static-credentials": "warn"}}});
    site.api.patch(&format!("organizations/{ORGANIZATION}"), body).await?;
    let trusted = site.trust("net", &[]).await?;
    let variables = with(&trusted, &[("VAULT_TOKEN_FILE", "/nowhere")]);
    let workspace = site.workspace("net", &variables).await?;
    let run = site.api.run_to_end(&workspace, "resource \"terraform_data\" \"x\" {}\n").await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");
    assert!(
        log.contains(
            "Warning: VAULT_TOKEN_FILE is set and takes precedence over dynamic credentials for Vault"
        ),
        "{log}"
    );
    Ok(())
}

/// Terraform would ask the witness for a module as the first thing it does.
fn configuration(site: &Site) -> String {
    format!("module \"asked\" {{\n  source = \"{}\"\n}}\n", site.witness.module_behind("init"))
}

#[tokio::test]
async fn a_person_at_the_terminal_sees_the_reason_and_exit_code_1() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let trusted = site.trust("net", &[]).await?;
    site.witness.open("init");
    let cases = [
        ("no-address", without(&trusted, &["TFC_VAULT_ADDR"]), "TFC_VAULT_ADDR"),
        ("down", with(&trusted, &[("TFC_VAULT_ADDR", "https://localhost:1")]), "got no answer"),
    ];
    let run = async |(name, variables, reason): (&str, Variables, &str)| {
        site.workspace(name, &variables).await?;
        let cli = TerraformCli::new(&site.server, BOOTSTRAP_TOKEN).await?;
        cli.write_cloud_block(&site.server, ORGANIZATION, name)?;
        cli.write("main.tf", "resource \"terraform_data\" \"x\" {}\n")?;
        cli.succeed(&["init"]).await?;
        let output = cli.run(&["apply", "-auto-approve"]).await?;
        assert_eq!(output.code, Some(1), "{}\n{}", output.stdout, output.stderr);
        assert!(output.stdout.contains("Operation failed: "), "{}\n{}", output.stdout, output.stderr);
        assert!(output.stdout.contains(reason), "{}\n{}", output.stdout, output.stderr);
        anyhow::Ok(())
    };
    try_join_all(cases.into_iter().map(run)).await?;
    Ok(())
}
