//! Modules and providers of the private registry.

use std::str::FromStr;

use crate::{
    GpgKeyId, OrgId, RegistryModuleId, RegistryModuleVersionId, RegistryPlatformId, RegistryProviderId,
    RegistryProviderVersionId, Timestamp,
};

/// A name or a version that the registry cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegistryNameError {
    /// A module's name.
    #[error(
        "Name must have 1 to 64 letters, digits, underscores and dashes, and begin and end with a letter or a digit"
    )]
    Module,
    /// The provider that a module is for.
    #[error("Provider must have 1 to 64 small letters and digits")]
    ModuleProvider,
    /// A provider's name.
    #[error(
        "Name must have 1 to 64 small letters, digits and single dashes, and begin and end with a letter or a digit"
    )]
    Provider,
    /// A version.
    #[error("Version must be a semantic version, as in 1.2.3")]
    Version,
    /// An operating system or an architecture.
    #[error("must have 1 to 32 small letters, digits and underscores")]
    Platform,
    /// The name of a file.
    #[error("Filename must be the name of a zip file without a folder")]
    Filename,
    /// A SHA-256.
    #[error("Shasum must be a SHA-256 in 64 hex digits")]
    Checksum,
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $error:ident, |$text:ident| $check:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text as clients write it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = RegistryNameError;

            fn from_str($text: &str) -> Result<Self, RegistryNameError> {
                if $check { Ok(Self($text.to_owned())) } else { Err(RegistryNameError::$error) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// The name of a module.
    RegistryModuleName: Module, |text| {
        let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        bytes.len() <= 64
            && is_end(bytes.first())
            && is_end(bytes.last())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    /// The provider that a module is for.
    RegistryModuleProvider: ModuleProvider, |text| (1..=64).contains(&text.len()) && text.bytes().all(is_small);
    /// The name of a provider.
    RegistryProviderName: Provider, |text| {
        text.len() <= 64 && text.split('-').all(|part| !part.is_empty() && part.bytes().all(is_small))
    };
    /// An operating system or an architecture, as Go names it.
    PlatformName: Platform, |text| {
        (1..=32).contains(&text.len()) && text.bytes().all(|byte| is_small(byte) || byte == b'_')
    };
    /// The name of the archive of a provider.
    ArchiveFilename: Filename, |text| {
        text.len() <= 255
            && text.len() > ".zip".len()
            && text.ends_with(".zip")
            && !text.starts_with('.')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+'))
    };
    /// A SHA-256 in hex.
    Checksum: Checksum, |text| {
        text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
    };
}

fn is_small(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// A semantic version of a module or a provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryVersion(semver::Version);

impl FromStr for RegistryVersion {
    type Err = RegistryNameError;

    fn from_str(text: &str) -> Result<Self, RegistryNameError> {
        let version = text.strip_prefix('v').unwrap_or(text);
        match version.parse() {
            Ok(version) if text.len() <= 128 => Ok(Self(version)),
            Ok(_) | Err(_) => Err(RegistryNameError::Version),
        }
    }
}

impl std::fmt::Display for RegistryVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl RegistryVersion {
    /// Whether it precedes a release, as `1.0.0-beta` does.
    pub fn is_prerelease(&self) -> bool {
        !self.0.pre.is_empty()
    }
}

/// A module of the private registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryModule {
    /// The stable id.
    pub id: RegistryModuleId,
    /// The organization whose name is its namespace.
    pub organization_id: OrgId,
    /// Its name.
    pub name: RegistryModuleName,
    /// The provider that it is for.
    pub provider: RegistryModuleProvider,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it or a version of it last changed.
    pub updated_at: Timestamp,
}

/// Where a version of a module stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleVersionStatus {
    /// It waits for its archive.
    Pending,
    /// It can be installed.
    Ok,
    /// Its archive was refused.
    Failed,
}

impl ModuleVersionStatus {
    /// The status as clients read it and as it stands in a column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ok => "ok",
            Self::Failed => "reg_ingress_failed",
        }
    }
}

impl FromStr for ModuleVersionStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Pending, Self::Ok, Self::Failed];
        let found = all.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is not the status of a module's version"))
    }
}

/// A version of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryModuleVersion {
    /// The stable id.
    pub id: RegistryModuleVersionId,
    /// The module.
    pub registry_module_id: RegistryModuleId,
    /// The version.
    pub version: RegistryVersion,
    /// Where it stands.
    pub status: ModuleVersionStatus,
    /// The commit that it was made of, as its publisher says.
    pub commit_sha: Option<String>,
    /// The blob of its archive.
    pub archive_id: Option<String>,
    /// Why its archive was refused.
    pub error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A provider of the private registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryProvider {
    /// The stable id.
    pub id: RegistryProviderId,
    /// The organization whose name is its namespace.
    pub organization_id: OrgId,
    /// Its name.
    pub name: RegistryProviderName,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A version of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryProviderVersion {
    /// The stable id.
    pub id: RegistryProviderVersionId,
    /// The provider.
    pub registry_provider_id: RegistryProviderId,
    /// The version.
    pub version: RegistryVersion,
    /// The key that its checksums are signed with.
    pub key_id: String,
    /// The versions of the plugin protocol that it speaks.
    pub protocols: Vec<String>,
    /// The blob of its checksums.
    pub checksums_id: Option<String>,
    /// The blob of the signature of its checksums.
    pub signature_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A build of a provider's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryPlatform {
    /// The stable id.
    pub id: RegistryPlatformId,
    /// The version of the provider.
    pub registry_provider_version_id: RegistryProviderVersionId,
    /// The operating system.
    pub os: PlatformName,
    /// The architecture.
    pub arch: PlatformName,
    /// The name of the archive.
    pub filename: ArchiveFilename,
    /// The SHA-256 of the archive.
    pub checksum: Checksum,
    /// The blob of the archive.
    pub archive_id: Option<String>,
}

/// A key that checksums of providers are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpgKey {
    /// The stable id.
    pub id: GpgKeyId,
    /// The organization whose name is its namespace.
    pub organization_id: OrgId,
    /// The key id: the end of its fingerprint, in upper case hex.
    pub key_id: String,
    /// The public key in ASCII armor.
    pub armored: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: FromStr>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(text.parse::<T>().is_ok(), "{text:?}");
        }
        for text in bad {
            assert!(text.parse::<T>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_are_what_terraform_can_address() {
        check::<RegistryModuleName>(
            &["a", "vpc-2_x", "Net"],
            &["", "-a", "a-", "a.b", "a/b", "ä", &"x".repeat(65)],
        );
        check::<RegistryModuleProvider>(&["aws", "k8s"], &["", "AWS", "a-b", "a_b"]);
        check::<RegistryProviderName>(&["aws", "google-beta"], &["", "-a", "a-", "a--b", "A", "a_b"]);
        check::<PlatformName>(&["linux", "amd64"], &["", "Linux", "a/b", "a.b"]);
    }

    #[test]
    fn a_filename_leads_nowhere_else() {
        check::<ArchiveFilename>(
            &["terraform-provider-x_1.0.0_linux_amd64.zip"],
            &[".zip", "../x.zip", "a/b.zip", "x", "x y.zip"],
        );
        check::<Checksum>(&[&"9".repeat(64)], &["", &"A".repeat(64), &"9".repeat(63)]);
    }

    #[test]
    fn versions_are_ordered_by_meaning() {
        let version = |text: &str| text.parse::<RegistryVersion>().unwrap();
        assert!(version("1.10.0") > version("1.9.0"));
        assert!(version("1.0.0") > version("1.0.0-beta"));
        assert!(version("1.0.0-beta").is_prerelease() && !version("1.0.0").is_prerelease());
        assert_eq!(version("v1.2.3").to_string(), "1.2.3");
        check::<RegistryVersion>(&["0.0.1"], &["", "1", "1.2", "latest", "1.2.3.4", "../1.0.0"]);
    }
}
