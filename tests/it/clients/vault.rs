//! hvac with what a run gets for Vault.

use carnet_tests::{Tool, tool};
use serde_json::json;

use super::place::{program, reported};
use crate::site::{PASSWORD, Site, accessors, id, script, sha256, status};

#[tokio::test]
async fn the_variables_of_a_run_are_a_login() -> anyhow::Result<()> {
    let (site, python) = tokio::try_join!(Site::start(), tool(Tool::Hvac))?;
    let workspace = site.trusted("net").await?;
    let command = program(&python, "vault_client", &["secret", "app"]);
    let run = site.api.run_to_end(&workspace, &script("client", &command)).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");
    let facts = reported(&log)?;
    let hash = sha256(PASSWORD).await?;
    assert_eq!(facts["authenticated"], true, "{log}");
    assert_eq!(facts["policies"], json!(["default", "reader"]));
    assert_eq!(facts["password_hash"].as_str(), hash.split(' ').next());
    let given = accessors(&log);
    assert_eq!(facts["accessor"].as_str(), given.last().map(String::as_str), "{log}");
    for accessor in given {
        assert!(!site.bao.is_live(&accessor).await?, "{accessor} outlives the run");
    }
    Ok(())
}
