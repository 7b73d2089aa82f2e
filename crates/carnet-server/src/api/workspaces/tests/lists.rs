//! Lists of workspaces: who sees what, in which order, with what beside it.

use carnet_model::Workspace;
use serde_json::{Value, json};

use super::{LIST, Site, document};

fn names(found: &Value) -> Vec<&str> {
    let data = found["data"].as_array().expect("a list");
    data.iter().map(|one| one["attributes"]["name"].as_str().expect("a name")).collect()
}

impl Site {
    async fn listed(&self, query: &str, token: &str) -> Value {
        let (status, found) = self.ask("GET", &format!("{LIST}?{query}"), token, Value::Null).await;
        assert_eq!(status, 200, "{query}: {found}");
        found
    }
}

#[tokio::test]
async fn everybody_sees_the_workspaces_of_their_teams() {
    let site = Site::new().await;
    let other = site.server.workspace(&site.organization, "other").await;
    let (team, token) = site.team_of_one("rita").await;
    assert_eq!(site.listed("", &token).await["meta"]["pagination"]["total-count"], 0);
    site.grant(&team, &other, "read").await;
    let found = site.listed("", &token).await;
    assert_eq!((names(&found), &found["meta"]["pagination"]["total-count"]), (vec!["other"], &json!(1)));
    let grant = json!({ "data": { "attributes": { "access": "read" }, "relationships": {
        "team": { "data": { "type": "teams", "id": team } },
        "project": { "data": { "type": "projects", "id": site.organization.default_project_id.as_str() } } } } });
    site.made("/api/v2/team-projects", grant).await;
    assert_eq!(names(&site.listed("", &token).await), ["net", "other"]);
    assert_eq!(names(&site.listed("", &site.owner).await), ["net", "other"]);
    assert_eq!(names(&site.listed("", crate::testing::ADMIN).await), ["net", "other"]);
    assert_eq!(site.ask("GET", LIST, &site.stranger, Value::Null).await.0, 404);
}

#[tokio::test]
async fn pages_are_cut_in_every_order() {
    let site = Site::new().await;
    for name in ["b", "a", "c"] {
        site.server.advance(std::time::Duration::from_secs(1));
        site.server.workspace(&site.organization, name).await;
    }
    for (query, expected) in [
        ("sort=name&page[size]=2", vec!["a", "b"]),
        ("sort=name&page[size]=2&page[number]=2", vec!["c", "net"]),
        ("sort=-name&page[size]=3", vec!["net", "c", "b"]),
        ("sort=latest-change-at", vec!["net", "b", "a", "c"]),
        ("sort=-latest-change-at&page[size]=1", vec!["c"]),
    ] {
        assert_eq!(names(&site.listed(query, &site.owner).await), expected, "{query}");
    }
    for sort in ["current-run.created-at", "-current-run.created-at"] {
        assert_eq!(names(&site.listed(&format!("sort={sort}"), &site.owner).await).len(), 4);
    }
    let found = site.listed("filter[current-run][status]=applied,planned", &site.owner).await;
    assert_eq!(names(&found), Vec::<&str>::new());
    let project = format!("filter[project][id]={}", site.organization.default_project_id);
    assert_eq!(names(&site.listed(&project, &site.owner).await).len(), 4);
    assert_eq!(names(&site.listed("filter[project][id]=prj-1", &site.owner).await).len(), 0);
}

#[tokio::test]
async fn names_are_searched_as_they_are_written() {
    let site = Site::new().await;
    for name in ["net_1", "net-1", "my-net"] {
        site.server.workspace(&site.organization, name).await;
    }
    for (query, expected) in [
        ("search[name]=T_1", vec!["net_1"]),
        ("search[name]=%25", vec![]),
        ("search[wildcard-name]=net*", vec!["net", "net-1", "net_1"]),
        ("search[wildcard-name]=*NET", vec!["my-net", "net"]),
        ("search[wildcard-name]=*-*", vec!["my-net", "net-1"]),
        ("search[wildcard-name]=net", vec!["net"]),
    ] {
        assert_eq!(names(&site.listed(query, &site.owner).await), expected, "{query}");
    }
}

#[tokio::test]
async fn tags_of_the_project_count() {
    let site = Site::new().await;
    let project = format!("/api/v2/projects/{}/tag-bindings", site.organization.default_project_id);
    let bindings = |value: &str| json!({ "data": [{ "type": "tag-bindings", "attributes": { "key": "env", "value": value } }] });
    let (status, answer) = site.ask("PATCH", &project, &site.owner, bindings("prod")).await;
    assert_eq!(status, 200, "{answer}");
    let other = site.server.workspace(&site.organization, "other").await;
    let own = format!("/api/v2/workspaces/{}/tag-bindings", other.id);
    assert_eq!(site.ask("PATCH", &own, &site.owner, bindings("test")).await.0, 200);
    for (query, expected) in [
        ("filter[tagged][0][key]=env&filter[tagged][0][value]=prod", vec!["net"]),
        ("filter[tagged][0][key]=env&filter[tagged][0][value]=test", vec!["other"]),
        ("filter[tagged][0][key]=env", vec!["net", "other"]),
        ("search[tags]=ENV", vec!["net", "other"]),
        ("search[exclude-tags]=env", vec![]),
    ] {
        assert_eq!(names(&site.listed(query, &site.owner).await), expected, "{query}");
    }
    let found = site.listed("search[name]=net&include=effective_tag_bindings", &site.owner).await;
    let binding = &found["included"][0];
    assert_eq!(binding["attributes"], json!({ "key": "env", "value": "prod" }));
    assert!(binding["links"]["inherited-from"].as_str().expect("a link").contains("/projects/prj-"));
}

fn kinds(found: &Value) -> Vec<&str> {
    let included = found["included"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut kinds: Vec<&str> = included.iter().map(|one| one["type"].as_str().expect("a type")).collect();
    kinds.sort_unstable();
    kinds
}

#[tokio::test]
async fn what_is_asked_for_is_included_once_and_only_for_those_who_may_see_it() {
    let site = Site::new().await;
    let other: Workspace = site.server.workspace(&site.organization, "other").await;
    let (team, token) = site.team_of_one("rita").await;
    let custom = json!({ "data": { "attributes": { "access": "custom", "runs": "read", "variables": "none" },
        "relationships": {
        "team": { "data": { "type": "teams", "id": team } },
        "workspace": { "data": { "type": "workspaces", "id": site.workspace.id.as_str() } } } } });
    site.made("/api/v2/team-workspaces", custom).await;
    let secret = document(json!({ "key": "k", "value": "s3cret", "category": "env", "sensitive": true }));
    site.made(&site.workspace_path("/vars"), secret).await;
    assert_eq!(site.ask("POST", &site.workspace_path("/actions/lock"), &site.owner, json!({})).await.0, 200);

    let query =
        "include=organization,project,locked-by,vars,outputs,readme,current_run.plan,current-state-version";
    let found = site.listed(query, &site.owner).await;
    assert_eq!(kinds(&found), ["organizations", "projects", "users", "vars"]);
    assert!(!found.to_string().contains("s3cret"));
    let found = site.listed(query, &token).await;
    assert!(!kinds(&found).contains(&"vars"), "{:?}", kinds(&found));
    let path = format!("/api/v2/workspaces/{}?include=secrets", other.id);
    let (status, refused) = site.ask("GET", &path, &site.owner, Value::Null).await;
    assert_eq!((status, super::detail(&refused)), (400, "Invalid include parameter"));
}
