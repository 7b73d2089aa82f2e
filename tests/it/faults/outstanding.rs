//! Nobody is left to revoke: the server's list of what still works is enough to finish the job, and it holds no secret.

use std::path::Path;

use anyhow::Context;
use carnet_tests::{CarnetAgent, EmbeddedAgent, ServerOptions, carnet_binary};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::crash::{is_product, send};
use crate::{
    process_table::{Process, contains, processes},
    site::{ORGANIZATION, Site, script, wait_until_empty, with},
    sweep::{files_below, forms::Secrets},
};

/// How tokens that may mint or claim begin, wherever they are.
const CONTROL_TOKEN: &[u8] = b"carnet-job-";

/// An apply that held two tokens of Vault when the power of its machine went.
struct Abandoned {
    site: Site,
    agent: CarnetAgent,
    run: String,
    vault_tokens: Vec<String>,
    secrets: Secrets,
}

impl Abandoned {
    async fn leave() -> anyhow::Result<Self> {
        let options = ServerOptions { agent: EmbeddedAgent::Off, ..Default::default() };
        let site = Site::start_with(options).await?;
        let mut agent = CarnetAgent::start(&site.server).await?;
        let variables = site.trust("net", &[]).await?;
        let second: Vec<_> = variables.iter().map(|(key, value)| (format!("{key}_Ops"), &**value)).collect();
        let mut more: Vec<(&str, &str)> = second.iter().map(|(key, value)| (&**key, *value)).collect();
        more.push(("TFC_WORKLOAD_IDENTITY_AUDIENCE", "outstanding.example"));
        let workspace = site.workspace("net", &with(&variables, &more)).await?;
        let configuration = script("holder", &site.witness.wait_at("apply"));
        let run = site.api.start_run(&workspace, &configuration, json!({"auto-apply": true})).await?;
        site.witness.wait_for_arrivals("apply", 1).await?;
        let (vault_tokens, secrets) = take_secrets(&agent.work_root().join(format!("carnet-{run}")))?;
        cut_power(&mut agent).await?;
        Ok(Self { site, agent, run, vault_tokens, secrets })
    }

    /// The accessors on the list and how their revocation stands, in its order.
    async fn listed(&self) -> anyhow::Result<Vec<(String, String)>> {
        let path = format!("/api/carnet/v1/organizations/{ORGANIZATION}/outstanding-credentials");
        let list = self.site.api.get(&path).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entry =
            |one: &Value| (text(&one["attributes"]["accessor"]), text(&one["attributes"]["revocation"]));
        Ok(list["data"].as_array().context("a list")?.iter().map(entry).collect())
    }

    /// What the run says was not revoked.
    async fn unrevoked(&self) -> anyhow::Result<Vec<Value>> {
        let run = self.site.api.get(&format!("runs/{}", self.run)).await?;
        let list = &run["data"]["attributes"]["unrevoked-credentials"];
        list.as_array().cloned().with_context(|| format!("{list} is no list"))
    }

    /// Runs `carnet admin revoke-outstanding` with a Vault token; yields whether nothing is left, and what was printed.
    async fn revoke(&self, vault_token: &str, more: &[&str]) -> anyhow::Result<(bool, Vec<String>)> {
        let (server, vault_ca) = (self.site.server.url(), self.site.ca.pem_file().display().to_string());
        let mut arguments = vec!["admin", "revoke-outstanding", "--server", &server];
        arguments.extend(["--organization", ORGANIZATION, "--address", self.site.bao.address()]);
        arguments.extend(["--vault-ca-file", &vault_ca]);
        arguments.extend(more);
        let output = self.site.server.command_with(&arguments, &[("VAULT_TOKEN", vault_token)]).await?;
        let (printed, errors) =
            (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr).into_owned());
        for text in [&printed, &errors] {
            assert!(
                !text.contains(vault_token) && self.secrets.found_in(text.as_bytes()).is_empty(),
                "{text}"
            );
        }
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 1)), "{code:?}: {errors}");
        assert_eq!(code == Some(0), errors.is_empty(), "{errors}");
        Ok((code == Some(0), printed.lines().map(str::to_owned).collect()))
    }

    /// Nothing that would be worth something to a thief is kept for the sake of the revocation.
    fn keep_no_secret(&self) -> anyhow::Result<()> {
        for folder in [self.site.server.data_dir(), self.agent.data_dir()] {
            for (place, bytes) in files_below(&folder)? {
                let found = self.secrets.found_in(&bytes);
                assert!(found.is_empty(), "{place} has {found:?}");
                assert!(!contains(&bytes, CONTROL_TOKEN), "{place} has a control token");
            }
        }
        Ok(())
    }

    async fn assert_all_dead(&self) -> anyhow::Result<()> {
        for token in &self.vault_tokens {
            let answer = self.site.bao.request("GET", "auth/token/lookup-self", Some(token), None).await?;
            assert_eq!(answer.status, 403, "a Vault token still works: {}", answer.body);
        }
        Ok(())
    }
}

/// The Vault tokens of the home of a run, and the forms of everything secret that its Terraform has.
fn take_secrets(home: &Path) -> anyhow::Result<(Vec<String>, Secrets)> {
    let mut secrets = Secrets::default();
    let mut vault_tokens = Vec::new();
    for entry in std::fs::read_dir(home)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("tfc-vault-token") {
            vault_tokens.push(std::fs::read_to_string(entry.path())?);
        }
    }
    assert_eq!(vault_tokens.len(), 2);
    for token in &vault_tokens {
        secrets.add("Vault token", token);
    }
    let home = home.display().to_string();
    let mut terraform = processes().into_iter().filter(|one| one.variable("HOME").as_ref() == Some(&home));
    let terraform = terraform.next().context("terraform does not run")?;
    let identity = terraform.variable("TFC_WORKLOAD_IDENTITY_TOKEN").context("there is no bare token")?;
    let (header, rest) = identity.split_once('.').context("a token has parts")?;
    // Every identity token of this issuer begins like this, those for Vault as well.
    secrets.add("header of an identity token", &format!("{header}."));
    secrets.add("identity token", rest);
    Ok((vault_tokens, secrets))
}

/// Ends the agent, its guardians and everything they started, so that nobody can clean up after anybody.
async fn cut_power(agent: &mut CarnetAgent) -> anyhow::Result<()> {
    let id = agent.id().context("the agent runs")?;
    let (binary, work_root) = (carnet_binary()?.canonicalize()?, agent.work_root());
    let is_guardian = |process: &Process| process.executes(&binary) && process.parent() == Some(id);
    let is_of_run = |process: &Process| process.belongs_to(&work_root) && !is_product(process);
    let (guardians, others): (Vec<_>, Vec<_>) =
        processes().into_iter().filter(|one| is_guardian(one) || is_of_run(one)).partition(is_guardian);
    assert!(!guardians.is_empty() && !others.is_empty());
    // A guardian would revoke as soon as its agent is gone.
    send(Signal::STOP, &guardians)?;
    agent.kill().await?;
    send(Signal::KILL, &guardians)?;
    send(Signal::KILL, &others)
}

/// A Vault token that may revoke by accessor, and nothing else.
async fn revoker(site: &Site) -> anyhow::Result<String> {
    let policy = "path \"auth/token/revoke-accessor\" { capabilities = [\"update\"] }";
    site.bao.admin("PUT", "sys/policies/acl/revoker", json!({"policy": policy})).await?;
    vault_token(site, "revoker").await
}

async fn vault_token(site: &Site, policy: &str) -> anyhow::Result<String> {
    let body = json!({"policies": [policy], "no_default_policy": true});
    let made = site.bao.admin("POST", "auth/token/create", body).await?;
    made["auth"]["client_token"].as_str().map(str::to_owned).context("a token was made")
}

#[tokio::test]
async fn what_nobody_was_left_to_revoke_is_revoked_from_the_list() -> anyhow::Result<()> {
    let mut abandoned = Abandoned::leave().await?;
    let site = &abandoned.site;
    // The server gives the agent up when its lease runs out.
    site.api.wait_for_status(&abandoned.run, &["errored"]).await?;
    let listed = abandoned.listed().await?;
    assert_eq!(listed.len(), 2);
    for (accessor, revocation) in &listed {
        assert!(revocation == "outstanding" && site.bao.is_live(accessor).await?, "{accessor} {revocation}");
    }
    assert_eq!(abandoned.unrevoked().await?.len(), 2);
    abandoned.keep_no_secret()?;
    let [older, newer] = [&listed[0].0, &listed[1].0];

    let revoker = revoker(site).await?;
    let (_, printed) = abandoned.revoke(&revoker, &["--dry-run"]).await?;
    assert!(
        printed.len() == 2 && printed.iter().all(|line| line.starts_with("would revoke ")),
        "{printed:?}"
    );
    let (is_done, printed) = abandoned.revoke(&vault_token(site, "reader").await?, &[]).await?;
    assert!(!is_done && printed.iter().all(|line| line.starts_with("could not revoke ")), "{printed:?}");
    assert_eq!(abandoned.listed().await?, [older, newer].map(|one| (one.clone(), "failed".to_owned())));
    let told = abandoned.unrevoked().await?;
    assert!(told.len() == 2 && told[0].to_string().contains("permission denied"), "{told:?}");
    assert!(site.bao.is_live(older).await? && site.bao.is_live(newer).await?);

    // One of the two ends in another way meanwhile.
    site.bao.admin("POST", "auth/token/revoke-accessor", json!({"accessor": older})).await?;
    let (is_done, printed) = abandoned.revoke(&revoker, &[]).await?;
    assert!(is_done, "{printed:?}");
    assert!(printed[0].starts_with("revoked vault (Ops)") && printed[0].contains(newer), "{printed:?}");
    assert!(printed[1].starts_with("already gone: vault ") && printed[1].contains(older), "{printed:?}");
    abandoned.assert_all_dead().await?;
    assert!(abandoned.listed().await?.is_empty() && abandoned.unrevoked().await?.is_empty());
    let report = site.api.get(&format!("/api/carnet/v1/runs/{}/credentials", abandoned.run)).await?;
    let entries = report["data"].as_array().context("a report")?;
    let of_apply = entries.iter().filter(|entry| entry["attributes"]["phase"] == "apply");
    let leases: Vec<_> = of_apply
        .flat_map(|entry| entry["attributes"]["leases"].as_array().into_iter().flatten())
        .map(|lease| lease["revocation"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(leases, ["already_gone", "revoked"]);
    assert_eq!(abandoned.revoke(&revoker, &[]).await?, (true, Vec::new()), "a second time is safe");

    // The next start of the agent deletes what the run left on the disk.
    let work_root = abandoned.agent.work_root();
    let secrets = files_below(&work_root)?
        .iter()
        .filter(|(_, bytes)| !abandoned.secrets.found_in(bytes).is_empty())
        .count();
    assert!(secrets >= 2, "nobody has deleted the tokens yet");
    abandoned.agent.restart()?;
    wait_until_empty(&work_root).await?;
    abandoned.keep_no_secret()
}
