//! The identifier of a token.

/// The claim `jti`: a random UUID (version 4), new for every token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Jti(uuid::Uuid);

impl Jti {
    /// Makes an identifier from randomness that the caller provides.
    pub fn from_entropy(entropy: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(entropy).into_uuid())
    }
}

/// A text that is not a random UUID in its usual form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a token id is a version 4 UUID in lower case with dashes")]
pub struct JtiError;

impl std::str::FromStr for Jti {
    type Err = JtiError;

    fn from_str(text: &str) -> Result<Self, JtiError> {
        let uuid = uuid::Uuid::try_parse(text).map_err(|_| JtiError)?;
        let mut buffer = uuid::Uuid::encode_buffer();
        let is_usual_form = uuid.hyphenated().encode_lower(&mut buffer) == text;
        if is_usual_form && uuid.get_version_num() == 4 { Ok(Self(uuid)) } else { Err(JtiError) }
    }
}

impl std::fmt::Display for Jti {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl serde::Serialize for Jti {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_becomes_a_version_4_uuid_that_survives_a_round_trip() {
        let jti = Jti::from_entropy([0xff; 16]);
        assert_eq!(jti.to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(jti.to_string().parse(), Ok(jti));
        assert_eq!(serde_json::to_string(&jti).expect("text"), r#""ffffffff-ffff-4fff-bfff-ffffffffffff""#);
    }

    #[test]
    fn another_version_or_another_spelling_is_refused() {
        for text in [
            "",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-1fff-bfff-ffffffffffff",
            "FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF",
            "ffffffffffff4fffbfffffffffffffff",
            "{ffffffff-ffff-4fff-bfff-ffffffffffff}",
        ] {
            assert_eq!(text.parse::<Jti>(), Err(JtiError), "{text}");
        }
    }
}
