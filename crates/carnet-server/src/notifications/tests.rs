//! With a web hook on this machine, which the operator of the test allows.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use carnet_model::NotificationResponse;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::destination::Reach;
use super::sender::signature;
use super::worker::{ATTEMPTS, PAUSE, send_due};
use super::{Destinations, Sender, checked_address};
use crate::app::Settings;
use crate::testing::{FakeAgent, Project, TestServer, URL};

/// Everything that a web hook was sent, and what it answers.
#[derive(Clone, Default)]
pub(crate) struct Hook {
    pub(crate) received: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    answer: Arc<Mutex<Option<StatusCode>>>,
}

impl Hook {
    /// Starts it and returns its address.
    pub(crate) async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().route("/hook", post(Self::receive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/hook")
    }

    /// What it answers from now on.
    pub(crate) fn answer(&self, status: StatusCode) {
        *self.answer.lock().expect("not poisoned") = Some(status);
    }

    async fn receive(
        State(hook): State<Self>,
        headers: HeaderMap,
        body: Bytes,
    ) -> (StatusCode, &'static str) {
        hook.received.lock().expect("not poisoned").push((headers, body));
        let status = hook.answer.lock().expect("not poisoned").unwrap_or(StatusCode::OK);
        (status, if status.is_redirection() { "" } else { "thank you\0" })
    }

    /// The bodies of what it was sent.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        let received = self.received.lock().expect("not poisoned");
        received.iter().map(|(_, body)| serde_json::from_slice(body).expect("JSON")).collect()
    }
}

/// A project on a server whose notifications may go to this machine.
pub(crate) async fn project() -> Project {
    let destinations = Destinations::new(|host, _| host == "127.0.0.1", None);
    Project::on(TestServer::with_settings(Settings { destinations, ..Settings::new(URL) }).await).await
}

/// Makes an enabled configuration for everything that happens to runs.
pub(crate) async fn configure(project: &Project, destination: &str, url: &str) -> Value {
    let triggers = [
        "run:created",
        "run:planning",
        "run:needs_attention",
        "run:applying",
        "run:completed",
        "run:errored",
    ];
    let mut attributes = json!({
        "name": "hook", "destination-type": destination, "url": url, "enabled": true, "triggers": triggers
    });
    if destination == "generic" {
        attributes["token"] = json!("hush-hush");
    }
    let path = format!("/api/v2/workspaces/{}/notification-configurations", project.workspace.id);
    let body = json!({ "data": { "type": "notification-configurations", "attributes": attributes } });
    let (status, answer) = project.server.request("POST", &path, &project.token, body).await;
    assert_eq!(status, 201, "{answer}");
    answer["data"].clone()
}

async fn send(project: &Project) -> usize {
    let sender = Sender::new(&project.server.app.settings.destinations).expect("a sender");
    send_due(&project.server.app, &sender).await.expect("sent")
}

async fn responses(project: &Project, configuration: &Value) -> Vec<Value> {
    let path =
        format!("/api/v2/notification-configurations/{}", configuration["id"].as_str().expect("an id"));
    let document = project.get(&path).await;
    document["data"]["attributes"]["delivery-responses"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_run_is_told_of_from_its_beginning_to_its_end() {
    let (project, hook) = (project().await, Hook::default());
    let configuration = configure(&project, "generic", &hook.start().await).await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({ "message": "Add five workers" })).await;
    agent.claim().await.succeed().await;
    assert_eq!(project.act(&run, "apply").await, 202);
    agent.claim().await.succeed().await;
    assert_eq!(send(&project).await, 5);
    assert_eq!(send(&project).await, 0, "everything has arrived");

    let bodies = hook.bodies();
    let told: Vec<_> = bodies[1..].iter().map(|body| body["notifications"][0]["trigger"].clone()).collect();
    for trigger in ["run:created", "run:planning", "run:needs_attention", "run:applying", "run:completed"] {
        assert!(told.contains(&json!(trigger)), "{trigger} in {told:?}");
    }
    let created = bodies.iter().find(|body| body["notifications"][0]["trigger"] == "run:created");
    let id = run["id"].as_str().expect("an id");
    assert_eq!(
        created.expect("told"),
        &json!({
            "payload_version": 1,
            "notification_configuration_id": configuration["id"],
            "run_url": format!("{URL}/app/acme/net/runs/{id}"),
            "run_id": id,
            "run_message": "Add five workers",
            "run_created_at": "2026-01-05T10:00:00Z",
            "run_created_by": "alice",
            "workspace_id": project.workspace.id.as_str(),
            "workspace_name": "net",
            "organization_name": "acme",
            "notifications": [{
                "message": "Run Created", "trigger": "run:created", "run_status": "pending",
                "run_updated_at": "2026-01-05T10:00:00Z", "run_updated_by": "alice",
            }],
        })
    );
}

#[tokio::test]
async fn the_body_is_signed_with_the_token() {
    let (project, hook) = (project().await, Hook::default());
    configure(&project, "generic", &hook.start().await).await;
    project.run(json!({})).await;
    assert_eq!(send(&project).await, 1);
    for (headers, body) in hook.received.lock().expect("not poisoned").iter() {
        let expected = signature(&"hush-hush".into(), body);
        assert_eq!(headers["x-tfe-notification-signature"], expected.as_str());
        assert_eq!(headers["content-type"], "application/json");
        assert!(!String::from_utf8_lossy(body).contains("hush"));
    }
    // RFC 4231, section 4.3.
    let known = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";
    assert_eq!(signature(&"Jefe".into(), b"what do ya want for nothing?"), known);
}

#[tokio::test]
async fn what_is_refused_is_tried_again_later_and_given_up_at_last() {
    let (project, hook) = (project().await, Hook::default());
    let configuration = configure(&project, "generic", &hook.start().await).await;
    hook.answer(StatusCode::SERVICE_UNAVAILABLE);
    project.run(json!({})).await;
    for attempt in 0..ATTEMPTS {
        assert_eq!(send(&project).await, 1, "attempt {attempt}");
        assert_eq!(send(&project).await, 0, "not before the pause is over");
        project.server.advance(PAUSE * 2_u32.pow(attempt));
    }
    assert_eq!(send(&project).await, 0, "given up");
    let responses = responses(&project, &configuration).await;
    assert_eq!(responses[0]["code"], "503");
    assert_eq!((&responses[0]["successful"], &responses[0]["body"]), (&json!("false"), &json!("thank you")));
    assert_eq!(responses.len(), 9, "the verification and every attempt");
}

#[tokio::test]
async fn a_server_that_dies_leaves_its_work_to_another() {
    let (project, hook) = (project().await, Hook::default());
    configure(&project, "generic", &hook.start().await).await;
    project.run(json!({})).await;
    let app = &project.server.app;
    let lease = Duration::from_secs(60);
    let mut tx = app.store.write().await.expect("a transaction");
    assert_eq!(tx.claim_deliveries(app.now(), lease, 10).await.expect("claimed").len(), 1);
    assert!(tx.claim_deliveries(app.now(), lease, 10).await.expect("claimed").is_empty());
    tx.commit().await.expect("committed");
    assert_eq!(send(&project).await, 0, "somebody else has it");
    project.server.advance(lease);
    assert_eq!(send(&project).await, 1, "nobody has it any more");
}

#[tokio::test]
async fn a_destination_that_is_away_is_asked_once_in_a_round() {
    let (project, hook) = (project().await, Hook::default());
    let configuration = configure(&project, "generic", &hook.start().await).await;
    // Nothing listens on port 9 (discard) of this machine.
    let path =
        format!("/api/v2/notification-configurations/{}", configuration["id"].as_str().expect("an id"));
    let id = configuration["id"].as_str().expect("an id").parse().expect("an id");
    let mut tx = project.server.app.store.write().await.expect("a transaction");
    let mut found = tx.notification_configuration(&id).await.expect("read").expect("there");
    found.url = "http://127.0.0.1:9/secret-path".into();
    tx.update_notification(&found).await.expect("stored");
    tx.commit().await.expect("committed");
    project.server.advance(Duration::from_secs(1));
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    agent.claim().await.succeed().await;
    assert_eq!(send(&project).await, 1);
    let latest = responses(&project, &configuration).await[0].clone();
    assert_eq!((&latest["code"], &latest["successful"]), (&Value::Null, &json!("false")));
    assert!(!latest["body"].as_str().expect("text").contains("secret-path"), "{latest}");
    let body = json!({ "data": { "attributes": { "enabled": false } } });
    assert_eq!(project.server.request("PATCH", &path, &project.token, body).await.0, 200);
    project.server.advance(Duration::from_secs(60));
    send(&project).await;
    project.server.advance(Duration::from_secs(600));
    assert_eq!(send(&project).await, 0, "nobody is told while it is disabled");
}

#[tokio::test]
async fn speculative_plans_are_no_news() {
    let (project, hook) = (project().await, Hook::default());
    configure(&project, "generic", &hook.start().await).await;
    project.run(json!({ "plan-only": true })).await;
    assert_eq!(send(&project).await, 0);
}

#[tokio::test]
async fn chats_get_a_message_in_their_form() {
    let project = project().await;
    for (destination, pointer) in
        [("slack", "/attachments/0/title"), ("microsoft-teams", "/attachments/0/content/body/0/text")]
    {
        let hook = Hook::default();
        configure(&project, destination, &hook.start().await).await;
        project.run(json!({ "message": "<!channel> & more" })).await;
        assert!(send(&project).await > 0);
        let bodies = hook.bodies();
        let last = bodies.last().expect("a message");
        assert_eq!(last.pointer(pointer).and_then(Value::as_str), Some("Run Created"), "{last}");
        if destination == "slack" {
            assert!(last.to_string().contains("&lt;!channel&gt; &amp; more"), "{last}");
        }
        assert!(
            !hook.received.lock().expect("not poisoned")[0].0.contains_key("x-tfe-notification-signature")
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (project, hook) = (project().await, Hook::default());
    let url = hook.start().await;
    configure(&project, "generic", &url).await;
    hook.answer(StatusCode::TEMPORARY_REDIRECT);
    project.run(json!({})).await;
    send(&project).await;
    assert_eq!(hook.bodies().len(), 2, "the verification and one attempt");
}

#[tokio::test]
async fn nothing_private_can_be_reached() {
    let nowhere = Destinations::default();
    for url in [
        "http://127.0.0.1/",
        "https://[::1]/",
        "http://2130706433/",
        "http://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/",
        "https://192.168.1.1:8443/",
        "http://[::ffff:10.0.0.1]/",
        "https://[fd00:ec2::254]/",
        "https://100.100.100.200/",
        "ftp://example.com/",
        "https://user:secret@example.com/",
        "nonsense",
        "https://",
    ] {
        assert!(checked_address(url, &nowhere).is_err(), "{url}");
    }
    let found = checked_address("https://hooks.example.com/x", &nowhere).map(|(_, reach)| reach);
    assert_eq!(found, Ok(Reach::Public));
    let allowed = Destinations::new(|host, port| (host, port) == ("10.0.0.1", 8443), None);
    assert!(checked_address("https://10.0.0.1:8443/", &allowed).is_ok());
    assert!(checked_address("https://10.0.0.1/", &allowed).is_err());
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_followed() {
    let (project, hook) = (project().await, Hook::default());
    let url = hook.start().await;
    let configuration = configure(&project, "generic", &url).await;
    let id = configuration["id"].as_str().expect("an id").parse().expect("an id");
    let mut tx = project.server.app.store.read().await.expect("a transaction");
    let mut found = tx.notification_configuration(&id).await.expect("read").expect("there");
    found.url = url.replace("127.0.0.1", "localhost").into();
    let sender = Sender::new(&Destinations::default()).expect("a sender");
    let answer = sender.send(&found, &json!({}), project.server.app.now()).await;
    assert!(matches!(answer, NotificationResponse { code: None, successful: false, .. }), "{answer:?}");
    assert!(answer.body.contains("not an address on the internet"), "{}", answer.body);
    assert_eq!(hook.bodies().len(), 1, "the verification only");
}
