//! Archives that are too large, or not what they should be.

use std::convert::Infallible;

use anyhow::Context;
use carnet_tests::{Archive, CarnetServer, EmbeddedAgent, ServerOptions};
use futures_util::stream;
use serde_json::json;

use crate::site::ORGANIZATION;

const LIMIT: usize = 65536;

async fn server() -> anyhow::Result<CarnetServer> {
    let arguments = ["--upload-limit".to_owned(), LIMIT.to_string()].to_vec();
    let server =
        CarnetServer::start(ServerOptions { agent: EmbeddedAgent::Off, arguments, ..Default::default() });
    let server = server.await?;
    server.api()?.create_organization(ORGANIZATION).await?;
    Ok(server)
}

#[tokio::test]
async fn an_upload_over_the_limit_is_refused_while_it_comes() -> anyhow::Result<()> {
    let server = server().await?;
    let api = server.api()?;
    let workspace = api.create_workspace(ORGANIZATION, "net").await?;

    let (version, answer) = api.upload_archive(&workspace, vec![b'x'; LIMIT + 1]).await?;
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert_eq!(answer.body["errors"][0]["status"], "413", "{}", answer.body);
    let shown = api.get(&format!("configuration-versions/{version}")).await?;
    assert_eq!(shown["data"]["attributes"]["status"], "pending", "the upload may be tried again");

    // This body never ends and does not say how long it is: only a check along the way can answer.
    let body = json!({"data": {"type": "configuration-versions", "attributes": {"auto-queue-runs": false}}});
    let made = api.post(&format!("workspaces/{workspace}/configuration-versions"), body).await?;
    let address = made["data"]["attributes"]["upload-url"].as_str().context("an address")?;
    let authority = reqwest::Certificate::from_pem(server.ca_pem().as_bytes())?;
    let client = reqwest::Client::builder().no_proxy().http1_only().tls_certs_only([authority]).build()?;
    let endless = stream::repeat_with(|| Ok::<_, Infallible>(vec![b'x'; 4096]));
    let response = client.put(address).body(reqwest::Body::wrap_stream(endless)).send().await?;
    assert_eq!(response.status().as_u16(), 413);
    Ok(())
}

#[tokio::test]
async fn an_archive_that_reaches_out_of_its_tree_is_refused_with_the_reason() -> anyhow::Result<()> {
    let server = server().await?;
    let api = server.api()?;
    let workspace = api.create_workspace(ORGANIZATION, "net").await?;
    let main = || Archive::new().file("main.tf", "");
    let cases = [
        (main()?.unchecked_file("../outside.tf", "")?.finish()?, "its path has .."),
        (main()?.unchecked_file("/etc/outside", "")?.finish()?, "its path is absolute"),
        (main()?.link("modules/up", "../../outside")?.finish()?, "it links out of the tree"),
        (main()?.link("shadow", "/etc/shadow")?.finish()?, "it links to an absolute path"),
        (main()?.link("a", "sub")?.unchecked_file("a/b.tf", "")?.finish()?, "it lies behind a link"),
        (main()?.claim("bomb", 3 << 30)?, "unpacks to more than"),
        (b"this is no archive".to_vec(), "not a gzip archive"),
    ];
    for (archive, reason) in cases {
        let (version, answer) = api.upload_archive(&workspace, archive).await?;
        assert_eq!(answer.status, 200, "{reason}: {}", answer.body);
        let shown = api.get(&format!("configuration-versions/{version}")).await?;
        let attributes = &shown["data"]["attributes"];
        assert_eq!(attributes["status"], "errored", "{reason}: {attributes}");
        assert!(
            attributes["error-message"].as_str().is_some_and(|text| text.contains(reason)),
            "{attributes}"
        );

        let body = json!({"data": {"type": "runs", "attributes": {}, "relationships": {
            "workspace": {"data": {"type": "workspaces", "id": workspace}},
            "configuration-version": {"data": {"type": "configuration-versions", "id": version}},
        }}});
        let answer = api.request("POST", "runs", Some(&body)).await?;
        assert!((400..500).contains(&answer.status), "{reason}: {} {}", answer.status, answer.body);
    }
    let good = main()?.link("also.tf", "main.tf")?.finish()?;
    let (version, answer) = api.upload_archive(&workspace, good).await?;
    answer.success()?;
    let shown = api.get(&format!("configuration-versions/{version}")).await?;
    assert_eq!(shown["data"]["attributes"]["status"], "uploaded");
    Ok(())
}
