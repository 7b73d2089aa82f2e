//! Entra: sign-ins of service principals, from diagnostic settings, Log Analytics or Microsoft Graph.
//! <https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/aadserviceprincipalsigninlogs>

use serde_json::Value;

use super::{Access, LogKind, LogLine, text, time};

/// A member by its name in Graph, and by the one that Log Analytics gives the same column.
fn member<'a>(record: &'a Value, name: &str) -> &'a Value {
    let flat = match record["properties"].is_object() {
        true => &record["properties"],
        false => record,
    };
    let mut letters = name.chars();
    let upper: String =
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect();
    match &flat[name] {
        Value::Null => &flat[upper.as_str()],
        found => found,
    }
}

pub(super) fn is_sign_in(record: &Value) -> bool {
    member(record, "servicePrincipalId").is_string() && member(record, "appId").is_string()
}

pub(super) fn read(record: &Value) -> LogLine {
    // A credential of another kind, as a client secret is, has no identity token behind it.
    let Some(credential) = text(member(record, "federatedCredentialId")) else {
        return LogLine::Other;
    };
    let app = text(member(record, "appId"));
    let when = [member(record, "createdDateTime"), &record["TimeGenerated"], &record["time"]];
    let code = &member(record, "status")["errorCode"];
    let result = [member(record, "resultType"), &record["resultType"]].into_iter().find_map(text);
    let is_refused = code.as_i64().is_some_and(|code| code != 0) || result.is_some_and(|code| code != "0");
    let name = text(member(record, "servicePrincipalName")).unwrap_or_default();
    let resource = text(member(record, "resourceDisplayName")).unwrap_or_default();
    let access = Access {
        time: when.into_iter().find_map(time),
        what: format!("sign-in to {resource}"),
        who: format!("{name} by federated credential {credential}"),
        is_login: true,
        is_refused,
        role: app,
        gives: text(member(record, "uniqueTokenIdentifier")).into_iter().collect(),
        ..Access::default()
    };
    LogLine::Access(LogKind::Entra, Box::new(access))
}
