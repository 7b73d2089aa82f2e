//! What an administrator of a relying party applies so that it trusts the runs of a workspace.

use carnet_api::jsonapi::Resource;
use carnet_model::{Permission, Phase, ProjectName, Workspace, WorkspaceId};
use carnet_trust::setup::{
    FAMILIES, FamilyOptions, Phases, Scope, SetupError, Subjects as SetupSubjects, TrustFormat, TrustRequest,
    option_fields, write,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Read};
use crate::oidc::issuer_of;
use crate::reply::{Reply, ok};
use crate::route::{Access, Routes};
use crate::subjects::Subjects;

pub(crate) fn routes() -> Routes {
    // It holds no secret: who may read the workspace may ask.
    Routes::default().post(
        "/api/carnet/v1/workspaces/{workspace}/trust",
        Access::Allowed(Permission::ReadWorkspace),
        of_workspace,
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Input {
    family: Option<String>,
    options: Option<Value>,
    phase: Option<String>,
    scope: Option<String>,
    tag: Option<String>,
    audience: Option<String>,
    subject_plan: Option<String>,
    subject_apply: Option<String>,
    knows_issuer: Option<bool>,
    issuer_ca: Option<String>,
    issuer_keys: Option<String>,
    variables: Option<String>,
    format: Option<String>,
}

async fn of_workspace(Read(mut cx): Read, Id(id): Id<WorkspaceId>, doc: Doc<Input>) -> Reply {
    let workspace = cx.workspace(&id, Permission::ReadWorkspace).await?;
    let attributes = written(&mut cx, &workspace, doc.attributes).await?;
    ok(Resource::new("trust", id.as_str(), attributes).to_one("workspace", "workspaces", Some(&id)))
}

/// The trust in a workspace that the caller may read: `text`, with the `family` and the `format` of it.
pub(crate) async fn written(
    cx: &mut Context,
    workspace: &Workspace,
    input: Input,
) -> Result<Value, ApiError> {
    let project = cx.tx.project(&workspace.project_id).await?.ok_or(ApiError::NotFound)?;
    let format: TrustFormat = parsed("format", input.format.as_deref())?;
    let issuer = issuer_of(&cx.app, &mut cx.tx, &workspace.organization_id).await?;
    let presented = Subjects::of(&mut cx.tx, &workspace.id, cx.now).await?;
    let mut request = request(cx, workspace, project.name, input)?;
    request.issuer = issuer.as_str().to_owned();
    // Who can be told of an authority is told of ours; the others trust public ones only, and say so.
    let can_be_told = request.family.name().starts_with("vault") || request.family.name() == "kubernetes";
    if can_be_told && request.issuer_ca.is_none() && request.issuer.starts_with(&cx.app.settings.url) {
        request.issuer_ca.clone_from(&cx.app.settings.authority);
    }
    name_own_subjects(&mut request, workspace, &presented)?;
    let text = write(&request, format).map_err(|error| refused(request.family.name(), error))?;
    Ok(json!({ "family": request.family.name(), "format": format.as_str(), "text": text }))
}

/// Writes subjects down that are not made in HCP Terraform's form of the names of now: those of a template, or kept ones.
fn name_own_subjects(
    request: &mut TrustRequest,
    workspace: &Workspace,
    presented: &Subjects,
) -> Result<(), ApiError> {
    let own = |phase: Phase| {
        let subject = presented.subject(phase, request.tag.as_deref());
        let usual = format!(
            "organization:{}:project:{}:workspace:{}:run_phase:{phase}",
            workspace.organization_name, request.project, workspace.name
        );
        (subject != usual).then_some(subject)
    };
    let wanted = |phase: Phase| request.phases.each().contains(&phase).then(|| own(phase)).flatten();
    let (plan, apply) = (wanted(Phase::Plan), wanted(Phase::Apply));
    if request.scope != Scope::Workspace && (plan.is_some() || apply.is_some()) {
        return Err(ApiError::attribute(
            "scope",
            "the subject of this workspace is not made of its names alone, so trust in more than this workspace cannot be \
             written by subjects: ask for each workspace",
        ));
    }
    let given = std::mem::take(&mut request.subjects);
    request.subjects = SetupSubjects { plan: given.plan.or(plan), apply: given.apply.or(apply) };
    Ok(())
}

fn request(
    cx: &Context,
    workspace: &Workspace,
    project: ProjectName,
    input: Input,
) -> Result<TrustRequest, ApiError> {
    let family =
        input.family.ok_or_else(|| ApiError::attribute("family", "Family can't be blank".to_owned()))?;
    if !FAMILIES.contains(&family.as_str()) {
        let reason = format!("{family:?} is not one of {}", FAMILIES.join(", "));
        return Err(ApiError::attribute("family", reason));
    }
    let family = FamilyOptions::parse(&family, input.options.unwrap_or_default())
        .map_err(|reason| ApiError::attribute("options", reason))?;
    let is_certificate = |pem: &String| pem.contains("-----BEGIN CERTIFICATE-----");
    if !input.issuer_ca.as_ref().is_none_or(is_certificate) {
        return Err(ApiError::attribute("issuer-ca", "holds no certificate in PEM"));
    }
    let is_key_set =
        |text: &String| serde_json::from_str::<Value>(text).is_ok_and(|document| document["keys"].is_array());
    if !input.issuer_keys.as_ref().is_none_or(is_key_set) {
        return Err(ApiError::attribute("issuer-keys", "holds no key set: there is no list \"keys\""));
    }
    Ok(TrustRequest {
        issuer: cx.app.issuer.url().as_str().to_owned(),
        application: cx.app.settings.url.clone(),
        issuer_ca: input.issuer_ca,
        issuer_keys: input.issuer_keys,
        organization: workspace.organization_name.clone(),
        project,
        workspace: Some(workspace.name.clone()),
        workspace_id: Some(workspace.id.as_str().to_owned()),
        scope: parsed::<Scope>("scope", input.scope.as_deref())?,
        phases: parsed::<Phases>("phase", input.phase.as_deref())?,
        tag: input.tag,
        subjects: SetupSubjects { plan: input.subject_plan, apply: input.subject_apply },
        audience: input.audience,
        variables: parsed("variables", input.variables.as_deref())?,
        knows_issuer: input.knows_issuer.unwrap_or_default(),
        family,
    })
}

fn parsed<T: std::str::FromStr<Err = String> + Default>(
    name: &str,
    text: Option<&str>,
) -> Result<T, ApiError> {
    text.map_or_else(|| Ok(T::default()), str::parse).map_err(|reason| ApiError::attribute(name, reason))
}

fn refused(family: &str, error: SetupError) -> ApiError {
    match error {
        SetupError::Option { option, reason } => {
            // Options of the command line and attributes have the same names, but for its files.
            let name = option.trim_start_matches('-').trim_end_matches("-file");
            match option_fields(family).iter().any(|field| field.name == name) {
                true => ApiError::attribute(&format!("options/{name}"), reason),
                false => ApiError::attribute(name, reason),
            }
        }
        SetupError::Impossible(reason) => ApiError::attribute("family", reason),
    }
}

#[cfg(test)]
mod tests;
