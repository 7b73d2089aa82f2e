//! Families of credentials and the tags that tell their configurations apart.

use serde::{Deserialize, Serialize};

use crate::adapter_name::{AdapterName, AdapterNameError};

/// A family of credentials: one set of settings that leads to one kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FamilyName {
    /// The bare identity token, for whatever reads it.
    Plain,
    /// AWS, by web identity.
    Aws,
    /// Azure, by federated credential.
    Azure,
    /// Google Cloud, by workload identity federation.
    Gcp,
    /// Kubernetes and Helm, by bearer token.
    Kubernetes,
    /// HCP, by workload identity provider.
    Hcp,
    /// Tencent Cloud, by OIDC role.
    TencentCloud,
    /// Vault and OpenBao, by JWT login.
    Vault,
    /// AWS keys read from Vault.
    VaultBackedAws,
    /// Azure client secrets read from Vault.
    VaultBackedAzure,
    /// Google credentials read from Vault.
    VaultBackedGcp,
    /// A provider that a declarative adapter describes.
    Adapter(AdapterName),
}

impl FamilyName {
    /// Every family that is built in.
    pub const BUILT_IN: [Self; 11] = [
        Self::Plain,
        Self::Aws,
        Self::Azure,
        Self::Gcp,
        Self::Kubernetes,
        Self::Hcp,
        Self::TencentCloud,
        Self::Vault,
        Self::VaultBackedAws,
        Self::VaultBackedAzure,
        Self::VaultBackedGcp,
    ];

    /// The name as it stands in records and log fields.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Plain => "plain",
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
            Self::Kubernetes => "kubernetes",
            Self::Hcp => "hcp",
            Self::TencentCloud => "tencentcloud",
            Self::Vault => "vault",
            Self::VaultBackedAws => "vault_backed_aws",
            Self::VaultBackedAzure => "vault_backed_azure",
            Self::VaultBackedGcp => "vault_backed_gcp",
            Self::Adapter(name) => name.as_str(),
        }
    }

    /// The name as people read it.
    pub fn human(&self) -> &str {
        match self {
            Self::Plain => "workload identity token",
            Self::Aws => "AWS",
            Self::Azure => "Azure",
            Self::Gcp => "GCP",
            Self::Kubernetes => "Kubernetes",
            Self::Hcp => "HCP",
            Self::TencentCloud => "Tencent Cloud",
            Self::Vault => "Vault",
            Self::VaultBackedAws => "Vault-backed AWS",
            Self::VaultBackedAzure => "Vault-backed Azure",
            Self::VaultBackedGcp => "Vault-backed GCP",
            Self::Adapter(name) => name.as_str(),
        }
    }
}

impl std::str::FromStr for FamilyName {
    type Err = AdapterNameError;

    fn from_str(text: &str) -> Result<Self, AdapterNameError> {
        match Self::BUILT_IN.into_iter().find(|family| family.as_str() == text) {
            Some(family) => Ok(family),
            None => text.parse().map(Self::Adapter),
        }
    }
}

impl TryFrom<String> for FamilyName {
    type Error = AdapterNameError;

    fn try_from(text: String) -> Result<Self, AdapterNameError> {
        text.parse()
    }
}

impl From<FamilyName> for String {
    fn from(family: FamilyName) -> Self {
        family.as_str().to_owned()
    }
}

impl std::fmt::Display for FamilyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The tag of an alias: letters, numbers and underscores, case kept, never the reserved word `TYPE`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

/// A text that cannot be a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tag may only contain letters, numbers and underscores, and \"TYPE\" is reserved")]
pub struct TagError;

impl Tag {
    /// The tag as it stands in variable names, file names and map keys.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if text.is_empty() || !text.bytes().all(is_letter) || text.eq_ignore_ascii_case("TYPE") {
            return Err(TagError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Tag {
    type Error = TagError;

    fn try_from(text: String) -> Result<Self, TagError> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One configuration as messages name it: `AWS` or `AWS (tag "T")`.
pub(crate) fn titled(family: FamilyName, tag: Option<&Tag>) -> String {
    match tag {
        Some(tag) => format!("{} (tag \"{tag}\")", family.human()),
        None => family.human().to_owned(),
    }
}

impl FamilyName {
    /// The family that leads its group: all families of a group feed the same Terraform provider.
    pub(crate) fn group(self) -> Self {
        match self {
            Self::VaultBackedAws => Self::Aws,
            Self::VaultBackedAzure => Self::Azure,
            Self::VaultBackedGcp => Self::Gcp,
            Self::Plain
            | Self::Aws
            | Self::Azure
            | Self::Gcp
            | Self::Kubernetes
            | Self::Hcp
            | Self::TencentCloud
            | Self::Vault
            | Self::Adapter(_) => self,
        }
    }
}
