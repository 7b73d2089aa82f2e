//! JSON with templates in its texts.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{
    escape::Context,
    render::{RenderError, Values},
    template::{Template, TemplateError},
};

/// A JSON document whose texts are templates.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JsonTemplate(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Fixed(Value),
    Text(Template),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Default for JsonTemplate {
    fn default() -> Self {
        Self(Node::Fixed(Value::Null))
    }
}

impl JsonTemplate {
    /// Reads TOML as JSON; dates and numbers that JSON cannot hold are refused.
    pub(super) fn parse(value: &toml::Value) -> Result<Self, TemplateError> {
        node(value).map(Self)
    }

    /// Every template in it.
    pub(super) fn templates(&self) -> Vec<&Template> {
        let mut found = Vec::new();
        self.0.collect(&mut found);
        found
    }

    /// The document with its values; members and elements whose value is not set are left out.
    pub(super) fn render(&self, values: &Values<'_>) -> Result<SecretString, RenderError> {
        let rendered = self.0.render(values)?.unwrap_or(Value::Null);
        Ok(rendered.to_string().into())
    }
}

fn node(value: &toml::Value) -> Result<Node, TemplateError> {
    let fail = |text: &str| TemplateError { at: 0, text: text.to_owned() };
    Ok(match value {
        toml::Value::String(text) => Node::Text(Template::parse(text)?),
        toml::Value::Integer(number) => Node::Fixed((*number).into()),
        toml::Value::Boolean(flag) => Node::Fixed((*flag).into()),
        toml::Value::Float(number) => match serde_json::Number::from_f64(*number) {
            Some(number) => Node::Fixed(number.into()),
            None => return Err(fail("JSON has no infinite numbers")),
        },
        toml::Value::Datetime(_) => return Err(fail("JSON has no dates; write a text")),
        toml::Value::Array(elements) => Node::List(elements.iter().map(node).collect::<Result<_, _>>()?),
        toml::Value::Table(members) => {
            let members = members.iter().map(|(key, value)| Ok((key.clone(), node(value)?)));
            Node::Object(members.collect::<Result<_, _>>()?)
        }
    })
}

impl Node {
    fn collect<'a>(&'a self, found: &mut Vec<&'a Template>) {
        match self {
            Self::Fixed(_) => {}
            Self::Text(template) => found.push(template),
            Self::List(elements) => elements.iter().for_each(|element| element.collect(found)),
            Self::Object(members) => members.iter().for_each(|(_, member)| member.collect(found)),
        }
    }

    fn render(&self, values: &Values<'_>) -> Result<Option<Value>, RenderError> {
        Ok(match self {
            Self::Fixed(value) => Some(value.clone()),
            Self::Text(template) => {
                let text = template.render(Context::Json, values)?;
                text.map(|text| Value::String(text.expose_secret().to_owned()))
            }
            Self::List(elements) => {
                let mut rendered = Vec::new();
                for element in elements {
                    rendered.extend(element.render(values)?);
                }
                Some(Value::Array(rendered))
            }
            Self::Object(members) => {
                let mut rendered = serde_json::Map::new();
                for (key, member) in members {
                    if let Some(value) = member.render(values)? {
                        rendered.insert(key.clone(), value);
                    }
                }
                Some(Value::Object(rendered))
            }
        })
    }
}
