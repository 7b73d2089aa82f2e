//! What a family of credentials must say about itself; the engine does everything else.

use std::fmt::Debug;

use secrecy::SecretString;

use crate::{
    family::{FamilyName, Tag},
    form::{Form, Incomplete},
    injection::Delivery,
    setting::Setting,
};

/// A family of credentials.
pub(crate) trait Provider: Sync {
    /// Its name, which also says to which group it belongs.
    fn family(&self) -> FamilyName;

    /// Every variable it reads; the first one switches a configuration on.
    fn settings(&self) -> Vec<&'static Setting>;

    /// The Terraform variable that tells a configuration where its credentials lie.
    fn variable(&self) -> Option<&'static str>;

    /// Environment variables of a person that would win over what is injected.
    fn rivals(&self) -> &'static [Rival];

    /// Checks the values of one configuration in one phase.
    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete>;
}

/// One checked configuration of a family.
pub(crate) trait Configuration: Debug + Send + Sync {
    /// The audience of the identity token.
    fn audience(&self) -> &str;

    /// How long the identity token is needed.
    fn token_life(&self) -> TokenLife;

    /// The role or account that the token is traded for.
    fn role(&self) -> Option<&str>;

    /// How the identity token becomes what Terraform uses.
    fn grant(&self) -> Grant<'_>;

    /// What Terraform gets to see, given the credential that the grant led to.
    fn deliver(&self, credential: &SecretString, place: &Place<'_>) -> Delivery;
}

/// How long an identity token is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenLife {
    /// The consumer reads the file again and again, so a short token is replaced in time.
    Rotated,
    /// The token is used once, for a login.
    Login,
    /// The consumer reads it once and presents it until the phase ends.
    Phase,
}

/// How an identity token becomes what Terraform uses.
#[derive(Debug)]
pub(crate) enum Grant<'a> {
    /// The token itself is handed over; the Terraform provider trades it.
    HandOver,
    /// The engine logs in to Vault, keeps the Vault token alive and revokes it.
    VaultLogin(&'a VaultLogin),
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
    pub(crate) timeout: std::time::Duration,
}

/// An environment variable that takes precedence over what the engine injects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rival {
    pub(crate) name: &'static str,
    /// The one value that does no harm.
    pub(crate) harmless: Option<&'static str>,
}

impl Rival {
    pub(crate) const fn always(name: &'static str) -> Self {
        Self { name, harmless: None }
    }

    pub(crate) const fn unless(name: &'static str, harmless: &'static str) -> Self {
        Self { name, harmless: Some(harmless) }
    }
}

/// Where a configuration's files lie, and for which run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) home: &'a str,
    pub(crate) run_id: &'a str,
    pub(crate) tag: Option<&'a Tag>,
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
}
