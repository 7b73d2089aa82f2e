use serde_json::{Value, json};

use crate::api::tests::Site;
use crate::app::Settings;
use crate::testing::{TestServer, URL};

async fn asked(site: &Site, attributes: Value) -> (u16, Value) {
    let path = format!("/api/carnet/v1/workspaces/{}/trust", site.workspace.id);
    let body = json!({ "data": { "type": "trust", "attributes": attributes } });
    site.server.request("POST", &path, &site.owner, body).await
}

#[tokio::test]
async fn trust_is_written_for_the_workspace_in_every_format() {
    let site = Site::new().await;
    let (status, answer) = asked(&site, json!({ "family": "aws" })).await;
    assert_eq!(status, 200, "{answer}");
    let attributes = &answer["data"]["attributes"];
    assert_eq!((&attributes["family"], &attributes["format"]), (&json!("aws"), &json!("terraform")));
    let text = attributes["text"].as_str().expect("a text");
    assert!(
        text.contains(":run_phase:apply\"") && text.contains("resource \"aws_iam_role\" \"plan\""),
        "{text}"
    );

    let options = json!({ "project-id": "prod", "project-number": "42" });
    let (status, answer) = asked(
        &site,
        json!({ "family": "gcp", "format": "json", "phase": "plan", "tag": "EAST", "options": options }),
    )
    .await;
    assert_eq!(status, 200, "{answer}");
    let text = answer["data"]["attributes"]["text"].as_str().expect("a text");
    let document: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(document["variables"][0]["key"], "TFC_GCP_PROVIDER_AUTH_EAST");
    // The server knows the id that Google is bound to.
    assert!(
        text.contains(&format!("/subject/{}:plan", site.workspace.id)) || text.contains("assertion.sub"),
        "{text}"
    );
    assert!(!text.contains("run_phase:apply"), "{text}");
}

#[tokio::test]
async fn what_cannot_be_is_refused_where_it_was_said() {
    let site = Site::new().await;
    let cases = [
        (json!({}), "/data/attributes/family"),
        (json!({ "family": "ibm" }), "/data/attributes/family"),
        (json!({ "family": "aws", "options": { "account-id": "1" } }), "/data/attributes/options/account-id"),
        (json!({ "family": "vault", "options": { "token-ttl": "x" } }), "/data/attributes/options/token-ttl"),
        (json!({ "family": "vault", "issuer-ca": "x" }), "/data/attributes/issuer-ca"),
        (json!({ "family": "gcp", "issuer-keys": "{}" }), "/data/attributes/issuer-keys"),
        (json!({ "family": "aws", "options": { "roel": "x" } }), "/data/attributes/options"),
        (json!({ "family": "aws", "format": "yaml" }), "/data/attributes/format"),
        (json!({ "family": "aws", "phase": "destroy" }), "/data/attributes/phase"),
        (json!({ "family": "aws", "tag": "a-b" }), "/data/attributes/tag"),
        (json!({ "family": "azure", "scope": "project" }), "/data/attributes/family"),
    ];
    for (attributes, pointer) in cases {
        let (status, answer) = asked(&site, attributes).await;
        assert_eq!((status, &answer["errors"][0]["source"]["pointer"]), (422, &json!(pointer)), "{answer}");
    }
}

#[tokio::test]
async fn trust_follows_the_template_of_subjects() {
    let site = Site::new().await;
    let path = format!("/api/carnet/v1/workspaces/{}/subject-settings", site.workspace.id);
    let settings = json!({ "data": { "type": "subject-settings", "attributes": { "template": "name@id" } } });
    let (status, answer) = site.server.request("PUT", &path, &site.owner, settings).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = asked(&site, json!({ "family": "aws" })).await;
    assert_eq!(status, 200, "{answer}");
    let text = answer["data"]["attributes"]["text"].as_str().expect("a text");
    let named = format!("@{}:run_phase:apply\"", site.workspace.id);
    assert!(text.contains(&named), "{named} in {text}");
    let (status, answer) = asked(&site, json!({ "family": "aws", "scope": "project" })).await;
    assert_eq!(status, 422, "{answer}");
    assert_eq!(answer["errors"][0]["source"]["pointer"], "/data/attributes/scope");
}

#[tokio::test]
async fn the_authority_of_the_server_is_told_to_those_who_can_trust_it() {
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let server =
        TestServer::with_settings(Settings { authority: Some(pem.to_owned()), ..Settings::new(URL) }).await;
    let (user, token) = server.user("olga").await;
    let organization = server.organization("acme", &user).await;
    let workspace = server.workspace(&organization, "net").await;
    let path = format!("/api/carnet/v1/workspaces/{}/trust", workspace.id);
    for (family, is_told) in [
        ("vault", true),
        ("vault-aws", true),
        ("kubernetes", true),
        ("aws", false),
        ("azure", false),
        ("gcp", false),
    ] {
        let body =
            json!({ "data": { "type": "trust", "attributes": { "family": family, "format": "json" } } });
        let (status, answer) = server.request("POST", &path, &token, body).await;
        assert_eq!(status, 200, "{answer}");
        let text = answer["data"]["attributes"]["text"].as_str().expect("a text");
        assert_eq!(text.contains("BEGIN CERTIFICATE"), is_told, "{family}: {text}");
    }
}
