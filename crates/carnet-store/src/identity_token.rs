//! The ledger: what every identity token said, committed before the token leaves the server.

use carnet_model::{JobId, OrgId, Phase, RunId, Timestamp, WorkspaceId};

use crate::db::{Row, StoreError, Tx};
use crate::run::json;

/// The record of one identity token; the token itself is stored nowhere.
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityToken {
    /// The token's id, the claim `jti`.
    pub jti: String,
    /// The job it was made for.
    pub job_id: JobId,
    /// The run.
    pub run_id: RunId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The organization.
    pub organization_id: OrgId,
    /// The phase.
    pub phase: Phase,
    /// The family of credentials it was meant for.
    pub family: String,
    /// The tag of the configuration; `None` for the default one.
    pub tag: Option<String>,
    /// The role that it is for, as the variables of the run name it; `None` where there is none.
    pub role: Option<String>,
    /// The claim `aud`.
    pub audience: String,
    /// The claim `sub`.
    pub subject: String,
    /// All claims.
    pub claims: serde_json::Value,
    /// The key that signs it.
    pub kid: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

pub(crate) fn token(row: &Row) -> Result<IdentityToken, StoreError> {
    Ok(IdentityToken {
        jti: row.text("jti")?,
        job_id: row.parsed("job_id")?,
        run_id: row.parsed("run_id")?,
        workspace_id: row.parsed("workspace_id")?,
        organization_id: row.parsed("organization_id")?,
        phase: row.parsed("phase")?,
        family: row.text("family")?,
        tag: row.optional_text("tag")?,
        role: row.optional_text("role")?,
        audience: row.text("audience")?,
        subject: row.text("subject")?,
        claims: row.json("claims")?,
        kid: row.text("kid")?,
        issued_at: row.time("issued_at")?,
        expires_at: row.time("expires_at")?,
    })
}

impl Tx {
    /// Adds to the ledger; a second entry of the same id is a conflict.
    pub async fn insert_identity_token(&mut self, token: &IdentityToken) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO identity_tokens (jti, job_id, run_id, workspace_id, organization_id, phase, family, tag, \
             audience, subject, claims, kid, issued_at, expires_at, role) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            &[
                (&token.jti).into(),
                (&token.job_id).into(),
                (&token.run_id).into(),
                (&token.workspace_id).into(),
                (&token.organization_id).into(),
                token.phase.as_str().into(),
                (&token.family).into(),
                token.tag.clone().into(),
                (&token.audience).into(),
                (&token.subject).into(),
                json(&token.claims, "claims")?.into(),
                (&token.kid).into(),
                token.issued_at.into(),
                token.expires_at.into(),
                token.role.clone().into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The latest `limit` entries of a workspace, the newest last.
    pub async fn workspace_identity_tokens(
        &mut self,
        id: &WorkspaceId,
        limit: u64,
    ) -> Result<Vec<IdentityToken>, StoreError> {
        let rows = self
            .all(
                "SELECT * FROM identity_tokens WHERE workspace_id = $1 ORDER BY issued_at DESC, jti DESC LIMIT $2",
                &[id.into(), limit.into()],
            )
            .await?;
        rows.iter().rev().map(token).collect()
    }

    /// Tells whether a token of this id was made for the job.
    pub async fn is_token_of_job(&mut self, jti: &str, job: &JobId) -> Result<bool, StoreError> {
        let sql = "SELECT jti FROM identity_tokens WHERE jti = $1 AND job_id = $2";
        Ok(self.optional(sql, &[jti.into(), job.into()]).await?.is_some())
    }

    /// The entries of a run, the newest last.
    pub async fn run_identity_tokens(&mut self, id: &RunId) -> Result<Vec<IdentityToken>, StoreError> {
        let rows = self
            .all("SELECT * FROM identity_tokens WHERE run_id = $1 ORDER BY issued_at, jti", &[id.into()])
            .await?;
        rows.iter().map(token).collect()
    }
}
