//! Reserved tag keys.

use carnet_model::{OrgId, ReservedTagKey, ReservedTagKeyId};

use crate::db::{Row, StoreError, Tx};

fn reserved_tag_key(row: &Row) -> Result<ReservedTagKey, StoreError> {
    Ok(ReservedTagKey {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        key: row.parsed("key")?,
        disable_overrides: row.boolean("disable_overrides")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

impl Tx {
    /// Stores a reserved key; a taken one is a conflict.
    pub async fn insert_reserved_tag_key(&mut self, key: &ReservedTagKey) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO reserved_tag_keys (id, organization_id, key, disable_overrides, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                (&key.id).into(),
                (&key.organization_id).into(),
                key.key.as_str().into(),
                key.disable_overrides.into(),
                key.created_at.into(),
                key.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Saves a reserved key; a taken one is a conflict.
    pub async fn update_reserved_tag_key(&mut self, key: &ReservedTagKey) -> Result<(), StoreError> {
        self.execute(
            "UPDATE reserved_tag_keys SET key = $2, disable_overrides = $3, updated_at = $4 WHERE id = $1",
            &[(&key.id).into(), key.key.as_str().into(), key.disable_overrides.into(), key.updated_at.into()],
        )
        .await
        .map(drop)
    }

    /// Lets go of a reserved key.
    pub async fn delete_reserved_tag_key(&mut self, id: &ReservedTagKeyId) -> Result<(), StoreError> {
        self.execute("DELETE FROM reserved_tag_keys WHERE id = $1", &[id.into()]).await.map(drop)
    }

    /// The reserved key of this id.
    pub async fn reserved_tag_key(
        &mut self,
        id: &ReservedTagKeyId,
    ) -> Result<Option<ReservedTagKey>, StoreError> {
        let row = self.optional("SELECT * FROM reserved_tag_keys WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(reserved_tag_key).transpose()
    }

    /// A page of the reserved keys of an organization, the oldest first, and how many there are.
    pub async fn reserved_tag_keys(
        &mut self,
        organization: &OrgId,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ReservedTagKey>, u64), StoreError> {
        let rows = self
            .all(
                "SELECT * FROM reserved_tag_keys WHERE organization_id = $1 ORDER BY created_at, id LIMIT $3 OFFSET $2",
                &[organization.into(), offset.into(), limit.into()],
            )
            .await?;
        let sql = "SELECT COUNT(*) AS total FROM reserved_tag_keys WHERE organization_id = $1";
        let total = self.total(sql, &[organization.into()]).await?;
        Ok((rows.iter().map(reserved_tag_key).collect::<Result<_, _>>()?, total))
    }
}
