//! The examples are what the generator writes, and what Terraform formats.

use std::path::PathBuf;

use carnet_tests::{Tool, tool};
use carnet_trust::setup::{TrustFormat, write};
use serde_json::{Value, json};

use super::request;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn examples() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "aws",
            "aws",
            json!({"policy-arns-plan": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
                   "policy-arns-apply": ["arn:aws:iam::aws:policy/PowerUserAccess"]}),
        ),
        ("azure", "azure", json!({"application-per-phase": true})),
        ("gcp", "gcp", Value::Null),
        ("vault", "vault", Value::Null),
        ("vault-backed/aws", "vault-aws", Value::Null),
        ("vault-backed/azure", "vault-azure", Value::Null),
        ("vault-backed/gcp", "vault-gcp", Value::Null),
        ("kubernetes", "kubernetes", Value::Null),
        ("hcp", "hcp", Value::Null),
    ]
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the switch of this test")]
async fn examples_are_what_carnet_trust_prints() -> anyhow::Result<()> {
    for (name, family, options) in examples() {
        let expected = write(&request(family, options), TrustFormat::Terraform)?;
        let directory = folder().join(name);
        let file = directory.join("trust/main.tf");
        if std::env::var("UPDATE_REFERENCE").is_ok() {
            std::fs::create_dir_all(directory.join("trust"))?;
            std::fs::write(&file, &expected)?;
        }
        let found = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            found == expected,
            "examples/{name} is stale; run UPDATE_REFERENCE=1 cargo test -p carnet-tests examples"
        );
        let configuration = std::fs::read_to_string(directory.join("workspace/main.tf"))?;
        assert!(configuration.contains("cloud {") && configuration.contains("name = \"net\""), "{name}");
        assert!(folder().join(name.split('/').next().unwrap_or(name)).join("README.md").is_file(), "{name}");
    }
    let output = tokio::process::Command::new(tool(Tool::Terraform).await?)
        .args(["fmt", "-check", "-diff", "-recursive", "-no-color"])
        .current_dir(folder())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .await?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}
