//! An adapter: a provider that is described by a document instead of code.

use super::{
    error::AdapterError,
    json::JsonTemplate,
    parse,
    setting::AdapterSetting,
    template::{Name, Template},
    url::UrlTemplate,
};

pub use super::document::{EnvWhen, TokenUse};

/// A provider that is described by a document instead of code.
#[derive(Debug, Clone, PartialEq)]
pub struct AdapterDefinition {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) source: String,
    pub(super) note: Option<String>,
    pub(super) token: TokenUse,
    pub(super) role: Option<String>,
    /// The switch, the audience, then the values in the order of the document.
    pub(super) settings: Vec<AdapterSetting>,
    pub(super) env: Vec<AdapterEnv>,
    pub(super) files: Vec<AdapterFile>,
    pub(super) variable: Option<AdapterVariable>,
    pub(super) rivals: Vec<AdapterRival>,
    pub(super) exchange: Option<AdapterExchange>,
}

/// An environment variable that an adapter sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterEnv {
    pub(super) name: String,
    pub(super) value: Template,
    pub(super) when: EnvWhen,
}

/// A file that an adapter writes.
#[derive(Debug, Clone, PartialEq)]
pub struct AdapterFile {
    pub(super) stem: String,
    pub(super) content: FileContent,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum FileContent {
    Text(Template),
    Json(JsonTemplate),
}

/// The Terraform variable that tells a configuration where its credentials lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterVariable {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, Template)>,
}

/// An environment variable that takes precedence over what the adapter sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterRival {
    /// The variable.
    pub name: String,
    /// The one value that does no harm.
    pub harmless: Option<String>,
}

/// The request that trades an identity token for a credential.
#[derive(Debug, Clone, PartialEq)]
pub struct AdapterExchange {
    pub(super) request: Request,
    pub(super) answers: Vec<Answer>,
    pub(super) expiry: Option<Expiry>,
    pub(super) revocation: Option<AdapterRevocation>,
}

/// The request that takes a credential back.
#[derive(Debug, Clone, PartialEq)]
pub struct AdapterRevocation {
    pub(super) request: Request,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) url: UrlTemplate,
    pub(super) body: Body,
    pub(super) headers: Vec<(String, Template)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    None,
    Form(Vec<(String, Template)>),
    Json(JsonTemplate),
}

/// A field of the answer to an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What templates call it.
    pub key: String,
    /// Where it stands in the answer (RFC 6901).
    pub pointer: String,
    /// Whether nobody may see it.
    pub is_secret: bool,
    /// Whether it may be absent.
    pub is_optional: bool,
}

/// Where the answer to an exchange says when the credential ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expiry {
    /// A JSON pointer to a number of seconds.
    In(String),
    /// A JSON pointer to a moment: RFC 3339, or seconds or milliseconds since 1970.
    At(String),
}

impl AdapterDefinition {
    /// Parses the document of an adapter; fails with everything that is wrong in it.
    pub fn parse(document: &str) -> Result<Self, AdapterError> {
        parse::parse(document)
    }

    /// The name, which stands where the name of a built-in family stands.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name as people read it.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The address of the provider's own documentation.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What a person should know before using it.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// How the consumer reads the identity token.
    pub fn token_use(&self) -> TokenUse {
        self.token
    }

    /// The key of the setting that messages show as the role.
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// Every setting: the switch, the audience, then the values in the order of the document.
    pub fn settings(&self) -> &[AdapterSetting] {
        &self.settings
    }

    /// The setting with a key.
    pub fn setting(&self, key: &str) -> Option<&AdapterSetting> {
        self.settings.iter().find(|setting| setting.key == key)
    }

    /// The environment variables that it sets, and when.
    pub fn env(&self) -> impl Iterator<Item = (&str, EnvWhen)> {
        self.env.iter().map(|entry| (entry.name.as_str(), entry.when))
    }

    /// The stems of the files that it writes.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.stem.as_str())
    }

    /// The Terraform variable that it sets.
    pub fn variable(&self) -> Option<&str> {
        self.variable.as_ref().map(|variable| variable.name.as_str())
    }

    /// The environment variables of a person that would win over what it sets.
    pub fn rivals(&self) -> &[AdapterRival] {
        &self.rivals
    }

    /// The exchange, if it has one.
    pub fn exchange(&self) -> Option<&AdapterExchange> {
        self.exchange.as_ref()
    }

    /// Whether it hands out the address and the secret of the agent's token source.
    pub fn needs_token_source(&self) -> bool {
        let is_source = |name: &Name| matches!(name, Name::SourceUrl | Name::SourceSecret);
        let in_files = self.files.iter().flat_map(|file| file.content.templates());
        let mut templates = self.env.iter().map(|entry| &entry.value).chain(in_files);
        templates.any(|template| template.names().any(is_source))
    }
}

impl AdapterExchange {
    /// The fields that are read from the answer.
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// Where the answer says when the credential ends.
    pub fn expiry(&self) -> Option<&Expiry> {
        self.expiry.as_ref()
    }

    /// The request that takes the credential back, if the provider has one.
    pub fn revocation(&self) -> Option<&AdapterRevocation> {
        self.revocation.as_ref()
    }
}

impl FileContent {
    pub(super) fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Text(template) => vec![template],
            Self::Json(json) => json.templates(),
        }
    }
}
