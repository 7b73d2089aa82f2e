//! From the variables of a run to the identity tokens it needs, or to what is missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use carnet_model::{Phase, RunId};
use secrecy::SecretString;

use crate::{
    configure::configure_family,
    conflicts::conflicts,
    family::{FamilyName, Tag, titled},
    injection::{Injection, assemble},
    lexicon::{Lexicon, Values, non_empty},
    notice::Notice,
    problem::Problem,
    provider::{Configuration, Grant, Place, TokenLife},
    providers,
    setting::Setting,
    switches::{misplaced, two_defaults},
};

/// The longest life of a token that its consumer reads again and again.
const ROTATED_LIFE: Duration = Duration::from_mins(10);
/// The longest life of a token that is used once, for a login.
const LOGIN_LIFE: Duration = Duration::from_mins(5);

/// What resolution needs to know besides the variables.
#[derive(Debug, Clone, Copy)]
pub struct ResolveContext<'a> {
    /// The phase.
    pub phase: Phase,
    /// The home directory of the run: the same text at plan and apply, on every agent.
    pub home: &'a Path,
    /// The run.
    pub run_id: &'a RunId,
    /// The claim `sub` of the run's tokens.
    pub subject: &'a str,
    /// The names of the Terraform variables that the workspace sets.
    pub terraform_variables: &'a BTreeSet<String>,
    /// The longest the phase may last.
    pub phase_limit: Duration,
}

/// An identity token that a configuration needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// The family.
    pub family: FamilyName,
    /// The alias, if any.
    pub tag: Option<Tag>,
    /// The claim `aud`.
    pub audience: String,
    /// How long the token should live.
    pub lifetime: Duration,
}

/// What the variables of a run lead to.
#[derive(Debug)]
pub struct Resolution {
    pub(crate) configured: Vec<Configured>,
    pub(crate) requests: Vec<TokenRequest>,
    pub(crate) warnings: Vec<Notice>,
    pub(crate) home: String,
    pub(crate) run_id: String,
    pub(crate) subject: String,
    pub(crate) phase_limit: Duration,
    pub(crate) workspace_env: BTreeSet<String>,
    pub(crate) terraform_variables: BTreeSet<String>,
}

/// One configuration that is on and complete; its token request has the same position.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) family: FamilyName,
    pub(crate) tag: Option<Tag>,
    pub(crate) variable: Option<&'static str>,
    pub(crate) configuration: Box<dyn Configuration>,
}

impl Resolution {
    /// Whether nothing is switched on.
    pub fn is_empty(&self) -> bool {
        self.configured.is_empty()
    }

    /// What a person should know, in a stable order.
    pub fn warnings(&self) -> &[Notice] {
        &self.warnings
    }

    /// The identity tokens that are needed, in the order of families and tags.
    pub fn requests(&self) -> &[TokenRequest] {
        &self.requests
    }

    /// What would be injected, every secret left empty; paths, names and Terraform variables are exact.
    pub fn outline(&self) -> Injection {
        assemble(self, &vec![SecretString::from(""); self.configured.len()])
    }

    /// What will be done, one line for each configuration.
    pub fn steps(&self) -> Vec<String> {
        self.configured.iter().map(Configured::step).collect()
    }

    /// The claim `sub` that every token will carry.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The longest the phase may last.
    pub fn phase_limit(&self) -> Duration {
        self.phase_limit
    }

    pub(crate) fn place<'a>(&'a self, tag: Option<&'a Tag>) -> Place<'a> {
        Place { home: &self.home, run_id: &self.run_id, tag }
    }
}

impl Configured {
    /// The configuration as messages name it.
    pub(crate) fn title(&self) -> String {
        titled(self.family, self.tag.as_ref())
    }

    fn step(&self) -> String {
        let (title, audience) = (self.title(), self.configuration.audience());
        let role = self.configuration.role().map(|role| format!(", role {role}")).unwrap_or_default();
        match self.configuration.grant() {
            Grant::HandOver => format!("{title}: hand over an identity token for audience {audience}{role}"),
            Grant::VaultLogin(login) => format!(
                "{title}: log in at {}/v1/auth/{}/login with an identity token for audience {audience}{role}",
                login.address, login.auth_path
            ),
        }
    }
}

/// Finds what a set of environment variables leads to in one phase.
///
/// Fails with every problem of every family, in a stable order; the values of settings that may be secret are
/// never part of a message.
pub fn resolve(
    env: &BTreeMap<String, SecretString>,
    cx: &ResolveContext<'_>,
) -> Result<Resolution, Vec<Problem>> {
    let lexicon = Lexicon::new();
    let values = Values::sort(&lexicon, env);
    let mut warnings = misplaced(&lexicon, &values, cx.terraform_variables);
    let mut problems: Vec<Problem> = two_defaults(&values);
    let mut configured = Vec::new();
    for provider in providers::all() {
        let mut family = configure_family(provider, &values, cx.phase);
        warnings.append(&mut family.warnings);
        problems.append(&mut family.problems);
        configured.append(&mut family.configured);
    }
    providers::unsupported::check(&values, &mut problems, &mut warnings);
    let home = cx.home.to_str().filter(|text| text.starts_with('/') && !text.chars().any(char::is_control));
    if home.is_none() {
        problems.push(Problem::Home);
    }
    let (Some(home), true) = (home, problems.is_empty()) else {
        problems.sort_by_key(Problem::family);
        return Err(problems);
    };
    let requests = configured.iter().map(|one| request(one, cx.phase_limit)).collect();
    let written = env.iter().filter(|(_, value)| non_empty(value).is_some());
    let mut resolution = Resolution {
        configured,
        requests,
        warnings,
        home: home.to_owned(),
        run_id: cx.run_id.to_string(),
        subject: cx.subject.to_owned(),
        phase_limit: cx.phase_limit,
        workspace_env: written.map(|(name, _)| name.clone()).collect(),
        terraform_variables: cx.terraform_variables.clone(),
    };
    let conflicts = conflicts(&resolution, env);
    resolution.warnings.extend(conflicts);
    Ok(resolution)
}

/// Every variable that is known, by family; reference pages and checks come from it.
pub fn settings() -> Vec<Setting> {
    providers::all().into_iter().flat_map(|provider| provider.settings()).copied().collect()
}

fn request(configured: &Configured, phase_limit: Duration) -> TokenRequest {
    let longest = match configured.configuration.token_life() {
        TokenLife::Rotated => ROTATED_LIFE,
        TokenLife::Login => LOGIN_LIFE,
        TokenLife::Phase => phase_limit,
    };
    TokenRequest {
        family: configured.family,
        tag: configured.tag.clone(),
        audience: configured.configuration.audience().to_owned(),
        lifetime: longest.min(phase_limit),
    }
}
