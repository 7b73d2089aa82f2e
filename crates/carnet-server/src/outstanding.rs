//! What works at a provider although the phase that obtained it is over.

use carnet_api::job::{CredentialEntry, CredentialLease, CredentialReport};
use carnet_model::Timestamp;

use crate::error::ApiError;

/// A report as it was stored.
pub(crate) fn stored_report(text: &str) -> Result<CredentialReport, ApiError> {
    serde_json::from_str(text).map_err(ApiError::internal)
}

/// Whether a lease still works, as far as anybody knows.
pub(crate) fn is_outstanding(lease: &CredentialLease, now: Timestamp) -> bool {
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

/// What of a report still works, with the entry that it belongs to.
pub(crate) fn outstanding(
    report: &CredentialReport,
    now: Timestamp,
) -> impl Iterator<Item = (&CredentialEntry, &CredentialLease)> {
    let all = report.entries.iter().flat_map(|entry| entry.leases.iter().map(move |lease| (entry, lease)));
    all.filter(move |(_, lease)| is_outstanding(lease, now))
}

/// One sentence about something that still works, for people.
pub(crate) fn sentence(entry: &CredentialEntry, lease: &CredentialLease) -> String {
    let tag = entry.tag.as_ref().map(|tag| format!(" ({tag})")).unwrap_or_default();
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
    format!("{}{tag}: the credential of {} {reason}; {end}{way_out}", entry.family, lease.address)
}

/// The shell command by which an administrator revokes a lease; only tokens of Vault have an accessor.
pub(crate) fn revocation_hint(lease: &CredentialLease) -> Option<String> {
    // A text that begins with a dash would be read as an option.
    if lease.accessor.is_empty() || lease.accessor.starts_with('-') {
        return None;
    }
    let namespace = lease.namespace.as_deref().filter(|namespace| !namespace.is_empty());
    let namespace =
        namespace.map(|namespace| format!(" -namespace={}", quoted(namespace))).unwrap_or_default();
    let (address, accessor) = (quoted(&lease.address), quoted(&lease.accessor));
    Some(format!("vault token revoke -address={address}{namespace} -accessor {accessor}"))
}

/// A text as one word of a POSIX shell: what agents report must never become a command of its own.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
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
}
