//! Google Cloud: the token is exchanged, the service account impersonated, and Google asked about the access token.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{
    Answer, Likeness, Question, Silence,
    asker::{Ask, Asker, Reply, shown},
    likeness, name,
};

/// What the first access token may do: become somebody else, or nothing.
const EXCHANGE_SCOPE: &str = "https://www.googleapis.com/auth/iam";
/// What the second one may do: say who it is.
const NAME_SCOPE: &str = "https://www.googleapis.com/auth/userinfo.email";
const LIFETIME: &str = "300s";

pub(super) async fn ask(question: &Question, asker: &mut Asker<'_>) -> Result<Answer, Silence> {
    let one = &question.presented;
    let endpoints = &question.http.endpoints;
    let Some(provider) = one.identity_provider.as_deref() else {
        return Err(Silence::Unasked("it has no workload identity provider".to_owned()));
    };
    let federated = exchange(question, asker, provider).await?;
    let mut facts = vec![
        ("endpoint", shown(&endpoints.google_sts)),
        ("workload identity provider", provider.trim_start_matches("//iam.googleapis.com/").to_owned()),
    ];
    let Some(email) = one.role.as_deref() else {
        let pool = provider.split("/providers/").next().unwrap_or_default();
        let who = format!("an identity of its own in {}", pool.trim_start_matches("//iam.googleapis.com/"));
        return Ok(Answer { who, facts, likeness: Likeness::Unknown });
    };
    let access = impersonate(question, asker, email, &federated).await?;
    let url = format!("{}/tokeninfo", endpoints.google_oauth2.trim_end_matches('/'));
    let reply = asker.send(Ask::form(url, &[]).bearer(&access)).await?;
    let info = reply.json();
    let text = |wanted: &str| info[wanted].as_str().map(name).unwrap_or_default();
    let (found, id) = (text("email"), text("azp"));
    if !reply.is_success() || (found.is_empty() && id.is_empty()) {
        return Err(Silence::Unanswered(format!("tokeninfo: {}", said(asker, &reply))));
    }
    let likeness = match found.is_empty() {
        true => Likeness::Unknown,
        false => likeness(&[("service account", email, &found)]),
    };
    facts.extend([("service account", found.clone()), ("unique id", id.clone())]);
    let who = if found.is_empty() { format!("the service account with the id {id}") } else { found };
    Ok(Answer { who, facts, likeness })
}

async fn exchange(
    question: &Question,
    asker: &mut Asker<'_>,
    provider: &str,
) -> Result<SecretString, Silence> {
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("audience", provider),
        ("scope", EXCHANGE_SCOPE),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token", question.token.expose_secret()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
    ];
    let url = format!("{}/v1/token", question.http.endpoints.google_sts.trim_end_matches('/'));
    let reply = asker.send(Ask::form(url, &fields)).await?;
    accept(question, asker, "sts.googleapis.com", &reply, "access_token")
}

async fn impersonate(
    question: &Question,
    asker: &mut Asker<'_>,
    email: &str,
    federated: &SecretString,
) -> Result<SecretString, Silence> {
    let base = question.http.endpoints.google_iam_credentials.trim_end_matches('/');
    let url = format!("{base}/v1/projects/-/serviceAccounts/{email}:generateAccessToken");
    let wanted = json!({ "scope": [NAME_SCOPE], "lifetime": LIFETIME });
    let reply = asker.send(Ask::json(url, &wanted).bearer(federated)).await?;
    accept(question, asker, "generateAccessToken", &reply, "accessToken")
}

/// Takes the access token out of an answer, or what Google says instead.
fn accept(
    question: &Question,
    asker: &mut Asker<'_>,
    step: &str,
    reply: &Reply,
    member: &str,
) -> Result<SecretString, Silence> {
    if let Some(token) = reply.json()[member].as_str().map(SecretString::from).filter(|_| reply.is_success())
    {
        asker.hide(&token);
        return Ok(token);
    }
    let text = format!("{step}: {}", said(asker, reply));
    Err(match reply.status {
        400..500 => question.refused(&text),
        _ => Silence::Unanswered(text),
    })
}

fn said(asker: &Asker<'_>, reply: &Reply) -> String {
    let answer = reply.json();
    let words = match (&answer["error"], &answer["error_description"]) {
        (Value::String(code), Value::String(text)) => format!("{code}: {text}"),
        (Value::Object(error), _) => {
            error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        _ => format!("status {}: {}", reply.status, reply.body.expose_secret()),
    };
    asker.clean(&words)
}
