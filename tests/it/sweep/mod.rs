//! No secret of a run is anywhere but where the run needs it, and nowhere at all behind the run.

pub(crate) mod forms;

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use carnet_tests::carnet_binary;
use serde_json::{Value, json};

use crate::{
    process_table::{contains, processes},
    site::{ORGANIZATION, Site, id, script, with},
};
use forms::Secrets;

/// Values with characters that each encoding writes in another way.
const PASSWORD: &str = "p4ss/word+with \"quotes\" & <brackets> = 100%";
const MARKED: &str = "marked-as-sensitive/+value";
const API_KEY: &str = "key\\with\\backslashes & spaces ${and} %{more}";

/// How tokens that may mint or claim begin, wherever they are.
const CONTROL_TOKEN: &[u8] = b"carnet-job-";

#[tokio::test]
async fn no_secret_is_left_behind_or_shown_on_the_way() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let variables = site.trust("net", &[]).await?;
    let variables = with(&variables, &[("TFC_WORKLOAD_IDENTITY_AUDIENCE", "sweep.example")]);
    let workspace = site.workspace("net", &variables).await?;
    let mut secrets = Secrets::default();
    for (key, value, category) in
        [("password", PASSWORD, "terraform"), ("marked", MARKED, "terraform"), ("API_KEY", API_KEY, "env")]
    {
        secrets.add(key, value);
        let attributes = json!({"key": key, "value": value, "category": category, "sensitive": true});
        site.api.create_variable(&workspace, attributes).await?;
    }

    let run = site.api.start_run(&workspace, &configuration(&site), json!({"auto-apply": true})).await?;
    let home = site.server.work_root().join(format!("carnet-{run}"));
    site.witness.wait_for_arrivals("plan", 1).await?;
    let plan_tokens = look_around(&site, &home, "plan", &mut secrets)?;
    site.witness.open("plan");
    site.witness.wait_for_arrivals("apply", 1).await?;
    let apply_tokens = look_around(&site, &home, "apply", &mut secrets)?;
    site.witness.open("apply");
    let finished = site.api.wait_for_status(&run, &["applied"]).await?;

    let log = site.api.run_log(id(&finished)).await?;
    assert!(log.matches("[redacted]").count() >= 8, "the run has printed its secrets:\n{log}");
    let mut places = vec![
        ("the log of the run".to_owned(), log.into_bytes()),
        ("the log of the server".to_owned(), site.server.log().into_bytes()),
        ("the run".to_owned(), everything_of(&site, &workspace, &run).await?.into_bytes()),
    ];
    // What is looked for is found: the run's id stands in its log.
    let mut control = Secrets::default();
    control.add("the id of the run", &run);
    assert!(!control.found_in(&places[1].1).is_empty());
    places.extend(files_below(&site.server.data_dir())?);
    assert!(
        places.iter().any(|(_, bytes)| contains(bytes, ORGANIZATION.as_bytes())),
        "the database was not read"
    );
    for (place, bytes) in &places {
        let found = secrets.found_in(bytes);
        assert!(found.is_empty(), "{place} has {found:?}");
        assert!(!contains(bytes, CONTROL_TOKEN), "{place} has a control token");
    }
    let left: Vec<PathBuf> =
        std::fs::read_dir(site.server.work_root())?.flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?} is left behind");
    for tokens in [plan_tokens, apply_tokens] {
        tokens.are_worthless(&site, &workspace).await?;
    }
    Ok(())
}

/// Shows every secret in the log in many forms, and waits in the plan and in the apply.
fn configuration(site: &Site) -> String {
    let show = |name: &str| {
        format!(
            "printf '%s\\n' \"${name}\"\nprintf %s \"${name}\" | base64 -w0; echo\nprintf 'ab%s' \"${name}\" | base64 -w0; \
             echo\npython3 -c 'import os, urllib.parse as u; print(u.quote(os.environ[\"{name}\"], safe=\"\"))'\n"
        )
    };
    let shown: String = ["API_KEY", "VAULT_TOKEN", "TFC_WORKLOAD_IDENTITY_TOKEN"].map(show).concat();
    let terraformrc = "cat \"$TF_CLI_CONFIG_FILE\"\n";
    let wait = site.witness.wait_at("apply");
    format!(
        "variable \"password\" {{}}\nvariable \"marked\" {{\n  sensitive = true\n}}\nmodule \"pause\" {{\n  source = \
         \"{}\"\n}}\nresource \"terraform_data\" \"shown\" {{\n  input = \"it is ${{var.password}}\"\n}}\n\
         resource \"terraform_data\" \"marked\" {{\n  input = var.marked\n}}\noutput \"shown\" {{\n  value = \
         var.password\n}}\n{}",
        site.witness.module_behind("plan"),
        script("holder", &format!("{shown}{terraformrc}{wait}"))
    )
}

/// The tokens of one phase.
struct Tokens {
    vault: String,
    run: String,
}

impl Tokens {
    async fn are_worthless(&self, site: &Site, workspace: &str) -> anyhow::Result<()> {
        let answer = site.bao.request("GET", "auth/token/lookup-self", Some(&self.vault), None).await?;
        assert_eq!(answer.status, 403, "the Vault token still works: {}", answer.body);
        let api = site.server.api_as(&self.run)?;
        let answer = api.request("GET", &format!("workspaces/{workspace}"), None).await?;
        assert_eq!(answer.status, 401, "the run token still works: {}", answer.body);
        Ok(())
    }
}

/// Takes the tokens of the phase that is under way, and checks that nothing shows them or any other secret.
fn look_around(site: &Site, home: &Path, phase: &str, secrets: &mut Secrets) -> anyhow::Result<Tokens> {
    let read =
        |name: &str| std::fs::read_to_string(home.join(name)).with_context(|| format!("{name} is not there"));
    let vault = read("tfc-vault-token")?;
    let run = read("terraformrc")?.split('"').find(|word| word.starts_with("carnet-run-")).map(str::to_owned);
    let run = run.context("terraform has no run token")?;
    let home_text = home.display().to_string();
    let mut holders =
        processes().into_iter().filter(|process| process.variable("HOME").as_ref() == Some(&home_text));
    let terraform = holders.next().context("terraform does not run")?;
    let identity = terraform.variable("TFC_WORKLOAD_IDENTITY_TOKEN").context("there is no bare token")?;
    let (_, signature) = identity.rsplit_once('.').context("a token has a signature")?;
    for (name, value) in [
        ("Vault token", &*vault),
        ("run token", &*run),
        ("identity token", &*identity),
        ("signature", signature),
    ] {
        secrets.add(&format!("the {name} of the {phase}"), value);
    }
    check_processes(secrets)?;
    check_files(site, home)?;
    Ok(Tokens { vault, run })
}

/// No argument list has a secret, and no environment of the product itself.
fn check_processes(secrets: &Secrets) -> anyhow::Result<()> {
    let binary = carnet_binary()?.canonicalize()?;
    let mut own = 0;
    for process in processes() {
        let (arguments, mut shown) = (process.arguments(), process.arguments());
        if process.executes(&binary) {
            own += 1;
            shown.extend(process.environment());
        }
        let found = secrets.found_in(&shown);
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        assert!(found.is_empty(), "the process {} ({arguments}) has {found:?}", process.id);
        assert!(!contains(&process.environment(), CONTROL_TOKEN), "{arguments} has a control token");
    }
    assert!(own >= 2, "a server and a guardian run");
    Ok(())
}

/// What is injected is the owner's alone and lies outside of the configuration; what may mint does not lie there at all.
fn check_files(site: &Site, home: &Path) -> anyhow::Result<()> {
    assert_eq!(std::fs::metadata(home)?.permissions().mode() & 0o777, 0o700);
    for name in ["tfc-vault-token", "tfc-vault-ca-cert.pem", "terraformrc"] {
        assert_eq!(std::fs::metadata(home.join(name))?.permissions().mode() & 0o777, 0o600, "{name}");
    }
    for folder in [home.to_owned(), site.server.data_dir()] {
        for (place, bytes) in files_below(&folder)? {
            assert!(!contains(&bytes, CONTROL_TOKEN), "{place} has a control token");
        }
    }
    let token = std::fs::read(home.join("tfc-vault-token"))?;
    for (place, bytes) in files_below(&home.join("config"))? {
        assert!(!contains(&bytes, &token), "{place} has the Vault token");
    }
    Ok(())
}

/// What the API tells about a run to whoever may read it.
async fn everything_of(site: &Site, workspace: &str, run: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    for path in [
        format!("runs/{run}"),
        format!("runs/{run}/plan"),
        format!("runs/{run}/apply"),
        format!("workspaces/{workspace}/vars"),
        format!("/api/carnet/v1/runs/{run}/jobs"),
        format!("/api/carnet/v1/workspaces/{workspace}/identity-tokens"),
    ] {
        text.push_str(&site.api.get(&path).await?.to_string());
    }
    let redacted: Value = site.api.get(&format!("runs/{run}/plan/json-output-redacted")).await?;
    assert!(redacted.to_string().contains("terraform_data.marked"), "{redacted}");
    assert!(!redacted.to_string().contains(MARKED), "{redacted}");
    Ok(text)
}

/// All files below a folder with their names and contents.
pub(crate) fn files_below(folder: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            found.extend(files_below(&entry.path())?);
        } else if kind.is_file() {
            let mut content = std::fs::read(entry.path()).unwrap_or_default();
            content.extend(entry.path().as_os_str().as_encoded_bytes());
            found.push((entry.path().display().to_string(), content));
        }
    }
    Ok(found)
}
