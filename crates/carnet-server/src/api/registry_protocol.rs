//! The protocols by which Terraform installs modules and providers.
//!
//! <https://developer.hashicorp.com/terraform/internals/module-registry-protocol>,
//! <https://developer.hashicorp.com/terraform/internals/provider-registry-protocol>

mod file;
mod modules;
mod providers;
mod transfer;

use crate::route::Routes;

pub(super) use self::file::{RegistryFile, download_path, upload_url};

pub(crate) fn routes() -> Routes {
    modules::routes().merge(providers::routes()).merge(transfer::routes())
}
