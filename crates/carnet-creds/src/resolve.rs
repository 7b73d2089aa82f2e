//! From the variables of a run to the identity tokens it needs, or to what is missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use carnet_model::{Phase, RunId};
use secrecy::SecretString;

use crate::{
    adapter::AdapterDefinition,
    common::{self, Common},
    configure::configure_family,
    conflicts::conflicts,
    credential::Credential,
    family::{FamilyName, Tag, titled},
    injection::{Injection, TokenSourceAddress, assemble},
    lexicon::{Lexicon, Values, non_empty},
    notice::Notice,
    problem::Problem,
    provider::{Configuration, Grant, Place, Provider, TokenLife},
    providers::{self, AdapterFamily, Providers, check_withdrawn},
    setting::Setting,
    switches::{flags_on, misplaced, two_defaults},
};
#[cfg(feature = "exchange")]
use crate::{provider::VaultRead, provider_env::ProviderEnv};

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
    /// How long a token lives that is replaced in time, unless a variable says otherwise.
    pub identity_token_ttl: Duration,
    /// Whether a static credential that would win over a dynamic one is only remarked.
    pub tolerates_static_credentials: bool,
    /// Where each environment variable was set, as a person reads it.
    pub origins: &'a BTreeMap<String, String>,
    /// What is described by declarative adapters.
    pub adapters: &'a [Arc<AdapterDefinition>],
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

/// An identity token that a configuration may ask for, and the role that it is traded for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenGrant {
    /// The token; its life is the longest that the configuration needs.
    pub request: TokenRequest,
    /// The role or account; `None` where the family has none.
    pub role: Option<String>,
}

/// What the variables of a run lead to.
#[derive(Debug)]
pub struct Resolution {
    pub(crate) configured: Vec<Configured>,
    #[cfg_attr(not(any(test, feature = "exchange")), expect(dead_code, reason = "only the exchange asks"))]
    pub(crate) common: Common,
    pub(crate) warnings: Vec<Notice>,
    pub(crate) home: String,
    pub(crate) run_id: String,
    pub(crate) subject: String,
    pub(crate) phase_limit: Duration,
    pub(crate) workspace_env: BTreeSet<String>,
    pub(crate) terraform_variables: BTreeSet<String>,
    /// What the workspace tells Terraform's own providers.
    #[cfg(feature = "exchange")]
    pub(crate) provider_env: ProviderEnv,
}

/// One configuration that is on and complete.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) family: FamilyName,
    pub(crate) tag: Option<Tag>,
    pub(crate) variable: Option<String>,
    /// The identity token it needs, if it needs one of its own.
    pub(crate) request: Option<TokenRequest>,
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
    pub fn requests(&self) -> Vec<&TokenRequest> {
        self.configured.iter().filter_map(|one| one.request.as_ref()).collect()
    }

    /// The identity tokens that may be asked for, with their roles, in the order of families and tags.
    pub fn grants(&self) -> Vec<TokenGrant> {
        let grant = |one: &Configured| {
            let request = one.request.clone()?;
            Some(TokenGrant { request, role: one.configuration.role().map(str::to_owned) })
        };
        self.configured.iter().filter_map(grant).collect()
    }

    /// What would be injected, every secret left empty; paths, names and Terraform variables are exact.
    pub fn outline(&self) -> Injection {
        assemble(self, &vec![Credential::default(); self.configured.len()], None)
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

    /// Whether a token source must listen before credentials are obtained.
    pub fn needs_token_source(&self) -> bool {
        self.configured.iter().any(|one| one.configuration.uses_token_source())
    }

    pub(crate) fn place<'a>(
        &'a self,
        tag: Option<&'a Tag>,
        source: Option<&'a TokenSourceAddress>,
    ) -> Place<'a> {
        Place { home: &self.home, run_id: &self.run_id, tag, source }
    }
}

impl Configured {
    /// The configuration as messages name it.
    pub(crate) fn title(&self) -> String {
        titled(self.family, self.tag.as_ref())
    }

    /// What is read from Vault, for configurations of that kind.
    #[cfg(feature = "exchange")]
    pub(crate) fn vault_read(&self) -> Option<&VaultRead> {
        match self.configuration.grant() {
            Grant::VaultRead(read) => Some(read),
            Grant::HandOver | Grant::VaultLogin(_) | Grant::Exchange(_) => None,
        }
    }

    fn step(&self) -> String {
        let title = self.title();
        let audience = self.request.as_ref().map(|request| request.audience.as_str()).unwrap_or_default();
        let role = self.configuration.role().map(|role| format!(", role {role}")).unwrap_or_default();
        match self.configuration.grant() {
            Grant::HandOver => format!("{title}: hand over an identity token for audience {audience}{role}"),
            Grant::VaultLogin(login) => format!(
                "{title}: log in at {}/v1/auth/{}/login with an identity token for audience {audience}{role}",
                login.address, login.auth_path
            ),
            Grant::VaultRead(read) => format!("{title}: read {} from Vault", read.path),
            Grant::Exchange(_) => {
                format!("{title}: trade an identity token for audience {audience}{role}")
            }
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
    let adapters: Vec<AdapterFamily> = cx.adapters.iter().filter_map(AdapterFamily::new).collect();
    let providers = Providers::with(adapters.iter().map(|adapter| adapter as &dyn Provider));
    let lexicon = Lexicon::new(&providers);
    let values = Values::sort(&lexicon, env);
    let mut warnings = misplaced(&providers, &lexicon, &values, cx.terraform_variables);
    let mut problems: Vec<Problem> = two_defaults(&providers, &values);
    let common = common::read(&values, cx.identity_token_ttl, &mut problems, &mut warnings);
    let mut configured = Vec::new();
    for provider in providers.iter() {
        let mut family = configure_family(provider, &values, cx.phase);
        warnings.append(&mut family.warnings);
        problems.append(&mut family.problems);
        configured.append(&mut family.configured);
    }
    check_withdrawn(&values, &mut problems, &mut warnings);
    problems.extend(missing_sessions(&configured, &values));
    let home = cx.home.to_str().filter(|text| text.starts_with('/') && !text.chars().any(char::is_control));
    if home.is_none() {
        problems.push(Problem::Home);
    }
    let (Some(home), true) = (home, problems.is_empty()) else {
        return Err(sorted(problems));
    };
    for one in &mut configured {
        one.request = request(one, common.ttl, cx.phase_limit);
    }
    let written = env.iter().filter(|(_, value)| non_empty(value).is_some());
    let mut resolution = Resolution {
        configured,
        common,
        warnings,
        home: home.to_owned(),
        run_id: cx.run_id.to_string(),
        subject: cx.subject.to_owned(),
        phase_limit: cx.phase_limit,
        workspace_env: written.map(|(name, _)| name.clone()).collect(),
        terraform_variables: cx.terraform_variables.clone(),
        #[cfg(feature = "exchange")]
        provider_env: ProviderEnv::of(env),
    };
    let conflicts = conflicts(&providers, &resolution, env, cx);
    if !conflicts.problems.is_empty() {
        return Err(sorted(conflicts.problems));
    }
    resolution.warnings.extend(conflicts.notices);
    Ok(resolution)
}

/// Every variable that is known, by family; reference pages and checks come from it.
pub fn settings() -> Vec<Setting<'static>> {
    Providers::with([]).settings().collect()
}

fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(Problem::family);
    problems
}

fn request(configured: &Configured, ttl: Duration, phase_limit: Duration) -> Option<TokenRequest> {
    let need = configured.configuration.token()?;
    let longest = match need.life {
        TokenLife::Rotated => ttl,
        TokenLife::Login => LOGIN_LIFE.min(ttl),
        TokenLife::Phase(_) => phase_limit,
    };
    Some(TokenRequest {
        family: configured.family,
        tag: configured.tag.clone(),
        audience: need.audience.to_owned(),
        lifetime: longest.min(phase_limit),
    })
}

/// Configurations that are read from Vault, and whose Vault configuration is not there.
fn missing_sessions(configured: &[Configured], values: &Values<'_>) -> Vec<Problem> {
    let on: Vec<Option<&str>> = flags_on(values, providers::VAULT_FLAG, &mut Vec::new());
    let mut problems = Vec::new();
    for one in configured {
        let Grant::VaultRead(read) = one.configuration.grant() else { continue };
        if on.contains(&read.vault.as_ref().map(Tag::as_str)) {
            continue;
        }
        let (family, tag) = (one.family, one.tag.clone());
        problems.push(match &read.vault {
            None => Problem::VaultRequired { family, tag },
            Some(wanted) => {
                let tags = on.iter().map(|tag| tag.map(str::parse).transpose());
                let configured = tags.filter_map(Result::ok).collect();
                Problem::NoSuchVault { family, tag, wanted: wanted.to_string(), configured }
            }
        });
    }
    problems
}
