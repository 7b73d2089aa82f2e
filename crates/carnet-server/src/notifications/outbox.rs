//! What is to be told, written with the change that it tells of.

use carnet_model::{NotificationDelivery, NotificationTrigger, Run, Timestamp, UserId};
use carnet_store::Tx;

use crate::app::entropy;
use crate::error::ApiError;

/// A new run is told of. Belongs into the transaction that makes it.
pub(crate) async fn note_created(tx: &mut Tx, run: &Run, now: Timestamp) -> Result<(), ApiError> {
    note(tx, run, NotificationTrigger::Created, run.created_by.as_ref(), now).await
}

/// A run is told of that has just entered its status. Belongs into the transaction that moves it.
pub(crate) async fn note_status(
    tx: &mut Tx,
    run: &Run,
    actor: Option<&UserId>,
    now: Timestamp,
) -> Result<(), ApiError> {
    match NotificationTrigger::of_status(run.status, run.options.approves_itself()) {
        Some(trigger) => note(tx, run, trigger, actor, now).await,
        None => Ok(()),
    }
}

async fn note(
    tx: &mut Tx,
    run: &Run,
    trigger: NotificationTrigger,
    actor: Option<&UserId>,
    now: Timestamp,
) -> Result<(), ApiError> {
    // Speculative plans are nobody's news, as HCP Terraform has it.
    if run.options.plan_only {
        return Ok(());
    }
    for notification_id in tx.notifications_on(&run.workspace_id, trigger).await? {
        let delivery = NotificationDelivery {
            id: random_id()?,
            notification_id,
            run_id: run.id.clone(),
            trigger,
            run_status: run.status,
            run_updated_at: now,
            run_updated_by: actor.cloned(),
            attempts: 0,
        };
        tx.insert_delivery(&delivery, now).await?;
    }
    Ok(())
}

/// The name of a delivery or of an answer; clients never see it.
pub(crate) fn random_id() -> Result<String, ApiError> {
    Ok(entropy()?.iter().map(|byte| format!("{byte:02x}")).collect())
}
