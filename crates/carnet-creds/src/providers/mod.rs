//! One file for each family; a new family is a module here and a line in `BUILT_IN`.

mod adapter;
mod aws;
mod azure;
mod gcp;
mod hcp;
mod kubernetes;
mod plain;
mod tencentcloud;
mod vault;
mod vault_backed;
mod vault_backed_aws;
mod vault_backed_azure;
mod vault_backed_gcp;
mod withdrawn;

use crate::{
    common,
    family::FamilyName,
    lexicon::Values,
    notice::Notice,
    problem::Problem,
    provider::Provider,
    setting::{Setting, SettingKind},
};

pub(crate) use adapter::{AdapterConfiguration, AdapterFamily};
pub(crate) use vault::VAULT_FLAG;

/// Every family that is built in, in the order in which they are resolved.
const BUILT_IN: [&dyn Provider; 11] = [
    &plain::Plain,
    &aws::Aws,
    &azure::Azure,
    &gcp::Gcp,
    &kubernetes::Kubernetes,
    &hcp::Hcp,
    &tencentcloud::TencentCloud,
    &vault::Vault,
    &vault_backed_aws::VaultBackedAws,
    &vault_backed_azure::VaultBackedAzure,
    &vault_backed_gcp::VaultBackedGcp,
];

/// Everything that can be switched on in a run.
pub(crate) struct Providers<'p> {
    all: Vec<&'p (dyn Provider + 'p)>,
}

impl<'p> Providers<'p> {
    /// The families that are built in, then what adapters describe.
    pub(crate) fn with(adapters: impl IntoIterator<Item = &'p dyn Provider>) -> Self {
        Self { all: BUILT_IN.into_iter().chain(adapters).collect() }
    }

    /// Every family, in the order in which they are resolved.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'p dyn Provider> {
        self.all.iter().copied()
    }

    /// The flag of every family that has one, in the order of families.
    pub(crate) fn flags(&self) -> Vec<(FamilyName, &'p str)> {
        let firsts = self.iter().filter_map(|provider| provider.settings().first().copied());
        let mut flags: Vec<(FamilyName, &'p str)> = firsts
            .filter(|setting| setting.kind == SettingKind::Enable)
            .map(|setting| (setting.family, setting.name))
            .collect();
        flags.sort();
        flags
    }

    /// Every known setting.
    pub(crate) fn settings(&self) -> impl Iterator<Item = Setting<'p>> {
        self.iter().flat_map(|provider| provider.settings()).chain(common::settings())
    }

    /// Every base name, those of withdrawn families included, with its kind.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&'p str, SettingKind)> {
        let withdrawn = withdrawn::FLAGS.into_iter().map(|flag| (flag, SettingKind::Enable));
        self.settings().map(|setting| (setting.name, setting.kind)).chain(withdrawn)
    }
}

/// Records a problem for every flag of a withdrawn family that is on.
pub(crate) fn check_withdrawn(values: &Values<'_>, problems: &mut Vec<Problem>, warnings: &mut Vec<Notice>) {
    withdrawn::check(values, problems, warnings);
}
