//! A server whose runs start clients, and what they leave behind.

use std::path::Path;

use anyhow::Context;
use carnet_tests::{ApiClient, CarnetServer, CertificateAuthority, Exchange, ServerOptions, TrustedIssuer};
use serde_json::{Value, json};

use crate::site::{ORGANIZATION, id, script, status, with, workspace};

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/clients/programs");

/// A server, and the authority of the services around it.
pub(super) struct Place {
    pub(super) ca: CertificateAuthority,
    pub(super) server: CarnetServer,
    pub(super) api: ApiClient,
}

/// A run that is over.
pub(super) struct Finished {
    pub(super) status: String,
    pub(super) log: String,
}

impl Place {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let arguments = ["--concurrency", "4"].map(str::to_owned).to_vec();
        let server = CarnetServer::start(ServerOptions { arguments, ..Default::default() }).await?;
        let api = server.api()?;
        api.create_organization(ORGANIZATION).await?;
        Ok(Self { ca: CertificateAuthority::new()?, server, api })
    }

    /// The server as services trust it.
    pub(super) fn issuer(&self) -> TrustedIssuer {
        TrustedIssuer { url: self.server.url(), ca_pem: self.server.ca_pem().to_owned() }
    }

    /// The file with the certificate of the authority behind the services.
    pub(super) fn ca_file(&self) -> String {
        self.ca.pem_file().display().to_string()
    }

    /// Makes a workspace with environment variables; yields its id.
    pub(super) async fn workspace(&self, name: &str, variables: &[(&str, &str)]) -> anyhow::Result<String> {
        workspace(&self.api, ORGANIZATION, name, &with(&Vec::new(), variables)).await
    }

    /// Makes identity tokens of the workspace that can be replaced live for so many seconds only.
    pub(super) async fn shorten_tokens(&self, workspace: &str, seconds: u32) -> anyhow::Result<()> {
        let attributes = json!({"identity-token-ttl": seconds});
        let body = json!({"data": {"type": "workspaces", "id": workspace, "attributes": attributes}});
        self.api.patch(&format!("workspaces/{workspace}"), body).await?;
        Ok(())
    }

    /// Runs a command of a shell in an apply, and the declarations before it.
    pub(super) async fn run(
        &self,
        workspace: &str,
        declarations: &str,
        command: &str,
    ) -> anyhow::Result<Finished> {
        let configuration = format!("{declarations}{}", script("client", command));
        let run = self.api.run_to_end(workspace, &configuration).await?;
        let log = self.api.run_log(id(&run)).await?;
        assert!(!log.contains("eyJ"), "the log has a token, or the start of one:\n{log}");
        Ok(Finished { status: status(&run).to_owned(), log })
    }

    /// The ids of the tokens that were minted for one phase of a workspace's runs, oldest first.
    pub(super) async fn minted(&self, workspace: &str, phase: &str) -> anyhow::Result<Vec<String>> {
        let ending = format!(":run_phase:{phase}");
        let ledger = self.api.identity_tokens(workspace).await?;
        let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let of_phase = ledger.iter().filter(|entry| text(entry, "subject").ends_with(&ending));
        Ok(of_phase.map(|entry| text(entry, "jti")).collect())
    }
}

impl Finished {
    /// What the client has reported in a run that was applied.
    pub(super) fn outcome(&self) -> anyhow::Result<Value> {
        assert_eq!(self.status, "applied", "{}", self.log);
        reported(&self.log)
    }
}

/// What a client has said in a log, where Terraform's messages are JSON.
pub(super) fn reported(log: &str) -> anyhow::Result<Value> {
    let messages = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut texts = messages.filter_map(|message| Some(message["@message"].as_str()?.to_owned()));
    let facts = texts.find_map(|text| Some(text.split_once("(local-exec): CLIENT ")?.1.to_owned()));
    Ok(serde_json::from_str(&facts.with_context(|| format!("the client has not reported:\n{log}"))?)?)
}

/// The subject of a workspace's tokens.
pub(super) fn subject(workspace: &str, phase: &str) -> String {
    format!("organization:{ORGANIZATION}:project:Default Project:workspace:{workspace}:run_phase:{phase}")
}

/// A command of a shell that runs a program of this folder.
pub(super) fn program(python: &Path, name: &str, arguments: &[&str]) -> String {
    let quoted: Vec<String> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
    format!("{} -B {PROGRAMS}/{name}.py {}", python.display(), quoted.join(" "))
}

/// The declaration of a variable of dynamic credentials whose configurations have these attributes.
pub(super) fn declaration(variable: &str, attributes: &[&str]) -> String {
    let attributes: Vec<String> = attributes.iter().map(|name| format!("{name} = string")).collect();
    let object = format!("object({{ {} }})", attributes.join(", "));
    format!(
        "variable \"{variable}\" {{\n  type = object({{\n    default = {object}\n    aliases = map({object})\n  }})\n}}\n"
    )
}

/// The ids of the tokens behind the requests of one kind that were accepted, in the order of the requests.
pub(super) fn accepted(record: &[Exchange], request: &str) -> Vec<String> {
    let of_kind = record.iter().filter(|entry| entry.request == request && entry.verdict == "accepted");
    of_kind.filter_map(|entry| entry.token_id.clone()).collect()
}
