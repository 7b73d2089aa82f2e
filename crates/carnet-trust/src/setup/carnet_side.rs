//! Carnet's side: environment variables of a workspace, or of a variable set where more than one workspace is trusted.

use carnet_model::Phase;

use super::block::Block;
use super::name::{NameRule, object_name};
use super::outline::{Provider, Source, TrustSetup, Variable};
use super::request::{Scope, TrustRequest, Variables};
use super::text::{Text, Value};

/// The name of a variable, for the tag of the request.
pub(super) fn key(request: &TrustRequest, name: &str) -> String {
    match &request.tag {
        Some(tag) => format!("{name}_{tag}"),
        None => name.to_owned(),
    }
}

impl TrustSetup {
    /// Adds a variable of the configuration.
    pub(super) fn variable(&mut self, request: &TrustRequest, name: &str, value: impl Into<Text>) {
        self.variables.push(Variable { key: key(request, name), value: value.into() });
    }

    /// Adds a variable for a phase: `TFC_AWS` and `ROLE_ARN` make `TFC_AWS_PLAN_ROLE_ARN`.
    pub(super) fn phase_variable(
        &mut self,
        request: &TrustRequest,
        [family, name]: [&str; 2],
        phase: Phase,
        value: impl Into<Text>,
    ) {
        let phase = phase.as_str().to_uppercase();
        self.variable(request, &format!("{family}_{phase}_{name}"), value);
    }

    /// Adds a variable that a provider reads by itself. Beside other configurations it would be everybody's: with a tag it is not set.
    pub(super) fn provider_variable(&mut self, request: &TrustRequest, name: &str, value: impl Into<Text>) {
        if request.tag.is_none() {
            self.variables.push(Variable { key: name.to_owned(), value: value.into() });
        } else {
            self.note(format!(
                "With a tag, say what {name} would say in the provider block of this configuration."
            ));
        }
    }
}

/// The name of the variable set of a wider scope.
pub(super) fn set_name(request: &TrustRequest) -> String {
    let name = object_name(request, None, NameRule { longest: 76, is_lower: false });
    format!("{name}-{}", request.family.name())
}

/// The `tfe` provider (<https://registry.terraform.io/providers/hashicorp/tfe/latest/docs>) that speaks to this server.
pub(super) fn provider(request: &TrustRequest) -> Provider {
    let host = request.application.split_once("://").map_or(request.application.as_str(), |(_, rest)| rest);
    let block = Block::labelled("provider", "tfe")
        .comment("Needs a token of Carnet: terraform login, or TFE_TOKEN.")
        .set("hostname", host)
        .set("organization", request.organization.as_str());
    Provider { name: "tfe", source: "hashicorp/tfe", version: ">= 0.60", block: Some(block) }
}

/// The id of the workspace: known, or found out where the variables are written.
pub(super) fn workspace_id(setup: &mut TrustSetup, request: &TrustRequest) -> Text {
    let what = "the id of the workspace in Carnet, ws-...";
    let id = match (&request.workspace_id, request.variables) {
        (Some(id), _) => Text::from(id.as_str()),
        (None, Variables::Write) => setup.input("workspace_id", what, Source::Made),
        (None, Variables::Show) => return setup.input("workspace_id", what, Source::Person),
    };
    match request.variables {
        Variables::Write => Text::made(WORKSPACE_ID, id),
        Variables::Show => id,
    }
}

/// The id of the workspace, as Terraform finds it.
const WORKSPACE_ID: &str = "data.tfe_workspace.this.id";

/// The variables as blocks.
pub(super) fn blocks(request: &TrustRequest, variables: &[Variable]) -> Vec<Block> {
    let values = variables.iter().map(|one| (one.key.clone(), Value::Text(one.value.clone()))).collect();
    if request.variables == Variables::Show {
        let comment = "Environment variables that the workspace needs.";
        return vec![
            Block::labelled("output", "variables").comment(comment).set("value", Value::Map(values)),
        ];
    }
    let variable = Block::resource("tfe_variable", "carnet")
        .set("for_each", Value::Map(values))
        .set("key", Value::Expression("each.key"))
        .set("value", Value::Expression("each.value"))
        .set("category", "env");
    let workspace = request.workspace.as_ref().map(carnet_model::WorkspaceName::as_str).unwrap_or_default();
    match request.scope {
        Scope::Workspace => vec![
            Block::data("tfe_workspace", "this").set("name", workspace),
            variable.set("workspace_id", Value::Expression(WORKSPACE_ID)),
        ],
        Scope::Project | Scope::Organization => {
            let is_global = request.scope == Scope::Organization;
            let mut blocks = vec![
                Block::resource("tfe_variable_set", "carnet")
                    .set("name", set_name(request))
                    .set("global", Value::Flag(is_global)),
            ];
            if !is_global {
                blocks.push(Block::data("tfe_project", "this").set("name", request.project.as_str()));
                blocks.push(
                    Block::resource("tfe_project_variable_set", "carnet")
                        .set("project_id", Value::Expression("data.tfe_project.this.id"))
                        .set("variable_set_id", Value::Expression("tfe_variable_set.carnet.id")),
                );
            }
            blocks.push(variable.set("variable_set_id", Value::Expression("tfe_variable_set.carnet.id")));
            blocks
        }
    }
}
