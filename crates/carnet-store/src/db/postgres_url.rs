//! The address of a Postgres database.

use std::str::FromStr;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;

use crate::error::StoreError;

/// What may stand behind the question mark; anything else is refused, so that a misspelt `sslmode` does not open the connection
/// to everybody.
const PARAMETERS: [&str; 6] = ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "application_name"];

/// The address of a Postgres database, `postgres://user:password@host:port/name?sslmode=verify-full`, which is a secret.
#[derive(Clone)]
pub struct PostgresUrl(SecretString);

impl std::fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresUrl")
    }
}

impl FromStr for PostgresUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let rest = rest.ok_or(StoreError::Address("it begins otherwise"))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        if !place.split_once('/').is_some_and(|(_, name)| !name.is_empty() && !name.contains('/')) {
            return Err(StoreError::Address("it names no database"));
        }
        let mut pairs = query.split('&').filter(|pair| !pair.is_empty());
        if !pairs.all(|pair| PARAMETERS.contains(&pair.split_once('=').unwrap_or((pair, "")).0)) {
            return Err(StoreError::Address(
                "only sslmode, sslrootcert, sslcert, sslkey, host and application_name may follow the question mark",
            ));
        }
        let url = Self(SecretString::from(text));
        url.options()?;
        Ok(url)
    }
}

impl PostgresUrl {
    pub(crate) fn options(&self) -> Result<PgConnectOptions, StoreError> {
        let options: PgConnectOptions =
            self.0.expose_secret().parse().map_err(|_| StoreError::Address("it cannot be read"))?;
        Ok(match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("carnet"),
        })
    }

    /// The address without the name and the password of the user, for people.
    pub fn display(&self) -> String {
        let text = self.0.expose_secret();
        let place = text.split_once("://").map_or(text, |(_, rest)| rest);
        let place = place.split_once('?').map_or(place, |(place, _)| place);
        format!("postgres://{}", place.rsplit_once('@').map_or(place, |(_, place)| place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_never_shows_its_password() {
        let url: PostgresUrl = "postgres://carnet:hunter2@db.example.com:5433/carnet?sslmode=require"
            .parse()
            .expect("an address");
        assert_eq!(url.display(), "postgres://db.example.com:5433/carnet");
        assert!(!format!("{url:?}").contains("hunter2"));
        for wrong in [
            "hunter2",
            "mysql://carnet:hunter2@db/carnet",
            "postgres://carnet:hunter2@db",
            "postgres://carnet:hunter2@db/",
            "postgres://carnet:hunter2@db:port/carnet",
            "postgres://carnet:hunter2@db/carnet?ssl_mode=hunter2",
            "postgres://carnet:hunter2@db/carnet?sslmode=hunter2",
        ] {
            let error = wrong.parse::<PostgresUrl>().expect_err(wrong);
            assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
        }
    }
}
