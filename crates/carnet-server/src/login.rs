//! `terraform login`: OAuth's authorization code with PKCE (RFC 6749, RFC 7636) for the one client there is, the command line.
//!
//! A person signs in with an API token, which is compared and not kept: there are no passwords and no sessions. So no
//! browser is ever signed in, and approving always needs a secret that no foreign page knows.

mod approval;
mod exchange;
mod request;

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Value, json};

use crate::csrf::FormCookie;
use crate::route::{Access, Routes};

/// The OAuth client of the command line; it has no secret.
const CLIENT: &str = "terraform-cli";

/// Where a person approves.
const AUTHORIZE: &str = "/oauth/authorize";

/// The cookie of the form on which a person approves.
const COOKIE: FormCookie = FormCookie { name: "carnet-login", path: AUTHORIZE };

/// Where a code is traded for a token.
const TOKEN: &str = "/oauth/token";

/// The ports of the loopback interface on which the command line may listen.
const PORTS: [u16; 2] = [10_000, 10_010];

/// How long a code works.
const CODE_TTL: Duration = Duration::from_secs(60);

/// What tokens of `terraform login` are described as.
const DESCRIPTION: &str = "terraform login";

pub(crate) fn routes() -> Routes {
    Routes::default()
        .get(AUTHORIZE, Access::Public, approval::form)
        .post(AUTHORIZE, Access::Public, approval::submit)
        .post(TOKEN, Access::Public, exchange::exchange)
}

/// What discovery says about it.
pub(crate) fn service() -> Value {
    json!({
        "client": CLIENT,
        "grant_types": ["authz_code"],
        "authz": AUTHORIZE,
        "token": TOKEN,
        "ports": PORTS,
    })
}
