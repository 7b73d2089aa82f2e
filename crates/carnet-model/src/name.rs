//! Names that people choose. None may hold a colon: names stand in the subject of tokens.

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name is too short or too long.
    #[error("{what} must be {min} to {max} characters long")]
    Length {
        /// What the name names.
        what: &'static str,
        /// The least number of characters.
        min: usize,
        /// The greatest number of characters.
        max: usize,
    },
    /// The name holds a character outside its alphabet.
    #[error("{what} may only contain {allowed}")]
    Characters {
        /// What the name names.
        what: &'static str,
        /// The alphabet, in words.
        allowed: &'static str,
    },
}

fn check(
    text: &str,
    what: &'static str,
    (min, max): (usize, usize),
    allowed: &'static str,
    is_valid: impl Fn(&str) -> bool,
) -> Result<String, NameError> {
    if text.len() < min || text.len() > max {
        return Err(NameError::Length { what, min, max });
    }
    if !is_valid(text) {
        return Err(NameError::Characters { what, allowed });
    }
    Ok(text.to_owned())
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident($what:literal, $min:literal..=$max:literal, $allowed:literal, $valid:expr);)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text, $what, ($min, $max), $allowed, $valid).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// The name of an organization: 3 to 40 letters, digits, dashes, underscores.
    OrgName("Name", 3..=40, "letters, numbers, - and _", is_word);
    /// The name of a project: 3 to 40 letters, digits, spaces, dashes, underscores.
    ProjectName("Name", 3..=40, "letters, numbers, spaces, - and _, and no space at its ends", |text| {
        text.trim() == text && text.split(' ').all(is_word)
    });
    /// The name of a workspace: 1 to 90 letters, digits, dashes, underscores.
    WorkspaceName("Name", 1..=90, "letters, numbers, - and _", is_word);
    /// The name of a module: 1 to 64 letters, digits, dashes, underscores.
    ModuleName("Name", 1..=64, "letters, numbers, - and _", is_word);
    /// The name of a user: 1 to 60 letters, digits, dashes, underscores, dots.
    Username("Username", 1..=60, "letters, numbers, -, _ and .", |text| text.split('.').all(is_word));
    /// The name of a variable: a letter or underscore, then letters, digits, underscores and dashes.
    VariableKey("Key", 1..=128, "letters, numbers, _ and -, and must start with a letter or _", |text| {
        is_word(text) && !text.starts_with(|first: char| first.is_ascii_digit() || first == '-')
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_can_hold_a_colon_or_a_slash() {
        for text in ["a:b", "aaa/bbb", "aaa\nb", "a\u{e9}aa", ""] {
            assert!(text.parse::<OrgName>().is_err());
            assert!(text.parse::<ProjectName>().is_err());
            assert!(text.parse::<WorkspaceName>().is_err());
            assert!(text.parse::<ModuleName>().is_err());
            assert!(text.parse::<Username>().is_err());
            assert!(text.parse::<VariableKey>().is_err());
        }
    }

    #[test]
    fn a_project_name_may_hold_spaces_inside() {
        assert!("Default Project".parse::<ProjectName>().is_ok());
        assert!(" Default".parse::<ProjectName>().is_err());
    }

    #[test]
    fn a_variable_does_not_start_with_a_digit() {
        assert!("9x".parse::<VariableKey>().is_err());
        assert!("TFC_AWS_PROVIDER_AUTH_other".parse::<VariableKey>().is_ok());
    }
}
