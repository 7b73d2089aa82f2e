use serde_json::{Value, json};

use crate::api::tests::Site;
use crate::testing::ADMIN;

const USERS: &str = "/api/v2/admin/users";

async fn ask(site: &Site, method: &str, path: &str, token: &str) -> (u16, Value) {
    site.server.request(method, path, token, Value::Null).await
}

/// The ids of the users in a list.
fn names(list: &Value) -> Vec<&str> {
    let data = list["data"].as_array().expect("a list").iter();
    data.map(|user| user["attributes"]["username"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn no_token_of_a_suspended_user_works() {
    let site = Site::new().await;
    let (mia, token) = site.member("mia").await;
    let (suspend, unsuspend) =
        (format!("{USERS}/{mia}/actions/suspend"), format!("{USERS}/{mia}/actions/unsuspend"));
    let organization = "/api/v2/organizations/acme";
    let (status, user) = ask(&site, "POST", &suspend, ADMIN).await;
    assert_eq!((status, &user["data"]["attributes"]["is-suspended"]), (200, &json!(true)));
    assert_eq!(ask(&site, "GET", organization, &token).await.0, 401);
    assert_eq!(ask(&site, "POST", &format!("{USERS}/{mia}/actions/unsuspend"), &token).await.0, 401);
    assert_eq!(ask(&site, "POST", &suspend, ADMIN).await.0, 400, "suspended already");
    let suspended = format!("{USERS}?filter%5Bsuspended%5D=true");
    assert_eq!(names(&ask(&site, "GET", &suspended, ADMIN).await.1), ["mia"]);
    let (status, user) = ask(&site, "POST", &unsuspend, ADMIN).await;
    assert_eq!((status, &user["data"]["attributes"]["is-suspended"]), (200, &json!(false)));
    assert_eq!(ask(&site, "POST", &unsuspend, ADMIN).await.0, 400, "suspended no more");
    assert_eq!(ask(&site, "GET", organization, &token).await.0, 200);
}

#[tokio::test]
async fn only_administrators_of_the_site_see_and_suspend_everybody() {
    let site = Site::new().await;
    let (mia, token) = site.member("mia").await;
    for caller in [&token, &site.owner, &site.stranger] {
        assert_eq!(ask(&site, "GET", USERS, caller).await.0, 404);
        for action in ["suspend", "unsuspend"] {
            let path = format!("{USERS}/{mia}/actions/{action}");
            assert_eq!(ask(&site, "POST", &path, caller).await.0, 404, "{action}");
        }
    }
    let (status, all) = ask(&site, "GET", USERS, ADMIN).await;
    assert_eq!((status, names(&all).len()), (200, 4));
    assert_eq!(names(&ask(&site, "GET", &format!("{USERS}?q=STEF"), ADMIN).await.1), ["stefan"]);
    assert_eq!(ask(&site, "GET", &format!("{USERS}?filter%5Bsuspended%5D=perhaps"), ADMIN).await.0, 400);
    // An administrator remains, and users of the server's making are no people.
    let (_, own) = ask(&site, "GET", "/api/v2/account/details", ADMIN).await;
    let own = own["data"]["id"].as_str().expect("an id");
    assert_eq!(ask(&site, "POST", &format!("{USERS}/{own}/actions/suspend"), ADMIN).await.0, 400);
    let path = "/api/v2/organizations/acme/authentication-token";
    let (_, made) = ask(&site, "POST", path, &site.owner).await;
    let token = made["data"]["attributes"]["token"].as_str().expect("shown once");
    let (_, service) = ask(&site, "GET", "/api/v2/account/details", token).await;
    let service = service["data"]["id"].as_str().expect("an id");
    assert_eq!(ask(&site, "POST", &format!("{USERS}/{service}/actions/suspend"), ADMIN).await.0, 404);
    assert_eq!(
        ask(&site, "POST", &format!("{USERS}/user-0000000000000000/actions/suspend"), ADMIN).await.0,
        404
    );
}

#[tokio::test]
async fn administrators_of_the_site_list_and_revoke_the_tokens_of_anybody() {
    let site = Site::new().await;
    let (mia, token) = site.member("mia").await;
    let tokens = format!("/api/v2/users/{mia}/authentication-tokens");
    assert_eq!(ask(&site, "GET", &tokens, &site.owner).await.0, 404);
    let (status, list) = ask(&site, "GET", &tokens, ADMIN).await;
    assert_eq!((status, &list["data"][0]["attributes"]["token"]), (200, &Value::Null));
    let one = format!("/api/v2/authentication-tokens/{}", list["data"][0]["id"].as_str().expect("an id"));
    assert_eq!(ask(&site, "GET", &one, ADMIN).await.0, 200);
    assert_eq!(ask(&site, "DELETE", &one, &site.owner).await.0, 404);
    assert_eq!(ask(&site, "DELETE", &one, ADMIN).await.0, 204);
    assert_eq!(ask(&site, "GET", "/api/v2/account/details", &token).await.0, 401);
    // A token of somebody else would be a way to act as them.
    let body = json!({ "data": { "attributes": { "description": "x" } } });
    assert_eq!(site.server.request("POST", &tokens, ADMIN, body).await.0, 404);
    let nobody = "/api/v2/users/user-0000000000000000/authentication-tokens";
    assert_eq!(ask(&site, "GET", nobody, ADMIN).await.0, 404);
}
