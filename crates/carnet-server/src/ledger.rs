//! What becomes an entry of the ledger, and in whose words.
//!
//! Everything is recorded in the transaction of what it tells of ([`Tx::record`]) and so committed with it: the entry of an
//! identity token is there before the token is signed. What an agent reports is marked as such: the server was not there.

mod changed;
mod reported;
mod revoked;

use carnet_api::job::IdentityTokenRequest;
use carnet_issuer::TokenDraft;
use carnet_model::{
    FactName, Job, LedgerCheckpoint, LedgerFact, LedgerKind, Phase, Run, Timestamp, UserId, Workspace,
};
use carnet_store::{StoreError, Tx};

pub(crate) use self::changed::{Names, record_change, record_names, record_owner, record_resources};
pub(crate) use self::reported::{lease_fact, report_facts};
pub(crate) use self::revoked::{record_left, record_settled};
use crate::error::ApiError;
use crate::issuance::Admission;
use crate::outstanding::for_people;

/// Who the words of an entry come from.
const SERVER: &str = "server";

/// The most characters of what a refused request asked for.
const ASKED_LIMIT: usize = 256;

/// A fact about a job, with everything that leads from it to a person.
pub(crate) async fn job_fact(
    tx: &mut Tx,
    kind: LedgerKind,
    (job, run, workspace): (&Job, &Run, &Workspace),
    now: Timestamp,
) -> Result<LedgerFact, StoreError> {
    let fact = LedgerFact::of(&workspace.organization_id, kind, now)
        .with(FactName::Run, run.id.as_str())
        .with(FactName::Job, job.id.as_str())
        .with(FactName::Phase, job.phase.as_str())
        .with(FactName::Workspace, workspace.id.as_str())
        .with(FactName::Project, workspace.project_id.as_str())
        .with(FactName::Configuration, run.configuration_version_id.as_str())
        .with_some(FactName::Actor, run.created_by.as_ref().map(UserId::as_str))
        .with_some(FactName::ActorName, name_of(tx, run.created_by.as_ref()).await?);
    if job.phase == Phase::Plan {
        return Ok(fact);
    }
    Ok(match &run.confirmed_by {
        Some(approver) => {
            let name = name_of(tx, Some(approver)).await?;
            fact.with(FactName::Approver, approver.as_str()).with_some(FactName::ApproverName, name)
        }
        // Nobody decides about a run that was made to apply by itself.
        None => fact.with(FactName::Approver, "auto-apply"),
    })
}

async fn name_of(tx: &mut Tx, user: Option<&UserId>) -> Result<Option<String>, StoreError> {
    let Some(user) = user else {
        return Ok(None);
    };
    Ok(tx.user(user).await?.map(|user| user.username.to_string()))
}

/// An identity token that is about to be signed.
pub(crate) fn minted(
    fact: LedgerFact,
    wanted: &IdentityTokenRequest,
    draft: &TokenDraft,
    admission: &Admission,
) -> LedgerFact {
    fact.with(FactName::Source, SERVER)
        .with(FactName::Outcome, "minted")
        .with(FactName::Family, &wanted.family)
        .with_some(FactName::Tag, wanted.tag.as_ref())
        .with(FactName::Audience, &admission.audience)
        .with_some(FactName::Role, admission.role.as_ref())
        .with(FactName::Subject, &draft.subject)
        .with(FactName::Jti, draft.jti.to_string())
        .with(FactName::Kid, draft.kid.to_string())
        .with(FactName::ExpiresAt, draft.expires_at.to_string())
}

/// An identity token that was asked for in vain; `None` when the request was no more than unlucky. `unsigned` is the id of one whose
/// entry was there already when it could not be signed.
pub(crate) fn refused(
    fact: LedgerFact,
    wanted: &IdentityTokenRequest,
    error: &ApiError,
    unsigned: Option<&str>,
) -> Option<LedgerFact> {
    let outcome = match error {
        _ if unsigned.is_some() => "not_signed",
        ApiError::Forbidden(_) | ApiError::Precondition(_) => "refused_by_policy",
        ApiError::Gone(_) | ApiError::Conflict(_) | ApiError::Transition(_) => "refused_out_of_turn",
        ApiError::Invalid { .. } | ApiError::BadRequest(_) => "refused_as_invalid",
        ApiError::Unauthorized
        | ApiError::NotFound
        | ApiError::TooLarge { .. }
        | ApiError::Unsigned { .. }
        | ApiError::Unavailable(_)
        | ApiError::TooManyRequests
        | ApiError::Internal(_) => return None,
    };
    let cut = |text: &str| for_people(text).chars().take(ASKED_LIMIT).collect::<String>();
    let fact = fact
        .with(FactName::Source, SERVER)
        .with(FactName::Outcome, outcome)
        .with(FactName::Reason, for_people(&error.to_string()))
        .with_some(FactName::Jti, unsigned)
        .with(FactName::Family, cut(&wanted.family))
        .with(FactName::Audience, cut(&wanted.audience));
    Some(fact.with_some(FactName::Tag, wanted.tag.as_deref().map(cut)))
}

/// A key of the issuer.
pub(crate) fn key_fact(kid: &str, action: &str, now: Timestamp) -> LedgerFact {
    LedgerFact::of_site(LedgerKind::Key, now)
        .with(FactName::Source, SERVER)
        .with(FactName::Kid, kid)
        .with(FactName::Action, action)
        .with(FactName::Outcome, "changed")
}

/// A checkpoint of an organization's chain, told to the site's.
pub(crate) fn checkpoint_fact(checkpoint: &LedgerCheckpoint) -> LedgerFact {
    LedgerFact::of_site(LedgerKind::Checkpoint, checkpoint.time)
        .with(FactName::Source, SERVER)
        .with(FactName::ResourceType, "ledger")
        .with(FactName::Resource, checkpoint.chain.to_string())
        .with(FactName::Covers, checkpoint.sequence.to_string())
        .with(FactName::Hash, checkpoint.hash.to_string())
        .with(FactName::Outcome, "signed")
}

#[cfg(test)]
mod tests;
