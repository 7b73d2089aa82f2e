//! What the workspace tells Terraform's own providers about where they present the identity of the run.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::lexicon::non_empty;

/// Nothing here is meant to be secret; a person who keeps it secret all the same finds it hidden in the log.
pub(crate) const NAMES: [&str; 7] = [
    AWS_STS,
    AWS_REGION,
    AWS_DEFAULT_REGION,
    ARM_TENANT_ID,
    ARM_ENVIRONMENT,
    KUBE_HOST,
    KUBE_CLUSTER_CA_CERT_DATA,
];

pub(crate) const AWS_STS: &str = "AWS_ENDPOINT_URL_STS";
pub(crate) const AWS_REGION: &str = "AWS_REGION";
pub(crate) const AWS_DEFAULT_REGION: &str = "AWS_DEFAULT_REGION";
pub(crate) const ARM_TENANT_ID: &str = "ARM_TENANT_ID";
pub(crate) const ARM_ENVIRONMENT: &str = "ARM_ENVIRONMENT";
pub(crate) const KUBE_HOST: &str = "KUBE_HOST";
pub(crate) const KUBE_CLUSTER_CA_CERT_DATA: &str = "KUBE_CLUSTER_CA_CERT_DATA";

/// The environment variables of the workspace that say where Terraform's own providers go.
#[derive(Clone, Default)]
pub(crate) struct ProviderEnv(BTreeMap<&'static str, String>);

impl ProviderEnv {
    /// Picks them out of the variables of a run.
    pub(crate) fn of(env: &BTreeMap<String, SecretString>) -> Self {
        let found = NAMES.into_iter().filter_map(|name| Some((name, non_empty(env.get(name)?)?.to_owned())));
        Self(found.collect())
    }

    /// The value of one, unless it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The region of AWS, if it is one: it becomes a part of a host name.
    pub(crate) fn aws_region(&self) -> Option<&str> {
        let region = self.get(AWS_REGION).or_else(|| self.get(AWS_DEFAULT_REGION))?;
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (region.len() <= 40 && region.bytes().all(is_letter)).then_some(region)
    }

    /// The address of AWS's token service.
    pub(crate) fn aws_sts(&self) -> String {
        if let Some(own) = self.get(AWS_STS) {
            return own.trim_end_matches('/').to_owned();
        }
        match self.aws_region() {
            Some(region) => format!("https://sts.{region}.{}", aws_suffix(region)),
            None => "https://sts.amazonaws.com".to_owned(),
        }
    }
}

/// The domain of a region's partition.
fn aws_suffix(region: &str) -> &'static str {
    const SUFFIXES: [(&str, &str); 5] = [
        ("cn-", "amazonaws.com.cn"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
    ];
    let found = SUFFIXES.into_iter().find(|(prefix, _)| region.starts_with(prefix));
    found.map_or("amazonaws.com", |(_, suffix)| suffix)
}

impl std::fmt::Debug for ProviderEnv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(values: &[(&str, &str)]) -> ProviderEnv {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), SecretString::from(*value)));
        ProviderEnv::of(&values.collect())
    }

    #[track_caller]
    fn check(values: &[(&str, &str)], expected: &str) {
        assert_eq!(env(values).aws_sts(), expected);
    }

    #[test]
    fn the_token_service_of_aws_is_where_its_provider_goes() {
        check(&[], "https://sts.amazonaws.com");
        check(&[("AWS_REGION", "eu-west-1")], "https://sts.eu-west-1.amazonaws.com");
        check(&[("AWS_DEFAULT_REGION", "cn-north-1")], "https://sts.cn-north-1.amazonaws.com.cn");
        check(
            &[("AWS_REGION", "us-gov-west-1"), ("AWS_DEFAULT_REGION", "x")],
            "https://sts.us-gov-west-1.amazonaws.com",
        );
        check(&[("AWS_REGION", "us-isob-east-1")], "https://sts.us-isob-east-1.sc2s.sgov.gov");
        check(
            &[("AWS_ENDPOINT_URL_STS", "https://sts.example/"), ("AWS_REGION", "x")],
            "https://sts.example",
        );
    }

    #[test]
    fn a_region_cannot_name_another_host() {
        check(&[("AWS_REGION", "x@evil.example/")], "https://sts.amazonaws.com");
        check(&[("AWS_REGION", "evil.example")], "https://sts.amazonaws.com");
    }

    #[test]
    fn nothing_but_names_shows() {
        let env = env(&[("AWS_REGION", "eu-west-1"), ("AWS_SECRET_ACCESS_KEY", "s"), ("KUBE_HOST", " ")]);
        assert_eq!(format!("{env:?}"), r#"{"AWS_REGION"}"#);
    }
}
