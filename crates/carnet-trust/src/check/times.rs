//! The times of a token (RFC 7519 section 4.1).

use super::{
    Cause, Claims, Finding,
    judgement::{Checked, refused},
};

/// How exact the clocks of a service are taken to be, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leeway {
    /// After `exp`.
    pub(super) end: i64,
    /// Before `nbf` and `iat`.
    pub(super) start: i64,
}

/// Holds `exp`, `nbf` and `iat` against the time of the question.
pub(super) fn check(claims: &Claims, now: Option<i64>, leeway: Leeway) -> Checked {
    let Some(now) = now else { return Ok(()) };
    let ago = |seconds: i64| match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7200 => format!("{} minutes", seconds / 60),
        _ => format!("{} hours", seconds / 3600),
    };
    if let Some(end) = claims.time("exp").filter(|end| now.saturating_sub(*end) > leeway.end) {
        let says = format!("the token ended {} before it was presented", ago(now.saturating_sub(end)));
        return refused(
            Finding::new("exp", Cause::Expired, says)
                .helped("present a new token: no policy lets one in that has ended")
                .helped("a program that keeps a copy of the token must read its file again; compare the clocks, too"),
        );
    }
    for name in ["nbf", "iat"] {
        if let Some(start) = claims.time(name).filter(|start| start.saturating_sub(now) > leeway.start) {
            let says = format!(
                "the token is valid only in {} by the clock of the service",
                ago(start.saturating_sub(now))
            );
            return refused(
                Finding::new(name, Cause::NotYetValid, says)
                    .helped("compare the clock of the issuer's server with the true time"),
            );
        }
    }
    Ok(())
}

/// Reads `2026-01-02T03:04:05Z`, the form in which policies write a time, or seconds since 1970.
pub(super) fn instant(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(seconds);
    }
    let (date, time) = text.trim_end_matches('Z').split_once('T').unwrap_or((text, "00:00:00"));
    let numbers = |text: &str, sign: char| -> Option<[i64; 3]> {
        let all: Vec<i64> = text.split(sign).map(|one| one.parse().ok()).collect::<Option<_>>()?;
        all.try_into().ok()
    };
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time.split('.').next()?, ':')?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(0..=9999).contains(&year) {
        return None;
    }
    // The days since 1970 of a date of the Gregorian calendar, in years that begin with March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1
        - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_policies_write_them() {
        assert_eq!(instant("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(instant("2024-02-29T12:00:00Z"), Some(1_709_208_000));
        assert_eq!(instant("1700000000"), Some(1_700_000_000));
        assert_eq!(instant("tomorrow"), None);
    }
}
