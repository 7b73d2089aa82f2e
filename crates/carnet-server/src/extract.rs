//! What handlers take: the caller with a transaction, path parameters, query parameters.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use carnet_api::jsonapi::Page;
use carnet_model::{
    ApiToken, OrgId, OrgName, Organization, Permission, Place, Project, ProjectId, Standing, Timestamp,
    TokenId, TokenKind, TokenOwner, UserId, Workspace, WorkspaceId, is_allowed,
};
use carnet_store::{Grantee, StoreError, TokenHash, Tx};
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::app::App;
use crate::audit;
use crate::error::ApiError;
use crate::rate_limit::note_proof;

/// The caller, a transaction and the moment of the request.
#[derive(Debug)]
pub(crate) struct Context {
    /// The server.
    pub app: Arc<App>,
    /// Whom the token stands for.
    pub owner: TokenOwner,
    /// The transaction.
    pub tx: Tx,
    /// The moment of the request.
    pub now: Timestamp,
    /// What the caller may do in the organization that was asked about last.
    standing: Option<(OrgId, Standing)>,
}

impl Context {
    pub(crate) fn new(app: Arc<App>, owner: TokenOwner, tx: Tx, now: Timestamp) -> Self {
        Self { app, owner, tx, now, standing: None }
    }

    /// The user who calls: for tokens of teams and organizations a service user; run and agent tokens stand for none.
    pub(crate) fn user_id(&self) -> Option<&UserId> {
        match &self.owner {
            TokenOwner::User { user_id, .. }
            | TokenOwner::Team { user_id, .. }
            | TokenOwner::Organization { user_id, .. } => Some(user_id),
            TokenOwner::AuditTrail { .. } | TokenOwner::Agent { .. } | TokenOwner::Run { .. } => None,
        }
    }

    /// Whose grants count for the caller; `None` for tokens that have none.
    pub(crate) fn grantee(&self) -> Option<Grantee> {
        match &self.owner {
            TokenOwner::User { user_id, .. } => Some(Grantee::User(user_id.clone())),
            TokenOwner::Team { team_id, .. } => Some(Grantee::Team(team_id.clone())),
            TokenOwner::Organization { .. }
            | TokenOwner::AuditTrail { .. }
            | TokenOwner::Agent { .. }
            | TokenOwner::Run { .. } => None,
        }
    }

    /// The user who calls, or the refusal for a caller that is none.
    pub(crate) fn require_user(&self) -> Result<UserId, ApiError> {
        self.user_id().cloned().ok_or(ApiError::NotFound)
    }

    /// The person who calls, or the refusal for a token that stands for none.
    pub(crate) fn require_person(&self) -> Result<UserId, ApiError> {
        match &self.owner {
            TokenOwner::User { user_id, .. } => Ok(user_id.clone()),
            _ => Err(ApiError::NotFound),
        }
    }

    /// Whether the caller administers the site.
    pub(crate) fn is_site_admin(&self) -> bool {
        matches!(self.owner, TokenOwner::User { is_site_admin: true, .. })
    }

    /// What the caller may do in the organization as such.
    pub(crate) async fn standing(&mut self, organization: &OrgId) -> Result<Standing, ApiError> {
        if let Some((known, standing)) = &self.standing
            && known == organization
        {
            return Ok(*standing);
        }
        let standing = match self.grantee() {
            Some(grantee) => self.tx.standing(organization, &grantee).await?,
            None => Standing::default(),
        };
        // HCP Terraform answers 401 here, and clients rely on it; who does not belong to the organization learns nothing.
        if standing.is_member
            && matches!(self.owner, TokenOwner::User { .. })
            && !self.tx.allows_user_tokens(organization).await?
        {
            return Err(ApiError::Unauthorized);
        }
        self.standing = Some((organization.clone(), standing));
        self.tx.audit_in(organization);
        Ok(standing)
    }

    /// Tells whether the caller may do this in the organization, or on a workspace of it.
    pub(crate) async fn may(
        &mut self,
        permission: Permission,
        organization: &OrgId,
        workspace: Option<&WorkspaceId>,
    ) -> Result<bool, ApiError> {
        Ok(self.workspace_rights(organization, workspace).await?.may(permission))
    }

    /// What the caller may do in the organization, or on a workspace of it, asked once for many permissions.
    pub(crate) async fn workspace_rights(
        &mut self,
        organization: &OrgId,
        workspace: Option<&WorkspaceId>,
    ) -> Result<Rights, ApiError> {
        let mut standing = self.standing(organization).await?;
        if let Some(workspace) = workspace {
            self.add_grants_on_workspace(&mut standing, workspace).await?;
            if let TokenOwner::Run { workspace_id, .. } = &self.owner {
                standing.shares_state = self.tx.shares_state(workspace, workspace_id).await?;
            }
        }
        let place = self.place(organization, workspace).await?;
        Ok(Rights { owner: self.owner.clone(), standing, place })
    }

    /// Tells whether the caller may do this on a project of the organization.
    pub(crate) async fn may_on_project(
        &mut self,
        permission: Permission,
        organization: &OrgId,
        project: &ProjectId,
    ) -> Result<bool, ApiError> {
        let mut standing = self.standing(organization).await?;
        self.add_grants_on_project(&mut standing, project).await?;
        let place = self.place(organization, None).await?;
        Ok(is_allowed(&self.owner, &standing, place, permission))
    }

    /// What the caller may do in the organization, or on a project of it, asked once for many permissions.
    pub(crate) async fn rights(
        &mut self,
        organization: &OrgId,
        project: Option<&ProjectId>,
    ) -> Result<Rights, ApiError> {
        let mut standing = self.standing(organization).await?;
        if let Some(project) = project {
            self.add_grants_on_project(&mut standing, project).await?;
        }
        let place = self.place(organization, None).await?;
        Ok(Rights { owner: self.owner.clone(), standing, place })
    }

    async fn add_grants_on_project(
        &mut self,
        standing: &mut Standing,
        project: &ProjectId,
    ) -> Result<(), ApiError> {
        if standing.is_owner || !standing.is_member {
            return Ok(());
        }
        if let Some(grantee) = self.grantee() {
            standing.project = self.tx.granted_on_project(project, &grantee).await?;
        }
        Ok(())
    }

    async fn add_grants_on_workspace(
        &mut self,
        standing: &mut Standing,
        workspace: &WorkspaceId,
    ) -> Result<(), ApiError> {
        if standing.is_owner || !standing.is_member {
            return Ok(());
        }
        if let Some(project) = self.tx.project_of_workspace(workspace).await? {
            self.add_grants_on_project(standing, &project).await?;
        }
        if let Some(grantee) = self.grantee() {
            standing.workspace = self.tx.granted_on_workspace(workspace, &grantee).await?;
        }
        Ok(())
    }

    async fn place(
        &mut self,
        organization: &OrgId,
        workspace: Option<&WorkspaceId>,
    ) -> Result<Place, ApiError> {
        match &self.owner {
            TokenOwner::Team { organization_id, .. }
            | TokenOwner::Organization { organization_id, .. }
            | TokenOwner::AuditTrail { organization_id, .. } => {
                Ok(Place { is_own_organization: organization_id == organization, is_own_workspace: false })
            }
            TokenOwner::Run { workspace_id, .. } => {
                let own = self.tx.workspace(workspace_id).await?;
                Ok(Place {
                    is_own_organization: own.is_some_and(|own| own.organization_id == *organization),
                    is_own_workspace: workspace == Some(workspace_id),
                })
            }
            TokenOwner::User { .. } | TokenOwner::Agent { .. } => Ok(Place::default()),
        }
    }

    /// The organization of this name, if the caller may do this with it.
    pub(crate) async fn organization(
        &mut self,
        name: &OrgName,
        permission: Permission,
    ) -> Result<Organization, ApiError> {
        let organization = self.tx.organization(name).await?.ok_or(ApiError::NotFound)?;
        if !self.may(permission, &organization.id, None).await? {
            let is_visible = self.may(Permission::ReadOrganization, &organization.id, None).await?;
            return Err(self.refusal(is_visible, permission));
        }
        Ok(organization)
    }

    /// The project of this id, if the caller may do this with it.
    pub(crate) async fn project(
        &mut self,
        id: &ProjectId,
        permission: Permission,
    ) -> Result<Project, ApiError> {
        let project = self.tx.project(id).await?.ok_or(ApiError::NotFound)?;
        if !self.may_on_project(permission, &project.organization_id, id).await? {
            let is_visible =
                self.may_on_project(Permission::ReadProject, &project.organization_id, id).await?;
            return Err(self.refusal(is_visible, permission));
        }
        Ok(project)
    }

    /// The workspace of this id, if the caller may do this with it.
    pub(crate) async fn workspace(
        &mut self,
        id: &WorkspaceId,
        permission: Permission,
    ) -> Result<Workspace, ApiError> {
        let workspace = self.tx.workspace(id).await?.ok_or(ApiError::NotFound)?;
        if !self.may(permission, &workspace.organization_id, Some(id)).await? {
            let is_visible =
                self.may(Permission::ReadWorkspace, &workspace.organization_id, Some(id)).await?;
            return Err(self.refusal(is_visible, permission));
        }
        Ok(workspace)
    }

    /// What is told to a caller who may not do this: people and teams learn why when they may see the thing at all; to
    /// everybody else nothing is there, as HCP Terraform has it.
    fn refusal(&self, is_visible: bool, permission: Permission) -> ApiError {
        match &self.owner {
            TokenOwner::User { .. } | TokenOwner::Team { .. } if is_visible => ApiError::Forbidden(format!(
                "this token may not {}; an owner of the organization can grant it to one of your teams",
                permission.describe()
            )),
            _ => ApiError::NotFound,
        }
    }
}

/// What a caller may do at one place.
#[derive(Debug)]
pub(crate) struct Rights {
    owner: TokenOwner,
    standing: Standing,
    place: Place,
}

impl Rights {
    /// Tells whether the caller may do this there.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        is_allowed(&self.owner, &self.standing, self.place, permission)
    }
}

/// The bearer token of a request.
pub(crate) fn bearer(parts: &Parts) -> Result<SecretString, ApiError> {
    bearer_of(&parts.headers)
}

/// The bearer token among the headers of a request.
pub(crate) fn bearer_of(headers: &HeaderMap) -> Result<SecretString, ApiError> {
    let value = headers.get(header::AUTHORIZATION).ok_or(ApiError::Unauthorized)?;
    let text = value.to_str().map_err(|_| ApiError::Unauthorized)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(SecretString::from(token.trim()))
        }
        _ => Err(ApiError::Unauthorized),
    }
}

/// How much later than its last use a token is that only reads may be.
const USE_PERIOD: SignedDuration = SignedDuration::from_mins(1);

/// Whom a token stands for, and its name when its last use is to be noted.
struct Caller {
    owner: TokenOwner,
    unnoted: Option<TokenId>,
}

async fn authenticate(tx: &mut Tx, parts: &Parts, now: Timestamp) -> Result<Caller, ApiError> {
    let hash = TokenHash::of(&bearer(parts)?);
    if let Some(token) = tx.token_by_hash(&hash, now).await? {
        let is_noted = token.last_used_at.is_some_and(|last| now.duration_since(last) < USE_PERIOD);
        let unnoted = (!is_noted).then(|| token.id.clone());
        return Ok(Caller { owner: token_owner(tx, token).await?, unnoted });
    }
    let job = tx.job_by_run_hash(&hash).await?.ok_or(ApiError::Unauthorized)?;
    let owner = TokenOwner::Run { job_id: job.id, run_id: job.run_id, workspace_id: job.workspace_id };
    Ok(Caller { owner, unnoted: None })
}

/// Notes in the background that a token was used: who only reads does not wait for the writer.
fn note_use(app: &Arc<App>, token: TokenId, now: Timestamp) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        if let Err(error) = store_use(&app, &token, now).await {
            tracing::debug!(%error, "the last use of a token could not be noted");
        }
    });
}

async fn store_use(app: &App, token: &TokenId, now: Timestamp) -> Result<(), StoreError> {
    let mut tx = app.store.write().await?;
    tx.touch_token(token, now).await?;
    tx.commit().await
}

async fn token_owner(tx: &mut Tx, token: ApiToken) -> Result<TokenOwner, ApiError> {
    let ApiToken { id: token_id, kind, user_id, team_id, organization_id, agent_pool_id, .. } = token;
    match (kind, user_id, team_id, organization_id) {
        (TokenKind::User, Some(user_id), ..) => {
            let user = tx.user(&user_id).await?.ok_or(ApiError::Unauthorized)?;
            Ok(TokenOwner::User { token_id, user_id, is_site_admin: user.is_site_admin })
        }
        (TokenKind::Team, Some(user_id), Some(team_id), Some(organization_id)) => {
            Ok(TokenOwner::Team { token_id, user_id, team_id, organization_id })
        }
        (TokenKind::Organization, Some(user_id), _, Some(organization_id)) => {
            Ok(TokenOwner::Organization { token_id, user_id, organization_id })
        }
        (TokenKind::AuditTrail, _, _, Some(organization_id)) => {
            Ok(TokenOwner::AuditTrail { token_id, organization_id })
        }
        (TokenKind::Agent, None, ..) => Ok(TokenOwner::Agent { token_id, agent_pool_id }),
        _ => Err(ApiError::Unauthorized),
    }
}

/// A request that only reads.
#[derive(Debug)]
pub(crate) struct Read(pub Context);

/// A request that writes. Nothing is saved without [`Write::commit`].
#[derive(Debug)]
pub(crate) struct Write(pub Context);

impl Write {
    /// Begins to write for a caller who was authenticated before.
    pub(crate) async fn begin(app: Arc<App>, owner: TokenOwner) -> Result<Self, ApiError> {
        let mut tx = app.store.write().await?;
        let now = app.now();
        if let Some(event) = audit::event_of_request(&owner, now)? {
            tx.audit_as(event);
        }
        if let TokenOwner::User { token_id, .. }
        | TokenOwner::Team { token_id, .. }
        | TokenOwner::Organization { token_id, .. }
        | TokenOwner::AuditTrail { token_id, .. }
        | TokenOwner::Agent { token_id, .. } = &owner
        {
            tx.touch_token(token_id, now).await?;
        }
        Ok(Self(Context::new(app, owner, tx, now)))
    }

    /// Saves everything that was done.
    pub(crate) async fn commit(self) -> Result<Arc<App>, ApiError> {
        self.0.tx.commit().await?;
        Ok(self.0.app)
    }
}

impl FromRequestParts<Arc<App>> for Read {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let now = app.now();
        let mut tx = app.store.read().await?;
        let caller = authenticate(&mut tx, parts, now).await?;
        note_proof(parts);
        if let Some(token) = caller.unnoted {
            note_use(app, token, now);
        }
        Ok(Self(Context::new(Arc::clone(app), caller.owner, tx, now)))
    }
}

impl FromRequestParts<Arc<App>> for Write {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        // A wrong token must not make others wait for the write lock.
        let caller = authenticate(&mut app.store.read().await?, parts, app.now()).await?;
        note_proof(parts);
        Self::begin(Arc::clone(app), caller.owner).await
    }
}

/// Path parameters, in the order of the path; a text that cannot be one names nothing.
#[derive(Debug)]
pub(crate) struct Id<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let values = path_values(parts, state).await?;
        parse_nth(&values, 0).map(Self)
    }
}

/// Two path parameters.
#[derive(Debug)]
pub(crate) struct Ids<A, B>(pub A, pub B);

impl<S: Send + Sync, A: FromStr, B: FromStr> FromRequestParts<S> for Ids<A, B> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let values = path_values(parts, state).await?;
        Ok(Self(parse_nth(&values, 0)?, parse_nth(&values, 1)?))
    }
}

async fn path_values<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<Vec<String>, ApiError> {
    let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| ApiError::NotFound)?;
    let values: Vec<String> = params.iter().map(|(_, value)| value.to_owned()).collect();
    if values.iter().any(|value| value.contains('\0')) {
        return Err(ApiError::NotFound);
    }
    Ok(values)
}

fn parse_nth<T: FromStr>(values: &[String], place: usize) -> Result<T, ApiError> {
    values.get(place).and_then(|value| value.parse().ok()).ok_or(ApiError::NotFound)
}

/// The query parameters, decoded; of a repeated one the last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// The value of a parameter that is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The values of a comma list.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let values = self.get(name).unwrap_or_default().split(',');
        values.map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    /// The tags of `filter[tagged][0][key]` and its like, each with its value if one is asked for.
    pub(crate) fn tagged(&self) -> Vec<(String, Option<String>)> {
        let part = |index: usize, name: &str| self.get(&format!("filter[tagged][{index}][{name}]"));
        let tags = (0..10).filter_map(|index| Some((part(index, "key")?, part(index, "value"))));
        tags.map(|(key, value)| (key.to_owned(), value.map(str::to_owned))).collect()
    }

    /// What `include` asks for; clients write dashes and underscores alike.
    pub(crate) fn include(&self) -> BTreeSet<String> {
        self.list("include").into_iter().map(|name| name.replace('-', "_")).collect()
    }

    /// The wanted page.
    pub(crate) fn page(&self) -> Result<Page, ApiError> {
        let number = |name: &str, default: u64| match self.get(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| ApiError::BadRequest(format!("{name} must be a whole number from 1"))),
        };
        Ok(Page { number: number("page[number]", 1)?, size: number("page[size]", 20)?.min(100) })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let axum::extract::Query(pairs) =
            axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
                .map_err(|error| ApiError::BadRequest(error.to_string()))?;
        if pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(ApiError::BadRequest("a parameter must not hold a NUL character".to_owned()));
        }
        Ok(Self(pairs.into_iter().collect()))
    }
}
