use async_trait::async_trait;
use carnet_issuer::{KeyReference, KeySourceError};
use zeroize::Zeroizing;

use super::*;

/// Wraps by turning every byte around; forgetful ones open another key than they wrapped.
#[derive(Debug)]
struct Turner {
    reference: KeyReference,
    is_forgetful: bool,
}

#[async_trait]
impl KeyWrapper for Turner {
    fn reference(&self) -> &KeyReference {
        &self.reference
    }

    async fn wrap(&self, key: &[u8]) -> Result<String, KeySourceError> {
        Ok(key.iter().rev().map(|byte| char::from(*byte)).collect())
    }

    async fn open(&self, ciphertext: &str) -> Result<Zeroizing<Vec<u8>>, KeySourceError> {
        let mut key: Vec<u8> = ciphertext.bytes().rev().collect();
        if self.is_forgetful {
            key[0] ^= 1;
        }
        Ok(Zeroizing::new(key))
    }

    async fn rewrap(&self, ciphertext: &str) -> Result<String, KeySourceError> {
        Ok(ciphertext.to_owned())
    }
}

fn turner(place: &str) -> Option<Box<dyn KeyWrapper>> {
    Some(Box::new(Turner { reference: place.parse().expect("a reference"), is_forgetful: false }))
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn folder(name: &str) -> (Folder, DataDir) {
    let path = std::env::temp_dir().join(format!("carnet-master-key-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    let data = DataDir::open(&path).expect("opened");
    (Folder(path), data)
}

async fn refused(place: &MasterKeyPlace, is_in_use: bool) -> String {
    format!("{:#}", place.key(is_in_use).await.expect_err("refused"))
}

#[tokio::test]
async fn the_master_key_is_made_once_and_for_its_owner_only() {
    let (path, data) = folder("made");
    let place = MasterKeyPlace::new(&data, None, None);
    let first = place.key(false).await.expect("made").to_text();
    assert_eq!(*place.key(true).await.expect("read").to_text(), *first);
    let mode = |file: &str| fs::metadata(path.0.join(file)).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode("master.key"), 0o600);
    assert_eq!(mode("."), 0o700);
    fs::set_permissions(path.0.join("master.key"), fs::Permissions::from_mode(0o644)).expect("changed");
    assert!(refused(&place, false).await.contains("can be read by others"));
}

#[tokio::test]
async fn a_wrapped_master_key_is_made_once_and_never_lies_in_the_clear() {
    let (path, data) = folder("wrapped");
    let place = MasterKeyPlace::new(&data, None, turner("transit:transit/m"));
    let first = place.key(false).await.expect("made").to_text();
    assert_eq!(*place.key(true).await.expect("opened").to_text(), *first);
    assert!(!path.0.join("master.key").exists());
    let text = fs::read_to_string(path.0.join("master.key.wrapped")).expect("there");
    assert!(!text.contains(first.as_str()) && text.contains("transit:transit/m"), "{text}");
}

#[tokio::test]
async fn a_lost_master_key_is_not_replaced() {
    let (_path, data) = folder("lost");
    for wrapper in [None, turner("transit:transit/m")] {
        let place = MasterKeyPlace::new(&data, None, wrapper);
        let text = refused(&place, true).await;
        assert!(text.contains("put it back") && text.contains("the same key"), "{text}");
    }
}

#[tokio::test]
async fn a_key_that_is_kept_otherwise_than_the_options_say_is_refused_with_the_command_that_helps() {
    let (_path, data) = folder("otherwise");
    let plain = MasterKeyPlace::new(&data, None, None);
    plain.key(false).await.expect("made");
    let wrapped = MasterKeyPlace::new(&data, None, turner("transit:transit/m"));
    assert!(refused(&wrapped, true).await.contains("wrap-master-key"));
    fs::remove_file(plain.plain_file()).expect("removed");
    wrapped.key(false).await.expect("made");
    let text = refused(&plain, true).await;
    assert!(text.contains("--master-key-wrapper") && text.contains("unwrap-master-key"), "{text}");
    let other = MasterKeyPlace::new(&data, None, turner("transit:transit/other"));
    assert!(refused(&other, true).await.contains("rewrap-master-key"));
}

#[tokio::test]
async fn a_wrapper_that_does_not_give_the_key_back_is_found_out_before_anything_is_written() {
    let reference = "transit:transit/m".parse().expect("a reference");
    let wrapper = Turner { reference, is_forgetful: true };
    let key = MasterKey::from_bytes([0; 32]);
    assert!(wrap(&wrapper, &key).await.is_err());
}

#[test]
fn a_file_is_replaced_whole() {
    let (path, _data) = folder("replaced");
    let file = path.0.join("master.key.wrapped");
    for text in ["one", "another"] {
        replace(&file, text.as_bytes()).expect("replaced");
        assert_eq!(fs::read_to_string(&file).expect("there"), text);
    }
}
