//! The page that says whether a relying party takes the token of a workspace, and why not.

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use carnet_model::Permission;
use serde_json::Value;

use super::form::{Field, FormPage, Kind, Typed, place};
use super::{input, outcome, show, signed};
use crate::api::trust_checks::judged;
use crate::app::App;
use crate::error::ApiError;

const FAMILIES: &[(&str, &str)] = &[
    ("auto", "told by the policy"),
    ("aws", "Amazon Web Services"),
    ("azure", "Microsoft Azure"),
    ("gcp", "Google Cloud"),
    ("vault", "Vault or OpenBao"),
    ("kubernetes", "Kubernetes"),
];
const PHASES: &[(&str, &str)] = &[("plan", "plan"), ("apply", "apply")];

fn asked() -> Vec<Field> {
    vec![
        Field::new("phase", "Phase", Kind::Choice(PHASES)),
        Field::new("family", "Family", Kind::Choice(FAMILIES)),
        Field::new("policy", "Trust policy, as JSON", Kind::Lines).required().help(
            "The trust policy of the role, the federated credentials, the provider of the pool, the role of the JWT mount, or the \
             AuthenticationConfiguration.",
        ),
    ]
}

fn seldom_asked() -> Vec<Field> {
    vec![
        Field::new("beside", "What belongs to it, as JSON", Kind::Lines)
            .help("The OIDC provider of AWS, the service account binding of Google, the configuration of the JWT mount."),
        Field::new("role", "Role", Kind::Text).help("Of AWS its ARN, of Vault its name, of Google a service account."),
        Field::new("tag", "Tag", Kind::Text).help("The tag of the configuration that presents the token."),
        Field::new("audience", "Audience", Kind::Text)
            .help("The one that the variables of the workspace lead to if empty."),
    ]
}

fn form_page() -> FormPage {
    FormPage {
        title: "Would this trust accept the workspace?".to_owned(),
        explanation: "The policy is evaluated as the service would, with the claims that the workspace presents. Nothing is sent \
                      anywhere.",
        button: "Evaluate",
        result_title: "What the service would say",
        fields: place().into_iter().chain(asked()).collect(),
        more: seldom_asked(),
        csrf: String::new(),
        result: None,
        problem: None,
    }
}

pub(super) async fn form(
    State(app): State<Arc<App>>,
    Query(typed): Query<Typed>,
) -> Result<Response, ApiError> {
    show(&app, form_page(), &typed, None)
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Form(mut typed): Form<Typed>,
) -> Result<Response, ApiError> {
    let answer = verdict(&app, &headers, &mut typed).await;
    show(&app, form_page(), &typed, Some(outcome(answer)?))
}

async fn verdict(app: &Arc<App>, headers: &HeaderMap, typed: &mut Typed) -> Result<Value, ApiError> {
    // The audience comes from variables.
    let (cx, workspace) = signed(app, headers, typed, Permission::ReadVariables).await?;
    let fields: Vec<Field> = asked().into_iter().chain(seldom_asked()).collect();
    judged(cx, &workspace, input(&fields, typed)?).await
}
