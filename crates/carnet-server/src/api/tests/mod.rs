//! Behaviour of resources, seen through the router.

mod access;
mod adapters;
mod authentication_tokens;
mod configuration_versions;
mod credential_rules;
mod organizations;
mod outstanding_credentials;
mod outstanding_settled;
mod state_outputs;
mod state_uploads;
mod state_versions;
mod variable_set_variables;
mod variable_sets;
mod variables;
mod workspaces;

use carnet_model::{Organization, Workspace};

use crate::testing::TestServer;

/// An organization with a workspace, its owner's token, and a stranger's.
struct Site {
    server: TestServer,
    organization: Organization,
    workspace: Workspace,
    owner: String,
    stranger: String,
}

impl Site {
    async fn new() -> Self {
        Self::on(TestServer::new().await).await
    }

    async fn on(server: TestServer) -> Self {
        let (owner_id, owner) = server.user("olga").await;
        let (_, stranger) = server.user("stefan").await;
        let organization = server.organization("acme", &owner_id).await;
        let workspace = server.workspace(&organization, "net").await;
        Self { server, organization, workspace, owner, stranger }
    }

    fn workspace_path(&self, rest: &str) -> String {
        format!("/api/v2/workspaces/{}{rest}", self.workspace.id)
    }
}
