//! Tokens of teams and of organizations.

use carnet_model::{ApiToken, OrgId, TeamId, Timestamp, TokenKind};

use crate::account::token;
use crate::db::{StoreError, Tx};
use crate::search::contains;

/// In which order the tokens of teams are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TeamTokenOrder {
    /// By their making.
    #[default]
    Made,
    /// By the names of their teams.
    Team,
    /// By the names of those who made them.
    Maker,
    /// By their end; what never ends comes last.
    End,
    /// By their last use; what was never used comes first.
    Use,
}

impl TeamTokenOrder {
    fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Team => "team",
            Self::Maker => "maker",
            Self::End => "end",
            Self::Use => "use",
        }
    }
}

/// Which tokens of teams are wanted, in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TeamTokenFilter<'a> {
    /// Part of the name of the team.
    pub text: Option<&'a str>,
    /// By what they are ordered.
    pub order: TeamTokenOrder,
    /// The other way around.
    pub is_descending: bool,
}

/// A page of the tokens of all teams of an organization.
macro_rules! team_tokens {
    ($order:literal) => {
        concat!(
            "SELECT k.*, CASE $5 WHEN 'team' THEN lower(t.name) WHEN 'maker' THEN lower(COALESCE(u.username, '')) ",
            "ELSE '' END AS words, CASE $5 WHEN 'end' THEN COALESCE(k.expires_at, $7) ",
            "WHEN 'use' THEN COALESCE(k.last_used_at, $6) ELSE k.created_at END AS moment ",
            "FROM tokens k JOIN teams t ON t.id = k.team_id LEFT JOIN users u ON u.id = k.created_by ",
            "WHERE k.organization_id = $1 AND k.kind = 'team' ",
            "AND (CAST($2 AS TEXT) IS NULL OR lower(t.name) LIKE $2 ESCAPE '\\') ",
            "ORDER BY ",
            $order,
            " LIMIT $4 OFFSET $3"
        )
    };
}

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

    /// A page of the tokens of all teams of an organization, and how many there are.
    pub async fn team_tokens(
        &mut self,
        organization: &OrgId,
        filter: TeamTokenFilter<'_>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ApiToken>, u64), StoreError> {
        let text = filter.text.map(contains);
        let sql = match filter.is_descending {
            false => team_tokens!("words, moment, k.created_at, k.id"),
            true => team_tokens!("words DESC, moment DESC, k.created_at DESC, k.id DESC"),
        };
        let rows = self
            .all(
                sql,
                &[
                    organization.into(),
                    text.clone().into(),
                    offset.into(),
                    limit.into(),
                    filter.order.as_str().into(),
                    Timestamp::MIN.into(),
                    Timestamp::MAX.into(),
                ],
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
