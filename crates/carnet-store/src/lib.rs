//! Storage: the database, sealed secrets and blobs. Only this crate writes SQL.

mod account;
mod agent;
mod blob;
mod configuration_version;
mod db;
mod identity_token;
mod job;
mod job_report;
mod log;
mod organization;
mod phase;
mod project;
mod run;
mod run_event;
mod run_list;
mod seal;
mod signing_key;
mod state_output;
mod state_version;
mod store;
mod variable;
mod workspace;
mod workspace_tag;

pub use account::NewToken;
pub use blob::{BlobName, BlobReader, BlobWriter, Blobs};
pub use db::{StoreError, Tx};
pub use identity_token::IdentityToken;
pub use job::{Claim, NewJob};
pub use job_report::JobReport;
pub use run::RunVariables;
pub use run_list::{RunFilter, RunKinds, RunList};
pub use seal::{MASTER_KEY_LEN, MasterKey, SealError, Sealer};
pub use signing_key::StoredSigningKey;
pub use state_version::PendingState;
pub use store::{Store, TokenHash};
pub use workspace::{WorkspaceContents, WorkspaceFilter};
