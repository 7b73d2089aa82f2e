//! Provider schemas: remembered between runs, and cut down to what a plan needs.
//!
//! The schemas of a large provider are more than a hundred megabytes of JSON. They are written once, beside a table that
//! says where each resource's schema stands, so that a plan reads only its own few kilobytes.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{plan_json::ResourceKinds, workdir::write_private};

/// What schemas depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct SchemaKey {
    /// Organizations share nothing.
    pub(crate) organization_id: String,
    /// The engine with its version.
    pub(crate) engine: String,
    /// The content of the lock file; empty when only builtin providers are used.
    pub(crate) lock_file: String,
}

/// The remembered schemas of all keys.
#[derive(Debug, Clone)]
pub(crate) struct SchemaCache {
    folder: PathBuf,
    /// Plans that end together learn the same schemas: one of them writes.
    writing: Arc<Mutex<()>>,
}

/// Where a piece of text stands.
type Span = (u64, u64);

/// Where everything stands in the text.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    format_version: String,
    providers: BTreeMap<String, ProviderIndex>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct ProviderIndex {
    provider: Option<Span>,
    resources: BTreeMap<String, Span>,
    data: BTreeMap<String, Span>,
}

#[derive(Deserialize)]
struct Output<'a> {
    format_version: String,
    #[serde(borrow, default)]
    provider_schemas: BTreeMap<String, ProviderOutput<'a>>,
}

#[derive(Deserialize)]
struct ProviderOutput<'a> {
    #[serde(borrow, default)]
    provider: Option<&'a RawValue>,
    #[serde(borrow, default)]
    resource_schemas: BTreeMap<String, &'a RawValue>,
    #[serde(borrow, default)]
    data_source_schemas: BTreeMap<String, &'a RawValue>,
}

#[derive(Serialize)]
struct Selection {
    format_version: String,
    provider_schemas: BTreeMap<String, ProviderSelection>,
}

#[derive(Default, Serialize)]
struct ProviderSelection {
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    resource_schemas: BTreeMap<String, Box<RawValue>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    data_source_schemas: BTreeMap<String, Box<RawValue>>,
}

impl SchemaCache {
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { folder: data_dir.join("schemas"), writing: Arc::default() }
    }

    /// Whether the schemas are there.
    pub(crate) fn has(&self, key: &SchemaKey) -> bool {
        let stored = fs::read(self.place(key).join("key.json")).ok();
        stored
            .and_then(|text| serde_json::from_slice::<SchemaKey>(&text).ok())
            .is_some_and(|stored| stored == *key)
    }

    /// Remembers the output of `providers schema -json`.
    pub(crate) fn store(&self, key: &SchemaKey, output: &[u8]) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.has(key) {
            return Ok(());
        }
        let place = self.place(key);
        fs::create_dir_all(&place)?;
        let index = index(output)?;
        write_private(&place.join("schemas.json"), output)?;
        write_private(&place.join("index.json"), &serde_json::to_vec(&index)?)?;
        // Comes last: with it the rest is complete.
        write_private(&place.join("key.json"), &serde_json::to_vec(key)?)
    }

    /// The schemas that a plan needs, in the form of `providers schema -json`.
    pub(crate) fn select(&self, key: &SchemaKey, kinds: &ResourceKinds) -> io::Result<Box<RawValue>> {
        let place = self.place(key);
        let index: Index = serde_json::from_slice(&fs::read(place.join("index.json"))?)?;
        let text = File::open(place.join("schemas.json"))?;
        let read = |span: &Span| -> io::Result<Box<RawValue>> {
            let mut piece = vec![0; usize::try_from(span.1).map_err(io::Error::other)?];
            text.read_exact_at(&mut piece, span.0)?;
            Ok(RawValue::from_string(String::from_utf8(piece).map_err(io::Error::other)?)?)
        };
        let mut selection =
            Selection { format_version: index.format_version.clone(), provider_schemas: BTreeMap::new() };
        for (name, kinds) in kinds {
            let Some(known) = index.providers.get(name) else {
                continue;
            };
            let mut selected = ProviderSelection {
                provider: known.provider.as_ref().map(&read).transpose()?,
                ..ProviderSelection::default()
            };
            for kind in kinds {
                let (from, to) = if kind.is_data {
                    (&known.data, &mut selected.data_source_schemas)
                } else {
                    (&known.resources, &mut selected.resource_schemas)
                };
                if let Some(span) = from.get(&kind.name) {
                    to.insert(kind.name.clone(), read(span)?);
                }
            }
            selection.provider_schemas.insert(name.clone(), selected);
        }
        Ok(to_raw_value(&selection)?)
    }

    fn place(&self, key: &SchemaKey) -> PathBuf {
        // Two keys with one name only replace each other: the key itself is stored and compared.
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        self.folder.join(format!("{}-{:016x}", key.organization_id, hasher.finish()))
    }
}

fn index(output: &[u8]) -> io::Result<Index> {
    let parsed: Output<'_> = serde_json::from_slice(output)?;
    let base = output.as_ptr().addr();
    // The pieces are parts of the output, so the difference of their addresses is their place in it.
    let span = |piece: &RawValue| -> Span {
        let text = piece.get();
        ((text.as_ptr().addr() - base) as u64, text.len() as u64)
    };
    let spans = |schemas: &BTreeMap<String, &RawValue>| -> BTreeMap<String, Span> {
        schemas.iter().map(|(name, piece)| (name.clone(), span(piece))).collect()
    };
    let providers = parsed
        .provider_schemas
        .iter()
        .map(|(name, provider)| {
            let indexed = ProviderIndex {
                provider: provider.provider.map(span),
                resources: spans(&provider.resource_schemas),
                data: spans(&provider.data_source_schemas),
            };
            (name.clone(), indexed)
        })
        .collect();
    Ok(Index { format_version: parsed.format_version, providers })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan_json::Kind;

    fn key() -> SchemaKey {
        SchemaKey {
            organization_id: "org-1".to_owned(),
            engine: "Terraform 1.11.4".to_owned(),
            lock_file: String::new(),
        }
    }

    #[test]
    fn two_first_plans_may_end_together() {
        let folder = tempfile::tempdir().unwrap();
        let cache = SchemaCache::new(folder.path());
        let store = || cache.store(&key(), br#"{"format_version": "1.0"}"#);
        std::thread::scope(|scope| {
            let writers: Vec<_> = std::iter::repeat_with(|| scope.spawn(store)).take(16).collect();
            for writer in writers {
                writer.join().unwrap().unwrap();
            }
        });
        assert!(cache.has(&key()));
    }

    #[test]
    fn only_what_a_plan_needs_is_selected() {
        let folder = tempfile::tempdir().unwrap();
        let cache = SchemaCache::new(folder.path());
        let key = key();
        assert!(!cache.has(&key));
        let output = r#"{"format_version": "1.0", "provider_schemas": {"p": {"provider": {"version": 0},
            "resource_schemas": {"a": {"v": 1 }, "b": {"v": 2}}, "data_source_schemas": {"a": {"v": 3}}}, "q": {}}}"#;
        cache.store(&key, output.as_bytes()).unwrap();
        assert!(cache.has(&key));
        assert!(!cache.has(&SchemaKey { lock_file: "x".to_owned(), ..key.clone() }));
        let kinds =
            [Kind { is_data: false, name: "b".to_owned() }, Kind { is_data: true, name: "a".to_owned() }];
        let wanted = ResourceKinds::from([("p".to_owned(), BTreeSet::from(kinds))]);
        let selected = cache.select(&key, &wanted).unwrap();
        let expected = serde_json::json!({"format_version": "1.0", "provider_schemas": {"p": {
            "provider": {"version": 0}, "resource_schemas": {"b": {"v": 2}}, "data_source_schemas": {"a": {"v": 3}}}}});
        assert_eq!(serde_json::from_str::<serde_json::Value>(selected.get()).unwrap(), expected);
    }
}
