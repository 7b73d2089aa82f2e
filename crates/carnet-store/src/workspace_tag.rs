//! Tags of workspaces: flat tags and key/value bindings share one namespace.

use carnet_model::{OrgId, Tag, TagId, WorkspaceId};

use crate::db::{Row, StoreError, Tx, corrupt};

fn tag(row: &Row) -> Result<Tag, StoreError> {
    Tag::new(&row.text("name")?, &row.text("value")?).map_err(|_| corrupt("name"))
}

impl Tx {
    /// The tags of a workspace, by name.
    pub async fn workspace_tags(&mut self, workspace: &WorkspaceId) -> Result<Vec<(TagId, Tag)>, StoreError> {
        let rows = self
            .all(
                "SELECT t.id, t.name, b.value FROM workspace_tags b JOIN tags t ON t.id = b.tag_id \
                 WHERE b.workspace_id = $1",
                &[workspace.into()],
            )
            .await?;
        let mut tags = rows
            .iter()
            .map(|row| Ok((row.parsed("id")?, tag(row)?)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        tags.sort_by(|left: &(TagId, Tag), right| left.1.cmp(&right.1));
        Ok(tags)
    }

    /// Binds a tag to a workspace, replacing its value; `new_id` is used when the organization has no such tag yet.
    pub async fn bind_tag(
        &mut self,
        organization: &OrgId,
        workspace: &WorkspaceId,
        tag: &Tag,
        new_id: &TagId,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO tags (id, organization_id, name) VALUES ($1, $2, $3) ON CONFLICT (organization_id, name) DO NOTHING",
            &[new_id.into(), organization.into(), (&tag.key).into()],
        )
        .await?;
        self.execute(
            "INSERT INTO workspace_tags (workspace_id, tag_id, value) \
             SELECT $1, id, $4 FROM tags WHERE organization_id = $2 AND name = $3 \
             ON CONFLICT (workspace_id, tag_id) DO UPDATE SET value = $4",
            &[workspace.into(), organization.into(), (&tag.key).into(), (&tag.value).into()],
        )
        .await
        .map(drop)
    }

    /// Takes a tag, given by name or id, from a workspace.
    pub async fn unbind_tag(
        &mut self,
        workspace: &WorkspaceId,
        name_or_id: &str,
    ) -> Result<bool, StoreError> {
        let gone = self
            .execute(
                "DELETE FROM workspace_tags WHERE workspace_id = $1 AND tag_id IN \
                 (SELECT id FROM tags WHERE id = $2 OR name = $2)",
                &[workspace.into(), name_or_id.into()],
            )
            .await?;
        Ok(gone > 0)
    }

    /// Takes all tags from a workspace.
    pub async fn clear_tags(&mut self, workspace: &WorkspaceId) -> Result<(), StoreError> {
        self.execute("DELETE FROM workspace_tags WHERE workspace_id = $1", &[workspace.into()])
            .await
            .map(drop)
    }

    /// The name of a tag of the organization.
    pub async fn tag_name(&mut self, organization: &OrgId, id: &str) -> Result<Option<String>, StoreError> {
        let row = self
            .optional(
                "SELECT name FROM tags WHERE organization_id = $1 AND id = $2",
                &[organization.into(), id.into()],
            )
            .await?;
        row.map(|row| row.text("name")).transpose()
    }
}
