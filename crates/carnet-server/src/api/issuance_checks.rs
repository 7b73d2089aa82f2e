//! Which workspaces an issuance policy would refuse something to, asked before it is saved.

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_api::jsonapi::Resource;
use carnet_creds::AdapterDefinition;
use carnet_model::{IssuancePolicy, OrgName, Organization, Permission, PolicyLevel, ProjectId, Workspace};
use carnet_store::WorkspaceFilter;
use serde_json::{Value, json};

use super::issuance_policies::check_known_families;
use crate::adapters::not_replaced;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read};
use crate::issuance::document;
use crate::issuance::grants::adapters;
use crate::issuance::preview::{Forecast, Preview, Verdict};
use crate::reply::{Reply, list};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    Routes::default()
        .post(
            "/api/carnet/v1/organizations/{organization}/issuance-policy/actions/check",
            Access::Allowed(Permission::ManageOrganization),
            check,
        )
        .post(
            "/api/carnet/v1/projects/{project}/issuance-policy/actions/check",
            Access::Allowed(Permission::UpdateProject),
            check_of_project,
        )
}

async fn check(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params, doc: Doc<Value>) -> Reply {
    let organization = cx.organization(&name, Permission::ManageOrganization).await?;
    let wanted = document::requested(&doc.attributes)?;
    let path = format!("/api/carnet/v1/organizations/{name}/issuance-policy/actions/check");
    let check =
        Check { organization, level: PolicyLevel::Organization, wanted, filter: WorkspaceFilter::default() };
    check.page(cx, &path, &params).await
}

async fn check_of_project(
    Read(mut cx): Read,
    Id(id): Id<ProjectId>,
    params: Params,
    doc: Doc<Value>,
) -> Reply {
    let project = cx.project(&id, Permission::UpdateProject).await?;
    let missing = || ApiError::internal("the organization of a project is not there");
    let organization = cx.tx.organization_by_id(&project.organization_id).await?.ok_or_else(missing)?;
    let wanted = document::requested(&doc.attributes)?;
    let path = format!("/api/carnet/v1/projects/{id}/issuance-policy/actions/check");
    let filter = WorkspaceFilter { project_id: Some(id), ..WorkspaceFilter::default() };
    Check { organization, level: PolicyLevel::Project, wanted, filter }.page(cx, &path, &params).await
}

/// A policy in place of the one that is there.
struct Check {
    organization: Organization,
    level: PolicyLevel,
    wanted: IssuancePolicy,
    filter: WorkspaceFilter,
}

impl Check {
    /// The pages are those of the workspaces; one of them has as many entries as its workspaces have tokens.
    async fn page(self, mut cx: Context, path: &str, params: &Params) -> Reply {
        let page = params.page()?;
        check_known_families(&mut cx, &self.organization.id, &self.wanted).await?;
        let id = &self.organization.id;
        let (workspaces, total) = cx.tx.workspace_page(id, &self.filter, (page.offset(), page.size)).await?;
        let adapters = self.adapters(&mut cx).await?;
        let mut others: BTreeMap<ProjectId, Option<IssuancePolicy>> = BTreeMap::new();
        let app = Arc::clone(&cx.app);
        let preview =
            Preview { organization: &self.organization, settings: &app.settings, adapters: &adapters };
        let mut data = Vec::new();
        for workspace in &workspaces {
            // Who may not see the variables of a workspace does not learn what they lead to.
            if !cx.may(Permission::ReadVariables, id, Some(&workspace.id)).await? {
                continue;
            }
            if !others.contains_key(&workspace.project_id) {
                let other = self.other(&mut cx, &workspace.project_id).await?;
                others.insert(workspace.project_id.clone(), other);
            }
            let other = others.get(&workspace.project_id).and_then(Option::as_ref);
            let policies = self.in_force(other);
            let found = preview.of_workspace(&mut cx.tx, workspace, &policies).await?;
            data.extend(
                found.iter().enumerate().map(|(place, forecast)| resource(workspace, place, forecast)),
            );
        }
        list(path, data, Vec::new(), page.of(total))
    }

    /// The policy that holds beside the one that is asked about.
    async fn other(&self, cx: &mut Context, project: &ProjectId) -> Result<Option<IssuancePolicy>, ApiError> {
        let stored = match self.level {
            PolicyLevel::Organization => cx.tx.issuance_policy_of_project(project).await?,
            PolicyLevel::Project => cx.tx.issuance_policy_of_organization(&self.organization.id).await?,
        };
        stored.map(|stored| document::stored(&stored.document)).transpose()
    }

    fn in_force<'a>(&'a self, other: Option<&'a IssuancePolicy>) -> Vec<(PolicyLevel, &'a IssuancePolicy)> {
        let wanted = (self.level, &self.wanted);
        match self.level {
            PolicyLevel::Organization => {
                [wanted].into_iter().chain(other.map(|other| (PolicyLevel::Project, other))).collect()
            }
            PolicyLevel::Project => {
                other.map(|other| (PolicyLevel::Organization, other)).into_iter().chain([wanted]).collect()
            }
        }
    }

    async fn adapters(&self, cx: &mut Context) -> Result<Vec<Arc<AdapterDefinition>>, ApiError> {
        let of_organization = cx.tx.adapters(&self.organization.id).await?;
        let of_server = not_replaced(&cx.app.settings.adapters, &of_organization);
        let mut documents: Vec<String> = of_server.map(|adapter| adapter.document.clone()).collect();
        documents.extend(of_organization.into_iter().map(|adapter| adapter.definition));
        Ok(adapters(&documents))
    }
}

fn resource(workspace: &Workspace, place: usize, forecast: &Forecast) -> Resource {
    let grant = forecast.grant.as_ref();
    let (verdict, depends_on, statements, cause, fix) = match &forecast.verdict {
        Verdict::Allowed(statements) => ("allowed", Vec::new(), statements.clone(), None, Vec::new()),
        Verdict::Depends(on, statements) => ("depends", on.clone(), statements.clone(), None, Vec::new()),
        Verdict::Refused(cause, fix) => ("refused", Vec::new(), Vec::new(), Some(cause.clone()), fix.clone()),
        Verdict::Incomplete(problems) => {
            ("incomplete", Vec::new(), Vec::new(), Some(problems.join("\n")), Vec::new())
        }
    };
    let attributes = json!({
        "workspace-name": workspace.name.as_str(),
        "project-name": workspace.project_name.as_str(),
        "phase": forecast.phase.as_str(),
        "family": grant.map(|grant| &grant.family),
        "tag": grant.and_then(|grant| grant.tag.as_ref()),
        "audience": grant.map(|grant| &grant.audience),
        "role": grant.and_then(|grant| grant.role.as_ref()),
        "verdict": verdict,
        "depends-on": depends_on,
        "statements": statements,
        "cause": cause,
        "fix": fix,
    });
    Resource::new("issuance-checks", format!("{}-{place}", workspace.id), attributes).to_one(
        "workspace",
        "workspaces",
        Some(&workspace.id),
    )
}
