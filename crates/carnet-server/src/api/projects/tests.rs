use std::time::Duration;

use serde_json::{Value, json};

use crate::api::tests::Site;

const PROJECTS: &str = "/api/v2/organizations/acme/projects";

fn with(attributes: Value) -> Value {
    json!({ "data": { "type": "projects", "attributes": attributes } })
}

fn names(found: &Value) -> Vec<&str> {
    let data = found["data"].as_array().expect("a list");
    data.iter().map(|one| one["attributes"]["name"].as_str().expect("a name")).collect()
}

async fn project(site: &Site, name: &str) -> String {
    // Lists begin with the oldest.
    site.server.advance(Duration::from_secs(1));
    let (status, made) =
        site.server.request("POST", PROJECTS, &site.owner, with(json!({ "name": name }))).await;
    assert_eq!(status, 201, "{made}");
    made["data"]["id"].as_str().expect("an id").to_owned()
}

async fn grant(site: &Site, team: &str, project: &str, access: &str) {
    let body = json!({ "data": {
        "attributes": { "access": access },
        "relationships": {
            "team": { "data": { "type": "teams", "id": team } },
            "project": { "data": { "type": "projects", "id": project } },
        },
    } });
    let (status, made) = site.server.request("POST", "/api/v2/team-projects", &site.owner, body).await;
    assert_eq!(status, 201, "{made}");
}

#[tokio::test]
async fn refusals_say_what_clients_look_for() {
    let site = Site::new().await;
    for (attributes, detail) in [
        (json!({}), "Name can't be blank"),
        (json!({ "name": "a/b/c" }), "Name may only contain"),
        (
            json!({ "name": "fine", "auto-destroy-activity-duration": "20m" }),
            "Auto destroy activity duration has an incorrect format, we expect up to 4 numeric digits and 1 unit ('d' or 'h')",
        ),
        (
            json!({ "name": "fine", "default-execution-mode": "agent" }),
            "must be specified when using 'agent' execution mode",
        ),
        (
            json!({ "name": "fine", "default-execution-mode": "local", "default-agent-pool-id": "apool-1" }),
            "must not be specified unless using 'agent' execution mode",
        ),
        (
            json!({ "name": "fine", "setting-overwrites": { "default-execution-mode": true, "default-agent-pool": false } }),
            "If agent-pool and execution-mode are both included in setting-overwrites, their values must be the same.",
        ),
        (json!({ "name": "fine", "description": "x".repeat(257) }), "at most 256"),
        (json!({ "name": "Default Project" }), "Name has already been taken"),
    ] {
        let (status, refused) =
            site.server.request("POST", PROJECTS, &site.owner, with(attributes.clone())).await;
        assert_eq!(status, 422, "{attributes}");
        assert_eq!(refused["errors"][0]["title"], "invalid attribute");
        assert!(refused["errors"][0]["detail"].as_str().expect("a text").contains(detail), "{refused}");
    }
}

#[tokio::test]
async fn the_execution_mode_is_inherited_until_it_is_overwritten() {
    let site = Site::new().await;
    let id = project(&site, "platform").await;
    let path = format!("/api/v2/projects/{id}");
    let organization = json!({ "data": { "attributes": { "default-execution-mode": "local" } } });
    site.server.request("PATCH", "/api/v2/organizations/acme", &site.owner, organization).await;
    let inherited = json!({ "default-execution-mode": false, "default-agent-pool": false });
    let own = json!({ "default-execution-mode": true, "default-agent-pool": true });
    for (attributes, mode, overwrites) in [
        (json!({ "description": "d" }), "local", &inherited),
        (json!({ "default-execution-mode": "remote" }), "remote", &own),
        (json!({ "description": null }), "remote", &own),
        (json!({ "setting-overwrites": { "default-execution-mode": false } }), "local", &inherited),
        (json!({ "setting-overwrites": { "default-execution-mode": true } }), "local", &own),
    ] {
        let (status, changed) =
            site.server.request("PATCH", &path, &site.owner, with(attributes.clone())).await;
        assert_eq!(status, 200, "{changed}");
        let found = &changed["data"]["attributes"];
        assert_eq!(
            (&found["default-execution-mode"], &found["setting-overwrites"]),
            (&json!(mode), overwrites)
        );
    }
}

#[tokio::test]
async fn a_duration_is_kept_and_taken_back() {
    let site = Site::new().await;
    let path = format!("/api/v2/projects/{}", project(&site, "platform").await);
    for value in [json!("14d"), json!(null)] {
        let body = with(json!({ "auto-destroy-activity-duration": value }));
        let (_, changed) = site.server.request("PATCH", &path, &site.owner, body).await;
        assert_eq!(changed["data"]["attributes"]["auto-destroy-activity-duration"], value);
    }
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let site = Site::new().await;
    for name in ["net_prod", "netxprod", "apps"] {
        project(&site, name).await;
    }
    for (query, total, expected) in [
        ("", 4, vec!["Default Project", "net_prod", "netxprod", "apps"]),
        ("?q=NET_", 1, vec!["net_prod"]),
        ("?filter[names]=APPS,default project&q=net", 2, vec!["Default Project", "apps"]),
        ("?filter[names]=net_prod", 1, vec!["net_prod"]),
        ("?sort=name", 4, vec!["Default Project", "apps", "net_prod", "netxprod"]),
        ("?sort=-name&page[size]=1&page[number]=2", 4, vec!["net_prod"]),
        ("?filter[permissions][create-workspace]=true&q=apps", 1, vec!["apps"]),
    ] {
        let path = format!("{PROJECTS}{}", query.replace(' ', "%20"));
        let (status, found) = site.server.request("GET", &path, &site.owner, Value::Null).await;
        assert_eq!(status, 200, "{found}");
        assert_eq!(names(&found), expected, "{query}");
        assert_eq!(found["meta"]["pagination"]["total-count"], total, "{query}");
    }
}

#[tokio::test]
async fn lists_are_filtered_by_tags() {
    let site = Site::new().await;
    for (name, bindings) in
        [("net", json!([["Team", "net"], ["cost", "7"]])), ("web", json!([["team", "web"]]))]
    {
        let bindings = bindings.as_array().expect("a list").iter().map(
            |pair| json!({ "type": "tag-bindings", "attributes": { "key": pair[0], "value": pair[1] } }),
        );
        let mut body = with(json!({ "name": name }));
        body["data"]["relationships"] = json!({ "tag-bindings": { "data": bindings.collect::<Vec<_>>() } });
        let (status, made) = site.server.request("POST", PROJECTS, &site.owner, body).await;
        assert_eq!(status, 201, "{made}");
    }
    for (tags, expected) in [
        (&[("team", "net")][..], &["net"][..]),
        (&[("team", "")], &["net", "web"]),
        (&[("team", "net"), ("cost", "")], &["net"]),
        (&[("team", "net"), ("cost", "8")], &[]),
        (&[("other", "")], &[]),
    ] {
        let query: Vec<String> = tags
            .iter()
            .enumerate()
            .map(|(index, (key, value))| {
                format!(
                    "filter%5Btagged%5D%5B{index}%5D%5Bkey%5D={key}&filter[tagged][{index}][value]={value}"
                )
            })
            .collect();
        let path = format!("{PROJECTS}?sort=name&{}", query.join("&"));
        let (status, found) = site.server.request("GET", &path, &site.owner, Value::Null).await;
        assert_eq!((status, names(&found)), (200, expected.to_vec()), "{path}");
        assert_eq!(found["meta"]["pagination"]["total-count"], expected.len());
    }
}

#[tokio::test]
async fn members_see_the_projects_of_their_teams() {
    let site = Site::new().await;
    let (_, member) = site.member("mia").await;
    let team = site.team("builders", json!({}), &["mia"]).await;
    let (hidden, read, maintained) =
        (project(&site, "hidden").await, project(&site, "reading").await, project(&site, "maintained").await);
    grant(&site, &team, &read, "read").await;
    grant(&site, &team, &maintained, "maintain").await;
    let (_, found) = site.server.request("GET", PROJECTS, &member, Value::Null).await;
    assert_eq!(names(&found), ["reading", "maintained"]);
    assert_eq!(found["meta"]["pagination"]["total-count"], 2);
    assert_eq!(found["data"][0]["attributes"]["team-count"], 1);
    let permissions =
        |place: usize, name: &str| found["data"][place]["attributes"]["permissions"][name].clone();
    assert_eq!(
        (permissions(0, "can-create-workspace"), permissions(1, "can-create-workspace")),
        (json!(false), json!(true))
    );
    assert_eq!((permissions(0, "can-read"), permissions(1, "can-destroy")), (json!(true), json!(false)));
    let query = format!("{PROJECTS}?filter[permissions][create-workspace]=true");
    let (_, found) = site.server.request("GET", &query, &member, Value::Null).await;
    assert_eq!(names(&found), ["maintained"]);
    assert_eq!(
        site.server.request("GET", &format!("/api/v2/projects/{hidden}"), &member, Value::Null).await.0,
        404
    );
    let update = with(json!({ "description": "mine" }));
    assert_eq!(
        site.server.request("PATCH", &format!("/api/v2/projects/{read}"), &member, update).await.0,
        403
    );
    let (_, organization) =
        site.server.request("GET", "/api/v2/organizations/acme", &member, Value::Null).await;
    assert_eq!(organization["data"]["attributes"]["permissions"]["can-create-workspace"], true);
}

#[tokio::test]
async fn moving_needs_the_right_on_both_projects() {
    let site = Site::new().await;
    let (_, member) = site.member("mia").await;
    let team = site.team("movers", json!({}), &["mia"]).await;
    let target = project(&site, "target").await;
    grant(&site, &team, &target, "admin").await;
    let path = format!("/api/v2/projects/{target}/relationships/workspaces");
    let body = json!({ "data": [{ "type": "workspaces", "id": site.workspace.id.as_str() }] });
    assert_eq!(
        site.server.request("POST", &path, &member, body.clone()).await.0,
        404,
        "it does not see the workspace"
    );
    grant(&site, &team, site.organization.default_project_id.as_str(), "write").await;
    assert_eq!(site.server.request("POST", &path, &member, body.clone()).await.0, 403);
    assert_eq!(site.server.request("POST", &path, &site.stranger, body.clone()).await.0, 404);
    assert_eq!(site.server.request("POST", &path, &site.owner, body).await.0, 204);
    let (_, moved) =
        site.server.request("GET", &format!("/api/v2/projects/{target}"), &site.owner, Value::Null).await;
    assert_eq!(moved["data"]["attributes"]["workspace-count"], 1);
    assert_eq!(
        site.server
            .request("DELETE", &format!("/api/v2/projects/{target}"), &site.owner, Value::Null)
            .await
            .0,
        403
    );
}

#[tokio::test]
async fn a_time_to_destroy_is_kept_with_a_warning() {
    let site = Site::new().await;
    let body = with(json!({ "name": "short-lived", "auto-destroy-activity-duration": "14d" }));
    let (status, made) = site.server.request("POST", PROJECTS, &site.owner, body).await;
    assert_eq!((status, &made["data"]["attributes"]["auto-destroy-activity-duration"]), (201, &json!("14d")));
    let warning = made["meta"]["warnings"][0].as_str().expect("a warning");
    assert!(warning.contains("destroys nothing by itself"), "{warning}");
    let path = format!("/api/v2/projects/{}", made["data"]["id"].as_str().expect("an id"));
    let (_, plain) =
        site.server.request("PATCH", &path, &site.owner, with(json!({ "description": "d" }))).await;
    assert_eq!(plain["meta"], Value::Null);
}
