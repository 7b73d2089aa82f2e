//! The table of routes: every route is listed together with who may call it.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use carnet_model::Permission;

use crate::app::App;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a token.
    Public,
    /// Whoever holds the address: it carries a secret in its path.
    Capability,
    /// Any user, for things that are the user's own.
    User,
    /// Administrators of the site; to others nothing is there.
    SiteAdmin,
    /// Callers that may do this where the path points to; to others nothing is there.
    Allowed(Permission),
    /// Agents, by their agent token.
    Agent,
    /// The agent that runs the job, by the job's control token.
    Job,
}

/// One route of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: String,
    /// Who may call it.
    pub access: Access,
}

/// Routes under construction: none can be added without saying who may call it.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    router: Router<Arc<App>>,
    table: Vec<Route>,
}

impl Routes {
    fn add<H, T>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &str,
        access: Access,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        let methods: MethodRouter<Arc<App>> = on(filter, handler);
        self.router = self.router.route(path, methods);
        self.table.push(Route { method, path: path.to_owned(), access });
        self
    }

    /// Adds a GET.
    #[must_use]
    pub(crate) fn get<H: Handler<T, Arc<App>>, T: 'static>(
        self,
        path: &str,
        access: Access,
        handler: H,
    ) -> Self {
        self.add(Method::GET, MethodFilter::GET, path, access, handler)
    }

    /// Adds a POST.
    #[must_use]
    pub(crate) fn post<H: Handler<T, Arc<App>>, T: 'static>(
        self,
        path: &str,
        access: Access,
        handler: H,
    ) -> Self {
        self.add(Method::POST, MethodFilter::POST, path, access, handler)
    }

    /// Adds a PUT.
    #[must_use]
    pub(crate) fn put<H: Handler<T, Arc<App>>, T: 'static>(
        self,
        path: &str,
        access: Access,
        handler: H,
    ) -> Self {
        self.add(Method::PUT, MethodFilter::PUT, path, access, handler)
    }

    /// Adds a PATCH.
    #[must_use]
    pub(crate) fn patch<H: Handler<T, Arc<App>>, T: 'static>(
        self,
        path: &str,
        access: Access,
        handler: H,
    ) -> Self {
        self.add(Method::PATCH, MethodFilter::PATCH, path, access, handler)
    }

    /// Adds a DELETE.
    #[must_use]
    pub(crate) fn delete<H: Handler<T, Arc<App>>, T: 'static>(
        self,
        path: &str,
        access: Access,
        handler: H,
    ) -> Self {
        self.add(Method::DELETE, MethodFilter::DELETE, path, access, handler)
    }

    /// Adds the routes of another resource.
    #[must_use]
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self
    }

    /// The router and its table.
    pub(crate) fn finish(self) -> (Router<Arc<App>>, Vec<Route>) {
        (self.router, self.table)
    }
}
