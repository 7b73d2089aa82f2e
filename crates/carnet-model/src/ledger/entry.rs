//! Entries and the chains they stand in.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::LedgerKind;
use super::canonical::{Value, object};
use crate::{IdError, OrgId, Timestamp};

/// The version of the form of entries.
const VERSION: u64 = 1;

/// A chain of entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerChain {
    /// What concerns the whole site: keys of the issuer, accounts.
    Site,
    /// What concerns one organization.
    Organization(OrgId),
}

/// A text that names no chain.
#[derive(Debug, thiserror::Error)]
#[error("a chain is named site or by the id of an organization")]
pub struct LedgerChainError(#[source] IdError);

impl std::fmt::Display for LedgerChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Site => f.write_str("site"),
            Self::Organization(id) => f.write_str(id.as_str()),
        }
    }
}

impl std::str::FromStr for LedgerChain {
    type Err = LedgerChainError;

    fn from_str(text: &str) -> Result<Self, LedgerChainError> {
        if text == "site" {
            return Ok(Self::Site);
        }
        text.parse().map(Self::Organization).map_err(LedgerChainError)
    }
}

/// One entry of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The chain.
    pub chain: LedgerChain,
    /// The place in its chain, from 1 on without gaps.
    pub sequence: u64,
    /// When it happened.
    pub time: Timestamp,
    /// What kind of thing happened.
    pub kind: LedgerKind,
    /// What is known about it, by the names of [`super::FactName`].
    pub facts: BTreeMap<String, String>,
}

/// Why a text is not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFormatError {
    /// The text is not a JSON object.
    #[error("the entry is not a JSON object")]
    Json,
    /// A member that every entry has is not there or is not what it must be.
    #[error("the member {0:?} of the entry is missing or wrong")]
    Member(&'static str),
    /// A fact is not a text, or is an empty one.
    #[error("the fact {0:?} of the entry is not a text")]
    Fact(String),
    /// The form of the entry is one of another version of the ledger.
    #[error("the entry has a form that this version does not know")]
    Version,
    /// The same entry would be written in another way.
    #[error("the entry is not written in its canonical form")]
    NotCanonical,
}

impl LedgerEntry {
    /// The one text of the entry that is hashed.
    pub fn canonical(&self) -> String {
        let text = |text: &str| Value::Text(text.to_owned());
        let facts = self.facts.iter().map(|(name, value)| (name.clone(), text(value)));
        let mut members: BTreeMap<String, Value> = facts.collect();
        members.insert("chain".to_owned(), text(&self.chain.to_string()));
        members.insert("kind".to_owned(), text(self.kind.as_str()));
        members.insert("sequence".to_owned(), Value::Number(self.sequence));
        members.insert("time".to_owned(), text(&time_text(self.time)));
        members.insert("version".to_owned(), Value::Number(VERSION));
        object(&members)
    }

    /// Reads an entry from its canonical text; fails for every other way to write it.
    pub fn parse(text: &str) -> Result<Self, LedgerFormatError> {
        let json: Json = serde_json::from_str(text).map_err(|_| LedgerFormatError::Json)?;
        let entry = Self::from_json(json)?;
        if entry.canonical() == text { Ok(entry) } else { Err(LedgerFormatError::NotCanonical) }
    }

    /// Reads an entry from a JSON object, however that was written.
    pub fn from_json(json: Json) -> Result<Self, LedgerFormatError> {
        let Json::Object(members) = json else {
            return Err(LedgerFormatError::Json);
        };
        let mut members: BTreeMap<String, Json> = members.into_iter().collect();
        match members.remove("version").and_then(|version| version.as_u64()) {
            Some(VERSION) => {}
            Some(_) | None => return Err(LedgerFormatError::Version),
        }
        let sequence =
            members.remove("sequence").and_then(|number| number.as_u64()).filter(|number| *number > 0);
        let sequence = sequence.ok_or(LedgerFormatError::Member("sequence"))?;
        let mut word = |name: &'static str| match members.remove(name) {
            Some(Json::String(text)) => Ok(text),
            Some(_) | None => Err(LedgerFormatError::Member(name)),
        };
        let chain = word("chain")?.parse().map_err(|_| LedgerFormatError::Member("chain"))?;
        let kind = word("kind")?.parse().map_err(|_| LedgerFormatError::Member("kind"))?;
        let written = word("time")?;
        let time: Timestamp = written.parse().map_err(|_| LedgerFormatError::Member("time"))?;
        if time_text(time) != written {
            return Err(LedgerFormatError::Member("time"));
        }
        let facts = members.into_iter().map(|(name, value)| match value {
            Json::String(text) if !text.is_empty() => Ok((name, text)),
            _ => Err(LedgerFormatError::Fact(name)),
        });
        Ok(Self { chain, sequence, time, kind, facts: facts.collect::<Result<_, _>>()? })
    }

    /// A fact, if it is known.
    pub fn fact(&self, name: super::FactName) -> Option<&str> {
        self.facts.get(name.as_str()).map(String::as_str)
    }
}

/// RFC 3339 in UTC with three digits of a second.
fn time_text(time: Timestamp) -> String {
    format!("{time:.3}")
}
