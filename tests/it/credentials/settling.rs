//! Credentials that need time until they work everywhere.

use serde_json::json;

use crate::site::{Site, script, status, wait_until_empty, with};

#[tokio::test]
async fn vector_58_a_cancel_while_credentials_settle_leaves_nothing() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let root = site.bao.root_token();
    let mount = json!({"type": "kv", "options": {"version": "1"}});
    site.bao.request("POST", "sys/mounts/azure", Some(root), Some(&mount)).await?.success()?;
    let secret = json!({"client_id": "c-1", "client_secret": "settling-secret"});
    site.bao.request("POST", "azure/creds/web", Some(root), Some(&secret)).await?.success()?;
    let policy = json!({"policy": "path \"azure/creds/web\" { capabilities = [\"read\"] }"});
    site.bao.request("PUT", "sys/policies/acl/azure", Some(root), Some(&policy)).await?.success()?;
    let trust = site.trust("net", &["--policy-plan", "azure", "--policy-apply", "azure"]).await?;
    let variables = with(
        &trust,
        &[
            ("TFC_VAULT_BACKED_AZURE_AUTH", "true"),
            ("TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE", "web"),
            ("TFC_VAULT_BACKED_AZURE_SLEEP_SECONDS", "1500"),
        ],
    );
    let workspace = site.workspace("net", &variables).await?;
    let run = site.api.start_run(&workspace, &script("never", "true"), json!({})).await?;
    carnet_tests::wait_for("the wait to begin", std::time::Duration::from_secs(60), async || {
        let log = site.api.run_log(&run).await?;
        Ok(log.contains("Waiting 1500 s for new credentials").then_some(()))
    })
    .await?;
    let logins = site.bao.logins()?;
    assert_eq!(logins.len(), 1);
    assert!(site.bao.is_live(&logins[0].accessor).await?);

    site.api.act(&run, "cancel").await?;
    let ended = site.api.wait_for_status(&run, &["canceled"]).await?;
    let log = site.api.run_log(&run).await?;
    assert_eq!(status(&ended), "canceled", "{log}");
    assert!(!site.bao.is_live(&logins[0].accessor).await?, "{log}");
    assert!(!log.contains("settling-secret"), "{log}");
    wait_until_empty(&site.server.work_root()).await
}
