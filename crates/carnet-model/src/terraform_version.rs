//! Which Terraform a workspace wants.

/// The most characters.
const LIMIT: usize = 60;

/// A version, a constraint or `latest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerraformVersion(String);

/// A text that is none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Terraform version must be a version like 1.11.4, a constraint like ~> 1.11.0, or latest")]
pub struct TerraformVersionError;

impl TerraformVersion {
    /// The version as clients write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for TerraformVersion {
    type Err = TerraformVersionError;

    fn from_str(text: &str) -> Result<Self, TerraformVersionError> {
        let text = text.trim();
        let is_known = text == "latest" || text.split(',').all(is_constraint);
        if text.len() > LIMIT || !is_known {
            return Err(TerraformVersionError);
        }
        Ok(Self(text.to_owned()))
    }
}

/// An operator, which may be left out, and a version.
fn is_constraint(text: &str) -> bool {
    let text = text.trim();
    let operators = ["~>", ">=", "<=", "!=", ">", "<", "="];
    let version = operators.iter().find_map(|operator| text.strip_prefix(operator)).unwrap_or(text).trim();
    is_version(version.strip_prefix('v').unwrap_or(version))
}

/// One to three numbers with dots, then what a pre-release and a build are called.
fn is_version(text: &str) -> bool {
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (core, release) = text.split_once('-').map_or((text, None), |(core, release)| (core, Some(release)));
    let is_label = |label: &str| {
        let is_letter = |one: u8| one.is_ascii_alphanumeric() || one == b'-';
        label.split('.').all(|part| !part.is_empty() && part.bytes().all(is_letter))
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|one| one.is_ascii_digit());
    core.split('.').count() <= 3
        && core.split('.').all(is_number)
        && release.is_none_or(is_label)
        && build.is_none_or(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_constraints_are_taken_as_they_are() {
        for text in [
            "latest",
            "1.11.4",
            "1.11",
            "v1.5.0",
            "1.12.0-beta2",
            "1.0.0+x.1",
            "~> 1.11.0",
            ">=1.0, < 2.0",
            "= 1.0.0",
        ] {
            assert_eq!(text.parse::<TerraformVersion>().map(|found| found.0), Ok(text.to_owned()));
        }
        assert_eq!(" 1.5.7 ".parse::<TerraformVersion>().map(|found| found.0), Ok("1.5.7".to_owned()));
    }

    #[test]
    fn other_texts_are_refused() {
        let long = format!("1.0.0-{}", "a".repeat(60));
        for text in
            ["", "abc", "newest", "1.2.3.4", ">", "~> x", "1..2", "1.2.", "1.2.3-", "> = 1.0", "1.0,", &long]
        {
            assert_eq!(text.parse::<TerraformVersion>(), Err(TerraformVersionError), "{text}");
        }
    }
}
