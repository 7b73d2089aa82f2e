//! One file for each family; a new family is a module here and a line in `all`.

mod aws;
mod plain;
pub(crate) mod unsupported;
mod vault;

use crate::{family::FamilyName, provider::Provider};

/// Every supported family, in the order in which they are resolved.
pub(crate) fn all() -> [&'static dyn Provider; 3] {
    [&plain::Plain, &aws::Aws, &vault::Vault]
}

/// Every family with a flag, supported or not, in the order of families.
pub(crate) fn flags() -> Vec<(FamilyName, &'static str)> {
    let own =
        all().into_iter().filter_map(|provider| Some((provider.family(), provider.settings().first()?.name)));
    let mut flags: Vec<(FamilyName, &'static str)> = own.chain(unsupported::flags()).collect();
    flags.sort();
    flags
}
