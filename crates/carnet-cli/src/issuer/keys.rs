//! `carnet issuer keys`, `rotate`, `trim` and `revoke`.

use std::time::Duration;

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::connection::ConnectionOptions;
use super::table::{items, row, sentences, table, text};
use super::tokens;
use crate::duration;

/// Which issuer.
#[derive(Debug, Args)]
pub(crate) struct KeysOptions {
    #[command(flatten)]
    pub(super) connection: ConnectionOptions,

    /// The issuer: site, or the name or id of an organization that has one of its own.
    #[arg(long, default_value = "site", value_name = "NAME")]
    pub(super) issuer: String,
}

/// How the key is replaced.
#[derive(Debug, Args)]
pub(crate) struct RotateOptions {
    #[command(flatten)]
    keys: KeysOptions,

    /// How long the new key is published before it signs, as in 10m or 2d; never less than caches live [default: the server's].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "at_once")]
    announce: Option<Duration>,

    /// Sign with the new key now, whoever does not know it yet.
    #[arg(long)]
    at_once: bool,
}

/// Which key ends.
#[derive(Debug, Args)]
pub(crate) struct RevokeOptions {
    /// The name of the key, as `carnet issuer keys` lists it.
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    kid: String,

    #[command(flatten)]
    keys: KeysOptions,

    /// List tokens that have ended, too.
    #[arg(long)]
    ever: bool,
}

/// Prints the keys of an issuer.
pub(super) async fn list(options: &KeysOptions) -> anyhow::Result<()> {
    let answer = options.connection.open()?.get(&[&options.issuer, "keys"]).await?;
    options.connection.print(&answer, listing)
}

/// Replaces the key that signs.
pub(super) async fn rotate(options: &RotateOptions) -> anyhow::Result<()> {
    let attributes = json!({
        "at-once": options.at_once,
        "announcement-seconds": options.announce.map(|announce| announce.as_secs()),
    });
    let KeysOptions { connection, issuer } = &options.keys;
    let path = [issuer, "actions", "rotate"];
    let answer = connection.open()?.send(Method::POST, &path, Some(attributes)).await?;
    connection.print(&answer, listing)
}

/// Removes keys that sign no more.
pub(super) async fn trim(options: &KeysOptions) -> anyhow::Result<()> {
    let path = [options.issuer.as_str(), "actions", "trim"];
    let answer = options.connection.open()?.send(Method::POST, &path, None).await?;
    options.connection.print(&answer, |answer| {
        let removed: String = items(answer, "removed")
            .filter_map(Value::as_str)
            .map(|kid| format!("removed {kid}\n"))
            .collect();
        if removed.is_empty() { "there was nothing to remove\n".to_owned() } else { removed }
    })
}

/// Ends a key, and lists everything that it served.
pub(super) async fn revoke(options: &RevokeOptions) -> anyhow::Result<()> {
    let KeysOptions { connection, issuer } = &options.keys;
    let server = connection.open()?;
    let path = [issuer, "actions", "revoke"];
    let mut report = server.send(Method::POST, &path, Some(json!({ "kid": options.kid }))).await?;
    report["tokens"] = tokens::all(&server, issuer, &options.kid, options.ever).await?;
    connection.print(&report, drill)
}

fn drill(report: &Value) -> String {
    let mut lines = format!("{} is revoked; it was {}.\n", text(report, "kid"), text(report, "was"));
    if report["replacement"].is_string() {
        lines.push_str(&format!("{} signs now.\n", text(report, "replacement")));
    }
    lines.push_str(&sentences(report, "consequences"));
    lines.push('\n');
    lines.push_str(&tokens::listing(report));
    lines
}

/// The keys as lines.
pub(super) fn listing(answer: &Value) -> String {
    let mut rows = vec![row(&["KEY", "STATE", "SINCE", "TOKENS", "NEXT", "WHEN"])];
    for key in items(answer, "keys") {
        let when = match (key["next_step"].as_str(), key["next_step_at"].as_str()) {
            (Some(_), Some(at)) => at.to_owned(),
            (Some(_), None) => match key["signs_not_before"].as_str() {
                Some(at) => format!("when it was seen outside, not before {at}"),
                None => "when it was seen outside".to_owned(),
            },
            (None, _) => "-".to_owned(),
        };
        rows.push(vec![
            text(key, "kid"),
            text(key, "state"),
            since(key),
            text(key, "tokens_alive"),
            text(key, "next_step"),
            when,
        ]);
    }
    let issuer = &answer["issuer"];
    let next = match answer["next_key_at"].as_str() {
        Some(at) => format!("The next key is published at {at}.\n"),
        None if answer["policy"]["rotation_seconds"].is_null() => {
            "Keys are replaced on request only (--key-rotation off).\n".to_owned()
        }
        None => String::new(),
    };
    let line = |member: &str, what: &str| answer[member].as_str().map(|why| format!("{what}: {why}\n"));
    let not_signing = line("not_signing", "NOT SIGNING").unwrap_or_default();
    let held_back = line("held_back", "HELD BACK").unwrap_or_default();
    let title = format!("{}  {}", text(issuer, "issuer"), text(issuer, "url"));
    let consequences = sentences(answer, "consequences");
    let waits = waits(answer);
    format!("{title}\n\n{}\n{not_signing}{held_back}{next}{waits}{consequences}", table(&rows))
}

/// How long keys are published before they sign: the one that waits, or any that is to come.
fn waits(answer: &Value) -> String {
    let policy = &answer["policy"];
    let kept = format!("Key sets may be kept for {} s", text(policy, "jwks_max_age_seconds"));
    let upcoming = items(answer, "keys").find(|key| key["wait_seconds"].is_number());
    let Some(key) = upcoming else {
        return format!(
            "{kept}; a new key is published for at least {} s before it signs.\n",
            text(policy, "announcement_seconds")
        );
    };
    let raised = match (key["announcement_seconds"].as_u64(), key["wait_seconds"].as_u64()) {
        (Some(asked), Some(wait)) if asked < wait => format!(
            " The {asked} s that were asked for were raised to that: a shorter time than key sets are kept and clocks differ \
             would have its tokens refused."
        ),
        _ => String::new(),
    };
    format!(
        "{kept}; {} is published for at least {} s before it signs.{raised}\n",
        text(key, "kid"),
        text(key, "wait_seconds")
    )
}

fn since(key: &Value) -> String {
    let member = match key["state"].as_str() {
        Some("published") => "published_at",
        Some("active") => "activated_at",
        Some("retired") => "retired_at",
        Some("removed" | "revoked") => "ended_at",
        _ => "created_at",
    };
    text(key, member)
}
