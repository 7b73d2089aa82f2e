//! Declarative adapters that the operator gives to every organization.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use carnet_creds::{AdapterDefinition, AdapterError};
use carnet_model::Adapter;

/// A declarative adapter of the server.
#[derive(Debug, Clone)]
pub struct ServerAdapter {
    /// The document, TOML.
    pub document: String,
    /// What it says.
    pub definition: AdapterDefinition,
}

/// Why the adapters of the server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadAdaptersError {
    /// The folder or a file in it cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The folder or the file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A document describes no adapter: one line for each problem.
    #[error("{}", problems(path, error))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where. It stands in the text already.
        error: AdapterError,
    },
    /// Two documents cannot stand beside each other.
    #[error("{}: {reason} (see {})", path.display(), other.display())]
    Clash {
        /// The file.
        path: PathBuf,
        /// The file before it.
        other: PathBuf,
        /// What both of them claim.
        reason: String,
    },
}

fn problems(path: &Path, error: &AdapterError) -> String {
    let line = |problem: &carnet_creds::adapter::AdapterProblem| {
        format!("{}:{}:{}: {}", path.display(), problem.line, problem.column, problem.text)
    };
    error.problems().iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Reads every `*.toml` of a folder, in the order of their names; fails at the first that is no good adapter.
pub fn read_adapters(folder: &Path) -> Result<Vec<ServerAdapter>, ReadAdaptersError> {
    let mut found: Vec<(PathBuf, ServerAdapter)> = Vec::new();
    for path in documents(folder)? {
        let document = fs::read_to_string(&path).map_err(|source| unreadable(&path, source))?;
        let definition = match AdapterDefinition::parse(&document) {
            Ok(definition) => definition,
            Err(error) => return Err(ReadAdaptersError::Invalid { path, error }),
        };
        for (other, earlier) in &found {
            if let Some(reason) = definition.clash(&earlier.definition) {
                return Err(ReadAdaptersError::Clash { path, other: other.clone(), reason });
            }
        }
        found.push((path, ServerAdapter { document, definition }));
    }
    Ok(found.into_iter().map(|(_, adapter)| adapter).collect())
}

fn documents(folder: &Path) -> Result<Vec<PathBuf>, ReadAdaptersError> {
    let entries = fs::read_dir(folder).map_err(|source| unreadable(folder, source))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| unreadable(folder, source))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path, source: io::Error) -> ReadAdaptersError {
    ReadAdaptersError::Unreadable { path: path.to_owned(), source }
}

/// The adapters of the server that an organization has not replaced by one of the same name.
pub(crate) fn not_replaced<'a>(
    of_server: &'a [ServerAdapter],
    of_organization: &'a [Adapter],
) -> impl Iterator<Item = &'a ServerAdapter> {
    of_server
        .iter()
        .filter(|one| of_organization.iter().all(|replacement| replacement.name != one.definition.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::adapter_document;

    /// Reads a folder with these files.
    fn read(files: &[(&str, &str)]) -> Result<Vec<ServerAdapter>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            fs::write(folder.path().join(name), content).expect("written");
        }
        let place = format!("{}/", folder.path().display());
        read_adapters(folder.path()).map_err(|error| error.to_string().replace(&place, ""))
    }

    #[test]
    fn every_document_of_a_folder_is_read_and_nothing_else() {
        let (acme, beta) = (adapter_document("acme", "Acme"), adapter_document("beta", "Beta"));
        let found = read(&[("b.toml", &beta), ("a.toml", &acme), ("notes.md", "x"), ("c.toml~", "x")]);
        let found = found.expect("valid");
        let names: Vec<&str> = found.iter().map(|one| one.definition.name()).collect();
        assert_eq!(names, ["acme", "beta"]);
        assert_eq!(found[0].document, acme);
        assert!(read(&[]).expect("an empty folder").is_empty());
    }

    #[test]
    fn a_bad_document_is_named_with_its_line_and_the_reason() {
        let bad = adapter_document("acme", "Acme").replace("token = \"phase\"", "token = \"guess\"");
        let error = read(&[("acme.toml", &bad)]).expect_err("refused");
        assert!(error.starts_with("acme.toml:5:9: ") && error.contains("guess"), "{error}");
        let error = read(&[("acme.toml", "name = ")]).expect_err("refused");
        assert!(error.starts_with("acme.toml:1:"), "{error}");
    }

    #[test]
    fn two_documents_that_clash_are_refused() {
        let acme = adapter_document("acme", "Acme");
        let error = read(&[("a.toml", &acme), ("b.toml", &acme)]).expect_err("refused");
        assert_eq!(error, "b.toml: there are two adapters with the name \"acme\" (see a.toml)");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = read_adapters(Path::new("/nowhere/adapters")).expect_err("refused");
        assert_eq!(error.to_string(), "/nowhere/adapters cannot be read");
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.toml"), b"\xff\xfe").expect("written");
        let error = read_adapters(folder.path()).expect_err("refused");
        assert!(error.to_string().ends_with("a.toml cannot be read"), "{error}");
    }
}
