//! The keys of an issuer: the one that signs and those that are only published.

use crate::{Jwks, PublicJwk, SigningKey};

/// A key and its place in the ring.
#[derive(Debug)]
pub enum RingKey {
    /// Published ahead of its use, so that caches of relying parties know it when it starts to sign.
    Upcoming(PublicJwk),
    /// The key that signs.
    Current(SigningKey),
    /// No longer signs, still published for the tokens it has signed.
    Previous(PublicJwk),
}

/// The keys of an issuer, of which one signs; none does when the last one was revoked and no other could be made.
#[derive(Debug)]
pub struct KeyRing {
    current: Option<SigningKey>,
    upcoming: Vec<PublicJwk>,
    previous: Vec<PublicJwk>,
}

/// Why keys do not make a ring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// More than one key signs.
    #[error("more than one of the issuer's keys is the current one")]
    SeveralCurrent,
    /// One key is there twice.
    #[error("key {kid} is in the ring twice")]
    Duplicate {
        /// The name of the key.
        kid: String,
    },
}

impl KeyRing {
    /// Makes a ring of keys that come in any order.
    ///
    /// Fails when there is more than one current key, or a key twice.
    pub fn new(keys: impl IntoIterator<Item = RingKey>) -> Result<Self, RingError> {
        let (mut current, mut upcoming, mut previous) = (None, Vec::new(), Vec::new());
        for key in keys {
            match key {
                RingKey::Current(_) if current.is_some() => return Err(RingError::SeveralCurrent),
                RingKey::Current(key) => current = Some(key),
                RingKey::Upcoming(key) => upcoming.push(key),
                RingKey::Previous(key) => previous.push(key),
            }
        }
        let ring = Self { current, upcoming, previous };
        match ring.duplicate() {
            Some(key) => Err(RingError::Duplicate { kid: key.kid().to_string() }),
            None => Ok(ring),
        }
    }

    /// Makes the ring of a new issuer: one key.
    pub fn single(key: SigningKey) -> Self {
        Self { current: Some(key), upcoming: Vec::new(), previous: Vec::new() }
    }

    /// The key that signs, if there is one.
    pub fn current(&self) -> Option<&SigningKey> {
        self.current.as_ref()
    }

    /// The keys that are published ahead of their use.
    pub fn upcoming(&self) -> &[PublicJwk] {
        &self.upcoming
    }

    /// The keys that are still published for the tokens they have signed.
    pub fn previous(&self) -> &[PublicJwk] {
        &self.previous
    }

    /// The public key of this name.
    pub fn find(&self, kid: &str) -> Option<&PublicJwk> {
        self.published().find(|key| key.kid().as_str() == kid)
    }

    /// The key set that relying parties read; the key that signs comes first.
    pub fn jwks(&self) -> Jwks {
        Jwks { keys: self.published().cloned().collect() }
    }

    fn published(&self) -> impl Iterator<Item = &PublicJwk> {
        self.current.iter().map(SigningKey::public).chain(&self.upcoming).chain(&self.previous)
    }

    fn duplicate(&self) -> Option<&PublicJwk> {
        self.published()
            .enumerate()
            .find(|(index, key)| self.published().take(*index).any(|earlier| earlier.kid() == key.kid()))
            .map(|(_, key)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_current_key_signs_and_comes_first_in_the_key_set() {
        let (current, other) = (fixture::key(), fixture::other_key());
        for place in [RingKey::Upcoming, RingKey::Previous] {
            let ring = KeyRing::new([place(other.public().clone()), RingKey::Current(fixture::key())])
                .expect("a ring");
            assert_eq!(ring.current().map(SigningKey::kid), Some(current.kid()));
            assert_eq!(ring.jwks().keys, [current.public().clone(), other.public().clone()]);
            assert_eq!(ring.find(other.kid().as_str()), Some(other.public()));
            assert_eq!(ring.find("unknown"), None);
        }
    }

    #[test]
    fn a_ring_of_several_current_keys_or_of_one_twice_cannot_be_made() {
        let other = fixture::other_key();
        let check = |keys: Vec<RingKey>, expected| assert_eq!(KeyRing::new(keys).map(|_| ()), Err(expected));
        check(
            vec![RingKey::Current(fixture::key()), RingKey::Current(fixture::other_key())],
            RingError::SeveralCurrent,
        );
        check(
            vec![RingKey::Previous(other.public().clone()), RingKey::Current(fixture::other_key())],
            RingError::Duplicate { kid: other.kid().to_string() },
        );
    }

    #[test]
    fn a_ring_whose_key_was_revoked_publishes_the_others_and_signs_nothing() {
        let other = fixture::other_key();
        let ring = KeyRing::new([RingKey::Previous(other.public().clone())]).expect("a ring");
        assert!(ring.current().is_none());
        assert_eq!(ring.jwks().keys, [other.public().clone()]);
        let issuer = crate::Issuer::new(fixture::issuer_url(), KeyRing::new([]).expect("a ring"));
        assert_eq!(issuer.jwks().to_json(), br#"{"keys":[]}"#);
    }
}
