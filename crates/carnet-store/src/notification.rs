//! Notification configurations, what is to be sent for them, and what their destinations answered.

use std::time::Duration;

use carnet_model::{
    NotificationConfiguration, NotificationDelivery, NotificationId, NotificationResponse,
    NotificationTrigger, Timestamp, WorkspaceId,
};
use secrecy::{ExposeSecret, SecretString};

use crate::db::{Row, StoreError, Tx, corrupt};
use crate::run::json;

/// How many answers of a destination are kept.
const RESPONSES: u64 = 10;

fn url_place(id: &NotificationId) -> String {
    format!("notification url {id}")
}

fn token_place(id: &NotificationId) -> String {
    format!("notification token {id}")
}

fn delivery(row: &Row) -> Result<NotificationDelivery, StoreError> {
    Ok(NotificationDelivery {
        id: row.text("id")?,
        notification_id: row.parsed("notification_id")?,
        run_id: row.parsed("run_id")?,
        trigger: row.parsed("event")?,
        run_status: row.parsed("run_status")?,
        run_updated_at: row.time("run_updated_at")?,
        run_updated_by: row.optional_parsed("run_updated_by")?,
        attempts: row.count("attempts")?,
    })
}

fn response(row: &Row) -> Result<NotificationResponse, StoreError> {
    let code = row.optional_integer("code")?;
    Ok(NotificationResponse {
        code: code.map(u16::try_from).transpose().map_err(|_| corrupt("code"))?,
        body: row.text("body")?,
        successful: row.boolean("successful")?,
        sent_at: row.time("sent_at")?,
    })
}

impl Tx {
    fn opened(&self, place: &str, sealed: &str) -> Result<SecretString, StoreError> {
        let plain = self.sealer.open(place, sealed)?;
        std::str::from_utf8(&plain).map(SecretString::from).map_err(|_| corrupt("notification"))
    }

    fn notification(&self, row: &Row) -> Result<NotificationConfiguration, StoreError> {
        let id: NotificationId = row.parsed("id")?;
        let token = row.optional_text("sealed_token")?;
        Ok(NotificationConfiguration {
            workspace_id: row.parsed("workspace_id")?,
            name: row.text("name")?,
            destination: row.parsed("destination_type")?,
            url: self.opened(&url_place(&id), &row.text("sealed_url")?)?,
            token: token.map(|sealed| self.opened(&token_place(&id), &sealed)).transpose()?,
            triggers: row
                .json::<Vec<String>>("triggers")?
                .iter()
                .map(|text| text.parse().map_err(|_| corrupt("triggers")))
                .collect::<Result<_, _>>()?,
            enabled: row.boolean("enabled")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
            id,
        })
    }

    /// Stores a new configuration.
    pub async fn insert_notification(&mut self, new: &NotificationConfiguration) -> Result<(), StoreError> {
        let (url, token) = self.sealed_notification(new)?;
        self.execute(
            "INSERT INTO notification_configurations (id, workspace_id, name, destination_type, sealed_url, \
             sealed_token, triggers, enabled, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            &[
                (&new.id).into(),
                (&new.workspace_id).into(),
                (&new.name).into(),
                new.destination.as_str().into(),
                url.into(),
                token.into(),
                triggers(&new.triggers)?.into(),
                new.enabled.into(),
                new.created_at.into(),
                new.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Saves a changed configuration; its workspace and the type of its destination never change.
    pub async fn update_notification(&mut self, new: &NotificationConfiguration) -> Result<(), StoreError> {
        let (url, token) = self.sealed_notification(new)?;
        self.execute(
            "UPDATE notification_configurations SET name = $2, sealed_url = $3, sealed_token = $4, triggers = $5, \
             enabled = $6, updated_at = $7 WHERE id = $1",
            &[
                (&new.id).into(),
                (&new.name).into(),
                url.into(),
                token.into(),
                triggers(&new.triggers)?.into(),
                new.enabled.into(),
                new.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    fn sealed_notification(
        &self,
        new: &NotificationConfiguration,
    ) -> Result<(String, Option<String>), StoreError> {
        let url = self.sealer.seal(&url_place(&new.id), new.url.expose_secret().as_bytes())?;
        let seal =
            |token: &SecretString| self.sealer.seal(&token_place(&new.id), token.expose_secret().as_bytes());
        Ok((url, new.token.as_ref().map(seal).transpose()?))
    }

    /// The configuration of this id.
    pub async fn notification_configuration(
        &mut self,
        id: &NotificationId,
    ) -> Result<Option<NotificationConfiguration>, StoreError> {
        let row =
            self.optional("SELECT * FROM notification_configurations WHERE id = $1", &[id.into()]).await?;
        row.map(|row| self.notification(&row)).transpose()
    }

    /// How many configurations a workspace has.
    pub async fn count_notifications(&mut self, workspace: &WorkspaceId) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) AS total FROM notification_configurations WHERE workspace_id = $1";
        self.total(sql, &[workspace.into()]).await
    }

    /// Configurations of a workspace, the oldest first.
    pub async fn workspace_notifications(
        &mut self,
        workspace: &WorkspaceId,
        (offset, limit): (u64, u64),
    ) -> Result<Vec<NotificationConfiguration>, StoreError> {
        let rows = self
            .all(
                "SELECT * FROM notification_configurations WHERE workspace_id = $1 ORDER BY created_at, id \
                 LIMIT $2 OFFSET $3",
                &[workspace.into(), limit.into(), offset.into()],
            )
            .await?;
        rows.iter().map(|row| self.notification(row)).collect()
    }

    /// The enabled configurations of a workspace that have the trigger.
    pub async fn notifications_on(
        &mut self,
        workspace: &WorkspaceId,
        trigger: NotificationTrigger,
    ) -> Result<Vec<NotificationId>, StoreError> {
        let rows = self
            .all(
                "SELECT id, triggers FROM notification_configurations WHERE workspace_id = $1 AND enabled = TRUE \
                 ORDER BY created_at, id",
                &[workspace.into()],
            )
            .await?;
        let mut found = Vec::new();
        for row in &rows {
            if row.json::<Vec<String>>("triggers")?.iter().any(|text| text == trigger.as_str()) {
                found.push(row.parsed("id")?);
            }
        }
        Ok(found)
    }

    /// Removes a configuration with everything that was to be sent for it; `false` when there is none of this id.
    pub async fn delete_notification(&mut self, id: &NotificationId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM notification_configurations WHERE id = $1";
        Ok(self.execute(sql, &[id.into()]).await? > 0)
    }

    /// Has something sent, by whichever server comes first.
    pub async fn insert_delivery(
        &mut self,
        new: &NotificationDelivery,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO notification_deliveries (id, notification_id, run_id, event, run_status, run_updated_at, \
             run_updated_by, attempts, due_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                (&new.id).into(),
                (&new.notification_id).into(),
                (&new.run_id).into(),
                new.trigger.as_str().into(),
                new.run_status.as_str().into(),
                new.run_updated_at.into(),
                new.run_updated_by.as_ref().into(),
                new.attempts.into(),
                due_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Tells whether something is to be sent by now.
    pub async fn has_due_delivery(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT id FROM notification_deliveries WHERE due_at <= $1 ORDER BY due_at, id LIMIT 1";
        Ok(self.optional(sql, &[now.into()]).await?.is_some())
    }

    /// Takes what is to be sent by now. Nobody else takes it until the lease is over; then somebody does, unless it was settled.
    pub async fn claim_deliveries(
        &mut self,
        now: Timestamp,
        lease: Duration,
        limit: u64,
    ) -> Result<Vec<NotificationDelivery>, StoreError> {
        let until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        let rows = self
            .all(
                "UPDATE notification_deliveries SET attempts = attempts + 1, due_at = $2 WHERE id IN \
                 (SELECT id FROM notification_deliveries WHERE due_at <= $1 ORDER BY due_at, id LIMIT $3) \
                 RETURNING *",
                &[now.into(), until.into(), limit.into()],
            )
            .await?;
        let mut claimed: Vec<NotificationDelivery> = rows.iter().map(delivery).collect::<Result<_, _>>()?;
        claimed.sort_by(|one, other| (one.run_updated_at, &one.id).cmp(&(other.run_updated_at, &other.id)));
        Ok(claimed)
    }

    /// Has it sent again later. `attempts` is how often it counts as tried.
    pub async fn postpone_delivery(
        &mut self,
        id: &str,
        attempts: u32,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE notification_deliveries SET attempts = $2, due_at = $3 WHERE id = $1";
        self.execute(sql, &[id.into(), attempts.into(), due_at.into()]).await.map(drop)
    }

    /// Takes it off the list: it has arrived, or is given up.
    pub async fn delete_delivery(&mut self, id: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM notification_deliveries WHERE id = $1";
        self.execute(sql, &[id.into()]).await.map(drop)
    }

    /// Notes what a destination answered; only the latest answers are kept.
    pub async fn insert_notification_response(
        &mut self,
        id: &str,
        notification: &NotificationId,
        answer: &NotificationResponse,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO notification_responses (id, notification_id, code, body, successful, sent_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                id.into(),
                notification.into(),
                answer.code.map(i64::from).into(),
                (&answer.body).into(),
                answer.successful.into(),
                answer.sent_at.into(),
            ],
        )
        .await?;
        self.execute(
            "DELETE FROM notification_responses WHERE notification_id = $1 AND id NOT IN \
             (SELECT id FROM notification_responses WHERE notification_id = $1 \
             ORDER BY sent_at DESC, id DESC LIMIT $2)",
            &[notification.into(), RESPONSES.into()],
        )
        .await
        .map(drop)
    }

    /// The latest answers of a destination, the newest first.
    pub async fn notification_responses(
        &mut self,
        id: &NotificationId,
    ) -> Result<Vec<NotificationResponse>, StoreError> {
        let rows = self
            .all(
                "SELECT * FROM notification_responses WHERE notification_id = $1 ORDER BY sent_at DESC, id DESC \
                 LIMIT $2",
                &[id.into(), RESPONSES.into()],
            )
            .await?;
        rows.iter().map(response).collect()
    }
}

fn triggers(triggers: &[NotificationTrigger]) -> Result<String, StoreError> {
    let texts: Vec<&str> = triggers.iter().map(|trigger| trigger.as_str()).collect();
    json(&texts, "triggers")
}
