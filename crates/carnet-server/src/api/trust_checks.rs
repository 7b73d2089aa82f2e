//! Whether a relying party takes the token that a workspace would present.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use carnet_api::jsonapi::Resource;
use carnet_creds::{ResolveContext, resolve};
use carnet_model::{
    Permission, Phase, RunId, VariableCategory, WorkloadIdentity, Workspace, WorkspaceId, merge_variables,
};
use carnet_trust::check::{Claims, Family, Judgement, Question, Trust, judge};
use carnet_trust::scan::unreadable_beside;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::document::Doc;
use crate::effective_variables::{candidate, stored_variables};
use crate::error::ApiError;
use crate::extract::{Context, Id, Read};
use crate::oidc::issuer_of;
use crate::reply::{Reply, ok};
use crate::route::{Access, Routes};
use crate::subjects::subject_of;

pub(crate) fn routes() -> Routes {
    // The audience comes from variables.
    Routes::default().post(
        "/api/carnet/v1/workspaces/{workspace}/trust-check",
        Access::Allowed(Permission::ReadVariables),
        of_workspace,
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Input {
    family: Option<String>,
    policy: Option<Value>,
    beside: Option<Value>,
    role: Option<String>,
    phase: Option<String>,
    tag: Option<String>,
    audience: Option<String>,
    claims: Option<Map<String, Value>>,
}

/// Stands for a value that nobody may read.
const SENSITIVE: &str = "sensitive";
/// The life of a token that is only spoken of, in seconds.
const LIFE: i64 = 600;
/// How many policies are judged at a time: each keeps a processor busy.
static JUDGES: Semaphore = Semaphore::const_new(2);
/// How long a request waits for others, and how long for its own judgement.
const PATIENCE: Duration = Duration::from_secs(10);

async fn of_workspace(Read(mut cx): Read, Id(id): Id<WorkspaceId>, doc: Doc<Input>) -> Reply {
    let workspace = cx.workspace(&id, Permission::ReadVariables).await?;
    let attributes = judged(cx, &workspace, doc.attributes).await?;
    ok(Resource::new("trust-checks", id.as_str(), attributes).to_one("workspace", "workspaces", Some(&id)))
}

/// What a relying party would say to a workspace whose variables the caller may read: for programs, and as `text`.
///
/// The transaction ends before anything is judged.
pub(crate) async fn judged(
    mut cx: Context,
    workspace: &Workspace,
    mut input: Input,
) -> Result<Value, ApiError> {
    let policy = document("policy", input.policy.take())?
        .ok_or_else(|| ApiError::attribute("policy", "Policy can't be blank"))?;
    let beside = document("beside", input.beside.take())?;
    let family = match input.family.as_deref() {
        None | Some("auto") => Family::of(&policy)
            .ok_or_else(|| ApiError::attribute("family", "the policy does not tell the family: name it"))?,
        Some(name) => name.parse().map_err(|error| ApiError::attribute("family", format!("{error}")))?,
    };
    if let Some(other) = Family::of(&policy).filter(|other| *other != family) {
        return Err(ApiError::attribute("policy", format!("is one of {other}, and not of {family}")));
    }
    if let Some(says) = beside.as_ref().and_then(|beside| unreadable_beside(family, beside)) {
        return Err(ApiError::attribute("beside", format!("is something else: {says}")));
    }
    let claims = match input.claims.take() {
        Some(claims) => Claims::new(claims),
        None => presented(&mut cx, workspace, family, &input).await?,
    };
    let question =
        Question { claims, trust: Trust { policy, beside, role: input.role }, now: Some(cx.now.as_second()) };
    drop(cx);
    let (judgement, question) = judged_apart(family, question).await?;
    let mut attributes = judgement.to_json(family);
    attributes["presented"] = Value::Object(question.claims.as_map().clone());
    attributes["text"] = json!(judgement.lines(family, &question).join("\n"));
    Ok(attributes)
}

/// Judges where no other request waits for it: policies are written by whoever asks.
async fn judged_apart(family: Family, question: Question) -> Result<(Judgement, Question), ApiError> {
    apart(&JUDGES, PATIENCE, move || (judge(family, &question), question)).await
}

/// Does work in one of a few places. It keeps its place until it ends, also when nobody waits for it any more.
async fn apart<T: Send + 'static>(
    places: &'static Semaphore,
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let Ok(free) = timeout(patience, places.acquire()).await else {
        return Err(ApiError::Unavailable("other policies are judged for a long time".into()));
    };
    let place = free.map_err(ApiError::internal)?;
    let work = spawn_blocking(move || {
        let done = work();
        drop(place);
        done
    });
    match timeout(patience, work).await {
        Ok(done) => done.map_err(ApiError::internal),
        Err(_) => {
            let seconds = patience.as_secs();
            let says = format!(
                "was not judged within {seconds} seconds: shorten it, or judge it with `carnet trust check`"
            );
            Err(ApiError::attribute("policy", says))
        }
    }
}

/// A document, also where it was pasted as text.
fn document(name: &str, value: Option<Value>) -> Result<Option<Value>, ApiError> {
    match value {
        Some(Value::String(text)) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| ApiError::attribute(name, format!("is not JSON: line {}", error.line()))),
        other => Ok(other),
    }
}

/// The claims of the token that the workspace would present in a phase; the run is not known.
async fn presented(
    cx: &mut Context,
    workspace: &Workspace,
    family: Family,
    input: &Input,
) -> Result<Claims, ApiError> {
    let phase = match input.phase.as_deref() {
        None | Some("plan") => Phase::Plan,
        Some("apply") => Phase::Apply,
        Some(_) => return Err(ApiError::attribute("phase", "is plan or apply")),
    };
    let run_id: RunId = "run-AAAAAAAAAAAAAAAA".parse().map_err(|_| ApiError::internal("no id of a run"))?;
    let identity = WorkloadIdentity {
        organization_id: workspace.organization_id.clone(),
        organization_name: workspace.organization_name.clone(),
        project_id: workspace.project_id.clone(),
        project_name: workspace.project_name.clone(),
        workspace_id: workspace.id.clone(),
        workspace_name: workspace.name.clone(),
        run_id,
        phase,
    };
    let audience = match &input.audience {
        Some(audience) => audience.clone(),
        None => audience(cx, workspace, family, input.tag.as_deref(), &identity).await?,
    };
    let issuer = issuer_of(&cx.app, &mut cx.tx, &workspace.organization_id).await?;
    let place = (phase, input.tag.as_deref());
    let subject = subject_of(&mut cx.tx, &workspace.id, place, cx.now).await?;
    let now = cx.now.as_second();
    let claims = json!({
        "iss": issuer.as_str(), "aud": audience, "sub": subject,
        "iat": now, "nbf": now - 30, "exp": now + LIFE,
        "terraform_organization_id": identity.organization_id.as_str(),
        "terraform_organization_name": identity.organization_name.as_str(),
        "terraform_project_id": identity.project_id.as_str(),
        "terraform_project_name": identity.project_name.as_str(),
        "terraform_workspace_id": identity.workspace_id.as_str(),
        "terraform_workspace_name": identity.workspace_name.as_str(),
        "terraform_full_workspace": identity.full_workspace(),
        "terraform_run_phase": phase.as_str(),
    });
    match claims {
        Value::Object(claims) => Ok(Claims::new(claims).signed_with(Some("RS256".to_owned()))),
        _ => Err(ApiError::internal("claims are an object")),
    }
}

/// The audience that the variables of the workspace lead to. The value of a sensitive one is not looked at.
async fn audience(
    cx: &mut Context,
    workspace: &Workspace,
    family: Family,
    tag: Option<&str>,
    identity: &WorkloadIdentity,
) -> Result<String, ApiError> {
    let stored = stored_variables(&mut cx.tx, workspace).await?;
    let effective = merge_variables(stored.iter().map(candidate));
    let variables = effective.into_iter().map(|one| one.variable);
    let env: BTreeMap<String, SecretString> = variables
        .filter(|variable| variable.category == VariableCategory::Env)
        .map(|variable| {
            let hidden = || SecretString::from(SENSITIVE);
            (variable.key.clone(), if variable.sensitive { hidden() } else { variable.value.0 })
        })
        .collect();
    let context = ResolveContext {
        phase: identity.phase,
        home: Path::new("/run"),
        run_id: &identity.run_id,
        subject: &identity.subject(),
        terraform_variables: &BTreeSet::new(),
        phase_limit: Duration::from_hours(2),
        identity_token_ttl: Duration::from_mins(10),
        tolerates_static_credentials: true,
        origins: &BTreeMap::new(),
        adapters: &[],
    };
    let unknown = |reason: String| ApiError::attribute("audience", reason);
    let resolution = resolve(&env, &context).map_err(|problems| {
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        unknown(format!(
            "the variables of the workspace lead to no token: {first}; name the audience instead"
        ))
    })?;
    let found = resolution.requests().into_iter().find(|request| {
        request.family.as_str() == family.as_str() && request.tag.as_ref().map(|tag| tag.as_str()) == tag
    });
    match found {
        Some(request) if !request.audience.contains(SENSITIVE) => Ok(request.audience.clone()),
        Some(_) => Err(unknown("the audience stands in a sensitive variable: name it here".to_owned())),
        None => Err(unknown(format!("{family} is not switched on in the workspace: name the audience"))),
    }
}

#[cfg(test)]
mod tests;
