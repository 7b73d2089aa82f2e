//! SSH keys for modules of configurations.

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
}
