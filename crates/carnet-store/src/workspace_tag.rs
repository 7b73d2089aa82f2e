//! Tags of organizations and workspaces: flat tags and key/value bindings share one namespace.

use carnet_model::{EffectiveTag, OrgId, OrganizationTag, Tag, TagId, Timestamp, WorkspaceId};

use crate::db::{Bind, Row, StoreError, Tx, corrupt};
use crate::granted::{id_of, is_granted};
use crate::search::contains;
use crate::standing::Grantee;

pub(crate) fn tag(row: &Row) -> Result<Tag, StoreError> {
    Tag::new(&row.text("name")?, &row.text("value")?).map_err(|_| corrupt("name"))
}

pub(crate) fn tags(rows: &[Row]) -> Result<Vec<(TagId, Tag)>, StoreError> {
    rows.iter().map(|row| Ok((row.parsed("id")?, tag(row)?))).collect()
}

fn organization_tag(row: &Row) -> Result<OrganizationTag, StoreError> {
    Ok(OrganizationTag {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        name: row.text("name")?,
        instance_count: row.count("instance_count")?,
        created_at: row.time("created_at")?,
    })
}

/// A tag on the way into the database.
#[derive(Debug, Clone, Copy)]
pub struct NewTag<'a> {
    /// The organization.
    pub organization_id: &'a OrgId,
    /// Key and value.
    pub tag: &'a Tag,
    /// The id that is used when the organization has no such tag yet.
    pub new_id: &'a TagId,
    /// The moment.
    pub now: Timestamp,
}

/// Which tags of an organization are wanted.
#[derive(Debug, Clone, Default)]
pub struct TagFilter {
    /// Part of the name, whatever its letter case.
    pub text: Option<String>,
    /// Not on the workspace or the project of this id.
    pub not_on: Option<String>,
}

macro_rules! instance_count {
    () => {
        "(SELECT COUNT(*) FROM workspace_tags b WHERE b.tag_id = t.id) + \
         (SELECT COUNT(*) FROM project_tags b WHERE b.tag_id = t.id) AS instance_count"
    };
}

/// The same among what `$6` may see.
macro_rules! seen_count {
    () => {
        concat!(
            "(SELECT COUNT(*) FROM workspace_tags b JOIN workspaces w ON w.id = b.workspace_id WHERE b.tag_id = t.id AND ",
            is_granted!("w", "$6", ""),
            ") + (SELECT COUNT(*) FROM project_tags b WHERE b.tag_id = t.id AND ($6 = '' OR EXISTS (SELECT 1 FROM team_projects g ",
            "WHERE g.project_id = b.project_id AND (g.team_id = $6 ",
            "OR g.team_id IN (SELECT m.team_id FROM team_members m WHERE m.user_id = $6))))) AS instance_count"
        )
    };
}

macro_rules! filtered {
    ($select:expr, $tail:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM tags t WHERE t.organization_id = $1 ",
            "AND (CAST($2 AS TEXT) IS NULL OR lower(t.name) LIKE $2 ESCAPE '\\') ",
            "AND (CAST($3 AS TEXT) IS NULL OR NOT (EXISTS (SELECT 1 FROM workspace_tags b ",
            "WHERE b.workspace_id = $3 AND b.tag_id = t.id) OR EXISTS (SELECT 1 FROM project_tags b ",
            "WHERE b.project_id = $3 AND b.tag_id = t.id)))",
            $tail
        )
    };
}

macro_rules! tags_of_workspace {
    ($select:expr, $tail:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM workspace_tags o JOIN tags t ON t.id = o.tag_id WHERE o.workspace_id = $1 ",
            "AND (CAST($2 AS TEXT) IS NULL OR lower(t.name) LIKE $2 ESCAPE '\\')",
            $tail
        )
    };
}

impl Tx {
    /// A page of the tags of an organization by name, and how many there are.
    pub async fn organization_tags(
        &mut self,
        organization: &OrgId,
        filter: &TagFilter,
        grantee: Option<&Grantee>,
        (offset, limit): (u64, u64),
    ) -> Result<(Vec<OrganizationTag>, u64), StoreError> {
        let binds: Vec<Bind> = vec![
            organization.into(),
            filter.text.as_deref().map(contains).into(),
            filter.not_on.clone().into(),
        ];
        let mut page = binds.clone();
        page.extend([offset.into(), limit.into(), id_of(grantee).into()]);
        let sql = filtered!(concat!("t.*, ", seen_count!()), " ORDER BY t.name, t.id LIMIT $5 OFFSET $4");
        let rows = self.all(sql, &page).await?;
        let total = self.total(filtered!("COUNT(*) AS total", ""), &binds).await?;
        Ok((rows.iter().map(organization_tag).collect::<Result<_, _>>()?, total))
    }

    /// The tag of this id.
    pub async fn organization_tag(&mut self, id: &TagId) -> Result<Option<OrganizationTag>, StoreError> {
        let sql = concat!("SELECT t.*, ", instance_count!(), " FROM tags t WHERE t.id = $1");
        let row = self.optional(sql, &[id.into()]).await?;
        row.as_ref().map(organization_tag).transpose()
    }

    /// Removes a tag from everything and from the organization; `false` when the organization has none of this id.
    pub async fn delete_tag(&mut self, organization: &OrgId, id: &TagId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM tags WHERE organization_id = $1 AND id = $2";
        Ok(self.execute(sql, &[organization.into(), id.into()]).await? > 0)
    }

    /// A page of the tags of a workspace with their counts, by name, and how many there are; `text` is part of a name.
    pub async fn tags_of_workspace(
        &mut self,
        workspace: &WorkspaceId,
        text: Option<&str>,
        (offset, limit): (u64, u64),
    ) -> Result<(Vec<OrganizationTag>, u64), StoreError> {
        let binds: Vec<Bind> = vec![workspace.into(), text.map(contains).into()];
        let mut page = binds.clone();
        page.extend([offset.into(), limit.into()]);
        let sql = tags_of_workspace!(
            concat!("t.*, ", instance_count!()),
            " ORDER BY t.name, t.id LIMIT $4 OFFSET $3"
        );
        let rows = self.all(sql, &page).await?;
        let total = self.total(tags_of_workspace!("COUNT(*) AS total", ""), &binds).await?;
        Ok((rows.iter().map(organization_tag).collect::<Result<_, _>>()?, total))
    }

    /// The tags of a workspace, by name.
    pub async fn workspace_tags(&mut self, workspace: &WorkspaceId) -> Result<Vec<(TagId, Tag)>, StoreError> {
        let rows = self
            .all(
                "SELECT t.id, t.name, b.value FROM workspace_tags b JOIN tags t ON t.id = b.tag_id \
                 WHERE b.workspace_id = $1 ORDER BY t.name, t.id",
                &[workspace.into()],
            )
            .await?;
        tags(&rows)
    }

    /// The tags that count for a workspace, by name: its own and what it inherits from its project.
    pub async fn effective_tags(&mut self, workspace: &WorkspaceId) -> Result<Vec<EffectiveTag>, StoreError> {
        let rows = self
            .all(
                "SELECT t.id, t.name, e.value, e.inherited_from FROM effective_workspace_tags e \
                 JOIN tags t ON t.id = e.tag_id WHERE e.workspace_id = $1 ORDER BY t.name, t.id",
                &[workspace.into()],
            )
            .await?;
        let effective = rows.iter().map(|row| {
            Ok(EffectiveTag {
                tag_id: row.parsed("id")?,
                tag: tag(row)?,
                inherited_from: row.optional_parsed("inherited_from")?,
            })
        });
        effective.collect()
    }

    /// The value that the project of a workspace gives a key which workspaces may not override.
    pub async fn fixed_tag_value(
        &mut self,
        workspace: &WorkspaceId,
        key: &str,
    ) -> Result<Option<String>, StoreError> {
        let row = self
            .optional(
                "SELECT p.value FROM workspaces w JOIN project_tags p ON p.project_id = w.project_id \
                 JOIN tags t ON t.id = p.tag_id \
                 JOIN reserved_tag_keys r ON r.organization_id = t.organization_id AND r.key = t.name \
                 WHERE w.id = $1 AND t.name = $2 AND r.disable_overrides = TRUE",
                &[workspace.into(), key.into()],
            )
            .await?;
        row.map(|row| row.text("value")).transpose()
    }

    pub(crate) async fn ensure_tag(&mut self, new: NewTag<'_>) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO tags (id, organization_id, name, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (organization_id, name) DO NOTHING",
            &[new.new_id.into(), new.organization_id.into(), (&new.tag.key).into(), new.now.into()],
        )
        .await
        .map(drop)
    }

    /// Binds a tag to a workspace, replacing its value.
    pub async fn bind_tag(&mut self, workspace: &WorkspaceId, new: NewTag<'_>) -> Result<(), StoreError> {
        self.ensure_tag(new).await?;
        self.execute(
            "INSERT INTO workspace_tags (workspace_id, tag_id, value) \
             SELECT $1, id, $4 FROM tags WHERE organization_id = $2 AND name = $3 \
             ON CONFLICT (workspace_id, tag_id) DO UPDATE SET value = $4",
            &[workspace.into(), new.organization_id.into(), (&new.tag.key).into(), (&new.tag.value).into()],
        )
        .await
        .map(drop)
    }

    /// Puts a tag on a workspace without a value, unless the workspace has it.
    pub async fn add_tag(&mut self, workspace: &WorkspaceId, tag: &TagId) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO workspace_tags (workspace_id, tag_id, value) VALUES ($1, $2, '') \
             ON CONFLICT (workspace_id, tag_id) DO NOTHING",
            &[workspace.into(), tag.into()],
        )
        .await
        .map(drop)
    }

    /// Takes a tag, given by its name or id, from a workspace.
    pub async fn unbind_tag(
        &mut self,
        workspace: &WorkspaceId,
        name_or_id: &str,
    ) -> Result<bool, StoreError> {
        let gone = self
            .execute(
                "DELETE FROM workspace_tags WHERE workspace_id = $1 AND tag_id IN (SELECT t.id FROM workspace_tags b \
                 JOIN tags t ON t.id = b.tag_id WHERE b.workspace_id = $1 AND (t.id = $2 OR lower(t.name) = lower($2)))",
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

    /// The name of a tag of the organization as it was written first; names of flat tags differ by more than letter case.
    pub async fn tag_spelling(
        &mut self,
        organization: &OrgId,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        let row = self
            .optional(
                "SELECT name FROM tags WHERE organization_id = $1 AND lower(name) = lower($2) \
                 ORDER BY created_at, id LIMIT 1",
                &[organization.into(), name.into()],
            )
            .await?;
        row.map(|row| row.text("name")).transpose()
    }
}
