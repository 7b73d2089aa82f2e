//! Workspaces that may read the state of another.

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
}
