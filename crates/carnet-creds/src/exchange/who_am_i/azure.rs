//! Azure: Entra gives an access token for the resource manager, whose claims say who it is for.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{
    Answer, Likeness, Question, Silence,
    asker::{Ask, Asker, shown},
    endpoints::AzureCloud,
    likeness, name,
};
use crate::provider_env::{ARM_ENVIRONMENT, ARM_TENANT_ID};

pub(super) async fn ask(question: &Question, asker: &mut Asker<'_>) -> Result<Answer, Silence> {
    let one = &question.presented;
    let is_character = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let tenant = one.env.get(ARM_TENANT_ID).filter(|tenant| tenant.bytes().all(is_character));
    let Some(tenant) = tenant else {
        return Err(Silence::Unasked(format!("{ARM_TENANT_ID} of the workspace names no tenant")));
    };
    let cloud = AzureCloud::named(one.env.get(ARM_ENVIRONMENT));
    let entra = question.http.endpoints.entra.as_deref().unwrap_or(cloud.entra);
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", one.role()),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", question.token.expose_secret()),
        ("scope", cloud.scope),
    ];
    let url = format!("{}/{tenant}/oauth2/v2.0/token", entra.trim_end_matches('/'));
    let reply = asker.send(Ask::form(url, &fields)).await?;
    let answer = reply.json();
    let Some(token) = answer["access_token"].as_str().map(SecretString::from) else {
        let words = answer["error_description"].as_str().unwrap_or_else(|| reply.body.expose_secret());
        let text = asker.clean(words);
        return Err(match reply.status {
            400..500 => question.refused(&text),
            status => Silence::Unanswered(format!("{} answered {status}: {text}", shown(entra))),
        });
    };
    asker.hide(&token);
    Ok(read(&token, one.role(), tenant, entra))
}

/// Reads the claims of an access token. It came over TLS from who has made it, so they are not verified.
fn read(token: &SecretString, client_id: &str, tenant: &str, entra: &str) -> Answer {
    let claims = claims(token);
    let claim = |wanted: &str| claims[wanted].as_str().map(name).unwrap_or_default();
    // Version 1 of the tokens names the application in `appid`, version 2 in `azp`.
    let application =
        [claim("appid"), claim("azp")].into_iter().find(|id| !id.is_empty()).unwrap_or_default();
    let (object, found_tenant) = (claim("oid"), claim("tid"));
    let facts = vec![
        ("endpoint", shown(entra)),
        ("tenant", found_tenant.clone()),
        ("application", application.clone()),
        ("object id", object.clone()),
    ];
    if application.is_empty() {
        let who = "let in by Entra, whose access token does not say as whom".to_owned();
        return Answer { who, facts, likeness: Likeness::Unknown };
    }
    let mut pairs = vec![("application", client_id, application.as_str())];
    // A tenant can be named by a domain, too.
    if !tenant.contains('.') {
        pairs.push(("tenant", tenant, &found_tenant));
    }
    let likeness = likeness(&pairs);
    let who = format!("application {application} (object {object}) in tenant {found_tenant}");
    Answer { who, facts, likeness }
}

fn claims(token: &SecretString) -> Value {
    let payload = token.expose_secret().split('.').nth(1).unwrap_or_default();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}
