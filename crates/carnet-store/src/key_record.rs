//! Where signing keys are in their lives, and which tokens they served.

use std::time::Duration;

use carnet_model::{IssuerKeys, IssuerName, KeyRecord, KeyState, OrgId, Timestamp};

use crate::db::{Row, StoreError, Tx};
use crate::identity_token::{IdentityToken, token};

fn record(row: &Row) -> Result<KeyRecord, StoreError> {
    Ok(KeyRecord {
        kid: row.text("kid")?,
        state: row.parsed("state")?,
        announcement: Duration::from_millis(row.count("announcement")?),
        publish_at: row.time("publish_at")?,
        created_at: row.time("created_at")?,
        published_at: row.optional_time("published_at")?,
        seen_outside_at: row.optional_time("seen_outside_at")?,
        activated_at: row.optional_time("activated_at")?,
        retired_at: row.optional_time("retired_at")?,
        ended_at: row.optional_time("ended_at")?,
        held_until: row.optional_time("held_until")?,
        last_expiry: row.optional_time("last_expiry")?,
    })
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// How the tokens of a key are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokensOfKey {
    /// Those that are valid after this time.
    ValidAfter(Timestamp),
    /// All that ever were.
    Ever,
}

impl TokensOfKey {
    fn after(self) -> i64 {
        match self {
            Self::ValidAfter(time) => time.as_millisecond(),
            Self::Ever => i64::MIN,
        }
    }
}

/// Behind which token a page of a key's tokens begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenMark {
    /// When the last token of the page before ends.
    pub expires_at: Timestamp,
    /// Its id.
    pub jti: String,
}

/// A token of a key, with the name of its workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyToken {
    /// The entry of the ledger.
    pub token: IdentityToken,
    /// The name of the workspace; `None` when it is gone.
    pub workspace_name: Option<String>,
    /// The name of the organization; `None` when it is gone.
    pub organization_name: Option<String>,
    /// The last report of the job about its credentials.
    pub report: Option<String>,
}

impl Tx {
    /// The keys of an issuer whose life is not over, the oldest first.
    pub async fn issuer_keys(&mut self, issuer: &IssuerName) -> Result<IssuerKeys, StoreError> {
        let rows = self
            .all(
                "SELECT k.*, (SELECT MAX(t.expires_at) FROM identity_tokens t WHERE t.kid = k.kid) AS last_expiry \
                 FROM signing_keys k WHERE k.issuer = $1 \
                 AND k.state IN ('prepared', 'published', 'active', 'retired') ORDER BY k.created_at, k.kid",
                &[issuer.as_str().into()],
            )
            .await?;
        Ok(rows.iter().map(record).collect::<Result<Vec<_>, _>>()?.into())
    }

    /// The latest `limit` keys of an issuer that were removed or revoked, the newest first.
    pub async fn ended_keys(
        &mut self,
        issuer: &IssuerName,
        limit: u64,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        let rows = self
            .all(
                "SELECT k.*, (SELECT MAX(t.expires_at) FROM identity_tokens t WHERE t.kid = k.kid) AS last_expiry \
                 FROM signing_keys k WHERE k.issuer = $1 AND k.state IN ('removed', 'revoked') \
                 ORDER BY k.created_at DESC, k.kid DESC LIMIT $2",
                &[issuer.as_str().into(), limit.into()],
            )
            .await?;
        rows.iter().map(record).collect()
    }

    /// A key by its name, whatever became of it, and whose it is.
    pub async fn key_record(&mut self, kid: &str) -> Result<Option<(IssuerName, KeyRecord)>, StoreError> {
        let row = self
            .optional(
                "SELECT k.*, (SELECT MAX(t.expires_at) FROM identity_tokens t WHERE t.kid = k.kid) AS last_expiry \
                 FROM signing_keys k WHERE k.kid = $1",
                &[kid.into()],
            )
            .await?;
        row.map(|row| Ok((row.parsed("issuer")?, record(&row)?))).transpose()
    }

    /// Saves where a key is in its life. When that is over, the private half is wiped.
    pub async fn save_key_record(&mut self, key: &KeyRecord) -> Result<(), StoreError> {
        self.execute(
            "UPDATE signing_keys SET state = $2, announcement = $3, publish_at = $4, published_at = $5, \
             seen_outside_at = $6, activated_at = $7, retired_at = $8, ended_at = $9, held_until = $10 \
             WHERE kid = $1",
            &[
                (&key.kid).into(),
                key.state.as_str().into(),
                millis(key.announcement).into(),
                key.publish_at.into(),
                key.published_at.into(),
                key.seen_outside_at.into(),
                key.activated_at.into(),
                key.retired_at.into(),
                key.ended_at.into(),
                key.held_until.into(),
            ],
        )
        .await?;
        if key.state.is_over() {
            let sql = "UPDATE signing_keys SET sealed_pkcs8 = '' WHERE kid = $1";
            self.execute(sql, &[(&key.kid).into()]).await?;
        }
        Ok(())
    }

    /// Notes that a key was seen outside in the published key set; what was noted first stays.
    pub async fn note_key_seen_outside(&mut self, kid: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE signing_keys SET seen_outside_at = $2 \
                   WHERE kid = $1 AND state = 'published' AND seen_outside_at IS NULL";
        self.execute(sql, &[kid.into(), now.into()]).await.map(drop)
    }

    /// Notes that a published key is not seen outside any more: whoever reads the key set there now does not know it.
    pub async fn note_key_unseen(&mut self, kid: &str) -> Result<(), StoreError> {
        let sql = "UPDATE signing_keys SET seen_outside_at = NULL WHERE kid = $1 AND state = 'published'";
        self.execute(sql, &[kid.into()]).await.map(drop)
    }

    /// Where a key is in its life; `None` when there is none of this name.
    pub async fn key_state(&mut self, kid: &str) -> Result<Option<KeyState>, StoreError> {
        let row = self.optional("SELECT state FROM signing_keys WHERE kid = $1", &[kid.into()]).await?;
        row.map(|row| row.parsed("state")).transpose()
    }

    /// How many tokens of a key there are.
    pub async fn count_tokens_of_key(&mut self, kid: &str, which: TokensOfKey) -> Result<u64, StoreError> {
        self.total(
            "SELECT COUNT(*) AS total FROM identity_tokens WHERE kid = $1 AND expires_at > $2",
            &[kid.into(), which.after().into()],
        )
        .await
    }

    /// The organizations whose runs got tokens of a key.
    pub async fn organizations_of_key(
        &mut self,
        kid: &str,
        which: TokensOfKey,
    ) -> Result<Vec<OrgId>, StoreError> {
        let rows = self
            .all(
                "SELECT DISTINCT organization_id FROM identity_tokens WHERE kid = $1 AND expires_at > $2 \
                 ORDER BY organization_id",
                &[kid.into(), which.after().into()],
            )
            .await?;
        rows.iter().map(|row| row.parsed("organization_id")).collect()
    }

    /// The `limit` tokens of a key behind a mark, those that end first first.
    ///
    /// Pages are told by what they end with: with the same time in `which`, a token that ends meanwhile moves no other.
    pub async fn tokens_of_key(
        &mut self,
        kid: &str,
        which: TokensOfKey,
        (mark, limit): (Option<&TokenMark>, u64),
    ) -> Result<Vec<KeyToken>, StoreError> {
        let (ends, jti) = mark.map_or((i64::MIN, ""), |mark| (mark.expires_at.as_millisecond(), &*mark.jti));
        let rows = self
            .all(
                "SELECT t.*, w.name AS workspace_name, o.name AS organization_name, j.credentials AS report \
                 FROM identity_tokens t LEFT JOIN workspaces w ON w.id = t.workspace_id \
                 LEFT JOIN organizations o ON o.id = t.organization_id LEFT JOIN jobs j ON j.id = t.job_id \
                 WHERE t.kid = $1 AND t.expires_at > $2 AND t.expires_at >= $3 \
                 AND (t.expires_at > $3 OR t.jti > $4) ORDER BY t.expires_at, t.jti LIMIT $5",
                &[kid.into(), which.after().into(), ends.into(), jti.into(), limit.into()],
            )
            .await?;
        let served = |row: &Row| {
            Ok(KeyToken {
                token: token(row)?,
                workspace_name: row.optional_text("workspace_name")?,
                organization_name: row.optional_text("organization_name")?,
                report: row.optional_text("report")?,
            })
        };
        rows.iter().map(served).collect()
    }
}
