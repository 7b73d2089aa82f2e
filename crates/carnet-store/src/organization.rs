//! Organizations.

use carnet_model::{
    DefaultExecution, IdentityTokenTtl, OrgId, OrgName, Organization, OrganizationSettings,
    StaticCredentials, UserId, WorkspaceId,
};

use crate::db::{Bind, Row, StoreError, Tx, corrupt};
use crate::search::contains;

/// Whose organizations are listed.
#[derive(Debug, Clone)]
pub enum OrganizationsOf<'a> {
    /// Those that a user belongs to and that tokens of users open.
    Member(&'a UserId),
    /// The one that a token belongs to.
    Token(&'a OrgId),
    /// All.
    Everybody,
}

/// How long identity tokens live, at an organization or a workspace that says it.
pub(crate) fn identity_token_ttl(row: &Row) -> Result<Option<IdentityTokenTtl>, StoreError> {
    let unreadable = || corrupt("identity_token_ttl");
    row.optional_integer("identity_token_ttl")?
        .map(|seconds| {
            let seconds = u64::try_from(seconds).map_err(|_| unreadable())?;
            IdentityTokenTtl::from_seconds(seconds).map_err(|_| unreadable())
        })
        .transpose()
}

/// The column that says how long identity tokens live.
pub(crate) fn ttl_seconds(ttl: Option<IdentityTokenTtl>) -> Option<i64> {
    ttl.map(|ttl| i64::from(ttl.as_seconds()))
}

fn tolerates_static_credentials(organization: &Organization) -> bool {
    organization.static_credentials == StaticCredentials::Warn
}

fn settings(row: &Row) -> Result<OrganizationSettings, StoreError> {
    Ok(OrganizationSettings {
        default_execution: DefaultExecution::new(
            &row.text("default_execution_mode")?,
            row.optional_parsed("default_agent_pool_id")?,
        )
        .map_err(|_| corrupt("default_execution_mode"))?,
        session_timeout: optional_count(row, "session_timeout")?,
        session_remember: optional_count(row, "session_remember")?,
        owners_team_saml_role_id: row.optional_text("owners_team_saml_role_id")?,
        send_passing_statuses: row.boolean("send_passing_statuses")?,
        aggregated_commit_status: row.boolean("aggregated_commit_status")?,
        speculative_plan_management: row.boolean("speculative_plan_management")?,
        allow_force_delete_workspaces: row.boolean("allow_force_delete_workspaces")?,
        credential_variables_need_admin: row.boolean("credential_variables_need_admin")?,
        user_tokens_enabled: row.boolean("user_tokens_enabled")?,
        max_ttl_enabled: row.boolean("max_ttl_enabled")?,
        registry_monorepo_support: row.boolean("registry_monorepo_support")?,
        cost_estimation_enabled: row.boolean("cost_estimation_enabled")?,
        assessments_enforced: row.boolean("assessments_enforced")?,
        stacks_enabled: row.boolean("stacks_enabled")?,
    })
}

fn optional_count(row: &Row, column: &str) -> Result<Option<u32>, StoreError> {
    row.optional_integer(column)?.map(|number| u32::try_from(number).map_err(|_| corrupt(column))).transpose()
}

fn organization(row: &Row) -> Result<Organization, StoreError> {
    Ok(Organization {
        id: row.parsed("id")?,
        name: row.parsed("name")?,
        email: row.text("email")?,
        default_project_id: row.parsed("default_project_id")?,
        identity_token_ttl: identity_token_ttl(row)?,
        static_credentials: match row.boolean("tolerates_static_credentials")? {
            true => StaticCredentials::Warn,
            false => StaticCredentials::Refuse,
        },
        settings: settings(row)?,
        created_at: row.time("created_at")?,
    })
}

macro_rules! filtered {
    ($select:literal, $tail:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM organizations o WHERE (CAST($1 AS TEXT) IS NULL OR (o.user_tokens_enabled = TRUE AND o.id IN ",
            "(SELECT m.organization_id FROM memberships m WHERE m.user_id = $1 AND m.status = 'active'))) ",
            "AND (CAST($2 AS TEXT) IS NULL OR o.id = $2) ",
            "AND (CAST($3 AS TEXT) IS NULL OR lower(o.name) LIKE $3 ESCAPE '\\' OR lower(o.email) LIKE $3 ESCAPE '\\')",
            $tail
        )
    };
}

impl Tx {
    /// Stores a new organization; a taken name is a conflict.
    pub async fn insert_organization(&mut self, organization: &Organization) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO organizations (id, name, email, default_project_id, tolerates_static_credentials, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                (&organization.id).into(),
                (&organization.name).into(),
                (&organization.email).into(),
                (&organization.default_project_id).into(),
                tolerates_static_credentials(organization).into(),
                organization.created_at.into(),
            ],
        )
        .await?;
        self.update_organization(organization).await
    }

    /// The organization of this name.
    pub async fn organization(&mut self, name: &OrgName) -> Result<Option<Organization>, StoreError> {
        let row = self.optional("SELECT * FROM organizations WHERE name = $1", &[name.into()]).await?;
        row.as_ref().map(organization).transpose()
    }

    /// The organization of this id.
    pub async fn organization_by_id(&mut self, id: &OrgId) -> Result<Option<Organization>, StoreError> {
        let row = self.optional("SELECT * FROM organizations WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(organization).transpose()
    }

    /// A page of organizations, the oldest first, and how many there are; `text` is part of a name or an address.
    pub async fn organizations(
        &mut self,
        of: OrganizationsOf<'_>,
        text: Option<&str>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Organization>, u64), StoreError> {
        let (member, own) = match of {
            OrganizationsOf::Member(user) => (Some(user), None),
            OrganizationsOf::Token(organization) => (None, Some(organization)),
            OrganizationsOf::Everybody => (None, None),
        };
        let binds: Vec<Bind> = vec![member.into(), own.into(), text.map(contains).into()];
        let mut page = binds.clone();
        page.extend([offset.into(), limit.into()]);
        let rows =
            self.all(filtered!("o.*", " ORDER BY o.created_at, o.id LIMIT $5 OFFSET $4"), &page).await?;
        let total = self.total(filtered!("COUNT(*) AS total", ""), &binds).await?;
        Ok((rows.iter().map(organization).collect::<Result<_, _>>()?, total))
    }

    /// Tells whether tokens of users open an organization.
    pub async fn allows_user_tokens(&mut self, id: &OrgId) -> Result<bool, StoreError> {
        let sql = "SELECT user_tokens_enabled FROM organizations WHERE id = $1";
        let row = self.optional(sql, &[id.into()]).await?;
        row.map_or(Ok(true), |row| row.boolean("user_tokens_enabled"))
    }

    /// Saves everything that its owners decide; a taken name is a conflict.
    pub async fn update_organization(&mut self, organization: &Organization) -> Result<(), StoreError> {
        let settings = &organization.settings;
        self.execute(
            "UPDATE organizations SET first_name = CASE WHEN name = $2 THEN first_name ELSE COALESCE(first_name, name) END, \
             name = $2, email = $3, identity_token_ttl = $4, \
             tolerates_static_credentials = $5, default_execution_mode = $6, default_agent_pool_id = $7, \
             session_timeout = $8, session_remember = $9, owners_team_saml_role_id = $10, \
             send_passing_statuses = $11, aggregated_commit_status = $12, speculative_plan_management = $13, \
             allow_force_delete_workspaces = $14, user_tokens_enabled = $15, max_ttl_enabled = $16, \
             registry_monorepo_support = $17, cost_estimation_enabled = $18, assessments_enforced = $19, \
             stacks_enabled = $20, credential_variables_need_admin = $21 WHERE id = $1",
            &[
                (&organization.id).into(),
                (&organization.name).into(),
                (&organization.email).into(),
                ttl_seconds(organization.identity_token_ttl).into(),
                tolerates_static_credentials(organization).into(),
                settings.default_execution.mode().into(),
                settings.default_execution.agent_pool().into(),
                settings.session_timeout.map(i64::from).into(),
                settings.session_remember.map(i64::from).into(),
                settings.owners_team_saml_role_id.clone().into(),
                settings.send_passing_statuses.into(),
                settings.aggregated_commit_status.into(),
                settings.speculative_plan_management.into(),
                settings.allow_force_delete_workspaces.into(),
                settings.user_tokens_enabled.into(),
                settings.max_ttl_enabled.into(),
                settings.registry_monorepo_support.into(),
                settings.cost_estimation_enabled.into(),
                settings.assessments_enforced.into(),
                settings.stacks_enabled.into(),
                settings.credential_variables_need_admin.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The ids of all workspaces of an organization.
    pub async fn workspace_ids(&mut self, id: &OrgId) -> Result<Vec<WorkspaceId>, StoreError> {
        let rows = self.all("SELECT id FROM workspaces WHERE organization_id = $1", &[id.into()]).await?;
        rows.iter().map(|row| row.parsed("id")).collect()
    }

    /// Removes an organization and everything below it. The ledger of identity tokens stays: what was signed was signed.
    pub async fn delete_organization(&mut self, id: &OrgId) -> Result<bool, StoreError> {
        for sql in [
            "DELETE FROM runs WHERE workspace_id IN (SELECT id FROM workspaces WHERE organization_id = $1)",
            "DELETE FROM run_counts WHERE scope IN (SELECT id FROM workspaces WHERE organization_id = $1)",
            "DELETE FROM run_counts WHERE scope = $1",
            "DELETE FROM workspaces WHERE organization_id = $1",
            "DELETE FROM users WHERE service_of = $1",
            "DELETE FROM users WHERE service_of IN (SELECT id FROM teams WHERE organization_id = $1)",
        ] {
            self.execute(sql, &[id.into()]).await?;
        }
        Ok(self.execute("DELETE FROM organizations WHERE id = $1", &[id.into()]).await? > 0)
    }
}
