//! Logs of relying parties, joined to the ledger: which run, and so which person, was behind an access.
//!
//! Lines of AWS CloudTrail, Entra sign-in logs, Google Cloud audit logs and audit devices of Vault and OpenBao are read for what
//! leads back to an identity token. No log says the same: Vault says what a role maps from the token, AWS and Google say the
//! subject, Entra says neither. So every answer says how sure it is and why.

mod aws;
mod entra;
mod google;
mod join;
#[cfg(test)]
mod tests;
mod vault;

use carnet_model::Timestamp;
use serde_json::Value;

pub use self::join::{Explanation, Identity, Sureness, explain, identities};

/// Whose log a line is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// AWS CloudTrail.
    CloudTrail,
    /// Sign-in logs of Microsoft Entra.
    Entra,
    /// Audit logs of Google Cloud.
    Google,
    /// The audit device of Vault or OpenBao.
    Vault,
}

impl LogKind {
    /// The name for people and machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CloudTrail => "aws",
            Self::Entra => "entra",
            Self::Google => "google",
            Self::Vault => "vault",
        }
    }
}

/// An access that somebody made with an identity token, or with what was given for one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// When.
    pub time: Option<Timestamp>,
    /// What was done, in the log's words.
    pub what: String,
    /// Who did it, in the log's words.
    pub who: String,
    /// Whether an identity token was presented; otherwise something that was given for one before.
    pub is_login: bool,
    /// Whether it was refused.
    pub is_refused: bool,
    /// The id of the token.
    pub jti: Option<String>,
    /// The run.
    pub run: Option<String>,
    /// The claim `sub`, or what the relying party makes of a claim.
    pub subject: Option<String>,
    /// The claim `aud`.
    pub audience: Option<String>,
    /// The role or account.
    pub role: Option<String>,
    /// What a login gives: the names under which later lines speak of it.
    pub gives: Vec<String>,
    /// Under which of these names the access was made.
    pub uses: Vec<String>,
}

/// What a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogLine {
    /// An access with a federated identity.
    Access(LogKind, Box<Access>),
    /// Something that no federated identity did.
    Other,
    /// Nothing that is understood.
    Unreadable,
}

/// A line and its number, from 1 on; of a document with many records the number of the record.
pub type NumberedLine = (usize, LogLine);

/// Reads a log: JSON lines, a list of records, or a document with `Records` (CloudTrail), `value` (Microsoft Graph) or `entries`
/// (Google Cloud).
pub fn read_log(text: &str) -> Vec<NumberedLine> {
    if let Ok(document) = serde_json::from_str::<Value>(text) {
        let records = ["Records", "value", "entries"].iter().find_map(|name| document[*name].as_array());
        return match records.or(document.as_array()) {
            Some(records) => (1..).zip(records.iter().map(read_record)).collect(),
            None => vec![(1, read_record(&document))],
        };
    }
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| match serde_json::from_str(line) {
            Ok(record) => (number, read_record(&record)),
            Err(_) => (number, LogLine::Unreadable),
        })
        .collect()
}

fn read_record(record: &Value) -> LogLine {
    if record["eventSource"].is_string() && record["eventName"].is_string() {
        aws::read(record)
    } else if record["protoPayload"].is_object() {
        google::read(record)
    } else if record["request"].is_object() && record["type"].is_string() {
        vault::read(record)
    } else if entra::is_sign_in(record) {
        entra::read(record)
    } else {
        LogLine::Unreadable
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}
