//! A run's log names commands that put a wrong trust of OpenBao right, and they do.

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::site::{Site, id, status};

/// A role of a plan that somebody has written wrong.
struct Case {
    workspace: &'static str,
    /// What is wrong with the role.
    wrong: Value,
    /// What the log says about it.
    says: &'static [&'static str],
    /// What stands before the command in the log.
    before: &'static str,
}

#[tokio::test]
async fn commands_of_the_log_put_the_trust_right() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let subject = "organization:acme:project:Default Project:workspace:claim:run_phase:plan";
    let cases = [
        Case {
            workspace: "subject",
            wrong: json!({"bound_subject": "somebody"}),
            says: &["invalid subject (sub) claim", "bound_subject of the role is not"],
            before: "clear it, if bound_claims has the subject already: ",
        },
        Case {
            workspace: "audience",
            wrong: json!({"bound_audiences": ["somebody.else"]}),
            says: &["invalid audience (aud) claim"],
            before: "likely fix: ",
        },
        Case {
            workspace: "claim",
            wrong: json!({"bound_claims": {"sub": subject, "terraform_workspace_name": "other"}}),
            says: &["              terraform_workspace_name = claim\n", "does not match any associated"],
            before: "if \"terraform_workspace_name\" should have this value: ",
        },
        Case {
            workspace: "binding",
            wrong: json!({"bound_claims": {"sub": "somebody"}}),
            says: &["claim \"sub\" does not match"],
            before: "should have role \"carnet-acme-binding-plan\": ",
        },
        Case {
            workspace: "user",
            wrong: json!({"user_claim": "email"}),
            says: &["claim \"email\" not found in token", "user_claim of the role"],
            before: "likely fix: ",
        },
    ];
    // One after another, because OpenBao does not let its configuration be written at the same time.
    let mut workspaces = Vec::new();
    for case in &cases {
        workspaces.push(site.trusted(case.workspace).await?);
    }
    let checks = cases.iter().zip(&workspaces).map(|(case, workspace)| check(&site, case, workspace));
    try_join_all(checks).await.map(drop)
}

async fn check(site: &Site, case: &Case, workspace: &str) -> anyhow::Result<()> {
    let role = format!("auth/jwt/role/carnet-acme-{}-plan", case.workspace);
    let mut body = case.wrong.clone();
    body["role_type"] = json!("jwt");
    site.bao.admin("POST", &role, body).await?;

    let configuration = "resource \"terraform_data\" \"x\" {}\n";
    let run = site.api.run_to_end(workspace, configuration).await?;
    let log = site.api.phase_log(id(&run), "plan").await?;
    assert_eq!(status(&run), "errored", "{log}");
    let trust =
        format!("carnet trust vault --url {} --org acme --workspace {} ", site.server.url(), case.workspace);
    for text in case.says.iter().copied().chain([trust.as_str()]) {
        assert!(log.contains(text), "{text:?} is not in the log of {}:\n{log}", case.workspace);
    }

    run_command(site, command(&log, case.before)?).await?;
    let run = site.api.run_to_end(workspace, configuration).await?;
    assert_eq!(status(&run), "applied", "{}", site.api.run_log(id(&run)).await?);
    Ok(())
}

/// The command that stands behind these words, without what is remarked about it.
fn command<'a>(log: &'a str, before: &str) -> anyhow::Result<&'a str> {
    let (_, rest) = log.split_once(before).with_context(|| format!("{before:?} is not in:\n{log}"))?;
    let line = rest.lines().next().unwrap_or_default();
    Ok(line.split(" (it replaces").next().unwrap_or_default())
}

/// Runs a command of an administrator, as a shell takes it.
async fn run_command(site: &Site, command: &str) -> anyhow::Result<()> {
    let script = format!("vault() {{ '{}' \"$@\"; }}\n{command}\n", site.client);
    let output = Command::new("sh")
        .args(["-euc", &script])
        .env("BAO_ADDR", site.bao.address())
        .env("BAO_TOKEN", site.bao.root_token())
        .env("BAO_CACERT", site.ca.pem_file())
        .output()
        .await?;
    ensure!(output.status.success(), "{command}\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
