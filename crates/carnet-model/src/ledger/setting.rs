//! Which entries of the audit trail are entries of the ledger, too: those that change whom somebody trusts with what.

use super::{FactName, LedgerChain, LedgerFact, LedgerKind};
use crate::AuditEvent;

/// What tells of no trust. Whatever is not named here is kept, so that a kind of thing that is new is not forgotten.
const NO_TRUST: [&str; 20] = [
    "account",
    "comment",
    "configuration_version",
    "effective_tag_binding",
    "errored_state",
    "identity_token",
    "notification_configuration",
    "outstanding_credential",
    "password",
    "registry_module",
    "registry_provider",
    "reserved_tag",
    "reserved_tag_key",
    "run",
    "run_trigger",
    "state_version",
    "tag",
    "tag_binding",
    "task",
    "version",
];

/// What happens to a workspace without anybody's trust being changed.
const NO_TRUST_IN_WORKSPACE: [&str; 3] = ["lock", "unlock", "force_unlock"];

/// Keys of issuers, as changes by schedule name them.
const SIGNING_KEY: &str = "signing_key";

/// How the names of variables begin that decide about identities.
const SETTING_PREFIX: &str = "TFC_";

impl LedgerFact {
    /// The entry that goes with one of the audit trail, if that tells of a change of trust. `variables` are the
    /// names of the variable that was changed, the old one and the new one.
    pub fn of_audit(event: &AuditEvent, variables: &[String]) -> Option<Self> {
        let act = &event.act;
        let kind = kind_of(&act.resource_type, &act.action, variables)?;
        let chain = match &event.organization_id {
            Some(organization) => LedgerChain::Organization(organization.clone()),
            None => LedgerChain::Site,
        };
        let fact = Self { chain, kind, time: event.created_at, facts: [].into() }
            .with(FactName::Source, "server")
            .with(FactName::ResourceType, &act.resource_type)
            .with(FactName::Action, &act.action)
            .with(FactName::Outcome, "changed")
            .with_some(FactName::Resource, act.resource_id.as_ref())
            .with_some(FactName::Kid, act.resource_id.as_ref().filter(|_| act.resource_type == SIGNING_KEY))
            .with(FactName::Setting, variables.join(", "))
            .with_some(FactName::Actor, event.accessor_id.as_ref())
            .with_some(FactName::Token, event.token_id.as_ref().map(crate::TokenId::as_str))
            .with_some(FactName::Request, event.request_id.as_ref());
        Some(fact)
    }
}

fn is_setting(variable: &str) -> bool {
    variable.get(..SETTING_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(SETTING_PREFIX))
}

fn kind_of(resource_type: &str, action: &str, variables: &[String]) -> Option<LedgerKind> {
    match resource_type {
        "var" => variables.iter().any(|name| is_setting(name)).then_some(LedgerKind::Setting),
        "workspace" if NO_TRUST_IN_WORKSPACE.contains(&action) || action.contains("tag") => None,
        "oidc_setting" | SIGNING_KEY | "issuer" => Some(LedgerKind::Key),
        policy if policy.contains("policy") || policy.contains("policies") => Some(LedgerKind::Policy),
        other if NO_TRUST.contains(&other) => None,
        _ => Some(LedgerKind::Setting),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(resource_type: &str, action: &str, variable: Option<&str>, expected: Option<LedgerKind>) {
        let variables: Vec<String> = variable.into_iter().map(str::to_owned).collect();
        assert_eq!(kind_of(resource_type, action, &variables), expected, "{resource_type} {action}");
    }

    #[test]
    fn changes_of_trust_are_kept_and_others_are_not() {
        check("var", "create", Some("TFC_AWS_RUN_ROLE_ARN"), Some(LedgerKind::Setting));
        check("var", "update", Some("tfc_vault_role"), Some(LedgerKind::Setting));
        check("var", "create", Some("region"), None);
        check("var", "create", Some("TÖ"), None);
        check("var", "create", None, None);
        check("team_workspace", "create", None, Some(LedgerKind::Setting));
        check("authentication_token", "create", None, Some(LedgerKind::Setting));
        check("adapter", "update", None, Some(LedgerKind::Setting));
        check("credential_rule", "update", None, Some(LedgerKind::Setting));
        check("something_new", "update", None, Some(LedgerKind::Setting));
        check("issuance_policy", "update", None, Some(LedgerKind::Policy));
        check("token_ttl_policy", "update", None, Some(LedgerKind::Policy));
        check("oidc_setting", "rotate_key", None, Some(LedgerKind::Key));
        check("signing_key", "retire", None, Some(LedgerKind::Key));
        check("workspace", "update", None, Some(LedgerKind::Setting));
        check("workspace", "lock", None, None);
        check("run", "apply", None, None);
        check("state_version", "create", None, None);
        check("identity_token", "create", None, None);
    }
}
