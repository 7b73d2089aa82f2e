//! The subjects of a workspace's tokens, and what a rename, a move or another template would make of them.

use carnet_api::jsonapi::Resource;
use carnet_model::{NameError, OrgName, ProjectName, WorkspaceName};
use carnet_model::{
    Permission, Phase, ProjectId, SubjectPart, SubjectSetting, SubjectTemplate, TemplateError, Timestamp,
    WorkspaceId, subject_warnings,
};
use carnet_store::{FamilyUse, SubjectScopes, Tx};
use serde_json::{Value, json};

use super::subject_graces::kept_names;
use super::subject_settings::check_sharing;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read};
use crate::reply::{Reply, list, ok};
use crate::route::{Access, Routes};
use crate::subjects::Subjects;

/// How far back the ledger is asked who used a subject, and how many tokens are looked at.
const LATELY: (i64, u64) = (30, 1000);

pub(crate) fn routes() -> Routes {
    Routes::default()
        .get(
            "/api/carnet/v1/workspaces/{workspace}/subjects",
            Access::Allowed(Permission::ReadWorkspace),
            show,
        )
        .get(
            "/api/carnet/v1/workspaces/{workspace}/subject-preview",
            Access::Allowed(Permission::ReadRuns),
            of_workspace,
        )
        .get(
            "/api/carnet/v1/projects/{project}/subject-preview",
            Access::Allowed(Permission::UpdateProject),
            of_project,
        )
        .get(
            "/api/carnet/v1/organizations/{organization}/subject-preview",
            Access::Allowed(Permission::ManageOrganization),
            of_organization,
        )
}

async fn show(Read(mut cx): Read, Id(id): Id<WorkspaceId>) -> Reply {
    cx.workspace(&id, Permission::ReadWorkspace).await?;
    let subjects = Subjects::of(&mut cx.tx, &id, cx.now).await?;
    let one = |tag: Option<&str>| {
        let (template, said) = subjects.template(tag);
        json!({
            "tag": tag,
            "template": template.as_str(),
            "said-by": said.map_or("default", |setting| match setting.tag {
                Some(_) => "configuration",
                None => setting.scope.as_str(),
            }),
            "plan": subjects.subject(Phase::Plan, tag),
            "apply": subjects.subject(Phase::Apply, tag),
            "changes-at": subjects.changes_at(tag),
            "later-plan": subjects.later_subject(Phase::Plan, tag),
            "later-apply": subjects.later_subject(Phase::Apply, tag),
            "claims": subjects.claims(tag).iter().map(|claim| claim.as_str()).collect::<Vec<_>>(),
        })
    };
    let tags = subjects.tags();
    let configurations: Vec<Value> =
        std::iter::once(None).chain(tags.iter().map(|tag| Some(tag.as_str()))).map(one).collect();
    let attributes = json!({
        "configurations": configurations,
        "kept": kept_names(subjects.kept()),
        "warnings": subject_warnings(&subjects.subject(Phase::Apply, None)),
    });
    ok(Resource::new("workspace-subjects", &id, attributes))
}

/// What is tried.
#[derive(Debug, Default)]
struct Trial {
    names: Vec<(SubjectPart, String)>,
    project: Option<ProjectId>,
    template: Option<(SubjectPart, SubjectTemplate)>,
}

fn template(params: &Params, part: SubjectPart) -> Result<Option<(SubjectPart, SubjectTemplate)>, ApiError> {
    let found = params.get("template").map(|text| text.parse().map(|template| (part, template)));
    found.transpose().map_err(|error: TemplateError| ApiError::BadRequest(format!("template: {error}")))
}

fn checked<T: std::str::FromStr<Err = NameError>>(name: Option<&str>) -> Result<Option<String>, ApiError> {
    let parsed = name.map(|name| name.parse::<T>().map(|_| name.to_owned())).transpose();
    parsed.map_err(|error| ApiError::BadRequest(error.to_string()))
}

async fn of_workspace(Read(mut cx): Read, Id(id): Id<WorkspaceId>, params: Params) -> Reply {
    let workspace = cx.workspace(&id, Permission::ReadRuns).await?;
    let mut trial = Trial { template: template(&params, SubjectPart::Workspace)?, ..Trial::default() };
    if let Some(name) = checked::<WorkspaceName>(params.get("name"))? {
        trial.names.push((SubjectPart::Workspace, name));
    }
    if let Some(project) = params.get("project") {
        let project = cx.project(&project.parse()?, Permission::ReadProject).await?;
        if project.organization_id != workspace.organization_id {
            return Err(ApiError::BadRequest("a workspace cannot leave its organization".to_owned()));
        }
        trial.project = Some(project.id);
    }
    let data = previewed(&mut cx, &id, &trial).await?;
    ok(data)
}

async fn of_project(Read(mut cx): Read, Id(id): Id<ProjectId>, params: Params) -> Reply {
    let project = cx.project(&id, Permission::UpdateProject).await?;
    let mut trial = Trial { template: template(&params, SubjectPart::Project)?, ..Trial::default() };
    if let Some(name) = checked::<ProjectName>(params.get("name"))? {
        trial.names.push((SubjectPart::Project, name));
    }
    let path = format!("/api/carnet/v1/projects/{id}/subject-preview");
    let scopes = SubjectScopes {
        organization_id: project.organization_id,
        project_id: Some(project.id),
        workspace_id: None,
    };
    page(cx, &path, &scopes, &trial, &params).await
}

async fn of_organization(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ManageOrganization).await?;
    let mut trial = Trial { template: template(&params, SubjectPart::Organization)?, ..Trial::default() };
    if let Some(name) = checked::<OrgName>(params.get("name"))? {
        trial.names.push((SubjectPart::Organization, name));
    }
    let path = format!("/api/carnet/v1/organizations/{name}/subject-preview");
    let scopes = SubjectScopes { organization_id: organization.id, project_id: None, workspace_id: None };
    page(cx, &path, &scopes, &trial, &params).await
}

async fn page(mut cx: Context, path: &str, of: &SubjectScopes, trial: &Trial, params: &Params) -> Reply {
    let page = params.page()?;
    let place = (page.offset(), page.size);
    let (ids, total) = cx.tx.workspaces_below(&of.organization_id, of.project_id.as_ref(), place).await?;
    let mut data = Vec::new();
    for id in &ids {
        data.push(previewed(&mut cx, id, trial).await?);
    }
    list(path, data, Vec::new(), page.of(total))
}

async fn previewed(cx: &mut Context, id: &WorkspaceId, trial: &Trial) -> Result<Resource, ApiError> {
    let before = Subjects::of(&mut cx.tx, id, cx.now).await?;
    let after = tried(&mut cx.tx, &before, trial).await?;
    let change = SubjectChange::between(&mut cx.tx, &before, &after, cx.now).await?;
    let subject = |one: &ChangedSubject| {
        json!({
            "tag": one.tag,
            "phase": one.phase.as_str(),
            "before": one.before,
            "after": one.after,
            "later": one.later,
        })
    };
    let family = |used: &FamilyUse| {
        json!({
            "family": used.family,
            "tag": used.tag,
            "phase": used.phase.as_str(),
            "audience": used.audience,
            "subject": used.subject,
            "last-used-at": used.last_used_at,
        })
    };
    let mut warnings = subject_warnings(&after.later_subject(Phase::Apply, None));
    if let Some((scope, template)) = &trial.template
        && let Err(ApiError::Invalid { detail, .. }) = check_sharing(*scope, template, false)
    {
        warnings.push(format!("this template would not be saved as it is: {detail}"));
    }
    let attributes = json!({
        "workspace-name": before.sources.facts.workspace.name,
        "changes": change.subjects.iter().any(|one| one.before != one.after),
        "kept-until": change.kept_until,
        "subjects": change.subjects.iter().map(subject).collect::<Vec<_>>(),
        "families": change.families.iter().map(family).collect::<Vec<_>>(),
        "warnings": warnings,
    });
    Ok(Resource::new("subject-previews", id, attributes).to_one("workspace", "workspaces", Some(id)))
}

async fn tried(tx: &mut Tx, before: &Subjects, trial: &Trial) -> Result<Subjects, ApiError> {
    let mut after = before.clone();
    if let Some(project) = &trial.project {
        let sources = &mut after.sources;
        sources.scopes.project_id = Some(project.clone());
        let there = SubjectScopes { workspace_id: None, ..sources.scopes.clone() };
        sources.facts.project = tx.part_facts(&there).await?.ok_or(ApiError::NotFound)?;
        sources.settings = tx.subject_settings(&sources.scopes).await?;
        sources.kept = tx.kept_names(&sources.scopes).await?;
    }
    for (part, name) in &trial.names {
        after.sources.facts.part_mut(*part).name.clone_from(name);
    }
    if let Some((scope, template)) = &trial.template {
        let settings = &mut after.sources.settings;
        settings.retain(|setting| setting.scope != *scope || setting.tag.is_some());
        settings.push(SubjectSetting {
            scope: *scope,
            tag: None,
            template: Some(template.clone()),
            claims: None,
        });
    }
    Ok(after)
}

/// A subject that a change replaces, at once or when what is kept ends.
#[derive(Debug)]
pub(super) struct ChangedSubject {
    tag: Option<String>,
    phase: Phase,
    before: String,
    after: String,
    later: String,
}

/// What a change makes of the subjects of a workspace.
#[derive(Debug)]
pub(super) struct SubjectChange {
    subjects: Vec<ChangedSubject>,
    families: Vec<FamilyUse>,
    kept_until: Option<Timestamp>,
}

impl SubjectChange {
    /// Compares what there was with what there is, and asks the ledger who used what there was.
    pub(super) async fn between(
        tx: &mut Tx,
        before: &Subjects,
        after: &Subjects,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let tags = before.tags();
        let mut subjects = Vec::new();
        for tag in std::iter::once(None).chain(tags.iter().map(|tag| Some(tag.as_str()))) {
            for phase in [Phase::Plan, Phase::Apply] {
                let one = ChangedSubject {
                    tag: tag.map(str::to_owned),
                    phase,
                    before: before.subject(phase, tag),
                    after: after.subject(phase, tag),
                    later: after.later_subject(phase, tag),
                };
                if one.before != one.later || one.before != one.after {
                    subjects.push(one);
                }
            }
        }
        let mut families = Vec::new();
        if !subjects.is_empty() {
            let (days, most) = LATELY;
            let since =
                now.checked_sub(jiff::SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MIN);
            let used =
                tx.families_of_workspace(&before.sources.facts.workspace.id.parse()?, since, most).await?;
            families = used
                .into_iter()
                .filter(|used| subjects.iter().any(|one| one.before == used.subject))
                .collect();
        }
        let kept_until = after.changes_at(None);
        Ok(Self { subjects, families, kept_until })
    }

    /// What is said to whoever made the change.
    pub(super) fn warnings(&self) -> Vec<String> {
        let Some(one) = self.subjects.iter().find(|one| one.phase == Phase::Apply) else {
            return Vec::new();
        };
        let mut families: Vec<&str> = self.families.iter().map(|used| used.family.as_str()).collect();
        families.sort_unstable();
        families.dedup();
        let who = match families.is_empty() {
            true => "nothing used it in the last 30 days".to_owned(),
            false => format!("used in the last 30 days by {}", families.join(", ")),
        };
        let text = match self.kept_until {
            Some(until) => format!(
                "identity tokens go on presenting the subject {} until {until} ({who}); from then on it is {}",
                one.before, one.later
            ),
            None => format!(
                "the subject of identity tokens was {} ({who}) and is {} now: whatever trusts the old one refuses runs until it is \
                 changed; to have time for that, undo this and repeat it with keep-subject-days",
                one.before, one.after
            ),
        };
        vec![text]
    }
}
