//! Two Vault configurations in one run: the default one and an alias, handed over as a Terraform variable.

use crate::site::{ORGANIZATION, PASSWORD, Site, accessors, id, script, sha256, status, with};

const DECLARATION: &str = r#"
variable "tfc_vault_dynamic_credentials" {
  type = object({
    default = object({
      token_filename = string
      address        = string
      namespace      = string
      ca_cert_file   = string
    })
    aliases = map(object({
      token_filename = string
      address        = string
      namespace      = string
      ca_cert_file   = string
    }))
  })
}
"#;

#[tokio::test]
async fn an_alias_has_a_token_of_its_own() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let variables = site.trust("net", &[]).await?;
    // The alias logs in at another mount, as the role of the apply in both: the plan must not get in there.
    let alias = site.trust("net", &["--mount", "operations", "--policy-apply", "operator"]).await?;
    site.bao.write_reader_policy("operator", "operations").await?;
    site.bao.write_secret("operations", serde_json::json!({"password": "another secret"})).await?;
    let tagged: Vec<(String, &str)> =
        alias.iter().map(|(key, value)| (format!("{key}_Ops"), &**value)).collect();
    let tagged: Vec<(&str, &str)> = tagged.iter().map(|(key, value)| (&**key, *value)).collect();
    let workspace = site.workspace("net", &with(&variables, &tagged)).await?;

    let default = read(&site, "default", "app");
    let operations = read(&site, "aliases[\"Ops\"]", "operations");
    // With an alias there is nothing in the environment that a block without its attributes would use by mistake.
    let environment = "env | grep -c '^VAULT_' || true";
    let configuration = format!(
        "{DECLARATION}{}{}{}",
        script("default", &default),
        script("operations", &operations),
        script("environment", &format!("echo VAULT-VARIABLES: $({environment})"))
    );
    let run = site.api.run_to_end(&workspace, &configuration).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");
    for secret in [PASSWORD, "another secret"] {
        assert!(log.contains(&sha256(secret).await?), "{log}");
        assert!(!log.contains(secret), "{log}");
    }
    assert!(log.contains("VAULT-VARIABLES: 0"), "{log}");
    assert!(log.contains("Vault (tag \"Ops\")"), "the log tells the configurations apart:\n{log}");

    let logins = site.bao.logins()?;
    let roles: Vec<&str> = logins.iter().map(|login| &*login.role).collect();
    let [plan, apply] = ["plan", "apply"].map(|phase| format!("carnet-{ORGANIZATION}-net-{phase}"));
    assert_eq!(roles, [&*plan, &plan, &apply, &apply]);
    let policies: Vec<String> = logins.iter().map(|login| login.policies.join(",")).collect();
    assert_eq!(policies, ["planner", "planner", "reader", "operator"]);
    assert_eq!(accessors(&log).len(), 4, "{log}");
    for login in &logins {
        assert!(!site.bao.is_live(&login.accessor).await?, "{login:?}");
    }
    let tokens = site.api.identity_tokens(&workspace).await?;
    let mut ids: Vec<&str> = tokens.iter().filter_map(|token| token["jti"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4, "each configuration has an identity token of its own: {tokens:?}");
    Ok(())
}

/// Reads a secret with the token of one configuration, and shows its hash.
fn read(site: &Site, configuration: &str, secret: &str) -> String {
    let attribute = |name: &str| format!("${{var.tfc_vault_dynamic_credentials.{configuration}.{name}}}");
    format!(
        "export VAULT_ADDR='{}' VAULT_CACERT='{}'\nVAULT_TOKEN=$(cat '{}')\nexport VAULT_TOKEN\n\
         printf %s \"$({} kv get -field=password secret/{secret})\" | sha256sum",
        attribute("address"),
        attribute("ca_cert_file"),
        attribute("token_filename"),
        site.client
    )
}

#[tokio::test]
async fn what_was_obtained_is_given_back_when_the_rest_cannot_be() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let variables = site.trust("net", &[]).await?;
    let tagged = variables.iter().map(|(key, value)| (format!("{key}_Other"), value.clone()));
    let variables: Vec<_> = variables.iter().cloned().chain(tagged).collect();
    let workspace =
        site.workspace("net", &with(&variables, &[("TFC_VAULT_PLAN_ROLE_Other", "nobody")])).await?;

    let run = site.api.run_to_end(&workspace, &script("reader", &site.read_secret())).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "errored", "{log}");
    assert!(log.contains("failed authenticating to Vault (tag \"Other\")"), "{log}");
    assert!(log.contains("TFC_VAULT_PLAN_ROLE_Other"), "{log}");
    assert!(!log.contains("Initializing"), "{log}");
    let logins = site.bao.logins()?;
    assert_eq!(logins.len(), 1, "{logins:?}");
    assert!(!site.bao.is_live(&logins[0].accessor).await?, "{log}");
    Ok(())
}
