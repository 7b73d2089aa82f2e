//! What all families have in common whose credentials are read from Vault.

use std::time::Duration;

use secrecy::ExposeSecret;

use crate::{
    adapter::percent_encoded,
    credential::Credential,
    family::Tag,
    form::{Form, Found, Incomplete},
    setting::{DEFAULT_PREFIX, Phased, Setting},
};

/// The longest that may be waited for new credentials to work everywhere.
const LONGEST_SETTLE: u64 = 1500;

/// The tag of the Vault configuration to read with; without the setting it is the default one, also for aliases.
pub(super) fn vault(form: &mut Form<'_>, setting: &Setting<'_>) -> Result<Option<Tag>, Incomplete> {
    let Some(found) = form.optional(setting)? else { return Ok(None) };
    match found.value.parse() {
        Ok(tag) => Ok(Some(tag)),
        Err(_) => Err(form.malformed("E11", &found, "is not the tag of a Vault configuration")),
    }
}

/// The path of a secrets engine, ready to stand in a URL.
pub(super) fn mount(form: &mut Form<'_>, setting: &Setting<'_>) -> Result<String, Incomplete> {
    let Some(found) = form.optional(setting)? else {
        return Ok(setting.default.unwrap_or_default().to_owned());
    };
    let segments: Vec<&str> = found.value.trim_matches('/').split('/').collect();
    if segments.iter().all(|segment| is_segment(segment)) {
        return Ok(segments.into_iter().map(percent_encoded).collect::<Vec<_>>().join("/"));
    }
    Err(form.malformed("E17", &found, "is not the path of a secrets engine"))
}

/// A name that becomes one segment of a path.
pub(super) fn name(form: &mut Form<'_>, phased: &Phased<'_>) -> Result<String, Incomplete> {
    let found = form.phased(phased)?;
    if is_segment(&found.value) {
        return Ok(found.value);
    }
    Err(form.malformed("E17", &found, format!("is not the name of a {}", phased.run.label)))
}

// A name that leaves its place in the path would read something else.
fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.contains(['/', '\\', '?', '#'])
}

/// How long to wait after reading.
pub(super) fn settle(form: &mut Form<'_>, setting: &Setting<'_>) -> Result<Duration, Incomplete> {
    let Some(found) = form.optional(setting)? else { return Ok(Duration::ZERO) };
    let is_number = found.value.bytes().all(|byte| byte.is_ascii_digit());
    match found.value.parse::<u64>() {
        Ok(seconds) if is_number && seconds <= LONGEST_SETTLE => Ok(Duration::from_secs(seconds)),
        _ => {
            let rule = format!("is not a whole number of seconds between 0 and {LONGEST_SETTLE}");
            Err(form.malformed("E5", &found, rule))
        }
    }
}

/// Remarks on values of this configuration that its authentication type does not use; shared ones may be for others.
pub(super) fn ignored(form: &mut Form<'_>, phased: &Phased<'_>, auth_type: &str) -> Result<(), Incomplete> {
    for setting in [phased.run, phased.plan, phased.apply] {
        let own = form.optional(setting)?.filter(|found| !found.variable.starts_with(DEFAULT_PREFIX));
        if let Some(Found { variable, .. }) = own {
            form.remark(format!("{variable} is ignored: the authentication type is {auth_type}"));
        }
    }
    Ok(())
}

/// Checks that parts can stand in a line of a file or in an environment variable.
pub(super) fn check_parts(credential: &Credential, names: &[&str]) -> Result<(), String> {
    let is_wrong = |character: char| character.is_control() || character.is_whitespace();
    for name in names {
        if credential.part(name).expose_secret().chars().any(is_wrong) {
            return Err(format!("{name} has white space or control characters"));
        }
    }
    Ok(())
}
