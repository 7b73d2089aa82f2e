//! The calls of a module: they block.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use aws_lc_rs::rand;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use secrecy::ExposeSecret as _;

use super::ModuleSettings;
use crate::{KeySourceError, PublicJwk};

/// A module whose library is loaded with the first call.
pub(super) struct Module {
    settings: ModuleSettings,
    library: OnceLock<Pkcs11>,
    /// Sessions that nobody uses now, logged in, and the token that they are with.
    idle: Mutex<Vec<(String, Session)>>,
    /// The module refused the PIN: asking again with it would lock the token.
    has_wrong_pin: AtomicBool,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module").field("library", &self.settings.library).finish_non_exhaustive()
    }
}

impl Module {
    pub(super) fn new(settings: ModuleSettings) -> Self {
        Self {
            settings,
            library: OnceLock::new(),
            idle: Mutex::default(),
            has_wrong_pin: AtomicBool::new(false),
        }
    }

    /// What is asked, for people.
    pub(super) fn place(&self) -> String {
        format!("the module {}", self.settings.library.display())
    }

    /// Makes a key pair that cannot be read out; returns its `CKA_ID`.
    pub(super) fn make(&self, token: &str, label: &str) -> Result<(Vec<u8>, PublicJwk), KeySourceError> {
        let mut id = vec![0; 16];
        rand::fill(&mut id).map_err(|_| self.refused("the operating system gives no randomness"))?;
        let both = [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(id.clone())];
        let public = [
            Attribute::Private(false),
            Attribute::Verify(true),
            Attribute::ModulusBits(2048.into()),
            Attribute::PublicExponent(vec![1, 0, 1]),
        ];
        let private = [
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
        ];
        let (public, private) = ([&both[..], &public].concat(), [&both[..], &private].concat());
        self.with_session(token, |session| {
            session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private)
        })?;
        let public = self.public_key(token, label, &id)?;
        Ok((id, public))
    }

    /// The public half of a key.
    pub(super) fn public_key(
        &self,
        token: &str,
        label: &str,
        id: &[u8],
    ) -> Result<PublicJwk, KeySourceError> {
        let found = self.with_session(token, |session| {
            let Some(key) = find(session, ObjectClass::PUBLIC_KEY, label, id)? else { return Ok(None) };
            session.get_attributes(key, &[AttributeType::Modulus, AttributeType::PublicExponent]).map(Some)
        })?;
        let attributes = found.ok_or_else(|| self.missing(token, label, id))?;
        let (mut modulus, mut exponent) = (Vec::new(), Vec::new());
        for attribute in attributes {
            match attribute {
                Attribute::Modulus(bytes) => modulus = bytes,
                Attribute::PublicExponent(bytes) => exponent = bytes,
                _ => {}
            }
        }
        PublicJwk::from_components(&modulus, &exponent).map_err(|error| self.refused(&error.to_string()))
    }

    /// Signs with `CKM_SHA256_RSA_PKCS`.
    pub(super) fn sign(
        &self,
        token: &str,
        label: &str,
        id: &[u8],
        message: &[u8],
    ) -> Result<Vec<u8>, KeySourceError> {
        let signature =
            self.with_session(token, |session| match find(session, ObjectClass::PRIVATE_KEY, label, id)? {
                Some(key) => session.sign(&Mechanism::Sha256RsaPkcs, key, message).map(Some),
                None => Ok(None),
            })?;
        signature.ok_or_else(|| self.missing(token, label, id))
    }

    /// Does something in a session with a token, once more in a new session when the one of before has ended.
    fn with_session<T>(
        &self,
        token: &str,
        action: impl Fn(&Session) -> Result<T, Error>,
    ) -> Result<T, KeySourceError> {
        if let Some(session) = self.idle_session(token)
            && let Ok(result) = action(&session)
        {
            self.keep(token, session);
            return Ok(result);
        }
        let session = self.new_session(token)?;
        let result = action(&session).map_err(|error| self.failed(&error))?;
        self.keep(token, session);
        Ok(result)
    }

    fn idle_session(&self, token: &str) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let found = idle.iter().position(|(of, _)| of == token)?;
        Some(idle.swap_remove(found).1)
    }

    fn keep(&self, token: &str, session: Session) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((token.to_owned(), session));
    }

    fn new_session(&self, token: &str) -> Result<Session, KeySourceError> {
        if self.has_wrong_pin.load(Ordering::Relaxed) {
            return Err(KeySourceError::Denied {
                place: self.place(),
                reason: "the PIN was refused before, and is not tried again, which could lock the token: put it right and \
                         start the server again"
                    .to_owned(),
            });
        }
        let library = self.library()?;
        let slot = self.slot(library, token)?;
        // Making keys writes to the token.
        let session = library.open_rw_session(slot).map_err(|error| self.failed(&error))?;
        let pin = AuthPin::from(self.settings.pin.expose_secret());
        match session.login(UserType::User, Some(&pin)) {
            // The login is of the whole process.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(error) => {
                let is_pin = |code: &RvError| matches!(code, RvError::PinIncorrect | RvError::PinLocked);
                if matches!(&error, Error::Pkcs11(code, _) if is_pin(code)) {
                    self.has_wrong_pin.store(true, Ordering::Relaxed);
                }
                Err(self.failed(&error))
            }
        }
    }

    fn slot(&self, library: &Pkcs11, token: &str) -> Result<Slot, KeySourceError> {
        let slots = library.get_slots_with_token().map_err(|error| self.failed(&error))?;
        let is_it =
            |slot: &Slot| library.get_token_info(*slot).is_ok_and(|info| info.label().trim_end() == token);
        slots.into_iter().find(is_it).ok_or_else(|| KeySourceError::Missing {
            place: self.place(),
            what: format!("the token {token:?}"),
            way_out: "make it with the tool of the module (softhsm2-util --init-token, pkcs11-tool --init-token)",
        })
    }

    fn library(&self) -> Result<&Pkcs11, KeySourceError> {
        if let Some(library) = self.library.get() {
            return Ok(library);
        }
        let library = Pkcs11::new(&self.settings.library)
            .map_err(|error| KeySourceError::Unloadable { place: self.place(), source: Box::new(error) })?;
        match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(self.failed(&error)),
        }
        Ok(self.library.get_or_init(|| library))
    }

    fn missing(&self, token: &str, label: &str, id: &[u8]) -> KeySourceError {
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        KeySourceError::Missing {
            place: self.place(),
            what: format!("the key {label:?} with the id {id} in the token {token:?}"),
            way_out: "was it deleted there? Rotate the signing key, so that another one signs",
        }
    }

    fn refused(&self, reason: &str) -> KeySourceError {
        KeySourceError::Refused { place: self.place(), reason: reason.to_owned() }
    }

    fn failed(&self, error: &Error) -> KeySourceError {
        let place = self.place();
        let Error::Pkcs11(code, function) = error else { return self.refused(&error.to_string()) };
        let reason = format!("{function:?} returned {code:?}");
        match code {
            RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => KeySourceError::Denied {
                place,
                reason: format!(
                    "the PIN is wrong ({reason}): put --pkcs11-pin-file right and start the server again"
                ),
            },
            RvError::PinLocked | RvError::PinExpired => KeySourceError::Denied {
                place,
                reason: format!("the token is locked ({reason}); its security officer sets a new PIN"),
            },
            RvError::DeviceRemoved
            | RvError::TokenNotPresent
            | RvError::DeviceError
            | RvError::SessionHandleInvalid => KeySourceError::NotReady { place, reason },
            _ => KeySourceError::Refused { place, reason },
        }
    }
}

fn find(
    session: &Session,
    class: ObjectClass,
    label: &str,
    id: &[u8],
) -> Result<Option<ObjectHandle>, Error> {
    let wanted = [
        Attribute::Class(class),
        Attribute::KeyType(KeyType::RSA),
        Attribute::Label(label.into()),
        Attribute::Id(id.to_vec()),
    ];
    Ok(session.find_objects(&wanted)?.first().copied())
}
