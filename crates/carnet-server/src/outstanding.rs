//! What works at a provider although the phase that obtained it is over.

use std::fmt;
use std::str::FromStr;

use carnet_api::job::{CredentialEntry, CredentialLease, CredentialReport};
use carnet_creds::shell_quoted;
use carnet_model::{IdError, JobId, Timestamp};

use crate::error::ApiError;

/// The most bytes of a text about a credential that is neither a family nor a tag.
pub(crate) const LINE_LIMIT: usize = 2048;

/// The name of a lease: its job, and its places in the report of the job, which does not change any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeaseId {
    pub(crate) job_id: JobId,
    entry: usize,
    lease: usize,
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.job_id, self.entry, self.lease)
    }
}

/// Why a text names no lease.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeaseIdError {
    #[error(transparent)]
    Job(#[from] IdError),
    #[error("the place in the report is missing or not a number")]
    Place,
}

impl FromStr for LeaseId {
    type Err = LeaseIdError;

    fn from_str(text: &str) -> Result<Self, LeaseIdError> {
        let (rest, lease) = text.rsplit_once('-').ok_or(LeaseIdError::Place)?;
        let (job, entry) = rest.rsplit_once('-').ok_or(LeaseIdError::Place)?;
        let place = |text: &str| text.parse().map_err(|_| LeaseIdError::Place);
        let id = Self { job_id: job.parse()?, entry: place(entry)?, lease: place(lease)? };
        // One lease has one name.
        if id.to_string() == text { Ok(id) } else { Err(LeaseIdError::Place) }
    }
}

impl LeaseId {
    /// The entry and the lease of this name in the report of its job.
    pub(crate) fn find<'a>(
        &self,
        report: &'a CredentialReport,
    ) -> Option<(&'a CredentialEntry, &'a CredentialLease)> {
        let entry = report.entries.get(self.entry)?;
        Some((entry, entry.leases.get(self.lease)?))
    }
}

/// What somebody found out about a lease after its phase was over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settlement {
    Revoked,
    AlreadyGone,
    Failed(String),
}

impl Settlement {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::AlreadyGone => "already_gone",
            Self::Failed(_) => "failed",
        }
    }

    /// Writes it into the report; tells whether that changes anything. What is known to be over stays over.
    pub(crate) fn write(&self, report: &mut CredentialReport, id: &LeaseId) -> bool {
        let Some(entry) = report.entries.get_mut(id.entry) else { return false };
        let Some(lease) = entry.leases.get_mut(id.lease) else { return false };
        let detail = if let Self::Failed(reason) = self { for_people(reason) } else { String::new() };
        if !must_be_revoked(lease) || (lease.revocation == self.as_str() && lease.detail == detail) {
            return false;
        }
        self.as_str().clone_into(&mut lease.revocation);
        lease.detail = detail;
        if entry.outcome == "held" && !entry.leases.iter().any(must_be_revoked) {
            "ended".clone_into(&mut entry.outcome);
        }
        true
    }
}

/// A report as it was stored.
pub(crate) fn stored_report(text: &str) -> Result<CredentialReport, ApiError> {
    serde_json::from_str(text).map_err(ApiError::internal)
}

/// Whether a lease still works, as far as anybody knows.
fn is_outstanding(lease: &CredentialLease, now: Timestamp) -> bool {
    must_be_revoked(lease) && lease.ends_at.is_none_or(|end| end > now)
}

fn must_be_revoked(lease: &CredentialLease) -> bool {
    matches!(lease.revocation.as_str(), "outstanding" | "failed")
}

/// When the last of what must be revoked ends by itself; `None` when nothing must be.
pub(crate) fn outstanding_until(report: &CredentialReport) -> Option<Timestamp> {
    let leases = report.entries.iter().flat_map(|entry| &entry.leases);
    leases.filter(|lease| must_be_revoked(lease)).map(|lease| lease.ends_at.unwrap_or(Timestamp::MAX)).max()
}

/// What of the report of a job still works.
pub(crate) fn outstanding(job_id: &JobId, report: &CredentialReport, now: Timestamp) -> Vec<LeaseId> {
    let leases = report.entries.iter().enumerate().flat_map(|(entry, found)| {
        found.leases.iter().enumerate().map(move |(lease, found)| (entry, lease, found))
    });
    let working = leases.filter(|(_, _, found)| is_outstanding(found, now));
    working.map(|(entry, lease, _)| LeaseId { job_id: job_id.clone(), entry, lease }).collect()
}

/// A text without what could disturb a log or a terminal, cut.
pub(crate) fn for_people(text: &str) -> String {
    let plain = |character: char| if character.is_control() { ' ' } else { character };
    text.chars().take(LINE_LIMIT).map(plain).collect()
}

/// One sentence about something that still works, for people.
pub(crate) fn sentence(entry: &CredentialEntry, lease: &CredentialLease) -> String {
    let reason = match (lease.revocation.as_str(), lease.detail.as_str()) {
        ("failed", "") => "could not be revoked".to_owned(),
        ("failed", detail) => format!("could not be revoked: {detail}"),
        _ => "is not known to be revoked".to_owned(),
    };
    let end = match lease.ends_at {
        Some(end) => format!("it works until {end}"),
        None => "it does not end by itself".to_owned(),
    };
    let way_out = revocation_hint(lease).map(|hint| format!("; to revoke it: {hint}")).unwrap_or_default();
    format!("{} {reason}; {end}{way_out}", subject(entry, lease))
}

/// One sentence about something that does not work any more, for people.
pub(crate) fn closing_sentence(entry: &CredentialEntry, lease: &CredentialLease) -> String {
    let accessor = if lease.accessor.is_empty() { "" } else { " with accessor " };
    let end = if lease.revocation == "revoked" { "is revoked" } else { "was gone already" };
    format!("{}{accessor}{} {end}", subject(entry, lease), lease.accessor)
}

fn subject(entry: &CredentialEntry, lease: &CredentialLease) -> String {
    let tag = entry.tag.as_ref().map(|tag| format!(" ({tag})")).unwrap_or_default();
    format!("{}{tag}: the credential of {}", entry.family, lease.address)
}

/// The shell command by which an administrator revokes a lease; only tokens of Vault have an accessor.
pub(crate) fn revocation_hint(lease: &CredentialLease) -> Option<String> {
    // A text that begins with a dash would be read as an option.
    if !must_be_revoked(lease) || lease.accessor.is_empty() || lease.accessor.starts_with('-') {
        return None;
    }
    let namespace = lease.namespace.as_deref().filter(|namespace| !namespace.is_empty());
    let namespace =
        namespace.map(|namespace| format!(" -namespace={}", shell_quoted(namespace))).unwrap_or_default();
    let (address, accessor) = (shell_quoted(&lease.address), shell_quoted(&lease.accessor));
    Some(format!("vault token revoke -address={address}{namespace} -accessor {accessor}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lease(accessor: &str, namespace: Option<&str>) -> CredentialLease {
        CredentialLease {
            address: "https://vault.example.com:8200".to_owned(),
            namespace: namespace.map(str::to_owned),
            accessor: accessor.to_owned(),
            ends_at: None,
            revocation: "outstanding".to_owned(),
            detail: String::new(),
        }
    }

    #[track_caller]
    fn check_hint(accessor: &str, namespace: Option<&str>, expected: Option<&str>) {
        assert_eq!(revocation_hint(&lease(accessor, namespace)).as_deref(), expected);
    }

    #[test]
    fn a_hint_is_one_command_whatever_was_reported() {
        let command = "vault token revoke -address=https://vault.example.com:8200";
        check_hint("dG9r.e-n_1", None, Some(&format!("{command} -accessor dG9r.e-n_1")));
        check_hint("a", Some("team/a"), Some(&format!("{command} -namespace=team/a -accessor a")));
        check_hint("a", Some(""), Some(&format!("{command} -accessor a")));
        check_hint("a; reboot", None, Some(&format!("{command} -accessor 'a; reboot'")));
        check_hint("a'$(reboot)'", None, Some(&format!(r"{command} -accessor 'a'\''$(reboot)'\'''")));
        check_hint("", None, None);
        check_hint("-force", None, None);
    }

    #[test]
    fn only_what_works_is_outstanding() {
        let now = Timestamp::UNIX_EPOCH;
        let later = Some(Timestamp::from_second(1).unwrap());
        for (revocation, ends_at, expected) in [
            ("outstanding", None, true),
            ("failed", later, true),
            ("failed", Some(now), false),
            ("revoked", later, false),
            ("already_gone", later, false),
            ("ends_by_itself", later, false),
        ] {
            let lease = CredentialLease { ends_at, revocation: revocation.to_owned(), ..lease("a", None) };
            assert_eq!(is_outstanding(&lease, now), expected, "{revocation}");
        }
    }

    fn report(revocations: &[&str]) -> CredentialReport {
        let lease = |word: &&str| CredentialLease { revocation: (*word).to_owned(), ..lease("a", None) };
        let leases: Vec<_> = revocations.iter().map(lease).collect();
        let entry = json!({
            "family": "vault", "tag": null, "audience": "", "subject": "", "role": null, "jti": null, "life_seconds": 0,
            "renewals": 0, "expires_at": null, "outcome": "held", "detail": "", "identity": [], "leases": leases,
        });
        serde_json::from_value(json!({ "entries": [entry] })).expect("a report")
    }

    #[track_caller]
    fn check_settlement(before: &[&str], settlement: &Settlement, expected: Option<(&str, &str)>) {
        let mut report = report(before);
        let id = LeaseId { job_id: JobId::from_entropy([7; 16]), entry: 0, lease: 0 };
        let untouched = report.clone();
        assert_eq!(settlement.write(&mut report, &id), expected.is_some());
        let Some((revocation, outcome)) = expected else {
            assert_eq!(report, untouched);
            return;
        };
        assert_eq!(
            (report.entries[0].leases[0].revocation.as_str(), &*report.entries[0].outcome),
            (revocation, outcome)
        );
        assert!(!settlement.write(&mut report, &id), "the second time changes nothing");
    }

    #[test]
    fn what_is_known_to_be_over_stays_over() {
        let failed = Settlement::Failed("sealed\nVault".to_owned());
        check_settlement(&["outstanding"], &Settlement::Revoked, Some(("revoked", "ended")));
        check_settlement(&["outstanding", "failed"], &Settlement::Revoked, Some(("revoked", "held")));
        check_settlement(&["failed", "revoked"], &Settlement::AlreadyGone, Some(("already_gone", "ended")));
        check_settlement(&["outstanding"], &failed, Some(("failed", "held")));
        for over in ["revoked", "already_gone", "ends_by_itself"] {
            for settlement in [&Settlement::Revoked, &Settlement::AlreadyGone, &failed] {
                check_settlement(&[over], settlement, None);
            }
        }
        check_settlement(&[], &Settlement::Revoked, None);
    }

    #[test]
    fn a_lease_has_one_name() {
        let id = LeaseId { job_id: JobId::from_entropy([7; 16]), entry: 3, lease: 12 };
        let name = id.to_string();
        assert_eq!(name.parse::<LeaseId>().ok(), Some(id));
        let job = JobId::from_entropy([7; 16]);
        for text in ["", "3-12", "-3-12", &format!("{job}"), &format!("{job}-3"), &format!("{job}-3-+1")] {
            assert!(text.parse::<LeaseId>().is_err(), "{text}");
        }
        assert!(format!("{job}-03-1").parse::<LeaseId>().is_err());
    }
}
