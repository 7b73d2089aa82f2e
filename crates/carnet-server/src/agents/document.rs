//! Everything an agent needs to execute one phase.

use carnet_api::job::{CredentialRules, JobDocument, JobIdentity, JobVariable, RunDocument};
use carnet_model::{
    IdentityTokenTtl, Job, Phase, Run, StaticCredentials, Timestamp, WorkloadIdentity, Workspace,
};
use carnet_store::Tx;
use secrecy::SecretString;

use super::claim::JobTokens;
use crate::adapters::not_replaced;
use crate::app::App;
use crate::effective_variables::run_variables;
use crate::error::ApiError;
use crate::oidc::issuer_of;
use crate::subjects::Subjects;

/// Who the run is in this phase.
pub(super) fn workload_identity(workspace: &Workspace, run: &Run, phase: Phase) -> WorkloadIdentity {
    WorkloadIdentity {
        organization_id: workspace.organization_id.clone(),
        organization_name: workspace.organization_name.clone(),
        project_id: workspace.project_id.clone(),
        project_name: workspace.project_name.clone(),
        workspace_id: workspace.id.clone(),
        workspace_name: workspace.name.clone(),
        run_id: run.id.clone(),
        phase,
    }
}

/// The run and the workspace of a job.
pub(crate) async fn run_of(tx: &mut Tx, job: &Job) -> Result<(Run, Workspace), ApiError> {
    let missing = || ApiError::internal("the run of a job is not there");
    let run = tx.run(&job.run_id).await?.ok_or_else(missing)?;
    let workspace = tx.workspace(&job.workspace_id).await?.ok_or_else(missing)?;
    Ok((run, workspace))
}

pub(super) async fn job_document(
    tx: &mut Tx,
    app: &App,
    job: &Job,
    tokens: JobTokens,
    now: Timestamp,
) -> Result<JobDocument, ApiError> {
    let (run, workspace) = run_of(tx, job).await?;
    let variables = variables(tx, &run, &workspace).await?;
    let identity = workload_identity(&workspace, &run, job.phase);
    let subjects = Subjects::of(tx, &workspace.id, now).await?;
    Ok(JobDocument {
        job_id: job.id.as_str().to_owned(),
        phase: job.phase.as_str().to_owned(),
        control_token: tokens.control.into(),
        delivery_token: tokens.delivery.into(),
        run_token: tokens.run.into(),
        server_url: app.settings.url.clone(),
        identity: JobIdentity { subject: subjects.subject(job.phase, None), ..job_identity(&identity) },
        run: run_document(&run, &workspace),
        variables,
        deadline_at: job.deadline_at.ok_or_else(|| ApiError::internal("a claimed job has no deadline"))?,
        issuer_url: issuer_of(app, tx, &workspace.organization_id).await?.as_str().to_owned(),
        credentials: credential_rules(tx, &workspace).await?,
        adapters: adapters(tx, app, &workspace).await?,
        notices: subjects.remark(job.phase).into_iter().collect(),
        claimed_at: now,
    })
}

/// What a job was given, without its tokens, as it would be given now.
pub(crate) async fn given_to_job(
    tx: &mut Tx,
    app: &App,
    job: &Job,
    now: Timestamp,
) -> Result<JobDocument, ApiError> {
    job_document(tx, app, job, JobTokens::default(), now).await
}

async fn credential_rules(tx: &mut Tx, workspace: &Workspace) -> Result<CredentialRules, ApiError> {
    let missing = || ApiError::internal("the organization of a job is not there");
    let organization = tx.organization_by_id(&workspace.organization_id).await?.ok_or_else(missing)?;
    let ttl = IdentityTokenTtl::that_applies(workspace.identity_token_ttl, organization.identity_token_ttl);
    Ok(CredentialRules {
        identity_token_ttl_seconds: ttl.as_seconds().into(),
        tolerates_static_credentials: organization.static_credentials == StaticCredentials::Warn,
    })
}

/// What the organization has stands behind what the server has, and instead of what has the same name.
async fn adapters(tx: &mut Tx, app: &App, workspace: &Workspace) -> Result<Vec<String>, ApiError> {
    let of_organization = tx.adapters(&workspace.organization_id).await?;
    let of_server = not_replaced(&app.settings.adapters, &of_organization);
    let mut documents: Vec<String> = of_server.map(|adapter| adapter.document.clone()).collect();
    documents.extend(of_organization.into_iter().map(|adapter| adapter.definition));
    Ok(documents)
}

fn job_identity(identity: &WorkloadIdentity) -> JobIdentity {
    JobIdentity {
        organization_id: identity.organization_id.to_string(),
        organization_name: identity.organization_name.to_string(),
        project_id: identity.project_id.to_string(),
        project_name: identity.project_name.to_string(),
        workspace_id: identity.workspace_id.to_string(),
        workspace_name: identity.workspace_name.to_string(),
        run_id: identity.run_id.to_string(),
        subject: identity.subject(),
    }
}

fn run_document(run: &Run, workspace: &Workspace) -> RunDocument {
    let options = &run.options;
    RunDocument {
        terraform_version: run.terraform_version.clone(),
        working_directory: workspace.working_directory.clone(),
        structured_output: run.structured_output,
        plan_only: options.plan_only,
        is_destroy: options.is_destroy,
        refresh: options.refresh,
        refresh_only: options.refresh_only,
        allow_config_generation: options.allow_config_generation,
        target_addrs: options.target_addrs.clone(),
        replace_addrs: options.replace_addrs.clone(),
    }
}

async fn variables(tx: &mut Tx, run: &Run, workspace: &Workspace) -> Result<Vec<JobVariable>, ApiError> {
    let effective = run_variables(tx, run, workspace).await?;
    let mut variables: Vec<JobVariable> = effective
        .into_iter()
        .map(|effective| effective.variable)
        .map(|variable| JobVariable {
            key: variable.key,
            value: variable.value.0.into(),
            category: variable.category.as_str().to_owned(),
            hcl: variable.hcl,
            sensitive: variable.sensitive,
            origin: variable.source.to_string(),
        })
        .collect();
    let has_log_level = variables.iter().any(|one| one.category == "env" && one.key == "TF_LOG");
    if run.options.debugging_mode && !has_log_level {
        variables.push(JobVariable {
            key: "TF_LOG".to_owned(),
            value: SecretString::from("TRACE").into(),
            category: "env".to_owned(),
            hcl: false,
            sensitive: false,
            origin: "the debugging mode of the run".to_owned(),
        });
    }
    Ok(variables)
}
