//! Texts with holes: what is known only where the trust is applied, or only once something else has been made.

/// A text that may name values nobody knows yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(Vec<Part>);

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Known characters.
    Literal(String),
    /// A value that whoever applies the trust gives: `var.account_id`, `$ACCOUNT_ID`.
    Input(String),
    /// What Terraform knows of another block, and what stands for it elsewhere.
    Made {
        /// The expression of Terraform, such as `aws_iam_role.plan.arn`.
        expression: String,
        /// The same outside Terraform.
        otherwise: Text,
    },
}

impl Text {
    /// A value that whoever applies the trust gives.
    pub fn input(name: impl Into<String>) -> Self {
        Self(vec![Part::Input(name.into())])
    }

    /// What Terraform knows of another block, and what stands for it elsewhere.
    pub fn made(expression: impl Into<String>, otherwise: impl Into<Self>) -> Self {
        Self(vec![Part::Made { expression: expression.into(), otherwise: otherwise.into() }])
    }

    /// The text with more behind it.
    pub fn and(mut self, more: impl Into<Self>) -> Self {
        self.0.extend(more.into().0);
        self
    }

    /// The parts in their order.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The text, if all of it is known.
    pub fn literal(&self) -> Option<String> {
        let known = |part: &Part| match part {
            Part::Literal(text) => Some(text.clone()),
            Part::Input(_) | Part::Made { .. } => None,
        };
        self.0.iter().map(known).collect()
    }

    /// The text outside Terraform: without expressions.
    pub fn plain(&self) -> Self {
        let plain = |part: &Part| match part {
            Part::Made { otherwise, .. } => otherwise.plain().0,
            Part::Literal(_) | Part::Input(_) => vec![part.clone()],
        };
        Self(self.0.iter().flat_map(plain).collect())
    }

    /// The text with placeholders such as `${ACCOUNT_ID}`.
    pub fn with_placeholders(&self) -> String {
        let shown = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Input(name) => format!("${{{}}}", name.to_uppercase()),
            Part::Made { otherwise, .. } => otherwise.with_placeholders(),
        };
        self.0.iter().map(shown).collect()
    }

    /// The names of the inputs outside Terraform.
    pub fn inputs(&self) -> Vec<String> {
        let named = |part: Part| match part {
            Part::Input(name) => Some(name),
            Part::Literal(_) | Part::Made { .. } => None,
        };
        self.plain().0.into_iter().filter_map(named).collect()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(vec![Part::Literal(text.to_owned())])
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(vec![Part::Literal(text)])
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Self {
        text.clone()
    }
}

/// A known value, or else an input of this name.
impl Text {
    /// What was told, or else an input.
    pub fn told_or(told: Option<&str>, input: &str) -> Self {
        told.map_or_else(|| Self::input(input), Self::from)
    }
}

/// A value of a document or of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(Text),
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A list.
    List(Vec<Value>),
    /// Members in their order.
    Map(Vec<(String, Value)>),
    /// A document as JSON in a text.
    Json(Box<Value>),
    /// An expression of Terraform, written by us alone.
    Expression(&'static str),
}

impl Value {
    /// Members of a document.
    pub fn map<const N: usize>(members: [(&str, Value); N]) -> Self {
        Self::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A list of texts.
    pub fn texts<T: Into<Text>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Text(text.into())).collect())
    }

    /// The document with placeholders for what is not known.
    pub fn to_json(&self) -> serde_json::Value {
        self.as_json(&Text::with_placeholders)
    }

    /// The document, its texts written by a function.
    pub(super) fn as_json(&self, written: &impl Fn(&Text) -> String) -> serde_json::Value {
        match self {
            Self::Text(text) => written(text).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Number(number) => (*number).into(),
            Self::List(list) => list.iter().map(|one| one.as_json(written)).collect(),
            Self::Map(members) => {
                members.iter().map(|(name, value)| (name.clone(), value.as_json(written))).collect()
            }
            Self::Json(document) => document.as_json(written).to_string().into(),
            Self::Expression(expression) => (*expression).into(),
        }
    }

    /// The names of the inputs outside Terraform.
    pub fn inputs(&self) -> Vec<String> {
        match self {
            Self::Text(text) => text.inputs(),
            Self::Flag(_) | Self::Number(_) | Self::Expression(_) => Vec::new(),
            Self::List(list) => list.iter().flat_map(Self::inputs).collect(),
            Self::Map(members) => members.iter().flat_map(|(_, value)| value.inputs()).collect(),
            Self::Json(document) => document.inputs(),
        }
    }
}

impl<T: Into<Text>> From<T> for Value {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}
