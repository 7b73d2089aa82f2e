//! Organizations.

use carnet_model::{OrgId, OrgName, Organization, UserId};

use crate::db::{Row, StoreError, Tx};

fn organization(row: &Row) -> Result<Organization, StoreError> {
    Ok(Organization {
        id: row.parsed("id")?,
        name: row.parsed("name")?,
        email: row.text("email")?,
        default_project_id: row.parsed("default_project_id")?,
        created_at: row.time("created_at")?,
    })
}

impl Tx {
    /// Stores a new organization; a taken name is a conflict.
    pub async fn insert_organization(&mut self, organization: &Organization) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO organizations (id, name, email, default_project_id, created_at) VALUES ($1, $2, $3, $4, $5)",
            &[
                (&organization.id).into(),
                (&organization.name).into(),
                (&organization.email).into(),
                (&organization.default_project_id).into(),
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
                    "SELECT o.* FROM organizations o JOIN members m ON m.organization_id = o.id \
                     WHERE m.user_id = $1 ORDER BY o.created_at, o.id",
                    &[user.into()],
                )
                .await?
            }
            None => self.all("SELECT * FROM organizations ORDER BY created_at, id", &[]).await?,
        };
        rows.iter().map(organization).collect()
    }

    /// Saves name and address; a taken name is a conflict.
    pub async fn update_organization(&mut self, organization: &Organization) -> Result<(), StoreError> {
        self.execute(
            "UPDATE organizations SET name = $2, email = $3 WHERE id = $1",
            &[(&organization.id).into(), (&organization.name).into(), (&organization.email).into()],
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
