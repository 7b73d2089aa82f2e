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
