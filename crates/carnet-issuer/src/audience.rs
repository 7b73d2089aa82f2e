//! The audience of a token: the relying party it is meant for.

/// The longest audience that every supported relying party can be set up with (Microsoft Entra's limit).
const MAX_LENGTH: usize = 600;

/// The one audience of a token, the claim `aud`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Audience(String);

impl Audience {
    /// The audience as it stands in the claim.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that cannot be the audience of a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an audience has 1 to {MAX_LENGTH} bytes, no spaces and no control characters")]
pub struct AudienceError;

impl std::str::FromStr for Audience {
    type Err = AudienceError;

    fn from_str(text: &str) -> Result<Self, AudienceError> {
        let is_valid = (1..=MAX_LENGTH).contains(&text.len())
            && !text.contains(|character: char| character.is_whitespace() || character.is_control());
        if is_valid { Ok(Self(text.to_owned())) } else { Err(AudienceError) }
    }
}

impl std::fmt::Display for Audience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audiences_of_the_supported_relying_parties_are_accepted() {
        for text in [
            "aws.workload.identity",
            "api://AzureADTokenExchange",
            "vault.workload.identity",
            "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
            "https://vault.example.com:8200",
        ] {
            assert_eq!(text.parse::<Audience>().expect("valid").as_str(), text);
        }
    }

    #[test]
    fn what_no_relying_party_could_compare_is_refused() {
        for text in ["", " ", "a b", "a\n", "\u{0}", &"a".repeat(601)] {
            assert_eq!(text.parse::<Audience>(), Err(AudienceError), "{text:?}");
        }
    }
}
