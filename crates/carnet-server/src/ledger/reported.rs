//! What an agent says of its credentials, as entries: the difference between one report and the next.

use carnet_api::job::{CredentialEntry, CredentialLease, CredentialReport};
use carnet_model::{FactName, LedgerFact, LedgerKind};

/// Who the words of an entry come from.
const AGENT: &str = "agent";

/// The most characters of who a run is to a provider.
const IDENTITY_LIMIT: usize = 1024;

/// What happened between two reports of a job. `about` says which job.
pub(crate) fn report_facts(
    about: &LedgerFact,
    before: &CredentialReport,
    now: &CredentialReport,
) -> Vec<LedgerFact> {
    now.entries.iter().flat_map(|entry| entry_facts(about, before_of(before, entry), entry)).collect()
}

/// The same configuration in the report before.
fn before_of<'a>(before: &'a CredentialReport, entry: &CredentialEntry) -> Option<&'a CredentialEntry> {
    before.entries.iter().find(|other| other.family == entry.family && other.tag == entry.tag)
}

fn entry_facts(
    about: &LedgerFact,
    before: Option<&CredentialEntry>,
    now: &CredentialEntry,
) -> Vec<LedgerFact> {
    let was = before.map_or("", |before| before.outcome.as_str());
    let mut facts = Vec::new();
    let is_obtained = matches!(now.outcome.as_str(), "held" | "ended");
    if is_obtained && !matches!(was, "held" | "ended") {
        facts.push(held(about, LedgerKind::Exchange, "obtained", now));
    }
    let renewals = before.map_or(0, |before| before.renewals);
    if now.renewals > renewals {
        let fact = held(about, LedgerKind::Renewal, "renewed", now);
        facts.push(fact.with(FactName::Renewals, now.renewals.to_string()));
    }
    // What Carnet refused itself is an entry of the server already: without a token, no provider has seen anything.
    let is_presented = now.outcome == "refused" && now.jti.is_some();
    if is_presented && (was != "refused" || before.is_some_and(|one| one.jti != now.jti)) {
        let fact = named(about, LedgerKind::Refusal, now).with(FactName::Outcome, "refused_by_provider");
        facts.push(fact.with(FactName::Reason, &now.detail));
    }
    for (place, lease) in now.leases.iter().enumerate() {
        let known = before.and_then(|before| before.leases.get(place));
        let known = known.map_or("outstanding", |lease| lease.revocation.as_str());
        if lease.revocation != known {
            facts.push(lease_fact(about, now, lease));
        }
    }
    if now.outcome == "ended" && was != "ended" && now.leases.is_empty() {
        facts.push(named(about, LedgerKind::Revocation, now).with(FactName::Outcome, "deleted"));
    }
    facts
}

fn named(about: &LedgerFact, kind: LedgerKind, entry: &CredentialEntry) -> LedgerFact {
    LedgerFact { kind, ..about.clone() }
        .with(FactName::Source, AGENT)
        .with(FactName::Family, &entry.family)
        .with_some(FactName::Tag, entry.tag.as_ref())
        .with(FactName::Audience, &entry.audience)
        .with(FactName::Subject, &entry.subject)
        .with_some(FactName::Role, entry.role.as_ref())
        .with_some(FactName::Jti, entry.jti.as_ref())
}

fn held(about: &LedgerFact, kind: LedgerKind, outcome: &str, entry: &CredentialEntry) -> LedgerFact {
    let identity: String = entry.identity.join("; ").chars().take(IDENTITY_LIMIT).collect();
    let newest = entry.leases.last();
    named(about, kind, entry)
        .with(FactName::Outcome, outcome)
        .with(FactName::Identity, identity)
        .with_some(FactName::ExpiresAt, entry.expires_at)
        .with_some(FactName::Address, newest.map(|lease| lease.address.as_str()))
        .with_some(FactName::Namespace, newest.and_then(|lease| lease.namespace.as_ref()))
        .with_some(FactName::Accessor, newest.map(|lease| lease.accessor.as_str()))
}

/// What became of something that works at a provider until it is revoked.
pub(crate) fn lease_fact(about: &LedgerFact, entry: &CredentialEntry, lease: &CredentialLease) -> LedgerFact {
    named(about, LedgerKind::Revocation, entry)
        .with(FactName::Outcome, &lease.revocation)
        .with(FactName::Reason, &lease.detail)
        .with(FactName::Address, &lease.address)
        .with_some(FactName::Namespace, lease.namespace.as_ref())
        .with(FactName::Accessor, &lease.accessor)
        .with_some(FactName::ExpiresAt, lease.ends_at)
}
