//! Settings of the whole run, which no family owns.

use std::time::Duration;

use crate::{
    family::FamilyName,
    lexicon::Values,
    notice::Notice,
    problem::Problem,
    setting::{OWN, Required, Setting, SettingKind},
    switches::flags_on,
};

/// The shortest and the longest life that may be asked for.
pub(crate) const SHORTEST_TTL: Duration = Duration::from_secs(10);
pub(crate) const LONGEST_TTL: Duration = Duration::from_hours(24);

const SETTING: Setting<'static> = Setting {
    name: "",
    family: FamilyName::Plain,
    kind: SettingKind::Common,
    label: "",
    required: Required::No,
    default: None,
    example: "",
    doc: "",
    source: OWN,
};

static TTL: Setting<'static> = Setting {
    name: "TFC_WORKLOAD_IDENTITY_TTL",
    label: "life of identity tokens",
    default: Some("10m"),
    example: "10m",
    doc: "How long identity tokens live that are replaced in time: seconds, or a number with s, m or h; 10s to 24h. \
          Goes before the settings of the workspace and the organization.",
    ..SETTING
};
static WHO_AM_I: Setting<'static> = Setting {
    name: "TFC_WORKLOAD_IDENTITY_WHO_AM_I",
    label: "question for the identity obtained",
    default: Some("false"),
    example: "true",
    doc: "Set to true to have every provider asked, before Terraform starts, who the run is to it. \
          Vault always says so at the login.",
    ..SETTING
};

/// What holds for all configurations of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Common {
    /// How long a token lives that is replaced in time.
    pub(crate) ttl: Duration,
    /// Whether providers are asked who the run is.
    pub(crate) asks_who: bool,
}

/// The settings of the whole run.
pub(crate) fn settings() -> [Setting<'static>; 2] {
    [TTL, WHO_AM_I]
}

/// Reads them; a life that cannot be is a problem.
pub(crate) fn read(
    values: &Values<'_>,
    default_ttl: Duration,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Notice>,
) -> Common {
    let ttl = match values.explicit(TTL.name, None) {
        None => default_ttl,
        Some(text) => life(text).unwrap_or_else(|| {
            let rule = format!("is not a life between 10s and 24h, such as 600, 90s, 10m or 1h{}", got(text));
            problems.push(Problem::Common { id: "E5", variable: TTL.name.to_owned(), rule });
            default_ttl
        }),
    };
    let asks_who = flags_on(values, WHO_AM_I.name, warnings).contains(&None);
    Common { ttl, asks_who }
}

/// The value in a message, unless it is too long to help.
fn got(text: &str) -> String {
    let is_shown = text.len() <= 32 && !text.chars().any(char::is_control);
    if is_shown { format!(" (got \"{text}\")") } else { String::new() }
}

fn life(text: &str) -> Option<Duration> {
    let (digits, factor) = match text.split_at_checked(text.len().checked_sub(1)?)? {
        (digits, "s") => (digits, 1),
        (digits, "m") => (digits, 60),
        (digits, "h") => (digits, 3600),
        _ => (text, 1),
    };
    let number: u64 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    let life = Duration::from_secs(number.checked_mul(factor)?);
    (SHORTEST_TTL..=LONGEST_TTL).contains(&life).then_some(life)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_read_in_seconds_minutes_and_hours() {
        for (text, seconds) in [("600", 600), ("90s", 90), ("10m", 600), ("24h", 86_400), ("10", 10)] {
            assert_eq!(life(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in
            ["", "s", "9", "9s", "25h", "1d", "-5m", "+60", "1.5h", "ten", "1 m", "99999999999999999999", "ä"]
        {
            assert_eq!(life(text), None, "{text}");
        }
    }
}
