//! Tags of projects, which their workspaces inherit.

use carnet_model::{ProjectId, Tag, TagId};

use crate::db::{StoreError, Tx};
use crate::workspace_tag::{NewTag, tags};

impl Tx {
    /// The tags of a project, by name.
    pub async fn project_tags(&mut self, project: &ProjectId) -> Result<Vec<(TagId, Tag)>, StoreError> {
        let rows = self
            .all(
                "SELECT t.id, t.name, b.value FROM project_tags b JOIN tags t ON t.id = b.tag_id \
                 WHERE b.project_id = $1 ORDER BY t.name, t.id",
                &[project.into()],
            )
            .await?;
        tags(&rows)
    }

    /// Binds a tag to a project, replacing its value.
    pub async fn bind_project_tag(&mut self, project: &ProjectId, new: NewTag<'_>) -> Result<(), StoreError> {
        self.ensure_tag(new).await?;
        self.execute(
            "INSERT INTO project_tags (project_id, tag_id, value) \
             SELECT $1, id, $4 FROM tags WHERE organization_id = $2 AND name = $3 \
             ON CONFLICT (project_id, tag_id) DO UPDATE SET value = $4",
            &[project.into(), new.organization_id.into(), (&new.tag.key).into(), (&new.tag.value).into()],
        )
        .await
        .map(drop)
    }

    /// Takes all tags from a project.
    pub async fn clear_project_tags(&mut self, project: &ProjectId) -> Result<(), StoreError> {
        self.execute("DELETE FROM project_tags WHERE project_id = $1", &[project.into()]).await.map(drop)
    }
}
