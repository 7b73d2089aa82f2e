//! `carnet admin rotate-key` and `trim-key`: changes the keys that sign identity tokens, over the API of a server that runs.

use std::path::PathBuf;

use clap::Args;
use reqwest::{Method, Url};

use crate::api_client::{ApiClient, ApiRequest};
use crate::edge;
use crate::reach::server_address;

/// Which server, and on whose authority.
#[derive(Debug, Args)]
pub(crate) struct KeyOptions {
    /// The server's address.
    #[arg(long, env = "CARNET_SERVER", value_name = "URL", value_parser = server_address)]
    pub(super) server: Url,

    /// The file of the API token of an administrator of the site; CARNET_TOKEN beats it.
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,

    /// Certificate authorities to trust beside the system's, PEM.
    #[arg(long, env = "CARNET_CA_FILE", value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
}

/// What is done to the keys.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeyAction {
    Rotate,
    Trim,
}

impl KeyAction {
    fn name(self) -> &'static str {
        match self {
            Self::Rotate => "rotate-key",
            Self::Trim => "trim-key",
        }
    }

    fn report(self) -> &'static str {
        match self {
            Self::Rotate => "a new key signs; trim the one before when its tokens have ended\n",
            Self::Trim => "keys that sign no more are not published any longer\n",
        }
    }
}

/// Carries the action out, or fails with the server's reason.
pub(crate) async fn run(options: &KeyOptions, action: KeyAction) -> anyhow::Result<()> {
    let server = ApiClient::open(&options.server, options.token_file.as_deref(), options.ca_file.as_deref())?;
    request(&server.unseen("the token is not of an administrator of the site"), action).await?;
    edge::print(action.report())
}

pub(super) async fn request(server: &ApiClient, action: KeyAction) -> anyhow::Result<()> {
    let path = ["api", "v2", "admin", "oidc-settings", "actions", action.name()];
    server.send(ApiRequest::new(Method::POST, &path)).await.map(drop)
}
