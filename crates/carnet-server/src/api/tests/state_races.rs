//! Writers at the same time: exactly one wins, and nothing that was acknowledged is lost.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::Site;
use super::state_versions::{state, whole};
use crate::state::file::md5_hex;

const ROUNDS: i64 = 20;
const RIVALS: usize = 5;

/// A state of which there is one for each rival.
fn rival_state(serial: i64, rival: usize) -> String {
    state(serial, "l-1", &format!("rival {rival}"))
}

async fn put(site: &Site, url: &str, text: &str) -> u16 {
    site.server.send("PUT", url, "", text.as_bytes().to_vec()).await.status
}

async fn download(site: &Site) -> String {
    let current = site.current().await;
    let url = current["attributes"]["hosted-state-download-url"].as_str().expect("an address").to_owned();
    site.server.call("GET", &url, &site.owner, Value::Null).await.text()
}

async fn announce(site: &Site, serial: i64, text: &str) -> (u16, String) {
    let attributes = json!({ "serial": serial, "md5": md5_hex(text.as_bytes()), "lineage": "l-1" });
    let (status, answer) = site.post_state(attributes).await;
    let url = &answer["data"]["attributes"]["hosted-state-upload-url"];
    (status, url.as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_states_with_one_serial_one_is_stored() {
    let site = Site::new().await;
    site.lock().await;
    for serial in 1..=ROUNDS {
        let answers =
            join_all((0..RIVALS).map(|rival| site.post_state(whole(serial, &rival_state(serial, rival)))))
                .await;
        let won: Vec<usize> = (0..RIVALS).filter(|rival| answers[*rival].0 == 201).collect();
        assert!(answers.iter().all(|(status, _)| matches!(status, 201 | 409)), "{serial}");
        assert_eq!(won.len(), 1, "{serial}");
        assert_eq!(download(&site).await, rival_state(serial, won[0]));
    }
    assert_eq!(site.unlock().await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_announced_states_with_one_serial_one_is_stored() {
    let site = Site::new().await;
    site.lock().await;
    for serial in 1..=ROUNDS {
        let announced = join_all(
            (0..RIVALS).map(async |rival| announce(&site, serial, &rival_state(serial, rival)).await),
        )
        .await;
        assert!(announced.iter().all(|(status, _)| *status == 201), "{announced:?}");
        // Each announcement discards the one before, so that one address is left that works.
        let answers = join_all(
            announced
                .iter()
                .enumerate()
                .map(async |(rival, (_, url))| put(&site, url, &rival_state(serial, rival)).await),
        )
        .await;
        let won: Vec<usize> = (0..RIVALS).filter(|rival| answers[*rival] == 200).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        assert_eq!(download(&site).await, rival_state(serial, won[0]));
    }
    assert_eq!(site.unlock().await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_upload_address_takes_one_of_several_uploads() {
    let site = Site::new().await;
    site.lock().await;
    for serial in 1..=ROUNDS {
        let text = rival_state(serial, 0);
        let (_, url) = announce(&site, serial, &text).await;
        let answers = join_all((0..RIVALS).map(|_| put(&site, &url, &text))).await;
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
        assert!(answers.iter().all(|status| matches!(status, 200 | 404)), "{answers:?}");
        // The slower ones took nothing away from the faster one.
        assert_eq!(download(&site).await, text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_unlock_waits_for_an_upload_or_comes_after_it() {
    let site = Site::new().await;
    for serial in 1..=ROUNDS {
        site.lock().await;
        let text = rival_state(serial, 0);
        let (_, url) = announce(&site, serial, &text).await;
        let (stored, (unlocked, answer)) = tokio::join!(put(&site, &url, &text), site.unlock());
        assert_eq!(stored, 200);
        if unlocked != 200 {
            let detail = &answer["errors"][0]["detail"];
            assert_eq!((unlocked, detail), (422, &json!("latest state version is still pending")));
            assert_eq!(site.unlock().await.0, 200);
        }
        assert_eq!(download(&site).await, text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_broken_lock_and_an_upload_agree_on_what_became_of_the_state() {
    let site = Site::new().await;
    let mut kept = String::new();
    for serial in 1..=ROUNDS {
        site.lock().await;
        let text = rival_state(serial, 0);
        let (_, url) = announce(&site, serial, &text).await;
        let path = site.workspace_path("/actions/force-unlock");
        let (stored, (unlocked, _)) =
            tokio::join!(put(&site, &url, &text), site.server.request("POST", &path, &site.owner, json!({})));
        assert_eq!(unlocked, 200);
        assert!(matches!(stored, 200 | 404), "{stored}");
        if stored == 200 {
            kept = text;
        }
        if !kept.is_empty() {
            assert_eq!(download(&site).await, kept);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_two_users_gets_the_lock() {
    let site = Site::new().await;
    let (other, token) = site.server.user("otto").await;
    site.server.join(&site.organization, &other).await;
    let act = async |action: &str, token: &str| {
        let path = site.workspace_path(&format!("/actions/{action}"));
        site.server.request("POST", &path, token, json!({})).await.0
    };
    for serial in 1..=ROUNDS {
        let (first, second) = tokio::join!(act("lock", &site.owner), act("lock", &token));
        let (winner, loser) = match (first, second) {
            (200, 409) => (&site.owner, &token),
            (409, 200) => (&token, &site.owner),
            both => panic!("{both:?}"),
        };
        // Only the winner may write, and only the winner may unlock.
        let body = json!({ "data": { "attributes": whole(serial, &rival_state(serial, 0)) } });
        let path = site.workspace_path("/state-versions");
        let write = async |token: &str| site.server.request("POST", &path, token, body.clone()).await.0;
        let (won, lost) = tokio::join!(write(winner), write(loser));
        assert_eq!((won, lost), (201, 409));
        assert_eq!(act("unlock", loser).await, 409);
        assert_eq!(act("unlock", winner).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_who_go_back_one_wins_each_serial() {
    let site = Site::new().await;
    site.lock().await;
    assert_eq!(site.post_state(whole(1, &rival_state(1, 0))).await.0, 201);
    let first = site.current().await["id"].clone();
    let body = json!({ "data": { "relationships": {
        "rollback-state-version": { "data": { "type": "state-versions", "id": first } } } } });
    let path = site.workspace_path("/state-versions");
    let mut serial = 1;
    for _ in 0..ROUNDS {
        let answers =
            join_all((0..RIVALS).map(|_| site.server.request("PATCH", &path, &site.owner, body.clone())))
                .await;
        let mut serials: Vec<i64> = answers
            .iter()
            .filter(|(status, _)| *status == 201)
            .map(|(_, answer)| answer["data"]["attributes"]["serial"].as_i64().expect("a number"))
            .collect();
        assert!(answers.iter().all(|(status, _)| matches!(status, 201 | 409)));
        serials.sort_unstable();
        let count = i64::try_from(serials.len()).expect("few");
        assert!(count > 0);
        assert_eq!(serials, (serial + 1..=serial + count).collect::<Vec<_>>(), "each serial once");
        serial += count;
    }
    assert_eq!(site.current().await["attributes"]["serial"], serial);
}
