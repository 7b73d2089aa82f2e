//! Declarative adapters from the variables of a workspace to what a run gets, and back.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use carnet_creds::{
    AdapterDefinition, AllowedHosts, Credentials, Exchange, ExchangeError, HttpSettings, Injection, Problem,
    Resolution, ResolveContext, RevocationOutcome, TokenSourceAddress, adapter::shipped, resolve,
};
use carnet_model::Phase;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;

use crate::{
    fake_issuer::SUBJECT,
    http::{Answer, Request, serve_one},
    world::{World, env, file, http_settings, refreshed},
};

/// A token exchange on this machine: every token it gives is another one, and lives 20 minutes.
struct TokenExchange {
    host: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl TokenExchange {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        tokio::spawn(async move {
            for number in 1.. {
                let (stream, _) = listener.accept().await.unwrap();
                serve_one(stream, |request| {
                    seen.lock().unwrap().push(request.clone());
                    match request.path.as_str() {
                        "/x/token" => Answer::new(
                            200,
                            format!(r#"{{"access_token":"given-{number}","expires_in":1200}}"#),
                        ),
                        _ => Answer::new(200, ""),
                    }
                })
                .await;
            }
        });
        Self { host, requests }
    }

    fn url(&self) -> String {
        format!("http://{}/x", self.host)
    }

    /// What it was asked: method, path and body.
    fn asked(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|one| format!("{} {} {}", one.method, one.path, one.body)).collect()
    }

    /// Settings of an operator who allows it.
    fn allowed(&self) -> HttpSettings {
        let allowed_hosts = AllowedHosts::parse([self.host.as_str()]).unwrap();
        HttpSettings { allowed_hosts, ..http_settings() }
    }
}

fn adapter(name: &str) -> Arc<AdapterDefinition> {
    let found = shipped().into_iter().find(|one| one.definition.name() == name);
    Arc::new(found.expect("comes with the crate").definition)
}

fn resolved(
    adapters: &[Arc<AdapterDefinition>],
    phase: Phase,
    variables: &[(&str, &str)],
) -> Result<Resolution, Vec<Problem>> {
    let env: BTreeMap<String, SecretString> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), SecretString::from(*value))).collect();
    let cx = ResolveContext {
        phase,
        home: Path::new("/h"),
        run_id: &"run-1".parse().expect("a valid id"),
        subject: SUBJECT,
        terraform_variables: &BTreeSet::new(),
        phase_limit: Duration::from_hours(2),
        identity_token_ttl: Duration::from_mins(10),
        tolerates_static_credentials: false,
        origins: &BTreeMap::new(),
        adapters,
    };
    resolve(&env, &cx)
}

async fn obtained(
    world: &mut World,
    http: HttpSettings,
    adapters: &[Arc<AdapterDefinition>],
    variables: &[(&str, &str)],
) -> Result<Credentials, ExchangeError> {
    let clock = world.clock.clone();
    let exchange = Exchange { http, clock: Arc::new(move || clock.now()) };
    let resolution = resolved(adapters, Phase::Plan, variables).expect("resolves");
    let source = TokenSourceAddress { url: "http://127.0.0.1:1".to_owned(), secret: "bearer".into() };
    let source = resolution.needs_token_source().then_some(source);
    let events = &mut world.events;
    let on_event = &mut |event| events.push(event);
    let obtained = Credentials::obtain(resolution, world.issuer.clone(), exchange, source, on_event).await;
    obtained.map_err(|refused| refused.error)
}

fn outlined(resolution: &Resolution) -> Vec<String> {
    let Injection { env, files, variables, .. } = resolution.outline();
    let env = env.iter().map(|(name, value)| format!("{name}={}", value.expose_secret()));
    let mut names: Vec<_> = files.iter().map(|file| format!("file {}", file.name)).collect();
    names.sort();
    let variables = variables.iter().map(|(name, value)| format!("var {name}={value}"));
    env.chain(names).chain(variables).collect()
}

#[tokio::test]
async fn an_identity_token_is_traded_and_what_it_led_to_is_taken_back() {
    let (mut world, server) = (World::new(), TokenExchange::start().await);
    let url = server.url();
    let variables = [
        ("TFC_CLOUDFLARE_PROVIDER_AUTH", "true"),
        ("TFC_CLOUDFLARE_WORKLOAD_IDENTITY_AUDIENCE", "exchange"),
        ("TFC_CLOUDFLARE_EXCHANGE_URL", url.as_str()),
        ("TFC_CLOUDFLARE_PLAN_SCOPE", "read only"),
        ("TFC_CLOUDFLARE_APPLY_SCOPE", "write"),
    ];
    let mut credentials =
        obtained(&mut world, server.allowed(), &[adapter("cloudflare")], &variables).await.unwrap();
    let token = world.issuer.minted.lock().unwrap()[0].clone();
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token={token}\
         &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&scope=read%20only"
    );
    assert_eq!(server.asked(), [format!("POST /x/token {form}")]);
    assert_eq!(env(&credentials, "CLOUDFLARE_API_TOKEN").as_deref(), Some("given-1"));
    assert_eq!(file(&credentials, "tfc-cloudflare-api-token"), "given-1");
    let expected = r#"{"default":{"api_token_file":"/h/tfc-cloudflare-api-token"},"aliases":{}}"#;
    assert_eq!(credentials.injection().variables["tfc_cloudflare_dynamic_credentials"], expected);
    let secrets = &credentials.injection().secrets;
    assert!(secrets.iter().any(|secret| secret.expose_secret() == "given-1"), "no log may show it");
    assert_eq!(credentials.report()[0].expires_at.unwrap().as_second(), 1_700_001_200);
    assert_eq!(world.warnings(), ["W12"], "it ends before the phase may, and is not read again");
    let revocations = credentials.revoke().await;
    assert_eq!(revocations[0].outcome, RevocationOutcome::Revoked);
    assert_eq!(server.asked()[1..], ["POST /x/revoke token=given-1"]);
    let lines = world.lines().join("\n");
    world.check_no_token(&lines);
    assert!(!lines.contains("given-1"), "{lines}");
}

#[tokio::test]
async fn what_is_read_again_is_replaced_in_time() {
    let (mut world, server) = (World::new(), TokenExchange::start().await);
    let document = r#"
        name = "acme"
        title = "Acme"
        source = "https://acme.example/docs"
        token = "rotated"
        files = { tfc-acme-token = "{{ answer.token }}" }
        env = { ACME_TOKEN_FILE = "{{ file.tfc-acme-token }}" }
        [settings]
        enable = { name = "TFC_ACME_AUTH", doc = "On." }
        audience = { name = "TFC_ACME_AUDIENCE", default = "acme", doc = "Audience." }
        url = { name = "TFC_ACME_URL", required = true, example = "https://acme.example", doc = "Address." }
        [exchange]
        url = "{{ setting.url }}/token"
        json = { token = "{{ token }}" }
        answer = { token = "/access_token" }
        expires_in = "/expires_in"
        revoke = { method = "DELETE", url = "{{ setting.url }}/token/self", headers = { X-Token = "{{ answer.token }}" } }
    "#;
    let acme = Arc::new(AdapterDefinition::parse(document).unwrap());
    let variables = [("TFC_ACME_AUTH", "true"), ("TFC_ACME_URL", &server.url())];
    let mut credentials = obtained(&mut world, server.allowed(), &[acme], &variables).await.unwrap();
    assert_eq!(world.warnings(), [""; 0]);
    assert_eq!(env(&credentials, "ACME_TOKEN_FILE").as_deref(), Some("/h/tfc-acme-token"));
    let due = credentials.next_refresh_at().expect("ends before the phase may");
    assert_eq!(due.as_second() - world.clock.now().as_second(), 600);
    world.clock.advance(600);
    let refreshed = refreshed(&mut credentials).await;
    assert_eq!(refreshed.files.len(), 1);
    assert_eq!(file(&credentials, "tfc-acme-token"), "given-2");
    assert_eq!(world.issuer.minted.lock().unwrap().len(), 2, "an identity token is used once");
    let revocations = credentials.revoke().await;
    assert!(revocations.iter().all(|one| one.outcome == RevocationOutcome::Revoked), "{revocations:?}");
    let taken_back: Vec<_> = server
        .requests
        .lock()
        .unwrap()
        .iter()
        .filter_map(|one| one.headers.get("x-token").cloned())
        .collect();
    assert_eq!(taken_back, ["given-2", "given-1"]);
}

#[tokio::test]
async fn an_adapter_does_not_reach_this_machine() {
    let (mut world, server) = (World::new(), TokenExchange::start().await);
    let urls = [
        server.url(),
        "https://127.0.0.1/x".to_owned(),
        "https://169.254.169.254/x".to_owned(),
        "https://[fd00:ec2::254]/x".to_owned(),
        "https://[::ffff:127.0.0.1]/x".to_owned(),
    ];
    for url in urls {
        let variables = [
            ("TFC_IBM_PROVIDER_AUTH", "true"),
            ("TFC_IBM_WORKLOAD_IDENTITY_AUDIENCE", "exchange"),
            ("TFC_IBM_EXCHANGE_URL", url.as_str()),
            ("TFC_IBM_RUN_PROFILE_ID", "Profile-1"),
        ];
        let refused = obtained(&mut world, http_settings(), &[adapter("ibm")], &variables).await;
        let Err(error) = refused else { panic!("{url} is reached") };
        let text = error.to_string();
        assert!(text.contains("may not be reached"), "{text}");
        world.check_no_token(&text);
    }
    assert_eq!(server.asked(), [""; 0]);
}

#[tokio::test]
async fn clients_that_ask_for_tokens_are_served() {
    let mut world = World::new();
    let variables = [
        ("TFC_GITHUB_STYLE_PROVIDER_AUTH", "true"),
        ("TFC_GITHUB_STYLE_WORKLOAD_IDENTITY_AUDIENCE", "api://x"),
    ];
    let mut credentials =
        obtained(&mut world, http_settings(), &[adapter("github_style")], &variables).await.unwrap();
    let url = env(&credentials, "ACTIONS_ID_TOKEN_REQUEST_URL").unwrap();
    assert_eq!(url, "http://127.0.0.1:1/github_style?api-version=2.0");
    assert_eq!(env(&credentials, "ACTIONS_ID_TOKEN_REQUEST_TOKEN").as_deref(), Some("bearer"));
    world.clock.advance(300);
    refreshed(&mut credentials).await;
    let minted = world.issuer.minted.lock().unwrap().clone();
    let served = &credentials.injection().served[0];
    assert_eq!((served.path.as_str(), served.audience.as_str()), ("github_style", "api://x"));
    assert_eq!(served.token.expose_secret(), minted[1]);
}

#[test]
fn phases_defaults_and_aliases_are_those_of_built_in_families() {
    let variables = [
        ("TFC_ALIBABA_CLOUD_PROVIDER_AUTH", "true"),
        ("TFC_ALIBABA_CLOUD_PROVIDER_AUTH_EU", "true"),
        ("TFC_ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "arn:p"),
        ("TFC_DEFAULT_ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "arn:d"),
        ("TFC_ALIBABA_CLOUD_PLAN_ROLE_ARN", "arn:plan"),
        ("TFC_ALIBABA_CLOUD_APPLY_ROLE_ARN", "arn:apply"),
        ("TFC_ALIBABA_CLOUD_RUN_ROLE_ARN_EU", "arn:eu"),
    ];
    let adapters = [adapter("alibaba_cloud"), adapter("snowflake")];
    for (phase, role) in [(Phase::Plan, "arn:plan"), (Phase::Apply, "arn:apply")] {
        let resolution = resolved(&adapters, phase, &variables).expect("resolves");
        let entry = |suffix: &str, provider: &str, role: &str| {
            format!(
                "{{\"oidc_provider_arn\":\"{provider}\",\"oidc_token_file\":\"/h/tfc-alibaba-cloud-token{suffix}\",\
                 \"role_arn\":\"{role}\",\"role_session_name\":\"run-1\"}}"
            )
        };
        let (default, eu) = (entry("", "arn:p", role), entry("-EU", "arn:d", "arn:eu"));
        let variable = format!(
            "var tfc_alibaba_cloud_dynamic_credentials={{\"default\":{default},\"aliases\":{{\"EU\":{eu}}}}}"
        );
        let expected = ["file tfc-alibaba-cloud-token", "file tfc-alibaba-cloud-token-EU", &variable];
        assert_eq!(
            outlined(&resolution),
            expected,
            "aliases stand beside it, so nothing is in the environment"
        );
        let audiences: Vec<_> = resolution.requests().iter().map(|one| one.audience.as_str()).collect();
        assert_eq!(audiences, ["sts.aliyuncs.com"; 2]);
    }
}

#[test]
fn what_is_missing_and_what_would_win_is_told() {
    let told = |name: &str, variables: &[(&str, &str)]| -> Vec<String> {
        let problems = resolved(&[adapter(name)], Phase::Plan, variables).expect_err("has problems");
        problems.iter().map(|problem| format!("{} {problem}", problem.id())).collect()
    };
    let on = ("TFC_TAILSCALE_PROVIDER_AUTH", "true");
    let audience = ("TFC_TAILSCALE_WORKLOAD_IDENTITY_AUDIENCE", "a");
    let client = ("TFC_TAILSCALE_RUN_CLIENT_ID", "c");
    let missing = told("tailscale", &[on]).join("\n");
    for name in [audience.0, client.0] {
        assert!(missing.contains(name), "{missing}");
    }
    let rival = told("tailscale", &[on, audience, client, ("TAILSCALE_API_KEY", "k3y")]).join("\n");
    assert!(rival.contains("TAILSCALE_API_KEY") && !rival.contains("k3y"), "{rival}");
    let broken = [
        ("TFC_ARTIFACTORY_PROVIDER_AUTH", "true"),
        ("TFC_ARTIFACTORY_WORKLOAD_IDENTITY_AUDIENCE", "a"),
        ("TFC_ARTIFACTORY_URL", "example.jfrog.io"),
        ("TFC_ARTIFACTORY_OIDC_PROVIDER_NAME", "carnet"),
    ];
    let expected = "E21 configuration for artifactory is invalid: TFC_ARTIFACTORY_URL must be an address like https://host or https://host/path, without user, query and fragment";
    assert_eq!(told("artifactory", &broken), [expected]);
}
