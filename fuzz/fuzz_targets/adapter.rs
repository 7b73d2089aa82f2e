//! Any document of an adapter: it is refused with a reason, or what it describes is sound.
#![no_main]

use carnet_creds::AdapterDefinition;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &str| {
    match AdapterDefinition::parse(document) {
        Ok(adapter) => assert!(!adapter.name().is_empty() && !adapter.settings().is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
