//! Declarative adapters: providers that are described by a TOML document instead of code.
//!
//! Everything here is pure. A document is parsed and checked once; its templates are then rendered with the values
//! of one configuration, each value escaped for the place it stands in.

mod call;
mod claims;
mod clash;
mod definition;
mod document;
mod error;
mod escape;
mod exchange_part;
mod json;
mod names;
mod parse;
mod parts;
mod render;
mod setting;
mod setting_part;
mod shipped;
mod template;
#[cfg(test)]
mod tests;
mod url;
mod usage;

pub use call::{CallBody, PreparedCall};
pub use definition::{
    AdapterDefinition, AdapterEnv, AdapterExchange, AdapterFile, AdapterRevocation, AdapterRival,
    AdapterVariable, Answer, EnvWhen, Expiry, TokenUse,
};
pub use error::{AdapterError, AdapterProblem};
pub(crate) use escape::percent_encoded;
pub use render::{RenderError, Rendered, RenderedEnv, RenderedFile, Secrets, Values};
pub use setting::{AdapterSetting, SettingNames, SettingUse};
pub use shipped::{ShippedAdapter, shipped, with_shipped};
