//! What teams may do on workspaces and projects.

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
}
