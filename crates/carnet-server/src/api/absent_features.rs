//! Features that an organization does not have: their lists are empty.

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
}
