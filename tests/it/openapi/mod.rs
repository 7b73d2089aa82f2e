//! The OpenAPI document under the eyes of others: a validator of such documents, and Schemathesis, which sends what it
//! allows to a real server and holds the answers against it.

use std::path::Path;

use anyhow::ensure;
use carnet_tests::{BOOTSTRAP_TOKEN, CarnetServer, EmbeddedAgent, ServerOptions, Tool, tool};
use tokio::process::Command;

/// How many requests of each operation are made up, besides one for each edge of its schemas.
const EXAMPLES: &str = "2";

/// What has to hold for every answer.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// Operations that are left out: a new key takes seconds in a debug build, and there is nothing to vary.
const LEFT_OUT: [&str; 1] = ["rotate-key"];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

async fn run(mut command: Command) -> anyhow::Result<()> {
    let output = command.output().await?;
    let (printed, complaints) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{printed}\n{complaints}");
    Ok(())
}

#[tokio::test]
async fn the_document_is_openapi() -> anyhow::Result<()> {
    let mut command = Command::new(tool(Tool::Schemathesis).await?);
    command.args(["-m", "openapi_spec_validator", "--schema", "3.1", "--validation-errors", "all"]);
    command.arg(root().join("docs/reference/openapi.json"));
    run(command).await
}

#[tokio::test]
async fn a_real_server_answers_what_the_document_says() -> anyhow::Result<()> {
    let options = ServerOptions {
        agent: EmbeddedAgent::Off,
        // Schemathesis asks faster than any client does.
        arguments: ["--rate-limit", "0"].map(str::to_owned).into(),
        ..ServerOptions::default()
    };
    let server = CarnetServer::start(options).await?;
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(tool(Tool::Schemathesis).await?);
    command.current_dir(folder.path()).args(["-B", "-m", "schemathesis.cli", "run"]);
    command.arg(format!("{}/api/v2/openapi.json", server.url()));
    command.arg("--tls-verify").arg(server.ca_file());
    command.args(["--header", &format!("Authorization: Bearer {BOOTSTRAP_TOKEN}"), "--no-color"]);
    command.args(["--checks", CHECKS, "--phases", "coverage,fuzzing", "--max-examples", EXAMPLES]);
    // The same requests every time; a failure is reproduced by running the test again.
    command.args(["--generation-deterministic", "--warnings", "off"]);
    command.args(LEFT_OUT.iter().flat_map(|id| ["--exclude-operation-id", id]));
    command.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", root().join("tests/it/openapi"));
    command.env("CARNET_URL", server.url()).env("CARNET_TOKEN", BOOTSTRAP_TOKEN);
    command.env("CARNET_CA_FILE", server.ca_file()).env("NO_PROXY", "localhost");
    run(command).await
}
