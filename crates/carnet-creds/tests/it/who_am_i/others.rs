//! Google, Microsoft, Kubernetes and Vault, asked who the run is.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;

use super::{ASKS, Provider, asked, field, only};
use crate::{
    fake_issuer::SUBJECT,
    fake_vault::{FakeVault, Role},
    http::{Answer, Request},
    world::World,
};

const CLIENT: &str = "af3110ba-0ba9-4412-b1a0-59f50b7e9273";
const TENANT: &str = "4ecd6548-e33b-4b9d-9986-bd3c22986c61";
const PROVIDER: &str = "projects/123/locations/global/workloadIdentityPools/p/providers/q";
const EMAIL: &str = "terraform@p.iam.gserviceaccount.com";

/// Google's three services in one.
fn google(request: &Request) -> Answer {
    let bearer = request.headers.get("authorization").map(String::as_str).unwrap_or_default();
    let body = match (request.path.as_str(), bearer) {
        ("/v1/token", "") => json!({ "access_token": "federated-token" }),
        ("/tokeninfo", "Bearer impersonated-token") => json!({ "azp": "1234", "email": EMAIL }),
        (path, "Bearer federated-token") if path.ends_with(&format!("{EMAIL}:generateAccessToken")) => {
            json!({ "accessToken": "impersonated-token" })
        }
        _ => {
            let text =
                "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).";
            return Answer::new(403, json!({ "error": { "code": 403, "message": text } }).to_string());
        }
    };
    Answer::new(200, body.to_string())
}

#[tokio::test]
async fn google_says_which_service_account_it_is() {
    let mut world = World::new();
    let provider = Provider::start(google).await;
    let on = [("TFC_GCP_PROVIDER_AUTH", "true"), ("TFC_GCP_WORKLOAD_PROVIDER_NAME", PROVIDER)];
    let variables = [&on[..], &[("TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL", EMAIL)]].concat();
    let (credentials, events) = asked(&mut world, &provider, &variables).await;
    assert_eq!(only(&events), (format!("GCP: the run is {EMAIL}, as asked for"), false));
    assert_eq!(
        credentials.report()[0].identity[2..],
        [format!("service account: {EMAIL}"), "unique id: 1234".to_owned()]
    );
    let requests = provider.requests();
    assert_eq!(field(&requests[0], "audience"), format!("//iam.googleapis.com/{PROVIDER}"));
    // The token that is made for asking can say who it is, and nothing else.
    assert!(requests[1].body.contains("userinfo.email") && !requests[1].body.contains("cloud-platform"));
    assert!(requests.iter().all(|request| !request.path.contains("token=")), "a token stands in an address");

    world.events.clear();
    let variables =
        [&on[..], &[("TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL", "other@p.iam.gserviceaccount.com")]].concat();
    let (_, events) = asked(&mut world, &provider, &variables).await;
    let (text, is_warning) = only(&events);
    assert!(is_warning && text.contains("add-iam-policy-binding other@p.iam.gserviceaccount.com"), "{text}");

    world.events.clear();
    let (_, events) =
        asked(&mut world, &provider, &[&on[..], &[("TFC_GCP_PRINCIPAL_TYPE", "workload_pool")]].concat())
            .await;
    let line =
        "GCP: the run is an identity of its own in projects/123/locations/global/workloadIdentityPools/p";
    assert_eq!(only(&events), (line.to_owned(), false));
}

/// Entra, whose access tokens are for this application.
fn entra(application: &'static str) -> impl Fn(&Request) -> Answer {
    move |request| {
        assert_eq!(request.path, format!("/{TENANT}/oauth2/v2.0/token"));
        let claims = json!({ "appid": application, "oid": "object-1", "tid": TENANT }).to_string();
        let token = format!("header.{}.signature", BASE64_URL_SAFE_NO_PAD.encode(claims));
        Answer::new(200, json!({ "access_token": token }).to_string())
    }
}

const AZURE: [(&str, &str); 3] =
    [("TFC_AZURE_PROVIDER_AUTH", "true"), ("TFC_AZURE_RUN_CLIENT_ID", CLIENT), ("ARM_TENANT_ID", TENANT)];

#[tokio::test]
async fn entra_says_which_application_it_is() {
    let mut world = World::new();
    let provider = Provider::start(entra(CLIENT)).await;
    let (credentials, events) = asked(&mut world, &provider, &AZURE).await;
    let line =
        format!("Azure: the run is application {CLIENT} (object object-1) in tenant {TENANT}, as asked for");
    assert_eq!(only(&events), (line, false));
    assert_eq!(credentials.report()[0].identity[3], "object id: object-1");
    let request = &provider.requests()[0];
    assert_eq!(field(request, "scope"), "https://management.azure.com/.default");
    assert_eq!(field(request, "client_assertion"), world.issuer.minted.lock().unwrap()[0]);

    world.events.clear();
    let provider = Provider::start(entra("another")).await;
    let (_, events) = asked(&mut world, &provider, &AZURE).await;
    assert!(only(&events).0.ends_with(&format!("application another instead of {CLIENT}")));
}

#[tokio::test]
async fn entra_is_asked_in_the_cloud_of_the_workspace_and_only_about_a_known_tenant() {
    let mut world = World::new();
    let provider = Provider::start(entra(CLIENT)).await;
    let variables = [&AZURE[..], &[("ARM_ENVIRONMENT", "usgovernment")]].concat();
    asked(&mut world, &provider, &variables).await;
    assert_eq!(field(&provider.requests()[0], "scope"), "https://management.usgovcloudapi.net/.default");

    world.events.clear();
    let (_, events) = asked(&mut world, &provider, &AZURE[..2]).await;
    let line = "Azure: nobody was asked who the run is: ARM_TENANT_ID of the workspace names no tenant";
    assert_eq!(only(&events), (line.to_owned(), false));

    world.events.clear();
    let text = format!(
        "AADSTS700213: No matching federated identity record found for presented assertion subject '{SUBJECT}'."
    );
    let body = json!({ "error": "invalid_client", "error_description": text }).to_string();
    let provider = Provider::start(move |_| Answer::new(401, body.clone())).await;
    let (_, events) = asked(&mut world, &provider, &AZURE).await;
    let (text, is_warning) = only(&events);
    assert!(is_warning && text.contains("az ad app federated-credential create --id"), "{text}");
}

/// An API server that knows this version of the review.
fn api_server(version: &'static str) -> impl Fn(&Request) -> Answer {
    move |request| {
        if request.path != format!("/apis/authentication.k8s.io/{version}/selfsubjectreviews") {
            return Answer::new(
                404,
                json!({ "message": "the server could not find the requested resource" }).to_string(),
            );
        }
        if !request.headers["authorization"].contains("Bearer ey") {
            return Answer::new(401, json!({ "message": "Unauthorized" }).to_string());
        }
        let user =
            json!({ "username": format!("tf#{SUBJECT}"), "groups": ["tf:acme", "system:authenticated"] });
        Answer::new(201, json!({ "status": { "userInfo": user } }).to_string())
    }
}

#[tokio::test]
async fn an_api_server_says_which_user_it_is() {
    let on = [("TFC_KUBERNETES_PROVIDER_AUTH", "true"), ("TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE", "k")];
    for version in ["v1", "v1beta1"] {
        let mut world = World::new();
        let provider = Provider::start(api_server(version)).await;
        let variables = [&on[..], &[("KUBE_HOST", provider.address.as_str())]].concat();
        let (credentials, events) = asked(&mut world, &provider, &variables).await;
        let line =
            format!("Kubernetes: the run is user tf#{SUBJECT}, groups [tf:acme, system:authenticated]");
        assert_eq!(only(&events), (line, false));
        assert_eq!(credentials.report()[0].identity[1], format!("user: tf#{SUBJECT}"));
    }
    let mut world = World::new();
    let provider = Provider::start(|_| Answer::new(401, r#"{"message":"Unauthorized"}"#)).await;
    let variables = [&on[..], &[("KUBE_HOST", provider.address.as_str())]].concat();
    let (_, events) = asked(&mut world, &provider, &variables).await;
    let (text, is_warning) = only(&events);
    assert!(is_warning && text.contains("\"k\" among issuer.audiences"), "{text}");

    let mut world = World::new();
    let (_, events) = asked(&mut world, &provider, &on).await;
    assert!(only(&events).0.ends_with("KUBE_HOST of the workspace names no cluster"));
}

#[tokio::test]
async fn vault_adds_the_name_in_its_own_log_to_what_the_login_said() {
    let mut world = World::new();
    let vault = FakeVault::start(&world.clock).await;
    vault.role("counted", Role { num_uses: 5, ..Role::default() });
    let on = [ASKS, ("TFC_VAULT_PROVIDER_AUTH", "true"), ("TFC_VAULT_ADDR", vault.address.as_str())];
    let variables = [&on[..], &[("TFC_VAULT_RUN_ROLE", "r")]].concat();
    let credentials = world.obtain(&variables).await.unwrap();
    assert_eq!(world.lines().last().unwrap(), "Vault: the run is jwt-ws-1 (entity entity-1)");
    let facts = &credentials.report()[0].identity;
    assert!(facts.contains(&"entity: entity-1".to_owned()), "{facts:?}");
    assert_eq!(facts.last().unwrap(), "display name: jwt-ws-1");

    // A question would cost one of the few uses.
    let variables = [&on[..], &[("TFC_VAULT_RUN_ROLE", "counted")]].concat();
    world.obtain(&variables).await.unwrap();
    let lookups = vault.calls().iter().filter(|call| call.ends_with("lookup-self")).count();
    assert_eq!(lookups, 1);
}
