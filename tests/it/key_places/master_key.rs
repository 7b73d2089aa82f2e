//! The master key is wrapped by OpenBao: migrated there and back, wrapped again, and what is said when it cannot be opened.

use std::process::Output;

use carnet_tests::CarnetServer;
use serde_json::{Value, json};

use super::{Transit, WRAPPING, arguments};
use crate::site::ORGANIZATION;

struct Kept {
    transit: Transit,
    server: CarnetServer,
}

impl Kept {
    async fn start(more: &[&str]) -> anyhow::Result<Self> {
        let transit = Transit::start().await?;
        let server = CarnetServer::start(transit.options(more)).await?;
        server.api()?.create_organization(ORGANIZATION).await?;
        Ok(Self { transit, server })
    }

    async fn admin(&self, command: &str, more: &[&str]) -> anyhow::Result<Output> {
        let data = self.server.data_dir().display().to_string();
        let reach = self.transit.arguments();
        let mut all = arguments(&["admin", command, "--data", &data], &reach);
        all.extend(more);
        self.server.command(&all).await
    }

    fn has(&self, file: &str) -> bool {
        self.server.data_dir().join(file).exists()
    }

    async fn is_usable(&self) -> anyhow::Result<()> {
        let found = self.server.api()?.request("GET", &format!("organizations/{ORGANIZATION}"), None).await?;
        assert_eq!(found.status, 200, "the data is there");
        Ok(())
    }
}

#[track_caller]
fn check(output: &Output, success: bool, expected: &str) {
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.success(), success, "{text}");
    assert!(text.contains(expected), "{text}");
}

#[tokio::test]
async fn a_master_key_in_the_clear_is_wrapped_wrapped_again_and_unwrapped() -> anyhow::Result<()> {
    let mut kept = Kept::start(&[]).await?;
    assert!(kept.has("master.key") && !kept.has("master.key.wrapped"));
    let wrapper = ["--master-key-wrapper", WRAPPING];
    check(&kept.admin("wrap-master-key", &[]).await?, false, "--master-key-wrapper");
    kept.server.terminate().await?;
    check(
        &kept.admin("wrap-master-key", &wrapper).await?,
        true,
        "start the server with --master-key-wrapper",
    );
    assert!(!kept.has("master.key") && kept.has("master.key.wrapped"));

    kept.server.push_arguments(&wrapper);
    kept.server.restart().await?;
    kept.is_usable().await?;

    // After the rotation of the wrapping key, the older version may go.
    let bao = &kept.transit.bao;
    bao.admin("POST", "transit/keys/carnet-master/rotate", json!({})).await?;
    check(&kept.admin("rewrap-master-key", &wrapper).await?, true, "is wrapped by");
    bao.admin("POST", "transit/keys/carnet-master/config", json!({"min_decryption_version": 2})).await?;
    kept.server.terminate().await?;
    kept.server.restart().await?;
    kept.is_usable().await?;
    let made = kept.admin("agent-token", &wrapper).await?;
    check(&made, true, "carnet-agent-");

    kept.server.terminate().await?;
    check(&kept.admin("unwrap-master-key", &wrapper).await?, true, "in the clear");
    assert!(kept.has("master.key") && !kept.has("master.key.wrapped"));
    kept.server.pop_arguments(wrapper.len());
    kept.server.restart().await?;
    kept.is_usable().await
}

#[tokio::test]
async fn a_start_without_openbao_says_what_is_wrong_and_what_helps() -> anyhow::Result<()> {
    let mut kept = Kept::start(&["--master-key-wrapper", WRAPPING]).await?;
    kept.server.terminate().await?;
    let start = async |kept: &Kept, more: &[&str]| {
        let data = kept.server.data_dir().display().to_string();
        let first = ["server", "--data", &data, "--listen", "127.0.0.1:0", "--no-agent"];
        let reach = kept.transit.arguments();
        let mut all = arguments(&first, &reach);
        all.extend(["--master-key-wrapper", WRAPPING]);
        all.extend(more);
        kept.server.command(&all).await
    };
    // The policy lacks the right.
    let policy = json!({"policy": "path \"transit/sign/*\" { capabilities = [\"update\"] }"});
    kept.transit.bao.admin("PUT", "sys/policies/acl/carnet", policy).await?;
    check(&start(&kept, &[]).await?, false, "docs/key-sources.md");
    // Without the option.
    let data = kept.server.data_dir().display().to_string();
    let plain = ["server", "--data", &data, "--listen", "127.0.0.1:0", "--no-agent"];
    check(&kept.server.command(&plain).await?, false, "--master-key-wrapper");
    // Another key than the one that wrapped it.
    let other = ["--master-key-wrapper", "transit:transit/other"];
    let reach = kept.transit.arguments();
    let mut all = arguments(&plain, &reach);
    all.extend(other);
    check(&kept.server.command(&all).await?, false, "rewrap-master-key");
    // Sealed.
    kept.transit.bao.admin("PUT", "sys/seal", Value::Null).await?;
    check(&start(&kept, &[]).await?, false, "it is sealed; unseal it with `bao operator unseal`");
    // Away.
    kept.transit.bao.process().kill().await?;
    check(&start(&kept, &[]).await?, false, "does not answer");
    assert!(!kept.has("master.key"), "no other key was made");
    Ok(())
}
