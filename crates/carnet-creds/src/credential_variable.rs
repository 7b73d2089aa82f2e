//! Which environment variables decide about credentials.

use std::sync::Arc;

use crate::{
    adapter::AdapterDefinition,
    lexicon::{Lexicon, Name},
    provider::Provider,
    providers::{AdapterFamily, Providers},
};

/// Variables that say where clients of clouds, or all programs of a run, send their credentials, and whom they trust there.
const DIRECTIONS: [&str; 24] = [
    "ALL_PROXY",
    "ARM_ENVIRONMENT",
    "ARM_METADATA_HOST",
    "ARM_METADATA_HOSTNAME",
    "ARM_TENANT_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "GOOGLE_CLOUD_UNIVERSE_DOMAIN",
    "GOOGLE_UNIVERSE_DOMAIN",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TF_CLI_CONFIG_FILE",
    "TF_REATTACH_PROVIDERS",
    "VAULT_ADDR",
    "VAULT_AGENT_ADDR",
    "VAULT_CACERT",
    "VAULT_CAPATH",
    "VAULT_PROXY_ADDR",
    "VAULT_SKIP_VERIFY",
    "VAULT_TLS_SERVER_NAME",
];

/// What further names of that kind begin with.
const DIRECTION_STARTS: [&str; 5] = ["AWS_ENDPOINT_URL", "GIT_", "HCP_", "KUBE_", "TF_CLI_ARGS"];

/// What they end with: `GOOGLE_IAM_CREDENTIALS_CUSTOM_ENDPOINT` and its like.
const DIRECTION_END: &str = "_CUSTOM_ENDPOINT";

/// Tells whether a variable says where credentials go. Proxies are read in small letters, too.
fn directs(name: &str) -> bool {
    DIRECTIONS.iter().any(|known| known.eq_ignore_ascii_case(name))
        || DIRECTION_STARTS.iter().any(|start| name.starts_with(start))
        || name.ends_with(DIRECTION_END)
}

/// Tells whether an environment variable of this name is a setting of a family of credentials, with a tag or without, or a
/// default form; that of an adapter, too; or says where the clients of clouds send their credentials. Who may set it decides
/// which identity a run asks for, and where.
pub fn is_credential_variable(name: &str, adapters: &[Arc<AdapterDefinition>]) -> bool {
    let families: Vec<AdapterFamily> = adapters.iter().filter_map(AdapterFamily::new).collect();
    let providers = Providers::with(families.iter().map(|family| family as &dyn Provider));
    match Lexicon::new(&providers).parse(name) {
        Name::Default(_) | Name::UnknownDefault | Name::Value(..) => true,
        Name::Other => directs(name),
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
    fn what_says_where_credentials_go_counts() {
        for name in [
            "AWS_ENDPOINT_URL_STS",
            "AWS_ENDPOINT_URL",
            "AWS_CA_BUNDLE",
            "ARM_TENANT_ID",
            "KUBE_HOST",
            "KUBE_CLUSTER_CA_CERT_DATA",
            "VAULT_ADDR",
            "HTTPS_PROXY",
            "https_proxy",
            "GOOGLE_CLOUD_UNIVERSE_DOMAIN",
            "GOOGLE_STORAGE_CUSTOM_ENDPOINT",
            "TF_CLI_ARGS_plan",
        ] {
            assert!(is_credential_variable(name, &[]), "{name}");
        }
        for name in crate::provider_env::NAMES.into_iter().filter(|name| !name.ends_with("REGION")) {
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
