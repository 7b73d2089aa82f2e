//! What the answer to the exchange of an adapter says.

use std::{collections::BTreeMap, time::Duration};

use carnet_model::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use super::{adapter_call::Traded, lease::after};
use crate::adapter::{AdapterExchange, Expiry};

/// Numbers above this are milliseconds: as seconds they would lie in the year 5138.
const FIRST_MILLISECOND: i64 = 100_000_000_000;
/// No credential lives longer; larger numbers are mistakes.
const LONGEST_LIFE: u64 = 10 * 366 * 24 * 60 * 60;

/// Reads what an adapter names; fails with a reason that repeats nothing of the answer.
pub(crate) fn read_answer(
    body: &[u8],
    described: &AdapterExchange,
    now: Timestamp,
) -> Result<Traded, String> {
    let answer: Value = serde_json::from_slice(body)
        .map_err(|error| format!("no JSON at line {} column {}", error.line(), error.column()))?;
    let mut parts = BTreeMap::new();
    let mut absent = Vec::new();
    for field in described.answers() {
        match answer.pointer(&field.pointer).and_then(text) {
            Some(text) => {
                parts.insert(field.key.clone(), SecretString::from(text));
            }
            None if field.is_optional => {}
            None => absent.push(field.pointer.as_str()),
        }
    }
    if !absent.is_empty() {
        return Err(format!("it holds no {}", absent.join(", ")));
    }
    let ends_at = described.expiry().map(|expiry| ends_at(&answer, expiry, now)).transpose()?.flatten();
    Ok(Traded { parts, ends_at })
}

/// A value as text; objects stay JSON, as a key may be one.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

fn ends_at(answer: &Value, expiry: &Expiry, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let (Expiry::In(pointer) | Expiry::At(pointer)) = expiry;
    let Some(value) = answer.pointer(pointer).filter(|value| !value.is_null()) else { return Ok(None) };
    let end = match expiry {
        Expiry::In(_) => seconds_from(value, now),
        Expiry::At(_) => moment(value),
    };
    end.map(Some).ok_or_else(|| format!("{pointer} does not say when the credential ends"))
}

fn seconds_from(value: &Value, now: Timestamp) -> Option<Timestamp> {
    let seconds = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
    let seconds = seconds.filter(|seconds| *seconds <= LONGEST_LIFE)?;
    // The other side counts in whole seconds.
    let whole = Timestamp::from_second(now.as_second()).unwrap_or(now);
    Some(after(whole, Duration::from_secs(seconds)))
}

fn moment(value: &Value) -> Option<Timestamp> {
    let number = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    match number {
        Some(number) if number.abs() >= FIRST_MILLISECOND => Timestamp::from_millisecond(number).ok(),
        Some(number) => Timestamp::from_second(number).ok(),
        None => value.as_str()?.trim().parse().ok(),
    }
}

#[cfg(test)]
mod tests;
