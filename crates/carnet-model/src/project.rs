//! Projects: groups of workspaces inside an organization.

use crate::{DefaultExecution, OrgId, Organization, ProjectId, ProjectName, Timestamp};

/// The name of the project that every organization is made with.
pub const DEFAULT_PROJECT: &str = "Default Project";

/// After how long without a run workspaces are to be destroyed, as clients write it: `14d`, `36h`. Carnet keeps it for
/// clients and never destroys anything by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityDuration(String);

/// A text that is no such duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "Auto destroy activity duration has an incorrect format, we expect up to 4 numeric digits and 1 unit ('d' or 'h')"
)]
pub struct ActivityDurationError;

impl ActivityDuration {
    /// The duration as clients write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for ActivityDuration {
    type Err = ActivityDurationError;

    fn from_str(text: &str) -> Result<Self, ActivityDurationError> {
        let digits = text.strip_suffix(['d', 'h']).ok_or(ActivityDurationError)?;
        let is_number = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || digits.bytes().all(|byte| byte == b'0') {
            return Err(ActivityDurationError);
        }
        Ok(Self(text.to_owned()))
    }
}

/// A group of workspaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The stable id.
    pub id: ProjectId,
    /// The organization it belongs to.
    pub organization_id: OrgId,
    /// Its name, unique in the organization.
    pub name: ProjectName,
    /// A free text.
    pub description: String,
    /// Kept for clients; nothing is destroyed because of it.
    pub auto_destroy_activity_duration: Option<ActivityDuration>,
    /// Where runs execute in workspaces that do not say it; `None` for what the organization says.
    pub default_execution: Option<DefaultExecution>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Project {
    /// Where runs execute in workspaces that do not say it themselves.
    pub fn execution_that_applies<'a>(&'a self, organization: &'a Organization) -> &'a DefaultExecution {
        self.default_execution.as_ref().unwrap_or(&organization.settings.default_execution)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_up_to_four_digits_and_a_unit() {
        for text in ["1d", "14d", "9999h", "0100h"] {
            assert_eq!(text.parse::<ActivityDuration>().map(|found| found.0), Ok(text.to_owned()));
        }
        for text in ["", "d", "10000d", "14", "14m", "-1d", "0d", "000h", "1.5d", "1dd"] {
            assert_eq!(text.parse::<ActivityDuration>(), Err(ActivityDurationError), "{text}");
        }
    }
}
