//! Who did what: every request that changes something becomes an entry of the audit trail, in the transaction of the change.
//!
//! No handler writes entries. Every request has a name and knows what its route does ([`name_request`]); whoever begins to write
//! for it puts that into the transaction; asking for a permission says which organization is concerned; the commit stores the
//! entry, and without a commit there is none. An entry holds the parts of the path and nothing of a body, so no secret can be in
//! it. Identity tokens, which agents ask for, become entries with their rows of the ledger.

use std::future::Future;

use axum::extract::{FromRequestParts as _, MatchedPath, RawPathParams, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use carnet_issuer::TokenDraft;
use carnet_model::{
    AuditAct, AuditEvent, AuditEventId, IssuerName, Job, OrgId, Timestamp, TokenKind, TokenOwner, UserId,
    Workspace,
};

use crate::app::entropy;
use crate::error::ApiError;
use crate::issuance::RefusedToken;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request, as far as the audit trail tells of it.
#[derive(Debug, Clone)]
struct NamedRequest {
    id: String,
    act: AuditAct,
}

tokio::task_local! {
    /// The request that this task answers.
    static REQUEST: NamedRequest;
}

/// Gives a request its name, which its answer carries, too.
pub(crate) async fn name_request(request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let pattern =
        parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let params = RawPathParams::from_request_parts(&mut parts, &()).await;
    let values: Vec<&str> = params.iter().flat_map(|params| params.iter().map(|(_, value)| value)).collect();
    let act = AuditAct::of(parts.method.as_str(), &pattern, &values);
    let Ok(id) = new_request_id() else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    let name = HeaderValue::from_str(&id);
    let request = Request::from_parts(parts, body);
    let mut response = answering(NamedRequest { id, act }, next.run(request)).await;
    if let Ok(name) = name {
        response.headers_mut().insert(REQUEST_ID, name);
    }
    response
}

async fn answering<T>(request: NamedRequest, answer: impl Future<Output = T>) -> T {
    REQUEST.scope(request, answer).await
}

/// A random UUID (RFC 9562, section 5.4).
fn new_request_id() -> Result<String, ApiError> {
    let mut bytes = entropy()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

/// What the audit trail tells of the request at hand, if it changes something; `None` outside of requests.
pub(crate) fn event_of_request(owner: &TokenOwner, now: Timestamp) -> Result<Option<AuditEvent>, ApiError> {
    let Ok(NamedRequest { id, act }) = REQUEST.try_with(Clone::clone) else {
        return Ok(None);
    };
    let (kind, accessor_id, token_id, organization_id) = match owner {
        TokenOwner::User { token_id, user_id, .. } => (TokenKind::User, Some(user_id), token_id, None),
        TokenOwner::Team { token_id, user_id, organization_id, .. } => {
            (TokenKind::Team, Some(user_id), token_id, Some(organization_id))
        }
        TokenOwner::Organization { token_id, user_id, organization_id } => {
            (TokenKind::Organization, Some(user_id), token_id, Some(organization_id))
        }
        TokenOwner::AuditTrail { token_id, organization_id } => {
            (TokenKind::AuditTrail, None, token_id, Some(organization_id))
        }
        // Agents report what happens to runs; runs only read.
        TokenOwner::Agent { .. } | TokenOwner::Run { .. } => return Ok(None),
    };
    Ok(Some(AuditEvent {
        id: AuditEventId::from_entropy(entropy()?),
        organization_id: organization_id.cloned(),
        request_id: Some(id),
        actor_kind: kind.as_str().to_owned(),
        accessor_id: accessor_id.map(|id| id.as_str().to_owned()),
        token_id: Some(token_id.clone()),
        description: kind.as_str().to_owned(),
        act,
        created_at: now,
    }))
}

/// The entry of the organization that the first user makes on the setup page, where nobody has a token yet.
pub(crate) fn event_of_setup(
    user: &UserId,
    organization: &OrgId,
    now: Timestamp,
) -> Result<AuditEvent, ApiError> {
    Ok(AuditEvent {
        id: AuditEventId::from_entropy(entropy()?),
        organization_id: Some(organization.clone()),
        request_id: REQUEST.try_with(|request| request.id.clone()).ok(),
        actor_kind: "setup".to_owned(),
        accessor_id: Some(user.as_str().to_owned()),
        token_id: None,
        description: "setup".to_owned(),
        act: AuditAct {
            resource_type: "organization".to_owned(),
            resource_id: Some(organization.as_str().to_owned()),
            action: "create".to_owned(),
            creates: false,
        },
        created_at: now,
    })
}

/// The entry of something that happens to a signing key, on request or by its schedule.
pub(crate) fn event_of_key(
    issuer: &IssuerName,
    kid: &str,
    action: &str,
    now: Timestamp,
) -> Result<AuditEvent, ApiError> {
    let organization_id = match issuer {
        IssuerName::Site => None,
        IssuerName::Organization(id) => Some(id.clone()),
    };
    Ok(AuditEvent {
        id: AuditEventId::from_entropy(entropy()?),
        organization_id,
        request_id: REQUEST.try_with(|request| request.id.clone()).ok(),
        actor_kind: "server".to_owned(),
        accessor_id: None,
        token_id: None,
        description: format!("the issuer {issuer}"),
        act: AuditAct {
            resource_type: "signing_key".to_owned(),
            resource_id: Some(kid.to_owned()),
            action: action.to_owned(),
            creates: false,
        },
        created_at: now,
    })
}

/// The entry of an identity token.
pub(crate) fn event_of_token(
    job: &Job,
    workspace: &Workspace,
    (draft, audience): (&TokenDraft, &str),
    now: Timestamp,
) -> Result<AuditEvent, ApiError> {
    let run_id = &job.run_id;
    Ok(AuditEvent {
        id: AuditEventId::from_entropy(entropy()?),
        organization_id: Some(workspace.organization_id.clone()),
        request_id: REQUEST.try_with(|request| request.id.clone()).ok(),
        actor_kind: "job".to_owned(),
        accessor_id: Some(job.id.as_str().to_owned()),
        token_id: None,
        description: format!("{} of {run_id} for {audience}", job.phase.as_str()),
        act: AuditAct {
            resource_type: "identity_token".to_owned(),
            resource_id: Some(draft.jti.to_string()),
            action: "create".to_owned(),
            creates: false,
        },
        created_at: now,
    })
}

/// The entry of an identity token that was asked for and refused.
pub(crate) fn event_of_refused_token(
    job: &Job,
    workspace: &Workspace,
    refused: &RefusedToken,
    now: Timestamp,
) -> Result<AuditEvent, ApiError> {
    let run_id = &job.run_id;
    Ok(AuditEvent {
        id: AuditEventId::from_entropy(entropy()?),
        organization_id: Some(workspace.organization_id.clone()),
        request_id: REQUEST.try_with(|request| request.id.clone()).ok(),
        actor_kind: "job".to_owned(),
        accessor_id: Some(job.id.as_str().to_owned()),
        token_id: None,
        description: format!(
            "{} of {run_id} for {}: {}",
            job.phase.as_str(),
            refused.audience,
            refused.cause
        ),
        act: AuditAct {
            resource_type: "identity_token".to_owned(),
            resource_id: None,
            action: "refuse".to_owned(),
            creates: false,
        },
        created_at: now,
    })
}
