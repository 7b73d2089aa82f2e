use std::collections::BTreeMap;
use std::time::Duration;

use carnet_store::testing::scale::{Owner, Scale, workspace};
use serde_json::{Value, json};

use crate::api::run_actions::tests::{member, organization_token};
use crate::api::tests::Site;
use crate::testing::{FakeAgent, Project};

fn ids(list: &Value) -> Vec<String> {
    let data = list["data"].as_array().expect("a list").iter();
    data.map(|run| run["id"].as_str().expect("an id").to_owned()).collect()
}

fn id(run: &Value) -> String {
    run["id"].as_str().expect("an id").to_owned()
}

/// A query with its brackets encoded.
fn query(text: &str) -> String {
    text.replace('[', "%5B").replace(']', "%5D")
}

#[track_caller]
fn same(list: &Value, expected: &[&Value]) {
    let expected: Vec<String> = expected.iter().map(|run| id(run)).collect();
    assert_eq!(ids(list), expected);
    assert_eq!(list["meta"]["pagination"]["total-count"], expected.len());
}

/// Filters and what they find: `e` failed, `p` is planned, `r` only refreshes, `a` applies an empty plan, `s` is saved, `o` can
/// only plan; the newest stands first.
const CASES: [(&str, &str); 30] = [
    ("", "sarpe"),
    ("filter[operation]=plan_only", "o"),
    ("filter[operation]=plan_and_apply", "arpe"),
    ("filter[operation]=save_plan,plan_only", "os"),
    ("filter[operation]=refresh_only", "r"),
    ("filter[operation]=destroy", "p"),
    ("filter[operation]=empty_apply", "a"),
    ("filter[operation]=nothing", ""),
    ("filter[status]=planned,errored", "pe"),
    ("filter[status]=errored", "e"),
    ("filter[status]=pending", "ar"),
    ("filter[status]=unheard-of", ""),
    ("filter[status_group]=final", "e"),
    ("filter[status_group]=non_final", "sarp"),
    ("filter[status_group]=discardable", "arp"),
    ("filter[status_group]=non_final&filter[operation]=plan_only", "o"),
    ("filter[source]=tfe-api", "sarpe"),
    ("filter[source]=tfe-ui", ""),
    ("filter[source]=tfe-configuration-version,tfe-run-trigger", ""),
    ("search[basic]=SECOND", "p"),
    ("search[basic]=one_percent%201%25", "e"),
    ("search[basic]=e_s", ""),
    ("search[user]=ALIC", "sarpe"),
    ("search[user]=bob", ""),
    ("search[basic]=alice", "sarpe"),
    ("search[commit]=abc", ""),
    ("filter[timeframe]=2026", "sarpe"),
    ("filter[timeframe]=year", "sarpe"),
    ("filter[timeframe]=2025", ""),
    ("filter[agent_pool_names]=none", ""),
];

/// The runs that the filters look for, by their letters.
async fn letters(project: &Project) -> BTreeMap<char, Value> {
    let agent = FakeAgent::new(&project.server).await;
    let make = async |attributes: Value| {
        project.server.advance(Duration::from_secs(1));
        project.run(attributes).await
    };
    let errored = make(json!({ "message": "One_Percent 1%" })).await;
    assert_eq!(agent.claim().await.finish("failed", false).await, 204);
    let planned = make(json!({ "message": "the second", "is-destroy": true })).await;
    agent.claim().await.succeed().await;
    let refreshes = make(json!({ "refresh-only": true })).await;
    let empty = make(json!({ "allow-empty-apply": true })).await;
    let saved = make(json!({ "save-plan": true })).await;
    project.server.advance(Duration::from_secs(1));
    let speculative = project.run_of(&project.configuration(true).await, json!({})).await;
    BTreeMap::from([
        ('e', errored),
        ('p', planned),
        ('r', refreshes),
        ('a', empty),
        ('s', saved),
        ('o', speculative),
    ])
}

#[tokio::test]
async fn every_filter_finds_its_runs() {
    let project = Project::new().await;
    let runs = letters(&project).await;
    let of_workspace = format!("/api/v2/workspaces/{}/runs", project.workspace.id);
    for path in [of_workspace.as_str(), "/api/v2/organizations/acme/runs"] {
        for (text, expected) in CASES {
            let list = project.get(&format!("{path}?{}", query(text))).await;
            let expected: Vec<String> = expected.chars().map(|letter| id(&runs[&letter])).collect();
            assert_eq!(ids(&list), expected, "{path}?{text}");
            assert_eq!(list["meta"]["pagination"]["total-count"], expected.len(), "{path}?{text}");
        }
        let by_id =
            project.get(&format!("{path}?{}", query(&format!("search[basic]={}", id(&runs[&'s']))))).await;
        same(&by_id, &[&runs[&'s']]);
        let page = project.get(&format!("{path}?{}", query("page[size]=2&page[number]=2"))).await;
        assert_eq!(ids(&page), [id(&runs[&'r']), id(&runs[&'p'])]);
        assert_eq!(page["meta"]["pagination"]["total-count"], 5);
        let past = project.get(&format!("{path}?{}", query("page[number]=9"))).await;
        assert_eq!(past["data"], json!([]));
        assert_eq!(past["meta"]["pagination"]["current-page"], 9);
        let wrong = format!("{path}?{}", query("filter[timeframe]=long"));
        assert_eq!(project.server.request("GET", &wrong, &project.token, Value::Null).await.0, 400);
    }
}

#[tokio::test]
async fn a_list_of_the_organization_shows_what_the_caller_may_read() {
    let mut project = Project::new().await;
    let net = project.run(json!({})).await;
    let reader = member(&project, "rita", "read").await;
    let nobody = member(&project, "nora", "none").await;
    project.workspace = project.server.workspace(&project.organization, "app_1").await;
    project.server.advance(Duration::from_secs(1));
    let app = project.run(json!({})).await;
    let planner = member(&project, "paula", "plan").await;
    project.workspace = project.server.workspace(&project.organization, "appx1").await;
    project.server.advance(Duration::from_secs(1));
    let third = project.run(json!({})).await;
    let list = async |token: &str, text: &str| {
        let path = format!("/api/v2/organizations/acme/runs?{}", query(text));
        let (status, answer) = project.server.request("GET", &path, token, Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    same(&list(&project.token, "").await, &[&third, &app, &net]);
    same(&list(&organization_token(&project).await, "").await, &[&third, &app, &net]);
    same(&list(&reader, "").await, &[&net]);
    same(&list(&planner, "").await, &[&app]);
    same(&list(&nobody, "").await, &[]);
    same(&list(&project.token, "filter[workspace_names]=app_1").await, &[&app]);
    same(&list(&project.token, "filter[workspace_names]=net,appx1").await, &[&third, &net]);
    same(&list(&reader, "filter[workspace_names]=net,appx1").await, &[&net]);
    same(&list(&reader, "filter[status_group]=non_final").await, &[&net]);
    same(&list(&reader, "filter[operation]=plan_and_apply,plan_only").await, &[&net]);
    let whole = list(&reader, "include=workspace,created_by").await;
    assert_eq!(whole["included"].as_array().map(Vec::len), Some(2));
    assert_eq!(whole["data"][0]["attributes"]["permissions"]["can-apply"], false);

    // A grant on the project counts for all workspaces in it.
    let teams = project.get("/api/v2/organizations/acme/teams").await;
    let team = teams["data"].as_array().expect("a list").iter();
    let team =
        team.filter(|team| team["attributes"]["name"] == "team-of-nora").map(id).next().expect("a team");
    let grant = json!({ "data": {
        "attributes": { "access": "read" },
        "relationships": {
            "team": { "data": { "type": "teams", "id": team } },
            "project": { "data": { "type": "projects", "id": project.organization.default_project_id.as_str() } },
        },
    } });
    let (status, answer) =
        project.server.request("POST", "/api/v2/team-projects", &project.token, grant).await;
    assert!(matches!(status, 200 | 201), "{answer}");
    same(&list(&nobody, "").await, &[&third, &app, &net]);
}

#[tokio::test]
async fn a_long_list_has_every_run_once_from_the_first_page_to_the_last() {
    let site = Site::new().await;
    let scale = Scale { workspaces: 200, runs: 3000, tokens_per_run: 1, variable_sets: 0 };
    let (user, _) = site.member("maker").await;
    let owner =
        Owner { organization: site.organization.id.clone(), name: site.organization.name.clone(), user };
    site.server
        .app
        .store
        .fill(&owner, scale, "2026-01-05T10:00:00Z".parse().expect("a time"))
        .await
        .expect("data");
    let busy = workspace(1).expect("an id");
    let list = async |path: &str, more: &str, page: u64| {
        let path = format!("{path}?page%5Bnumber%5D={page}&page%5Bsize%5D=100{more}");
        let (status, list) = site.server.request("GET", &path, &site.owner, Value::Null).await;
        assert_eq!(status, 200, "{path}");
        list
    };
    let of_organization = "/api/v2/organizations/acme/runs".to_owned();
    let of_workspace = format!("/api/v2/workspaces/{busy}/runs");
    // The whole year says the same by reading runs instead of counting days.
    let year = query("&filter[timeframe]=2026");
    let kind = query("&filter[operation]=plan_only");
    for path in [&of_organization, &of_workspace] {
        for filter in ["", &kind] {
            let total =
                list(path, filter, 1).await["meta"]["pagination"]["total-count"].as_u64().expect("a number");
            assert!(total > 10);
            let mut seen = 0;
            for page in 1..=total.div_ceil(100) + 1 {
                let (counted, read) =
                    (list(path, filter, page).await, list(path, &format!("{filter}{year}"), page).await);
                assert_eq!(counted["meta"], read["meta"]);
                assert_eq!(ids(&counted), ids(&read));
                seen += ids(&counted).len() as u64;
            }
            assert_eq!(seen, total);
        }
    }
    let deleted =
        site.server.request("DELETE", &format!("/api/v2/workspaces/{busy}"), &site.owner, Value::Null).await;
    assert_eq!(deleted.0, 204);
    assert_eq!(list(&of_organization, "", 1).await["meta"], list(&of_organization, &year, 1).await["meta"]);
}
