//! The drill for a key that others may have, and an issuer of one organization, against a real relying party.

use std::time::Duration;

use anyhow::Context;
use carnet_tests::{
    CarnetServer, CertificateAuthority, EmbeddedAgent, JwtRole, OpenBao, ProtocolAgent, ProtocolJob,
    ServerOptions,
};
use serde_json::{Value, json};

const LIFE: Duration = Duration::from_secs(600);

struct Site {
    server: CarnetServer,
    bao: OpenBao,
    job: ProtocolJob,
    run: String,
}

impl Site {
    /// A server with a run in its plan, and an OpenBao that trusts it at the mount `site`.
    async fn start() -> anyhow::Result<Self> {
        let ca = CertificateAuthority::new()?;
        let off = ServerOptions { agent: EmbeddedAgent::Off, ..ServerOptions::default() };
        let (server, bao) = tokio::try_join!(CarnetServer::start(off), OpenBao::start(&ca))?;
        let api = server.api()?;
        api.create_organization("acme").await?;
        let workspace = api.create_workspace("acme", "net").await?;
        api.set_environment(&workspace, &[("TFC_WORKLOAD_IDENTITY_AUDIENCE", "vault.workload.identity")])
            .await?;
        let run = api.start_run(&workspace, "resource \"terraform_data\" \"one\" {}\n", json!({})).await?;
        let agent = ProtocolAgent::register(server.anonymous()?, &server.agent_token().await?).await?;
        let job = agent.claim().await?;
        let site = Self { server, bao, job, run };
        site.trust("site", &site.server.url()).await?;
        Ok(site)
    }

    async fn trust(&self, mount: &str, issuer: &str) -> anyhow::Result<()> {
        self.bao.trust_issuer(mount, issuer, self.server.ca_pem()).await?;
        let role =
            JwtRole { name: "reader", audience: "vault.workload.identity", subject: "*", policies: &[] };
        self.bao.write_role(mount, &role).await
    }

    async fn is_accepted(&self, mount: &str, token: &str) -> anyhow::Result<bool> {
        Ok(self.bao.login(mount, "reader", token).await?.status == 200)
    }

    async fn issuer(&self, arguments: &[&str]) -> anyhow::Result<(bool, Value)> {
        let url = self.server.url();
        let words = [&["issuer"], arguments, &["--server", &url, "--format", "json"]].concat();
        let output = self.server.command(&words).await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        let text = String::from_utf8_lossy(&output.stdout);
        let answer = serde_json::from_str(&text).unwrap_or_else(|_| json!(format!("{text}{errors}")));
        Ok((output.status.success(), answer))
    }

    async fn done(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let (is_success, answer) = self.issuer(arguments).await?;
        anyhow::ensure!(is_success, "carnet issuer {arguments:?}: {answer}");
        Ok(answer)
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> anyhow::Result<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer} in {value}"))
}

#[tokio::test]
async fn after_a_revocation_open_bao_takes_new_tokens_and_refuses_those_of_the_key() -> anyhow::Result<()> {
    let mut site = Site::start().await?;
    let old = site.job.mint(LIFE).await?;
    assert!(site.is_accepted("site", &old).await?);

    let keys = site.done(&["keys"]).await?;
    let kid = text(&keys, "/keys/0/kid")?.to_owned();
    let drill = site.done(&["revoke", &kid]).await?;
    assert_eq!((text(&drill, "/was")?, text(&drill, "/tokens/0/run_id")?), ("active", site.run.as_str()));
    assert_eq!(text(&drill, "/tokens/0/workspace")?, "net");
    // It keeps the key set until a token names a key that is not in it: docs/keys.md says so.
    assert!(site.is_accepted("site", &old).await?, "OpenBao does not look at max-age");

    let new = site.job.mint(LIFE).await?;
    assert!(site.is_accepted("site", &new).await?, "it asks again when it meets an unknown key");
    assert!(!site.is_accepted("site", &old).await?, "and then it does not know the revoked one");

    let keys = site.done(&["keys"]).await?;
    let replacement = text(&drill, "/replacement")?;
    assert_eq!((text(&keys, "/keys/0/kid")?, text(&keys, "/keys/0/state")?), (replacement, "active"));
    assert_eq!((text(&keys, "/keys/1/kid")?, text(&keys, "/keys/1/state")?), (kid.as_str(), "revoked"));
    site.server.forget_log();
    Ok(())
}

#[tokio::test]
async fn tokens_of_an_organizations_own_issuer_are_trusted_where_it_is_and_nowhere_else() -> anyhow::Result<()>
{
    let mut site = Site::start().await?;
    let made = site.done(&["create", "acme"]).await?;
    let own = text(&made, "/url")?.to_owned();
    assert!(own.starts_with(&format!("{}/organizations/org-", site.server.url())), "{own}");
    site.trust("own", &own).await?;
    let before = site.job.mint(LIFE).await?;
    assert_eq!(
        (site.is_accepted("site", &before).await?, site.is_accepted("own", &before).await?),
        (true, false)
    );

    let (is_success, said) = site.issuer(&["switch", "acme", "--to", "own"]).await?;
    assert_eq!((is_success, text(&said, "/issuer_then")?), (false, own.as_str()), "it only says what breaks");
    site.done(&["switch", "acme", "--to", "own", "--yes"]).await?;
    let after = site.job.mint(LIFE).await?;
    assert_eq!(
        (site.is_accepted("site", &after).await?, site.is_accepted("own", &after).await?),
        (false, true)
    );

    site.done(&["rotate", "--issuer", "acme", "--at-once"]).await?;
    assert!(site.is_accepted("own", &site.job.mint(LIFE).await?).await?);
    assert!(site.is_accepted("own", &after).await?, "the key before is still published");
    site.server.forget_log();
    Ok(())
}
