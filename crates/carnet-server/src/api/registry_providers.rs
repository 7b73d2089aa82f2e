//! Providers of the private registry.

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
}
