//! Storage: the database, sealed secrets and blobs. Only this crate writes SQL.

mod account;
mod blob;
mod db;
mod organization;
mod project;
mod seal;
mod store;
mod variable;
mod workspace;
mod workspace_tag;

pub use account::NewToken;
pub use blob::{BlobName, BlobReader, BlobWriter, Blobs};
pub use db::{StoreError, Tx};
pub use seal::{MASTER_KEY_LEN, MasterKey, SealError, Sealer};
pub use store::{Store, TokenHash};
pub use workspace::WorkspaceFilter;
