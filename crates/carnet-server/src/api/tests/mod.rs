//! Behaviour of resources, seen through the router.

mod access;
mod adapters;
mod authentication_tokens;
mod configuration_versions;
mod credential_rules;
mod credential_variables;
mod delegation;
mod hidden_workspaces;
mod intruders;
mod issuance_policies;
mod organizations;
mod outstanding_credentials;
mod outstanding_settled;
mod permissions;
mod recorded_changes;
mod state_access;
mod state_outputs;
mod state_races;
mod state_snapshots;
mod state_uploads;
pub(in crate::api) mod state_versions;
mod subject_claims;
mod subject_graces;
mod subjects;
mod upload_rights;
mod variable_set_variables;
mod variable_sets;
mod variables;
mod workspaces;

use carnet_model::{Organization, UserId, Workspace};
use serde_json::{Value, json};

use super::organizations::join_organization;
use crate::testing::TestServer;

/// An organization with a workspace, its owner's token, and a stranger's.
pub(super) struct Site {
    pub(super) server: TestServer,
    pub(super) organization: Organization,
    pub(super) workspace: Workspace,
    pub(super) owner: String,
    pub(super) stranger: String,
}

impl Site {
    pub(super) async fn new() -> Self {
        Self::on(TestServer::new().await).await
    }

    pub(super) async fn on(server: TestServer) -> Self {
        let (owner_id, owner) = server.user("olga").await;
        let (_, stranger) = server.user("stefan").await;
        let organization = server.organization("acme", &owner_id).await;
        let workspace = server.workspace(&organization, "net").await;
        Self { server, organization, workspace, owner, stranger }
    }

    /// A member of the organization without any team.
    pub(super) async fn member(&self, name: &str) -> (UserId, String) {
        let (id, token) = self.server.user(name).await;
        let mut tx = self.server.app.store.write().await.expect("a transaction");
        join_organization(&mut tx, &self.organization.id, &id, self.server.app.now()).await.expect("stored");
        tx.commit().await.expect("committed");
        (id, token)
    }

    /// A team with these attributes and members.
    pub(super) async fn team(&self, name: &str, attributes: Value, members: &[&str]) -> String {
        let mut body = json!({ "data": { "attributes": attributes } });
        body["data"]["attributes"]["name"] = json!(name);
        let teams = format!("/api/v2/organizations/{}/teams", self.organization.name);
        let (status, made) = self.server.request("POST", &teams, &self.owner, body).await;
        assert_eq!(status, 201, "{made}");
        let id = made["data"]["id"].as_str().expect("an id").to_owned();
        for member in members {
            let users = format!("/api/v2/teams/{id}/relationships/users");
            let body = json!({ "data": [{ "type": "users", "id": member }] });
            assert_eq!(self.server.request("POST", &users, &self.owner, body).await.0, 204);
        }
        id
    }

    /// The team that may do everything.
    pub(super) async fn owners_team(&self) -> String {
        let mut tx = self.server.app.store.read().await.expect("a transaction");
        let owners = tx.owners_team(&self.organization.id).await.expect("read").expect("there");
        owners.id.to_string()
    }

    pub(super) fn workspace_path(&self, rest: &str) -> String {
        format!("/api/v2/workspaces/{}{rest}", self.workspace.id)
    }
}
