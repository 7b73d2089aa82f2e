//! Entries of the audit trail, and what a request does in its words.

use crate::{AuditEventId, OrgId, Timestamp, TokenId};

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// The stable id.
    pub id: AuditEventId,
    /// The organization that it concerns; `None` for the whole site, or for a user alone.
    pub organization_id: Option<OrgId>,
    /// The request that did it.
    pub request_id: Option<String>,
    /// What kind of token was presented.
    pub actor_kind: String,
    /// The user, or the job, that the token stands for.
    pub accessor_id: Option<String>,
    /// The record of the token.
    pub token_id: Option<TokenId>,
    /// The actor in words: the name of the user, where there is one.
    pub description: String,
    /// What was done.
    pub act: AuditAct,
    /// When it was done.
    pub created_at: Timestamp,
}

/// What was done to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditAct {
    /// What kind of thing, as in `notification_configuration`.
    pub resource_type: String,
    /// Which one.
    pub resource_id: Option<String>,
    /// What was done, as in `create`, `destroy` or `force_cancel`.
    pub action: String,
    /// Whether the thing is new, so that its id is in none of the parts of the path.
    pub creates: bool,
}

impl AuditAct {
    /// What a request does, by its method, the pattern of its path and the values in it.
    ///
    /// ```
    /// let act = carnet_model::AuditAct::of("POST", "/api/v2/runs/{run}/actions/force-cancel", &["run-1"]);
    /// assert_eq!((act.resource_type.as_str(), act.action.as_str()), ("run", "force_cancel"));
    /// ```
    pub fn of(method: &str, pattern: &str, values: &[&str]) -> Self {
        let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
        let skipped = match parts.as_slice() {
            ["api", "carnet" | "registry", _, ..] => 3,
            ["api", _, ..] => 2,
            _ => 0,
        };
        let parts = &parts[skipped.min(parts.len())..];
        let is_value = |part: &&&str| part.starts_with('{');
        let value_before = |end: usize| {
            let count = parts[..end].iter().filter(is_value).count();
            count.checked_sub(1).and_then(|place| values.get(place)).map(|value| (*value).to_owned())
        };
        for (word, verb) in [("actions", None), ("relationships", Some(method))] {
            let Some(place) = parts.iter().position(|part| *part == word).filter(|place| *place > 0) else {
                continue;
            };
            // The variables of a set are no relation to something that exists without it: they are made and destroyed there.
            if verb.is_some() && parts.get(place + 1) == Some(&"vars") {
                continue;
            }
            let rest = parts[place + 1..].join("_").replace('-', "_");
            let action = match verb {
                None => rest,
                Some("POST") => format!("add_{rest}"),
                Some("DELETE") => format!("remove_{rest}"),
                Some(_) => format!("set_{rest}"),
            };
            return Self::known(collection(&parts[..place]), value_before(place), &action);
        }
        let ends_with_value = parts.last().is_some_and(|part| part.starts_with('{'));
        let resource_type = collection(parts);
        match method {
            "POST" if !ends_with_value => Self::new(resource_type, "create"),
            // Going back to an older state makes a new one.
            "PATCH" if parts.last() == Some(&"state-versions") => Self::new(resource_type, "roll_back"),
            "DELETE" => Self::known(resource_type, value_before(parts.len()), "destroy"),
            _ => Self::known(resource_type, value_before(parts.len()), "update"),
        }
    }

    fn new(resource_type: String, action: &str) -> Self {
        Self { resource_type, resource_id: None, action: action.to_owned(), creates: true }
    }

    fn known(resource_type: String, resource_id: Option<String>, action: &str) -> Self {
        Self { resource_type, resource_id, action: action.to_owned(), creates: false }
    }
}

/// The last part that is no value, in singular.
fn collection(parts: &[&str]) -> String {
    let name = parts.iter().rev().find(|part| !part.starts_with('{')).copied().unwrap_or_default();
    match name {
        "varsets" => return "variable_set".to_owned(),
        "organization-memberships" => return "organization_user".to_owned(),
        _ => {}
    }
    let name = name.replace('-', "_");
    match (name.strip_suffix("ies"), name.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) if !stem.ends_with('s') => stem.to_owned(),
        (None, _) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &str, pattern: &str, values: &[&str], expected: (&str, Option<&str>, &str, bool)) {
        let act = AuditAct::of(method, pattern, values);
        let found =
            (act.resource_type.as_str(), act.resource_id.as_deref(), act.action.as_str(), act.creates);
        assert_eq!(found, expected, "{method} {pattern}");
    }

    #[test]
    fn a_request_says_what_it_does_to_what() {
        let vars = "/api/v2/workspaces/{workspace}/vars";
        check("POST", vars, &["ws-1"], ("var", None, "create", true));
        check(
            "PATCH",
            &format!("{vars}/{{var}}"),
            &["ws-1", "var-1"],
            ("var", Some("var-1"), "update", false),
        );
        check(
            "DELETE",
            "/api/v2/varsets/{set}",
            &["varset-1"],
            ("variable_set", Some("varset-1"), "destroy", false),
        );
        check("POST", "/api/v2/organizations", &[], ("organization", None, "create", true));
        check(
            "DELETE",
            "/api/v2/organizations/{o}/authentication-token",
            &["acme"],
            ("authentication_token", Some("acme"), "destroy", false),
        );
    }

    #[test]
    fn actions_and_relations_belong_to_what_stands_before_them() {
        check(
            "POST",
            "/api/v2/runs/{run}/actions/force-cancel",
            &["run-1"],
            ("run", Some("run-1"), "force_cancel", false),
        );
        check(
            "POST",
            "/api/v2/admin/oidc-settings/actions/rotate-key",
            &[],
            ("oidc_setting", None, "rotate_key", false),
        );
        check(
            "POST",
            "/api/v2/teams/{team}/relationships/users",
            &["team-1"],
            ("team", Some("team-1"), "add_users", false),
        );
        check(
            "DELETE",
            "/api/v2/varsets/{set}/relationships/workspaces",
            &["varset-1"],
            ("variable_set", Some("varset-1"), "remove_workspaces", false),
        );
    }

    #[test]
    fn what_is_made_inside_something_else_has_a_name_of_its_own() {
        let vars = "/api/v2/varsets/{variable_set}/relationships/vars";
        check("POST", vars, &["varset-1"], ("var", None, "create", true));
        let (one, values) = (format!("{vars}/{{variable}}"), ["varset-1", "var-1"]);
        check("PATCH", &one, &values, ("var", Some("var-1"), "update", false));
        check("DELETE", &one, &values, ("var", Some("var-1"), "destroy", false));
        let states = "/api/v2/workspaces/{workspace}/state-versions";
        check("POST", states, &["ws-1"], ("state_version", None, "create", true));
        check("PATCH", states, &["ws-1"], ("state_version", None, "roll_back", true));
    }

    #[test]
    fn other_interfaces_are_named_alike() {
        check(
            "PUT",
            "/api/carnet/v1/organizations/{o}/adapters/{name}",
            &["acme", "vault2"],
            ("adapter", Some("vault2"), "update", false),
        );
        check("POST", "/", &[], ("", None, "create", true));
    }
}
