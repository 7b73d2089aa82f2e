//! What destinations are sent: the documented payload, or a message in the form of a chat.

use carnet_model::{
    DestinationType, NotificationConfiguration, NotificationDelivery, NotificationTrigger, Run, RunStatus,
    Workspace,
};
use serde_json::{Value, json};

/// Everything that is told of a run.
#[derive(Debug)]
pub(super) struct News<'a> {
    pub(super) delivery: &'a NotificationDelivery,
    pub(super) run: &'a Run,
    pub(super) workspace: &'a Workspace,
    pub(super) run_url: &'a str,
    pub(super) created_by: Option<&'a str>,
    pub(super) updated_by: Option<&'a str>,
}

impl News<'_> {
    fn headline(&self) -> &'static str {
        match (self.delivery.trigger, self.delivery.run_status) {
            (NotificationTrigger::Created, _) => "Run Created",
            (NotificationTrigger::NeedsAttention, _) => "Run Needs Attention",
            (_, RunStatus::Planning) => "Run Planning",
            (_, RunStatus::Applying) => "Run Applying",
            (_, RunStatus::Applied) => "Run Applied",
            (_, RunStatus::PlannedAndFinished) => "Run Planned and Finished",
            (_, RunStatus::Canceled) => "Run Canceled",
            (_, RunStatus::Errored) => "Run Errored",
            _ => "Run Updated",
        }
    }

    fn place(&self) -> String {
        format!("{}/{}", self.workspace.organization_name, self.workspace.name)
    }

    /// The rows of a message in a chat.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let by = self.updated_by.or(self.created_by).unwrap_or("Carnet");
        vec![
            ("Workspace", self.place()),
            ("Run", self.run.id.to_string()),
            ("Message", self.run.message.clone()),
            ("By", by.to_owned()),
        ]
    }
}

/// The payload that tells of a run.
pub(super) fn news(configuration: &NotificationConfiguration, news: &News<'_>) -> Value {
    match configuration.destination {
        DestinationType::Generic => generic(configuration, news),
        DestinationType::Slack => slack(news),
        DestinationType::MicrosoftTeams => teams(news),
    }
}

fn generic(configuration: &NotificationConfiguration, news: &News<'_>) -> Value {
    json!({
        "payload_version": 1,
        "notification_configuration_id": configuration.id.as_str(),
        "run_url": news.run_url,
        "run_id": news.run.id.as_str(),
        "run_message": news.run.message,
        "run_created_at": news.run.created_at,
        "run_created_by": news.created_by,
        "workspace_id": news.workspace.id.as_str(),
        "workspace_name": news.workspace.name.as_str(),
        "organization_name": news.workspace.organization_name.as_str(),
        "notifications": [{
            "message": news.headline(),
            "trigger": news.delivery.trigger.as_str(),
            "run_status": news.delivery.run_status.as_str(),
            "run_updated_at": news.delivery.run_updated_at,
            "run_updated_by": news.updated_by,
        }],
    })
}

/// The payload that tries a destination.
pub(crate) fn verification(configuration: &NotificationConfiguration) -> Value {
    let message = format!("Verification of {}", configuration.name);
    match configuration.destination {
        DestinationType::Generic => json!({
            "payload_version": 1,
            "notification_configuration_id": configuration.id.as_str(),
            "run_url": null,
            "run_id": null,
            "run_message": null,
            "run_created_at": null,
            "run_created_by": null,
            "workspace_id": null,
            "workspace_name": null,
            "organization_name": null,
            "notifications": [{
                "message": message,
                "trigger": "verification",
                "run_status": null,
                "run_updated_at": null,
                "run_updated_by": null,
            }],
        }),
        DestinationType::Slack => json!({ "text": slack_text(&message) }),
        DestinationType::MicrosoftTeams => card(vec![heading(&message)], None),
    }
}

/// The three characters that mean something to Slack (<https://docs.slack.dev/messaging/formatting-message-text>).
fn slack_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn slack(news: &News<'_>) -> Value {
    let color = match news.delivery.trigger {
        NotificationTrigger::Errored => "danger",
        NotificationTrigger::NeedsAttention => "warning",
        _ => "good",
    };
    let fields: Vec<Value> = news
        .facts()
        .into_iter()
        .map(|(title, value)| json!({ "title": title, "value": slack_text(&value), "short": title != "Message" }))
        .collect();
    json!({
        "text": slack_text(&format!("{} in {}", news.headline(), news.place())),
        "attachments": [{
            "fallback": news.headline(),
            "color": color,
            "title": news.headline(),
            "title_link": news.run_url,
            "fields": fields,
        }],
    })
}

fn teams(news: &News<'_>) -> Value {
    let facts: Vec<Value> =
        news.facts().into_iter().map(|(title, value)| json!({ "title": title, "value": value })).collect();
    let body = vec![heading(news.headline()), json!({ "type": "FactSet", "facts": facts })];
    card(body, Some(json!({ "type": "Action.OpenUrl", "title": "View run", "url": news.run_url })))
}

fn heading(text: &str) -> Value {
    json!({ "type": "TextBlock", "size": "Medium", "weight": "Bolder", "wrap": true, "text": text })
}

/// An adaptive card, as webhooks of Teams take it.
fn card(body: Vec<Value>, action: Option<Value>) -> Value {
    let content = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": Vec::from_iter(action),
    });
    let attachment = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": content });
    json!({ "type": "message", "attachments": [attachment] })
}
