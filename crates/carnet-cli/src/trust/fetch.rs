//! Policies read from the service itself, with the credentials of the caller.

mod vault;
mod vendor;

use std::str::FromStr;

use carnet_trust::check::Trust;

use crate::edge;

/// Where a policy is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A role of a JWT auth mount.
    Vault { mount: String, role: String },
    /// A role of IAM.
    Aws { role: String },
    /// The federated credentials of an application.
    Azure { client_id: String },
    /// A provider of a workload identity pool.
    Gcp { project: String, pool: String, provider: String },
}

impl FromStr for Source {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORMS: &str = "what can be fetched is vault:MOUNT/ROLE, aws:ROLE, azure:CLIENT_ID and gcp:PROJECT/POOL/PROVIDER, \
                             such as vault:jwt/net-plan";
        let (family, path) = text.split_once(':').ok_or(FORMS)?;
        let parts: Vec<&str> = path.split('/').collect();
        if !parts.iter().copied().all(is_name) {
            return Err(FORMS);
        }
        match (family, parts.as_slice()) {
            ("vault", [mount @ .., role]) if !mount.is_empty() => {
                Ok(Self::Vault { mount: mount.join("/"), role: (*role).to_owned() })
            }
            ("aws", [role]) => Ok(Self::Aws { role: (*role).to_owned() }),
            ("azure", [client]) => Ok(Self::Azure { client_id: (*client).to_owned() }),
            ("gcp", [project, pool, provider]) => Ok(Self::Gcp {
                project: (*project).to_owned(),
                pool: (*pool).to_owned(),
                provider: (*provider).to_owned(),
            }),
            _ => Err(FORMS),
        }
    }
}

/// No name is an option of a command, or leads to another path.
fn is_name(text: &str) -> bool {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "-_.@+=,:".contains(one);
    !text.is_empty() && !text.starts_with('-') && text != "." && text != ".." && text.chars().all(is_plain)
}

/// Reads the policy and what stands beside it; `role` names the service account of Google whose binding is wanted.
pub(super) fn trust(source: &Source, role: Option<&str>) -> anyhow::Result<Trust> {
    match source {
        Source::Vault { mount, role } => edge::runtime()?.block_on(vault::trust(mount, role)),
        Source::Aws { role } => vendor::aws(role),
        Source::Azure { client_id } => vendor::azure(client_id),
        Source::Gcp { project, pool, provider } => vendor::gcp((project, pool, provider), role),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_names_what_it_reads_and_is_no_option_of_a_command() {
        let vault = Source::Vault { mount: "team/jwt".to_owned(), role: "net".to_owned() };
        assert_eq!("vault:team/jwt/net".parse(), Ok(vault));
        assert_eq!("aws:net-plan".parse(), Ok(Source::Aws { role: "net-plan".to_owned() }));
        for text in [
            "net",
            "vault:net",
            "vault:/net",
            "vault:../net",
            "aws:",
            "aws:--profile",
            "aws:a/b",
            "azure:a b",
            "gcp:a/b",
            "gcp:a/b/c/d",
            "gcp:a/-b/c",
            "ibm:a",
        ] {
            assert!(text.parse::<Source>().is_err(), "{text}");
        }
    }
}
