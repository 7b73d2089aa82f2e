//! What a family of credentials must say about itself; the engine does everything else.

use std::{fmt::Debug, time::Duration};

use crate::{
    credential::Credential,
    family::{FamilyName, Tag},
    form::{Form, Incomplete},
    injection::{Delivery, TokenSourceAddress},
    providers::AdapterConfiguration,
    setting::Setting,
};

/// A family of credentials.
pub(crate) trait Provider: Sync {
    /// Its name, which also says to which group it belongs.
    fn family(&self) -> FamilyName;

    /// Every variable it reads; the first one switches a configuration on.
    fn settings(&self) -> Vec<Setting<'_>>;

    /// The Terraform variable that tells a configuration where its credentials lie.
    fn variable(&self) -> Option<&str>;

    /// Environment variables of a person that would win over what is injected.
    fn rivals(&self) -> Vec<Rival<'_>>;

    /// Checks the values of one configuration in one phase.
    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete>;
}

/// One checked configuration of a family.
pub(crate) trait Configuration: Debug + Send + Sync {
    /// The identity token it needs; nothing when it uses the session of another configuration.
    fn token(&self) -> Option<TokenNeed<'_>>;

    /// The role or account that the token is traded for.
    fn role(&self) -> Option<&str>;

    /// The workload identity provider that trades the token, where its name is a part of the exchange.
    #[cfg(feature = "exchange")]
    fn identity_provider(&self) -> Option<String> {
        None
    }

    /// How the identity token becomes what Terraform uses.
    fn grant(&self) -> Grant<'_>;

    /// Checks what was read, and adds the parts that follow from it; fails with what is wrong, without any value.
    #[cfg_attr(not(any(feature = "exchange", test)), expect(dead_code, reason = "nothing is read"))]
    fn complete(&self, _credential: &mut Credential) -> Result<(), String> {
        Ok(())
    }

    /// What Terraform gets to see, given what the grant led to.
    fn deliver(&self, credential: &Credential, place: &Place<'_>) -> Delivery;

    /// Whether the delivery names the agent's token source.
    fn uses_token_source(&self) -> bool {
        false
    }

    /// The values that a saved plan freezes although the apply may have others: attribute and value.
    fn frozen(&self) -> Option<(&'static str, &str)> {
        None
    }

    /// Whether the claim `sub` is limited to 127 bytes unless the other side maps a shorter one.
    fn limits_subject(&self) -> bool {
        false
    }
}

/// The identity token that a configuration needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenNeed<'a> {
    /// The claim `aud`.
    pub(crate) audience: &'a str,
    /// How long it is needed.
    pub(crate) life: TokenLife,
}

/// How long an identity token is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenLife {
    /// The consumer asks for it or reads the file again and again, so a short token is replaced in time.
    Rotated,
    /// The token is used once, for a login.
    Login,
    /// The consumer reads it once and presents it until the phase ends; the text says why, and what helps.
    Phase(&'static str),
}

/// How an identity token becomes what Terraform uses.
#[derive(Debug)]
pub(crate) enum Grant<'a> {
    /// The token itself is handed over; the Terraform provider trades it.
    HandOver,
    /// The engine logs in to Vault, keeps the Vault token alive and revokes it.
    VaultLogin(&'a VaultLogin),
    /// The engine reads credentials from Vault, with the token of a login.
    VaultRead(&'a VaultRead),
    /// The engine performs the exchange that an adapter describes.
    #[cfg_attr(
        not(feature = "exchange"),
        expect(dead_code, reason = "only the exchange itself looks inside")
    )]
    Exchange(&'a AdapterConfiguration),
}

/// Where and how to log in to Vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VaultLogin {
    /// The address without a trailing slash.
    pub(crate) address: String,
    /// The namespace, if any.
    pub(crate) namespace: Option<String>,
    /// The mount path of the JWT authentication method.
    pub(crate) auth_path: String,
    /// The role.
    pub(crate) role: String,
    /// The variable that named the role.
    pub(crate) role_variable: String,
    /// The only certificate authorities to trust, as PEM.
    pub(crate) ca_pem: Option<String>,
    /// The longest one request may take.
    pub(crate) timeout: Duration,
}

/// What to read from Vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VaultRead {
    /// The tag of the Vault configuration whose token reads; `None` for the default one.
    pub(crate) vault: Option<Tag>,
    /// The path below `/v1/`, with its query if there is one.
    pub(crate) path: String,
    /// Where to try once more when the first path answers 403: Vault serves some credentials at two paths.
    pub(crate) fallback_path: Option<String>,
    /// The members of `data` that must be there.
    pub(crate) wanted: &'static [&'static str],
    /// The members of `data` that are used when they are there; all others are dropped.
    pub(crate) optional: &'static [&'static str],
    /// Whether the consumer asks again when what it has ends, so that new credentials can be read for it.
    pub(crate) is_reread: bool,
    /// How long the credentials need until they work everywhere.
    pub(crate) settle: Duration,
    /// What helps when the credentials end before the phase; starts with a separator.
    pub(crate) advice: &'static str,
}

/// An environment variable that takes precedence over what the engine injects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rival<'a> {
    pub(crate) name: &'a str,
    /// The one value that does no harm.
    pub(crate) harmless: Option<&'a str>,
    /// Whether it may be wanted: then a person is only told.
    pub(crate) may_be_wanted: bool,
}

impl<'a> Rival<'a> {
    pub(crate) const fn always(name: &'a str) -> Self {
        Self { name, harmless: None, may_be_wanted: false }
    }

    pub(crate) const fn unless(name: &'a str, harmless: &'a str) -> Self {
        Self { name, harmless: Some(harmless), may_be_wanted: false }
    }

    /// One that changes what the dynamic credentials are used for, and may be meant to.
    pub(crate) const fn wanted(name: &'a str) -> Self {
        Self { name, harmless: None, may_be_wanted: true }
    }
}

/// Where a configuration's files lie, and for which run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) home: &'a str,
    pub(crate) run_id: &'a str,
    pub(crate) tag: Option<&'a Tag>,
    /// The agent's token source; before it listens, an outline has none.
    pub(crate) source: Option<&'a TokenSourceAddress>,
}

impl Place<'_> {
    /// The name of one of the configuration's files: the stem, then the tag.
    pub(crate) fn file_name(&self, stem: &str) -> String {
        match self.tag {
            Some(tag) => format!("{stem}-{tag}"),
            None => stem.to_owned(),
        }
    }

    /// The path of one of the configuration's files, the same at plan and apply.
    pub(crate) fn path(&self, stem: &str) -> String {
        format!("{}/{}", self.home.trim_end_matches('/'), self.file_name(stem))
    }

    /// Where the token source serves a token of the configuration.
    pub(crate) fn source_url(&self, stem: &str) -> String {
        let url = self.source.map(|source| source.url.as_str()).unwrap_or_default();
        format!("{url}/{}", self.file_name(stem))
    }
}
