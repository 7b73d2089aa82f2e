//! Google Cloud: exchanges of identity tokens, and what their principals or the service accounts behind them did.
//! <https://cloud.google.com/iam/docs/audit-logging/examples-workload-identity>

use serde_json::Value;

use super::{Access, LogKind, LogLine, text, time};

/// Behind this stands the subject in the name of a federated principal.
const SUBJECT: &str = "/subject/";

pub(super) fn read(record: &Value) -> LogLine {
    let payload = &record["protoPayload"];
    let who = &payload["authenticationInfo"];
    let method = payload["methodName"].as_str().unwrap_or_default();
    let is_login = method.ends_with("SecurityTokenService.ExchangeToken");
    let delegation = who["serviceAccountDelegationInfo"].as_array();
    let delegated = delegation.into_iter().flatten().find_map(|one| text(&one["principalSubject"]));
    let named = text(&who["principalSubject"]);
    let is_of_pool = |name: &String| name.contains("/workloadIdentityPools/");
    let principal = match is_login {
        true => text(&payload["metadata"]["mapped_principal"]).or(named.clone()),
        false => delegated.filter(is_of_pool).or(named.clone().filter(is_of_pool)),
    };
    let Some(principal) = principal else {
        return LogLine::Other;
    };
    let mapped = principal.split_once(SUBJECT).map(|(_, subject)| subject.to_owned());
    let session = vec![principal.clone()];
    let access = Access {
        time: time(&record["timestamp"]),
        what: method.rsplit('.').next().unwrap_or_default().to_owned(),
        who: match text(&who["principalEmail"]) {
            Some(email) => format!("{email} for {principal}"),
            None => principal,
        },
        is_login,
        is_refused: payload["status"]["code"].as_i64().is_some_and(|code| code != 0),
        // An exchange tells the subject as the token has it; later lines tell what it was mapped to.
        subject: if is_login { named.filter(|name| !is_of_pool(name)).or(mapped) } else { mapped },
        role: text(&who["principalEmail"]),
        gives: if is_login { session.clone() } else { Vec::new() },
        uses: if is_login { Vec::new() } else { session },
        ..Access::default()
    };
    LogLine::Access(LogKind::Google, Box::new(access))
}
