//! What is written about the rotation of signing keys.

use std::time::Duration;

use anyhow::{Context as _, bail};
use carnet_model::{Confirmation, RotationPolicy};
use carnet_server::Settings;

use crate::duration;

/// What is written about rotation.
pub(super) struct RotationTexts {
    pub(super) is_published_elsewhere: bool,
    /// Whether this server publishes each key elsewhere itself.
    pub(super) publishes: bool,
    pub(super) period: Option<String>,
    pub(super) announcement: Option<String>,
    pub(super) max_age: Option<String>,
    pub(super) leeway: Option<String>,
}

/// The policy that these texts and the defaults make.
pub(super) fn rotation(texts: RotationTexts) -> anyhow::Result<RotationPolicy> {
    let named = |name: &'static str, text: String| duration::parse(&text).context(name);
    let mut policy = Settings::new("").key_rotation;
    match texts.period.as_deref() {
        Some("off") => policy.period = None,
        // Whoever publishes elsewhere must publish each new key before it signs: this is not begun without a word.
        None if texts.is_published_elsewhere && !texts.publishes => policy.period = None,
        None => {}
        Some(text) => policy.period = Some(named("key_rotation", text.to_owned())?),
    }
    if texts.publishes {
        policy.confirmation = Confirmation::SeenOutside;
    }
    if policy.period.is_some_and(|period| period < Duration::from_secs(1)) {
        bail!("key_rotation must be at least a second, or off");
    }
    if let Some(text) = texts.announcement {
        policy.announcement = named("key_announcement", text)?;
    }
    if let Some(text) = texts.leeway {
        policy.leeway = named("key_leeway", text)?;
    }
    if let Some(text) = texts.max_age {
        policy.published_lifetime = named("jwks_max_age", text)?;
    }
    if policy.published_lifetime.subsec_nanos() != 0 {
        bail!("jwks_max_age must be whole seconds: max-age has no others");
    }
    Ok(policy)
}
