//! Codes that `terraform login` trades for a token.

use carnet_model::{Timestamp, TokenId, UserId};

use crate::db::{Row, StoreError, Tx};
use crate::store::TokenHash;

/// What a code is bound to. The code itself is stored as a hash only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginCode {
    /// The client that asked.
    pub client_id: String,
    /// Where the code was sent.
    pub redirect_uri: String,
    /// The hash of the secret that the client proves itself with (RFC 7636).
    pub code_challenge: String,
    /// Who approved.
    pub user_id: UserId,
    /// The token with which.
    pub approving_token_id: Option<TokenId>,
    /// The token that the code was traded for.
    pub token_id: Option<TokenId>,
    /// When it stops working.
    pub expires_at: Timestamp,
}

fn login_code(row: &Row) -> Result<LoginCode, StoreError> {
    Ok(LoginCode {
        client_id: row.text("client_id")?,
        redirect_uri: row.text("redirect_uri")?,
        code_challenge: row.text("code_challenge")?,
        user_id: row.parsed("user_id")?,
        approving_token_id: row.optional_parsed("approving_token_id")?,
        token_id: row.optional_parsed("token_id")?,
        expires_at: row.time("expires_at")?,
    })
}

impl Tx {
    /// Stores a new code.
    pub async fn insert_login_code(&mut self, hash: &TokenHash, code: &LoginCode) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO login_codes \
             (hash, client_id, redirect_uri, code_challenge, user_id, token_id, expires_at, approving_token_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                hash.into(),
                (&code.client_id).into(),
                (&code.redirect_uri).into(),
                (&code.code_challenge).into(),
                (&code.user_id).into(),
                code.token_id.as_ref().into(),
                code.expires_at.into(),
                code.approving_token_id.as_ref().into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The code with this hash, unless it has expired.
    pub async fn login_code(
        &mut self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<LoginCode>, StoreError> {
        let binds = [hash.into(), now.into()];
        let row =
            self.optional("SELECT * FROM login_codes WHERE hash = $1 AND expires_at > $2", &binds).await?;
        row.as_ref().map(login_code).transpose()
    }

    /// Notes what a code was traded for.
    pub async fn set_login_code_token(
        &mut self,
        hash: &TokenHash,
        token: &TokenId,
    ) -> Result<(), StoreError> {
        self.execute("UPDATE login_codes SET token_id = $2 WHERE hash = $1", &[hash.into(), token.into()])
            .await
            .map(drop)
    }

    /// Removes a code.
    pub async fn delete_login_code(&mut self, hash: &TokenHash) -> Result<(), StoreError> {
        self.execute("DELETE FROM login_codes WHERE hash = $1", &[hash.into()]).await.map(drop)
    }

    /// Removes the codes that have expired.
    pub async fn delete_expired_login_codes(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.execute("DELETE FROM login_codes WHERE expires_at <= $1", &[now.into()]).await.map(drop)
    }
}
