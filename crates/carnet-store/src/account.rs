//! Users and the tokens that stand for them.

use carnet_model::{ApiToken, Timestamp, TokenId, TokenKind, User, UserId, Username};

use crate::db::{Bind, Row, StoreError, Tx};
use crate::search::contains;
use crate::store::TokenHash;

/// A token to be stored.
#[derive(Debug, Clone)]
pub struct NewToken<'a> {
    /// Its record.
    pub token: &'a ApiToken,
    /// The hash of its secret.
    pub hash: &'a TokenHash,
}

pub(crate) fn user(row: &Row) -> Result<User, StoreError> {
    Ok(User {
        id: row.parsed("id")?,
        username: row.parsed("username")?,
        email: row.text("email")?,
        service_of: row.optional_text("service_of")?,
        is_site_admin: row.boolean("is_site_admin")?,
        is_suspended: row.boolean("is_suspended")?,
        created_at: row.time("created_at")?,
    })
}

pub(crate) fn token(row: &Row) -> Result<ApiToken, StoreError> {
    Ok(ApiToken {
        id: row.parsed("id")?,
        kind: row.parsed("kind")?,
        user_id: row.optional_parsed("user_id")?,
        team_id: row.optional_parsed("team_id")?,
        organization_id: row.optional_parsed("organization_id")?,
        agent_pool_id: row.optional_parsed("agent_pool_id")?,
        created_by: row.optional_parsed("created_by")?,
        description: row.text("description")?,
        created_at: row.time("created_at")?,
        expires_at: row.optional_time("expires_at")?,
        last_used_at: row.optional_time("last_used_at")?,
    })
}

/// Which people are wanted.
#[derive(Debug, Clone, Default)]
pub struct PeopleFilter {
    /// Part of the name or of the address.
    pub text: Option<String>,
    /// Whether they are suspended.
    pub is_suspended: Option<bool>,
}

macro_rules! people {
    ($select:literal, $tail:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM users u WHERE u.service_of IS NULL AND u.is_placeholder = FALSE ",
            "AND (CAST($1 AS TEXT) IS NULL OR lower(u.username) LIKE $1 ESCAPE '\\' OR lower(u.email) LIKE $1 ESCAPE '\\') ",
            "AND (CAST($2 AS TEXT) IS NULL OR u.is_suspended = (CAST($2 AS TEXT) = 'true'))",
            $tail
        )
    };
}

/// A token whose user, if it has one, is not suspended.
macro_rules! working {
    ($condition:literal) => {
        concat!(
            "SELECT k.* FROM tokens k LEFT JOIN users u ON u.id = k.user_id WHERE ",
            $condition,
            " AND (u.is_suspended IS NULL OR u.is_suspended = FALSE)"
        )
    };
}

impl Tx {
    /// Tells whether anybody has an account.
    pub async fn has_users(&mut self) -> Result<bool, StoreError> {
        Ok(self.optional("SELECT id FROM users LIMIT 1", &[]).await?.is_some())
    }

    /// Nobody gets a name that somebody else gave up.
    pub(crate) async fn refuse_former_username(&mut self, user: &User) -> Result<(), StoreError> {
        let name = user.username.as_str().to_lowercase();
        let sql = "SELECT user_id FROM former_usernames WHERE name = $1 AND user_id <> $2";
        let row = self.optional(sql, &[name.into(), (&user.id).into()]).await?;
        if row.is_some() { Err(StoreError::Conflict) } else { Ok(()) }
    }

    /// Stores a new user; a username that somebody else has or had is a conflict.
    pub async fn insert_user(&mut self, user: &User) -> Result<(), StoreError> {
        self.refuse_former_username(user).await?;
        self.execute(
            "INSERT INTO users (id, username, email, is_site_admin, created_at, service_of) VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                (&user.id).into(),
                (&user.username).into(),
                (&user.email).into(),
                user.is_site_admin.into(),
                user.created_at.into(),
                user.service_of.clone().into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The user of this id.
    pub async fn user(&mut self, id: &UserId) -> Result<Option<User>, StoreError> {
        let row = self.optional("SELECT * FROM users WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(user).transpose()
    }

    /// The user of this name, in whatever case it is written.
    pub async fn user_by_name(&mut self, name: &Username) -> Result<Option<User>, StoreError> {
        let row = self
            .optional(
                "SELECT * FROM users WHERE lower(username) = $1",
                &[name.as_str().to_ascii_lowercase().into()],
            )
            .await?;
        row.as_ref().map(user).transpose()
    }

    /// Stores a new token.
    pub async fn insert_token(&mut self, new: NewToken<'_>) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO tokens (id, kind, user_id, hash, description, created_at, expires_at, last_used_at, team_id, \
             organization_id, created_by, agent_pool_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            &[
                (&new.token.id).into(),
                new.token.kind.as_str().into(),
                new.token.user_id.as_ref().into(),
                new.hash.into(),
                (&new.token.description).into(),
                new.token.created_at.into(),
                new.token.expires_at.into(),
                new.token.last_used_at.into(),
                new.token.team_id.as_ref().into(),
                new.token.organization_id.as_ref().into(),
                new.token.created_by.as_ref().into(),
                new.token.agent_pool_id.as_ref().into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The token with this hash, unless it has expired or its user is suspended.
    pub async fn token_by_hash(
        &mut self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<ApiToken>, StoreError> {
        let row = self.optional(working!("k.hash = $1"), &[hash.into()]).await?;
        let found = row.as_ref().map(token).transpose()?;
        Ok(found.filter(|token| token.expires_at.is_none_or(|end| now < end)))
    }

    /// Tells whether the token of this id works: it is there, has not expired, and its user is not suspended.
    pub async fn is_token_working(&mut self, id: &TokenId, now: Timestamp) -> Result<bool, StoreError> {
        let row = self.optional(working!("k.id = $1"), &[id.into()]).await?;
        let found = row.as_ref().map(token).transpose()?;
        Ok(found.is_some_and(|token| token.expires_at.is_none_or(|end| now < end)))
    }

    /// Takes the access of a user away, or gives it back.
    pub async fn set_suspended(&mut self, id: &UserId, is_suspended: bool) -> Result<(), StoreError> {
        self.execute("UPDATE users SET is_suspended = $2 WHERE id = $1", &[id.into(), is_suspended.into()])
            .await
            .map(drop)
    }

    /// A page of the people with an account, the oldest first, and how many there are.
    pub async fn people(
        &mut self,
        filter: &PeopleFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<User>, u64), StoreError> {
        let mut binds: Vec<Bind> = vec![
            filter.text.as_deref().map(contains).into(),
            filter.is_suspended.map(|is| is.to_string()).into(),
        ];
        let total = self.total(people!("COUNT(*) AS total", ""), &binds).await?;
        binds.extend([limit.into(), offset.into()]);
        let rows =
            self.all(people!("u.*", " ORDER BY u.created_at, u.id LIMIT $3 OFFSET $4"), &binds).await?;
        Ok((rows.iter().map(user).collect::<Result<_, _>>()?, total))
    }

    /// Notes that a token was used.
    pub async fn touch_token(&mut self, id: &TokenId, now: Timestamp) -> Result<(), StoreError> {
        self.execute("UPDATE tokens SET last_used_at = $2 WHERE id = $1", &[id.into(), now.into()])
            .await
            .map(drop)
    }

    /// The tokens of a user, the oldest first.
    pub async fn user_tokens(&mut self, id: &UserId) -> Result<Vec<ApiToken>, StoreError> {
        let rows = self
            .all(
                "SELECT * FROM tokens WHERE user_id = $1 AND kind = 'user' ORDER BY created_at, id",
                &[id.into()],
            )
            .await?;
        rows.iter().map(token).collect()
    }

    /// The token of this id.
    pub async fn token(&mut self, id: &TokenId) -> Result<Option<ApiToken>, StoreError> {
        let row = self.optional("SELECT * FROM tokens WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(token).transpose()
    }

    /// Removes a token; `false` when there is none of this id.
    pub async fn delete_token(&mut self, id: &TokenId) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM tokens WHERE id = $1", &[id.into()]).await? > 0)
    }

    /// Gives the tokens of a kind with this description another secret, but for those of agent pools; `false` when there is none.
    pub async fn replace_token_hash(
        &mut self,
        kind: TokenKind,
        description: &str,
        hash: &TokenHash,
    ) -> Result<bool, StoreError> {
        let replaced = self
            .execute(
                "UPDATE tokens SET hash = $3 WHERE kind = $1 AND description = $2 AND agent_pool_id IS NULL",
                &[kind.as_str().into(), description.into(), hash.into()],
            )
            .await?;
        Ok(replaced > 0)
    }

    /// Removes every token of a kind with this description, but for those of agent pools.
    pub async fn delete_tokens(&mut self, kind: TokenKind, description: &str) -> Result<u64, StoreError> {
        self.execute(
            "DELETE FROM tokens WHERE kind = $1 AND description = $2 AND agent_pool_id IS NULL",
            &[kind.as_str().into(), description.into()],
        )
        .await
    }

    /// Tells whether two users are members of one organization.
    pub async fn users_share_organization(
        &mut self,
        one: &UserId,
        other: &UserId,
    ) -> Result<bool, StoreError> {
        let row = self
            .optional(
                "SELECT a.organization_id FROM memberships a JOIN memberships b ON b.organization_id = a.organization_id \
                 WHERE a.user_id = $1 AND b.user_id = $2 LIMIT 1",
                &[one.into(), other.into()],
            )
            .await?;
        Ok(row.is_some())
    }

    /// A setting of the whole site.
    pub async fn meta(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let row = self.optional("SELECT value FROM meta WHERE key = $1", &[key.into()]).await?;
        row.map(|row| row.text("value")).transpose()
    }

    /// Writes a setting of the whole site; `None` removes it.
    pub async fn set_meta(&mut self, key: &str, value: Option<&str>) -> Result<(), StoreError> {
        match value {
            Some(value) => self
                .execute(
                    "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = $2",
                    &[key.into(), value.into()],
                )
                .await
                .map(drop),
            None => self.execute("DELETE FROM meta WHERE key = $1", &[key.into()]).await.map(drop),
        }
    }
}
