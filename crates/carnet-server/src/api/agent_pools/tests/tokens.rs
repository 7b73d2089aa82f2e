use super::*;

#[tokio::test]
async fn a_token_ends_when_its_maker_wants_it_to() {
    let pool = Pool::new().await;
    let path = pool.path("/authentication-tokens");
    let make = async |end: &str| {
        let attributes = json!({ "description": "for an hour", "expired-at": end });
        let body = json!({ "data": { "type": "authentication-tokens", "attributes": attributes } });
        pool.request("POST", &path, body).await
    };
    assert_eq!(make("2026-01-05T09:00:00Z").await.0, 422, "in the past");
    let (status, made) = make("2026-01-05T11:00:00Z").await;
    assert_eq!((status, &made["data"]["attributes"]["expired-at"]), (201, &json!("2026-01-05T11:00:00Z")));
    let token = made["data"]["attributes"]["token"].as_str().expect("a token").to_owned();
    let register = async || {
        let body = json!({ "name": "a", "version": "1" });
        pool.project.server.request("POST", &format!("{BASE}/agents"), &token, body).await.0
    };
    assert_eq!(register().await, 201);
    pool.project.server.advance(Duration::from_secs(3600));
    assert_eq!(register().await, 401);
}
