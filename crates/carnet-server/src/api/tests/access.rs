use carnet_model::Permission;
use serde_json::{Value, json};

use super::Site;
use crate::route::{Access, Route};
use crate::routes;

/// The path of a route with real names and ids wherever the site has them.
fn path(site: &Site, route: &Route) -> String {
    let by_name = route.path.contains("/organizations/{organization}/workspaces/{workspace}");
    let workspace = if by_name { site.workspace.name.as_str() } else { site.workspace.id.as_str() };
    let filled = route
        .path
        .replace("{organization}", site.organization.name.as_str())
        .replace("{workspace}", workspace)
        .replace("{project}", site.organization.default_project_id.as_str());
    let mut parts = Vec::new();
    for part in filled.split('/') {
        parts.push(if part.starts_with('{') { "run-1" } else { part });
    }
    parts.join("/")
}

fn body(route: &Route) -> Value {
    match route.method.as_str() {
        "GET" => Value::Null,
        _ if route.path.contains("relationships/vars") => json!({ "data": {} }),
        _ if ["relationships", "tag-bindings", "/tags"].iter().any(|part| route.path.contains(part)) => {
            json!({ "data": [] })
        }
        _ => json!({ "data": { "attributes": { "name": "other", "email": "e@example.com" } } }),
    }
}

#[tokio::test]
async fn every_route_refuses_a_caller_without_a_token() {
    let site = Site::new().await;
    for route in routes() {
        if matches!(route.access, Access::Public | Access::Capability) {
            continue;
        }
        for token in ["", "wrong"] {
            let (status, answer) =
                site.server.request(route.method.as_str(), &path(&site, &route), token, body(&route)).await;
            assert_eq!(status, 401, "{} {}", route.method, route.path);
            assert_eq!(answer["errors"][0]["detail"], "The token is missing, wrong or expired");
        }
    }
}

#[tokio::test]
async fn every_route_hides_what_a_stranger_may_not_see() {
    let site = Site::new().await;
    let mut checked = 0;
    for route in routes() {
        if !matches!(route.access, Access::Allowed(_)) {
            continue;
        }
        for token in [&site.stranger, &site.server.agent_token] {
            let (status, answer) =
                site.server.request(route.method.as_str(), &path(&site, &route), token, body(&route)).await;
            let is_hidden = status == 404 || (!route.path.contains('{') && (400..500).contains(&status));
            assert!(is_hidden, "{} {} answered {status}: {answer}", route.method, route.path);
            checked += 1;
        }
    }
    assert!(checked > 40, "only {checked} routes were checked");
}

#[tokio::test]
async fn a_user_token_is_no_agent_token() {
    let site = Site::new().await;
    for route in routes() {
        if !matches!(route.access, Access::Agent | Access::Job) {
            continue;
        }
        let (status, _) =
            site.server.request(route.method.as_str(), &path(&site, &route), &site.owner, body(&route)).await;
        assert!(matches!(status, 401 | 404 | 410), "{} {} answered {status}", route.method, route.path);
    }
}

#[test]
fn every_route_of_a_workspace_names_an_action() {
    let mut writes = 0;
    for route in routes() {
        let is_api = ["/api/v2/", "/api/carnet/v1/"].iter().any(|start| route.path.starts_with(start));
        if is_api && route.path.contains('{') {
            match (route.method.as_str(), route.access) {
                ("GET", _) => {}
                // A question too long for an address: it writes nothing.
                ("POST", Access::Allowed(Permission::ReadWorkspace)) if route.path.ends_with("/trust") => {}
                ("POST", Access::Allowed(Permission::ReadVariables))
                    if route.path.ends_with("/trust-check") => {}
                (_, Access::Allowed(action)) => {
                    assert!(!action.describe().starts_with("see "), "{} {} writes", route.method, route.path);
                    writes += 1;
                }
                // Nobody but the user is asked about the user's own tokens.
                (_, Access::User) if route.path.contains("/authentication-tokens") => {}
                // Nobody but administrators of the site, who need no permission.
                (_, Access::SiteAdmin) => assert!(route.path.contains("/admin/"), "{}", route.path),
                (method, access) => panic!("{method} {} is open to {access:?}", route.path),
            }
        }
    }
    assert!(writes > 15);
}

#[tokio::test]
async fn malformed_requests_are_the_callers_fault() {
    let site = Site::new().await;
    for route in routes() {
        if !matches!(route.access, Access::Allowed(_) | Access::User | Access::SiteAdmin)
            || route.method == "GET"
        {
            continue;
        }
        for bytes in
            [&b"{"[..], b"[]", b"{\"data\":7}", b"\xff\xfe", b"{\"data\":{\"attributes\":{\"name\":7}}}"]
        {
            let path = path(&site, &route);
            let answer = site.server.send(route.method.as_str(), &path, &site.owner, bytes.to_vec()).await;
            assert!(answer.status < 500, "{} {} answered {}", route.method, route.path, answer.status);
        }
    }
}

#[tokio::test]
async fn every_answer_of_the_api_carries_the_headers_that_clients_read() {
    let site = Site::new().await;
    for (path, token) in [("/api/v2/ping", ""), ("/api/v2/organizations/acme", ""), ("/api/v2/nowhere", "")] {
        let answer = site.server.call("GET", path, token, Value::Null).await;
        assert_eq!(answer.headers["tfp-api-version"], "2.6");
        assert_eq!(answer.headers["tfp-appname"], "HCP Terraform");
    }
}
