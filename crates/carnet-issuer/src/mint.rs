//! Minting: one identity, one audience, one short-lived token.

use std::time::Duration;

use carnet_model::Timestamp;
use secrecy::SecretString;

use crate::{
    Audience, DiscoveryDocument, IssuerUrl, Jti, Jwks, KeyError, KeyId, KeyRing, SigningKey,
    claims::{TokenFacts, Workload},
};

/// The shortest life of a token.
pub const MIN_LIFETIME: Duration = Duration::from_secs(1);

/// The longest life of a token: what Google's workload identity federation accepts.
pub const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// An issuer: a URL and the keys that sign in its name.
#[derive(Debug)]
pub struct Issuer {
    url: IssuerUrl,
    ring: KeyRing,
}

/// What a token is asked for.
#[derive(Debug, Clone)]
pub struct MintRequest {
    /// Whom the token is for.
    pub audience: Audience,
    /// How long it is valid; counted in whole seconds.
    pub lifetime: Duration,
    /// The id of the token, under which the ledger already has it.
    pub jti: Jti,
}

/// Everything that a token will say, before it is signed.
#[derive(Debug, Clone)]
pub struct TokenDraft {
    /// The id of the token.
    pub jti: Jti,
    /// The key that will sign it.
    pub kid: KeyId,
    /// The claim `sub`.
    pub subject: String,
    /// Whom it is for.
    pub audience: Audience,
    /// When it is issued, to the second.
    pub issued_at: Timestamp,
    /// When it stops being valid, to the second.
    pub expires_at: Timestamp,
    claims: Vec<u8>,
}

impl TokenDraft {
    /// The claims as the JSON that is signed.
    pub fn claims_json(&self) -> &[u8] {
        &self.claims
    }
}

/// A token and what is known about it without reading it.
#[derive(Debug)]
pub struct MintedToken {
    /// The signed token.
    pub token: SecretString,
    /// The id of the token.
    pub jti: Jti,
    /// The key that signed it.
    pub kid: KeyId,
    /// The claim `sub`.
    pub subject: String,
    /// Whom it is for.
    pub audience: Audience,
    /// When it was issued, to the second.
    pub issued_at: Timestamp,
    /// When it stops being valid, to the second.
    pub expires_at: Timestamp,
}

/// Why no token was minted.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The lifetime is out of bounds.
    #[error("a token lives 1 second to 24 hours, not {} seconds", .lifetime.as_secs())]
    Lifetime {
        /// The lifetime that was asked for.
        lifetime: Duration,
    },
    /// The clock is so far off that the token's times cannot be expressed.
    #[error("the times of the token cannot be expressed")]
    Clock(#[source] jiff::Error),
    /// No key signs.
    #[error("no key of the issuer signs: the last one was revoked, and no new one could be made")]
    NoKey,
    /// The key could not sign.
    #[error("the token could not be signed")]
    Key(#[from] KeyError),
}

impl Issuer {
    /// Makes an issuer.
    pub fn new(url: IssuerUrl, ring: KeyRing) -> Self {
        Self { url, ring }
    }

    /// The issuer's URL: the claim `iss`.
    pub fn url(&self) -> &IssuerUrl {
        &self.url
    }

    /// The issuer's keys.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// The discovery document to serve.
    pub fn discovery(&self) -> DiscoveryDocument {
        DiscoveryDocument::new(&self.url)
    }

    /// The key set to serve.
    pub fn jwks(&self) -> Jwks {
        self.ring.jwks()
    }

    /// Writes down what a token will say, without signing it: this is what the ledger keeps.
    ///
    /// Whether the job may have this identity is for the caller to decide. Fails when the lifetime is out of bounds, or no key
    /// signs.
    pub fn draft<'a>(
        &self,
        workload: impl Into<Workload<'a>>,
        request: MintRequest,
        now: Timestamp,
    ) -> Result<TokenDraft, IssuerError> {
        if !(MIN_LIFETIME..=MAX_LIFETIME).contains(&request.lifetime) {
            return Err(IssuerError::Lifetime { lifetime: request.lifetime });
        }
        let issued_at = Timestamp::from_second(now.as_second()).map_err(IssuerError::Clock)?;
        let lifetime = Duration::from_secs(request.lifetime.as_secs());
        let expires_at = issued_at.checked_add(lifetime).map_err(IssuerError::Clock)?;
        let workload = workload.into();
        let subject = workload.subject();
        let facts = TokenFacts {
            jti: request.jti,
            issuer: &self.url,
            audience: &request.audience,
            subject: &subject,
            issued_at: issued_at.as_second(),
            expires_at: expires_at.as_second(),
        };
        let claims = workload.claims(&facts);
        let kid = self.current()?.kid().clone();
        Ok(TokenDraft {
            jti: request.jti,
            kid,
            subject,
            audience: request.audience,
            issued_at,
            expires_at,
            claims,
        })
    }

    /// Signs a draft with the current key. This waits for the network when the key is elsewhere, and for nothing when it is here.
    ///
    /// Fails when signing fails; nothing is minted then.
    pub async fn sign(&self, draft: TokenDraft) -> Result<MintedToken, IssuerError> {
        let key = self.current()?;
        let token = key.sign_token(&draft.claims).await?;
        Ok(MintedToken {
            token,
            jti: draft.jti,
            kid: key.kid().clone(),
            subject: draft.subject,
            audience: draft.audience,
            issued_at: draft.issued_at,
            expires_at: draft.expires_at,
        })
    }

    /// The key that signs. Fails when there is none.
    pub(crate) fn current(&self) -> Result<&SigningKey, IssuerError> {
        self.ring.current().ok_or(IssuerError::NoKey)
    }

    /// Mints a token for a workload, signed by the current key.
    ///
    /// Whether the job may have this identity is for the caller to decide. Fails when the lifetime is out of
    /// bounds or signing fails; nothing is minted then.
    pub async fn mint<'a>(
        &self,
        workload: impl Into<Workload<'a>>,
        request: MintRequest,
        now: Timestamp,
    ) -> Result<MintedToken, IssuerError> {
        self.sign(self.draft(workload, request, now)?).await
    }
}

#[cfg(test)]
mod tests {
    use carnet_model::Phase;
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::{Expected, RingKey, VerifyError, fixture, verify_token};

    fn request(lifetime: Duration) -> MintRequest {
        MintRequest { audience: fixture::audience(), lifetime, jti: Jti::from_entropy([7; 16]) }
    }

    fn mint(issuer: &Issuer, lifetime: Duration) -> Result<MintedToken, IssuerError> {
        fixture::at_once(issuer.mint(&fixture::identity(Phase::Plan), request(lifetime), fixture::now()))
    }

    #[test]
    fn a_minted_token_verifies_and_says_what_the_record_says() {
        let issuer = fixture::issuer();
        let minted = mint(&issuer, Duration::from_secs(600)).expect("a token");
        let verified = verify_token(
            minted.token.expose_secret(),
            &issuer.jwks(),
            Expected { issuer: issuer.url(), audience: &minted.audience },
            fixture::now(),
        )
        .expect("verified");
        assert_eq!(verified.jti, minted.jti.to_string());
        assert_eq!(verified.kid, minted.kid);
        assert_eq!(verified.subject, minted.subject);
        assert_eq!(verified.issued_at, minted.issued_at);
        assert_eq!(verified.expires_at, minted.expires_at);
        assert_eq!(minted.expires_at.as_second() - minted.issued_at.as_second(), 600);
        assert_eq!(verified.claims["terraform_run_phase"], "plan");
    }

    #[test]
    fn a_token_of_the_previous_key_verifies_while_that_key_is_published() {
        let before = Issuer::new(fixture::issuer_url(), KeyRing::single(fixture::other_key()));
        let minted = mint(&before, Duration::from_secs(600)).expect("a token");
        let verify = |jwks: &Jwks| {
            let expected = Expected { issuer: before.url(), audience: &minted.audience };
            verify_token(minted.token.expose_secret(), jwks, expected, fixture::now())
        };

        let keys =
            [RingKey::Current(fixture::key()), RingKey::Previous(fixture::other_key().public().clone())];
        let rotated = Issuer::new(fixture::issuer_url(), KeyRing::new(keys).expect("a ring"));
        assert_eq!(mint(&rotated, Duration::from_secs(600)).expect("a token").kid, *fixture::key().kid());
        assert_eq!(verify(&rotated.jwks()).expect("verified").kid, minted.kid);

        let retired = fixture::issuer();
        assert!(matches!(verify(&retired.jwks()), Err(VerifyError::UnknownKey { .. })));
    }

    #[test]
    fn the_lifetime_has_bounds() {
        let issuer = fixture::issuer();
        for refused in [Duration::ZERO, Duration::from_millis(999), Duration::from_millis(86_400_001)] {
            let error = mint(&issuer, refused).expect_err("refused");
            assert!(matches!(error, IssuerError::Lifetime { lifetime } if lifetime == refused));
        }
        for accepted in [1, 86_400] {
            let minted = mint(&issuer, Duration::from_secs(accepted)).expect("a token");
            assert_eq!(
                minted.expires_at.duration_since(minted.issued_at).as_secs(),
                i64::try_from(accepted).expect("small")
            );
        }
    }

    #[test]
    fn a_draft_holds_the_claims_that_are_signed() {
        let issuer = fixture::issuer();
        let draft = issuer
            .draft(&fixture::identity(Phase::Apply), request(Duration::from_secs(60)), fixture::now())
            .expect("a draft");
        let drafted: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(draft.claims_json()).expect("JSON");
        let minted = fixture::at_once(issuer.sign(draft)).expect("a token");
        assert_eq!(fixture::claims(minted.token.expose_secret()), drafted);
    }

    #[test]
    fn times_are_whole_seconds() {
        let minted = mint(&fixture::issuer(), Duration::from_millis(1_900)).expect("a token");
        assert_ne!(fixture::now().subsec_nanosecond(), 0);
        assert_eq!(minted.issued_at.as_second(), fixture::now().as_second());
        assert_eq!(minted.issued_at.subsec_nanosecond(), 0);
        assert_eq!(minted.expires_at.as_second(), minted.issued_at.as_second() + 1);
    }

    #[test]
    fn debug_never_shows_the_token() {
        let minted = mint(&fixture::issuer(), Duration::from_secs(600)).expect("a token");
        let debug = format!("{minted:?} {:?}", fixture::issuer());
        for part in minted.token.expose_secret().split('.') {
            assert!(!debug.contains(part));
        }
        assert!(debug.contains("REDACTED"));
    }

    #[test]
    fn a_token_has_three_parts_in_unpadded_base64url() {
        let issuer = fixture::issuer();
        let minted = mint(&issuer, Duration::from_secs(600)).expect("a token");
        let parts: Vec<_> = minted.token.expose_secret().split('.').collect();
        assert_eq!(parts.len(), 3);
        assert!(parts.iter().all(|part| !part.contains(['=', '+', '/'])));
    }
}
