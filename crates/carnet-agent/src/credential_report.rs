//! What the server is told about credentials: facts, never a secret.

use carnet_api::job::{CredentialEntry, CredentialLease};
use carnet_creds::{LeaseEntry, ReportEntry, RevocationOutcome};

/// One configuration as the server keeps it.
pub(crate) fn report_entry(entry: &ReportEntry) -> CredentialEntry {
    let is_over = !entry.leases.is_empty() && entry.leases.iter().all(|lease| lease.outcome.is_some());
    let outcome = match (&entry.refused, is_over) {
        (Some(_), _) => "refused",
        (None, true) => "ended",
        (None, false) => "held",
    };
    CredentialEntry {
        family: entry.family.to_string(),
        tag: entry.tag.as_ref().map(ToString::to_string),
        audience: entry.audience.clone(),
        subject: entry.subject.clone(),
        role: entry.role.clone(),
        jti: entry.jti.clone(),
        life_seconds: entry.life.as_secs(),
        renewals: entry.renewals,
        expires_at: entry.expires_at,
        outcome: outcome.to_owned(),
        detail: entry.refused.clone().unwrap_or_default(),
        identity: entry.identity.clone(),
        leases: entry.leases.iter().map(lease).collect(),
    }
}

/// The entries of a phase that is over: what needs no revocation is over, too.
pub(crate) fn ended(entries: Vec<ReportEntry>) -> Vec<CredentialEntry> {
    let mut ended: Vec<CredentialEntry> = entries.iter().map(report_entry).collect();
    for entry in ended.iter_mut().filter(|entry| entry.outcome == "held") {
        "ended".clone_into(&mut entry.outcome);
    }
    ended
}

/// One configuration as a line at the end of the run log.
pub(crate) fn report_line(entry: &CredentialEntry) -> String {
    let tag = entry.tag.as_ref().map(|tag| format!(" (tag \"{tag}\")")).unwrap_or_default();
    let mut parts = vec![format!("subject {}", entry.subject)];
    if !entry.audience.is_empty() {
        parts.push(format!("audience {}", entry.audience));
    }
    parts.extend(entry.role.as_ref().map(|role| format!("role {role}")));
    parts.extend(entry.jti.as_ref().map(|jti| format!("token {jti} of {} s", entry.life_seconds)));
    parts.push(match entry.renewals {
        0 => "never replaced or renewed".to_owned(),
        1 => "replaced or renewed once".to_owned(),
        times => format!("replaced or renewed {times} times"),
    });
    let revocations = entry.leases.iter().map(|lease| lease.revocation.replace('_', " "));
    let revocations: Vec<String> = revocations.collect();
    let end = if revocations.is_empty() { String::new() } else { format!(": {}", revocations.join(", ")) };
    parts.push(format!("{}{end}", entry.outcome));
    format!("Credentials report: {}{tag}: {}", entry.family, parts.join(", "))
}

fn lease(lease: &LeaseEntry) -> CredentialLease {
    let (revocation, detail) = match &lease.outcome {
        None => ("outstanding", ""),
        Some(RevocationOutcome::Revoked) => ("revoked", ""),
        Some(RevocationOutcome::AlreadyGone) => ("already_gone", ""),
        Some(RevocationOutcome::EndsByItself(_)) => ("ends_by_itself", ""),
        Some(RevocationOutcome::Failed(reason)) => ("failed", reason.as_str()),
    };
    CredentialLease {
        address: lease.address.clone(),
        namespace: lease.namespace.clone(),
        accessor: lease.accessor.clone(),
        ends_at: lease.ends_at,
        revocation: revocation.to_owned(),
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_report_says_who_for_how_long_and_how_it_ended() {
        let lease = |revocation: &str| CredentialLease {
            address: "https://vault.example.com".to_owned(),
            namespace: None,
            accessor: "a".to_owned(),
            ends_at: None,
            revocation: revocation.to_owned(),
            detail: String::new(),
        };
        let mut entry = CredentialEntry {
            family: "vault".to_owned(),
            tag: Some("OPS".to_owned()),
            audience: "vault.workload.identity".to_owned(),
            subject: "organization:acme".to_owned(),
            role: Some("deployer".to_owned()),
            jti: Some("jti-1".to_owned()),
            life_seconds: 300,
            renewals: 2,
            expires_at: None,
            outcome: "ended".to_owned(),
            detail: String::new(),
            identity: Vec::new(),
            leases: vec![lease("revoked"), lease("already_gone")],
        };
        assert_eq!(
            report_line(&entry),
            "Credentials report: vault (tag \"OPS\"): subject organization:acme, audience vault.workload.identity, role \
             deployer, token jti-1 of 300 s, replaced or renewed 2 times, ended: revoked, already gone"
        );
        (entry.tag, entry.role, entry.jti, entry.renewals) = (None, None, None, 0);
        (entry.audience, entry.leases) = (String::new(), Vec::new());
        assert_eq!(
            report_line(&entry),
            "Credentials report: vault: subject organization:acme, never replaced or renewed, ended"
        );
    }
}
