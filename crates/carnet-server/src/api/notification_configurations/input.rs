//! What clients may write of a notification configuration.

use carnet_model::{
    DestinationType, NotificationConfiguration, NotificationId, NotificationTrigger, Timestamp, WorkspaceId,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::app::entropy;
use crate::document::present;
use crate::error::ApiError;
use crate::notifications::{Destinations, checked_address};

/// The most characters of a name.
const NAME_LIMIT: usize = 255;

/// The most bytes of an address and of a token.
const SECRET_LIMIT: usize = 4096;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Input {
    name: Option<String>,
    destination_type: Option<String>,
    url: Option<SecretString>,
    #[serde(default, deserialize_with = "present")]
    token: Option<Option<SecretString>>,
    #[serde(default, deserialize_with = "present")]
    triggers: Option<Option<Vec<String>>>,
    enabled: Option<bool>,
}

impl Input {
    /// The configuration that a client wants to have.
    pub(super) fn created(
        self,
        workspace_id: WorkspaceId,
        destinations: &Destinations,
        now: Timestamp,
    ) -> Result<NotificationConfiguration, ApiError> {
        let destination = destination(self.destination_type.as_deref())?;
        let name = self.name.as_deref().ok_or_else(|| ApiError::attribute("name", "Name can't be blank"))?;
        let url = self.url.ok_or_else(|| ApiError::attribute("url", "Url can't be blank"))?;
        Ok(NotificationConfiguration {
            id: NotificationId::from_entropy(entropy()?),
            workspace_id,
            name: parsed_name(name)?,
            destination,
            url: parsed_url(url, destinations)?,
            token: parsed_token(self.token.flatten(), destination)?,
            triggers: parsed_triggers(self.triggers.flatten())?,
            enabled: self.enabled.unwrap_or(false),
            created_at: now,
            updated_at: now,
        })
    }

    /// The configuration as a client wants it to be.
    pub(super) fn changed(
        self,
        mut of: NotificationConfiguration,
        destinations: &Destinations,
        now: Timestamp,
    ) -> Result<NotificationConfiguration, ApiError> {
        if self.destination_type.is_some_and(|text| text != of.destination.as_str()) {
            let detail = "Destination type cannot be changed; make a new configuration";
            return Err(ApiError::attribute("destination-type", detail));
        }
        if let Some(name) = self.name.as_deref() {
            of.name = parsed_name(name)?;
        }
        if let Some(url) = self.url {
            of.url = parsed_url(url, destinations)?;
        }
        if let Some(token) = self.token {
            of.token = parsed_token(token, of.destination)?;
        }
        if let Some(triggers) = self.triggers {
            of.triggers = parsed_triggers(triggers)?;
        }
        of.enabled = self.enabled.unwrap_or(of.enabled);
        of.updated_at = now;
        Ok(of)
    }
}

fn destination(text: Option<&str>) -> Result<DestinationType, ApiError> {
    let refused = |detail: &str| ApiError::attribute("destination-type", detail);
    match text {
        None | Some("") => Err(refused("Destination type can't be blank")),
        Some("email") => Err(refused(
            "Destination type email is not available: this server sends no mail; use generic, slack or microsoft-teams",
        )),
        Some(other) => other.parse().map_err(|_| refused("Destination type is not included in the list")),
    }
}

fn parsed_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(ApiError::attribute("name", "Name can't be blank"));
    }
    if name.chars().count() > NAME_LIMIT {
        return Err(ApiError::attribute("name", format!("Name is longer than {NAME_LIMIT} characters")));
    }
    Ok(name.to_owned())
}

fn parsed_url(url: SecretString, destinations: &Destinations) -> Result<SecretString, ApiError> {
    if url.expose_secret().len() > SECRET_LIMIT {
        return Err(ApiError::attribute("url", format!("Url is longer than {SECRET_LIMIT} bytes")));
    }
    match checked_address(url.expose_secret(), destinations) {
        Ok(_) => Ok(url),
        Err(reason) => Err(ApiError::attribute("url", format!("Url is invalid: {reason}"))),
    }
}

fn parsed_token(
    token: Option<SecretString>,
    destination: DestinationType,
) -> Result<Option<SecretString>, ApiError> {
    let Some(token) = token.filter(|token| !token.expose_secret().is_empty()) else {
        return Ok(None);
    };
    if destination != DestinationType::Generic {
        return Err(ApiError::attribute("token", "Token is for generic destinations only"));
    }
    if token.expose_secret().len() > SECRET_LIMIT {
        return Err(ApiError::attribute("token", format!("Token is longer than {SECRET_LIMIT} bytes")));
    }
    Ok(Some(token))
}

/// Each trigger once, in the order of the request.
fn parsed_triggers(triggers: Option<Vec<String>>) -> Result<Vec<NotificationTrigger>, ApiError> {
    let mut parsed = Vec::new();
    for text in triggers.unwrap_or_default() {
        let trigger: NotificationTrigger = text.parse().map_err(|_| {
            let known: Vec<&str> = NotificationTrigger::ALL.iter().map(|trigger| trigger.as_str()).collect();
            let detail = format!("Triggers has {text:?}, which is none of {}", known.join(", "));
            ApiError::attribute("triggers", detail)
        })?;
        if !parsed.contains(&trigger) {
            parsed.push(trigger);
        }
    }
    Ok(parsed)
}
