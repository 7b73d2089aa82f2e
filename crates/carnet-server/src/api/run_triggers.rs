//! Run triggers: an apply of one workspace queues a run of another.

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
}
