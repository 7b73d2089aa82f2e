//! The secrets engines of the fake Vault: every reading makes credentials with a lease of their own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{fake_vault::refuse, http::Answer};

/// What is served at a path; the defaults are AWS keys with a lease of a month, which may be renewed.
#[derive(Debug, Clone)]
pub(crate) struct Secret {
    /// The members; `{n}` stands for the number of the reading.
    pub(crate) data: Value,
    pub(crate) ttl: i64,
    pub(crate) max_ttl: i64,
    pub(crate) is_renewable: bool,
    /// Whether there is no lease, as for Google's access tokens.
    pub(crate) has_no_lease: bool,
}

impl Default for Secret {
    fn default() -> Self {
        Self {
            data: json!({"access_key": "AKIA-{n}", "secret_key": "secret-key-{n}", "security_token": null}),
            ttl: 2_764_800,
            max_ttl: 2_764_800,
            is_renewable: true,
            has_no_lease: false,
        }
    }
}

impl Secret {
    /// Keys with a session, which end after an hour whatever happens.
    pub(crate) fn session() -> Self {
        let data = json!({
            "access_key": "ASIA-{n}",
            "secret_key": "secret-key-{n}",
            "session_token": "session-{n}",
            "arn": "arn:aws:sts::1:assumed-role/d",
            "ttl": 3600,
        });
        Self { data, ttl: 3600, is_renewable: false, ..Self::default() }
    }

    /// A client of Azure.
    pub(crate) fn azure(ttl: i64) -> Self {
        let data = json!({"client_id": "client-{n}", "client_secret": "client-secret-{n}"});
        Self { data, ttl, ..Self::default() }
    }
}

#[derive(Debug)]
struct Lease {
    token: String,
    secret: Secret,
    ends_at: i64,
    last_end: i64,
}

/// Everything that is served, and the leases.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    served: BTreeMap<String, Secret>,
    denied: BTreeSet<String>,
    leases: BTreeMap<usize, Lease>,
    readings: usize,
}

impl Secrets {
    pub(crate) fn serve(&mut self, path: &str, secret: Secret) {
        self.served.insert(path.to_owned(), secret);
    }

    pub(crate) fn deny(&mut self, path: &str) {
        self.denied.insert(path.to_owned());
    }

    pub(crate) fn read(&mut self, path_and_query: &str, token: &str, now: i64) -> Answer {
        let path = path_and_query.split('?').next().unwrap_or_default();
        if self.denied.contains(path) {
            return refuse(403, "1 error occurred:\n\t* permission denied\n\n");
        }
        let Some(secret) = self.served.get(path).cloned() else {
            return Answer::new(404, r#"{"errors":[]}"#);
        };
        self.readings += 1;
        let number = self.readings;
        let data = secret.data.to_string().replace("{n}", &number.to_string());
        let data: Value = serde_json::from_str(&data).unwrap();
        if secret.has_no_lease {
            let answer = json!({"lease_id": "", "lease_duration": 0, "renewable": false, "data": data});
            return Answer::new(200, answer.to_string());
        }
        let answer = json!({
            "lease_id": format!("{path}/{number}"),
            "lease_duration": secret.ttl,
            "renewable": secret.is_renewable,
            "data": data,
            "warnings": null,
        });
        let (ends_at, last_end) = (now + secret.ttl, now + secret.max_ttl);
        self.leases.insert(number, Lease { token: token.to_owned(), secret, ends_at, last_end });
        Answer::new(200, answer.to_string())
    }

    pub(crate) fn renew(&mut self, body: &str, living_tokens: &[String], now: i64) -> Answer {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let name = body["lease_id"].as_str().unwrap_or_default();
        let number = name.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let lease = self.leases.get_mut(&number);
        let Some(lease) = lease.filter(|lease| lease.is_alive(living_tokens, now)) else {
            return refuse(400, "lease not found");
        };
        if !lease.secret.is_renewable {
            return refuse(400, "lease is not renewable");
        }
        lease.ends_at = lease.last_end.min(now + lease.secret.ttl);
        let span = lease.ends_at - now;
        let answer = json!({"lease_id": name, "lease_duration": span, "renewable": true, "data": null});
        Answer::new(200, answer.to_string())
    }

    pub(crate) fn living(&self, living_tokens: &[String], now: i64) -> Vec<usize> {
        let is_alive = |lease: &Lease| lease.is_alive(living_tokens, now);
        self.leases.iter().filter(|(_, lease)| is_alive(lease)).map(|(number, _)| *number).collect()
    }
}

impl Lease {
    fn is_alive(&self, living_tokens: &[String], now: i64) -> bool {
        self.ends_at > now && living_tokens.contains(&self.token)
    }
}
