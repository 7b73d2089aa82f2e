//! From the text of a document to a definition, or to everything that is wrong.

use super::{
    definition::{AdapterDefinition, TokenUse},
    document::{Document, Text},
    error::{AdapterError, Problems},
    names,
    parts::Builder,
    setting::SettingUse,
    template::Name,
    usage::Site,
};

/// No document that describes one provider is longer.
const LONGEST: usize = 64 * 1024;

/// Parses a document.
pub(super) fn parse(text: &str) -> Result<AdapterDefinition, AdapterError> {
    if text.len() > LONGEST {
        return Err(Problems::only(text, 0..0, "the document is longer than 64 KiB"));
    }
    let document: Document = toml::from_str(text).map_err(|error| {
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        Problems::only(text, error.span().unwrap_or(0..0), message)
    })?;
    let mut builder = Builder::new(text);
    let definition = build(&document, &mut builder);
    builder.problems.finish()?;
    Ok(definition)
}

fn build(document: &Document, builder: &mut Builder<'_>) -> AdapterDefinition {
    builder.named(&document.name, "the name of an adapter", names::adapter);
    builder.shown(&document.title, 64);
    source(&document.source, builder);
    if let Some(note) = &document.note {
        builder.shown(note, 1000);
    }
    let settings = builder.settings(&document.settings);
    let answers = document.exchange.as_ref().map(|exchange| &exchange.get_ref().answer);
    builder.know(&settings, answers, &document.files);
    let definition = AdapterDefinition {
        name: document.name.get_ref().clone(),
        title: document.title.get_ref().clone(),
        source: document.source.get_ref().clone(),
        note: document.note.as_ref().map(|note| note.get_ref().clone()),
        token: *document.token.get_ref(),
        role: document.role.as_ref().map(|role| role.get_ref().clone()),
        env: builder.env(&document.env),
        files: builder.files(&document.files),
        variable: document.variable.as_ref().map(|variable| builder.variable(variable)),
        rivals: builder.rivals(&document.rivals),
        exchange: document.exchange.as_ref().and_then(|exchange| builder.exchange(exchange)),
        settings,
    };
    token(document, builder);
    role(document, &definition, builder);
    // What is used where something else is wrong cannot be told.
    if builder.problems.is_empty() {
        unused(document, &definition, builder);
    }
    definition
}

fn source(source: &Text, builder: &mut Builder<'_>) {
    let text = source.get_ref();
    let is_address = text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())
        && text.len() <= 500
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_address {
        let rule = "the source is the https address of the provider's own documentation";
        builder.problems.add(source.span(), rule);
    }
}

/// The way the token is read, and where it stands, must fit.
fn token(document: &Document, builder: &mut Builder<'_>) {
    let has_exchange = document.exchange.is_some();
    let used = &builder.used;
    let in_env = used.has_at(Site::Env, &Name::Token);
    let in_file = used.has_at(Site::File, &Name::Token);
    let has_source = used.has(&Name::SourceUrl) || used.has(&Name::SourceSecret);
    let problem = match document.token.get_ref() {
        TokenUse::Rotated | TokenUse::Phase | TokenUse::Login if has_source => {
            Some("{{ source_url }} and {{ source_secret }} need token = \"source\"")
        }
        TokenUse::Rotated if has_exchange && !used.has_answer_at(Site::File) => {
            Some("what is replaced in time must stand in a file, as {{ answer.KEY }}; otherwise use login")
        }
        TokenUse::Rotated | TokenUse::Login if has_exchange && (in_file || in_env) => {
            Some("a token that is traded ends soon and must not be handed over; use phase")
        }
        TokenUse::Rotated if !has_exchange && in_env => {
            Some("a rotated token cannot stand in the environment, which nobody can replace; use phase")
        }
        TokenUse::Rotated if !has_exchange && !in_file => {
            Some("a rotated token must stand in a file, as {{ token }}")
        }
        TokenUse::Phase if !in_file && !in_env => Some("the token stands in no file and no variable"),
        TokenUse::Login if !has_exchange => Some("a token that is used for a login only needs an exchange"),
        TokenUse::Source if !used.has(&Name::SourceUrl) || !used.has(&Name::SourceSecret) => {
            Some("{{ source_url }} and {{ source_secret }} must stand in a variable or a file")
        }
        TokenUse::Source if has_exchange || in_file || in_env => {
            Some("a consumer that asks for tokens itself is handed none, and has no exchange")
        }
        TokenUse::Rotated | TokenUse::Phase | TokenUse::Login | TokenUse::Source => None,
    };
    if let Some(problem) = problem {
        builder.problems.add(document.token.span(), problem);
    }
}

fn role(document: &Document, definition: &AdapterDefinition, builder: &mut Builder<'_>) {
    let Some(role) = &document.role else { return };
    let setting = definition.setting(role.get_ref());
    if setting.is_none_or(|setting| setting.purpose != SettingUse::Value) {
        builder.problems.add(
            role.span(),
            format!("the role is the key of a setting; there is no \"{}\"", role.get_ref()),
        );
    }
}

/// What is declared and never used is a slip.
fn unused(document: &Document, definition: &AdapterDefinition, builder: &mut Builder<'_>) {
    for key in document.settings.get_ref().keys() {
        let is_value = definition.setting(key.get_ref()).is_some_and(|one| one.purpose == SettingUse::Value);
        if is_value && !builder.used.has(&Name::Setting(key.get_ref().clone())) {
            builder.problems.add(key.span(), format!("the setting \"{}\" is used nowhere", key.get_ref()));
        }
    }
    let Some(exchange) = &document.exchange else { return };
    for key in exchange.get_ref().answer.keys() {
        if !builder.used.has(&Name::Answer(key.get_ref().clone())) {
            builder.problems.add(key.span(), format!("the answer \"{}\" is used nowhere", key.get_ref()));
        }
    }
}
