//! Audit devices of Vault and OpenBao. Tokens are hashed (HMAC-SHA256 with a key of the device), and so are accessors unless the
//! device leaves them readable: a hash still says which lines belong together.
//! <https://openbao.org/docs/audit/>

use serde_json::Value;

use super::{Access, LogKind, LogLine, text, time};

/// Names that roles give to the claims that lead to a run, when they map them as they are called.
const RUN: [&str; 2] = ["terraform_run_id", "run_id"];
const WORKSPACE: &str = "terraform_full_workspace";

pub(super) fn read(record: &Value) -> LogLine {
    // A request is told twice: before, and with its answer.
    if record["type"] != "response" {
        return LogLine::Other;
    }
    let request = &record["request"];
    let path = request["path"].as_str().unwrap_or_default();
    let given = &record["response"]["auth"];
    let is_jwt = matches!(request["mount_type"].as_str(), Some("jwt" | "oidc"))
        || given["mount_type"].as_str() == Some("jwt");
    let is_login = path.starts_with("auth/") && path.ends_with("/login") && is_jwt;
    let auth = if is_login && given.is_object() { given } else { &record["auth"] };
    let metadata = &auth["metadata"];
    let claim = |names: &[&str]| names.iter().find_map(|name| text(&metadata[*name]));
    let run = claim(&RUN);
    let accessors: Vec<String> = text(&auth["accessor"]).into_iter().collect();
    // Tokens of this kind of login carry their role; those of people and of other machines do not.
    let is_of_login =
        run.is_some() || (metadata["role"].is_string() && !metadata["service_account_uid"].is_string());
    if !is_login && !is_of_login {
        return LogLine::Other;
    }
    // The display name is the mount, a dash, and the claim that the role takes as the user: the id of the workspace with the trust that
    // `carnet trust` writes, perhaps the subject, perhaps a claim that leads nowhere.
    let named = text(&auth["display_name"])
        .and_then(|name| Some(name.split_once('-')?.1.to_owned()))
        .filter(|name| name.contains(':') || name.starts_with("ws-"));
    let access = Access {
        time: time(&record["time"]),
        what: format!("{} {path}", request["operation"].as_str().unwrap_or_default()),
        who: text(&auth["display_name"]).unwrap_or_default(),
        is_login,
        is_refused: record["error"].is_string() || (is_login && !given.is_object()),
        jti: claim(&["jti"]),
        run,
        subject: claim(&["sub", WORKSPACE]).or(named),
        audience: claim(&["aud"]),
        role: text(&metadata["role"]).or(text(&request["data"]["role"])),
        gives: if is_login { accessors.clone() } else { Vec::new() },
        uses: if is_login { Vec::new() } else { accessors },
    };
    LogLine::Access(LogKind::Vault, Box::new(access))
}
