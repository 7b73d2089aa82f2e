//! How long tokens of organizations may live.

use carnet_model::{LimitedToken, MaxTtl, OrgId, TokenTtlPolicy, UserId};

use crate::db::{Row, StoreError, Tx, corrupt};

fn max_ttl(row: &Row) -> Result<MaxTtl, StoreError> {
    MaxTtl::from_milliseconds(row.integer("max_ttl_ms")?).map_err(|_| corrupt("max_ttl_ms"))
}

fn policy(row: &Row) -> Result<TokenTtlPolicy, StoreError> {
    Ok(TokenTtlPolicy {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        kind: row.parsed("token_type")?,
        max_ttl: max_ttl(row)?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

impl Tx {
    /// What an organization says of the lives of tokens: a policy for each kind, or none at all.
    pub async fn token_ttl_policies(
        &mut self,
        organization: &OrgId,
    ) -> Result<Vec<TokenTtlPolicy>, StoreError> {
        let sql = "SELECT * FROM token_ttl_policies WHERE organization_id = $1 ORDER BY token_type, id";
        let rows = self.all(sql, &[organization.into()]).await?;
        rows.iter().map(policy).collect()
    }

    /// Saves a policy in place of the one for the same kind.
    pub async fn save_token_ttl_policy(&mut self, policy: &TokenTtlPolicy) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO token_ttl_policies (id, organization_id, token_type, max_ttl_ms, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (organization_id, token_type) DO UPDATE SET max_ttl_ms = $4, updated_at = $6",
            &[
                (&policy.id).into(),
                (&policy.organization_id).into(),
                policy.kind.as_str().into(),
                policy.max_ttl.as_milliseconds().into(),
                policy.created_at.into(),
                policy.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The longest life of new tokens of a kind in an organization; `None` where nothing is limited.
    pub async fn max_token_ttl(
        &mut self,
        organization: &OrgId,
        kind: LimitedToken,
    ) -> Result<Option<MaxTtl>, StoreError> {
        let row = self
            .optional(
                "SELECT COALESCE(p.max_ttl_ms, CAST($3 AS BIGINT)) AS max_ttl_ms FROM organizations o \
                 LEFT JOIN token_ttl_policies p ON p.organization_id = o.id AND p.token_type = $2 \
                 WHERE o.id = $1 AND o.max_ttl_enabled = TRUE",
                &[organization.into(), kind.as_str().into(), MaxTtl::DEFAULT.as_milliseconds().into()],
            )
            .await?;
        row.as_ref().map(max_ttl).transpose()
    }

    /// The longest life of new tokens of a user: the shortest of what the organizations say that the user belongs to.
    pub async fn max_user_token_ttl(&mut self, user: &UserId) -> Result<Option<MaxTtl>, StoreError> {
        let row = self
            .optional(
                "SELECT COALESCE(p.max_ttl_ms, CAST($3 AS BIGINT)) AS max_ttl_ms FROM memberships m \
                 JOIN organizations o ON o.id = m.organization_id AND o.max_ttl_enabled = TRUE \
                 LEFT JOIN token_ttl_policies p ON p.organization_id = o.id AND p.token_type = $2 \
                 WHERE m.user_id = $1 AND m.status = 'active' \
                 ORDER BY COALESCE(p.max_ttl_ms, CAST($3 AS BIGINT)), o.id LIMIT 1",
                &[user.into(), LimitedToken::User.as_str().into(), MaxTtl::DEFAULT.as_milliseconds().into()],
            )
            .await?;
        row.as_ref().map(max_ttl).transpose()
    }
}
