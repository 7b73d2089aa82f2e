//! A reading from Vault, refused.

use super::{Advice, Refusal};
use crate::{
    exchange::vault_wire::{Failure, VaultFailure, said},
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
        let role = login.map_or_else(String::new, |login| {
            let namespace = login.namespace.as_deref().unwrap_or("(none)");
            format!(
                ", with the token of role \"{}\" (from {}), namespace {namespace}",
                login.role, login.role_variable
            )
        });
        Self::of(summary)
            .tried(&format!("{} {}{role}", failure.method, failure.url))
            .said("Vault", &super::vault::answer(&failure.failure))
            .advised(&advice(configured, login, path, &failure.failure))
            .passing(failure.failure.is_transient())
    }
}

fn advice(configured: &Configured, login: Option<&VaultLogin>, path: &str, failure: &Failure) -> Advice {
    let role = login.map_or("of the run", |login| login.role.as_str());
    match failure {
        Failure::Refused { status: 403, .. } => Advice::new(
            "the token is good, and none of its policies allows this reading",
            format!(
                "give the Vault role {role} a policy with: path \"{path}\" {{ capabilities = [\"read\"] }}"
            ),
        ),
        Failure::Refused { status: 404, .. } => Advice::new(
            "there is no secrets engine at this mount, or no such role in it",
            format!("see vault list for it, or correct {}", settings(configured)),
        ),
        Failure::Refused { status: 400, .. } => Advice::new(
            "the secrets engine was reached, and could not make the credentials",
            format!(
                "see what Vault said: the role in the engine, the rights of the engine's own account, or {}",
                settings(configured)
            ),
        ),
        Failure::Refused { .. } => Advice::new(
            "the server or its secrets engine could not answer",
            "see the log of the server, or run again later",
        ),
        Failure::NoAnswer { .. } => Advice::new(
            "the server did not answer, although the login worked",
            "a secrets engine that calls a cloud can take long: raise TFC_VAULT_CLIENT_TIMEOUT, or run again",
        ),
        Failure::Unreadable { .. } => Advice::new(
            "what lies at this path is not what a secrets engine of this kind answers",
            format!("correct {}", settings(configured)),
        ),
    }
}

fn settings(configured: &Configured) -> String {
    let family = configured.family.as_str().to_ascii_uppercase();
    let name = |what: &str| {
        variable_name(&format!("TFC_{family}_{what}"), configured.tag.as_ref().map(crate::Tag::as_str))
    };
    format!("{} and the role in {}", name("MOUNT_PATH"), name("RUN_VAULT_..."))
}
