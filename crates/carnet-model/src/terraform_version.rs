//! Versions of Terraform as clients name them.

/// What may stand before a version in a constraint, the longest first.
const OPERATORS: [&str; 7] = ["!=", ">=", "<=", "~>", "=", ">", "<"];

/// Tells whether a text names a version of Terraform: exactly, by constraints, or the latest.
///
/// ```
/// use carnet_model::is_terraform_version;
///
/// assert!(is_terraform_version("1.11.4") && is_terraform_version("~> 1.11.0, != 1.11.2") && is_terraform_version("latest"));
/// assert!(!is_terraform_version("newest"));
/// ```
pub fn is_terraform_version(text: &str) -> bool {
    text == "latest" || text.split(',').all(|part| is_constraint(part.trim()))
}

fn is_constraint(text: &str) -> bool {
    let version = OPERATORS.iter().find_map(|operator| text.strip_prefix(operator)).unwrap_or(text);
    is_version(version.trim_start())
}

/// Up to three numbers, then what is said of a release before its time or of a build.
fn is_version(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (numbers, rest) = match text.find(['-', '+']) {
        Some(place) => text.split_at(place),
        None => (text, ""),
    };
    let is_number =
        |part: &str| (1..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
    numbers.split('.').count() <= 3
        && numbers.split('.').all(is_number)
        && rest.len() != 1
        && rest.len() <= 40
        && rest.bytes().all(is_known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_constraints_are_told_from_other_texts() {
        for text in [
            "1.11.4",
            "v1.2.3",
            "1.12",
            "1",
            "1.12.0-rc1",
            "1.12.0+build.7",
            ">= 1.2, < 2.0.0",
            "=1.0.0",
            "~>1.5",
            "latest",
        ] {
            assert!(is_terraform_version(text), "{text:?}");
        }
        for text in [
            "",
            " ",
            "newest",
            "1.2.3.4",
            "1..2",
            "1.x",
            "1.2-",
            "~> ",
            ">> 1.0",
            "1.0,",
            "latest, 1.0",
            "1.0 2.0",
        ] {
            assert!(!is_terraform_version(text), "{text:?}");
        }
    }
}
