//! Unmodified clients of the API of HCP Terraform, resource by resource.
//!
//! Each program prints one line for each resource when all it asked of it was answered as the client expects. The lists
//! below say which must come, so that nothing is left out in silence; `docs/reference/clients.md` shows them to people.

use std::{collections::BTreeSet, process::Stdio, time::Duration};

use anyhow::{Context, ensure};
use carnet_tests::{BOOTSTRAP_TOKEN, CarnetServer, ServerOptions, Tool, tool};
use tokio::process::Command;

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/api_clients/programs");

/// The page that tells which client drives what.
const PAGE: &str = include_str!("../../../docs/reference/clients.md");

const LIMIT: Duration = Duration::from_secs(220);

const PYTFE: &[&str] = &[
    "organizations",
    "entitlements",
    "capacity",
    "default_settings",
    "projects",
    "project_tag_bindings",
    "project_workspaces",
    "organization_tags",
    "reserved_tag_keys",
    "ssh_keys",
    "token_ttl_policies",
    "workspaces",
    "workspace_list",
    "workspace_lock",
    "workspace_tags",
    "workspace_tag_bindings",
    "remote_state_consumers",
    "workspace_readme",
    "workspace_without_vcs",
    "workspace_data_retention",
    "workspace_delete",
    "variables",
    "variable_sets",
    "variable_set_variables",
    "agent_pools",
    "agent_tokens",
    "agents",
    "notification_configurations",
    "state_versions",
    "state_version_outputs",
    "state_version_rollback",
    "workspace_resources",
    "configuration_versions",
    "runs",
    "run_lists",
    "plans",
    "applies",
    "comments",
    "run_events",
    "run_actions",
    "configuration_version_archive",
    "run_triggers",
    "users",
    "teams",
    "organization_memberships",
    "team_members",
    "team_workspace_access",
    "team_project_access",
    "team_tokens",
    "organization_tokens",
    "team_delete",
    "registry_modules",
    "registry_providers",
    "registry_provider_versions",
    "registry_provider_platforms",
    "ip_ranges",
    "absent_run_tasks",
    "absent_policies",
    "absent_version_control",
];

const TERRASNEK: &[&str] = &[
    "organizations",
    "entitlements",
    "projects",
    "ssh_keys",
    "account",
    "users",
    "user_tokens",
    "teams",
    "organization_memberships",
    "team_memberships",
    "team_tokens",
    "project_team_access",
    "organization_tokens",
    "agent_pools",
    "agent_tokens",
    "workspaces",
    "workspace_lock",
    "workspace_tags",
    "organization_tags",
    "remote_state_consumers",
    "workspace_variables",
    "variables",
    "variable_sets",
    "team_workspace_access",
    "notification_configurations",
    "state_versions",
    "state_version_outputs",
    "workspace_resources",
    "workspace_delete",
    "configuration_versions",
    "runs",
    "plans",
    "applies",
    "comments",
    "run_actions",
    "run_triggers",
    "registry_modules",
    "registry_providers",
    "gpg_keys",
    "ip_ranges",
    "absent_run_tasks",
    "absent_policies",
    "absent_version_control",
    "absent_site_administration",
    "site_administration",
];

/// Runs a program against a server of its own; yields the resources that it is done with.
async fn driven(client: Tool, program: &str) -> anyhow::Result<BTreeSet<String>> {
    let arguments = ["--concurrency", "4", "--allow-notification-hosts", "127.0.0.1"].map(str::to_owned);
    let options = ServerOptions { arguments: arguments.to_vec(), ..Default::default() };
    let (python, mut server) = tokio::try_join!(tool(client), CarnetServer::start(options))?;
    let mut command = Command::new(python);
    command.arg("-B").arg(format!("{PROGRAMS}/{program}.py")).stdin(Stdio::null()).kill_on_drop(true);
    command.env("TFE_ADDRESS", server.url()).env("TFE_TOKEN", BOOTSTRAP_TOKEN);
    // One client reads the first, the other the second.
    command.env("SSL_CERT_FILE", server.ca_file()).env("REQUESTS_CA_BUNDLE", server.ca_file());
    let output = tokio::time::timeout(LIMIT, command.output());
    let output = output.await.with_context(|| format!("{program} took more than {LIMIT:?}"))??;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {}\n{printed}\n{errors}", output.status);
    server.forget_log();
    Ok(printed.lines().filter_map(|line| line.strip_prefix("ok ")).map(str::to_owned).collect())
}

#[track_caller]
fn assert_all(done: &BTreeSet<String>, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(*done, expected);
}

#[tokio::test]
async fn pytfe_drives_every_resource() -> anyhow::Result<()> {
    assert_all(&driven(Tool::Pytfe, "pytfe_client").await?, PYTFE);
    Ok(())
}

#[tokio::test]
async fn terrasnek_drives_every_resource() -> anyhow::Result<()> {
    assert_all(&driven(Tool::Terrasnek, "terrasnek_client").await?, TERRASNEK);
    Ok(())
}

#[test]
fn the_page_names_what_each_client_drives() {
    let cells: Vec<Vec<&str>> =
        PAGE.lines().map(|line| line.split('`').skip(1).step_by(2).collect()).collect();
    for name in PYTFE.iter().chain(TERRASNEK) {
        assert!(
            cells.iter().any(|names| names.contains(name)),
            "docs/reference/clients.md does not name {name}"
        );
    }
}
