//! Identity tokens for whoever understands them: in the environment, one for each audience.

use anyhow::Context;
use carnet_tests::JwtRole;
use serde_json::{Value, json};

use crate::site::{ORGANIZATION, Site, claims, id, script, status};

const SUBJECT: &str = "organization:acme:project:Default Project:workspace:net:run_phase:apply";

#[tokio::test]
async fn a_bare_token_is_verified_by_somebody_else() -> anyhow::Result<()> {
    let site = Site::start().await?;
    site.bao.trust_issuer("bare", &site.server.url(), site.server.ca_pem()).await?;
    for (name, audience) in [("one", "one.example"), ("two", "two.example")] {
        let role = JwtRole { name, audience, subject: SUBJECT, policies: &["reader"] };
        site.bao.write_role("bare", &role).await?;
    }
    let variables = [
        ("TFC_WORKLOAD_IDENTITY_AUDIENCE", "one.example"),
        ("TFC_WORKLOAD_IDENTITY_AUDIENCE_jFrog", "two.example"),
    ];
    let workspace = site.workspace("net", &crate::site::with(&Vec::new(), &variables)).await?;

    let ca = site.ca.pem_file().display().to_string();
    let login = |role: &str, variable: &str| {
        let address = site.bao.address();
        format!(
            "printf '{{\"role\":\"{role}\",\"jwt\":\"%s\"}}' \"${variable}\" | curl -sS --cacert {ca} --data-binary @- \
             {address}/v1/auth/bare/login | {}\n",
            site.witness.hear(&format!("{role}-{variable}"))
        )
    };
    let tell = |variable: &str| format!("printf %s \"${variable}\" | {}\n", site.witness.hear(variable));
    let (one, two) = ("TFC_WORKLOAD_IDENTITY_TOKEN", "TFC_WORKLOAD_IDENTITY_TOKEN_jFrog");
    let commands =
        [login("one", one), login("two", two), login("two", one), login("one", two), tell(one), tell(two)]
            .concat();
    let run = site.api.run_to_end(&workspace, &script("holder", &commands)).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");
    assert!(!log.contains("eyJ"), "{log}");

    // OpenBao has fetched the keys by discovery and checked signature, issuer, times, audience and subject by itself.
    for (role, variable) in [("one", one), ("two", two)] {
        let answer = answer(&site, &format!("{role}-{variable}")).await?;
        assert!(answer["auth"]["accessor"].is_string(), "{answer}");
        assert_eq!(answer["auth"]["metadata"]["role"], role);
    }
    for (role, variable) in [("two", one), ("one", two)] {
        let answer = answer(&site, &format!("{role}-{variable}")).await?;
        assert!(answer.to_string().contains("invalid audience (aud) claim"), "{answer}");
    }

    let ledger = site.api.identity_tokens(&workspace).await?;
    for (variable, audience) in [(one, "one.example"), (two, "two.example")] {
        let token = site.witness.statement(variable).await?;
        let claims = claims(&token)?;
        check_claims(&site, &claims, audience, &workspace, id(&run))?;
        let entry =
            ledger.iter().find(|entry| entry["jti"] == claims["jti"]).context("the ledger has no entry")?;
        assert_eq!(entry["claims"], claims, "the ledger has exactly what was signed");
    }
    assert_eq!(ledger.len(), 4, "two for the plan, two for the apply: {ledger:?}");
    Ok(())
}

async fn answer(site: &Site, name: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&site.witness.statement(name).await?)?)
}

/// The claims are those of HCP Terraform, no more and no less.
fn check_claims(
    site: &Site,
    claims: &Value,
    audience: &str,
    workspace: &str,
    run: &str,
) -> anyhow::Result<()> {
    let mut known = claims.as_object().context("claims are an object")?.clone();
    for (name, prefix) in [("terraform_organization_id", "org-"), ("terraform_project_id", "prj-")] {
        let value = known.remove(name).unwrap_or_default();
        assert!(value.as_str().is_some_and(|id| id.starts_with(prefix)), "{name} is {value}");
    }
    let jti = known.remove("jti").unwrap_or_default();
    assert_eq!(jti.as_str().map(str::len), Some(36), "jti is {jti}");
    let [iat, nbf, exp] = ["iat", "nbf", "exp"].map(|name| known.remove(name).and_then(|time| time.as_i64()));
    let (iat, nbf, exp) = (iat.context("iat")?, nbf.context("nbf")?, exp.context("exp")?);
    assert_eq!(nbf, iat - 30);
    assert!(exp > iat && exp <= iat + 24 * 3600, "the token lives at most as long as its phase");
    let full = "organization:acme:project:Default Project:workspace:net";
    let expected = json!({
        "iss": site.server.url(),
        "aud": audience,
        "sub": SUBJECT,
        "terraform_organization_name": ORGANIZATION,
        "terraform_project_name": "Default Project",
        "terraform_workspace_id": workspace,
        "terraform_workspace_name": "net",
        "terraform_full_workspace": full,
        "terraform_run_id": run,
        "terraform_run_phase": "apply",
    });
    assert_eq!(Value::Object(known), expected);
    Ok(())
}
