//! The document of an adapter as it is written, before anything is checked.

use std::{collections::BTreeMap, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use toml::Spanned;

/// A text and where it stands.
pub(super) type Text = Spanned<String>;

/// A table whose keys have a place, too.
pub(super) type Table<T> = BTreeMap<Text, T>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) name: Text,
    pub(super) title: Text,
    pub(super) source: Text,
    pub(super) note: Option<Text>,
    pub(super) token: Spanned<TokenUse>,
    pub(super) role: Option<Text>,
    pub(super) settings: Spanned<Table<SettingPart>>,
    #[serde(default)]
    pub(super) env: Table<EnvPart>,
    #[serde(default)]
    pub(super) files: Table<FilePart>,
    pub(super) variable: Option<VariablePart>,
    #[serde(default)]
    pub(super) rivals: Vec<RivalPart>,
    pub(super) exchange: Option<Spanned<ExchangePart>>,
}

/// How the consumer reads the identity token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenUse {
    /// From a file, again and again, so a short token is replaced in time; with an exchange, what it led to.
    Rotated,
    /// Not at all: the engine trades it in the exchange, once.
    Login,
    /// Once, and it is presented until the phase ends.
    Phase,
    /// From the agent's token source on this machine, which makes one whenever it is asked.
    Source,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingPart {
    pub(super) name: Text,
    pub(super) label: Option<Text>,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) phased: bool,
    pub(super) default: Option<Text>,
    pub(super) example: Option<Text>,
    pub(super) doc: Text,
}

/// When an environment variable is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvWhen {
    /// The configuration is the only one, and has no tag.
    Alone,
    /// The configuration has no tag, and tagged ones stand beside it.
    BesideAliases,
    /// Always; for a tagged configuration the tag stands behind the name.
    Always,
}

#[derive(Debug, Deserialize)]
#[serde(from = "Spanned<TextOr<LongEnv>>")]
pub(super) struct EnvPart {
    pub(super) value: Text,
    pub(super) when: EnvWhen,
}

#[derive(Debug, Deserialize)]
#[serde(from = "Spanned<TextOr<LongFile>>")]
pub(super) enum FilePart {
    Text(Text),
    Json(Spanned<toml::Value>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VariablePart {
    pub(super) name: Text,
    pub(super) attributes: Table<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(from = "Spanned<TextOr<LongRival>>")]
pub(super) struct RivalPart {
    pub(super) name: Text,
    pub(super) unless: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExchangePart {
    pub(super) method: Option<Text>,
    pub(super) url: Text,
    pub(super) form: Option<Spanned<Table<Text>>>,
    pub(super) json: Option<Spanned<toml::Value>>,
    #[serde(default)]
    pub(super) headers: Table<Text>,
    #[serde(default)]
    pub(super) answer: Table<AnswerPart>,
    pub(super) expires_in: Option<Text>,
    pub(super) expires_at: Option<Text>,
    pub(super) revoke: Option<RevokePart>,
}

#[derive(Debug, Deserialize)]
#[serde(from = "Spanned<TextOr<LongAnswer>>")]
pub(super) struct AnswerPart {
    pub(super) pointer: Text,
    pub(super) is_secret: bool,
    pub(super) is_optional: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokePart {
    pub(super) method: Option<Text>,
    pub(super) url: Text,
    pub(super) form: Option<Spanned<Table<Text>>>,
    pub(super) json: Option<Spanned<toml::Value>>,
    #[serde(default)]
    pub(super) headers: Table<Text>,
}

/// A bare text, or a table that says more.
enum TextOr<L> {
    Text(String),
    Long(L),
}

impl<'de, L: Deserialize<'de>> Deserialize<'de> for TextOr<L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrVisitor(PhantomData))
    }
}

struct TextOrVisitor<L>(PhantomData<L>);

impl<'de, L: Deserialize<'de>> Visitor<'de> for TextOrVisitor<L> {
    type Value = TextOr<L>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text or a table")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(TextOr::Text(text.to_owned()))
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        L::deserialize(MapAccessDeserializer::new(map)).map(TextOr::Long)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongEnv {
    value: Text,
    when: Option<EnvWhen>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongFile {
    json: Spanned<toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongRival {
    name: Text,
    unless: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongAnswer {
    pointer: Text,
    secret: Option<bool>,
    #[serde(default)]
    optional: bool,
}

impl From<Spanned<TextOr<LongEnv>>> for EnvPart {
    fn from(written: Spanned<TextOr<LongEnv>>) -> Self {
        let span = written.span();
        match written.into_inner() {
            TextOr::Text(text) => Self { value: Spanned::new(span, text), when: EnvWhen::Alone },
            TextOr::Long(long) => Self { value: long.value, when: long.when.unwrap_or(EnvWhen::Alone) },
        }
    }
}

impl From<Spanned<TextOr<LongFile>>> for FilePart {
    fn from(written: Spanned<TextOr<LongFile>>) -> Self {
        let span = written.span();
        match written.into_inner() {
            TextOr::Text(text) => Self::Text(Spanned::new(span, text)),
            TextOr::Long(long) => Self::Json(long.json),
        }
    }
}

impl From<Spanned<TextOr<LongRival>>> for RivalPart {
    fn from(written: Spanned<TextOr<LongRival>>) -> Self {
        let span = written.span();
        match written.into_inner() {
            TextOr::Text(text) => Self { name: Spanned::new(span, text), unless: None },
            TextOr::Long(long) => Self { name: long.name, unless: long.unless },
        }
    }
}

impl From<Spanned<TextOr<LongAnswer>>> for AnswerPart {
    fn from(written: Spanned<TextOr<LongAnswer>>) -> Self {
        let span = written.span();
        match written.into_inner() {
            TextOr::Text(text) => {
                Self { pointer: Spanned::new(span, text), is_secret: true, is_optional: false }
            }
            TextOr::Long(long) => {
                let is_secret = long.secret.unwrap_or(true);
                Self { pointer: long.pointer, is_secret, is_optional: long.optional }
            }
        }
    }
}
