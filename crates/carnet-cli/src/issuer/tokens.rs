//! `carnet issuer tokens`: what a key served.

use std::collections::BTreeSet;

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use super::connection::{Connection, below};
use super::keys::KeysOptions;
use super::table::{items, row, table, text};

/// How many tokens one request asks for: the most that the server gives.
const PAGE: usize = 100;

/// Which key.
#[derive(Debug, Args)]
pub(crate) struct TokensOptions {
    /// The name of the key, as `carnet issuer keys` lists it.
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    kid: String,

    #[command(flatten)]
    keys: KeysOptions,

    /// List tokens that have ended, too.
    #[arg(long)]
    ever: bool,
}

/// Prints the tokens of a key.
pub(super) async fn list(options: &TokensOptions) -> anyhow::Result<()> {
    let KeysOptions { connection, issuer } = &options.keys;
    let tokens = all(&connection.open()?, issuer, &options.kid, options.ever).await?;
    connection.print(&serde_json::json!({ "kid": options.kid, "tokens": tokens }), listing)
}

/// Every token of a key, page by page, as of the time of the first one: none is missed because another ends meanwhile.
pub(super) async fn all(server: &Connection, issuer: &str, kid: &str, ever: bool) -> anyhow::Result<Value> {
    let mut tokens = Vec::new();
    let mut after = String::new();
    loop {
        let query = [("ever", ever.to_string()), ("page[after]", after), ("page[size]", PAGE.to_string())];
        let answer = server.ask(below(Method::GET, &[issuer, "keys", kid, "tokens"]).query(query)).await?;
        tokens.extend(items(&answer, "tokens").cloned());
        match answer["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return Ok(Value::Array(tokens)),
        }
    }
}

/// The tokens as lines, with how many runs, workspaces and roles they are of.
pub(super) fn listing(answer: &Value) -> String {
    let mut rows = vec![row(&[
        "ORGANIZATION",
        "WORKSPACE",
        "RUN",
        "PHASE",
        "FAMILY",
        "AUDIENCE",
        "ROLE",
        "EXPIRES",
        "TOKEN",
    ])];
    for token in items(answer, "tokens") {
        let members = [
            "organization",
            "workspace",
            "run_id",
            "phase",
            "family",
            "audience",
            "role",
            "expires_at",
            "jti",
        ];
        rows.push(members.iter().map(|member| text(token, member)).collect());
    }
    let distinct =
        |member: &str| items(answer, "tokens").map(|token| text(token, member)).collect::<BTreeSet<_>>();
    let roles = distinct("role").into_iter().filter(|role| role != "-").count();
    let sum = format!(
        "{} tokens of {} runs in {} workspaces of {} organizations, {} audiences, {} roles\n",
        rows.len() - 1,
        distinct("run_id").len(),
        distinct("workspace_id").len(),
        distinct("organization_id").len(),
        distinct("audience").len(),
        roles,
    );
    if rows.len() == 1 { sum } else { format!("{}\n{sum}", table(&rows)) }
}
