//! Variables of workspaces and of variable sets.

use secrecy::SecretString;

use crate::{Timestamp, VariableId, VariableKey, VariableSetId, WorkspaceId};

/// What a variable becomes in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VariableCategory {
    /// An input variable of the configuration.
    Terraform,
    /// An environment variable.
    Env,
}

impl VariableCategory {
    /// The category as clients write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::Env => "env",
        }
    }
}

impl std::str::FromStr for VariableCategory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "terraform" => Ok(Self::Terraform),
            "env" => Ok(Self::Env),
            other => Err(format!("{other:?} is not a category; it is terraform or env")),
        }
    }
}

/// A value that never shows itself in `Debug`.
#[derive(Debug, Clone)]
pub struct VariableValue(pub SecretString);

/// What a person writes when making or changing a variable.
#[derive(Debug, Clone)]
pub struct VariableInput {
    /// The name.
    pub key: VariableKey,
    /// The value.
    pub value: VariableValue,
    /// A free text.
    pub description: String,
    /// What it becomes.
    pub category: VariableCategory,
    /// Whether the value is an HCL expression.
    pub hcl: bool,
    /// Whether the value can never be read back.
    pub sensitive: bool,
}

/// What a variable belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariableOwner {
    /// A workspace.
    Workspace(WorkspaceId),
    /// A variable set.
    Set(VariableSetId),
}

/// A stored variable.
#[derive(Debug, Clone)]
pub struct Variable {
    /// The stable id.
    pub id: VariableId,
    /// What it belongs to.
    pub owner: VariableOwner,
    /// What was written.
    pub input: VariableInput,
    /// Changes with every update.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
}
