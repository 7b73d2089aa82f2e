//! `carnet subject`: what the identity tokens of a workspace say, what a change would make of it, and old subjects that go on.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::api_client::{ApiClient, ApiRequest};
use crate::edge;
use crate::reach::server_address;

#[derive(Debug, Subcommand)]
pub(crate) enum SubjectCommand {
    /// Show the subjects and the template of a workspace, and what goes on for a while.
    ///
    /// Example: carnet subject show --server https://carnet.example.com --org acme --workspace net
    Show {
        #[command(flatten)]
        place: Place,
    },
    /// Show what a change would make of the subjects, and who used them lately; nothing is changed.
    ///
    /// Example: carnet subject preview --org acme --workspace net --name network
    Preview {
        #[command(flatten)]
        place: Place,
        /// Another name for the workspace.
        #[arg(long)]
        name: Option<String>,
        /// The id of another project for it.
        #[arg(long, value_name = "ID")]
        project: Option<String>,
        /// Another template: hcp, name@id, short, or one in full.
        #[arg(long)]
        template: Option<String>,
    },
    /// Let tokens go on saying what they say now, whatever is renamed or moved, until the days are over.
    ///
    /// Example: carnet subject keep --org acme --workspace net --days 30
    Keep {
        #[command(flatten)]
        place: Place,
        /// For how many days, at most 90.
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..=90))]
        days: i64,
    },
    /// End that: tokens say the new subject from now on, and the old name is free.
    Release {
        #[command(flatten)]
        place: Place,
    },
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SubjectFormat {
    /// For people.
    Text,
    /// The server's answer.
    Json,
}

/// Which workspace of which server, on whose authority.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The server's address.
    #[arg(long, env = "CARNET_SERVER", value_name = "URL", value_parser = server_address)]
    server: Url,

    /// The organization's name.
    #[arg(long, value_name = "NAME")]
    org: String,

    /// The workspace's name.
    #[arg(long, value_name = "NAME")]
    workspace: String,

    /// The file of an API token; CARNET_TOKEN beats it.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Certificate authorities to trust beside the system's, PEM.
    #[arg(long, env = "CARNET_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// How the answer is written.
    #[arg(long, default_value = "text")]
    format: SubjectFormat,
}

/// Carries the command out, or fails with the server's reason.
pub(crate) async fn run(command: SubjectCommand) -> anyhow::Result<()> {
    let (place, method, path, query, body) = match &command {
        SubjectCommand::Show { place } => (place, Method::GET, "subjects", Vec::new(), None),
        SubjectCommand::Preview { place, name, project, template } => {
            let given = [("name", name), ("project", project), ("template", template)];
            let query: Vec<(&str, String)> =
                given.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect();
            if query.is_empty() {
                bail!("nothing to try: give --name, --project or --template");
            }
            (place, Method::GET, "subject-preview", query, None)
        }
        SubjectCommand::Keep { place, days } => {
            let body = json!({ "data": { "type": "subject-graces", "attributes": { "days": days } } });
            (place, Method::POST, "subject-grace", Vec::new(), Some(body))
        }
        SubjectCommand::Release { place } => (place, Method::DELETE, "subject-grace", Vec::new(), None),
    };
    let server = ApiClient::open(&place.server, place.token_file.as_deref(), place.ca_file.as_deref())?;
    let id = server.workspace_id(&place.org, &place.workspace).await?;
    let path = ["api", "carnet", "v1", "workspaces", &id, path];
    let answer = server.send(ApiRequest::new(method, &path).query(query).body(body)).await?;
    let text = match place.format {
        SubjectFormat::Json => format!("{answer:#}\n"),
        SubjectFormat::Text => text(&command, answer.pointer("/data/attributes").unwrap_or(&Value::Null)),
    };
    edge::print(&text)
}

/// The answer for people.
fn text(command: &SubjectCommand, attributes: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |name: &str| attributes[name].as_array().cloned().unwrap_or_default();
    let mut text = String::new();
    let mut line = |one: String| writeln!(text, "{one}").expect("a text can always be written to");
    match command {
        SubjectCommand::Show { .. } => {
            for one in list("configurations") {
                if let Some(tag) = one["tag"].as_str() {
                    line(format!("configuration {tag}"));
                }
                line(format!("template  {} (said by: {})", word(&one["template"]), word(&one["said-by"])));
                line(format!("plan      {}", word(&one["plan"])));
                line(format!("apply     {}", word(&one["apply"])));
                if let Some(moment) = one["changes-at"].as_str() {
                    line(format!("from {moment} on"));
                    line(format!("plan      {}", word(&one["later-plan"])));
                    line(format!("apply     {}", word(&one["later-apply"])));
                }
                let claims: Vec<String> = one["claims"].as_array().into_iter().flatten().map(word).collect();
                if !claims.is_empty() {
                    line(format!("claims    {}", claims.join(", ")));
                }
            }
        }
        SubjectCommand::Preview { .. } => {
            if attributes["changes"] != json!(true) && list("subjects").is_empty() {
                line("nothing changes".to_owned());
            }
            for one in list("subjects") {
                line(format!("{:<6}  - {}", word(&one["phase"]), word(&one["before"])));
                line(format!("        + {}", word(&one["later"])));
            }
            for one in list("families") {
                line(format!(
                    "trust to change: {} ({}, audience {}, last used {})",
                    word(&one["family"]),
                    word(&one["phase"]),
                    word(&one["audience"]),
                    word(&one["last-used-at"])
                ));
            }
            if let Some(until) = attributes["kept-until"].as_str() {
                line(format!("the old subject goes on until {until}"));
            }
        }
        SubjectCommand::Keep { .. } => {
            line(format!("tokens go on saying what they say now until {}", word(&attributes["until"])));
        }
        SubjectCommand::Release { .. } => line("tokens say the workspace's own names from now on".to_owned()),
    }
    for warning in list("warnings") {
        line(format!("Warning: {}", word(&warning)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            server: "https://carnet.example.com".parse().expect("an address"),
            org: "acme".to_owned(),
            workspace: "net".to_owned(),
            token_file: None,
            ca_file: None,
            format: SubjectFormat::Text,
        }
    }

    #[test]
    fn a_preview_is_a_difference_with_those_whom_it_concerns() {
        let command = SubjectCommand::Preview { place: place(), name: None, project: None, template: None };
        let attributes = json!({
            "changes": true,
            "kept-until": null,
            "subjects": [{ "tag": null, "phase": "plan", "before": "a", "after": "b", "later": "b" }],
            "families": [{ "family": "aws", "phase": "plan", "audience": "aws.workload.identity",
                           "last-used-at": "2026-01-05T10:00:00Z" }],
            "warnings": ["long"],
        });
        let expected = "plan    - a\n        + b\ntrust to change: aws (plan, audience aws.workload.identity, last used \
                        2026-01-05T10:00:00Z)\nWarning: long\n";
        assert_eq!(text(&command, &attributes), expected);
        assert_eq!(text(&command, &json!({ "changes": false, "subjects": [] })), "nothing changes\n");
    }

    #[test]
    fn what_comes_later_stands_behind_what_is() {
        let attributes = json!({ "configurations": [{
            "tag": null, "template": "t", "said-by": "default", "plan": "p", "apply": "a", "changes-at": "2026-02-01T00:00:00Z",
            "later-plan": "p2", "later-apply": "a2", "claims": ["actor"],
        }] });
        let expected = "template  t (said by: default)\nplan      p\napply     a\nfrom 2026-02-01T00:00:00Z on\n\
                        plan      p2\napply     a2\nclaims    actor\n";
        assert_eq!(text(&SubjectCommand::Show { place: place() }, &attributes), expected);
    }
}
