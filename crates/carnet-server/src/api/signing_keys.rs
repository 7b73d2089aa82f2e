//! Rotation of the keys that sign identity tokens.

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
}
