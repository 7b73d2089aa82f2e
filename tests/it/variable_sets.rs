//! Variable sets beside dynamic credentials: who reads the refusal learns in which set to look.

use carnet_tests::{ApiClient, CarnetServer, ServerOptions};
use serde_json::{Value, json};

use crate::site::{ORGANIZATION, Variables, id, status, workspace};

/// The key that would win over the dynamic credentials.
const STATIC_KEY: &str = "AKIAIOSFODNN7EXAMPLE";

/// Makes a set of environment variables that is assigned to a workspace; yields its id.
async fn set(
    api: &ApiClient,
    name: &str,
    workspace: &str,
    variables: &[(&str, &str, bool)],
) -> anyhow::Result<String> {
    let variables: Vec<Value> = variables
        .iter()
        .map(|(key, value, sensitive)| {
            let attributes = json!({"key": key, "value": value, "category": "env", "sensitive": sensitive});
            json!({"type": "vars", "attributes": attributes})
        })
        .collect();
    let relationships = json!({"workspaces": of_workspace(workspace), "vars": {"data": variables}});
    let body = json!({
        "data": {"type": "varsets", "attributes": {"name": name}, "relationships": relationships}
    });
    let made = api.post(&format!("organizations/{ORGANIZATION}/varsets"), body).await?;
    Ok(id(&made).to_owned())
}

fn of_workspace(workspace: &str) -> Value {
    json!({"data": [{"type": "workspaces", "id": workspace}]})
}

#[tokio::test]
async fn a_refused_static_credential_is_named_with_the_set_it_came_from() -> anyhow::Result<()> {
    let server = CarnetServer::start(ServerOptions::default()).await?;
    let api = server.api()?;
    api.create_organization(ORGANIZATION).await?;
    let role = ("TFC_AWS_RUN_ROLE_ARN", "arn:aws:iam::123456789012:role/r");
    let flag = ("TFC_AWS_PROVIDER_AUTH", "true");
    let own: Variables = [role, flag].map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let net = workspace(&api, ORGANIZATION, "net", &own).await?;
    let bare = workspace(&api, ORGANIZATION, "bare", &Vec::new()).await?;

    let keys = set(&api, "clouds", &net, &[("AWS_ACCESS_KEY_ID", STATIC_KEY, true)]).await?;
    let refused = async |workspace: &str, origin: &str| {
        let run = api.run_to_end(workspace, "resource \"terraform_data\" \"x\" {}\n").await?;
        let log = api.run_log(id(&run)).await?;
        assert_eq!(status(&run), "errored", "{log}");
        let reason = format!(
            "AWS_ACCESS_KEY_ID (set in variable set \"clouds\") would win over the dynamic credentials for AWS that \
             TFC_AWS_PROVIDER_AUTH (set in {origin}) switches on; remove one of them"
        );
        assert!(log.contains(&reason), "{log}");
        assert!(!log.contains(STATIC_KEY) && !log.contains("Initializing"), "{log}");
        anyhow::Ok(())
    };
    refused(&net, "workspace \"net\"").await?;

    set(&api, "identities", &bare, &[(flag.0, flag.1, false), (role.0, role.1, false)]).await?;
    let assignments = format!("varsets/{keys}/relationships/workspaces");
    let answer = api.request("POST", &assignments, Some(&of_workspace(&bare))).await?;
    assert_eq!(answer.status, 204);
    refused(&bare, "variable set \"identities\"").await?;

    let answer = api.request("DELETE", &assignments, Some(&of_workspace(&bare))).await?;
    assert_eq!(answer.status, 204);
    let run = api.run_to_end(&bare, "resource \"terraform_data\" \"x\" {}\n").await?;
    assert_eq!(status(&run), "applied", "{}", api.run_log(id(&run)).await?);
    Ok(())
}
