//! Declarative adapters of organizations.

use carnet_model::{Adapter, OrgId};

use crate::db::{Row, StoreError, Tx};

fn adapter(row: &Row) -> Result<Adapter, StoreError> {
    Ok(Adapter {
        name: row.text("name")?,
        definition: row.text("definition")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

impl Tx {
    /// Stores an adapter, or replaces the document of the one of the same name.
    pub async fn put_adapter(&mut self, organization: &OrgId, adapter: &Adapter) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO adapters (organization_id, name, definition, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organization_id, name) \
             DO UPDATE SET definition = excluded.definition, updated_at = excluded.updated_at",
            &[
                organization.into(),
                (&adapter.name).into(),
                (&adapter.definition).into(),
                adapter.created_at.into(),
                adapter.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The adapters of an organization, by name.
    pub async fn adapters(&mut self, organization: &OrgId) -> Result<Vec<Adapter>, StoreError> {
        let rows =
            self.all("SELECT * FROM adapters WHERE organization_id = $1", &[organization.into()]).await?;
        let mut found: Vec<Adapter> = rows.iter().map(adapter).collect::<Result<_, _>>()?;
        found.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(found)
    }

    /// The adapter of this name.
    pub async fn adapter(&mut self, organization: &OrgId, name: &str) -> Result<Option<Adapter>, StoreError> {
        let row = self
            .optional(
                "SELECT * FROM adapters WHERE organization_id = $1 AND name = $2",
                &[organization.into(), name.into()],
            )
            .await?;
        row.as_ref().map(adapter).transpose()
    }

    /// Removes an adapter; `false` when there is none of this name.
    pub async fn delete_adapter(&mut self, organization: &OrgId, name: &str) -> Result<bool, StoreError> {
        let removed = self
            .execute(
                "DELETE FROM adapters WHERE organization_id = $1 AND name = $2",
                &[organization.into(), name.into()],
            )
            .await?;
        Ok(removed > 0)
    }
}
