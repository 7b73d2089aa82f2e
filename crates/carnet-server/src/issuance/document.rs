//! Issuance policies as JSON: read with a pointer at whatever is wrong, and written as they were meant.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use carnet_creds::FamilyName;
use carnet_model::{
    ApprovalRule, IdentityTokenTtl, IssuancePolicy, IssuanceStatement, Pattern, PersonPattern, Phase,
    RunSource,
};
use serde_json::{Map, Value, json};

use crate::error::ApiError;

/// Where the statements of a request stand.
const STATEMENTS: &str = "/data/attributes/statements";

/// The most statements of a policy.
const STATEMENT_LIMIT: usize = 100;

/// The most values of one condition.
const VALUE_LIMIT: usize = 100;

/// The most characters of a statement's name.
const NAME_LIMIT: usize = 64;

/// The families whose credentials come with the token of another one.
const READ_FROM_VAULT: [&str; 3] = ["vault_backed_aws", "vault_backed_azure", "vault_backed_gcp"];

/// The members of a statement.
const MEMBERS: [&str; 14] = [
    "name",
    "families",
    "phases",
    "projects",
    "workspaces",
    "audiences",
    "roles",
    "sources",
    "speculative",
    "branches",
    "actors",
    "approval",
    "approvers",
    "max-life-seconds",
];

/// The policy of a request, whose attributes are `statements` and nothing else.
pub(crate) fn requested(attributes: &Value) -> Result<IssuancePolicy, ApiError> {
    let attributes =
        attributes.as_object().ok_or_else(|| invalid("/data/attributes", "an object is wanted"))?;
    known(attributes, &["statements"], "/data/attributes")?;
    parsed(attributes.get("statements").unwrap_or(&Value::Null))
}

/// Refuses names of families that are nobody's, given the adapters there are: a statement for such a one allows nothing.
pub(crate) fn check_families(policy: &IssuancePolicy, adapters: &[String]) -> Result<(), ApiError> {
    let built_in =
        FamilyName::BUILT_IN.iter().map(FamilyName::as_str).filter(|name| !READ_FROM_VAULT.contains(name));
    let known: Vec<&str> = built_in.chain(adapters.iter().map(String::as_str)).collect();
    for (place, statement) in policy.statements.iter().enumerate() {
        for (at, family) in statement.families.iter().flatten().enumerate() {
            if !known.iter().any(|name| family.matches(name)) {
                let detail = format!(
                    "{:?}: there is no such family, nor an adapter of this name (upper and lower case count); known are {}. An \
                     adapter is put before the policy that names it",
                    family.as_str(),
                    known.join(", ")
                );
                return Err(invalid(&format!("{STATEMENTS}/{place}/families/{at}"), detail));
            }
        }
    }
    Ok(())
}

/// The policy of a stored document.
pub(crate) fn stored(document: &str) -> Result<IssuancePolicy, ApiError> {
    let value: Value = serde_json::from_str(document).map_err(ApiError::internal)?;
    parsed(&value)
        .map_err(|error| ApiError::internal(format!("a stored issuance policy is unreadable: {error}")))
}

fn parsed(value: &Value) -> Result<IssuancePolicy, ApiError> {
    let all = value.as_array().ok_or_else(|| invalid(STATEMENTS, "a list of statements is wanted"))?;
    if all.len() > STATEMENT_LIMIT {
        return Err(invalid(STATEMENTS, format!("a policy has at most {STATEMENT_LIMIT} statements")));
    }
    let mut names = BTreeSet::new();
    let mut statements = Vec::with_capacity(all.len());
    for (place, value) in all.iter().enumerate() {
        let at = format!("{STATEMENTS}/{place}");
        let statement = statement(value, &at)?;
        if !names.insert(statement.name.clone()) {
            let detail = format!("another statement is called {:?}, too", statement.name);
            return Err(invalid(&format!("{at}/name"), detail));
        }
        statements.push(statement);
    }
    Ok(IssuancePolicy { statements })
}

fn statement(value: &Value, at: &str) -> Result<IssuanceStatement, ApiError> {
    let object = value.as_object().ok_or_else(|| invalid(at, "a statement is an object"))?;
    known(object, &MEMBERS, at)?;
    let members = Members { object, at };
    let found = IssuanceStatement {
        name: members.name()?,
        families: members.families()?,
        phases: members.list("phases", |text| text.parse::<Phase>().map_err(|_| "it is plan or apply"))?,
        projects: members.patterns("projects")?,
        workspaces: members.patterns("workspaces")?,
        audiences: members.patterns("audiences")?,
        roles: members.patterns("roles")?,
        sources: members.list("sources", |text| {
            let known: Vec<&str> = RunSource::ALL.iter().map(|source| source.as_str()).collect();
            text.parse::<RunSource>().map_err(|_| format!("it is one of {}", known.join(", ")))
        })?,
        speculative: members.flag("speculative")?,
        branches: members.patterns("branches")?,
        actors: members.list("actors", PersonPattern::from_str)?,
        approval: members.word("approval", ApprovalRule::from_str)?,
        approvers: members.list("approvers", PersonPattern::from_str)?,
        max_life: members.life()?,
    };
    let asks_for_approval = if found.approval.is_some() { "approval" } else { "approvers" };
    let is_about_approval = found.approval.is_some() || found.approvers.is_some();
    if is_about_approval && found.phases.as_deref() != Some(&[Phase::Apply]) {
        let detail = "only applies are approved: say \"phases\": [\"apply\"] in the statement, and make another one for plans";
        return Err(invalid(&format!("{at}/{asks_for_approval}"), detail));
    }
    Ok(found)
}

/// The members of a statement, and where it stands.
struct Members<'a> {
    object: &'a Map<String, Value>,
    at: &'a str,
}

impl Members<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &str, detail: impl Into<String>) -> ApiError {
        invalid(&format!("{}/{name}", self.at), detail)
    }

    fn name(&self) -> Result<String, ApiError> {
        let text = self.get("name").and_then(Value::as_str).unwrap_or_default().trim();
        if text.is_empty() || text.chars().count() > NAME_LIMIT || text.chars().any(char::is_control) {
            let detail =
                format!("a statement has a name of 1 to {NAME_LIMIT} characters, by which refusals call it");
            return Err(self.wrong("name", detail));
        }
        Ok(text.to_owned())
    }

    fn list<T, E: ToString>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<Vec<T>>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let all = value.as_array().ok_or_else(|| self.wrong(name, "a list of texts is wanted"))?;
        if all.is_empty() {
            return Err(
                self.wrong(name, "an empty list allows nothing: leave the member out, or name a value")
            );
        }
        if all.len() > VALUE_LIMIT {
            return Err(self.wrong(name, format!("a condition has at most {VALUE_LIMIT} values")));
        }
        let one = |(place, value): (usize, &Value)| {
            let at = format!("{name}/{place}");
            let text = value.as_str().ok_or_else(|| self.wrong(&at, "a text is wanted"))?;
            parse(text).map_err(|error| self.wrong(&at, format!("{text:?}: {}", error.to_string())))
        };
        all.iter().enumerate().map(one).collect::<Result<_, _>>().map(Some)
    }

    fn patterns(&self, name: &str) -> Result<Option<Vec<Pattern>>, ApiError> {
        self.list(name, Pattern::from_str)
    }

    fn families(&self) -> Result<Option<Vec<Pattern>>, ApiError> {
        self.list("families", |text| {
            if READ_FROM_VAULT.contains(&text) {
                return Err(
                    "what is read from Vault comes with the token of the family vault; name that".to_owned()
                );
            }
            text.parse::<Pattern>().map_err(|error| error.to_string())
        })
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.wrong(name, "it is true or false"))
    }

    fn word<T, E: ToString>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| self.wrong(name, "a text is wanted"))?;
        parse(text).map(Some).map_err(|error| self.wrong(name, error.to_string()))
    }

    fn life(&self) -> Result<Option<Duration>, ApiError> {
        let Some(value) = self.get("max-life-seconds") else { return Ok(None) };
        let life = value.as_u64().and_then(|seconds| IdentityTokenTtl::from_seconds(seconds).ok());
        let life = life.ok_or_else(|| {
            let (least, most) = (IdentityTokenTtl::MIN_SECONDS, IdentityTokenTtl::MAX_SECONDS);
            self.wrong("max-life-seconds", format!("a whole number of seconds from {least} to {most}"))
        })?;
        Ok(Some(Duration::from_secs(life.as_seconds().into())))
    }
}

fn known(object: &Map<String, Value>, names: &[&str], at: &str) -> Result<(), ApiError> {
    match object.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            Err(invalid(&pointer, format!("there is no member {name:?}; known are {}", names.join(", "))))
        }
    }
}

fn invalid(pointer: &str, detail: impl Into<String>) -> ApiError {
    ApiError::invalid(pointer, detail)
}

/// The statements as JSON, without what they do not say.
pub(crate) fn written(policy: &IssuancePolicy) -> Value {
    policy.statements.iter().map(written_statement).collect()
}

fn written_statement(statement: &IssuanceStatement) -> Value {
    fn texts<T: ToString>(all: Option<&Vec<T>>) -> Value {
        all.map_or(Value::Null, |all| all.iter().map(|one| Value::String(one.to_string())).collect())
    }
    let patterns = |all: &Option<Vec<Pattern>>| {
        all.as_ref().map_or(Value::Null, |all| all.iter().map(|one| json!(one.as_str())).collect())
    };
    let sources = statement.sources.as_ref();
    let sources = sources.map_or(Value::Null, |all| all.iter().map(|one| json!(one.as_str())).collect());
    let members = [
        ("name", json!(statement.name)),
        ("families", patterns(&statement.families)),
        ("phases", texts(statement.phases.as_ref())),
        ("projects", patterns(&statement.projects)),
        ("workspaces", patterns(&statement.workspaces)),
        ("audiences", patterns(&statement.audiences)),
        ("roles", patterns(&statement.roles)),
        ("sources", sources),
        ("speculative", json!(statement.speculative)),
        ("branches", patterns(&statement.branches)),
        ("actors", texts(statement.actors.as_ref())),
        ("approval", json!(statement.approval.map(ApprovalRule::as_str))),
        ("approvers", texts(statement.approvers.as_ref())),
        ("max-life-seconds", json!(statement.max_life.map(|life| life.as_secs()))),
    ];
    let said = members.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(said.map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(statements: &Value, pointer: &str, part: &str) {
        match requested(&json!({ "statements": statements })) {
            Err(ApiError::Invalid { detail, pointer: Some(found) }) => {
                assert_eq!(found, format!("{STATEMENTS}{pointer}"), "{detail}");
                assert!(detail.contains(part), "{detail}");
            }
            other => panic!("{statements}: {other:?}"),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let all = json!([{
            "name": "applies", "families": ["aws", "vault*"], "phases": ["apply"], "projects": ["Default Project"],
            "workspaces": ["prod-*"], "audiences": ["*.workload.identity"], "roles": ["arn:aws:iam::*:role/plan-*"],
            "sources": ["terraform+cloud", "tfe-api"], "speculative": false, "branches": ["main", "release/*"],
            "actors": ["team:dev"], "approval": "another-person", "approvers": ["user:ann", "team:release-*"],
            "max-life-seconds": 900,
        }, { "name": "plans", "phases": ["plan"] }]);
        let policy = requested(&json!({ "statements": all })).expect("a policy");
        assert_eq!(written(&policy), all);
        assert_eq!(stored(&all.to_string()).expect("a policy"), policy);
        assert_eq!(written(&requested(&json!({ "statements": [] })).expect("a policy")), json!([]));
    }

    #[test]
    fn whatever_is_wrong_is_pointed_at() {
        refused(&json!("all"), "", "a list of statements");
        refused(&json!([1]), "/0", "an object");
        refused(&json!([{}]), "/0/name", "a name");
        refused(&json!([{ "name": "a" }, { "name": "a" }]), "/1/name", "another statement");
        refused(&json!([{ "name": "a", "role": ["x"] }]), "/0/role", "known are name, families");
        refused(&json!([{ "name": "a", "roles": "x" }]), "/0/roles", "a list of texts");
        refused(&json!([{ "name": "a", "roles": [] }]), "/0/roles", "allows nothing");
        refused(&json!([{ "name": "a", "roles": ["x", 1] }]), "/0/roles/1", "a text");
        refused(&json!([{ "name": "a", "roles": [""] }]), "/0/roles/0", "1 to 512");
        refused(&json!([{ "name": "a", "phases": ["destroy"] }]), "/0/phases/0", "plan or apply");
        refused(&json!([{ "name": "a", "sources": ["cli"] }]), "/0/sources/0", "terraform+cloud");
        refused(&json!([{ "name": "a", "speculative": "no" }]), "/0/speculative", "true or false");
        refused(&json!([{ "name": "a", "actors": ["ann"] }]), "/0/actors/0", "user: or team:");
        refused(&json!([{ "name": "a", "approval": "two" }]), "/0/approval", "another-person");
        refused(&json!([{ "name": "a", "approval": "any" }]), "/0/approval", "only applies");
        refused(
            &json!([{ "name": "a", "approvers": ["team:x"], "phases": ["plan", "apply"] }]),
            "/0/approvers",
            "only",
        );
        refused(&json!([{ "name": "a", "max-life-seconds": 5 }]), "/0/max-life-seconds", "from 10 to 86400");
        refused(&json!([{ "name": "a", "families": ["vault_backed_aws"] }]), "/0/families/0", "family vault");
        let unknown = requested(&json!({ "statements": [], "deny": [] }));
        assert!(
            matches!(unknown, Err(ApiError::Invalid { pointer: Some(at), .. }) if at == "/data/attributes/deny")
        );
    }
}
