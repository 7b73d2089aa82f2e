//! The HTTP server: the Terraform API, the job protocol and the OpenID Connect endpoints.

mod adapters;
mod agents;
mod api;
mod app;
mod archive;
mod audit;
mod csrf;
mod document;
mod effective_variables;
mod error;
mod extract;
mod headers;
mod health;
mod issuance;
mod jobs;
mod ledger;
mod linger;
mod login;
mod notifications;
mod oidc;
mod openapi;
mod outstanding;
mod page;
mod plain_path;
mod rate_limit;
mod reply;
mod route;
mod router;
mod serve;
mod setup;
mod state;
mod subjects;
mod trust_pages;
mod upload;
mod whole_body;

#[cfg(test)]
mod route_reference;
#[cfg(test)]
mod testing;

pub use adapters::{ReadAdaptersError, ServerAdapter, read_adapters};
pub use app::{App, Clock, Settings};
pub use error::ApiError;
pub use jobs::{LedgerWatch, Publication, run_background};
pub use notifications::Destinations;
pub use oidc::{LiveIssuer, LoadIssuerError, load_issuer};
pub use route::{Access, Route};
pub use router::{router, routes};
pub use serve::{Tls, serve};
pub use setup::{
    AGENT_TOKEN_DESCRIPTION, SetupError, create_agent_token, create_site_admin, create_user,
    prepare_first_user, renew_agent_token,
};
