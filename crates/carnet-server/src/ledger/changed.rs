//! What was there before a change, and what is there now, for the entry of the request that changes it.

use aws_lc_rs::digest::{SHA256, digest};
use carnet_api::jsonapi::Resource;
use carnet_model::{FactName, VariableOwner};
use carnet_store::Tx;
use serde_json::{Value, json};

/// The most characters of a document that an entry repeats.
const DOCUMENT_LIMIT: usize = 16 * 1024;

/// Says in the entry of a request what was there before a change, and what is there now. Neither may be a secret.
pub(crate) fn record_change(tx: &mut Tx, before: Option<&str>, after: Option<&str>) {
    for (name, document) in [(FactName::Before, before), (FactName::After, after)] {
        if let Some(document) = document {
            tx.audit_fact(name, &told(document));
        }
    }
}

/// The same for a resource, as clients of the API read it.
pub(crate) fn record_resources(tx: &mut Tx, before: Option<&Resource>, after: Option<&Resource>) {
    let [before, after] = [before, after].map(|resource| resource.map(decided));
    record_change(tx, before.as_deref(), after.as_deref());
}

/// What a resource says, and the ids of what it belongs to.
fn decided(resource: &Resource) -> String {
    let mut said = resource.attributes.clone();
    if let Some(members) = said.as_object_mut() {
        for (name, relation) in &resource.relationships {
            members.insert(name.clone(), relation["data"]["id"].clone());
        }
    }
    said.to_string()
}

/// What a workspace, a project or an organization is called, and where it lies: the names that subjects are made of.
pub(crate) fn record_names<'a>(tx: &mut Tx, before: Option<Names<'a>>, after: Option<Names<'a>>) {
    if before != after {
        let [before, after] = [before, after].map(|names| names.map(Names::told));
        record_change(tx, before.as_deref(), after.as_deref());
    }
}

/// Names that a change may replace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Names<'a> {
    /// The own name.
    pub(crate) name: &'a str,
    /// The id of the project of a workspace.
    pub(crate) project: Option<&'a str>,
    /// What tokens go on saying after the change, and until when.
    pub(crate) kept: Option<&'a Value>,
}

impl<'a> Names<'a> {
    /// Names of which none is kept.
    pub(crate) fn new(name: &'a str, project: Option<&'a str>) -> Self {
        Self { name, project, kept: None }
    }

    fn told(self) -> String {
        let mut told = json!({ "name": self.name, "project": self.project });
        if let Some(kept) = self.kept {
            told["subject-kept"] = kept.clone();
        }
        told.to_string()
    }
}

/// What a variable is of: its own id tells nobody where it counts.
pub(crate) fn record_owner(tx: &mut Tx, owner: &VariableOwner) {
    match owner {
        VariableOwner::Workspace(workspace) => tx.audit_fact(FactName::Workspace, workspace.as_str()),
        VariableOwner::Set(set) => tx.audit_fact(FactName::VariableSet, set.as_str()),
    }
}

/// A document, or the hash of one that is too long to be repeated.
fn told(document: &str) -> String {
    if document.len() <= DOCUMENT_LIMIT {
        return document.to_owned();
    }
    let hash = digest(&SHA256, document.as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex} ({} bytes)", document.len())
}
