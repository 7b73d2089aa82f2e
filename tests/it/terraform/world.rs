//! A server with an organization, and workspaces that have a directory each.

use carnet_tests::{ApiClient, BOOTSTRAP_TOKEN, CarnetServer, ServerOptions, TerraformCli, TerraformOutput};
use serde_json::{Value, json};

use super::masked::{masked, without_ceremony};

/// The organization of every test.
pub(super) const ORGANIZATION: &str = "acme";

/// A running server.
pub(super) struct World {
    pub(super) server: CarnetServer,
    pub(super) api: ApiClient,
}

/// A directory with a configuration whose `cloud` block names a workspace.
pub(super) struct Desk {
    pub(super) cli: TerraformCli,
    pub(super) api: ApiClient,
    workspace: String,
}

impl World {
    /// Starts a server with more arguments than its usual ones.
    pub(super) async fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        arguments.extend(["--concurrency", "4"].map(str::to_owned));
        let server = CarnetServer::start(ServerOptions { arguments, ..Default::default() }).await?;
        let api = server.api()?;
        api.create_organization(ORGANIZATION).await?;
        Ok(Self { server, api })
    }

    /// Makes a directory for a workspace that may not exist yet.
    pub(super) async fn desk(&self, workspace: &str, main_tf: &str) -> anyhow::Result<Desk> {
        let cli = TerraformCli::new(&self.server, BOOTSTRAP_TOKEN).await?;
        cli.write_cloud_block(&self.server, ORGANIZATION, workspace)?;
        cli.write("main.tf", main_tf)?;
        Ok(Desk { cli, api: self.api.clone(), workspace: workspace.to_owned() })
    }

    /// Makes a directory whose configuration names the workspace in the older `backend "remote"`.
    pub(super) async fn remote_desk(&self, workspace: &str, main_tf: &str) -> anyhow::Result<Desk> {
        let cli = TerraformCli::new(&self.server, BOOTSTRAP_TOKEN).await?;
        let host = self.server.host();
        cli.write(
            "backend.tf",
            &format!(
                "terraform {{\n  backend \"remote\" {{\n    hostname     = \"{host}\"\n    \
                 organization = \"{ORGANIZATION}\"\n    workspaces {{ name = \"{workspace}\" }}\n  }}\n}}\n"
            ),
        )?;
        cli.write("main.tf", main_tf)?;
        Ok(Desk { cli, api: self.api.clone(), workspace: workspace.to_owned() })
    }

    /// Makes a directory for a workspace and initializes it, which creates the workspace.
    pub(super) async fn initialized(&self, workspace: &str, main_tf: &str) -> anyhow::Result<Desk> {
        let desk = self.desk(workspace, main_tf).await?;
        desk.cli.succeed(&["init"]).await?;
        Ok(desk)
    }
}

impl Desk {
    /// Runs a command to its end; yields what a person sees of it.
    pub(super) async fn shows(&self, arguments: &[&str]) -> anyhow::Result<String> {
        Ok(without_ceremony(&masked(&self.cli.run(arguments).await?)))
    }

    /// Runs a command and types one answer as soon as it asks.
    pub(super) async fn answers(&self, arguments: &[&str], answer: &str) -> anyhow::Result<TerraformOutput> {
        let mut running = self.cli.start(arguments)?;
        running.wait_for_output("Enter a value:").await?;
        running.answer(answer).await?;
        running.finish().await
    }

    /// The attributes and relations of the workspace.
    pub(super) async fn workspace(&self) -> anyhow::Result<Value> {
        let path = format!("organizations/{ORGANIZATION}/workspaces/{}", self.workspace);
        Ok(self.api.get(&path).await?["data"].take())
    }

    /// The id of the workspace.
    pub(super) async fn workspace_id(&self) -> anyhow::Result<String> {
        Ok(self.workspace().await?["id"].as_str().unwrap_or_default().to_owned())
    }

    /// Changes attributes of the workspace.
    pub(super) async fn change_workspace(&self, attributes: Value) -> anyhow::Result<()> {
        let path = format!("organizations/{ORGANIZATION}/workspaces/{}", self.workspace);
        self.api.patch(&path, json!({"data": {"type": "workspaces", "attributes": attributes}})).await?;
        Ok(())
    }

    /// The newest run of the workspace, speculative plans included, with its id and its status.
    pub(super) async fn newest_run(&self) -> anyhow::Result<(String, String)> {
        let id = self.workspace_id().await?;
        let filter = "filter[operation]=plan_only,plan_and_apply,save_plan,refresh_only,destroy,empty_apply";
        let runs = self.api.get(&format!("workspaces/{id}/runs?{filter}&page[size]=1")).await?;
        let run = &runs["data"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok((text(&run["id"]), text(&run["attributes"]["status"])))
    }

    /// Whether the workspace is locked.
    pub(super) async fn is_locked(&self) -> anyhow::Result<bool> {
        Ok(self.workspace().await?["attributes"]["locked"] == json!(true))
    }

    /// The addresses in the newest state.
    pub(super) async fn resources(&self) -> anyhow::Result<String> {
        Ok(self.cli.succeed(&["state", "list"]).await?.stdout)
    }
}
