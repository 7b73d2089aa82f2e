//! Which entry of the ledger explains an access, and how sure that is.

use std::collections::BTreeMap;

use carnet_model::{FactName, LedgerEntry, LedgerKind, Timestamp};
use jiff::SignedDuration;

use super::{Access, LogKind, LogLine, NumberedLine};

/// How much the clocks of the issuer and of a relying party may differ.
const CLOCKS: SignedDuration = SignedDuration::from_secs(60);

/// The same for the begin of a token: nobody can use one before it was minted, and who asks does so at once.
const HEAD_START: SignedDuration = SignedDuration::from_secs(5);

/// Logs cut the time to whole seconds.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// How sure an explanation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sureness {
    /// Several runs could have done it; the one that is named is the latest.
    Possible,
    /// One run alone fits, by what many tokens share.
    Likely,
    /// The log names the token, the credential or the run.
    Certain,
}

impl Sureness {
    /// The word for people and machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// An identity token of the ledger, with what was obtained for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What the ledger says about the token.
    pub entry: LedgerEntry,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The role that it was traded for, as the agent says.
    pub role: Option<String>,
    /// The accessors of what was obtained for it.
    pub accessors: Vec<String>,
}

/// Why an access happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The token.
    pub identity: Identity,
    /// How sure that is.
    pub sureness: Sureness,
    /// By what.
    pub reason: &'static str,
}

impl Explanation {
    fn at_most_likely(&self, reason: &'static str) -> Self {
        let sureness = self.sureness.min(Sureness::Likely);
        Self { identity: self.identity.clone(), sureness, reason }
    }
}

/// The identity tokens of a ledger.
pub fn identities(entries: &[LedgerEntry]) -> Vec<Identity> {
    let mut found: BTreeMap<String, Identity> = BTreeMap::new();
    for entry in entries {
        let Some(jti) = entry.fact(FactName::Jti) else {
            continue;
        };
        match entry.kind {
            LedgerKind::Mint => {
                let expires_at = entry.fact(FactName::ExpiresAt).and_then(|text| text.parse().ok());
                let identity = Identity {
                    expires_at: expires_at.unwrap_or(entry.time),
                    entry: entry.clone(),
                    role: None,
                    accessors: Vec::new(),
                };
                found.entry(jti.to_owned()).or_insert(identity);
            }
            LedgerKind::Exchange | LedgerKind::Renewal | LedgerKind::Revocation => {
                if let Some(identity) = found.get_mut(jti) {
                    let of = |name| entry.fact(name).map(str::to_owned);
                    identity.role = of(FactName::Role).filter(|role| is_told(role)).or(identity.role.take());
                    identity.accessors.extend(of(FactName::Accessor));
                }
            }
            LedgerKind::Refusal
            | LedgerKind::Checkpoint
            | LedgerKind::Key
            | LedgerKind::Policy
            | LedgerKind::Setting => {}
        }
    }
    found.into_values().collect()
}

/// Explains each access of a log, in its order; `None` is an access that no run explains.
pub fn explain(lines: &[NumberedLine], identities: &[Identity]) -> BTreeMap<usize, Option<Explanation>> {
    let mut sessions: BTreeMap<&str, Option<Explanation>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    let accesses = lines.iter().filter_map(|(number, line)| match line {
        LogLine::Access(kind, access) => Some((*number, *kind, access.as_ref())),
        LogLine::Other | LogLine::Unreadable => None,
    });
    for (number, kind, access) in accesses {
        let session = access.uses.iter().find_map(|name| Some((name, sessions.get(name.as_str())?)));
        let explanation = match session {
            // Names of AWS with a colon hold the session's, which the caller chose.
            Some((name, Some(known))) if kind == LogKind::CloudTrail && name.contains(':') => {
                Some(known.at_most_likely("a login with this session name is explained so"))
            }
            Some((_, known)) => known.clone(),
            None => by_itself(kind, access, identities),
        };
        for name in access.gives.iter().filter(|_| !access.is_refused) {
            sessions.insert(name, explanation.clone());
        }
        found.insert(number, explanation);
    }
    found
}

fn by_itself(kind: LogKind, access: &Access, identities: &[Identity]) -> Option<Explanation> {
    let certain = |identity: &Identity, reason| {
        let identity = identity.clone();
        Some(Explanation { identity, sureness: Sureness::Certain, reason })
    };
    if let Some(jti) = &access.jti {
        let found = identities.iter().find(|one| one.entry.fact(FactName::Jti) == Some(jti))?;
        return certain(found, "the log names the token");
    }
    let accessor = |name: &String| identities.iter().find(|one| one.accessors.contains(name));
    if let Some(found) = access.gives.iter().chain(&access.uses).find_map(accessor) {
        return certain(found, "the log names the credential");
    }
    let fitting: Vec<&Identity> = identities.iter().filter(|one| fits(kind, access, one)).collect();
    let latest = fitting.iter().max_by_key(|one| (!is_early(access, one), one.entry.time)).copied()?;
    let run = latest.entry.fact(FactName::Run);
    if access.run.is_some() {
        let named = certain(latest, "the log names the run")?;
        if kind != LogKind::CloudTrail {
            return Some(named);
        }
        // Whoever asks AWS for a session names it. AWS itself read the subject in the token, so the name is believed where no
        // other run had such a token then.
        let unnamed = Access { run: None, ..access.clone() };
        let mut others = identities.iter().filter(|one| fits(kind, &unnamed, one));
        let is_read = access.is_login && !access.is_refused && access.subject.is_some();
        return Some(if is_read && others.all(|one| one.entry.fact(FactName::Run) == run) {
            named
        } else {
            named.at_most_likely("the session has the run's name, which its caller chose")
        });
    }
    let is_only = fitting.iter().all(|one| one.entry.fact(FactName::Run) == run);
    let is_early = is_early(access, latest);
    let sureness = if is_only && !is_early { Sureness::Likely } else { Sureness::Possible };
    let reason = match (&access.subject, is_early) {
        (Some(_), false) => "the subject and the time fit",
        (None, false) => "the account and the time fit",
        (Some(_), true) => {
            "the subject fits, and the time if clocks differ: the token was minted up to 5 s later"
        }
        (None, true) => {
            "the account fits, and the time if clocks differ: the token was minted up to 5 s later"
        }
    };
    Some(Explanation { identity: latest.clone(), sureness, reason })
}

/// Whether a token was minted after the access, by the clocks of both.
fn is_early(access: &Access, identity: &Identity) -> bool {
    access.time.and_then(|time| time.checked_add(SECOND).ok()).is_some_and(|end| end <= identity.entry.time)
}

/// Whether nothing that the log says speaks against a token, and something speaks for it.
fn fits(kind: LogKind, access: &Access, identity: &Identity) -> bool {
    let of = |name| identity.entry.fact(name);
    let agrees = |said: &Option<String>, known: Option<&str>| {
        said.as_deref().is_none_or(|said| known.is_some_and(|known| said == known))
    };
    let in_time = match access.time {
        // A credential may live longer than its token, but nobody logs in with a token that has ended.
        Some(time) => {
            let begun = identity.entry.time.saturating_sub(HEAD_START).is_ok_and(|start| start <= time);
            let ended = identity.expires_at.saturating_add(CLOCKS).is_ok_and(|end| end < time);
            begun && !(access.is_login && ended)
        }
        None => true,
    };
    let subject = of(FactName::Subject).unwrap_or_default();
    let is_subject = access
        .subject
        .as_ref()
        .is_none_or(|said| is_name_of(said, subject) || of(FactName::Workspace) == Some(said.as_str()));
    let is_role = match (&access.role, &identity.role) {
        (Some(said), Some(known)) => same_role(kind, said, known),
        _ => true,
    };
    let is_family = of(FactName::Family).is_none_or(|family| match kind {
        LogKind::Entra => family.contains("azure"),
        LogKind::CloudTrail | LogKind::Google | LogKind::Vault => true,
    });
    // A refused login says nothing of itself that is proven: the role alone is what anybody may ask for.
    let says_something = access.run.is_some()
        || access.subject.is_some()
        || (!access.is_refused && access.role.is_some() && identity.role.is_some());
    says_something
        && in_time
        && is_subject
        && is_role
        && is_family
        && agrees(&access.run, of(FactName::Run))
        && agrees(&access.audience, of(FactName::Audience).filter(|audience| is_told(audience)))
}

/// Whether the ledger has the words themselves: it does not repeat the values of sensitive variables.
fn is_told(text: &str) -> bool {
    !text.contains("(sensitive)")
}

/// Whether a relying party may call a subject so: as it is, encoded, or the workspace alone by its full name.
fn is_name_of(said: &str, subject: &str) -> bool {
    let workspace = subject.split_once(":run_phase:").map_or(subject, |(workspace, _)| workspace);
    said == subject || said == workspace || said.replace("%20", " ").replace("%3A", ":") == subject
}

/// Lines of a session say its role in another way than the one that asked for it.
fn same_role(kind: LogKind, said: &str, known: &str) -> bool {
    let last = |role: &str| role.rsplit('/').next().unwrap_or_default().to_owned();
    match kind {
        LogKind::CloudTrail => said == known || last(said) == last(known),
        // The service account stands there only when one is used.
        LogKind::Google => true,
        LogKind::Entra => said.eq_ignore_ascii_case(known),
        // The device hashes what a request said.
        LogKind::Vault => said == known || said.starts_with("hmac-sha256:"),
    }
}
