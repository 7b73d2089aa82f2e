//! What organizations, projects, workspaces and configurations say about the subjects and claims of their tokens.

use axum::http::StatusCode;
use carnet_api::jsonapi::Resource;
use carnet_model::{
    OptInClaim, OrgName, Permission, Phase, ProjectId, SubjectPart, SubjectSetting, SubjectTemplate,
    TemplateError, WorkspaceId, subject_warnings,
};
use carnet_store::{SubjectScopes, SubjectWord};
use serde::Deserialize;
use serde_json::json;

use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Ids, Read, Write};
use crate::ledger::record_resources;
use crate::reply::{Reply, no_content, ok, with_warnings};
use crate::route::{Access, Routes};
use crate::subjects::subject_of;

const ORGANIZATION: &str = "/api/carnet/v1/organizations/{organization}/subject-settings";
const PROJECT: &str = "/api/carnet/v1/projects/{project}/subject-settings";
const WORKSPACE: &str = "/api/carnet/v1/workspaces/{workspace}/subject-settings";
const CONFIGURATION: &str = "/api/carnet/v1/workspaces/{workspace}/subject-settings/{tag}";

pub(crate) fn routes() -> Routes {
    let administer = Access::Allowed(Permission::ManageOrganization);
    // Whoever administers a workspace alone must not decide what clouds are told about it: that is for its project.
    let manage = Access::Allowed(Permission::UpdateProject);
    let read = Access::Allowed(Permission::ReadWorkspace);
    Routes::default()
        .get(ORGANIZATION, Access::Allowed(Permission::ReadOrganization), show_of_organization)
        .put(ORGANIZATION, administer, put_of_organization)
        .delete(ORGANIZATION, administer, delete_of_organization)
        .get(PROJECT, Access::Allowed(Permission::ReadProject), show_of_project)
        .put(PROJECT, manage, put_of_project)
        .delete(PROJECT, manage, delete_of_project)
        .get(WORKSPACE, read, show_of_workspace)
        .put(WORKSPACE, manage, put_of_workspace)
        .delete(WORKSPACE, manage, delete_of_workspace)
        .get(CONFIGURATION, read, show_of_configuration)
        .put(CONFIGURATION, manage, put_of_configuration)
        .delete(CONFIGURATION, manage, delete_of_configuration)
}

#[derive(Deserialize)]
struct Input {
    template: Option<String>,
    claims: Option<Vec<String>>,
    #[serde(default)]
    shared: bool,
}

/// The tag of a configuration, as in the names of its variables.
struct ConfigurationTag(String);

impl std::str::FromStr for ConfigurationTag {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let is_tag = (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if is_tag { Ok(Self(text.to_owned())) } else { Err(ApiError::NotFound) }
    }
}

/// The organization, if the caller may do this with it.
pub(super) async fn organization_scope(
    cx: &mut Context,
    name: &OrgName,
    permission: Permission,
) -> Result<SubjectScopes, ApiError> {
    let organization = cx.organization(name, permission).await?;
    Ok(SubjectScopes { organization_id: organization.id, project_id: None, workspace_id: None })
}

/// The project, if the caller may do this with it.
pub(super) async fn project_scope(
    cx: &mut Context,
    id: &ProjectId,
    permission: Permission,
) -> Result<SubjectScopes, ApiError> {
    let project = cx.project(id, permission).await?;
    Ok(SubjectScopes {
        organization_id: project.organization_id,
        project_id: Some(project.id),
        workspace_id: None,
    })
}

/// The workspace, if the caller may see it and do this with its project.
pub(super) async fn workspace_scope(
    cx: &mut Context,
    id: &WorkspaceId,
    permission: Permission,
) -> Result<SubjectScopes, ApiError> {
    let workspace = cx.workspace(id, Permission::ReadWorkspace).await?;
    if permission != Permission::ReadWorkspace
        && !cx.may_on_project(permission, &workspace.organization_id, &workspace.project_id).await?
    {
        return Err(cx.refusal(true, permission));
    }
    Ok(SubjectScopes {
        organization_id: workspace.organization_id,
        project_id: Some(workspace.project_id),
        workspace_id: Some(workspace.id),
    })
}

async fn show_of_organization(Read(mut cx): Read, Id(name): Id<OrgName>) -> Reply {
    let scope = organization_scope(&mut cx, &name, Permission::ReadOrganization).await?;
    shown(&mut cx, &scope, None).await
}

async fn put_of_organization(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<Input>) -> Reply {
    let scope = organization_scope(&mut cx, &name, Permission::ManageOrganization).await?;
    stored(cx, &scope, None, &doc.attributes).await
}

async fn delete_of_organization(Write(mut cx): Write, Id(name): Id<OrgName>) -> Reply {
    let scope = organization_scope(&mut cx, &name, Permission::ManageOrganization).await?;
    deleted(cx, &scope, None).await
}

async fn show_of_project(Read(mut cx): Read, Id(id): Id<ProjectId>) -> Reply {
    let scope = project_scope(&mut cx, &id, Permission::ReadProject).await?;
    shown(&mut cx, &scope, None).await
}

async fn put_of_project(Write(mut cx): Write, Id(id): Id<ProjectId>, doc: Doc<Input>) -> Reply {
    let scope = project_scope(&mut cx, &id, Permission::UpdateProject).await?;
    stored(cx, &scope, None, &doc.attributes).await
}

async fn delete_of_project(Write(mut cx): Write, Id(id): Id<ProjectId>) -> Reply {
    let scope = project_scope(&mut cx, &id, Permission::UpdateProject).await?;
    deleted(cx, &scope, None).await
}

async fn show_of_workspace(Read(mut cx): Read, Id(id): Id<WorkspaceId>) -> Reply {
    let scope = workspace_scope(&mut cx, &id, Permission::ReadWorkspace).await?;
    shown(&mut cx, &scope, None).await
}

async fn put_of_workspace(Write(mut cx): Write, Id(id): Id<WorkspaceId>, doc: Doc<Input>) -> Reply {
    let scope = workspace_scope(&mut cx, &id, Permission::UpdateProject).await?;
    stored(cx, &scope, None, &doc.attributes).await
}

async fn delete_of_workspace(Write(mut cx): Write, Id(id): Id<WorkspaceId>) -> Reply {
    let scope = workspace_scope(&mut cx, &id, Permission::UpdateProject).await?;
    deleted(cx, &scope, None).await
}

async fn show_of_configuration(
    Read(mut cx): Read,
    Ids(id, ConfigurationTag(tag)): Ids<WorkspaceId, ConfigurationTag>,
) -> Reply {
    let scope = workspace_scope(&mut cx, &id, Permission::ReadWorkspace).await?;
    shown(&mut cx, &scope, Some(&tag)).await
}

async fn put_of_configuration(
    Write(mut cx): Write,
    Ids(id, ConfigurationTag(tag)): Ids<WorkspaceId, ConfigurationTag>,
    doc: Doc<Input>,
) -> Reply {
    let scope = workspace_scope(&mut cx, &id, Permission::UpdateProject).await?;
    stored(cx, &scope, Some(&tag), &doc.attributes).await
}

async fn delete_of_configuration(
    Write(mut cx): Write,
    Ids(id, ConfigurationTag(tag)): Ids<WorkspaceId, ConfigurationTag>,
) -> Reply {
    let scope = workspace_scope(&mut cx, &id, Permission::UpdateProject).await?;
    deleted(cx, &scope, Some(&tag)).await
}

async fn shown(cx: &mut Context, scope: &SubjectScopes, tag: Option<&str>) -> Reply {
    let settings = cx.tx.subject_settings(scope).await?;
    ok(resource(scope, tag, own(&settings, scope, tag)))
}

fn own<'a>(
    settings: &'a [SubjectSetting],
    scope: &SubjectScopes,
    tag: Option<&str>,
) -> Option<&'a SubjectSetting> {
    settings.iter().find(|setting| setting.scope == scope.part() && setting.tag.as_deref() == tag)
}

async fn stored(mut cx: Context, scope: &SubjectScopes, tag: Option<&str>, input: &Input) -> Reply {
    let (word, mut warnings) = word(scope, input)?;
    let sharing = word.template.iter().flat_map(SubjectTemplate::shared_by);
    warnings.extend(sharing.map(|sharing| sharing.explain().to_owned()));
    let now = cx.now;
    if word.template.is_some() && cx.tx.kept_names(scope).await?.iter().any(|kept| kept.until > now) {
        warnings.push(
            "an old subject was still presented: tokens are made by this template now, whatever was kept"
                .to_owned(),
        );
    }
    let there = cx.tx.subject_settings(scope).await?;
    let before = own(&there, scope, tag).map(|setting| resource(scope, tag, Some(setting)));
    cx.tx.put_subject_setting(scope, tag, &word, cx.now).await?;
    if let Some(workspace) = &scope.workspace_id {
        let subject = subject_of(&mut cx.tx, workspace, (Phase::Apply, tag), cx.now).await?;
        warnings.extend(subject_warnings(&subject));
    } else if let Some(template) = word.template.as_ref().filter(|template| template.longest() > 127) {
        warnings.push(format!(
            "with the longest names subjects of this template have {} bytes: gcp takes 127 where a pool maps google.subject to \
             assertion.sub; the template `short` always fits",
            template.longest()
        ));
    }
    let settings = cx.tx.subject_settings(scope).await?;
    let data = resource(scope, tag, own(&settings, scope, tag));
    record_resources(&mut cx.tx, before.as_ref(), Some(&data));
    cx.tx.commit().await?;
    with_warnings(StatusCode::OK, data, warnings)
}

async fn deleted(mut cx: Context, scope: &SubjectScopes, tag: Option<&str>) -> Reply {
    let settings = cx.tx.subject_settings(scope).await?;
    if !cx.tx.delete_subject_setting(scope, tag).await? {
        return Err(ApiError::NotFound);
    }
    record_resources(&mut cx.tx, Some(&resource(scope, tag, own(&settings, scope, tag))), None);
    cx.tx.commit().await?;
    no_content()
}

/// What was written, with warnings about claims that are never there.
fn word(scope: &SubjectScopes, input: &Input) -> Result<(SubjectWord, Vec<String>), ApiError> {
    let template = input.template.as_deref().map(str::parse::<SubjectTemplate>).transpose();
    let template =
        template.map_err(|error: TemplateError| ApiError::attribute("template", error.to_string()))?;
    if let Some(template) = &template {
        check_sharing(scope.part(), template, input.shared)?;
    }
    let parsed = |claims: &Vec<String>| {
        let mut found =
            claims.iter().map(|claim| claim.parse()).collect::<Result<Vec<OptInClaim>, String>>()?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    };
    let claims = input.claims.as_ref().map(parsed).transpose();
    let claims = claims.map_err(|error: String| ApiError::attribute("claims", error))?;
    let unknown = claims.iter().flatten().filter(|claim| !claim.is_known());
    let mut warnings: Vec<String> = unknown
        .map(|claim| {
            format!(
                "{} is in no token: this server has no connections to version control, and nothing is invented",
                claim.as_str()
            )
        })
        .collect();
    if claims
        .iter()
        .flatten()
        .any(|claim| matches!(claim, OptInClaim::AwsSessionTags | OptInClaim::AwsWorkspaceTags))
    {
        warnings.push(
            "AWS refuses tokens with session tags unless the trust policy of the role allows sts:TagSession beside \
             sts:AssumeRoleWithWebIdentity"
                .to_owned(),
        );
    }
    Ok((SubjectWord { template, claims }, warnings))
}

/// A subject that several workspaces or phases share is for those to allow who answer for all of them.
pub(super) fn check_sharing(
    scope: SubjectPart,
    template: &SubjectTemplate,
    is_allowed: bool,
) -> Result<(), ApiError> {
    let shared = template.shared_by();
    if shared.is_empty() {
        return Ok(());
    }
    let reasons: Vec<&str> = shared.iter().map(|sharing| sharing.explain()).collect();
    let reasons = reasons.join("; ");
    if scope == SubjectPart::Workspace {
        return Err(ApiError::attribute(
            "template",
            format!("{reasons}; only an organization or a project can allow that"),
        ));
    }
    if scope == SubjectPart::Project && !template.stays_in_project() {
        return Err(ApiError::attribute(
            "template",
            "workspaces of other projects could have this subject: name the project ({project.name@id}), or have the organization allow it",
        ));
    }
    if !is_allowed {
        return Err(ApiError::attribute(
            "template",
            format!("{reasons}; if that is meant, set shared to true"),
        ));
    }
    Ok(())
}

fn resource(scope: &SubjectScopes, tag: Option<&str>, setting: Option<&SubjectSetting>) -> Resource {
    let template = setting.and_then(|setting| setting.template.as_ref());
    let shared_by = template.map(SubjectTemplate::shared_by).unwrap_or_default();
    let claims = setting.and_then(|setting| setting.claims.as_ref());
    let id = tag.map_or_else(|| scope.id().to_owned(), |tag| format!("{}:{tag}", scope.id()));
    let attributes = json!({
        "scope": scope.part().as_str(),
        "tag": tag,
        "template": template.map(SubjectTemplate::as_str),
        "claims": claims.map(|claims| claims.iter().map(|claim| claim.as_str()).collect::<Vec<_>>()),
        "shared": !shared_by.is_empty(),
    });
    Resource::new("subject-settings", id, attributes)
}
