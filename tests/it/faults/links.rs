//! Links that a configuration lays out for the agent, which may read more than the configuration itself.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::json;

use crate::site::{Site, id, script, status};

const SECRET: &str = "known to the victim only";

#[tokio::test]
async fn a_state_that_is_a_link_is_not_taken_for_ones_own() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let victim = site.workspace("victim", &Vec::new()).await?;
    let wait = script("waiting", &site.witness.wait_at("victim"));
    let wait = wait.replacen("{\n", "{\n  depends_on = [terraform_data.secret]\n", 1);
    let secret = format!("resource \"terraform_data\" \"secret\" {{\n  input = \"{SECRET}\"\n}}\n");
    let configuration = format!("{secret}{wait}");
    let run = site.api.start_run(&victim, &configuration, json!({"auto-apply": true})).await?;
    site.witness.wait_for_arrivals("victim", 1).await?;
    let state = state_file(&site, &run).await?;
    assert!(std::fs::read_to_string(&state)?.contains(SECRET), "the state of the victim lies there");

    let state = state.display();
    for (name, command) in [
        ("errored", format!("ln -sf {state} errored.tfstate")),
        (
            "folder",
            format!(
                "mkdir ../own && ln -s {state} ../own/errored.tfstate && mv ../config ../away && ln -s own ../config"
            ),
        ),
        ("state", format!("ln -sf {state} \"$HOME/state/terraform.tfstate\"")),
        ("beside", format!("ln -sf {state} \"$HOME/state/errored.tfstate\"")),
    ] {
        let workspace = site.workspace(name, &Vec::new()).await?;
        let run = site.api.run_to_end(&workspace, &script("hostile", &command)).await?;
        let log = site.api.run_log(id(&run)).await?;
        let stored =
            site.api.current_state(&workspace).await.map(|state| state.to_string()).unwrap_or_default();
        assert!(!stored.contains(SECRET), "{name}: {log}\n{stored}");
        assert!(!log.contains(SECRET), "{name}: {log}");
    }
    site.witness.open("victim");
    site.api.wait_for_status(&run, &["applied"]).await?;
    Ok(())
}

/// Where the agent keeps the state of a running apply.
async fn state_file(site: &Site, run: &str) -> anyhow::Result<PathBuf> {
    let jobs = site.api.get(&format!("/api/carnet/v1/runs/{run}/jobs")).await?;
    let jobs = jobs.as_array().context("the jobs are a list")?;
    let apply = jobs.iter().find(|job| job["phase"] == "apply").context("there is an apply")?;
    let job = apply["job_id"].as_str().context("a job has an id")?;
    Ok(site.server.data_dir().join("agent/jobs").join(job).join("state/terraform.tfstate"))
}

/// Git starts a program of the configuration's choice, already while Terraform fetches modules.
#[tokio::test]
async fn the_output_of_terraform_cannot_be_exchanged_for_a_secret() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let key = site.server.data_dir().join("master.key");
    let secret = std::fs::read_to_string(&key)?;
    let command = format!(
        "sh -c 'cd \"$HOME\"; for name in output/init.out output/init.err config/.terraform.lock.hcl plan.tfplan; do ln -sf \
         {} \"$name\"; done; exit 1'",
        key.display()
    );
    let workspace = site.workspace("net", &vec![("GIT_SSH_COMMAND".to_owned(), command)]).await?;
    let configuration = "module \"x\" {\n  source = \"git::ssh://git@localhost/x.git\"\n}\n";
    let run = site.api.run_to_end(&workspace, configuration).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "errored", "{log}");
    assert!(log.contains("terraform init failed"), "{log}");
    assert!(!log.contains(secret.trim()), "the log has the master key");
    Ok(())
}
