//! What `carnet trust` prints is applied for real, and runs work with it; where it cannot be, it is held against the providers'
//! own schemas. What `carnet trust check`
//! says is held against the real thing.

mod agreement;
mod aws;
mod command;
mod examples;
mod fetch;
mod schemas;
mod vault;

use anyhow::ensure;
use carnet_tests::CarnetServer;
use carnet_trust::setup::{
    FamilyOptions, Phases, Scope, Subjects, TrustRequest, Variables as TrustVariables,
};
use serde_json::Value;

/// What `carnet trust` prints, with these options.
async fn printed(server: &CarnetServer, arguments: &[&str]) -> anyhow::Result<String> {
    let output = server.command(&[&["trust"], arguments].concat()).await?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// A request for the workspace `net` of `acme`, as the examples have it.
fn request(family: &str, options: Value) -> TrustRequest {
    TrustRequest {
        issuer: "https://carnet.example.org".to_owned(),
        application: "https://carnet.example.org".to_owned(),
        issuer_ca: None,
        issuer_keys: None,
        organization: "acme".parse().expect("a name"),
        project: "Default Project".parse().expect("a name"),
        workspace: Some("net".parse().expect("a name")),
        workspace_id: None,
        scope: Scope::Workspace,
        phases: Phases::Both,
        tag: None,
        subjects: Subjects::default(),
        audience: None,
        knows_issuer: false,
        variables: TrustVariables::Write,
        family: FamilyOptions::parse(family, options).expect("options"),
    }
}
