//! Providers that are asked who the run is.

mod others;

use std::sync::{Arc, Mutex};

use carnet_creds::{AllowedHosts, Credentials, Endpoints, Event, HttpSettings};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use crate::{
    fake_issuer::SUBJECT,
    http::{Answer, Request, serve_one},
    world::{World, http_settings},
};

const ASKS: (&str, &str) = ("TFC_WORKLOAD_IDENTITY_WHO_AM_I", "true");
const AWS: (&str, &str) = ("TFC_AWS_PROVIDER_AUTH", "true");
const ROLE: (&str, &str) = ("TFC_AWS_RUN_ROLE_ARN", "arn:aws:iam::123456789012:role/team/terraform");

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
            last.starts_with("AWS: nobody was asked who the run is: the agent must not ask at "),
            "{last}"
        );
        assert!(!last.contains("dns error"), "{last}");
        assert_eq!(
            last.contains("can start it with --allow-provider-hosts "),
            endpoint.starts_with("http"),
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
