//! Teams and who is in them.

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
}
