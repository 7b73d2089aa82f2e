//! Templates of addresses: https, a host, a path, a query; nothing in a value can change which part it stands in.

use secrecy::ExposeSecret;

use super::{
    escape::{Context, escaped},
    render::{RenderError, Values},
    template::{Name, Part, Template, TemplateError},
};

/// The address of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UrlTemplate {
    template: Template,
    /// The context of each part of the template.
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The author's text.
    Literal,
    /// A whole address at the start, without query and fragment.
    Base,
    Value(Context),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Host,
    AfterBase,
    Path,
    Query,
}

impl UrlTemplate {
    /// Parses the template of an address, which is `https://…` or starts with a setting that holds an address.
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let fail = |text: &str| TemplateError { at: 0, text: text.to_owned() };
        let template = Template::parse(text)?;
        let mut state = State::Start;
        let mut places = Vec::new();
        let count = template.parts().len();
        for (position, part) in template.parts().iter().enumerate() {
            let place = match part {
                Part::Text(text) => {
                    state = after_text(state, text).map_err(fail)?;
                    Place::Literal
                }
                Part::Value(name) => {
                    let next = template.parts().get(position + 1);
                    let (place, after) = value_place(state, name, next, count == position + 1);
                    state = after;
                    place
                }
            };
            places.push(place);
        }
        let has_host = template.parts() != [Part::Text("https://".to_owned())];
        match state {
            State::Start => Err(fail("an address starts with https:// or with a setting that holds one")),
            State::Host if !has_host => Err(fail("an address needs a host behind https://")),
            State::Host | State::AfterBase | State::Path | State::Query => Ok(Self { template, places }),
        }
    }

    pub(super) fn template(&self) -> &Template {
        &self.template
    }

    /// The address with its values.
    pub(super) fn render(&self, values: &Values<'_>) -> Result<String, RenderError> {
        let mut rendered = String::new();
        for (part, place) in self.template.parts().iter().zip(&self.places) {
            match (part, place) {
                (Part::Text(text), _) => rendered.push_str(text),
                (Part::Value(name), place) => {
                    let found = values.get(name)?.ok_or_else(|| RenderError::new(name, "is not set"))?;
                    let value = found.expose_secret();
                    let fail = |rule| RenderError::new(name, rule);
                    match place {
                        Place::Base => rendered.push_str(base(value).map_err(fail)?),
                        Place::Value(context) => rendered.push_str(&escaped(value, *context).map_err(fail)?),
                        Place::Literal => {}
                    }
                }
            }
        }
        self.without_dot_segments(&rendered)?;
        Ok(rendered)
    }

    // "." and ".." would climb out of the path that the author wrote.
    fn without_dot_segments(&self, rendered: &str) -> Result<(), RenderError> {
        let path = rendered.split('?').next().unwrap_or_default();
        if !path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Ok(());
        }
        let name = self.template.names().last().unwrap_or(&Name::RunId);
        Err(RenderError::new(name, "must not be \".\" or \"..\", as it stands in a path"))
    }
}

fn value_place(state: State, name: &Name, next: Option<&Part>, is_last: bool) -> (Place, State) {
    match state {
        State::Start if matches!(name, Name::Setting(_)) => (Place::Base, State::AfterBase),
        // The end of the template is the start state then, which is refused.
        State::Start => (Place::Base, State::Start),
        State::Host => {
            let ends = is_last
                || matches!(next, Some(Part::Text(text)) if text.starts_with('/') || text.starts_with('?'));
            let context = if ends { Context::HostEnd } else { Context::HostPart };
            (Place::Value(context), State::Host)
        }
        // A value right behind the host of an address would become a part of it.
        State::AfterBase => (Place::Base, State::Start),
        State::Path => (Place::Value(Context::Path), State::Path),
        State::Query => (Place::Value(Context::Query), State::Query),
    }
}

/// The state behind a text of the author.
fn after_text(state: State, text: &str) -> Result<State, &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte);
    if !text.bytes().all(is_plain) {
        return Err(
            "an address has visible ASCII characters without quotes, braces, \"\\\", \"|\", \"^\" and \"#\"",
        );
    }
    match state {
        State::Start => match text.strip_prefix("https://") {
            Some("") => Ok(State::Host),
            Some(rest) if rest.starts_with(['/', '?']) => Err("an address needs a host behind https://"),
            Some(rest) => after_text(State::Host, rest),
            None => Err("an address starts with https:// or with a setting that holds one"),
        },
        State::Host => {
            let end = text.find(['/', '?']).unwrap_or(text.len());
            if text[..end].contains('@') {
                return Err("an address holds no user and no password");
            }
            if end == text.len() { Ok(State::Host) } else { after_text(State::Path, &text[end..]) }
        }
        State::AfterBase if !text.starts_with(['/', '?']) => {
            Err("behind a setting that holds an address comes \"/\" or \"?\"")
        }
        State::AfterBase | State::Path if text.contains('?') => Ok(State::Query),
        State::AfterBase | State::Path => Ok(State::Path),
        State::Query => Ok(State::Query),
    }
}

/// A whole address without its last slashes; no user, no query, no fragment, nothing that a parser would mend.
fn base(value: &str) -> Result<&str, &'static str> {
    const RULE: &str =
        "must be an address like https://host or https://host/path, without user, query and fragment";
    let (scheme, rest) = value.split_once("://").ok_or(RULE)?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Err(RULE);
    }
    let is_character = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/%[]+".contains(&byte);
    let host = rest.split('/').next().unwrap_or_default();
    let has_dots = rest.split('/').skip(1).any(|segment| matches!(segment, "." | ".."));
    if host.is_empty() || !rest.bytes().all(is_character) || host.contains(['%', '+', '~']) || has_dots {
        return Err(RULE);
    }
    Ok(value.trim_end_matches('/'))
}
