//! What subjects are made of: names, what is said about templates and claims, and names that are kept for a while.

use carnet_model::{
    KeptName, OptInClaim, OrgId, PartFacts, Phase, ProjectId, SubjectFacts, SubjectPart, SubjectSetting,
    SubjectTemplate, Timestamp, WorkspaceId,
};

use crate::db::{Bind, Row, StoreError, Tx, corrupt};
use crate::run::json;

/// Where a workspace is, or where something is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectScopes {
    /// The organization.
    pub organization_id: OrgId,
    /// The project; `None` for the organization itself.
    pub project_id: Option<ProjectId>,
    /// The workspace; `None` for what is above it.
    pub workspace_id: Option<WorkspaceId>,
}

impl SubjectScopes {
    /// What kind of thing it is.
    pub fn part(&self) -> SubjectPart {
        match (&self.project_id, &self.workspace_id) {
            (_, Some(_)) => SubjectPart::Workspace,
            (Some(_), None) => SubjectPart::Project,
            (None, None) => SubjectPart::Organization,
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        match (&self.project_id, &self.workspace_id) {
            (_, Some(id)) => id.as_str(),
            (Some(id), None) => id.as_str(),
            (None, None) => self.organization_id.as_str(),
        }
    }

    /// The ids of it and of what is above it; an empty text for what it does not have.
    fn ids(&self) -> [Bind; 3] {
        let project = self.project_id.as_ref().map_or("", ProjectId::as_str);
        let workspace = self.workspace_id.as_ref().map_or("", WorkspaceId::as_str);
        [(&self.organization_id).into(), project.into(), workspace.into()]
    }

    /// The column of its own kind; NULL in the others.
    fn owner(&self) -> [Bind; 3] {
        let part = self.part();
        let own = |kind: SubjectPart| (kind == part).then(|| self.id().to_owned()).into();
        [own(SubjectPart::Organization), own(SubjectPart::Project), own(SubjectPart::Workspace)]
    }
}

/// Everything that the subjects of a workspace are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectSources {
    /// Where the workspace is.
    pub scopes: SubjectScopes,
    /// Names and ids as they are.
    pub facts: SubjectFacts,
    /// What is said about templates and claims, by the workspace and what is above it.
    pub settings: Vec<SubjectSetting>,
    /// What is kept for a while, also what is over.
    pub kept: Vec<KeptName>,
}

/// What one scope says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectWord {
    /// The template.
    pub template: Option<SubjectTemplate>,
    /// The claims that are asked for.
    pub claims: Option<Vec<OptInClaim>>,
}

/// A family that used a subject lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyUse {
    /// The family.
    pub family: String,
    /// The tag of the configuration.
    pub tag: Option<String>,
    /// The phase.
    pub phase: Phase,
    /// The claim `aud`.
    pub audience: String,
    /// The claim `sub`.
    pub subject: String,
    /// When the last token was made.
    pub last_used_at: Timestamp,
}

fn setting(row: &Row) -> Result<SubjectSetting, StoreError> {
    let claims: Option<Vec<String>> = match row.optional_text("claims")? {
        Some(_) => Some(row.json("claims")?),
        None => None,
    };
    let parsed = claims.map(|claims| claims.iter().map(|claim| claim.parse()).collect::<Result<_, String>>());
    Ok(SubjectSetting {
        scope: row.parsed("scope")?,
        tag: Some(row.text("tag")?).filter(|tag| !tag.is_empty()),
        template: row.optional_parsed("template")?,
        claims: parsed.transpose().map_err(|_| corrupt("claims"))?,
    })
}

fn kept_name(row: &Row) -> Result<KeptName, StoreError> {
    Ok(KeptName {
        holder: row.parsed("holder")?,
        part: row.parsed("part")?,
        facts: PartFacts {
            name: row.text("name")?,
            first_name: row.text("first_name")?,
            id: row.text("part_id")?,
        },
        until: row.time("kept_until")?,
        created_at: row.time("created_at")?,
    })
}

fn sources(row: &Row) -> Result<(SubjectScopes, SubjectFacts), StoreError> {
    let part = |name: &str, first: &str, id: &str| {
        Ok::<_, StoreError>(PartFacts {
            name: row.text(name)?,
            first_name: row.text(first)?,
            id: row.text(id)?,
        })
    };
    let scopes = SubjectScopes {
        organization_id: row.parsed("organization_id")?,
        project_id: Some(row.parsed("project_id")?),
        workspace_id: Some(row.parsed("workspace_id")?),
    };
    let facts = SubjectFacts {
        organization: part("organization_name", "organization_first_name", "organization_id")?,
        project: part("project_name", "project_first_name", "project_id")?,
        workspace: part("workspace_name", "workspace_first_name", "workspace_id")?,
    };
    Ok((scopes, facts))
}

impl Tx {
    /// Everything that the subjects of a workspace are made of: three reads by key.
    pub async fn subject_sources(&mut self, id: &WorkspaceId) -> Result<Option<SubjectSources>, StoreError> {
        let row = self
            .optional(
                "SELECT w.id AS workspace_id, w.name AS workspace_name, \
                 COALESCE(w.first_name, w.name) AS workspace_first_name, p.id AS project_id, p.name AS project_name, \
                 COALESCE(p.first_name, p.name) AS project_first_name, o.id AS organization_id, \
                 o.name AS organization_name, COALESCE(o.first_name, o.name) AS organization_first_name \
                 FROM workspaces w JOIN projects p ON p.id = w.project_id \
                 JOIN organizations o ON o.id = w.organization_id WHERE w.id = $1",
                &[id.into()],
            )
            .await?;
        let Some((scopes, facts)) = row.as_ref().map(sources).transpose()? else {
            return Ok(None);
        };
        let settings = self.subject_settings(&scopes).await?;
        let kept = self.kept_names(&scopes).await?;
        Ok(Some(SubjectSources { scopes, facts, settings, kept }))
    }

    /// Name, first name and id of an organization or a project itself.
    pub async fn part_facts(&mut self, of: &SubjectScopes) -> Result<Option<PartFacts>, StoreError> {
        let sql = match of.part() {
            SubjectPart::Organization => {
                "SELECT id, name, COALESCE(first_name, name) AS first_name FROM organizations WHERE id = $1"
            }
            SubjectPart::Project => {
                "SELECT id, name, COALESCE(first_name, name) AS first_name FROM projects WHERE id = $1"
            }
            SubjectPart::Workspace => {
                "SELECT id, name, COALESCE(first_name, name) AS first_name FROM workspaces WHERE id = $1"
            }
        };
        let row = self.optional(sql, &[of.id().into()]).await?;
        let facts = |row: Row| {
            Ok(PartFacts {
                name: row.text("name")?,
                first_name: row.text("first_name")?,
                id: row.text("id")?,
            })
        };
        row.map(facts).transpose()
    }

    /// What is said about subjects and claims by a scope and by what is above it.
    pub async fn subject_settings(&mut self, of: &SubjectScopes) -> Result<Vec<SubjectSetting>, StoreError> {
        let rows =
            self.all("SELECT * FROM subject_settings WHERE scope_id IN ($1, $2, $3)", &of.ids()).await?;
        rows.iter().map(setting).collect()
    }

    /// What is kept for the runs of a scope, also by what is above it and also what is over.
    pub async fn kept_names(&mut self, of: &SubjectScopes) -> Result<Vec<KeptName>, StoreError> {
        let rows = self.all("SELECT * FROM kept_names WHERE holder_id IN ($1, $2, $3)", &of.ids()).await?;
        rows.iter().map(kept_name).collect()
    }

    /// Stores what a scope says, for the configurations of a tag or for all.
    pub async fn put_subject_setting(
        &mut self,
        scope: &SubjectScopes,
        tag: Option<&str>,
        word: &SubjectWord,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let names =
            word.claims.as_ref().map(|claims| claims.iter().map(|one| one.as_str()).collect::<Vec<_>>());
        let claims = names.map(|names| json(&names, "claims")).transpose()?;
        let mut binds: Vec<Bind> =
            vec![scope.id().into(), tag.unwrap_or_default().into(), scope.part().as_str().into()];
        binds.extend(scope.owner());
        binds.extend([
            word.template.as_ref().map(|template| template.as_str().to_owned()).into(),
            claims.into(),
            now.into(),
        ]);
        self.execute(
            "INSERT INTO subject_settings (scope_id, tag, scope, organization_id, project_id, workspace_id, template, \
             claims, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (scope_id, tag) \
             DO UPDATE SET template = excluded.template, claims = excluded.claims, updated_at = excluded.updated_at",
            &binds,
        )
        .await
        .map(drop)
    }

    /// Removes what a scope says; `false` when it said nothing.
    pub async fn delete_subject_setting(
        &mut self,
        scope: &SubjectScopes,
        tag: Option<&str>,
    ) -> Result<bool, StoreError> {
        let binds = [scope.id().into(), tag.unwrap_or_default().into()];
        let sql = "DELETE FROM subject_settings WHERE scope_id = $1 AND tag = $2";
        Ok(self.execute(sql, &binds).await? > 0)
    }

    /// Keeps what the subjects of a scope say about a part of the tree.
    pub async fn keep_name(&mut self, scope: &SubjectScopes, kept: &KeptName) -> Result<(), StoreError> {
        let mut binds: Vec<Bind> = vec![
            scope.id().into(),
            kept.part.as_str().into(),
            kept.holder.as_str().into(),
            (&scope.organization_id).into(),
        ];
        binds.extend(scope.owner());
        binds.extend([
            (&kept.facts.id).into(),
            (&kept.facts.name).into(),
            (&kept.facts.first_name).into(),
            kept.until.into(),
            kept.created_at.into(),
        ]);
        self.execute(
            "INSERT INTO kept_names (holder_id, part, holder, tree_id, organization_id, project_id, workspace_id, part_id, \
             name, first_name, kept_until, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT (holder_id, part) DO UPDATE SET part_id = excluded.part_id, name = excluded.name, \
             first_name = excluded.first_name, kept_until = excluded.kept_until, created_at = excluded.created_at",
            &binds,
        )
        .await
        .map(drop)
    }

    /// Ends what is kept by a scope itself; `false` when nothing was.
    pub async fn end_kept_names(&mut self, scope: &SubjectScopes) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM kept_names WHERE holder_id = $1", &[scope.id().into()]).await? > 0)
    }

    /// Until when another thing goes on presenting this name of a part: nothing else may get it before.
    pub async fn name_kept_until(
        &mut self,
        (part, id, name): (SubjectPart, &str, &str),
        organization: &OrgId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        // The name of an organization counts everywhere, others in their organization.
        let sql = match part {
            SubjectPart::Organization => {
                "SELECT kept_until FROM kept_names WHERE part = $1 AND name = $2 AND tree_id <> $3 AND part_id <> $4 \
                 AND kept_until > $5 ORDER BY kept_until DESC LIMIT 1"
            }
            SubjectPart::Project | SubjectPart::Workspace => {
                "SELECT kept_until FROM kept_names WHERE part = $1 AND name = $2 AND tree_id = $3 AND part_id <> $4 \
                 AND kept_until > $5 ORDER BY kept_until DESC LIMIT 1"
            }
        };
        let binds = [part.as_str().into(), name.into(), organization.into(), id.into(), now.into()];
        self.optional(sql, &binds).await?.map(|row| row.time("kept_until")).transpose()
    }

    /// The families that asked for tokens of a workspace since a moment, each with its latest token; at most the newest `limit`
    /// tokens are looked at.
    pub async fn families_of_workspace(
        &mut self,
        id: &WorkspaceId,
        since: Timestamp,
        limit: u64,
    ) -> Result<Vec<FamilyUse>, StoreError> {
        let rows = self
            .all(
                "SELECT t.family, t.tag, t.phase, t.audience, t.subject, MAX(t.issued_at) AS last_used_at FROM \
                 (SELECT family, tag, phase, audience, subject, issued_at FROM identity_tokens WHERE workspace_id = $1 \
                 AND issued_at >= $2 ORDER BY issued_at DESC, jti DESC LIMIT $3) t \
                 GROUP BY t.family, t.tag, t.phase, t.audience, t.subject ORDER BY MAX(t.issued_at) DESC, t.family",
                &[id.into(), since.into(), limit.into()],
            )
            .await?;
        let used = rows.iter().map(|row| {
            Ok(FamilyUse {
                family: row.text("family")?,
                tag: row.optional_text("tag")?,
                phase: row.parsed("phase")?,
                audience: row.text("audience")?,
                subject: row.text("subject")?,
                last_used_at: row.time("last_used_at")?,
            })
        });
        used.collect()
    }

    /// A page of the workspaces of an organization, or of a project of it, by name, and how many there are.
    pub async fn workspaces_below(
        &mut self,
        organization: &OrgId,
        project: Option<&ProjectId>,
        (offset, limit): (u64, u64),
    ) -> Result<(Vec<WorkspaceId>, u64), StoreError> {
        let binds = vec![organization.into(), project.into()];
        let total = self
            .total(
                "SELECT COUNT(*) AS total FROM workspaces WHERE organization_id = $1 \
                 AND (CAST($2 AS TEXT) IS NULL OR project_id = $2)",
                &binds,
            )
            .await?;
        let mut page: Vec<Bind> = binds;
        page.extend([limit.into(), offset.into()]);
        let rows = self
            .all(
                "SELECT id FROM workspaces WHERE organization_id = $1 AND (CAST($2 AS TEXT) IS NULL OR project_id = $2) \
                 ORDER BY name, id LIMIT $3 OFFSET $4",
                &page,
            )
            .await?;
        Ok((rows.iter().map(|row| row.parsed("id")).collect::<Result<_, _>>()?, total))
    }
}
