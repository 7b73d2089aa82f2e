//! Requests that ask, and the secrets in them.

use reqwest::{
    Method, Response,
    header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT},
};
use secrecy::{ExposeSecret, SecretString};

use super::{PATIENCE, Silence};
use crate::{
    adapter::percent_encoded,
    exchange::{
        http::{HttpSettings, Roots, chain},
        reachable::{FilteringResolver, Reach, Unreachable, check},
        vault_wire::one_line,
    },
};

/// No answer that is needed is larger.
const LONGEST_ANSWER: usize = 256 * 1024;
/// How much of what a provider says is shown, in characters.
const SHOWN: usize = 600;

/// Asks about one configuration.
pub(super) struct Asker<'a> {
    http: &'a HttpSettings,
    token: &'a SecretString,
    secrets: Vec<SecretString>,
}

/// A request.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Vec<(String, SecretString)>,
    /// The body and its media type.
    pub(super) body: Option<(&'static str, SecretString)>,
    /// The only certificate authorities to trust, instead of the system's.
    pub(super) ca_pem: Option<&'a str>,
}

/// What was answered. It may hold secrets.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: SecretString,
}

impl Ask<'_> {
    /// A form that is posted.
    pub(super) fn form(url: String, fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value)));
        let body = SecretString::from(fields.collect::<Vec<_>>().join("&"));
        let body = Some(("application/x-www-form-urlencoded", body));
        Self { method: Method::POST, url, headers: Vec::new(), body, ca_pem: None }
    }

    /// A JSON document that is posted.
    pub(super) fn json(url: String, document: &serde_json::Value) -> Self {
        let body = Some(("application/json", document.to_string().into()));
        Self { method: Method::POST, url, headers: Vec::new(), body, ca_pem: None }
    }

    /// Presents a token.
    pub(super) fn bearer(mut self, token: &SecretString) -> Self {
        let value = format!("Bearer {}", token.expose_secret());
        self.headers.push(("authorization".to_owned(), value.into()));
        self
    }
}

impl Reply {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The answer as JSON, empty if it is none.
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.body.expose_secret()).unwrap_or_default()
    }
}

impl<'a> Asker<'a> {
    pub(super) fn new(http: &'a HttpSettings, token: &'a SecretString) -> Self {
        Self { http, token, secrets: Vec::new() }
    }

    /// Takes note of something that no log may show.
    pub(super) fn hide(&mut self, secret: &SecretString) {
        self.secrets.push(secret.clone());
    }

    pub(super) fn into_secrets(self) -> Vec<SecretString> {
        self.secrets
    }

    /// Sends a request, to a server that a run may reach.
    pub(super) async fn send(&self, ask: Ask<'_>) -> Result<Reply, Silence> {
        let unanswered = |reason: String| Silence::Unanswered(self.clean(&reason));
        let kept = |why: &Unreachable| {
            let allowance = why.allowance(&ask.url).map(|text| format!("; {text}")).unwrap_or_default();
            let text = format!("the agent must not ask at {}: {why}{allowance}", shown(&ask.url));
            Silence::Unasked(self.clean(&text))
        };
        let (url, reach) = check(&ask.url, &self.http.allowed_hosts).map_err(|why| kept(&why))?;
        let host = shown(&ask.url);
        let roots = match (ask.ca_pem, url.scheme()) {
            (Some(pem), _) => Roots::Only(pem),
            (None, "https") => Roots::System,
            (None, _) => Roots::None,
        };
        let builder = self.http.builder(roots, PATIENCE).map_err(unanswered)?;
        let builder = match reach {
            Reach::Anywhere => builder,
            Reach::Filtered => builder.dns_resolver(FilteringResolver::of_system()),
        };
        let client = builder.build().map_err(|error| unanswered(chain(&error)))?;
        let mut request = client.request(ask.method, url);
        request = request.header(USER_AGENT, concat!("carnet/", env!("CARGO_PKG_VERSION")));
        request = request.header(ACCEPT, "application/json, text/xml;q=0.9, */*;q=0.1");
        for (name, value) in &ask.headers {
            let name = HeaderName::try_from(name).map_err(|error| unanswered(error.to_string()))?;
            let mut value = HeaderValue::from_str(value.expose_secret())
                .map_err(|_| unanswered(format!("the value of the header {name} cannot be one")))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if let Some((kind, body)) = &ask.body {
            request = request.header(CONTENT_TYPE, *kind).body(body.expose_secret().to_owned());
        }
        let no_answer = |error: reqwest::Error| match Unreachable::behind(&error) {
            Some(why) => kept(&why),
            None => unanswered(format!("{host}: {}", chain(&error.without_url()))),
        };
        let response = request.send().await.map_err(no_answer)?;
        let status = response.status().as_u16();
        let body = read(response).await.map_err(no_answer)?;
        Ok(Reply { status, body: String::from_utf8_lossy(&body).into_owned().into() })
    }

    /// A text of a provider without what nobody may read, in one line.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in self.secrets.iter().chain([self.token]) {
            // Not only the whole: a provider may show a token without its signature, or the signature alone.
            let whole = secret.expose_secret();
            for hidden in std::iter::once(whole).chain(whole.split('.')).filter(|part| part.len() > 7) {
                clean = clean.replace(hidden, "(token)");
            }
        }
        one_line(&clean).chars().take(SHOWN).collect()
    }
}

/// An address as the log shows it: without what may be secret.
pub(super) fn shown(url: &str) -> String {
    let parsed = reqwest::Url::parse(url).ok();
    parsed.map_or_else(|| "(no address)".to_owned(), |url| url.origin().ascii_serialization())
}

async fn read(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        // What is needed stands in what was read.
        let room = LONGEST_ANSWER - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == LONGEST_ANSWER {
            break;
        }
    }
    Ok(body)
}
