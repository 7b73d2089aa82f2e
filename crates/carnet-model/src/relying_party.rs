//! What relying parties take: how long a subject may be, and how many credentials one identity may trust.

use crate::MAX_SUBJECT_BYTES;

/// What a family's relying party takes of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectBudget {
    /// So many bytes, whatever was set up there.
    Always(usize),
    /// So many bytes where the subject is mapped as it is, which nobody on this side can know.
    WhenMapped(usize),
    /// No limit is documented beyond that of OpenID Connect.
    Undocumented,
}

/// What the relying party of a family takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelyingPartyBudget {
    /// The family, as in variables and reports.
    pub family: &'static str,
    /// The length of a subject.
    pub subject: SubjectBudget,
    /// How many federated credentials, each of one exact subject, one identity may have.
    pub credentials: Option<u32>,
    /// Where the vendor says it.
    pub source: &'static str,
}

/// The budgets of all families that Carnet hands tokens to.
pub const BUDGETS: [RelyingPartyBudget; 7] = [
    RelyingPartyBudget {
        family: "aws",
        subject: SubjectBudget::Undocumented,
        credentials: None,
        source: "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html",
    },
    RelyingPartyBudget {
        family: "azure",
        subject: SubjectBudget::Always(600),
        credentials: Some(20),
        source: "https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation-considerations",
    },
    RelyingPartyBudget {
        family: "gcp",
        subject: SubjectBudget::WhenMapped(127),
        credentials: None,
        source: "https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers",
    },
    RelyingPartyBudget {
        family: "vault",
        subject: SubjectBudget::Undocumented,
        credentials: None,
        source: "https://openbao.org/api-docs/auth/jwt/",
    },
    RelyingPartyBudget {
        family: "kubernetes",
        subject: SubjectBudget::Undocumented,
        credentials: None,
        source: "https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration",
    },
    RelyingPartyBudget {
        family: "hcp",
        subject: SubjectBudget::Undocumented,
        credentials: None,
        source: "https://developer.hashicorp.com/hcp/docs/hcp/iam/service-principal/workload-identity-federation",
    },
    RelyingPartyBudget {
        family: "tencentcloud",
        subject: SubjectBudget::Undocumented,
        credentials: None,
        source: "https://www.tencentcloud.com/document/product/1219/49700",
    },
];

/// What is said where a name or a template leads to this subject: families whose relying party may refuse it, and the way out.
pub fn subject_warnings(subject: &str) -> Vec<String> {
    let bytes = subject.len();
    BUDGETS
        .iter()
        .filter_map(|budget| match budget.subject {
            SubjectBudget::Always(limit) if bytes > limit => Some(format!(
                "the subject {subject} has {bytes} bytes, and the relying party of {} takes {limit}; the subject template `short` \
                 makes shorter ones",
                budget.family
            )),
            SubjectBudget::WhenMapped(limit) if bytes > limit => Some(format!(
                "the subject {subject} has {bytes} bytes: {} takes {limit} where a pool maps google.subject to assertion.sub; \
                 shorten a name, use the subject template `short`, or map assertion.terraform_workspace_id and \
                 assertion.terraform_run_phase instead",
                budget.family
            )),
            SubjectBudget::Always(_) | SubjectBudget::WhenMapped(_) | SubjectBudget::Undocumented => None,
        })
        .collect()
}

/// Why no token may carry this subject; only values that nobody limits, tags, can make it so long.
pub fn refuse_subject(subject: &str) -> Result<(), String> {
    if subject.len() <= MAX_SUBJECT_BYTES {
        return Ok(());
    }
    Err(format!(
        "the subject of the token would have {} bytes, and OpenID Connect allows {MAX_SUBJECT_BYTES}; shorten the tag or leave tag:{{tag}} \
         out of the subject template",
        subject.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SubjectTemplate;

    #[test]
    fn only_google_has_less_room_than_the_longest_subject_of_a_template() {
        for budget in BUDGETS {
            let limit = match budget.subject {
                SubjectBudget::Always(limit) => limit,
                SubjectBudget::WhenMapped(limit) => {
                    assert_eq!(budget.family, "gcp");
                    let short: SubjectTemplate = SubjectTemplate::SHORT.parse().unwrap();
                    assert!(short.longest() <= limit);
                    continue;
                }
                SubjectBudget::Undocumented => continue,
            };
            assert!(limit >= MAX_SUBJECT_BYTES, "{}", budget.family);
        }
    }

    #[test]
    fn a_long_subject_is_warned_of_with_the_way_out() {
        assert!(subject_warnings(&"a".repeat(127)).is_empty());
        let warnings = subject_warnings(&"a".repeat(128));
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("128 bytes: gcp takes 127") && warnings[0].contains("`short`"));
        assert_eq!(subject_warnings(&"a".repeat(601)).len(), 2);
    }

    #[test]
    fn what_openid_connect_does_not_allow_is_refused() {
        assert!(refuse_subject(&"a".repeat(255)).is_ok());
        assert!(refuse_subject(&"a".repeat(256)).unwrap_err().contains("256 bytes"));
    }
}
