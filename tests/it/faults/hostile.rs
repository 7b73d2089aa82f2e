//! A configuration that tries to reach what is not its own: the server, other runs, the machine, and more rights.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context;
use carnet_tests::{ServerOptions, carnet_binary};
use serde_json::json;

use crate::{
    process_table::{Process, contains, processes},
    site::{Site, id, script, status},
};

/// What a script tried, and whether it should have worked.
struct Attempt {
    name: String,
    command: String,
    expected: &'static str,
}

const POSSIBLE: &str = "possible";
const REFUSED: &str = "refused";

/// Secrets of the machine that the server was started with.
const HOST_SECRETS: [(&str, &str); 2] =
    [("AWS_SECRET_ACCESS_KEY", "of-the-machine"), ("DATABASE_URL", "postgres://of-the-machine")];

#[tokio::test]
async fn a_run_reaches_nothing_that_is_not_its_own() -> anyhow::Result<()> {
    let site = site().await?;
    let victim = site.trusted("victim").await?;
    let wait = script("waiting", &site.witness.wait_at("victim"));
    let victim_run = site.api.start_run(&victim, &wait, json!({"auto-apply": true})).await?;
    site.witness.wait_for_arrivals("victim", 1).await?;
    let workspace = site.trusted("hostile").await?;

    let mut attempts = vec![
        possible("read its own token", "cat \"$HOME/tfc-vault-token\""),
        possible("write in its home", "touch \"$HOME/file\""),
        possible("read the machine", "cat /etc/passwd"),
        possible("read its own environment", "cat /proc/self/environ"),
    ];
    attempts.extend(at_files(&site));
    attempts.extend(at_processes(&site, &victim_run)?);
    attempts.extend(at_the_api(&site, &workspace, &victim, &victim_run));
    let run = site.api.run_to_end(&workspace, &script("hostile", &tried(&site, &attempts))).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");

    let answers = site.witness.statement("attempts").await?;
    let answers: BTreeMap<&str, &str> = answers.lines().filter_map(|line| line.split_once('=')).collect();
    for Attempt { name, command, expected } in &attempts {
        assert_eq!(answers.get(&**name), Some(expected), "to {name}: {command}");
    }
    site.witness.open("victim");
    site.api.wait_for_status(&victim_run, &["applied"]).await?;
    Ok(())
}

async fn site() -> anyhow::Result<Site> {
    let environment = HOST_SECRETS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Site::start_with(ServerOptions { environment, ..Default::default() }).await
}

fn attempt(name: &str, command: &str, expected: &'static str) -> Attempt {
    Attempt { name: name.to_owned(), command: command.to_owned(), expected }
}

fn possible(name: &str, command: &str) -> Attempt {
    attempt(name, command, POSSIBLE)
}

fn refused(name: &str, command: &str) -> Attempt {
    attempt(name, command, REFUSED)
}

/// A script that tries everything and tells the witness.
fn tried(site: &Site, attempts: &[Attempt]) -> String {
    let mut text = format!("cat > \"$HOME/ca.pem\" <<'PEM'\n{}\nPEM\n(\n", site.server.ca_pem().trim());
    for Attempt { name, command, .. } in attempts {
        text.push_str(&format!(
            "if ( {command} ) >/dev/null 2>&1; then echo '{name}={POSSIBLE}'; else echo '{name}={REFUSED}'; fi\n"
        ));
    }
    text.push_str(&format!(") | {}\n", site.witness.hear("attempts")));
    text
}

/// Files of the server, of the agent and of the machine.
fn at_files(site: &Site) -> Vec<Attempt> {
    let data = site.server.data_dir().display().to_string();
    let root = site.server.work_root().display().to_string();
    let terraform = "\"$(command -v terraform || command -v sh)\"";
    vec![
        refused("list the data directory", &format!("ls {data}")),
        refused("read the master key", &format!("cat {data}/master.key")),
        refused("read the database", &format!("cat {data}/carnet.db")),
        refused("write the database", &format!(": >> {data}/carnet.db")),
        refused(
            "read the database by a link",
            &format!("ln -s {data}/carnet.db \"$HOME/l\" && cat \"$HOME/l\""),
        ),
        refused("move the database", &format!("ln {data}/carnet.db \"$HOME/h\"")),
        refused("list the keys of the server", &format!("ls {data}/tls")),
        refused(
            "read the delivery token",
            "cat \"$(dirname \"$(readlink \"$HOME/state\")\")/delivery.json\"",
        ),
        refused("list the jobs", "ls \"$(dirname \"$(readlink \"$HOME/state\")\")\""),
        refused("write beside its home", &format!("touch {root}/outside")),
        refused("write in the temporary folder", "touch /tmp/carnet-outside-$$"),
        refused("replace a program", &format!(": >> {terraform}")),
    ]
}

/// The server, its guardian, and the other run.
fn at_processes(site: &Site, victim_run: &str) -> anyhow::Result<Vec<Attempt>> {
    let victim_home = site.server.work_root().join(format!("carnet-{victim_run}"));
    let mut attempts = vec![
        refused("list another home", &format!("ls {}", victim_home.display())),
        refused("read another token", &format!("cat {}/tfc-vault-token", victim_home.display())),
        refused("read another run token", &format!("cat {}/terraformrc", victim_home.display())),
    ];
    let server = site.server.id().context("the server runs")?;
    let targets = [
        ("the server", server),
        ("the guardian", guardian(server)?),
        ("another terraform", terraform_of(&victim_home)?),
    ];
    for (name, process) in targets {
        let place = format!("/proc/{process}");
        attempts.extend([
            refused(&format!("read the environment of {name}"), &format!("cat {place}/environ")),
            refused(&format!("open the memory of {name}"), &format!(": < {place}/mem")),
            refused(
                &format!("list the open files of {name}"),
                &format!("ls {place}/fd/ && readlink {place}/fd/0"),
            ),
            refused(&format!("walk through the root of {name}"), &format!("ls {place}/root/")),
            refused(&format!("walk through the folder of {name}"), &format!("ls {place}/cwd/")),
            refused(&format!("signal {name}"), &format!("kill -0 {process}")),
        ]);
    }
    Ok(attempts)
}

/// The guardian that this server has started.
fn guardian(server: u32) -> anyhow::Result<u32> {
    let binary = carnet_binary()?.canonicalize()?;
    let is_guardian = |process: &Process| {
        process.executes(&binary)
            && process.parent() == Some(server)
            && process.arguments().ends_with(b"guardian\0")
    };
    processes().into_iter().find(is_guardian).map(|process| process.id).context("no guardian runs")
}

fn terraform_of(home: &Path) -> anyhow::Result<u32> {
    let home = home.display().to_string();
    let found = processes().into_iter().find(|process| process.variable("HOME").as_ref() == Some(&home));
    found.map(|process| process.id).context("terraform does not run")
}

/// The server's interfaces, with the only token of the server that a run can see.
fn at_the_api(site: &Site, workspace: &str, victim: &str, victim_run: &str) -> Vec<Attempt> {
    let url = site.server.url();
    let curl = |method: &str, path: &str, body: &str| {
        format!(
            "sed -n 's/.*token = \"\\(.*\\)\"/Authorization: Bearer \\1/p' \"$TF_CLI_CONFIG_FILE\" | curl -sS --fail \
             --cacert \"$HOME/ca.pem\" -X {method} -H @- -H 'Content-Type: application/vnd.api+json' -d '{body}' \
             \"{url}{path}\""
        )
    };
    let job = "$(basename \"$(dirname \"$(readlink \"$HOME/state\")\")\")";
    let token = r#"{"family":"vault","tag":null,"audience":"vault.workload.identity","lifetime_seconds":60}"#;
    let agent = r#"{"name":"own","version":"0"}"#;
    let variable = r#"{"data":{"type":"vars","attributes":{"key":"k","value":"v","category":"env"}}}"#;
    let (api, agents) = ("/api/v2", "/api/agent/v1");
    vec![
        possible("read its own workspace", &curl("GET", &format!("{api}/workspaces/{workspace}"), "")),
        refused("mint an identity", &curl("POST", &format!("{agents}/jobs/{job}/identity-tokens"), token)),
        refused("take the state of its job", &curl("GET", &format!("{agents}/jobs/{job}/state"), "")),
        refused("become an agent", &curl("POST", &format!("{agents}/agents"), agent)),
        refused("set a variable", &curl("POST", &format!("{api}/workspaces/{workspace}/vars"), variable)),
        refused("read another workspace", &curl("GET", &format!("{api}/workspaces/{victim}"), "")),
        refused(
            "read another state",
            &curl("GET", &format!("{api}/workspaces/{victim}/current-state-version"), ""),
        ),
        refused(
            "cancel another run",
            &curl("POST", &format!("{api}/runs/{victim_run}/actions/cancel"), "{}"),
        ),
        refused("read a ledger", &curl("GET", "/api/carnet/v1/workspaces/none/identity-tokens", "")),
    ]
}

#[tokio::test]
async fn the_environment_of_a_run_has_nothing_of_the_machine() -> anyhow::Result<()> {
    let site = site().await?;
    let workspace = site.trusted("net").await?;
    site.api.set_environment(&workspace, &[("OWN", "of the workspace")]).await?;
    let names = format!("env -0 | tr '\\n\\0' ' \\n' | cut -d= -f1 | sort | {}", site.witness.hear("names"));
    let run = site.api.run_to_end(&workspace, &script("names", &names)).await?;
    assert_eq!(status(&run), "applied", "{}", site.api.run_log(id(&run)).await?);

    let names = site.witness.statement("names").await?;
    // The shell adds these four by itself.
    let names: Vec<&str> =
        names.lines().filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name)).collect();
    let expected = "CHECKPOINT_DISABLE HOME OWN PATH TERRAFORM_VAULT_SKIP_CHILD_TOKEN TFC_PROJECT_NAME TFC_RUN_ID \
                    SSL_CERT_FILE TFC_VAULT_ADDR TFC_VAULT_APPLY_ROLE TFC_VAULT_ENCODED_CACERT TFC_VAULT_PLAN_ROLE \
                    TFC_VAULT_PROVIDER_AUTH TFC_WORKSPACE_NAME TFC_WORKSPACE_SLUG TF_CLI_CONFIG_FILE TF_INPUT \
                    TF_IN_AUTOMATION TF_VAR_TFC_PROJECT_NAME TF_VAR_TFC_RUN_ID TF_VAR_TFC_WORKSPACE_NAME \
                    TF_VAR_TFC_WORKSPACE_SLUG TF_VAR_tfc_vault_dynamic_credentials TMPDIR VAULT_ADDR VAULT_CACERT \
                    VAULT_TOKEN";
    let mut expected: Vec<&str> = expected.split(' ').collect();
    expected.sort_unstable();
    let mut names = names;
    names.sort_unstable();
    assert_eq!(names, expected);
    Ok(())
}

#[tokio::test]
async fn nothing_that_a_run_has_started_outlives_it() -> anyhow::Result<()> {
    let site = site().await?;
    let workspace = site.trusted("net").await?;
    let mark = format!("background {}", uuid::Uuid::new_v4());
    let program = format!("sh -c 'true {mark}; sleep 600; true'");
    let start = format!("setsid {program} </dev/null >/dev/null 2>&1 &");
    let apart = format!("cd / && HOME=/ setsid {program} </dev/null >/dev/null 2>&1 &");
    let run = site.api.run_to_end(&workspace, &script("daemons", &format!("{start}\n({apart})"))).await?;
    assert_eq!(status(&run), "applied", "{}", site.api.run_log(id(&run)).await?);
    let is_left = |process: &Process| contains(&process.arguments(), mark.as_bytes());
    assert_eq!(processes().iter().filter(|process| is_left(process)).count(), 0);
    Ok(())
}
