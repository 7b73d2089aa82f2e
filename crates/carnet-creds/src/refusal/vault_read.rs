//! A reading from Vault, refused.

use super::{Advice, Refusal, vault_commands::vault};
use crate::{
    exchange::vault_wire::{Failure, VaultFailure, said},
    family::FamilyName,
    lexicon::variable_name,
    provider::{VaultLogin, VaultRead},
    resolve::Configured,
};

impl Refusal {
    /// A reading that did not succeed, with the token of this login.
    pub(crate) fn of_read(
        configured: &Configured,
        read: &VaultRead,
        login: Option<&VaultLogin>,
        failure: &VaultFailure,
    ) -> Self {
        let path = read.path.split('?').next().unwrap_or_default();
        let hint = match failure.failure.status() {
            Some(403) => format!("; the policies of the Vault role lack read on {path}"),
            Some(404) => "; no such mount or role in Vault".to_owned(),
            _ => String::new(),
        };
        let answer = match &failure.failure {
            Failure::Refused { status, errors } => format!("{status}: {}", said(errors)),
            other => other.to_string(),
        };
        let summary = format!(
            "failed reading {} credentials from Vault path {}: {answer}{hint}",
            configured.title(),
            read.path
        );
        Self::of(summary)
            .tried(&format!("{} {}{}", failure.method, failure.url, with_token(login)))
            .said("Vault", &super::vault::answer(&failure.failure))
            .advised(&Known { configured, login, path }.advice(&failure.failure))
            .passing(failure.failure.is_transient())
    }

    /// An answer of this path that cannot be used.
    pub(crate) fn of_unusable_read(
        configured: &Configured,
        path: &str,
        login: Option<&VaultLogin>,
        reason: &str,
    ) -> Self {
        let path_alone = path.split('?').next().unwrap_or_default();
        Self::of(format!(
            "failed reading {} credentials from Vault path {path}: {reason}",
            configured.title()
        ))
        .tried(&format!("GET /v1/{path}{}", with_token(login)))
        .said("Vault", &[format!("something unexpected: {reason}")])
        .advised(&Known { configured, login, path: path_alone }.unusable())
    }
}

/// What a server says of a path that nothing serves.
const NO_MOUNT: &str = "no handler for route";

/// Whose token reads.
fn with_token(login: Option<&VaultLogin>) -> String {
    login.map_or_else(String::new, |login| {
        let namespace = login.namespace.as_deref().unwrap_or("(none)");
        format!(
            ", with the token of role \"{}\" (from {}), namespace {namespace}",
            login.role, login.role_variable
        )
    })
}

/// A reading that did not lead to credentials.
struct Known<'a> {
    configured: &'a Configured,
    login: Option<&'a VaultLogin>,
    path: &'a str,
}

impl Known<'_> {
    fn advice(&self, failure: &Failure) -> Advice {
        let (path, mount) = (self.path, self.mount());
        match failure {
            Failure::Refused { status: 403, .. } => {
                let role = self.login.map_or("of the run", |login| login.role.as_str());
                Advice::new(
                    "the token is good, and none of its policies allows this reading, or there is no such mount",
                    format!(
                        "give the Vault role {role} a policy with: path \"{path}\" {{ capabilities = [\"read\"] }}"
                    ),
                )
                .and(self.mounted())
            }
            Failure::Refused { status: 404, errors } if errors.iter().any(|text| text.contains(NO_MOUNT)) => {
                Advice::new(format!("there is no secrets engine at {mount}/"), self.mounted())
            }
            Failure::Refused { status: 404, .. } => Advice::new(
                "the secrets engine has no such role, or is of another kind, or there is none at this mount",
                self.listed(),
            )
            .and(self.mounted()),
            Failure::Refused { status: 400, .. } => Advice::new(
                "the secrets engine was reached, and could not make the credentials",
                "see what Vault said: the role in the engine, or the rights of the engine's own account",
            )
            .and(self.listed()),
            Failure::Refused { .. } => Advice::new(
                "the server or its secrets engine could not answer",
                "see the log of the server, or run again later",
            ),
            Failure::NoAnswer { .. } => Advice::new(
                "the server did not answer, although the login worked",
                "a secrets engine that calls a cloud can take long: raise TFC_VAULT_CLIENT_TIMEOUT, or run again",
            ),
            Failure::Unreadable { .. } => self.unusable(),
        }
    }

    fn unusable(&self) -> Advice {
        Advice::new(
            "what lies at this path is not what a secrets engine of this kind answers",
            self.mounted(),
        )
        .and(self.listed())
    }

    /// What shows the mounts, and the setting for them.
    fn mounted(&self) -> String {
        let what = match self.configured.family {
            FamilyName::VaultBackedAws => "aws",
            FamilyName::VaultBackedAzure => "azure",
            _ => "gcp",
        };
        format!(
            "if {} shows no {}/ of type {what}, correct {}",
            self.vault("secrets list", ""),
            self.mount(),
            self.variable("MOUNT_PATH")
        )
    }

    /// What shows the roles, and the setting for them.
    fn listed(&self) -> String {
        let (list, setting) = self.kind();
        let (run, plan, apply) =
            (format!("RUN_{setting}"), format!("PLAN_{setting}"), format!("APPLY_{setting}"));
        format!(
            "if {} does not show {}, correct {} (or {} and {})",
            self.vault("list", &format!("{}/{list}", self.mount())),
            self.name(),
            self.variable(&run),
            self.variable(&plan),
            self.variable(&apply)
        )
    }

    /// The path as the engine has it: its mount, the kind of what is read, the name and, for Google, what is made.
    fn parts(&self) -> (&str, &str, &str) {
        let path = match self.configured.family {
            FamilyName::VaultBackedGcp => self.path.rsplit_once('/').map_or(self.path, |(path, _)| path),
            _ => self.path,
        };
        let (rest, name) = path.rsplit_once('/').unwrap_or((path, ""));
        let (mount, kind) = rest.rsplit_once('/').unwrap_or((rest, ""));
        (mount, kind, name)
    }

    fn mount(&self) -> &str {
        self.parts().0
    }

    fn name(&self) -> &str {
        self.parts().2
    }

    /// Where the engine lists what can be read, and the end of the variables that name it.
    fn kind(&self) -> (&'static str, &'static str) {
        match self.parts().1 {
            "roleset" => ("rolesets", "VAULT_ROLESET"),
            "static-account" => ("static-accounts", "VAULT_STATIC_ACCOUNT"),
            _ => ("roles", "VAULT_ROLE"),
        }
    }

    fn vault(&self, command: &str, path: &str) -> String {
        vault(command, self.login.and_then(|login| login.namespace.as_deref()), path)
    }

    fn variable(&self, what: &str) -> String {
        let family = self.configured.family.as_str().to_ascii_uppercase();
        let tag = self.configured.tag.as_ref().map(crate::Tag::as_str);
        variable_name(&format!("TFC_{family}_{what}"), tag)
    }
}
