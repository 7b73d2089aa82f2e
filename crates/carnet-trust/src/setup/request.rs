//! What trust is asked for.

use carnet_model::{OrgName, Phase, ProjectName, WorkspaceName};

use super::family_options::FamilyOptions;

/// Everything that the trust depends on.
#[derive(Debug, Clone)]
pub struct TrustRequest {
    /// The issuer of identity tokens, as in the claim `iss`.
    pub issuer: String,
    /// The address of the application, for the API and the `tfe` provider.
    pub application: String,
    /// The certificate authority of the issuer, PEM, where it is not publicly trusted.
    pub issuer_ca: Option<String>,
    /// The key set of the issuer as JSON, for relying parties that cannot or shall not fetch it.
    pub issuer_keys: Option<String>,
    /// The organization.
    pub organization: OrgName,
    /// The project.
    pub project: ProjectName,
    /// The workspace, unless the scope is wider.
    pub workspace: Option<WorkspaceName>,
    /// The id of the workspace, where it is known.
    pub workspace_id: Option<String>,
    /// Whose runs are trusted.
    pub scope: Scope,
    /// Which phases are trusted.
    pub phases: Phases,
    /// The tag of the configuration, for several of one family.
    pub tag: Option<String>,
    /// The subjects of the tokens, where they are not those of HCP Terraform.
    pub subjects: Subjects,
    /// The audience of the tokens, where it is not the family's own.
    pub audience: Option<String>,
    /// The relying party knows the issuer already: only what belongs to this trust is made.
    pub knows_issuer: bool,
    /// What becomes of the variables of the workspace.
    pub variables: Variables,
    /// The family and what it needs to know.
    pub family: FamilyOptions,
}

/// What becomes of the variables of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variables {
    /// They are written into the workspace, or into a variable set for a wider scope.
    #[default]
    Write,
    /// They are shown only: somebody else writes them.
    Show,
}

impl std::str::FromStr for Variables {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "write" => Ok(Self::Write),
            "show" => Ok(Self::Show),
            other => Err(format!("{other:?} is not write or show")),
        }
    }
}

impl TrustRequest {
    /// Whose runs are trusted, in words.
    pub(super) fn whose(&self) -> String {
        let Self { organization, project, .. } = self;
        let workspace = self.workspace.as_ref().map(WorkspaceName::as_str).unwrap_or_default();
        let phases = match self.phases {
            Phases::Plan => ", plans only",
            Phases::Apply => ", applies only",
            Phases::Both => "",
        };
        match self.scope {
            Scope::Workspace => format!("{organization}/{workspace} (project {project}){phases}"),
            Scope::Project => format!("every workspace of {organization}, project {project}{phases}"),
            Scope::Organization => format!("every workspace of {organization}{phases}"),
        }
    }
}

/// Whose runs are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// One workspace.
    #[default]
    Workspace,
    /// Every workspace of the project, also those that do not exist yet.
    Project,
    /// Every workspace of the organization, in any project.
    Organization,
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "workspace" => Ok(Self::Workspace),
            "project" => Ok(Self::Project),
            "organization" => Ok(Self::Organization),
            other => Err(format!("{other:?} is not workspace, project or organization")),
        }
    }
}

/// Which phases are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phases {
    /// Plans only.
    Plan,
    /// Applies only.
    Apply,
    /// Both, each as an identity of its own.
    #[default]
    Both,
}

impl Phases {
    /// The phases, one after another.
    pub fn each(self) -> &'static [Phase] {
        match self {
            Self::Plan => &[Phase::Plan],
            Self::Apply => &[Phase::Apply],
            Self::Both => &[Phase::Plan, Phase::Apply],
        }
    }
}

impl std::str::FromStr for Phases {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "plan" => Ok(Self::Plan),
            "apply" => Ok(Self::Apply),
            "both" => Ok(Self::Both),
            other => Err(format!("{other:?} is not plan, apply or both")),
        }
    }
}

/// The subjects of tokens, where they are not those of HCP Terraform.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subjects {
    /// The subject of plans.
    pub plan: Option<String>,
    /// The subject of applies.
    pub apply: Option<String>,
}

/// How the trust is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrustFormat {
    /// A configuration of Terraform.
    #[default]
    Terraform,
    /// Commands of the provider's own command line, in a script that may be run again.
    Cli,
    /// The policy documents, requests and variables, as one JSON object.
    Json,
}

impl TrustFormat {
    /// The name of the format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::Cli => "cli",
            Self::Json => "json",
        }
    }
}

impl std::str::FromStr for TrustFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "terraform" => Ok(Self::Terraform),
            "cli" => Ok(Self::Cli),
            "json" => Ok(Self::Json),
            other => Err(format!("{other:?} is not terraform, cli or json")),
        }
    }
}

/// Why no trust can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// An option has a value that cannot be.
    #[error("{option}: {reason}")]
    Option {
        /// The option, as the command line names it.
        option: &'static str,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// The relying party cannot do what is asked for.
    #[error("{0}")]
    Impossible(String),
}

impl SetupError {
    pub(super) fn option(option: &'static str, reason: impl Into<String>) -> Self {
        Self::Option { option, reason: reason.into() }
    }
}

/// Refuses what no family could use.
pub(super) fn check(request: &TrustRequest) -> Result<(), SetupError> {
    for (option, address) in [("--url", &request.issuer), ("--app-url", &request.application)] {
        let is_plain = address.chars().all(|one| one.is_ascii_graphic() && !"\"'\\$`;&|<>()".contains(one));
        let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
        if !is_plain || host.is_none_or(str::is_empty) || address.ends_with('/') {
            let reason = "an address looks like https://carnet.example.org, without a slash at its end";
            return Err(SetupError::option(option, reason));
        }
    }
    if let Some(tag) = &request.tag {
        let is_tag = !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_tag || tag.eq_ignore_ascii_case("TYPE") {
            let reason = "a tag has letters, digits and underscores, and is not TYPE";
            return Err(SetupError::option("--tag", reason));
        }
    }
    let Subjects { plan, apply } = &request.subjects;
    if plan.is_some() && plan == apply {
        let reason = "plan and apply have subjects of their own: with one for both, whatever an apply may do every plan may";
        return Err(SetupError::option("--subject-apply", reason));
    }
    for (subject, other, option) in
        [(plan, Phases::Apply, "--subject-plan"), (apply, Phases::Plan, "--subject-apply")]
    {
        if subject.is_some() && request.phases == other {
            return Err(SetupError::option(
                option,
                "the trust is asked for the other phase alone: see --phase",
            ));
        }
    }
    if request.audience.as_deref().is_some_and(str::is_empty) {
        return Err(SetupError::option(
            "--audience",
            "an audience is not empty; leave it out for the usual one",
        ));
    }
    Ok(())
}
