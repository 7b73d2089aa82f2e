use std::fs;

use super::*;
use crate::fixture;

fn documents() -> Documents {
    let issuer = fixture::issuer();
    Documents::new(&issuer.discovery(), &issuer.jwks(), Duration::from_secs(300))
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn folder(name: &str) -> Folder {
    let path = std::env::temp_dir().join(format!("carnet-publish-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    Folder(path)
}

#[tokio::test]
async fn a_folder_gets_both_documents_and_nothing_else() {
    let place = folder("both");
    let destination = Destination::new(&place.0.display().to_string(), &BTreeMap::new()).expect("a folder");
    for _ in 0..2 {
        destination.publish(&documents()).await.expect("published");
    }
    let read = |path: &str| fs::read(place.0.join(&path[1..])).expect("a file");
    assert_eq!(read(JWKS_PATH), documents().jwks);
    assert_eq!(read(DISCOVERY_PATH), documents().discovery);
    assert_eq!(fs::read_dir(place.0.join(".well-known")).expect("a folder").count(), 2);
}

#[tokio::test]
async fn what_is_there_is_told_from_what_should_be() {
    let place = folder("holds");
    let destination = Destination::new(&place.0.display().to_string(), &BTreeMap::new()).expect("a folder");
    let holds = async || destination.holds(&documents()).await.expect("readable");
    assert!(!holds().await, "nothing is there");
    destination.publish(&documents()).await.expect("published");
    assert!(holds().await);
    let keys = place.0.join(&JWKS_PATH[1..]);
    fs::write(&keys, b"{\"keys\":[]}").expect("written");
    assert!(!holds().await, "another server's older write");
    fs::remove_file(keys).expect("removed");
    assert!(!holds().await);
}

#[tokio::test]
async fn the_issuer_of_an_organization_is_published_below_its_own_path() {
    let place = folder("below");
    let destination = Destination::new(&place.0.display().to_string(), &BTreeMap::new()).expect("a folder");
    let below = destination.below("/organizations/org-1");
    below.publish(&documents()).await.expect("published");
    assert!(place.0.join("organizations/org-1/.well-known/jwks").is_file());
    assert!(below.to_string().ends_with("/organizations/org-1"), "{below}");
    assert_eq!(destination.below("").to_string(), destination.to_string());
}

#[tokio::test]
async fn the_keys_come_first_and_a_failure_leaves_what_was_there() {
    let place = folder("failure");
    // A folder stands where the key set should be: it cannot be replaced.
    fs::create_dir_all(place.0.join(".well-known/jwks/in-the-way")).expect("made");
    let destination = Destination::new(&place.0.display().to_string(), &BTreeMap::new()).expect("a folder");
    let error = destination.publish(&documents()).await.expect_err("refused");
    assert!(error.to_string().contains(".well-known/jwks"), "{error}");
    assert!(!place.0.join(".well-known/openid-configuration").exists(), "discovery waits for the keys");
    assert_eq!(
        fs::read_dir(place.0.join(".well-known")).expect("a folder").count(),
        1,
        "nothing is left over"
    );
}

#[test]
fn buckets_are_known_by_their_scheme() {
    let environment = BTreeMap::from(
        [("AWS_REGION", "eu-central-1"), ("AZURE_STORAGE_ACCOUNT_NAME", "carnet")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    for text in ["s3://bucket/oidc", "gs://bucket", "az://container/a/b"] {
        let destination = Destination::new(text, &environment);
        assert!(
            matches!(destination, Ok(Destination { place: Place::Bucket { .. }, .. })),
            "{destination:?}"
        );
    }
    for text in ["", "ftp://x", "https://bucket.example.com"] {
        let refused = Destination::new(text, &environment);
        assert!(matches!(refused, Err(DestinationError::Scheme { .. })), "{refused:?}");
    }
    // Azure names no account by default.
    let refused = Destination::new("az://container", &BTreeMap::new()).expect_err("refused");
    assert!(refused.to_string().contains("AZURE_"), "{refused}");
}
