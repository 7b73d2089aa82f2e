//! Claims that a token carries only where an organization, a project or a workspace asks for them.

use std::collections::BTreeMap;

use crate::{Phase, RunSource, Tag};

/// The most bytes that these claims add to a token: relying parties carry tokens in headers and limit them as a whole (AWS takes
/// 20000 characters of `WebIdentityToken`).
pub const MAX_EXTRA_CLAIM_BYTES: usize = 6 * 1024;

/// The claim by which AWS takes session tags out of a token.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>
const AWS_TAGS: &str = "https://aws.amazon.com/tags";

/// The most session tags, and the most characters of their keys and values.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html>
const AWS_LIMITS: (usize, usize, usize) = (50, 128, 256);

macro_rules! opt_in_claims {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $controlled:literal;)*) => {
        /// A claim, or a few that belong together, that must be asked for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum OptInClaim {
            $($(#[$doc])* $name,)*
        }

        impl OptInClaim {
            /// All of them, in the order in which they stand in tokens.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name by which it is asked for.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Who decides about the value.
            pub fn controlled_by(self) -> &'static str {
                match self {
                    $(Self::$name => $controlled,)*
                }
            }
        }
    };
}

opt_in_claims! {
    /// `terraform_run_source`: which kind of client made the run.
    RunSource = "run_source", "the server, by how the run was made; an API client may say that it is the Terraform CLI";
    /// `terraform_run_speculative`: whether the run can never be applied, as text.
    Speculative = "speculative", "whoever queues the run";
    /// `terraform_run_actor` and `terraform_run_actor_id`: who made the run.
    Actor = "actor", "the server, by the token that made the run";
    /// `terraform_run_approver` and `terraform_run_approver_id`: who confirmed the apply.
    Approver = "approver", "the server, by the token that confirmed the run; absent where the run approved itself";
    /// `terraform_workspace_tags`: an object of keys and values.
    WorkspaceTags = "workspace_tags", "administrators of the workspace and, for inherited tags, of its project";
    /// `https://aws.amazon.com/tags`: organization, project, workspace and phase as session tags.
    AwsSessionTags = "aws_session_tags", "the server: the same facts as in the other claims";
    /// The tags of the workspace as further session tags, each behind `workspace_tag:`.
    AwsWorkspaceTags = "aws_workspace_tags", "administrators of the workspace and, for inherited tags, of its project";
    /// `terraform_vcs_repository`.
    VcsRepository = "vcs_repository", "the server; absent, as it has no connections to version control";
    /// `terraform_vcs_branch`.
    VcsBranch = "vcs_branch", "whoever may push; absent, as the server has no connections to version control";
    /// `terraform_vcs_commit`.
    VcsCommit = "vcs_commit", "whoever may push; absent, as the server has no connections to version control";
    /// `terraform_vcs_fork`.
    VcsFork = "vcs_fork", "the server; absent, as it has no connections to version control";
}

impl OptInClaim {
    /// Whether this server can ever know it.
    pub fn is_known(self) -> bool {
        !matches!(self, Self::VcsRepository | Self::VcsBranch | Self::VcsCommit | Self::VcsFork)
    }
}

impl std::str::FromStr for OptInClaim {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|claim| claim.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|claim| claim.as_str()).collect();
            format!("{text:?} is none of the claims {}", known.join(", "))
        })
    }
}

/// The value of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimValue {
    /// A text.
    Text(String),
    /// An object of texts.
    Texts(BTreeMap<String, String>),
    /// What AWS takes as session tags.
    SessionTags {
        /// Keys and values.
        principal_tags: BTreeMap<String, String>,
        /// The keys that stay when one role assumes another.
        transitive_tag_keys: Vec<String>,
    },
}

/// What is known about a run when one of its tokens is made.
#[derive(Debug, Clone)]
pub struct ClaimFacts<'a> {
    /// Which kind of client made the run.
    pub source: RunSource,
    /// Whether it can never be applied.
    pub is_speculative: bool,
    /// Name and id of who made it.
    pub actor: Option<(&'a str, &'a str)>,
    /// Name and id of who confirmed it.
    pub approver: Option<(&'a str, &'a str)>,
    /// The tags that count for the workspace.
    pub tags: &'a [Tag],
    /// The names of organization, project and workspace.
    pub names: [&'a str; 3],
    /// The workspace's id.
    pub workspace_id: &'a str,
    /// The phase.
    pub phase: Phase,
}

impl ClaimFacts<'_> {
    /// The claims that are asked for and known, in their order; an error for tags that AWS would refuse.
    pub fn claims(&self, wanted: &[OptInClaim]) -> Result<Vec<(&'static str, ClaimValue)>, String> {
        let mut claims = Vec::new();
        let text = |text: &str| ClaimValue::Text(text.to_owned());
        let mut person = |found: Option<(&str, &str)>, name: &'static str, id: &'static str| {
            if let Some((person, person_id)) = found {
                claims.extend([(name, text(person)), (id, text(person_id))]);
            }
        };
        if wanted.contains(&OptInClaim::Actor) {
            person(self.actor, "terraform_run_actor", "terraform_run_actor_id");
        }
        if wanted.contains(&OptInClaim::Approver) && self.phase == Phase::Apply {
            person(self.approver, "terraform_run_approver", "terraform_run_approver_id");
        }
        if wanted.contains(&OptInClaim::RunSource) {
            claims.push(("terraform_run_source", text(self.source.as_str())));
        }
        if wanted.contains(&OptInClaim::Speculative) {
            let word = if self.is_speculative { "true" } else { "false" };
            claims.push(("terraform_run_speculative", text(word)));
        }
        if wanted.contains(&OptInClaim::WorkspaceTags) {
            let tags = self.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
            claims.push(("terraform_workspace_tags", ClaimValue::Texts(tags)));
        }
        let of_workspace = wanted.contains(&OptInClaim::AwsWorkspaceTags);
        if of_workspace || wanted.contains(&OptInClaim::AwsSessionTags) {
            claims.push((AWS_TAGS, self.session_tags(of_workspace)?));
        }
        Ok(claims)
    }

    /// The facts are transitive, so that no later session can say something else; tags of workspaces stand behind a prefix, so that
    /// none of them can stand for a fact.
    fn session_tags(&self, of_workspace: bool) -> Result<ClaimValue, String> {
        let [organization, project, workspace] = self.names;
        let facts = [
            ("terraform_organization_name", organization),
            ("terraform_project_name", project),
            ("terraform_workspace_name", workspace),
            ("terraform_workspace_id", self.workspace_id),
            ("terraform_run_phase", self.phase.as_str()),
        ];
        let mut principal_tags: BTreeMap<String, String> =
            facts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let transitive_tag_keys = principal_tags.keys().cloned().collect();
        for tag in self.tags.iter().filter(|_| of_workspace) {
            principal_tags.insert(format!("workspace_tag:{}", tag.key), tag.value.clone());
        }
        check_session_tags(&principal_tags)?;
        Ok(ClaimValue::SessionTags { principal_tags, transitive_tag_keys })
    }
}

/// AWS refuses the whole token when one of its tags is not to its liking.
fn check_session_tags(tags: &BTreeMap<String, String>) -> Result<(), String> {
    let (most, key_limit, value_limit) = AWS_LIMITS;
    if tags.len() > most {
        return Err(format!("AWS takes {most} session tags, and there would be {}", tags.len()));
    }
    let is_allowed = |one: char| one.is_alphanumeric() || one == ' ' || "_.:/=+-@".contains(one);
    let mut seen = BTreeMap::new();
    for (key, value) in tags {
        if key.chars().count() > key_limit || value.chars().count() > value_limit {
            return Err(format!(
                "AWS takes {key_limit} characters in the key of a session tag and {value_limit} in its value; {key} has more"
            ));
        }
        if !key.chars().chain(value.chars()).all(is_allowed) {
            return Err(format!(
                "AWS takes letters, numbers, spaces and _ . : / = + - @ in session tags; {key} has others"
            ));
        }
        if let Some(other) = seen.insert(key.to_lowercase(), key) {
            return Err(format!("AWS does not tell the session tags {other} and {key} apart"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts<'a>(tags: &'a [Tag], phase: Phase) -> ClaimFacts<'a> {
        ClaimFacts {
            source: RunSource::Cloud,
            is_speculative: true,
            actor: Some(("alice", "user-1")),
            approver: Some(("bob", "user-2")),
            tags,
            names: ["acme", "p", "net"],
            workspace_id: "ws-1",
            phase,
        }
    }

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.to_owned(), value: value.to_owned() }
    }

    fn names(claims: &[(&'static str, ClaimValue)]) -> Vec<&'static str> {
        claims.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn nothing_is_in_a_token_that_nobody_asked_for_or_nobody_knows() {
        let vcs: Vec<_> = OptInClaim::ALL.iter().copied().filter(|claim| !claim.is_known()).collect();
        for wanted in [&[][..], &vcs] {
            assert_eq!(facts(&[tag("a", "b")], Phase::Apply).claims(wanted), Ok(Vec::new()));
        }
        let mut unknown = facts(&[], Phase::Apply);
        (unknown.actor, unknown.approver) = (None, None);
        assert_eq!(unknown.claims(&[OptInClaim::Actor, OptInClaim::Approver]), Ok(Vec::new()));
    }

    #[test]
    fn an_approver_is_named_in_applies_only() {
        let wanted = [OptInClaim::Approver];
        assert_eq!(names(&facts(&[], Phase::Plan).claims(&wanted).unwrap()), Vec::<&str>::new());
        let names = names(&facts(&[], Phase::Apply).claims(&wanted).unwrap());
        assert_eq!(names, ["terraform_run_approver", "terraform_run_approver_id"]);
    }

    #[test]
    fn a_tag_of_a_workspace_cannot_stand_for_a_fact() {
        let tags = [tag("terraform_project_name", "prod"), tag("env", "")];
        let claims = facts(&tags, Phase::Plan).claims(&[OptInClaim::AwsWorkspaceTags]).unwrap();
        let [(AWS_TAGS, ClaimValue::SessionTags { principal_tags, transitive_tag_keys })] = &claims[..]
        else {
            panic!("{claims:?}");
        };
        assert_eq!(principal_tags["terraform_project_name"], "p");
        assert_eq!(principal_tags["workspace_tag:terraform_project_name"], "prod");
        assert!(transitive_tag_keys.iter().all(|key| key.starts_with("terraform_")));
        assert_eq!(principal_tags.len(), 7);
    }

    #[test]
    fn what_aws_would_refuse_is_told() {
        for tags in [
            vec![tag(&"k".repeat(120), "")],
            vec![tag("k", &"v".repeat(257))],
            vec![tag("k", "a;b")],
            vec![tag("Env", ""), tag("env", "")],
            (0..46).map(|number| tag(&format!("k{number}"), "")).collect(),
        ] {
            assert!(facts(&tags, Phase::Plan).claims(&[OptInClaim::AwsWorkspaceTags]).is_err(), "{tags:?}");
            assert!(facts(&tags, Phase::Plan).claims(&[OptInClaim::AwsSessionTags]).is_ok());
        }
    }

    #[test]
    fn names_read_what_they_write() {
        for claim in OptInClaim::ALL {
            assert_eq!(claim.as_str().parse(), Ok(*claim));
        }
        assert!("token".parse::<OptInClaim>().is_err());
    }
}
