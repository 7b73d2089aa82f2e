//! What is read together with a workspace.

use std::collections::BTreeSet;

use carnet_api::jsonapi::Resource;
use carnet_model::{LockOwner, Organization, Permission, Phase, Run, RunId, VariableOwner, Workspace};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::api::{
    account, agent_pools, configuration_versions, organization_document, plans, project_document,
    run_document, state_version_document, team_document, teams, variable_document,
};
use crate::error::ApiError;
use crate::extract::{Context, Params, Rights};
use crate::upload::blocking;

/// What `include` may name, with underscores.
pub(crate) const RELATIONS: [&str; 13] = [
    "organization",
    "project",
    "current_run",
    "latest_run",
    "current_state_version",
    "current_configuration_version",
    "locked_by",
    "outputs",
    "readme",
    "effective_tag_bindings",
    "tag_bindings",
    "vars",
    "agent_pool",
];

/// What a request asks for beside workspaces.
#[derive(Debug)]
pub(in crate::api) struct Wanted(BTreeSet<String>);

impl Wanted {
    /// Reads `include`; a relation that workspaces do not have is refused.
    pub(in crate::api) fn new(params: &Params) -> Result<Self, ApiError> {
        let wanted = params.include();
        let is_known = |path: &String| RELATIONS.contains(&path.split('.').next().unwrap_or_default());
        if !wanted.iter().all(is_known) {
            return Err(ApiError::BadRequest("Invalid include parameter".to_owned()));
        }
        Ok(Self(wanted))
    }

    fn has(&self, relation: &str) -> bool {
        // A path into a relation asks for the relation itself, too.
        self.0.iter().any(|path| path.split('.').next() == Some(relation))
    }

    fn has_path(&self, relation: &str, name: &str) -> bool {
        let prefix = format!("{relation}.{name}");
        self.0.iter().any(|path| *path == prefix || path.starts_with(&format!("{prefix}.")))
    }

    fn asks_for_nothing(&self) -> bool {
        self.0.is_empty()
    }
}

/// The related resources that a request asks for and that the caller may see. Relations that are only filled when they are
/// asked for are added to the document of the workspace.
pub(in crate::api) async fn included(
    cx: &mut Context,
    workspace: &Workspace,
    organization: &Organization,
    wanted: &Wanted,
    document: &mut Resource,
) -> Result<Vec<Resource>, ApiError> {
    if wanted.asks_for_nothing() {
        return Ok(Vec::new());
    }
    let rights = cx.workspace_rights(&workspace.organization_id, Some(&workspace.id)).await?;
    let mut found = surroundings(cx, workspace, organization, wanted).await?;
    if rights.may(Permission::ReadRuns) {
        found.extend(runs(cx, workspace, wanted).await?);
        if wanted.has("readme") {
            found.extend(readme(cx, workspace, document).await?);
        }
    }
    found.extend(state(cx, workspace, wanted, &rights, document).await?);
    if wanted.has("locked_by") {
        found.extend(holder(cx, workspace, &rights).await?);
    }
    if wanted.has("effective_tag_bindings") || wanted.has("tag_bindings") {
        found.extend(tags(cx, workspace, wanted, document).await?);
    }
    if wanted.has("vars") && rights.may(Permission::ReadVariables) {
        let variables = cx.tx.variables(&VariableOwner::Workspace(workspace.id.clone())).await?;
        relate(document, "vars", "vars", variables.iter().map(|variable| variable.id.as_str()));
        found.extend(variables.iter().map(variable_document::resource));
    }
    Ok(found)
}

fn relate<'a>(document: &mut Resource, name: &str, kind: &str, ids: impl Iterator<Item = &'a str>) {
    let data: Vec<Value> = ids.map(|id| json!({ "id": id, "type": kind })).collect();
    document.relationships.insert(name.to_owned(), json!({ "data": data }));
}

async fn surroundings(
    cx: &mut Context,
    workspace: &Workspace,
    organization: &Organization,
    wanted: &Wanted,
) -> Result<Vec<Resource>, ApiError> {
    let mut found = Vec::new();
    let reads = cx.may(Permission::ReadOrganization, &organization.id, None).await?;
    if wanted.has("organization") && reads {
        found.push(organization_document::document(cx, organization).await?);
    }
    if wanted.has("project")
        && cx.may_on_project(Permission::ReadProject, &organization.id, &workspace.project_id).await?
        && let Some(project) = cx.tx.project(&workspace.project_id).await?
    {
        found.push(project_document::document(cx, &project, organization).await?);
    }
    if wanted.has("agent_pool")
        && reads
        && let Some(id) = &workspace.agent_pool_id
        && let Some(pool) = cx.tx.agent_pool(id).await?
    {
        found.push(agent_pools::resource(cx, organization, &pool).await?);
    }
    Ok(found)
}

async fn runs(cx: &mut Context, workspace: &Workspace, wanted: &Wanted) -> Result<Vec<Resource>, ApiError> {
    let mut found = Vec::new();
    let id: Option<&RunId> = workspace.current_run_id.as_ref();
    if (wanted.has("current_run") || wanted.has("latest_run"))
        && let Some(id) = id
        && let Some(run) = cx.tx.run(id).await?
    {
        found.push(run_document::document(cx, &run).await?);
        found.extend(parts_of_run(cx, &run, wanted).await?);
    }
    if wanted.has("current_configuration_version")
        && let Some(id) = &workspace.current_configuration_version_id
        && let Some(version) = cx.tx.configuration_version(id).await?
    {
        found.push(configuration_versions::resource(&version, None));
    }
    Ok(found)
}

/// The text that describes the current configuration, for those who may see what runs of it do.
async fn readme(
    cx: &Context,
    workspace: &Workspace,
    document: &mut Resource,
) -> Result<Option<Resource>, ApiError> {
    let Some(version) = &workspace.current_configuration_version_id else {
        return Ok(None);
    };
    let (blobs, name) = (cx.app.store.blobs(), configuration_versions::readme_blob(version));
    let Some(bytes) = blocking(move || blobs.get(&name)).await?.map_err(ApiError::internal)? else {
        return Ok(None);
    };
    let attributes = json!({ "raw-markdown": String::from_utf8_lossy(&bytes) });
    let readme = Resource::new("workspace-readme", format!("readme-{}", version.suffix()), attributes);
    let data = json!({ "id": readme.id, "type": readme.kind });
    document.relationships.insert("readme".to_owned(), json!({ "data": data }));
    Ok(Some(readme))
}

async fn parts_of_run(cx: &mut Context, run: &Run, wanted: &Wanted) -> Result<Vec<Resource>, ApiError> {
    let asks = |name: &str| wanted.has_path("current_run", name) || wanted.has_path("latest_run", name);
    let mut found = Vec::new();
    if asks("plan")
        && let Some(phase) = cx.tx.run_phase(&run.id, Phase::Plan).await?
    {
        found.push(plans::resource(cx, run, &phase).await?);
    }
    if asks("configuration_version")
        && let Some(version) = cx.tx.configuration_version(&run.configuration_version_id).await?
    {
        found.push(configuration_versions::resource(&version, None));
    }
    Ok(found)
}

async fn state(
    cx: &mut Context,
    workspace: &Workspace,
    wanted: &Wanted,
    rights: &Rights,
    document: &mut Resource,
) -> Result<Vec<Resource>, ApiError> {
    let mut found = Vec::new();
    let reads_outputs = wanted.has("outputs") && rights.may(Permission::ReadStateOutputs);
    let reads_state = wanted.has("current_state_version") && rights.may(Permission::ReadState);
    if !reads_outputs && !reads_state {
        return Ok(found);
    }
    let Some(version) = cx.tx.current_state_version(&workspace.id).await? else {
        return Ok(found);
    };
    if reads_state {
        let ids = cx.tx.state_output_ids(&version.id).await?;
        found.push(state_version_document::resource(&cx.app, &version, &ids, None));
    }
    if reads_outputs {
        let outputs = cx.tx.state_outputs(&version.id).await?;
        relate(document, "outputs", "workspace-outputs", outputs.iter().map(|output| output.id.as_str()));
        found.extend(outputs.iter().map(|output| {
            let shown = if output.sensitive { "null" } else { output.value.expose_secret() };
            let attributes = json!({
                "name": output.name,
                "sensitive": output.sensitive,
                "output-type": output.value_type,
                "value": serde_json::from_str::<Value>(shown).unwrap_or(Value::Null),
            });
            Resource::new("workspace-outputs", &output.id, attributes)
        }));
    }
    Ok(found)
}

async fn holder(
    cx: &mut Context,
    workspace: &Workspace,
    rights: &Rights,
) -> Result<Option<Resource>, ApiError> {
    match (workspace.lock.as_ref().map(|lock| &lock.owner), &workspace.locked_by_team_id) {
        (Some(LockOwner::User(_)), Some(team)) => {
            // A team that the caller may not see is named by its id only.
            match teams::visible(cx, team).await {
                Ok(team) => team_document::resource(cx, &team).await.map(Some),
                Err(ApiError::NotFound) => Ok(None),
                Err(error) => Err(error),
            }
        }
        (Some(LockOwner::User(user)), None) => account::related(cx, &workspace.organization_id, user).await,
        (Some(LockOwner::Run(run)), _) if rights.may(Permission::ReadRuns) => match cx.tx.run(run).await? {
            Some(run) => run_document::document(cx, &run).await.map(Some),
            None => Ok(None),
        },
        (Some(LockOwner::Run(_)) | None, _) => Ok(None),
    }
}

async fn tags(
    cx: &mut Context,
    workspace: &Workspace,
    wanted: &Wanted,
    document: &mut Resource,
) -> Result<Vec<Resource>, ApiError> {
    let (mut own, mut effective) = (Vec::new(), Vec::new());
    for tag in cx.tx.effective_tags(&workspace.id).await? {
        let id = format!("tb-{}{}", workspace.id.suffix(), tag.tag_id.suffix());
        let attributes = json!({ "key": tag.tag.key, "value": tag.tag.value });
        let resource = Resource::new("effective-tag-bindings", id, attributes);
        match &tag.inherited_from {
            Some(project) => {
                effective.push(resource.link("inherited-from", format!("/api/v2/projects/{project}")));
            }
            None => {
                own.push(Resource { kind: "tag-bindings".to_owned(), ..resource.clone() });
                effective.push(resource);
            }
        }
    }
    let mut found = Vec::new();
    for (name, relation, resources) in [
        ("effective_tag_bindings", "effective-tag-bindings", effective),
        ("tag_bindings", "tag-bindings", own),
    ] {
        if wanted.has(name) {
            relate(document, relation, relation, resources.iter().map(|one| one.id.as_str()));
            found.extend(resources);
        }
    }
    Ok(found)
}
