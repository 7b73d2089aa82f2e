//! Agent pools and their tokens.

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
}
