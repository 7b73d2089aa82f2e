//! Two servers on one Postgres database: they share everything but their machines.

use std::time::Duration;

use carnet_tests::{CarnetServer, EmbeddedAgent, PostgresDatabase, ServerOptions, wait_for};
use serde_json::json;

const QUICK: &str = "resource \"terraform_data\" \"quick\" {}\n";

const SLOW: &str = r#"
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "sleep 300"
  }
}
"#;

fn options(database: &PostgresDatabase, agent: EmbeddedAgent) -> ServerOptions {
    ServerOptions {
        agent,
        database: Some(database.address()),
        environment: vec![("CARNET_MASTER_KEY".to_owned(), "0f".repeat(32))],
        ..Default::default()
    }
}

#[tokio::test]
async fn a_run_of_one_server_is_executed_by_the_agent_of_the_other() -> anyhow::Result<()> {
    let database = PostgresDatabase::start().await?;
    // Both start on an empty database at the same time.
    let (without, with) = tokio::join!(
        CarnetServer::start(options(&database, EmbeddedAgent::Off)),
        CarnetServer::start(options(&database, EmbeddedAgent::On)),
    );
    let (mut without, mut with) = (without?, with?);
    let keys = async |server: &CarnetServer| {
        anyhow::Ok(server.anonymous()?.request("GET", "/.well-known/jwks", None).await?.body)
    };
    assert_eq!(keys(&without).await?, keys(&with).await?);

    let api = without.api()?;
    api.create_organization("acme").await?;
    let workspace = api.create_workspace("acme", "net").await?;
    let run = api.start_run(&workspace, QUICK, json!({ "auto-apply": true })).await?;
    // The agent asks for half a minute at a time: it must be woken to begin that soon.
    wait_for("the agent of the other server to begin", Duration::from_secs(10), async || {
        let run = api.get(&format!("runs/{run}")).await?;
        let status = run["data"]["attributes"]["status"].as_str().unwrap_or_default().to_owned();
        Ok((!["pending", "plan_queued"].contains(&&*status)).then_some(()))
    })
    .await?;
    let ended = api.wait_for_status(&run, &["applied"]).await?;
    assert_eq!(ended["data"]["attributes"]["status"], "applied");
    // What one server stored, the other one serves.
    assert_eq!(api.current_state(&workspace).await?, with.api()?.current_state(&workspace).await?);

    let run = api.start_run(&workspace, SLOW, json!({ "auto-apply": true })).await?;
    api.wait_for_status(&run, &["applying"]).await?;
    api.act(&run, "cancel").await?;
    let ended = api.wait_for_status(&run, &["canceled"]).await?;
    assert_eq!(ended["data"]["attributes"]["status"], "canceled");

    without.kill().await?;
    let api = with.api()?;
    let ended = api.run_to_end(&workspace, QUICK).await?;
    assert_eq!(ended["data"]["attributes"]["status"], "applied");
    without.forget_log();
    with.forget_log();
    Ok(())
}

#[tokio::test]
async fn a_server_with_another_master_key_does_not_start() -> anyhow::Result<()> {
    let database = PostgresDatabase::start().await?;
    let mut first = CarnetServer::start(options(&database, EmbeddedAgent::Off)).await?;
    let mut other = options(&database, EmbeddedAgent::Off);
    other.environment = vec![("CARNET_MASTER_KEY".to_owned(), "f0".repeat(32))];
    let refused = format!("{:#}", CarnetServer::start(other).await.expect_err("refused"));
    assert!(refused.contains("sealed with another master key"), "{refused}");
    let mut none = options(&database, EmbeddedAgent::Off);
    none.environment.clear();
    let refused = format!("{:#}", CarnetServer::start(none).await.expect_err("refused"));
    assert!(refused.contains("give this server the same key"), "{refused}");
    first.forget_log();
    Ok(())
}
