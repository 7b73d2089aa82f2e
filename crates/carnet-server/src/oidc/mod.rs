//! The OpenID Connect endpoints.
use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
}
