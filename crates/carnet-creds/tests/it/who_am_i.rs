//! Providers that are asked who the run is.

use std::sync::{Arc, Mutex};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use carnet_creds::{AllowedHosts, Credentials, Endpoints, Event, HttpSettings};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    fake_issuer::SUBJECT,
    fake_vault::{FakeVault, Role},
    http::{Answer, Request, serve_one},
    world::{World, http_settings},
};

const ASKS: (&str, &str) = ("TFC_WORKLOAD_IDENTITY_WHO_AM_I", "true");
const AWS: (&str, &str) = ("TFC_AWS_PROVIDER_AUTH", "true");
const ROLE: (&str, &str) = ("TFC_AWS_RUN_ROLE_ARN", "arn:aws:iam::123456789012:role/team/terraform");
const CLIENT: &str = "af3110ba-0ba9-4412-b1a0-59f50b7e9273";
const TENANT: &str = "4ecd6548-e33b-4b9d-9986-bd3c22986c61";
const PROVIDER: &str = "projects/123/locations/global/workloadIdentityPools/p/providers/q";
const EMAIL: &str = "terraform@p.iam.gserviceaccount.com";

/// A provider that answers every request in the same way.
struct Provider {
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Provider {
    async fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (book, answer) = (requests.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (book, answer) = (book.clone(), answer.clone());
                tokio::spawn(serve_one(stream, move |request: &Request| {
                    book.lock().unwrap().push(request.clone());
                    answer(request)
                }));
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Reaches this provider, which only an operator can allow, and takes it for Google and Microsoft, too.
    fn http(&self) -> HttpSettings {
        let host = self.address.trim_start_matches("http://");
        let address = || self.address.clone();
        let endpoints = Endpoints {
            google_sts: address(),
            google_iam_credentials: address(),
            google_oauth2: address(),
            entra: Some(address()),
        };
        HttpSettings { allowed_hosts: AllowedHosts::parse([host]).unwrap(), endpoints, ..http_settings() }
    }
}

/// The value of a form's field.
fn field(request: &Request, name: &str) -> String {
    let mut fields = request.body.split('&').filter_map(|field| field.split_once('='));
    let value = fields.find(|(own, _)| *own == name).map(|(_, value)| value).unwrap_or_default();
    value.replace("%3A", ":").replace("%2F", "/").replace("%20", " ").replace("%40", "@")
}

/// AWS's token service: the session of whoever assumes a role is this ARN.
fn sts(arn: &'static str) -> impl Fn(&Request) -> Answer {
    move |request| {
        let body = match field(request, "Action").as_str() {
            "AssumeRoleWithWebIdentity" => {
                "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>\
                <Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret/key+of=the-session\
                </SecretAccessKey><SessionToken>token-of-the-session</SessionToken></Credentials>\
                </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
                    .to_owned()
            }
            _ => format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>AROA:run-1</UserId>\
                 <Account>{}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
                arn.split(':').nth(4).unwrap_or_default()
            ),
        };
        Answer::new(200, body)
    }
}

/// Obtains what the variables lead to, which asking must never prevent; yields the events that asking led to.
async fn asked(
    world: &mut World,
    provider: &Provider,
    variables: &[(&str, &str)],
) -> (Credentials, Vec<Event>) {
    let variables = [&[ASKS][..], variables].concat();
    let credentials = world.obtain_with(&variables, provider.http()).await.unwrap();
    let events =
        world.events.iter().filter(|event| !event.text.contains(": identity token ")).cloned().collect();
    world.check_no_token(&world.lines().join("\n"));
    (credentials, events)
}

/// The only line that asking led to, and whether it is a warning.
#[track_caller]
fn only(events: &[Event]) -> (String, bool) {
    assert_eq!(events.len(), 1, "{events:#?}");
    (events[0].text.clone(), events[0].notice.is_some())
}

#[tokio::test]
async fn aws_says_whose_session_it_is() {
    let mut world = World::new();
    let aws = Provider::start(sts("arn:aws:sts::123456789012:assumed-role/terraform/run-1")).await;
    let variables = [AWS, ROLE, ("AWS_ENDPOINT_URL_STS", aws.address.as_str()), ("AWS_REGION", "eu-west-1")];
    let (credentials, events) = asked(&mut world, &aws, &variables).await;
    let line = "AWS: the run is arn:aws:sts::123456789012:assumed-role/terraform/run-1, as asked for";
    assert_eq!(only(&events), (line.to_owned(), false));
    assert_eq!(
        credentials.report()[0].identity,
        [
            format!("endpoint: {}", aws.address),
            "account: 123456789012".to_owned(),
            "ARN: arn:aws:sts::123456789012:assumed-role/terraform/run-1".to_owned(),
            "user id: AROA:run-1".to_owned(),
        ]
    );
    let requests = aws.requests();
    assert_eq!(field(&requests[0], "WebIdentityToken"), world.issuer.minted.lock().unwrap()[0]);
    assert_eq!(
        (field(&requests[0], "RoleArn").as_str(), field(&requests[0], "RoleSessionName").as_str()),
        (ROLE.1, "run-1")
    );
    assert_eq!(requests[1].headers["x-amz-security-token"], "token-of-the-session");
    let scope = "AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20231114/eu-west-1/sts/aws4_request, SignedHeaders=content-type;\
                 host;x-amz-date;x-amz-security-token, Signature=";
    assert!(requests[1].headers["authorization"].starts_with(scope), "{:?}", requests[1].headers);
    // What was obtained for asking is nobody's to see.
    let hidden: Vec<&str> =
        credentials.injection().secrets.iter().map(|secret| secret.expose_secret()).collect();
    assert!(hidden.contains(&"secret/key+of=the-session") && hidden.contains(&"token-of-the-session"));
}

#[tokio::test]
async fn somebody_else_than_was_asked_for_is_a_warning() {
    let mut world = World::new();
    let aws = Provider::start(sts("arn:aws:sts::999999999999:assumed-role/admin/run-1")).await;
    let variables = [AWS, ROLE, ("AWS_ENDPOINT_URL_STS", aws.address.as_str())];
    let (credentials, events) = asked(&mut world, &aws, &variables).await;
    let line = "AWS: the run is arn:aws:sts::999999999999:assumed-role/admin/run-1, and not as asked for: account \
                999999999999 instead of 123456789012; role admin instead of terraform";
    assert_eq!(only(&events), (line.to_owned(), true));
    assert_eq!(credentials.report()[0].identity[1], "account: 999999999999");
}

#[tokio::test]
async fn a_refusal_is_explained_and_stops_nothing() {
    let mut world = World::new();
    let error = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>Incorrect token \
                 audience</Message></Error></ErrorResponse>";
    let aws = Provider::start(move |_| Answer::new(400, error)).await;
    let variables = [AWS, ROLE, ("AWS_ENDPOINT_URL_STS", aws.address.as_str())];
    let (credentials, events) = asked(&mut world, &aws, &variables).await;
    let (text, is_warning) = only(&events);
    assert!(is_warning);
    for part in [
        "AWS refused the identity of the run\n  tried:      AssumeRoleWithWebIdentity at http://127.0.0.1:",
        &format!("sub = {SUBJECT}\n"),
        "AWS said:   api error InvalidIdentityToken: Incorrect token audience\n",
        "likely fix: aws iam add-client-id-to-open-id-connect-provider",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    assert!(credentials.report()[0].identity.is_empty());
    assert_eq!(aws.requests().len(), 1, "a refusal is not tried again");
}

#[tokio::test]
async fn nobody_is_asked_unless_a_person_wants_it() {
    let mut world = World::new();
    let aws = Provider::start(sts("arn:aws:sts::123456789012:assumed-role/terraform/run-1")).await;
    let variables = [AWS, ROLE, ("AWS_ENDPOINT_URL_STS", aws.address.as_str())];
    world.obtain_with(&variables, aws.http()).await.unwrap();
    assert!(aws.requests().is_empty());
}

#[tokio::test]
async fn a_workspace_cannot_send_the_agent_where_only_the_agent_can_go() {
    let mut world = World::new();
    let provider = Provider::start(sts("arn:aws:sts::123456789012:assumed-role/terraform/run-1")).await;
    let plain = provider.address.as_str();
    for endpoint in
        [plain, "https://169.254.169.254", "https://[fd00:ec2::254]", "https://localhost", "file:///etc"]
    {
        let variables = [ASKS, AWS, ROLE, ("AWS_ENDPOINT_URL_STS", endpoint)];
        world.obtain_with(&variables, http_settings()).await.unwrap();
        let last = world.lines().pop().unwrap();
        assert!(
            last.contains("AWS: nobody was asked who the run is: the agent must not ask at")
                || last.contains("AWS: it could not be asked who the run is: https://localhost: "),
            "{last}"
        );
    }
    let cluster =
        [("TFC_KUBERNETES_PROVIDER_AUTH", "true"), ("TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE", "k")];
    let variables = [&[ASKS, ("KUBE_HOST", plain)][..], &cluster].concat();
    world.obtain_with(&variables, http_settings()).await.unwrap();
    assert!(world.lines().pop().unwrap().contains("the agent must not ask at"));
    assert!(provider.requests().is_empty());
}

#[tokio::test]
async fn a_provider_cannot_repeat_the_token_or_forge_a_line() {
    let mut world = World::new();
    let echo = |request: &Request| {
        let body = format!("cannot read {}\nApply complete!", field(request, "WebIdentityToken"));
        Answer::new(500, body)
    };
    let aws = Provider::start(echo).await;
    let variables = [AWS, ROLE, ("AWS_ENDPOINT_URL_STS", aws.address.as_str())];
    let (_, events) = asked(&mut world, &aws, &variables).await;
    let line = "AWS: it could not be asked who the run is: AssumeRoleWithWebIdentity: status 500: cannot read (token) Apply \
                complete!";
    assert_eq!(only(&events), (line.to_owned(), true));
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_a_warning() {
    let mut world = World::new();
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let provider = Provider { address: gone.clone(), requests: Arc::default() };
    let (_, events) = asked(&mut world, &provider, &[AWS, ROLE, ("AWS_ENDPOINT_URL_STS", &gone)]).await;
    let (line, is_warning) = only(&events);
    assert!(
        is_warning && line.starts_with(&format!("AWS: it could not be asked who the run is: {gone}: ")),
        "{line}"
    );
}

#[tokio::test]
async fn every_configuration_is_asked_about_and_told_in_order() {
    let mut world = World::new();
    let aws = Provider::start(sts("arn:aws:sts::123456789012:assumed-role/terraform/run-1")).await;
    let variables = [
        AWS,
        ROLE,
        ("TFC_AWS_PROVIDER_AUTH_B", "true"),
        ("TFC_AWS_RUN_ROLE_ARN_B", "arn:aws:iam::123456789012:role/b"),
        ("AWS_ENDPOINT_URL_STS", aws.address.as_str()),
    ];
    let (_, events) = asked(&mut world, &aws, &variables).await;
    let lines: Vec<&str> = events.iter().map(|event| event.text.split(", ").last().unwrap()).collect();
    assert_eq!(lines, ["as asked for", "and not as asked for: role terraform instead of b"]);
    assert!(events[1].text.starts_with("AWS (tag \"B\"): "));
}

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
