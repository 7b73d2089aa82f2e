//! Whether an identity token may be issued: the variables of the run must lead to it, and the policies must allow it.

pub(crate) mod document;
pub(crate) mod grants;
pub(crate) mod preview;
mod run_facts;
#[cfg(test)]
mod tests;

use std::time::Duration;

use carnet_api::job::{IdentityTokenRequest, JobDocument};
use carnet_model::{
    IssuancePolicy, IssuanceRequest, Job, JobId, PolicyLevel, Run, Timestamp, Workspace, decide_issuance,
};
use carnet_store::{StoredIssuancePolicy, Tx};

use self::grants::{Configured, Grant, adapters, hide};
use self::run_facts::run_facts;
use crate::agents::given_to_job;
use crate::app::App;
use crate::audit;
use crate::error::ApiError;

/// What an agent asks for, for which job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) job: &'a Job,
    pub(crate) run: &'a Run,
    pub(crate) workspace: &'a Workspace,
    pub(crate) wanted: &'a IdentityTokenRequest,
    pub(crate) now: Timestamp,
}

/// That a token may be issued, for how long, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admission {
    /// The audience as it may be shown.
    pub(crate) audience: String,
    /// The role that the variables of the run name, as it may be shown; `None` where the family has none.
    pub(crate) role: Option<String>,
    /// The longest that the token may live.
    pub(crate) longest: Duration,
    /// The statements that allow it, as level and name, the organization's first; nothing where there is no policy.
    pub(crate) statements: Vec<(PolicyLevel, String)>,
}

/// That a token may not be issued, with everything that a record of it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedToken {
    pub(crate) family: String,
    pub(crate) tag: Option<String>,
    pub(crate) audience: String,
    /// The role that the variables of the run name; `None` where they lead to no such token.
    pub(crate) role: Option<String>,
    /// Whose policy refuses; `None` when the variables lead to no such token.
    pub(crate) level: Option<PolicyLevel>,
    /// The statement that comes closest.
    pub(crate) statement: Option<String>,
    /// What stands in the way.
    pub(crate) cause: String,
    /// What leads out, line by line.
    pub(crate) fix: Vec<String>,
}

impl RefusedToken {
    /// The cause on the first line, and what leads out on the others: so an agent takes it apart.
    fn detail(&self) -> String {
        let lines = std::iter::once(&self.cause).chain(&self.fix);
        lines.map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// Lets a request through, or puts its refusal on record and refuses it.
pub(crate) async fn admit(app: &App, mut tx: Tx, asked: Asked<'_>) -> Result<(Tx, Admission), ApiError> {
    match judge(app, &mut tx, asked).await? {
        Ok(admission) => Ok((tx, admission)),
        Err(refused) => {
            tracing::warn!(job.id = %asked.job.id, run.id = %asked.run.id, token.audience = refused.audience,
                cause = refused.cause, "an identity token was refused");
            if is_told(tx.count_refusal(&asked.job.id, "in_audit_trail").await?) {
                let event = audit::event_of_refused_token(asked.job, asked.workspace, &refused, asked.now)?;
                tx.insert_audit_event(&event).await?;
            }
            tx.commit().await?;
            Err(ApiError::Forbidden(refused.detail()))
        }
    }
}

async fn judge(
    app: &App,
    tx: &mut Tx,
    asked: Asked<'_>,
) -> Result<Result<Admission, Box<RefusedToken>>, ApiError> {
    let wanted = asked.wanted;
    let grants = grants_of_job(app, tx, asked).await?;
    let is_meant = |grant: &&Grant| {
        grant.family == wanted.family && grant.tag == wanted.tag && grant.audience == wanted.audience
    };
    let Some(grant) = grants.iter().find(is_meant) else {
        return Ok(Err(Box::new(not_configured(wanted, &grants, asked))));
    };
    let policies = policies(tx, asked.workspace).await?;
    let facts = run_facts(tx, asked.run, asked.job.phase, &policies).await?;
    let request = IssuanceRequest {
        family: &grant.family,
        phase: asked.job.phase,
        audience: &grant.audience,
        role: grant.role.as_deref(),
        project: asked.workspace.project_name.as_str(),
        workspace: asked.workspace.name.as_str(),
        run: Some(&facts),
    };
    let in_force: Vec<_> = policies.iter().map(|(level, policy)| (*level, policy)).collect();
    Ok(match decide_issuance(&in_force, &request) {
        Ok(allowed) => {
            let granted = Duration::from_secs(grant.seconds);
            let longest = allowed.max_life.map_or(granted, |life| granted.min(life));
            Ok(Admission {
                audience: grant.audience_to_show().to_owned(),
                role: grant.role_to_show().map(str::to_owned),
                longest,
                statements: allowed.statements,
            })
        }
        Err(refusal) => Err(Box::new(RefusedToken {
            family: grant.family.clone(),
            tag: grant.tag.clone(),
            audience: grant.audience_to_show().to_owned(),
            role: grant.role_to_show().map(str::to_owned),
            level: Some(refusal.level),
            statement: refusal.closest.as_ref().map(|(name, _)| name.clone()),
            cause: hide(&grants, &refusal.cause()),
            fix: refusal.fix().iter().map(|line| hide(&grants, line)).collect(),
        })),
    })
}

/// The policies that hold in the project of a workspace, the organization's first.
pub(crate) async fn policies(
    tx: &mut Tx,
    workspace: &Workspace,
) -> Result<Vec<(PolicyLevel, IssuancePolicy)>, ApiError> {
    let stored = tx.issuance_policies(&workspace.organization_id, &workspace.project_id).await?;
    let level = |policy: &StoredIssuancePolicy| match policy.project_id {
        None => PolicyLevel::Organization,
        Some(_) => PolicyLevel::Project,
    };
    stored.iter().map(|policy| Ok((level(policy), document::stored(&policy.document)?))).collect()
}

/// What the variables lead to that a job was given, to be kept with the job.
pub(crate) fn grants_of_document(document: &JobDocument, job: &Job) -> Result<String, ApiError> {
    let env = document.variables.iter().filter(|variable| variable.category == "env");
    let limit = document.deadline_at.duration_since(document.claimed_at);
    let configured = Configured {
        phase: job.phase,
        run_id: &job.run_id,
        env: env.map(|variable| (variable.key.clone(), variable.value.0.clone())).collect(),
        adapters: &adapters(&document.adapters),
        phase_limit: limit.try_into().unwrap_or_default(),
        identity_token_ttl: Duration::from_secs(document.credentials.identity_token_ttl_seconds),
    };
    // With problems in the variables there is nothing to ask for: the agent tells them and stops.
    let secrets = document.variables.iter().filter(|one| one.sensitive && one.category == "env");
    let secrets: Vec<_> = secrets.map(|variable| variable.value.0.clone()).collect();
    let grants = configured.grants().unwrap_or_default();
    let grants: Vec<Grant> = grants.into_iter().map(|grant| grant.hiding(&secrets)).collect();
    serde_json::to_string(&grants).map_err(ApiError::internal)
}

async fn grants_of_job(app: &App, tx: &mut Tx, asked: Asked<'_>) -> Result<Vec<Grant>, ApiError> {
    let grants = match tx.token_grants(&asked.job.id).await? {
        Some(grants) => grants,
        // Claimed by a version of the server that kept none: what the variables lead to now has to do.
        None => {
            let given = given_to_job(tx, app, asked.job, asked.now).await?;
            let grants = grants_of_document(&given, asked.job)?;
            tx.set_token_grants(&asked.job.id, Some(grants.clone())).await?;
            grants
        }
    };
    serde_json::from_str(&grants).map_err(ApiError::internal)
}

/// What a job may ask for, as it was found when it was claimed; nothing where nobody has looked.
pub(crate) async fn grants_of(tx: &mut Tx, job: &JobId) -> Result<Vec<Grant>, ApiError> {
    let grants = tx.token_grants(job).await?;
    grants.map_or(Ok(Vec::new()), |grants| serde_json::from_str(&grants).map_err(ApiError::internal))
}

/// How many refusals of one kind are told one by one for each job.
const TOLD_REFUSALS: u64 = 20;

/// Whether a refusal is told: the first ones, and then the hundredth, the thousandth and so on.
pub(crate) fn is_told(count: u64) -> bool {
    count <= TOLD_REFUSALS || count.checked_ilog10().is_some_and(|power| 10_u64.pow(power) == count)
}

fn not_configured(wanted: &IdentityTokenRequest, grants: &[Grant], asked: Asked<'_>) -> RefusedToken {
    let tag = wanted.tag.as_deref().map(|tag| format!(" with the tag {tag}")).unwrap_or_default();
    let phase = asked.job.phase;
    let known: Vec<String> =
        grants.iter().map(|grant| format!("{} for {}", grant.family, grant.audience_to_show())).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let audience = hide(grants, &wanted.audience);
    RefusedToken {
        family: wanted.family.clone(),
        tag: wanted.tag.clone(),
        audience: audience.clone(),
        role: None,
        level: None,
        statement: None,
        cause: format!(
            "the variables that this {phase} was given lead to no token of the family {}{tag} for the audience {}; they lead \
             to: {known}",
            wanted.family, audience
        ),
        fix: vec![
            "start the run again: variables that were changed meanwhile count from the next phase on"
                .to_owned(),
            "or: bring the agent and the server to the same version, if the variables are as they should be"
                .to_owned(),
        ],
    }
}
