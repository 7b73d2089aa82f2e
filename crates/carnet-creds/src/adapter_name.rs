//! Names of declarative adapters, which stand where the name of a built-in family stands.

use std::{fmt, str::FromStr};

/// The most bytes of a name.
const LONGEST: usize = 32;

/// The name of a declarative adapter: 1 to 32 lower-case letters, digits, `_` and `-`, a letter first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdapterName {
    // Inline, so that the name of a family stays a small value that is copied.
    bytes: [u8; LONGEST],
    length: u8,
}

/// A text that cannot name an adapter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name of an adapter has 1 to 32 lower-case letters, digits, \"_\" and \"-\", a letter first")]
pub struct AdapterNameError;

impl AdapterName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever stored.
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl FromStr for AdapterName {
    type Err = AdapterNameError;

    fn from_str(text: &str) -> Result<Self, AdapterNameError> {
        let is_character =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let length = u8::try_from(text.len()).map_err(|_| AdapterNameError)?;
        if !starts || text.len() > LONGEST || !text.bytes().all(is_character) {
            return Err(AdapterNameError);
        }
        let mut bytes = [0; LONGEST];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { bytes, length })
    }
}

impl fmt::Display for AdapterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AdapterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        let longest = "a".repeat(32);
        for name in ["snowflake", "alibaba_cloud", "a-1", longest.as_str()] {
            assert_eq!(name.parse::<AdapterName>().unwrap().as_str(), name);
        }
        for name in ["", "1a", "_a", "A", "a b", "ä", &"a".repeat(33), &"a".repeat(300)] {
            assert_eq!(name.parse::<AdapterName>(), Err(AdapterNameError), "{name}");
        }
    }
}
