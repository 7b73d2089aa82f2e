//! What a configuration presents to its provider, as far as a person may see it.

use carnet_model::Phase;

use crate::{
    exchange::claims::Claims,
    family::{FamilyName, Tag, titled},
    lexicon::variable_name,
    provider_env::ProviderEnv,
    resolve::Configured,
};

/// A token that is handed over, and what it is to be traded for.
#[derive(Debug, Clone)]
pub(crate) struct Presented {
    pub(crate) family: FamilyName,
    pub(crate) tag: Option<Tag>,
    /// The role or account.
    pub(crate) role: Option<String>,
    /// The workload identity provider, where its name is a part of the exchange.
    pub(crate) identity_provider: Option<String>,
    /// The claims of the newest token.
    pub(crate) claims: Claims,
    /// What the workspace tells Terraform's own providers.
    pub(crate) env: ProviderEnv,
}

impl Presented {
    pub(crate) fn new(configured: &Configured, claims: Claims, env: &ProviderEnv) -> Self {
        Self {
            family: configured.family,
            tag: configured.tag.clone(),
            role: configured.configuration.role().map(str::to_owned),
            identity_provider: configured.configuration.identity_provider(),
            claims,
            env: env.clone(),
        }
    }

    /// The configuration as messages name it.
    pub(crate) fn title(&self) -> String {
        titled(self.family, self.tag.as_ref())
    }

    /// The role or account, or a word for it.
    pub(crate) fn role(&self) -> &str {
        self.role.as_deref().unwrap_or("(none)")
    }

    /// The claim `iss`.
    pub(crate) fn issuer(&self) -> &str {
        self.claims.iss.as_deref().unwrap_or_default()
    }

    /// The claim `sub`.
    pub(crate) fn subject(&self) -> &str {
        self.claims.sub.as_deref().unwrap_or_default()
    }

    /// The claim `aud`.
    pub(crate) fn audience(&self) -> &str {
        self.claims.aud.as_deref().unwrap_or_default()
    }

    /// The issuer without its scheme, as AWS and Kubernetes name it.
    pub(crate) fn issuer_host(&self) -> &str {
        self.issuer().trim_start_matches("https://")
    }

    /// The variable that holds a setting for this configuration.
    pub(crate) fn variable(&self, base: &str) -> String {
        variable_name(base, self.tag.as_ref().map(Tag::as_str))
    }

    /// The variables that can name the role, the phase's own first.
    pub(crate) fn role_variables(&self, family: &str, what: &str) -> String {
        let phases = match self.phase() {
            Some(phase) => vec![phase_word(phase), "RUN"],
            None => vec!["RUN"],
        };
        let names = phases.iter().map(|phase| self.variable(&format!("{family}_{phase}_{what}")));
        names.collect::<Vec<_>>().join(" or ")
    }

    /// What to do when a role belongs to others; opening it would let every plan do what an apply may do.
    pub(crate) fn own_role_first(&self, family: &str, what: &str) -> String {
        let (plan, apply) = (
            self.variable(&format!("{family}_PLAN_{what}")),
            self.variable(&format!("{family}_APPLY_{what}")),
        );
        match self.phase() {
            Some(phase) => format!(
                "if {} belongs to another phase or workspace, give the {phase} its own with {plan} and {apply}; only if \
                 it is meant for this workspace and this phase,",
                self.role()
            ),
            None => format!("only if {} is meant for this token,", self.role()),
        }
    }

    fn phase(&self) -> Option<Phase> {
        self.subject().rsplit_once(":run_phase:")?.1.parse().ok()
    }
}

fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Plan => "PLAN",
        Phase::Apply => "APPLY",
    }
}
