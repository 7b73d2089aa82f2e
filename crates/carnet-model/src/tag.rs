//! Tags: a key with a value; a flat tag is a key whose value is empty.

/// Why a tag was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// The key is empty, too long, or has a character outside its alphabet.
    #[error("a tag key has 1 to 255 letters, numbers, spaces or _ - = . : / @ +")]
    Key,
    /// The value is too long or has a control character.
    #[error("a tag value has at most 256 characters and no control characters")]
    Value,
}

/// One tag of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// The name.
    pub key: String,
    /// The value; empty for a flat tag.
    pub value: String,
}

impl Tag {
    /// Checks key and value.
    pub fn new(key: &str, value: &str) -> Result<Self, TagError> {
        let is_key = |character: char| character.is_ascii_alphanumeric() || " _-=.:/@+".contains(character);
        if !(1..=255).contains(&key.len()) || !key.chars().all(is_key) {
            return Err(TagError::Key);
        }
        if value.len() > 256 || value.chars().any(char::is_control) {
            return Err(TagError::Value);
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}
