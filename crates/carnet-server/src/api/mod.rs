//! The API that Terraform's clients speak, one file per resource.

pub(crate) mod organizations;

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default().merge(organizations::routes())
}
