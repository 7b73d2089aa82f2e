//! Which environment variables decide about credentials.

use std::sync::Arc;

use crate::{
    adapter::AdapterDefinition,
    lexicon::{Lexicon, Name},
    provider::Provider,
    providers::{AdapterFamily, Providers},
};

/// Tells whether an environment variable of this name is a setting of a family of credentials, with a tag or without, or a
/// default form; that of an adapter, too. Who may set it decides which identity a run asks for, and where.
pub fn is_credential_variable(name: &str, adapters: &[Arc<AdapterDefinition>]) -> bool {
    let families: Vec<AdapterFamily> = adapters.iter().filter_map(AdapterFamily::new).collect();
    let providers = Providers::with(families.iter().map(|family| family as &dyn Provider));
    match Lexicon::new(&providers).parse(name) {
        Name::Default(_) | Name::UnknownDefault | Name::Value(..) => true,
        Name::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{adapter, resolve::settings};

    #[test]
    fn every_setting_counts_with_a_tag_and_as_default() {
        for setting in settings() {
            assert!(is_credential_variable(setting.name, &[]), "{}", setting.name);
            assert!(is_credential_variable(&format!("{}_BLUE", setting.name), &[]), "{}", setting.name);
            if setting.has_default_form() {
                assert!(is_credential_variable(&setting.default_form(), &[]), "{}", setting.name);
            }
        }
        for name in
            ["TFC_WORKLOAD_IDENTITY_AUDIENCE", "TFC_WORKLOAD_IDENTITY_AUDIENCE_X", "TFC_DEFAULT_ANYTHING"]
        {
            assert!(is_credential_variable(name, &[]), "{name}");
        }
    }

    #[test]
    fn what_is_no_setting_does_not_count() {
        for name in [
            "",
            "AWS_REGION",
            "TF_LOG",
            "TFC_RUN_ID",
            "TFC_AWS",
            "tfc_aws_provider_auth",
            "MY_TFC_AWS_PROVIDER_AUTH",
        ] {
            assert!(!is_credential_variable(name, &[]), "{name}");
        }
    }

    #[test]
    fn settings_of_adapters_count_where_the_adapter_is() {
        let adapters = adapter::with_shipped([]);
        let settings = adapters.iter().filter_map(AdapterFamily::new).flat_map(|family| {
            family.settings().iter().map(|setting| setting.name.to_owned()).collect::<Vec<_>>()
        });
        for name in settings.collect::<Vec<_>>() {
            assert!(is_credential_variable(&name, &adapters), "{name}");
            assert!(!is_credential_variable(&name, &[]), "{name}");
        }
    }
}
