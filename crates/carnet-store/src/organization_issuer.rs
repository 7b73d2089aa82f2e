//! Issuers that organizations have of their own.

use carnet_model::{OrgId, OrgName, Phase, Timestamp};

use crate::db::{Row, StoreError, Tx};

/// The issuer of one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationIssuer {
    /// The organization.
    pub organization_id: OrgId,
    /// Its name.
    pub organization_name: OrgName,
    /// The issuer's URL; `None` for the one below the issuer of the site.
    pub url: Option<String>,
    /// Whether the tokens of the organization's runs are its.
    pub is_minting: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What runs of an organization got tokens for: something that trusts the issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedTrust {
    /// The name of the workspace; `None` when it is gone.
    pub workspace_name: Option<String>,
    /// The phase.
    pub phase: Phase,
    /// The family of credentials.
    pub family: String,
    /// The tag of the configuration; `None` for the default one.
    pub tag: Option<String>,
    /// The claim `aud`.
    pub audience: String,
    /// When the last token of this kind was issued.
    pub last_issued_at: Timestamp,
}

fn issuer(row: &Row) -> Result<OrganizationIssuer, StoreError> {
    Ok(OrganizationIssuer {
        organization_id: row.parsed("organization_id")?,
        organization_name: row.parsed("organization_name")?,
        url: row.optional_text("url")?,
        is_minting: row.boolean("is_minting")?,
        created_at: row.time("created_at")?,
    })
}

impl Tx {
    /// Stores the issuer of an organization that has none; two issuers of one URL are a conflict.
    pub async fn insert_organization_issuer(
        &mut self,
        issuer: &OrganizationIssuer,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO organization_issuers (organization_id, url, is_minting, created_at) \
             VALUES ($1, $2, $3, $4)",
            &[
                (&issuer.organization_id).into(),
                issuer.url.clone().into(),
                issuer.is_minting.into(),
                issuer.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Changes the URL of an organization's issuer and whether it mints.
    pub async fn update_organization_issuer(
        &mut self,
        issuer: &OrganizationIssuer,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE organization_issuers SET url = $2, is_minting = $3 WHERE organization_id = $1",
            &[(&issuer.organization_id).into(), issuer.url.clone().into(), issuer.is_minting.into()],
        )
        .await
        .map(drop)
    }

    /// Removes the issuer of an organization with its keys.
    pub async fn delete_organization_issuer(&mut self, organization: &OrgId) -> Result<(), StoreError> {
        let of_organization = [organization.into()];
        self.execute("DELETE FROM signing_keys WHERE organization_id = $1", &of_organization).await?;
        let sql = "DELETE FROM organization_issuers WHERE organization_id = $1";
        self.execute(sql, &of_organization).await.map(drop)
    }

    /// The issuer of an organization, if it has one of its own.
    pub async fn organization_issuer(
        &mut self,
        organization: &OrgId,
    ) -> Result<Option<OrganizationIssuer>, StoreError> {
        let row = self
            .optional(
                "SELECT i.*, o.name AS organization_name FROM organization_issuers i \
                 JOIN organizations o ON o.id = i.organization_id WHERE i.organization_id = $1",
                &[organization.into()],
            )
            .await?;
        row.as_ref().map(issuer).transpose()
    }

    /// What runs of an organization got tokens for since a time, at most `limit` kinds.
    pub async fn used_trust(
        &mut self,
        organization: &OrgId,
        since: Timestamp,
        limit: u64,
    ) -> Result<Vec<UsedTrust>, StoreError> {
        let rows = self
            .all(
                "SELECT t.workspace_id, w.name AS workspace_name, t.phase, t.family, t.tag, t.audience, \
                 MAX(t.issued_at) AS last_issued_at \
                 FROM identity_tokens t LEFT JOIN workspaces w ON w.id = t.workspace_id \
                 WHERE t.organization_id = $1 AND t.issued_at > $2 \
                 GROUP BY t.workspace_id, w.name, t.phase, t.family, t.tag, t.audience \
                 ORDER BY t.workspace_id, t.phase, t.family, t.tag, t.audience LIMIT $3",
                &[organization.into(), since.into(), limit.into()],
            )
            .await?;
        let used = |row: &Row| {
            Ok(UsedTrust {
                workspace_name: row.optional_text("workspace_name")?,
                phase: row.parsed("phase")?,
                family: row.text("family")?,
                tag: row.optional_text("tag")?,
                audience: row.text("audience")?,
                last_issued_at: row.time("last_issued_at")?,
            })
        };
        rows.iter().map(used).collect()
    }

    /// Every issuer that an organization has of its own, the oldest first.
    pub async fn organization_issuers(&mut self) -> Result<Vec<OrganizationIssuer>, StoreError> {
        let rows = self
            .all(
                "SELECT i.*, o.name AS organization_name FROM organization_issuers i \
                 JOIN organizations o ON o.id = i.organization_id ORDER BY i.created_at, i.organization_id",
                &[],
            )
            .await?;
        rows.iter().map(issuer).collect()
    }
}
