//! Tags of an organization.

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
}
