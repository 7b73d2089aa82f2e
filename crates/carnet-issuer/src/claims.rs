//! The claims of a token: those of HCP Terraform, in the order of its documented sample.

use std::collections::BTreeMap;

use carnet_model::{ClaimValue, ModuleTestIdentity, Phase, WorkloadIdentity};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use crate::{Audience, IssuerUrl, Jti};

/// How long before its issue a token is valid, for relying parties whose clocks are behind.
pub(crate) const NOT_BEFORE_SECONDS: i64 = 30;

/// The claims of one run of a workspace.
#[derive(Serialize)]
pub(crate) struct WorkspaceClaims<'a> {
    jti: Jti,
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    sub: &'a str,
    terraform_organization_id: &'a str,
    terraform_organization_name: &'a str,
    terraform_project_id: &'a str,
    terraform_project_name: &'a str,
    terraform_workspace_id: &'a str,
    terraform_workspace_name: &'a str,
    terraform_full_workspace: String,
    terraform_run_id: &'a str,
    terraform_run_phase: &'static str,
    #[serde(flatten)]
    extra: ExtraClaims<'a>,
}

/// Claims that were asked for, behind those that every token has.
struct ExtraClaims<'a>(&'a [(&'static str, ClaimValue)]);

impl Serialize for ExtraClaims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            match value {
                ClaimValue::Text(text) => map.serialize_entry(name, text)?,
                ClaimValue::Texts(texts) => map.serialize_entry(name, texts)?,
                ClaimValue::SessionTags { principal_tags, transitive_tag_keys } => {
                    // AWS takes lists of one value.
                    let principal_tags: BTreeMap<_, _> =
                        principal_tags.iter().map(|(key, value)| (key, [value])).collect();
                    map.serialize_entry(name, &SessionTags { principal_tags, transitive_tag_keys })?;
                }
            }
        }
        map.end()
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>
#[derive(Serialize)]
struct SessionTags<'a> {
    principal_tags: BTreeMap<&'a String, [&'a String; 1]>,
    transitive_tag_keys: &'a [String],
}

/// The claims of a test run of a module.
#[derive(Serialize)]
struct ModuleTestClaims<'a> {
    jti: Jti,
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    sub: &'a str,
    terraform_organization_id: &'a str,
    terraform_organization_name: &'a str,
    terraform_run_id: &'a str,
    terraform_run_phase: &'static str,
}

/// A run whose subject a template makes, with claims that were asked for.
#[derive(Debug, Clone, Copy)]
pub struct Presentation<'a> {
    /// The run.
    pub identity: &'a WorkloadIdentity,
    /// The claim `sub`.
    pub subject: &'a str,
    /// Further claims, behind those that every token has.
    pub extra_claims: &'a [(&'static str, ClaimValue)],
}

/// Whom a token is for: a run of a workspace, or a test run of a module.
#[derive(Debug, Clone, Copy)]
pub enum Workload<'a> {
    /// A run of a workspace.
    Run(&'a WorkloadIdentity),
    /// The same with a subject and claims of its own.
    Presented(Presentation<'a>),
    /// A test run of a module.
    ModuleTest(&'a ModuleTestIdentity),
}

impl<'a> From<&'a WorkloadIdentity> for Workload<'a> {
    fn from(identity: &'a WorkloadIdentity) -> Self {
        Self::Run(identity)
    }
}

impl<'a> From<Presentation<'a>> for Workload<'a> {
    fn from(presentation: Presentation<'a>) -> Self {
        Self::Presented(presentation)
    }
}

impl<'a> From<&'a ModuleTestIdentity> for Workload<'a> {
    fn from(identity: &'a ModuleTestIdentity) -> Self {
        Self::ModuleTest(identity)
    }
}

impl Workload<'_> {
    /// The claim `sub`.
    pub fn subject(&self) -> String {
        match self {
            Self::Run(identity) => identity.subject(),
            Self::Presented(presentation) => presentation.subject.to_owned(),
            Self::ModuleTest(identity) => identity.subject(),
        }
    }

    /// The claims as the bytes that are signed.
    pub(crate) fn claims(&self, token: &TokenFacts<'_>) -> Vec<u8> {
        match self {
            Self::Run(identity) => WorkspaceClaims::new(token, identity).to_json(),
            Self::Presented(presentation) => WorkspaceClaims {
                extra: ExtraClaims(presentation.extra_claims),
                ..WorkspaceClaims::new(token, presentation.identity)
            }
            .to_json(),
            Self::ModuleTest(identity) => json(&ModuleTestClaims {
                jti: token.jti,
                iss: token.issuer.as_str(),
                aud: token.audience.as_str(),
                iat: token.issued_at,
                nbf: token.issued_at - NOT_BEFORE_SECONDS,
                exp: token.expires_at,
                sub: token.subject,
                terraform_organization_id: identity.organization_id.as_str(),
                terraform_organization_name: identity.organization_name.as_str(),
                terraform_run_id: identity.run_id.as_str(),
                terraform_run_phase: Phase::Plan.as_str(),
            }),
        }
    }
}

fn json(claims: &impl Serialize) -> Vec<u8> {
    let mut json = Vec::with_capacity(1024);
    serde_json::to_writer(&mut json, claims).expect("texts and numbers can always be written as JSON");
    json
}

/// What the claims of a token say about the token itself.
pub(crate) struct TokenFacts<'a> {
    pub(crate) jti: Jti,
    pub(crate) issuer: &'a IssuerUrl,
    pub(crate) audience: &'a Audience,
    pub(crate) subject: &'a str,
    pub(crate) issued_at: i64,
    pub(crate) expires_at: i64,
}

impl<'a> WorkspaceClaims<'a> {
    pub(crate) fn new(token: &TokenFacts<'a>, identity: &'a WorkloadIdentity) -> Self {
        Self {
            jti: token.jti,
            iss: token.issuer.as_str(),
            aud: token.audience.as_str(),
            iat: token.issued_at,
            nbf: token.issued_at - NOT_BEFORE_SECONDS,
            exp: token.expires_at,
            sub: token.subject,
            terraform_organization_id: identity.organization_id.as_str(),
            terraform_organization_name: identity.organization_name.as_str(),
            terraform_project_id: identity.project_id.as_str(),
            terraform_project_name: identity.project_name.as_str(),
            terraform_workspace_id: identity.workspace_id.as_str(),
            terraform_workspace_name: identity.workspace_name.as_str(),
            terraform_full_workspace: identity.full_workspace(),
            terraform_run_id: identity.run_id.as_str(),
            terraform_run_phase: identity.phase.as_str(),
            extra: ExtraClaims(&[]),
        }
    }

    /// The claims as the bytes that are signed.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        json(self)
    }
}

#[cfg(test)]
mod tests {
    use carnet_model::Phase;

    use super::*;
    use crate::fixture;

    #[track_caller]
    fn check(phase: Phase, expected: &str) {
        let identity = fixture::identity(phase);
        let claims = WorkspaceClaims::new(
            &TokenFacts {
                jti: Jti::from_entropy([0xab; 16]),
                issuer: &fixture::issuer_url(),
                audience: &fixture::audience(),
                subject: &identity.subject(),
                issued_at: 1_700_000_000,
                expires_at: 1_700_000_600,
            },
            &identity,
        )
        .to_json();
        assert_eq!(String::from_utf8(claims).expect("text"), expected);
    }

    #[test]
    fn the_claims_of_a_plan_are_those_of_hcp_terraform() {
        check(
            Phase::Plan,
            concat!(
                r#"{"jti":"abababab-abab-4bab-abab-abababababab","iss":"https://carnet.example.com","#,
                r#""aud":"aws.workload.identity","iat":1700000000,"nbf":1699999970,"exp":1700000600,"#,
                r#""sub":"organization:acme:project:Default Project:workspace:net-prod:run_phase:plan","#,
                r#""terraform_organization_id":"org-GRNbCjYNpBB6NEBH","terraform_organization_name":"acme","#,
                r#""terraform_project_id":"prj-vegSA59s1XPwMr2t","terraform_project_name":"Default Project","#,
                r#""terraform_workspace_id":"ws-mbsd5E3Ktt5Rg2Xm","terraform_workspace_name":"net-prod","#,
                r#""terraform_full_workspace":"organization:acme:project:Default Project:workspace:net-prod","#,
                r#""terraform_run_id":"run-X3n1AUXNGWbfECsJ","terraform_run_phase":"plan"}"#,
            ),
        );
    }

    #[test]
    fn claims_that_were_asked_for_stand_behind_those_of_hcp_terraform() {
        let identity = fixture::identity(Phase::Plan);
        let texts = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let extra = [
            ("terraform_run_source", ClaimValue::Text("tfe-api".to_owned())),
            ("terraform_workspace_tags", ClaimValue::Texts(texts(&[("env", "prod"), ("flat", "")]))),
            (
                "https://aws.amazon.com/tags",
                ClaimValue::SessionTags {
                    principal_tags: texts(&[("terraform_run_phase", "plan")]),
                    transitive_tag_keys: vec!["terraform_run_phase".to_owned()],
                },
            ),
        ];
        let (issuer, audience) = (fixture::issuer_url(), fixture::audience());
        let facts = |subject| TokenFacts {
            jti: Jti::from_entropy([0xab; 16]),
            issuer: &issuer,
            audience: &audience,
            subject,
            issued_at: 1_700_000_000,
            expires_at: 1_700_000_600,
        };
        let of = |extra_claims| {
            let workload = Workload::from(Presentation { identity: &identity, subject: "s", extra_claims });
            assert_eq!(workload.subject(), "s");
            String::from_utf8(workload.claims(&facts("s"))).expect("text")
        };
        let plain = String::from_utf8(Workload::from(&identity).claims(&facts("s"))).expect("text");
        assert_eq!(of(&[]), plain, "without them nothing changes");
        let start = plain.strip_suffix('}').expect("an object");
        assert_eq!(
            of(&extra).strip_prefix(start).expect("the same start"),
            concat!(
                r#","terraform_run_source":"tfe-api","terraform_workspace_tags":{"env":"prod","flat":""},"#,
                r#""https://aws.amazon.com/tags":{"principal_tags":{"terraform_run_phase":["plan"]},"#,
                r#""transitive_tag_keys":["terraform_run_phase"]}}"#,
            ),
        );
    }

    #[test]
    fn vector_56_the_claims_of_a_module_test_name_no_workspace() {
        let identity = ModuleTestIdentity {
            organization_id: "org-GRNbCjYNpBB6NEBH".parse().expect("an id"),
            organization_name: "acme".parse().expect("a name"),
            module_name: "m".parse().expect("a name"),
            run_id: "trun-X3n1AUXNGWbfECsJ".parse().expect("an id"),
        };
        let workload = Workload::from(&identity);
        let claims = workload.claims(&TokenFacts {
            jti: Jti::from_entropy([0xab; 16]),
            issuer: &fixture::issuer_url(),
            audience: &"gcp.workload.identity".parse().expect("an audience"),
            subject: &workload.subject(),
            issued_at: 1_700_000_000,
            expires_at: 1_700_000_600,
        });
        assert_eq!(
            String::from_utf8(claims).expect("text"),
            concat!(
                r#"{"jti":"abababab-abab-4bab-abab-abababababab","iss":"https://carnet.example.com","#,
                r#""aud":"gcp.workload.identity","iat":1700000000,"nbf":1699999970,"exp":1700000600,"#,
                r#""sub":"organization:acme:module:m:operation:test_run","#,
                r#""terraform_organization_id":"org-GRNbCjYNpBB6NEBH","terraform_organization_name":"acme","#,
                r#""terraform_run_id":"trun-X3n1AUXNGWbfECsJ","terraform_run_phase":"plan"}"#,
            ),
        );
    }

    #[test]
    fn the_claims_of_an_apply_differ_in_phase_and_subject_only() {
        check(
            Phase::Apply,
            concat!(
                r#"{"jti":"abababab-abab-4bab-abab-abababababab","iss":"https://carnet.example.com","#,
                r#""aud":"aws.workload.identity","iat":1700000000,"nbf":1699999970,"exp":1700000600,"#,
                r#""sub":"organization:acme:project:Default Project:workspace:net-prod:run_phase:apply","#,
                r#""terraform_organization_id":"org-GRNbCjYNpBB6NEBH","terraform_organization_name":"acme","#,
                r#""terraform_project_id":"prj-vegSA59s1XPwMr2t","terraform_project_name":"Default Project","#,
                r#""terraform_workspace_id":"ws-mbsd5E3Ktt5Rg2Xm","terraform_workspace_name":"net-prod","#,
                r#""terraform_full_workspace":"organization:acme:project:Default Project:workspace:net-prod","#,
                r#""terraform_run_id":"run-X3n1AUXNGWbfECsJ","terraform_run_phase":"apply"}"#,
            ),
        );
    }
}
