//! A provider that only a document describes: its exchange, its delivery and its revocation, with a real counterpart.

use carnet_tests::{CarnetServer, CertificateAuthority, JwtRole, OpenBao, ServerOptions, Witness};
use serde_json::{Value, json};

use crate::site::{ORGANIZATION, id, script, status, workspace};

/// OpenBao's login, as somebody describes it who wants no code for it.
const VAULTISH: &str = r#"
name = "vaultish"
title = "Vaultish"
source = "https://openbao.org/api-docs/auth/jwt/"
token = "rotated"
role = "role"

[settings.enable]
name = "TFC_VAULTISH_PROVIDER_AUTH"
doc = "Set to true to log in."

[settings.audience]
name = "TFC_VAULTISH_WORKLOAD_IDENTITY_AUDIENCE"
default = "vaultish.example"
doc = "The audience of the identity token."

[settings.url]
name = "TFC_VAULTISH_URL"
required = true
example = "https://vaultish.example.com"
doc = "The address."

[settings.role]
name = "TFC_VAULTISH_RUN_ROLE"
phased = true
required = true
example = "deployer"
doc = "The role."

[env]
VAULTISH_TOKEN_FILE = "{{ file.tfc-vaultish-token }}"

[files]
tfc-vaultish-token = "{{ answer.token }}"

[exchange]
url = "{{ setting.url }}/v1/auth/jwt/login"
json = { role = "{{ setting.role }}", jwt = "{{ token }}" }
expires_in = "/auth/lease_duration"

[exchange.answer]
token = "/auth/client_token"

[exchange.revoke]
method = "POST"
url = "{{ setting.url }}/v1/auth/token/revoke-self"
headers = { X-Vault-Token = "{{ answer.token }}" }
"#;

struct World {
    ca: CertificateAuthority,
    bao: OpenBao,
    server: CarnetServer,
    witness: Witness,
}

impl World {
    async fn start(allowed: impl Fn(&OpenBao) -> Option<String>) -> anyhow::Result<Self> {
        let ca = CertificateAuthority::new()?;
        let (bao, witness) = tokio::try_join!(OpenBao::start(&ca), Witness::start())?;
        let arguments =
            allowed(&bao).into_iter().flat_map(|host| ["--allow-provider-hosts".to_owned(), host]);
        let options = ServerOptions {
            ca_file: Some(ca.pem_file()),
            arguments: arguments.collect(),
            ..ServerOptions::default()
        };
        let server = CarnetServer::start(options).await?;
        let api = server.api()?;
        api.create_organization(ORGANIZATION).await?;
        bao.trust_issuer("jwt", &server.url(), server.ca_pem()).await?;
        bao.write_reader_policy("reader", "app").await?;
        for phase in ["plan", "apply"] {
            let subject = format!(
                "organization:{ORGANIZATION}:project:Default Project:workspace:net:run_phase:{phase}"
            );
            let role = JwtRole {
                name: phase,
                audience: "vaultish.example",
                subject: &subject,
                policies: &["reader"],
            };
            bao.write_role("jwt", &role).await?;
        }
        let path = format!("/api/carnet/v1/organizations/{ORGANIZATION}/adapters/vaultish");
        let body = json!({"data": {"type": "adapters", "attributes": {"definition": VAULTISH}}});
        api.request("PUT", &path, Some(&body)).await?.success()?;
        Ok(Self { ca, bao, server, witness })
    }

    async fn run(&self, more: &[(&str, &str)], command: &str) -> anyhow::Result<(Value, String)> {
        let api = self.server.api()?;
        let usual = [
            ("TFC_VAULTISH_PROVIDER_AUTH", "true"),
            ("TFC_VAULTISH_URL", self.bao.address()),
            ("TFC_VAULTISH_PLAN_ROLE", "plan"),
            ("TFC_VAULTISH_APPLY_ROLE", "apply"),
        ];
        let kept = usual.iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
        let variables = kept.chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let workspace = workspace(&api, ORGANIZATION, "net", &variables.collect()).await?;
        let run = api.run_to_end(&workspace, &script("holder", command)).await?;
        let log = api.run_log(id(&run)).await?;
        Ok((run, log))
    }
}

fn host_of(bao: &OpenBao) -> Option<String> {
    Some(bao.address().trim_start_matches("https://").to_owned())
}

#[tokio::test]
async fn a_document_is_enough_to_trade_deliver_and_revoke() -> anyhow::Result<()> {
    let world = World::start(host_of).await?;
    let ca = world.ca.pem_file().display().to_string();
    let look = format!(
        "curl -sS --cacert {ca} -H \"X-Vault-Token: $(cat $VAULTISH_TOKEN_FILE)\" {}/v1/auth/token/lookup-self | {}",
        world.bao.address(),
        world.witness.hear("lookup")
    );
    let (run, log) = world.run(&[], &look).await?;
    assert_eq!(status(&run), "applied", "{log}");
    assert!(log.contains("vaultish: traded the identity token, ends at "), "{log}");

    let found: Value = serde_json::from_str(&world.witness.statement("lookup").await?)?;
    assert_eq!(found["data"]["meta"]["role"], "apply", "{found}");
    let accessor = found["data"]["accessor"].as_str().unwrap_or_default();
    assert!(!world.bao.is_live(accessor).await?, "the token is revoked after the run");
    assert!(!log.contains("eyJ"), "{log}");
    let logins = world.bao.logins()?;
    let roles: Vec<&str> = logins.iter().map(|login| login.role.as_str()).collect();
    assert_eq!(roles, ["plan", "apply"]);
    for login in &logins {
        assert!(!world.bao.is_live(&login.accessor).await?, "{}", login.role);
    }

    let api = world.server.api()?;
    let report = api.get(&format!("/api/carnet/v1/runs/{}/credentials", id(&run))).await?;
    let entries: Vec<_> =
        report["data"].as_array().into_iter().flatten().map(|one| &one["attributes"]).collect();
    assert_eq!(entries.len(), 2, "{report}");
    for (entry, phase) in entries.iter().zip(["plan", "apply"]) {
        assert_eq!((&entry["family"], &entry["phase"]), (&json!("vaultish"), &json!(phase)), "{report}");
        assert_eq!(entry["role"], phase);
        assert_eq!(entry["leases"][0]["revocation"], "revoked", "{report}");
    }
    Ok(())
}

#[tokio::test]
async fn a_refused_trade_stops_the_phase_and_is_explained() -> anyhow::Result<()> {
    let world = World::start(host_of).await?;
    let (run, log) = world.run(&[("TFC_VAULTISH_PLAN_ROLE", "apply")], "true").await?;
    assert_eq!(status(&run), "errored", "{log}");
    assert!(log.contains("vaultish said:") && log.contains(r#"claim \"sub\" does not match"#), "{log}");
    assert!(!log.contains("eyJ"), "{log}");
    assert!(world.bao.logins()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_adapter_cannot_reach_the_machine_of_the_agent() -> anyhow::Result<()> {
    let world = World::start(|_| None).await?;
    let (run, log) = world.run(&[], "true").await?;
    assert_eq!(status(&run), "errored", "{log}");
    assert!(log.contains("which the operator of the agent has not allowed"), "{log}");
    let asked = world.bao.audit_log()?;
    let is_login = |entry: &&Value| entry["request"]["path"] == "auth/jwt/login";
    assert_eq!(asked.iter().filter(is_login).count(), 0, "nothing was sent");
    Ok(())
}
