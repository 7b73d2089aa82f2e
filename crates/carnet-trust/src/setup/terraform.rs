//! The trust as a configuration of Terraform.

use super::block::Block;
use super::outline::{Source, TrustSetup};
use super::request::TrustRequest;
use super::text::{Text, Value};
use super::{carnet_side, hcl};

/// The whole configuration.
pub(super) fn write(request: &TrustRequest, setup: &TrustSetup) -> String {
    let mut head = vec![setup.title.clone()];
    for note in &setup.notes {
        head.push(String::new());
        head.extend(wrapped(note));
    }
    let mut text = hcl::comment(&head, 0).replace("# \n", "#\n");
    text.push('\n');
    text.push_str(&hcl::blocks(&blocks(request, setup)));
    text
}

/// All blocks, in the order in which they are written.
pub(super) fn blocks(request: &TrustRequest, setup: &TrustSetup) -> Vec<Block> {
    let tfe = carnet_side::provider(request);
    let providers: Vec<_> = setup.providers.iter().chain([&tfe]).collect();
    let required = providers.iter().fold(Block::new("required_providers"), |block, provider| {
        let value = Value::map([("source", provider.source.into()), ("version", provider.version.into())]);
        block.set(provider.name, value)
    });
    let mut blocks = vec![Block::new("terraform").nested(required)];
    blocks.extend(providers.iter().filter_map(|provider| provider.block.clone()));
    for input in &setup.inputs {
        if input.source == Source::Person {
            blocks.push(
                Block::labelled("variable", input.name.clone())
                    .set("type", Value::Expression("string"))
                    .set("description", Text::from(input.what.as_str())),
            );
        }
    }
    blocks.extend(setup.blocks.iter().cloned());
    blocks.extend(carnet_side::blocks(request, &setup.variables));
    blocks
}

/// The text in lines of a comment.
pub(super) fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is a first line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + word.chars().count() < 110 {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
