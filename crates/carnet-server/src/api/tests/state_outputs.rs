use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Site;
use super::state_versions::{state, whole};
use crate::state::file::md5_hex;

async fn get(site: &Site, path: &str, token: &str) -> (u16, Value) {
    site.server.request("GET", path, token, Value::Null).await
}

#[tokio::test]
async fn lists_hide_sensitive_values_and_one_output_shows_it() {
    let site = Site::new().await;
    let current = site.workspace_path("/current-state-version-outputs");
    assert_eq!(get(&site, &current, &site.owner).await.0, 404);
    site.lock().await;
    let (_, version) = site.post_state(whole(1, &state(1, "l-1", "x"))).await;
    let id = version["data"]["id"].as_str().expect("an id");
    let outputs = format!("/api/v2/state-versions/{id}/outputs");
    for path in [&current, &outputs] {
        let (status, answer) = get(&site, path, &site.owner).await;
        assert_eq!(status, 200);
        assert_eq!(answer["meta"]["pagination"]["total-count"], 2);
        let plain = json!({ "name": "plain", "sensitive": false, "type": "string", "detailed-type": "string",
            "value": "x" });
        assert_eq!(answer["data"][0]["attributes"], plain);
        let secret = json!({ "name": "secret", "sensitive": true, "type": "string", "detailed-type": "string",
            "value": null });
        assert_eq!(answer["data"][1]["attributes"], secret);
        assert_eq!(get(&site, path, &site.stranger).await.0, 404);
        let one =
            format!("/api/v2/state-version-outputs/{}", answer["data"][1]["id"].as_str().expect("an id"));
        let (status, answer) = get(&site, &one, &site.owner).await;
        assert_eq!((status, &answer["data"]["attributes"]["value"]), (200, &json!("hush x")));
        assert_eq!(get(&site, &one, &site.stranger).await.0, 404);
    }
    let (_, answer) =
        get(&site, &format!("/api/v2/state-versions/{id}?include=outputs,created-by"), &site.owner).await;
    let included = answer["included"].as_array().expect("a list");
    assert_eq!(included.iter().filter(|one| one["type"] == "state-version-outputs").count(), 2);
    assert_eq!(included.iter().filter(|one| one["type"] == "users").count(), 1);
    assert!(!answer.to_string().contains("hush"));
}

#[tokio::test]
async fn outputs_sent_beside_a_state_are_there_at_once_and_keep_their_ids() {
    let site = Site::new().await;
    site.lock().await;
    let text = state(1, "l-1", "x");
    let sent =
        json!({ "list": { "sensitive": false, "value": ["a"], "type": ["list", "string"] } }).to_string();
    let (status, answer) = site
        .post_state(json!({
            "serial": 1, "md5": md5_hex(text.as_bytes()), "json-state-outputs": STANDARD.encode(sent)
        }))
        .await;
    assert_eq!(status, 201);
    let before = answer["data"]["relationships"]["outputs"].clone();
    assert_eq!(before["data"].as_array().expect("a list").len(), 1);
    let url = answer["data"]["attributes"]["hosted-state-upload-url"].as_str().expect("an address");
    assert_eq!(site.server.send("PUT", url, "", text.into_bytes()).await.status, 200);
    assert_eq!(site.current().await["relationships"]["outputs"], before);
    let (_, answer) = get(&site, &site.workspace_path("/current-state-version-outputs"), &site.owner).await;
    let list = json!({ "name": "list", "sensitive": false, "type": "array", "detailed-type": ["list", "string"],
        "value": ["a"] });
    assert_eq!(answer["data"][0]["attributes"], list);
}

#[tokio::test]
async fn values_stand_sealed_in_the_database() {
    let site = Site::new().await;
    site.lock().await;
    assert_eq!(site.post_state(whole(1, &state(1, "l-1", "needle"))).await.0, 201);
    assert!(!site.server.holds("needle").await);
}
