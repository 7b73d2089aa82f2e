//! The families and their options.

use super::families::{
    AwsOptions, AzureOptions, GcpOptions, HcpOptions, KubernetesOptions, TencentCloudOptions,
    VaultBackedAwsOptions, VaultBackedAzureOptions, VaultBackedGcpOptions, VaultOptions,
};

/// The family, with what it needs to know.
#[derive(Debug, Clone)]
pub enum FamilyOptions {
    /// Amazon Web Services.
    Aws(AwsOptions),
    /// Microsoft Entra and Azure.
    Azure(AzureOptions),
    /// Google Cloud.
    Gcp(GcpOptions),
    /// Vault and OpenBao.
    Vault(VaultOptions),
    /// Kubernetes.
    Kubernetes(KubernetesOptions),
    /// The HashiCorp Cloud Platform.
    Hcp(HcpOptions),
    /// Tencent Cloud.
    TencentCloud(TencentCloudOptions),
    /// AWS keys that Vault makes.
    VaultBackedAws(VaultBackedAwsOptions),
    /// Azure secrets that Vault makes.
    VaultBackedAzure(VaultBackedAzureOptions),
    /// Google credentials that Vault makes.
    VaultBackedGcp(VaultBackedGcpOptions),
}

/// Names of families, as commands and the API take them.
pub const FAMILIES: [&str; 10] = [
    "aws",
    "azure",
    "gcp",
    "vault",
    "kubernetes",
    "hcp",
    "tencentcloud",
    "vault-aws",
    "vault-azure",
    "vault-gcp",
];

impl FamilyOptions {
    /// The name of the family, as commands and the API take it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Aws(_) => "aws",
            Self::Azure(_) => "azure",
            Self::Gcp(_) => "gcp",
            Self::Vault(_) => "vault",
            Self::Kubernetes(_) => "kubernetes",
            Self::Hcp(_) => "hcp",
            Self::TencentCloud(_) => "tencentcloud",
            Self::VaultBackedAws(_) => "vault-aws",
            Self::VaultBackedAzure(_) => "vault-azure",
            Self::VaultBackedGcp(_) => "vault-gcp",
        }
    }

    /// Reads the options of a family, as the API takes them.
    ///
    /// # Errors
    ///
    /// There is no such family, or an option is unknown or of another type.
    pub fn parse(family: &str, options: serde_json::Value) -> Result<Self, String> {
        let options = if options.is_null() { serde_json::json!({}) } else { options };
        let read = match family {
            "aws" => serde_json::from_value(options).map(Self::Aws),
            "azure" => serde_json::from_value(options).map(Self::Azure),
            "gcp" => serde_json::from_value(options).map(Self::Gcp),
            "vault" => serde_json::from_value(options).map(Self::Vault),
            "kubernetes" => serde_json::from_value(options).map(Self::Kubernetes),
            "hcp" => serde_json::from_value(options).map(Self::Hcp),
            "tencentcloud" => serde_json::from_value(options).map(Self::TencentCloud),
            "vault-aws" => serde_json::from_value(options).map(Self::VaultBackedAws),
            "vault-azure" => serde_json::from_value(options).map(Self::VaultBackedAzure),
            "vault-gcp" => serde_json::from_value(options).map(Self::VaultBackedGcp),
            other => return Err(format!("{other:?} is not one of {}", FAMILIES.join(", "))),
        };
        read.map_err(|error| error.to_string())
    }
}
