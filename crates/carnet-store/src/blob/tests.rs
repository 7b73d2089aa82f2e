use std::fs;
use std::io::Write as _;
use std::sync::Arc;

use super::frames::{FRAME, SALT_LEN, TAG_LEN};
use super::{BlobName, Blobs};
use crate::MasterKey;
use crate::testing::TestStore;

fn folder(folder: &tempfile::TempDir) -> Blobs {
    Blobs::open(folder.path().to_owned(), MasterKey::from_bytes([1; 32])).expect("a folder")
}

/// Runs what blocks on the blobs of a store.
async fn with_blobs<T: Send + 'static>(
    test: &TestStore,
    work: impl FnOnce(Arc<Blobs>) -> T + Send + 'static,
) -> T {
    let blobs = test.open(MasterKey::from_bytes([1; 32])).await.expect("a store").blobs();
    tokio::task::spawn_blocking(move || work(blobs)).await.expect("no panic")
}

#[tokio::test]
async fn bytes_of_every_size_come_back() {
    let test = TestStore::new().await;
    with_blobs(&test, |blobs| {
        let name = BlobName::new("state", "sv-1");
        for size in [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME] {
            let bytes: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).expect("small")).collect();
            blobs.put(&name, &bytes).expect("stored");
            assert_eq!(blobs.get(&name).expect("read"), Some(bytes));
        }
    })
    .await;
    assert_eq!(test.count_blobs("state").await, 1, "what was replaced is gone");
    with_blobs(&test, |blobs| {
        let name = BlobName::new("state", "sv-1");
        blobs.delete(&name).expect("deleted");
        blobs.delete(&name).expect("deleted again");
        assert_eq!(blobs.get(&name).expect("read"), None);
    })
    .await;
    assert_eq!(test.count_blobs("state").await, 0);
}

#[test]
fn a_cut_or_moved_blob_is_refused() {
    let place = tempfile::tempdir().expect("a folder");
    let blobs = folder(&place);
    let name = BlobName::new("state", "sv-1");
    blobs.put(&name, &vec![9; 2 * FRAME + 5]).expect("stored");
    let path = name.path(place.path());
    let whole = fs::read(&path).expect("the file");
    fs::copy(&path, place.path().join("state/sv-2")).expect("copied");
    assert!(blobs.get(&BlobName::new("state", "sv-2")).is_err());
    fs::write(&path, &whole[..SALT_LEN + FRAME + TAG_LEN]).expect("cut");
    assert!(blobs.get(&name).is_err());
}

#[tokio::test]
async fn a_blob_has_no_name_before_its_end() {
    let test = TestStore::new().await;
    let writer = with_blobs(&test, |blobs| {
        let name = BlobName::new("state", "sv-1");
        let mut writer = blobs.create(&name).expect("a writer");
        writer.write_all(&vec![1; 2 * FRAME]).expect("written");
        assert_eq!(blobs.get(&name).expect("read"), None);
        writer
    })
    .await;
    drop(writer);
    for _ in 0..1000 {
        if test.count_blobs("state").await == 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("an abandoned writer left something");
}
