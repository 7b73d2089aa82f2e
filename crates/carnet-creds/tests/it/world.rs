//! A clock, an issuer and what a test does with them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use carnet_creds::{
    Credentials, Event, Exchange, ExchangeError, HttpSettings, Refreshed, Refused, Resolution,
    ResolveContext, resolve,
};
use carnet_model::{Phase, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::fake_issuer::{FakeIssuer, SUBJECT};

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// Everything around an exchange.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) issuer: Arc<FakeIssuer>,
    pub(crate) events: Vec<Event>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Clock(Arc::new(AtomicI64::new(1_700_000_000)));
        let issuer = Arc::new(FakeIssuer::new(clock.clone()));
        Self { clock, issuer, events: Vec::new() }
    }

    /// Resolves the variables as a plan of at most two hours, and obtains what they lead to.
    pub(crate) async fn obtain(&mut self, variables: &[(&str, &str)]) -> Result<Credentials, ExchangeError> {
        self.obtain_with(variables, http_settings()).await
    }

    /// The same, with another way to reach providers.
    pub(crate) async fn obtain_with(
        &mut self,
        variables: &[(&str, &str)],
        http: HttpSettings,
    ) -> Result<Credentials, ExchangeError> {
        self.try_obtain(variables, http).await.map_err(|refused| refused.error)
    }

    /// The same, with what is reported when it is refused.
    pub(crate) async fn try_obtain(
        &mut self,
        variables: &[(&str, &str)],
        http: HttpSettings,
    ) -> Result<Credentials, Box<Refused>> {
        let clock = self.clock.clone();
        let exchange = Exchange { http, clock: Arc::new(move || clock.now()) };
        let events = &mut self.events;
        let on_event = &mut |event| events.push(event);
        Credentials::obtain(resolution(variables), self.issuer.clone(), exchange, None, on_event).await
    }

    /// The lines of the run log.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.events.iter().map(ToString::to_string).collect()
    }

    /// The identifiers of the warnings of the run log.
    pub(crate) fn warnings(&self) -> Vec<&'static str> {
        self.events.iter().filter_map(|event| Some(event.notice.as_ref()?.id())).collect()
    }

    /// Checks that a text repeats no identity token.
    #[track_caller]
    pub(crate) fn check_no_token(&self, text: &str) {
        for token in self.issuer.minted.lock().unwrap().iter() {
            assert!(!text.contains(token.as_str()), "a token shows in {text}");
        }
    }
}

pub(crate) fn http_settings() -> HttpSettings {
    HttpSettings { retry_pause: Duration::ZERO, ..HttpSettings::default() }
}

fn resolution(variables: &[(&str, &str)]) -> Resolution {
    let env: BTreeMap<String, SecretString> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), SecretString::from(*value))).collect();
    let cx = ResolveContext {
        phase: Phase::Plan,
        home: Path::new("/h"),
        run_id: &"run-1".parse().expect("a valid id"),
        subject: SUBJECT,
        terraform_variables: &BTreeSet::new(),
        phase_limit: Duration::from_hours(2),
        identity_token_ttl: Duration::from_mins(10),
        tolerates_static_credentials: true,
        origins: &BTreeMap::new(),
        adapters: &[],
    };
    resolve(&env, &cx).expect("resolves")
}

/// The content of an injected file.
pub(crate) fn file(credentials: &Credentials, name: &str) -> String {
    let file = credentials.injection().files.iter().find(|file| file.name == name).expect("has the file");
    file.content.expose_secret().to_owned()
}

/// An injected environment variable.
pub(crate) fn env(credentials: &Credentials, name: &str) -> Option<String> {
    credentials.injection().env.get(name).map(|value| value.expose_secret().to_owned())
}

/// Refreshes what is due.
pub(crate) async fn refreshed(credentials: &mut Credentials) -> Refreshed {
    credentials.refresh(&mut |_| {}).await
}
