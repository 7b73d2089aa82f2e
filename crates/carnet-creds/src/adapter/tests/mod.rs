//! What a document may say, what is refused, and what comes out of it.

mod properties;
mod refusals;
mod rendering;
mod shipped;

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::{AdapterDefinition, Secrets, Values};

/// A small adapter with an exchange, to be changed by the tests.
pub(super) const ACME: &str = r#"
name = "acme"
title = "Acme"
source = "https://docs.acme.example/workload-identity"
token = "login"
role = "role"

[settings.enable]
name = "TFC_ACME_PROVIDER_AUTH"
doc = "Set to true to authenticate to Acme with the identity of the run."

[settings.audience]
name = "TFC_ACME_WORKLOAD_IDENTITY_AUDIENCE"
default = "acme.example"
doc = "The audience of the identity token."

[settings.account]
name = "TFC_ACME_ACCOUNT"
required = true
example = "a-1"
doc = "The account."

[settings.role]
name = "TFC_ACME_RUN_ROLE"
phased = true
required = true
example = "deploy"
doc = "The role."

[settings.region]
name = "TFC_ACME_REGION"
example = "eu"
doc = "The region, if any."

[env]
ACME_TOKEN = "{{ answer.token }}"
ACME_REGION = { value = "{{ setting.region }}", when = "beside_aliases" }
ACME_CONFIG = { value = "{{ file.tfc-acme-config }}", when = "always" }

[files]
tfc-acme-config = "account = {{ setting.account }}\ntoken = {{ file.tfc-acme-token }}\n"
tfc-acme-token = "{{ answer.token }}"

[files.tfc-acme-settings.json]
account = "{{ setting.account }}"
region = "{{ setting.region }}"
retries = 3

[variable]
name = "tfc_acme_dynamic_credentials"
attributes = { token_file = "{{ file.tfc-acme-token }}", region = "{{ setting.region }}" }

[exchange]
url = "https://{{ setting.account }}.acme.example/v1/{{ setting.role }}/token?run={{ run_id }}"
form = { grant_type = "a:b", token = "{{ token }}", region = "{{ setting.region }}" }
headers = { X-Account = "{{ setting.account }}" }
expires_in = "/expires_in"

[exchange.answer]
token = "/access_token"
id = { pointer = "/id", secret = false }

[exchange.revoke]
method = "DELETE"
url = "https://acme.example/tokens/{{ answer.id }}"
headers = { Authorization = "Bearer {{ answer.token }}" }
"#;

pub(super) fn acme() -> AdapterDefinition {
    AdapterDefinition::parse(ACME).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn settings(given: &[(&str, &str)]) -> BTreeMap<String, String> {
    given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn secrets(given: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
    given.iter().map(|(key, value)| ((*key).to_owned(), SecretString::from(*value))).collect()
}

pub(super) fn values<'a>(
    definition: &'a AdapterDefinition,
    settings: &'a BTreeMap<String, String>,
    secrets: Secrets<'a>,
) -> Values<'a> {
    Values { definition, settings, secrets, home: "/h", run_id: "run-1", tag: None }
}
