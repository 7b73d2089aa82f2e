//! What an administrator applies so that a relying party trusts the identities of a workspace.
//!
//! Each family describes its trust once, as data; three writers make of it a configuration of Terraform, a script, or JSON.

mod block;
mod carnet_side;
mod command;
mod families;
mod family_options;
mod hcl;
mod json;
mod name;
mod option_fields;
mod outline;
mod request;
mod script;
mod shell;
mod subject;
mod terraform;
mod text;

#[cfg(test)]
mod tests;

pub use block::{Block, Entry};
pub use command::{Command, Word};
pub use families::{
    AwsOptions, AzureOptions, GcpOptions, HcpOptions, KubernetesOptions, TencentCloudOptions,
    VaultBackedAwsOptions, VaultBackedAzureOptions, VaultBackedGcpOptions, VaultOptions,
};
pub use family_options::{FAMILIES, FamilyOptions};
pub use option_fields::{OptionField, OptionKind, option_fields};
pub use outline::{Document, Input, Provider, Request, Source, TrustSetup, Variable};
pub use request::{Phases, Scope, SetupError, Subjects, TrustFormat, TrustRequest, Variables};
pub use text::{Part, Text, Value};

/// What the trust consists of.
///
/// # Errors
///
/// An option cannot be, or the relying party cannot do what is asked for.
pub fn setup(request: &TrustRequest) -> Result<TrustSetup, SetupError> {
    request::check(request)?;
    let mut setup = families::setup(request)?;
    if let Some(warning) = subject::warning(request) {
        setup.notes.insert(0, warning);
    }
    outline::check(&setup)?;
    Ok(setup)
}

/// The trust as text in one of the formats.
///
/// # Errors
///
/// As [`setup`].
pub fn write(request: &TrustRequest, format: TrustFormat) -> Result<String, SetupError> {
    let setup = setup(request)?;
    Ok(match format {
        TrustFormat::Terraform => terraform::write(request, &setup),
        TrustFormat::Cli => script::write(request, &setup),
        TrustFormat::Json => format!("{:#}\n", json::document(request, &setup)),
    })
}

/// Every block of the configuration of Terraform, for those who hold it against what a provider knows.
///
/// # Errors
///
/// As [`setup`].
pub fn blocks(request: &TrustRequest) -> Result<Vec<Block>, SetupError> {
    Ok(terraform::blocks(request, &setup(request)?))
}
