//! Resources in the state of a workspace.

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
}
