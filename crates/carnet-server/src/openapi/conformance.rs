//! Holds the answers of the tests against the document.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use crate::testing::Answer;

/// Routes that are no part of the API: pages for people, and the protocol of agents, which changes with them.
pub(super) fn is_apart(path: &str) -> bool {
    path == "/" || ["/app/", "/setup/", "/trust", "/api/agent/"].iter().any(|prefix| path.starts_with(prefix))
}

/// The document, and the schemas of it that were needed so far.
struct Description {
    document: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

static DESCRIPTION: LazyLock<Description> = LazyLock::new(|| {
    let mut document = super::document();
    // Each related resource is checked by its type, which says more than that it is none of many.
    document["components"]["schemas"]["Included"] = json!({});
    Description { document, validators: Mutex::default() }
});

/// Fails when an answer is not what the document says of its operation.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, answer: &Answer) {
    if let Err(problem) = conforms(method, path, answer) {
        let status = answer.status;
        panic!(
            "{method} {path} answered {status}, which openapi/ does not allow: {problem}\n{}",
            shown(answer)
        );
    }
}

/// Tells in what an answer is not what the document says of its operation.
pub(super) fn conforms(method: &str, path: &str, answer: &Answer) -> Result<(), String> {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let method = method.to_ascii_lowercase();
    match DESCRIPTION.template(&method, path) {
        Some(template) => DESCRIPTION.conforms(&DESCRIPTION.document["paths"][&template][&method], answer),
        // What is no route, or belongs to another address of the issuer, is not described.
        None => Ok(()),
    }
}

fn shown(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).chars().take(4000).collect()
}

impl Description {
    /// The path of the document that a path of a request stands for; words win over parameters.
    fn template(&self, method: &str, path: &str) -> Option<String> {
        let wanted: Vec<&str> = path.split('/').collect();
        let is_parameter = |part: &&str| part.starts_with('{');
        let fits = |template: &str| {
            let parts: Vec<&str> = template.split('/').collect();
            parts.len() == wanted.len()
                && parts.iter().zip(&wanted).all(|(part, word)| part == word || is_parameter(part))
        };
        let paths = self.document["paths"].as_object()?;
        let found = paths.iter().filter(|(template, item)| item.get(method).is_some() && fits(template));
        found
            .map(|(template, _)| template)
            .min_by_key(|template| template.split('/').filter(is_parameter).count())
            .cloned()
    }

    fn conforms(&self, operation: &Value, answer: &Answer) -> Result<(), String> {
        let mut response =
            operation["responses"].get(answer.status.to_string()).ok_or("the status is not listed")?;
        if let Some(pointer) = response["$ref"].as_str() {
            response = self.document.pointer(pointer.trim_start_matches('#')).ok_or("a broken reference")?;
        }
        let Some(content) = response["content"].as_object() else {
            return if answer.body.is_empty() { Ok(()) } else { Err("there must be no body".to_owned()) };
        };
        let found =
            answer.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = found.split(';').next().unwrap_or(found).trim();
        let described =
            content.get(media_type).ok_or_else(|| format!("the media type {found:?} is not listed"))?;
        if !media_type.ends_with("json") {
            return Ok(());
        }
        let body: Value =
            serde_json::from_slice(&answer.body).map_err(|error| format!("no JSON: {error}"))?;
        for (place, item) in body["included"].as_array().into_iter().flatten().enumerate() {
            let kind = item["type"].as_str().unwrap_or_default();
            let schema = json!({ "$ref": super::resource::schema_ref(kind) });
            self.fits(&schema, item).map_err(|problem| format!("in /included/{place}: {problem}"))?;
        }
        self.fits(&described["schema"], &body)
    }

    fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let validator = self.validator(schema)?;
        let problems: Vec<String> = validator
            .iter_errors(value)
            .take(8)
            .map(|error| format!("at {:?}: {error}", error.instance_path().to_string()))
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
    }

    fn validator(&self, schema: &Value) -> Result<Arc<Validator>, String> {
        let key = schema.to_string();
        let mut validators = self.validators.lock().expect("not poisoned");
        if let Some(found) = validators.get(&key) {
            return Ok(Arc::clone(found));
        }
        let mut schema = schema.clone();
        schema["components"] = self.document["components"].clone();
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let made = Arc::new(options.build(&schema).map_err(|error| format!("a broken schema: {error}"))?);
        validators.insert(key, Arc::clone(&made));
        Ok(made)
    }
}
