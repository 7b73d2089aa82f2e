//! `carnet issuer list`, `create`, `preview`, `switch` and `delete`: issuers that organizations have of their own.

use anyhow::bail;
use clap::{Args, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::connection::{Connection, ConnectionOptions};
use super::table::{items, row, sentences, table, text};

/// Which organization gets an issuer.
#[derive(Debug, Args)]
pub(crate) struct NewOptions {
    /// The name or the id of the organization.
    #[arg(value_name = "ORGANIZATION")]
    organization: String,

    #[command(flatten)]
    connection: ConnectionOptions,

    /// The issuer's own URL, when discovery and keys are published elsewhere [default: ISSUER/organizations/ID].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Which organization.
#[derive(Debug, Args)]
pub(crate) struct PreviewOptions {
    /// The name or the id of the organization.
    #[arg(value_name = "ORGANIZATION")]
    organization: String,

    #[command(flatten)]
    connection: ConnectionOptions,
}

/// Which issuer an organization is switched to.
#[derive(Debug, Args)]
pub(crate) struct SwitchOptions {
    /// The name or the id of the organization.
    #[arg(value_name = "ORGANIZATION")]
    organization: String,

    /// The issuer that mints from now on.
    #[arg(long, value_name = "ISSUER")]
    to: Target,

    /// Switch: everything that trusts the old issuer was set up for the new one.
    #[arg(long)]
    yes: bool,

    /// Switch although this server does not see discovery and keys at the issuer's URL. When relying parties do not see them
    /// either, they refuse every token of the organization until somebody publishes them there.
    #[arg(long)]
    unseen: bool,

    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// The one that the organization has of its own.
    Own,
    /// That of the site.
    Site,
}

/// Prints the issuers.
pub(super) async fn list(options: &ConnectionOptions) -> anyhow::Result<()> {
    let answer = options.open()?.get(&[]).await?;
    options.print(&answer, |answer| issuers(items(answer, "issuers")))
}

fn issuers<'a>(issuers: impl Iterator<Item = &'a Value>) -> String {
    let mut rows = vec![row(&["ISSUER", "ORGANIZATION", "MINTS", "URL"])];
    rows.extend(issuers.map(|issuer| {
        ["issuer", "organization", "is_minting", "url"].iter().map(|member| text(issuer, member)).collect()
    }));
    table(&rows)
}

/// Makes an issuer.
pub(super) async fn create(options: &NewOptions) -> anyhow::Result<()> {
    let attributes = json!({ "organization": options.organization, "url": options.url });
    let answer = options.connection.open()?.send(Method::POST, &[], Some(attributes)).await?;
    options.connection.print(&answer, |answer| {
        format!(
            "{}It mints nothing yet. Set up trust for {}, then run carnet issuer switch {} --to own\n",
            issuers(std::iter::once(answer)),
            text(answer, "url"),
            text(answer, "organization"),
        )
    })
}

/// Prints which trust breaks.
pub(super) async fn preview(options: &PreviewOptions) -> anyhow::Result<()> {
    let answer = previewed(&options.connection.open()?, &options.organization).await?;
    options.connection.print(&answer, breaks)
}

async fn previewed(server: &Connection, organization: &str) -> anyhow::Result<Value> {
    server.get(&[organization, "preview"]).await
}

fn breaks(answer: &Value) -> String {
    let mut rows = vec![row(&["WORKSPACE", "PHASE", "FAMILY", "TAG", "AUDIENCE", "LAST USED"])];
    rows.extend(items(answer, "trust_used").map(|used| {
        let members = ["workspace", "phase", "family", "tag", "audience", "last_used_at"];
        members.iter().map(|member| text(used, member)).collect()
    }));
    format!(
        "now   {}\nthen  {}\n\n{}\n{}",
        text(answer, "issuer_now"),
        text(answer, "issuer_then"),
        sentences(answer, "breaks"),
        table(&rows),
    )
}

/// Changes who mints for an organization.
pub(super) async fn switch(options: &SwitchOptions) -> anyhow::Result<()> {
    let server = options.connection.open()?;
    let own = options.to == Target::Own;
    let before = previewed(&server, &options.organization).await?;
    if before["is_own_minting"] == own {
        return options.connection.print(&before, |before| {
            format!("{} mints already; nothing was changed\n", text(before, "issuer_now"))
        });
    }
    if !options.yes {
        options.connection.print(&before, breaks)?;
        bail!("nothing was changed; set up trust for the new issuer, then add --yes");
    }
    let attributes = json!({ "minting": own, "unseen": options.unseen });
    let answer = server.send(Method::PATCH, &[&options.organization], Some(attributes)).await?;
    options.connection.print(&answer, |answer| issuers(std::iter::once(answer)))
}

/// Removes an issuer.
pub(super) async fn delete(options: &PreviewOptions) -> anyhow::Result<()> {
    let answer = options.connection.open()?.send(Method::DELETE, &[&options.organization], None).await?;
    options.connection.print(&answer, |_| "the issuer is removed\n".to_owned())
}
