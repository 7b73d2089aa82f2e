use carnet_model::Workspace;
use serde_json::{Value, json};

use crate::testing::{Answer, FORM, TestServer, encoded, form_secret};

/// A server with a workspace, and the token of the owner of its organization.
struct Site {
    server: TestServer,
    workspace: Workspace,
    token: String,
}

impl Site {
    async fn new() -> Self {
        let server = TestServer::new().await;
        let (user, token) = server.user("olga").await;
        let organization = server.organization("acme", &user).await;
        let workspace = server.workspace(&organization, "net").await;
        Self { server, workspace, token }
    }

    async fn open(&self, path: &str) -> Answer {
        self.server.call("GET", path, "", Value::Null).await
    }

    /// Sends the form of a page with this token.
    async fn submit(&self, path: &str, token: &str, fields: &[(&str, &str)]) -> Answer {
        let (cookie, csrf) = form_secret(&self.open(path).await);
        self.send(path, &cookie, &[&[("csrf", csrf.as_str()), ("token", token)], fields].concat()).await
    }

    async fn send(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        let body = encoded(fields).into_bytes();
        self.server.send_with("POST", path, "", &[FORM, ("cookie", cookie)], body).await
    }

    /// The text that the API answers.
    async fn asked(&self, path: &str, attributes: Value) -> String {
        let path = format!("/api/carnet/v1/workspaces/{}/{path}", self.workspace.id);
        let body = json!({ "data": { "type": "trust", "attributes": attributes } });
        let (status, answer) = self.server.request("POST", &path, &self.token, body).await;
        assert_eq!(status, 200, "{answer}");
        answer["data"]["attributes"]["text"].as_str().expect("a text").to_owned()
    }
}

const NET: [(&str, &str); 2] = [("organization", "acme"), ("workspace", "net")];

fn with<'a>(fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    NET.into_iter().chain(fields.iter().copied()).collect()
}

/// The result on a page, without the escapes of HTML.
#[track_caller]
fn result(answer: &Answer) -> String {
    let text = answer.text();
    assert_eq!(answer.status, 200, "{text}");
    let result = text
        .split_once("<pre class=\"wide\" tabindex=\"0\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"));
    let named = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    let result = result.expect("a result").0.to_owned();
    named.iter().fold(result, |text, (escape, letter)| text.replace(escape, letter))
}

#[track_caller]
fn check_refused(answer: &Answer, expected: &str) {
    let text = answer.text();
    assert_eq!(answer.status, 422, "{text}");
    assert!(text.contains(expected), "{expected:?} is missing in {text}");
    assert!(!text.contains("<pre"), "{text}");
}

#[tokio::test]
async fn every_family_has_a_form_with_its_options() {
    let site = Site::new().await;
    let list = site.open("/trust").await.text();
    for family in carnet_trust::setup::FAMILIES {
        assert!(list.contains(&format!("href=\"/trust/{family}\"")), "{family} is missing in {list}");
        let form = site.open(&format!("/trust/{family}?workspace=net")).await;
        assert_eq!(form.status, 200);
        let text = form.text();
        assert!(text.contains("name=\"workspace\" value=\"net\""), "{text}");
        for option in carnet_trust::setup::option_fields(family) {
            assert!(text.contains(&format!("name=\"{}\"", option.name)), "{} is missing", option.name);
        }
    }
    let unknown = site.open("/trust/ibm").await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.text().contains("href=\"/trust/aws\""), "the way out: {}", unknown.text());
    assert_eq!(site.send("/trust/ibm", "", &NET).await.status, 404);
}

#[tokio::test]
async fn the_page_writes_what_the_api_writes() {
    let site = Site::new().await;
    let first = [("phase", "both"), ("scope", "workspace"), ("variables", "write"), ("tag", "")];
    let page = site.submit("/trust/aws", &site.token, &with(&first)).await;
    assert!(!page.text().contains("<details open>"), "nothing beyond the usual was asked for");
    assert_eq!(result(&page), site.asked("trust", json!({ "family": "aws" })).await);

    let fields = [
        ("phase", "plan"),
        ("format", "cli"),
        ("policy-plan", "read-net, read-dns"),
        ("vault-addr", " https://vault.example.com:8200 "),
        ("tag", "EAST"),
        ("knows-issuer", "true"),
        ("variables", "show"),
    ];
    let page = site.submit("/trust/vault", &format!(" {}\n", site.token), &with(&fields)).await;
    let options = json!({
        "policy-plan": ["read-net", "read-dns"], "vault-addr": "https://vault.example.com:8200",
    });
    let attributes = json!({
        "family": "vault", "phase": "plan", "format": "cli", "tag": "EAST", "knows-issuer": true,
        "variables": "show", "options": options,
    });
    assert_eq!(result(&page), site.asked("trust", attributes).await);
    // What was typed stands there for the next time; the token does not.
    let text = page.text();
    assert!(text.contains("value=\"read-net, read-dns\"") && text.contains("<details open>"), "{text}");
    assert!(text.contains("<option value=\"plan\" selected>"), "{text}");
    assert!(!text.contains(&site.token), "{text}");

    let page = site.submit("/trust/gcp", &site.token, &with(&[("direct", "true")])).await;
    let attributes = json!({ "family": "gcp", "options": { "direct": true } });
    assert_eq!(result(&page), site.asked("trust", attributes).await);
}

#[tokio::test]
async fn the_page_judges_as_the_api_does() {
    let site = Site::new().await;
    let subject = "organization:acme:project:Default Project:workspace:net:run_phase:Plan";
    let policy = json!({
        "role_type": "jwt", "user_claim": "terraform_full_workspace", "bound_subject": subject,
        "bound_audiences": ["vault.workload.identity"],
    });
    let text = policy.to_string();
    let fields = [
        ("policy", text.as_str()),
        ("family", "auto"),
        ("phase", "plan"),
        ("audience", "vault.workload.identity"),
    ];
    let page = site.submit("/trust-check", &site.token, &with(&fields)).await;
    let attributes = json!({ "policy": policy, "audience": "vault.workload.identity" });
    let said = result(&page);
    assert_eq!(said, site.asked("trust-check", attributes).await);
    assert!(said.contains("bound_subject"), "{said}");

    let page = site.submit("/trust-check", &site.token, &with(&[("policy", "{"), ("audience", "x")])).await;
    check_refused(&page, "Policy: is not JSON");
}

#[tokio::test]
async fn nobody_learns_more_than_the_token_allows() {
    let site = Site::new().await;
    let (_, stranger) = site.server.user("sam").await;
    let policy = [("policy", "{\"bound_audiences\":[]}"), ("audience", "x")];
    for (path, fields) in [("/trust/aws", with(&[])), ("/trust-check", with(&policy))] {
        check_refused(&site.submit(path, "wrong", &fields).await, "not an API token of this server");
        check_refused(&site.submit(path, "", &fields).await, "not an API token of this server");
        check_refused(&site.submit(path, &stranger, &fields).await, "There is no such workspace");
        let elsewhere = [fields.as_slice(), &[("workspace", "other")]].concat();
        check_refused(&site.submit(path, &site.token, &elsewhere).await, "There is no such workspace");
    }
    let page = site.submit("/trust/azure", &site.token, &with(&[("scope", "project")])).await;
    check_refused(&page, "Microsoft Entra");
    let page = site.submit("/trust/aws", &site.token, &with(&[("account-id", "1")])).await;
    check_refused(&page, "Account-id: an account has twelve digits.");
}

#[tokio::test]
async fn a_form_of_another_page_does_not_count() {
    let site = Site::new().await;
    let (cookie, csrf) = form_secret(&site.open("/trust/aws").await);
    for (cookie, field) in [("", csrf.as_str()), (cookie.as_str(), ""), (cookie.as_str(), "guessed")] {
        let fields = [NET.as_slice(), &[("token", site.token.as_str()), ("csrf", field)]].concat();
        check_refused(&site.send("/trust/aws", cookie, &fields).await, "send it again");
    }
}

#[tokio::test]
async fn what_was_typed_cannot_break_out_of_the_page() {
    let site = Site::new().await;
    let evil = "\"><script>alert(1)</script>";
    for path in ["/trust/aws", "/trust-check"] {
        let query = encoded(&[("workspace", evil), ("policy", "</textarea><b>"), ("audience", evil)]);
        let opened = site.open(&format!("{path}?{query}")).await;
        let fields =
            [("organization", evil), ("workspace", evil), ("policy", "</textarea><b>"), ("tag", evil)];
        let sent = site.submit(path, &site.token, &fields).await;
        for answer in [opened, sent] {
            let text = answer.text();
            assert!(!text.contains("<script") && !text.contains("</textarea><b>"), "{text}");
            let policy = answer.headers["content-security-policy"].to_str().expect("text");
            assert!(
                policy.starts_with("default-src 'none'") && policy.ends_with("form-action 'self'"),
                "{policy}"
            );
            assert_eq!(answer.headers["cache-control"], "no-store");
        }
    }
}
