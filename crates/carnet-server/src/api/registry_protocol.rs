//! The protocols by which Terraform installs modules and providers.

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
}
