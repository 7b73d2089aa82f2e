//! The page on which trust is written.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use carnet_model::Permission;
use carnet_trust::setup::{FAMILIES, OptionKind, option_fields};
use serde_json::{Map, Value};

use super::form::{Field, FormPage, Kind, Typed, place};
use super::{input, outcome, show, signed};
use crate::api::trust_setup::written;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::Id;
use crate::page::page;

const PHASES: &[(&str, &str)] =
    &[("both", "both, each as an identity of its own"), ("plan", "plan"), ("apply", "apply")];
const FORMATS: &[(&str, &str)] = &[
    ("terraform", "a configuration of Terraform"),
    ("cli", "a script of the provider's command line"),
    ("json", "the policy documents as JSON"),
];
const SCOPES: &[(&str, &str)] = &[
    ("workspace", "this workspace only"),
    ("project", "every workspace of its project, also later ones"),
    ("organization", "every workspace of the organization, also later ones"),
];
const VARIABLES: &[(&str, &str)] =
    &[("write", "write them into the workspace"), ("show", "only show them: somebody else writes them")];

#[derive(Template)]
#[template(path = "trust_families.html")]
struct FamiliesPage {
    families: Vec<(&'static str, &'static str)>,
}

/// The name of a family for people.
fn title(family: &str) -> &'static str {
    match family {
        "aws" => "Amazon Web Services",
        "azure" => "Microsoft Azure",
        "gcp" => "Google Cloud",
        "vault" => "Vault or OpenBao",
        "kubernetes" => "Kubernetes",
        "hcp" => "HashiCorp Cloud Platform",
        "tencentcloud" => "Tencent Cloud",
        "vault-aws" => "AWS through Vault",
        "vault-azure" => "Azure through Vault",
        "vault-gcp" => "Google Cloud through Vault",
        _ => "",
    }
}

pub(super) async fn families() -> Result<Response, ApiError> {
    choice(StatusCode::OK)
}

/// Where a family is chosen: also for whoever came by an address of none.
fn choice(status: StatusCode) -> Result<Response, ApiError> {
    let families = FAMILIES.into_iter().map(|family| (family, title(family))).collect();
    page(status, &FamiliesPage { families })
}

/// The fields of the form: those that everybody needs, those of the family, and those that few need.
struct Fields {
    first: Vec<Field>,
    options: Vec<Field>,
    more: Vec<Field>,
}

fn fields(family: &str) -> Result<Fields, ApiError> {
    if !FAMILIES.contains(&family) {
        return Err(ApiError::NotFound);
    }
    let options = option_fields(family).into_iter().map(|option| {
        let kind = match option.kind {
            OptionKind::Text => Kind::Text,
            OptionKind::List => Kind::List,
            OptionKind::Flag => Kind::Flag,
        };
        Field::new(option.name, option.name, kind).help(option.help)
    });
    Ok(Fields {
        first: vec![
            Field::new("phase", "Phase", Kind::Choice(PHASES)),
            Field::new("format", "Write it as", Kind::Choice(FORMATS)),
        ],
        options: options.collect(),
        more: vec![
            Field::new("scope", "Who is trusted", Kind::Choice(SCOPES))
                .help("A wider scope uses wildcards; the result says what they allow."),
            Field::new("tag", "Tag", Kind::Text)
                .help("For a further configuration of this family in the workspace."),
            Field::new("audience", "Audience", Kind::Text).help("The family's own if empty."),
            Field::new("variables", "Variables of the workspace", Kind::Choice(VARIABLES)),
            Field::new("knows-issuer", "The other side knows this issuer already", Kind::Flag),
        ],
    })
}

fn form_page(family: &str, fields: Fields) -> FormPage {
    FormPage {
        title: format!("Trust in a workspace: {}", title(family)),
        explanation: "Nothing is changed: this writes what makes the other side trust the runs of one workspace, and the \
                      variables that switch it on, for you to read and apply.",
        button: "Write the trust",
        result_title: "Read it, then apply it with your own credentials",
        fields: place().into_iter().chain(fields.first).chain(fields.options).collect(),
        more: fields.more,
        csrf: String::new(),
        result: None,
        problem: None,
    }
}

pub(super) async fn form(
    State(app): State<Arc<App>>,
    Id(family): Id<String>,
    Query(typed): Query<Typed>,
) -> Result<Response, ApiError> {
    if !FAMILIES.contains(&family.as_str()) {
        return choice(StatusCode::NOT_FOUND);
    }
    show(&app, form_page(&family, fields(&family)?), &typed, None)
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    Id(family): Id<String>,
    headers: HeaderMap,
    Form(mut typed): Form<Typed>,
) -> Result<Response, ApiError> {
    let fields = fields(&family)?;
    let answer = trust(&app, &headers, &family, &fields, &mut typed).await;
    show(&app, form_page(&family, fields), &typed, Some(outcome(answer)?))
}

async fn trust(
    app: &Arc<App>,
    headers: &HeaderMap,
    family: &str,
    fields: &Fields,
    typed: &mut Typed,
) -> Result<Value, ApiError> {
    let (mut cx, workspace) = signed(app, headers, typed, Permission::ReadWorkspace).await?;
    let asked: Vec<Field> = fields.first.iter().chain(&fields.more).cloned().collect();
    let mut attributes: Map<String, Value> = input(&asked, typed)?;
    let options: Map<String, Value> = input(&fields.options, typed)?;
    attributes.insert("family".to_owned(), family.into());
    attributes.insert("options".to_owned(), options.into());
    let input =
        serde_json::from_value(attributes.into()).map_err(|error| ApiError::BadRequest(error.to_string()))?;
    written(&mut cx, &workspace, input).await
}
