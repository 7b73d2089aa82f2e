//! Escaping values for the place they stand in, so that no value can become more than a value.

use std::borrow::Cow;

/// The place a value stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// A text of one line: an environment variable, an attribute, a line of a file.
    Line,
    /// The whole content of a file, which may have lines.
    Whole,
    /// The value of a header.
    Header,
    /// A value of a form.
    Form,
    /// A text inside JSON; the encoder escapes it afterwards.
    Json,
    /// A segment of a path, or a part of one.
    Path,
    /// A part of a query.
    Query,
    /// A part of a host name.
    HostPart,
    /// The last part of a host name, which may carry a port.
    HostEnd,
}

impl Context {
    /// The author's own text in this context.
    pub(super) fn literal(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Form => Cow::Owned(percent_encoded(text)),
            Self::Line
            | Self::Whole
            | Self::Header
            | Self::Json
            | Self::Path
            | Self::Query
            | Self::HostPart
            | Self::HostEnd => Cow::Borrowed(text),
        }
    }
}

/// The value in a form that cannot leave its context; fails with the rule that it breaks.
pub(super) fn escaped(value: &str, context: Context) -> Result<Cow<'_, str>, &'static str> {
    match context {
        Context::Line if value.chars().any(breaks_line) => {
            Err("must not contain line breaks or other control characters")
        }
        Context::Header if !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) => {
            Err("may only contain visible ASCII characters and spaces, as it stands in a header")
        }
        Context::HostPart if !is_host(value) => {
            Err("may only contain letters, digits, \".\", \"-\" and \"_\", as it stands in a host name")
        }
        Context::HostEnd if !is_host_and_port(value) => {
            Err("must be a host name, with or without a port, and nothing else")
        }
        Context::Path | Context::Query if value.is_empty() => {
            Err("must not be empty, as it stands in an address")
        }
        Context::Form | Context::Path | Context::Query => Ok(Cow::Owned(percent_encoded(value))),
        Context::Line
        | Context::Whole
        | Context::Header
        | Context::Json
        | Context::HostPart
        | Context::HostEnd => Ok(Cow::Borrowed(value)),
    }
}

// The two separators end a line for some readers of files.
fn breaks_line(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

fn is_host(value: &str) -> bool {
    let is_character = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !value.is_empty() && value.bytes().all(is_character)
}

fn is_host_and_port(value: &str) -> bool {
    match value.split_once(':') {
        None => is_host(value),
        Some((host, port)) => is_host(host) && port.parse::<u16>().is_ok() && !port.starts_with('+'),
    }
}

/// The text with everything but the unreserved characters (RFC 3986, section 2.3) written as `%XX`.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
