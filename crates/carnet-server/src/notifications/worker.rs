//! Sends what is due, in the background of every server.

use std::collections::BTreeMap;
use std::time::Duration;

use carnet_model::{
    NotificationConfiguration, NotificationDelivery, NotificationId, NotificationResponse, UserId,
};
use carnet_store::Tx;
use futures_util::future::join_all;
use tokio::time::{MissedTickBehavior, interval};

use super::outbox::random_id;
use super::payload::{News, news};
use super::sender::Sender;
use crate::app::App;
use crate::error::ApiError;

/// How often is looked for what is due.
const PERIOD: Duration = Duration::from_secs(1);

/// How many are sent in one round.
const BATCH: u64 = 32;

/// How long a round keeps what it took: far longer than it can last.
const LEASE: Duration = Duration::from_secs(300);

/// How often a notification is tried.
pub(super) const ATTEMPTS: u32 = 8;

/// The pause after the first failure; it doubles with every further one.
pub(super) const PAUSE: Duration = Duration::from_secs(5);

/// Sends for as long as it is polled.
pub(crate) async fn send_notifications(app: &App) {
    let sender = match Sender::new(&app.settings.destinations) {
        Ok(sender) => sender,
        Err(error) => {
            tracing::error!(%error, "notifications cannot be sent");
            return std::future::pending().await;
        }
    };
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = send_due(app, &sender).await {
            tracing::error!(%error, "notifications could not be sent");
        }
    }
}

/// Sends what is due, once; tells how many were tried.
pub(super) async fn send_due(app: &App, sender: &Sender) -> Result<usize, ApiError> {
    // Without work, nobody has to wait for the writer.
    if !app.store.read().await?.has_due_delivery(app.now()).await? {
        return Ok(0);
    }
    let mut tx = app.store.write().await?;
    let claimed = tx.claim_deliveries(app.now(), LEASE, BATCH).await?;
    tx.commit().await?;
    let mut by_destination: BTreeMap<NotificationId, Vec<NotificationDelivery>> = BTreeMap::new();
    for delivery in claimed {
        by_destination.entry(delivery.notification_id.clone()).or_default().push(delivery);
    }
    let rounds = by_destination.iter().map(|(id, deliveries)| send_all(app, sender, id, deliveries));
    join_all(rounds).await.into_iter().sum()
}

/// Sends to one destination, in order. One that does not answer is not asked for the rest, so that nobody waits for it.
async fn send_all(
    app: &App,
    sender: &Sender,
    id: &NotificationId,
    deliveries: &[NotificationDelivery],
) -> Result<usize, ApiError> {
    let mut tried = 0;
    let mut is_down = false;
    for delivery in deliveries {
        if is_down {
            let due_at = app.now().checked_add(PAUSE).map_err(ApiError::internal)?;
            let mut tx = app.store.write().await?;
            tx.postpone_delivery(&delivery.id, delivery.attempts.saturating_sub(1), due_at).await?;
            tx.commit().await?;
            continue;
        }
        let answer = send(app, sender, id, delivery).await?;
        tried += 1;
        is_down = answer.as_ref().is_some_and(|answer| answer.code.is_none());
        settle(app, delivery, answer).await?;
    }
    Ok(tried)
}

/// `None` when there is nothing to tell, or nobody to be told, any more.
async fn send(
    app: &App,
    sender: &Sender,
    id: &NotificationId,
    delivery: &NotificationDelivery,
) -> Result<Option<NotificationResponse>, ApiError> {
    let mut tx = app.store.read().await?;
    let configuration = tx.notification_configuration(id).await?.filter(|found| found.enabled);
    let (Some(configuration), Some(run)) = (configuration, tx.run(&delivery.run_id).await?) else {
        return Ok(None);
    };
    let Some(workspace) = tx.workspace(&run.workspace_id).await? else {
        return Ok(None);
    };
    let created_by = name_of(&mut tx, run.created_by.as_ref()).await?;
    let updated_by = name_of(&mut tx, delivery.run_updated_by.as_ref()).await?;
    drop(tx);
    let path = format!("/app/{}/{}/runs/{}", workspace.organization_name, workspace.name, run.id);
    let payload = news(
        &configuration,
        &News {
            delivery,
            run: &run,
            workspace: &workspace,
            run_url: &app.url(&path),
            created_by: created_by.as_deref(),
            updated_by: updated_by.as_deref(),
        },
    );
    Ok(Some(deliver(app, sender, &configuration, &payload).await))
}

async fn deliver(
    app: &App,
    sender: &Sender,
    configuration: &NotificationConfiguration,
    payload: &serde_json::Value,
) -> NotificationResponse {
    let answer = sender.send(configuration, payload, app.now()).await;
    if !answer.successful {
        tracing::warn!(notification.id = %configuration.id, answer.code, "a notification was not accepted");
    }
    answer
}

async fn name_of(tx: &mut Tx, id: Option<&UserId>) -> Result<Option<String>, ApiError> {
    let Some(id) = id else {
        return Ok(None);
    };
    Ok(tx.user(id).await?.map(|user| user.username.to_string()))
}

async fn settle(
    app: &App,
    delivery: &NotificationDelivery,
    answer: Option<NotificationResponse>,
) -> Result<(), ApiError> {
    let mut tx = app.store.write().await?;
    let is_over = answer.as_ref().is_none_or(|answer| answer.successful) || delivery.attempts >= ATTEMPTS;
    if let Some(answer) = answer
        && tx.notification_configuration(&delivery.notification_id).await?.is_some()
    {
        tx.insert_notification_response(&random_id()?, &delivery.notification_id, &answer).await?;
    }
    if is_over {
        tx.delete_delivery(&delivery.id).await?;
    } else {
        let pause = PAUSE * 2_u32.saturating_pow(delivery.attempts.saturating_sub(1));
        let due_at = app.now().checked_add(pause).map_err(ApiError::internal)?;
        tx.postpone_delivery(&delivery.id, delivery.attempts, due_at).await?;
    }
    Ok(tx.commit().await?)
}
