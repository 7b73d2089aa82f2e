//! The relying parties whose rules are known.

use serde_json::Value;

/// A relying party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// A role of AWS IAM, with its OIDC provider.
    Aws,
    /// Federated credentials of Microsoft Entra.
    Azure,
    /// A workload identity pool provider of Google Cloud.
    Gcp,
    /// A role of the JWT auth method of Vault or OpenBao.
    Vault,
    /// Structured authentication of a Kubernetes API server.
    Kubernetes,
}

/// A family that has no evaluator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a family that can be checked: aws, azure, gcp, vault and kubernetes are; HCP and Tencent Cloud do not document \
     how they evaluate a condition"
)]
pub struct UnknownFamily(String);

impl Family {
    /// Every family.
    pub const ALL: [Self; 5] = [Self::Aws, Self::Azure, Self::Gcp, Self::Vault, Self::Kubernetes];

    /// The name on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
            Self::Vault => "vault",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// The name of the service in a sentence.
    pub fn service(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Azure => "Entra",
            Self::Gcp => "Google Cloud",
            Self::Vault => "Vault",
            Self::Kubernetes => "Kubernetes",
        }
    }

    /// The variable that says which audience tokens get.
    pub fn audience_variable(self) -> &'static str {
        match self {
            Self::Aws => "TFC_AWS_WORKLOAD_IDENTITY_AUDIENCE",
            Self::Azure => "TFC_AZURE_WORKLOAD_IDENTITY_AUDIENCE",
            Self::Gcp => "TFC_GCP_WORKLOAD_IDENTITY_AUDIENCE",
            Self::Vault => "TFC_VAULT_WORKLOAD_IDENTITY_AUDIENCE",
            Self::Kubernetes => "TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE",
        }
    }

    /// The variables that name the role of one phase, for a token that was presented to the other phase's role.
    pub fn phase_variables(self) -> &'static str {
        match self {
            Self::Aws => "TFC_AWS_PLAN_ROLE_ARN and TFC_AWS_APPLY_ROLE_ARN",
            Self::Azure => "TFC_AZURE_PLAN_CLIENT_ID and TFC_AZURE_APPLY_CLIENT_ID",
            Self::Gcp => "TFC_GCP_PLAN_SERVICE_ACCOUNT_EMAIL and TFC_GCP_APPLY_SERVICE_ACCOUNT_EMAIL",
            Self::Vault => "TFC_VAULT_PLAN_ROLE and TFC_VAULT_APPLY_ROLE",
            Self::Kubernetes => "the bindings of the two users",
        }
    }

    /// The family that a document is of, told by its members.
    pub fn of(policy: &Value) -> Option<Self> {
        let has = |value: &Value, name: &str| value.get(name).is_some();
        let one = policy.get("data").filter(|data| data.is_object()).unwrap_or(policy);
        if has(policy, "Statement") || has(policy, "Role") || has(policy, "AssumeRolePolicyDocument") {
            Some(Self::Aws)
        } else if has(policy, "jwt") && !has(policy, "role_type") {
            Some(Self::Kubernetes)
        } else if ["attributeMapping", "attributeCondition", "oidc"].iter().any(|name| has(policy, name)) {
            Some(Self::Gcp)
        } else if ["bound_claims", "bound_audiences", "bound_subject", "role_type", "user_claim"]
            .iter()
            .any(|name| has(one, name))
        {
            Some(Self::Vault)
        } else {
            let list = policy.get("value").unwrap_or(policy);
            let first = list.as_array().map_or(Some(list), |list| list.first());
            let is_azure = first.is_some_and(|first| has(first, "issuer") && has(first, "audiences"));
            is_azure.then_some(Self::Azure)
        }
    }
}

impl std::str::FromStr for Family {
    type Err = UnknownFamily;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let alias = match text {
            "entra" | "azuread" => "azure",
            "google" => "gcp",
            "openbao" => "vault",
            "k8s" => "kubernetes",
            other => other,
        };
        Self::ALL
            .into_iter()
            .find(|family| family.as_str() == alias)
            .ok_or_else(|| UnknownFamily(text.to_owned()))
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
