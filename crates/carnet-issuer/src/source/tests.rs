use std::error::Error as _;
use std::time::Duration;

use carnet_model::Phase;
use secrecy::ExposeSecret as _;

use super::*;
use crate::{Expected, Issuer, IssuerError, Jti, KeyRing, MintRequest, fixture, verify_token};

/// A place that signs with a key which it holds, or with none.
#[derive(Debug)]
struct Vaulted {
    key: Option<SigningKey>,
}

#[async_trait]
impl KeySource for Vaulted {
    fn scheme(&self) -> &'static str {
        "vaulted"
    }

    async fn make(&self) -> Result<(KeyReference, PublicJwk), KeySourceError> {
        let public = self.key.as_ref().expect("a key").public().clone();
        Ok((KeyReference::new("vaulted", "one"), public))
    }

    async fn sign(&self, reference: &KeyReference, message: &[u8]) -> Result<Vec<u8>, KeySourceError> {
        assert_eq!(reference.as_str(), "vaulted:one");
        let sealed =
            || KeySourceError::NotReady { place: "the vault".to_owned(), reason: "unseal it".to_owned() };
        let key = self.key.as_ref().ok_or_else(sealed)?;
        key.signature_of(message).map_err(|_| sealed())
    }
}

fn issuer_with(place: Vaulted) -> Issuer {
    let reference = "vaulted:one".parse().expect("a reference");
    let sources = KeySources::local().with(Arc::new(place));
    let key = sources.key_at(reference, fixture::key().public().clone()).expect("a key");
    Issuer::new(fixture::issuer_url(), KeyRing::single(key))
}

fn mint(issuer: &Issuer) -> Result<String, IssuerError> {
    let request = MintRequest {
        audience: fixture::audience(),
        lifetime: Duration::from_secs(600),
        jti: Jti::from_entropy([7; 16]),
    };
    let minted = fixture::at_once(issuer.mint(&fixture::identity(Phase::Plan), request, fixture::now()))?;
    Ok(minted.token.expose_secret().to_owned())
}

#[test]
fn a_key_elsewhere_signs_the_very_token_that_the_key_would_sign_here() {
    let issuer = issuer_with(Vaulted { key: Some(fixture::key()) });
    let token = mint(&issuer).expect("a token");
    assert_eq!(token, fixture::token());
    let audience = fixture::audience();
    let expected = Expected { issuer: issuer.url(), audience: &audience };
    assert!(verify_token(&token, &issuer.jwks(), expected, fixture::now()).is_ok());
}

#[test]
fn a_place_that_cannot_sign_mints_nothing_and_says_what_helps() {
    let error = mint(&issuer_with(Vaulted { key: None })).expect_err("refused");
    let IssuerError::Key(KeyError::Elsewhere { source, .. }) = &error else { panic!("{error:?}") };
    assert!(source.is_passing());
    assert!(source.summary().contains("perhaps it is sealed"));
    let cause = error.source().and_then(std::error::Error::source).expect("a cause");
    assert_eq!(cause.to_string(), "the vault cannot work now: unseal it");
}

#[test]
fn a_place_that_signs_with_another_key_mints_nothing() {
    let error = mint(&issuer_with(Vaulted { key: Some(fixture::other_key()) })).expect_err("refused");
    assert!(matches!(error, IssuerError::Key(KeyError::OtherKey { .. })), "{error:?}");
}

#[test]
fn whether_a_key_signs_is_found_out_by_a_signature_that_is_no_token() {
    let at = |key: Option<SigningKey>| {
        let sources = KeySources::local().with(Arc::new(Vaulted { key }));
        let reference = "vaulted:one".parse().expect("a reference");
        sources.key_at(reference, fixture::key().public().clone()).expect("a key")
    };
    let check = |key: &SigningKey| fixture::at_once(key.try_to_sign());
    assert!(check(&fixture::key()).is_ok());
    assert!(check(&at(Some(fixture::key()))).is_ok());
    let sealed = check(&at(None)).expect_err("it is sealed");
    assert!(sealed.source().expect("a cause").to_string().contains("unseal it"));
    let other = check(&at(Some(fixture::other_key())));
    assert!(matches!(other, Err(KeyError::OtherKey { .. })), "{other:?}");
}

#[test]
fn the_private_half_of_a_key_elsewhere_cannot_be_written() {
    let issuer = issuer_with(Vaulted { key: Some(fixture::key()) });
    let key = issuer.ring().current().expect("a key");
    assert_eq!(key.reference().map(KeyReference::as_str), Some("vaulted:one"));
    assert!(matches!(key.to_pkcs8(), Err(KeyError::NotHere { .. })));
}

#[test]
fn a_key_in_a_place_that_this_server_does_not_know_names_the_options() {
    let reference: KeyReference = "transit:transit/carnet#3".parse().expect("a reference");
    assert_eq!((reference.scheme(), reference.rest()), ("transit", "transit/carnet#3"));
    let refused =
        KeySources::local().key_at(reference, fixture::key().public().clone()).expect_err("refused");
    let cause = refused.source().expect("a cause").to_string();
    assert!(cause.contains("--transit-address"), "{cause}");
}

#[test]
fn new_keys_are_made_where_the_sources_say() {
    let place = Arc::new(Vaulted { key: Some(fixture::key()) });
    let sources = KeySources::local().making_keys_in(place);
    let made = fixture::at_once(sources.new_key()).expect("a key");
    assert_eq!(made.kid(), fixture::key().kid());
    assert!(!sources.makes_keys_here());
    assert!(KeySources::local().makes_keys_here());
}

#[test]
fn what_names_no_place_is_refused() {
    for text in ["", "local", "transit:", ":x"] {
        assert!(text.parse::<KeyReference>().is_err(), "{text}");
    }
}
