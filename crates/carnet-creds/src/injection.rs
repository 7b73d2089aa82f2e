//! What Terraform gets to see: environment, files and variables, as plain data.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    credential::Credential,
    family::{FamilyName, Tag},
    resolve::{Configured, Resolution},
};

/// Everything that is put into a run before Terraform starts.
#[derive(Debug, Clone, Default)]
pub struct Injection {
    /// Environment variables.
    pub env: BTreeMap<String, SecretString>,
    /// Files, to be written with mode 0600 and replaced by rename.
    pub files: Vec<InjectedFile>,
    /// Terraform variables: the name and the value as it must stand behind `TF_VAR_<name>=`.
    pub variables: BTreeMap<String, String>,
    /// Tokens that the token source serves, for consumers that ask for a new one whenever they need it.
    pub served: Vec<ServedToken>,
    /// Everything that no log may show.
    pub secrets: Vec<SecretString>,
}

/// Where the agent serves tokens to the processes of the run, and what they must present.
#[derive(Debug, Clone)]
pub struct TokenSourceAddress {
    /// The address without a trailing slash, `http://127.0.0.1:40001` for example.
    pub url: String,
    /// What a request must carry as its bearer.
    pub secret: SecretString,
}

/// A token that the token source serves at a path.
#[derive(Debug, Clone)]
pub struct ServedToken {
    /// The path below the source's address, without a slash in front.
    pub path: String,
    /// The audience of the token; a request that names another one is refused.
    pub audience: String,
    /// The token.
    pub token: SecretString,
}

/// A file directly below the home directory of the run.
#[derive(Debug, Clone)]
pub struct InjectedFile {
    /// The name, without a path.
    pub name: String,
    /// The exact content; nothing may be added, not even a line break.
    pub content: SecretString,
}

/// What one configuration contributes.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    pub(crate) env: Vec<EnvEntry>,
    pub(crate) files: Vec<InjectedFile>,
    pub(crate) attributes: Vec<(String, Option<String>)>,
    /// Paths of the token source, with the audience that each serves.
    pub(crate) served: Vec<(String, String)>,
}

/// One environment variable and the situations in which it is set.
#[derive(Debug)]
pub(crate) struct EnvEntry {
    pub(crate) name: String,
    pub(crate) value: SecretString,
    pub(crate) when: When,
}

/// In which situation of its group an environment variable is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// The configuration is the only one of its group, and has no tag.
    Alone,
    /// The configuration has no tag, and aliases of the same family stand beside it.
    BesideAliases,
    /// Always.
    Always,
    /// Always, unless the workspace sets it.
    UnlessSet,
}

impl Delivery {
    pub(crate) fn env(&mut self, when: When, name: impl Into<String>, value: impl Into<SecretString>) {
        self.env.push(EnvEntry { name: name.into(), value: value.into(), when });
    }

    pub(crate) fn file(&mut self, name: String, content: SecretString) {
        self.files.push(InjectedFile { name, content });
    }

    pub(crate) fn attribute(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.attributes.push((name.into(), Some(value.into())));
    }

    /// An attribute that does not apply: Terraform wants every attribute to be there.
    pub(crate) fn no_attribute(&mut self, name: impl Into<String>) {
        self.attributes.push((name.into(), None));
    }

    /// Serves the token of the configuration at a path of the token source.
    pub(crate) fn serve(&mut self, path: String, audience: impl Into<String>) {
        self.served.push((path, audience.into()));
    }
}

/// How the configurations of one group stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Situation {
    OnlyDefault,
    DefaultAndAliases,
    OnlyAliases,
    TwoFamilies,
}

impl Situation {
    fn of(group: FamilyName, configured: &[Configured]) -> Self {
        let members: Vec<&Configured> =
            configured.iter().filter(|member| member.family.group() == group).collect();
        let families: BTreeSet<FamilyName> = members.iter().map(|member| member.family).collect();
        let has_default = members.iter().any(|member| member.tag.is_none());
        match (families.len() > 1, has_default, members.len()) {
            (true, _, _) => Self::TwoFamilies,
            (false, true, 1) => Self::OnlyDefault,
            (false, true, _) => Self::DefaultAndAliases,
            (false, false, _) => Self::OnlyAliases,
        }
    }

    fn allows(self, when: When, tag: Option<&Tag>) -> bool {
        match when {
            When::Alone => tag.is_none() && self == Self::OnlyDefault,
            When::BesideAliases => tag.is_none() && self == Self::DefaultAndAliases,
            When::Always | When::UnlessSet => true,
        }
    }
}

/// Puts together what all configurations contribute, given the credential of each in their order.
pub(crate) fn assemble(
    resolution: &Resolution,
    credentials: &[Credential],
    source: Option<&TokenSourceAddress>,
) -> Injection {
    let mut injection = Injection::default();
    let mut variables: BTreeMap<&str, DynamicCredentials> = BTreeMap::new();
    for (configured, credential) in resolution.configured.iter().zip(credentials) {
        let delivery = deliver(resolution, configured, credential, source);
        injection.served.extend(served(&delivery, credential));
        let situation = Situation::of(configured.family.group(), &resolution.configured);
        for entry in delivery.env {
            let is_left_alone =
                entry.when == When::UnlessSet && resolution.workspace_env.contains(&entry.name);
            if situation.allows(entry.when, configured.tag.as_ref()) && !is_left_alone {
                injection.env.insert(entry.name, entry.value);
            }
        }
        injection.files.extend(delivery.files);
        if let Some(name) = configured.variable.as_deref() {
            variables.entry(name).or_default().add(configured.tag.clone(), delivery.attributes);
        }
        injection.secrets.extend(credential.secrets().cloned());
    }
    injection.secrets.extend(source.map(|source| source.secret.clone()));
    variables.retain(|name, _| !resolution.terraform_variables.contains(*name));
    injection.variables =
        variables.iter().map(|(name, value)| ((*name).to_owned(), value.encoded())).collect();
    injection
}

/// What one configuration contributes, given its credential.
pub(crate) fn deliver(
    resolution: &Resolution,
    configured: &Configured,
    credential: &Credential,
    source: Option<&TokenSourceAddress>,
) -> Delivery {
    configured.configuration.deliver(credential, &resolution.place(configured.tag.as_ref(), source))
}

/// The tokens that a delivery has served.
pub(crate) fn served(delivery: &Delivery, credential: &Credential) -> Vec<ServedToken> {
    let served = delivery.served.iter();
    served
        .map(|(path, audience)| ServedToken {
            path: path.clone(),
            audience: audience.clone(),
            token: credential.token.clone(),
        })
        .collect()
}

/// The object of a `tfc_..._dynamic_credentials` variable; Terraform wants both attributes always.
#[derive(Debug, Default, Serialize)]
struct DynamicCredentials {
    default: Option<Attributes>,
    aliases: BTreeMap<Tag, Attributes>,
}

#[derive(Debug)]
struct Attributes(Vec<(String, Option<String>)>);

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl DynamicCredentials {
    fn add(&mut self, tag: Option<Tag>, attributes: Vec<(String, Option<String>)>) {
        match tag {
            Some(tag) => {
                self.aliases.insert(tag, Attributes(attributes));
            }
            None => self.default = Some(Attributes(attributes)),
        }
    }

    // Terraform reads `TF_VAR_` values of typed variables as expressions, in which `${` and `%{` start a template.
    fn encoded(&self) -> String {
        let json = serde_json::to_string(self).expect("texts and maps with text keys are always valid JSON");
        json.replace("${", "$${").replace("%{", "%%{")
    }
}
