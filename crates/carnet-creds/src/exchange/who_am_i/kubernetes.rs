//! Kubernetes: the API server reviews who its own caller is.

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{
    Answer, Likeness, Question, Silence,
    asker::{Ask, Asker, Reply, shown},
    name,
};
use crate::provider_env::{KUBE_CLUSTER_CA_CERT_DATA, KUBE_HOST};

/// The versions of the review, newest first.
const VERSIONS: [&str; 2] = ["v1", "v1beta1"];
/// More groups than these say nothing more.
const SHOWN_GROUPS: usize = 8;

pub(super) async fn ask(question: &Question, asker: &mut Asker<'_>) -> Result<Answer, Silence> {
    let env = &question.presented.env;
    let Some(host) = env.get(KUBE_HOST) else {
        return Err(Silence::Unasked(format!("{KUBE_HOST} of the workspace names no cluster")));
    };
    let host = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
    let ca_pem = env.get(KUBE_CLUSTER_CA_CERT_DATA).map(authorities).transpose()?;
    for version in VERSIONS {
        let review =
            json!({ "apiVersion": format!("authentication.k8s.io/{version}"), "kind": "SelfSubjectReview" });
        let url =
            format!("{}/apis/authentication.k8s.io/{version}/selfsubjectreviews", host.trim_end_matches('/'));
        let ask = Ask { ca_pem: ca_pem.as_deref(), ..Ask::json(url, &review) };
        let reply = asker.send(ask.bearer(&question.token)).await?;
        match reply.status {
            404 => {}
            200..300 => return read(&reply, &host),
            status => {
                let said = reply.json()["message"].as_str().map(str::to_owned);
                let said = said.unwrap_or_else(|| reply.body.expose_secret().to_owned());
                let text = asker.clean(&format!("{said} (SelfSubjectReview of kubernetes, status {status})"));
                return Err(if status == 401 { question.refused(&text) } else { Silence::Unanswered(text) });
            }
        }
    }
    Err(Silence::Unasked("the API server is older than 1.27, and knows no SelfSubjectReview".to_owned()))
}

fn read(reply: &Reply, host: &str) -> Result<Answer, Silence> {
    let review = reply.json();
    let user = &review["status"]["userInfo"];
    let Some(username) = user["username"].as_str().map(name) else {
        return Err(Silence::Unanswered("SelfSubjectReview: the answer names no user".to_owned()));
    };
    let groups: Vec<String> =
        user["groups"].as_array().into_iter().flatten().filter_map(Value::as_str).map(name).collect();
    let shown_groups = groups.iter().take(SHOWN_GROUPS).cloned().collect::<Vec<_>>().join(", ");
    let facts = vec![
        ("API server", shown(host)),
        ("user", username.clone()),
        ("groups", shown_groups.clone()),
        ("uid", user["uid"].as_str().map(name).unwrap_or_default()),
    ];
    // Nothing in the variables says which user it should be: the server makes the name of the claims.
    let likeness = match username.as_str() {
        "system:anonymous" => Likeness::Different(vec!["the server did not read the token".to_owned()]),
        _ => Likeness::Unknown,
    };
    Ok(Answer { who: format!("user {username}, groups [{shown_groups}]"), facts, likeness })
}

/// The certificate authorities, which are PEM or base64 of PEM.
fn authorities(text: &str) -> Result<String, Silence> {
    if text.contains("-----BEGIN CERTIFICATE-----") {
        return Ok(text.to_owned());
    }
    let encoded: String = text.split_ascii_whitespace().collect();
    let decoded = BASE64_STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| {
        Silence::Unasked(format!("{KUBE_CLUSTER_CA_CERT_DATA} is neither PEM nor base64 of PEM"))
    })
}
