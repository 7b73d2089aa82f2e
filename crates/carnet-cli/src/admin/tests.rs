//! Against a server and a Vault on this machine that answer what was prepared.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carnet_creds::HttpSettings;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::outstanding_list::OutstandingList;
use super::revoke_outstanding::{Vault, preview, revoke_all};
use crate::api_client::ApiClient;

/// A server that gives prepared answers, one for each connection, and remembers what it was asked.
#[derive(Clone)]
struct Prepared {
    address: String,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    /// Method and path, the two headers with tokens, and the body.
    asked: Arc<Mutex<Vec<(String, String, String)>>>,
}

impl Prepared {
    async fn start(answers: &[(u16, Value)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let text = |(status, body): &(u16, Value)| {
            (*status, if body.is_null() { String::new() } else { body.to_string() })
        };
        let answers = Arc::new(Mutex::new(answers.iter().map(text).collect()));
        let server = Self { address, answers, asked: Arc::default() };
        let answering = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answering.answer(stream).await;
            }
        });
        server
    }

    async fn answer(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let (mut first, mut tokens, mut length) = (String::new(), String::new(), 0);
        stream.read_line(&mut first).await.unwrap();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            let Some((name, value)) = line.split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "authorization" | "x-vault-token" => tokens.push_str(value.trim()),
                "content-length" => length = value.trim().parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let request = first.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
        self.asked.lock().unwrap().push((request, tokens, String::from_utf8(body).unwrap()));
        let (status, body) = self.answers.lock().unwrap().pop_front().expect("an answer is prepared");
        let text = format!(
            "HTTP/1.1 {status} Status\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Method, path and body of every request; all of them had this token.
    fn asked_with(&self, token: &str) -> Vec<(String, String)> {
        let asked = self.asked.lock().unwrap().clone();
        asked
            .into_iter()
            .map(|(request, tokens, body)| {
                assert_eq!(tokens, token);
                (request, body)
            })
            .collect()
    }

    fn list(&self) -> OutstandingList {
        let organization = "acme".parse().unwrap();
        let server = format!("{}/", self.address).parse().unwrap();
        OutstandingList::new(ApiClient::new(server, None, "api-token".into()).unwrap(), organization)
    }

    fn vault(&self) -> Vault {
        let http = HttpSettings { retry_pause: Duration::ZERO, ..HttpSettings::default() };
        let address = self.address.parse().unwrap();
        Vault { address, ca_pem: None, http, authority: "vault-token".into() }
    }
}

fn entry(id: &str, address: &str, accessor: &str) -> Value {
    json!({
        "id": id, "type": "outstanding-credentials",
        "attributes": {
            "workspace-name": "net", "phase": "apply", "family": "vault", "tag": "blue", "address": address,
            "namespace": null, "accessor": accessor, "ends-at": "2026-01-05T10:02:00Z", "revocation": "outstanding",
            "detail": "", "hint": null,
        },
        "relationships": { "run": { "data": { "id": "run-1", "type": "runs" } } },
    })
}

fn page(entries: &[Value], next: Option<u64>) -> (u16, Value) {
    (200, json!({ "data": entries, "meta": { "pagination": { "next-page": next } } }))
}

const LIST: &str = "/api/carnet/v1/organizations/acme/outstanding-credentials";

async fn revoked(server: &Prepared, vault: &Prepared) -> (Vec<String>, Option<String>) {
    let mut lines = Vec::new();
    let mut print = |line: &str| {
        lines.push(line.to_owned());
        Ok(())
    };
    let result = revoke_all(&server.list(), &vault.vault(), &mut print).await;
    (lines, result.err().map(|error| format!("{error:#}")))
}

#[tokio::test]
async fn every_page_is_read_and_the_newest_goes_first() {
    let gone = json!({ "warnings": ["No token found with this accessor"] });
    let vault = Prepared::start(&[(204, Value::Null), (200, gone)]).await;
    let slash = format!("{}/", vault.address);
    let first = page(&[entry("job-a-0-0", &vault.address, "old")], Some(2));
    let second = page(&[entry("job-b-0-0", &slash, "new")], None);
    let server = Prepared::start(&[first, second, (200, json!({})), (200, json!({}))]).await;
    let (lines, error) = revoked(&server, &vault).await;
    assert_eq!(error, None);
    let end = "(apply of run-1 in net, ends at 2026-01-05T10:02:00Z)";
    assert_eq!(
        lines,
        [
            format!("revoked vault (blue) new at {slash} {end}"),
            format!("already gone: vault (blue) old at {} {end}", vault.address)
        ]
    );
    let asked = vault.asked_with("vault-token");
    let call = "POST /v1/auth/token/revoke-accessor".to_owned();
    assert_eq!(
        asked,
        [(call.clone(), r#"{"accessor":"new"}"#.into()), (call, r#"{"accessor":"old"}"#.into())]
    );
    let asked = server.asked_with("Bearer api-token");
    let paths: Vec<_> = asked.iter().map(|(request, _)| request.as_str()).collect();
    assert_eq!(
        paths,
        [
            &*format!("GET {LIST}?page%5Bnumber%5D=1&page%5Bsize%5D=100"),
            &*format!("GET {LIST}?page%5Bnumber%5D=2&page%5Bsize%5D=100"),
            &*format!("POST {LIST}/job-b-0-0/actions/settle"),
            &*format!("POST {LIST}/job-a-0-0/actions/settle"),
        ]
    );
    let told: Value = serde_json::from_str(&asked[3].1).unwrap();
    assert_eq!(told["data"]["attributes"], json!({ "revocation": "already_gone", "detail": "" }));
}

#[tokio::test]
async fn what_is_left_is_a_failure_and_the_server_knows_why() {
    let refusal = json!({ "errors": ["permission denied"] });
    let vault = Prepared::start(&[(403, refusal), (204, Value::Null)]).await;
    let entries = [
        entry("job-a-0-0", &vault.address, ""),
        entry("job-a-0-1", &vault.address, "second"),
        entry("job-a-0-2", &vault.address, "third"),
    ];
    let down = (503, Value::Null);
    let server = Prepared::start(&[page(&entries, None), (200, json!({})), down, (200, json!({}))]).await;
    let (lines, error) = revoked(&server, &vault).await;
    assert_eq!(error, Some(format!("3 of 3 credentials of {}/ are left", vault.address)));
    assert!(lines[0].starts_with("could not revoke vault (blue) third"), "{lines:?}");
    assert!(lines[0].ends_with("the Vault token needs update on auth/token/revoke-accessor"), "{lines:?}");
    assert!(lines[1].starts_with("revoked") && lines[1].contains("the server was not told: "), "{lines:?}");
    assert!(lines[2].contains("without accessor"), "{lines:?}");
    let told: Vec<Value> = server.asked_with("Bearer api-token")[1..]
        .iter()
        .map(|(_, body)| serde_json::from_str(body).unwrap())
        .collect();
    assert_eq!(told[0]["data"]["attributes"]["revocation"], "failed");
    let detail = told[0]["data"]["attributes"]["detail"].as_str().unwrap();
    assert!(
        detail.contains("returned 403: permission denied") && !detail.contains("vault-token"),
        "{detail}"
    );
    assert_eq!(vault.asked_with("vault-token").len(), 2, "nothing is asked without an accessor");
}

#[tokio::test]
async fn addresses_that_runs_chose_never_see_the_token() {
    let (vault, other) = (Prepared::start(&[]).await, Prepared::start(&[]).await);
    let below = format!("{}/elsewhere", vault.address);
    let entries = [
        entry("job-a-0-0", &other.address, "one"),
        entry("job-a-0-1", &below, "two"),
        entry("job-a-0-2", "nonsense", "three"),
    ];
    let server = Prepared::start(&[page(&entries, None)]).await;
    let (lines, error) = revoked(&server, &vault).await;
    assert_eq!(error, None, "nothing of this Vault is left");
    assert!(lines.len() == 3 && lines.iter().all(|line| line.starts_with("left alone")), "{lines:?}");
    assert!(other.asked_with("").is_empty() && vault.asked_with("").is_empty());
}

#[tokio::test]
async fn a_dry_run_only_reads() {
    let entries =
        [entry("job-a-0-0", "https://a.example", "one"), entry("job-a-0-1", "https://b.example", "two")];
    for (address, expected) in [(None, 2), (Some("https://A.example:443/".parse().unwrap()), 1)] {
        let server = Prepared::start(&[page(&entries, None)]).await;
        let mut lines = Vec::new();
        let mut print = |line: &str| {
            lines.push(line.to_owned());
            Ok(())
        };
        preview(&server.list(), address.as_ref(), &mut print).await.unwrap();
        assert_eq!(lines.len(), expected);
        assert!(lines.iter().all(|line| line.starts_with("would revoke ")), "{lines:?}");
        assert_eq!(server.asked_with("Bearer api-token").len(), 1);
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_a_failure() {
    let hidden = json!({ "errors": [{ "detail": "Resource not found, or not visible with this token" }] });
    let server = Prepared::start(&[(404, hidden)]).await;
    let (lines, error) = revoked(&server, &Prepared::start(&[]).await).await;
    let error = error.unwrap();
    assert!(lines.is_empty() && error.contains("the server answered 404: Resource not found"), "{error}");
    assert!(!error.contains("api-token"), "{error}");
}
