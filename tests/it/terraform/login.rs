//! `terraform login`: the real command, a browser that is driven by the test, and what the token is good for.

use std::os::unix::fs::PermissionsExt;

use anyhow::Context;
use carnet_tests::{BOOTSTRAP_TOKEN, TerraformCli};
use reqwest::{Certificate, Client, Response, header, redirect::Policy};
use serde_json::{Value, json};

use super::world::{ORGANIZATION, World};

/// What Terraform starts in the place of a browser: it notes the address.
const BROWSER: &str = "#!/bin/sh\nprintf %s \"$1\" > \"${0%/*}/opened\"\n";

/// The names and values of the form's hidden fields.
fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let fields = page.split("<input type=\"hidden\" name=\"").skip(1);
    let pairs = fields.filter_map(|field| {
        let (name, rest) = field.split_once("\" value=\"")?;
        Some((name.to_owned(), rest.split_once('"')?.0.to_owned()))
    });
    pairs.collect()
}

fn header_of(response: &Response, name: header::HeaderName) -> anyhow::Result<String> {
    let value = response.headers().get(&name).with_context(|| format!("the answer has no {name}"))?;
    Ok(value.to_str()?.to_owned())
}

/// Opens the page, pastes a token, approves, and lets itself be sent back to Terraform.
async fn approve(world: &World, address: &str, token: &str) -> anyhow::Result<()> {
    let ca = Certificate::from_pem_bundle(world.server.ca_pem().as_bytes())?;
    let browser = Client::builder().no_proxy().http1_only().redirect(Policy::none()).tls_certs_only(ca);
    let browser = browser.build()?;
    let page = browser.get(address).send().await?.error_for_status()?;
    let cookie = header_of(&page, header::SET_COOKIE)?;
    let cookie = cookie.split(';').next().context("a cookie is a pair")?.to_owned();
    let mut form = hidden_fields(&page.text().await?);
    form.extend([("token", token), ("decision", "approve")].map(|(name, value)| (name.into(), value.into())));
    let submitted = browser.post(format!("{}/oauth/authorize", world.server.url()));
    let answer = submitted.header(header::COOKIE, cookie).form(&form).send().await?;
    assert_eq!(answer.status(), 303);
    let back = header_of(&answer, header::LOCATION)?;
    assert!(back.starts_with("http://localhost:100"), "{back}");
    // Terraform closes its listener as soon as it has the code, sometimes before it has answered: only an answer tells.
    if let Ok(answer) = browser.get(back).send().await {
        assert_eq!(answer.status(), 200, "Terraform refuses the code");
    }
    Ok(())
}

#[tokio::test]
async fn login_ends_in_a_token_with_which_terraform_works() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let programs = tempfile::tempdir()?;
    let browser = programs.path().join("xdg-open");
    std::fs::write(&browser, BROWSER)?;
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755))?;
    // An empty name of the file: Terraform reads and writes the files of its home.
    let cli = TerraformCli::new(&world.server, "unused")
        .await?
        .with_environment("TF_CLI_CONFIG_FILE", "")
        .with_environment("PATH", &programs.path().display().to_string());
    // Terraform makes this folder when it looks for updates, which is switched off.
    std::fs::create_dir(cli.home().join(".terraform.d"))?;
    cli.write_cloud_block(&world.server, ORGANIZATION, "network")?;
    cli.write("main.tf", "resource \"terraform_data\" \"network\" {}\n")?;
    assert_ne!(cli.run(&["init"]).await?.code, Some(0), "init works without a token");

    let host = world.server.host();
    let mut login = cli.start(&["login", &host])?;
    login.wait_for_output("Enter a value:").await?;
    login.answer("yes").await?;
    login.wait_for_output("Terraform will now wait").await?;
    let shown = login.shown();
    let start = format!("{}/oauth/authorize?", world.server.url());
    let mut words = shown.split_whitespace();
    let address = words.find(|word| word.starts_with(&start)).context("an address is printed")?;
    assert_eq!(std::fs::read_to_string(programs.path().join("opened"))?, address);
    approve(&world, address, BOOTSTRAP_TOKEN).await?;
    let output = login.finish().await?;
    assert_eq!(output.code, Some(0), "{}\n{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("Success!"), "{}", output.stdout);

    let file = cli.home().join(".terraform.d/credentials.tfrc.json");
    let credentials: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let token = credentials["credentials"][&host]["token"].as_str().context("a token is saved")?;
    assert_ne!(token, BOOTSTRAP_TOKEN);
    assert!(!world.server.log().contains(token), "the log of the server holds the token");
    cli.succeed(&["init"]).await?;
    cli.succeed(&["plan"]).await?;

    let account = world.api.get("account/details").await?;
    let user = account["data"]["id"].as_str().context("a user")?;
    let tokens = world.api.get(&format!("users/{user}/authentication-tokens")).await?;
    let tokens = tokens["data"].as_array().context("a list")?;
    let made = tokens.iter().find(|token| token["attributes"]["description"] == json!("terraform login"));
    let id = made.and_then(|token| token["id"].as_str()).context("the token is listed")?;
    let revoked = world.api.request("DELETE", &format!("authentication-tokens/{id}"), None).await?;
    assert_eq!(revoked.status, 204);
    assert_ne!(cli.run(&["plan"]).await?.code, Some(0), "a revoked token works");
    Ok(())
}
