//! Durations as people write them: `30d`, `24h`, `5m`, `1h30m`.

use std::time::Duration;

use anyhow::Context as _;

/// Reads a duration that is not negative.
pub(crate) fn parse(text: &str) -> anyhow::Result<Duration> {
    let span: Option<jiff::SignedDuration> = days(text).parse().ok();
    let duration = span.and_then(|span| Duration::try_from(span).ok());
    duration.with_context(|| format!("{text:?} is not a duration like 30d, 24h or 5m"))
}

/// Days as hours: the parser knows nothing longer.
fn days(text: &str) -> String {
    match text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
        Some(days) => format!("{}h", u64::from(days) * 24),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_from_milliseconds_to_days_are_read() {
        for (text, millis) in [("100ms", 100), ("5m", 300_000), ("1h30m", 5_400_000), ("2d", 172_800_000)] {
            assert_eq!(parse(text).expect("a duration"), Duration::from_millis(millis), "{text}");
        }
        for text in ["", "5", "-5m", "soon", "d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
