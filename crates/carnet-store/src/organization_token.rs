//! Tokens of teams and of organizations.

use carnet_model::{ApiToken, OrgId, TeamId, TokenKind};

use crate::account::token;
use crate::db::{StoreError, Tx};
use crate::search::contains;

impl Tx {
    /// The token of a team that has no description, of which there is one.
    pub async fn legacy_team_token(&mut self, team: &TeamId) -> Result<Option<ApiToken>, StoreError> {
        let sql = "SELECT * FROM tokens WHERE team_id = $1 AND description = '' ORDER BY created_at DESC, id LIMIT 1";
        let row = self.optional(sql, &[team.into()]).await?;
        row.as_ref().map(token).transpose()
    }

    /// The token of a team with this description.
    pub async fn team_token(
        &mut self,
        team: &TeamId,
        description: &str,
    ) -> Result<Option<ApiToken>, StoreError> {
        let sql = "SELECT * FROM tokens WHERE team_id = $1 AND description = $2 ORDER BY created_at DESC, id LIMIT 1";
        let row = self.optional(sql, &[team.into(), description.into()]).await?;
        row.as_ref().map(token).transpose()
    }

    /// A page of the tokens of all teams of an organization, the oldest first, and how many there are.
    pub async fn team_tokens(
        &mut self,
        organization: &OrgId,
        text: Option<&str>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ApiToken>, u64), StoreError> {
        let text = text.map(contains);
        let rows = self
            .all(
                "SELECT k.* FROM tokens k JOIN teams t ON t.id = k.team_id \
                 WHERE k.organization_id = $1 AND k.kind = 'team' \
                 AND (CAST($2 AS TEXT) IS NULL OR lower(t.name) LIKE $2 ESCAPE '\\') \
                 ORDER BY k.created_at, k.id LIMIT $4 OFFSET $3",
                &[organization.into(), text.clone().into(), offset.into(), limit.into()],
            )
            .await?;
        let total = self
            .total(
                "SELECT COUNT(*) AS total FROM tokens k JOIN teams t ON t.id = k.team_id \
                 WHERE k.organization_id = $1 AND k.kind = 'team' \
                 AND (CAST($2 AS TEXT) IS NULL OR lower(t.name) LIKE $2 ESCAPE '\\')",
                &[organization.into(), text.into()],
            )
            .await?;
        Ok((rows.iter().map(token).collect::<Result<_, _>>()?, total))
    }

    /// The token of a kind that belongs to the organization itself.
    pub async fn organization_token(
        &mut self,
        organization: &OrgId,
        kind: TokenKind,
    ) -> Result<Option<ApiToken>, StoreError> {
        let sql = "SELECT * FROM tokens WHERE organization_id = $1 AND kind = $2 ORDER BY created_at DESC, id LIMIT 1";
        let row = self.optional(sql, &[organization.into(), kind.as_str().into()]).await?;
        row.as_ref().map(token).transpose()
    }
}
