//! Notification configurations of workspaces.

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
}
