//! Organizations.

use carnet_model::{IdentityTokenTtl, OrgId, OrgName, Organization, StaticCredentials, UserId};

use crate::db::{Row, StoreError, Tx, corrupt};

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
        created_at: row.time("created_at")?,
    })
}

impl Tx {
    /// Stores a new organization; a taken name is a conflict.
    pub async fn insert_organization(&mut self, organization: &Organization) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO organizations (id, name, email, default_project_id, identity_token_ttl, \
             tolerates_static_credentials, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                (&organization.id).into(),
                (&organization.name).into(),
                (&organization.email).into(),
                (&organization.default_project_id).into(),
                ttl_seconds(organization.identity_token_ttl).into(),
                tolerates_static_credentials(organization).into(),
                organization.created_at.into(),
            ],
        )
        .await
        .map(drop)
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

    /// The organizations that a user may see, by age; all of them when no user is named.
    pub async fn organizations(&mut self, member: Option<&UserId>) -> Result<Vec<Organization>, StoreError> {
        let rows = match member {
            Some(user) => {
                self.all(
                    "SELECT o.* FROM organizations o JOIN memberships m ON m.organization_id = o.id \
                     WHERE m.user_id = $1 ORDER BY o.created_at, o.id",
                    &[user.into()],
                )
                .await?
            }
            None => self.all("SELECT * FROM organizations ORDER BY created_at, id", &[]).await?,
        };
        rows.iter().map(organization).collect()
    }

    /// Saves everything that its owners decide; a taken name is a conflict.
    pub async fn update_organization(&mut self, organization: &Organization) -> Result<(), StoreError> {
        self.execute(
            "UPDATE organizations SET name = $2, email = $3, identity_token_ttl = $4, \
             tolerates_static_credentials = $5 WHERE id = $1",
            &[
                (&organization.id).into(),
                (&organization.name).into(),
                (&organization.email).into(),
                ttl_seconds(organization.identity_token_ttl).into(),
                tolerates_static_credentials(organization).into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Removes an organization and everything below it.
    pub async fn delete_organization(&mut self, id: &OrgId) -> Result<bool, StoreError> {
        self.execute(
            "DELETE FROM runs WHERE workspace_id IN (SELECT id FROM workspaces WHERE organization_id = $1)",
            &[id.into()],
        )
        .await?;
        self.execute("DELETE FROM workspaces WHERE organization_id = $1", &[id.into()]).await?;
        Ok(self.execute("DELETE FROM organizations WHERE id = $1", &[id.into()]).await? > 0)
    }
}
