//! Old subjects that go on for a while, and the names that nobody gets meanwhile.

use std::time::Duration;

use carnet_model::Timestamp;
use serde_json::{Value, json};

use super::subjects::{claims_of, put, settings};
use crate::testing::{FakeAgent, Project};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn send(project: &Project, method: &str, path: &str, attributes: Value) -> (u16, Value) {
    let body =
        if attributes.is_null() { Value::Null } else { json!({ "data": { "attributes": attributes } }) };
    project.server.request(method, path, &project.token, body).await
}

async fn subject(project: &Project, workspace: &str) -> String {
    let shown = project.get(&format!("/api/carnet/v1/workspaces/{workspace}/subjects")).await;
    shown["data"]["attributes"]["configurations"][0]["apply"].as_str().expect("a subject").to_owned()
}

fn hcp(organization: &str, project: &str, workspace: &str) -> String {
    format!("organization:{organization}:project:{project}:workspace:{workspace}:run_phase:apply")
}

#[tokio::test]
async fn a_renamed_workspace_goes_on_until_its_time_is_over_and_nobody_gets_its_name() {
    let project = Project::new().await;
    let (id, workspaces) = (project.workspace.id.to_string(), "/api/v2/organizations/acme/workspaces");
    let path = format!("/api/v2/workspaces/{id}");
    let (status, answer) =
        send(&project, "PATCH", &path, json!({ "name": "net2", "keep-subject-days": 30 })).await;
    assert_eq!(status, 200, "{answer}");
    let warning = answer["meta"]["warnings"][0].as_str().expect("a warning");
    assert!(warning.contains("go on presenting") && warning.contains("workspace:net2"), "{warning}");
    assert_eq!(subject(&project, &id).await, hcp("acme", "Default Project", "net"));
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    let plan = agent.claim().await;
    assert_eq!(
        claims_of(&project, &plan, None).await["sub"],
        "organization:acme:project:Default Project:workspace:net:run_phase:plan"
    );
    assert_eq!(plan.document["identity"]["subject"], claims_of(&project, &plan, None).await["sub"]);
    assert!(plan.document["notices"][0].as_str().expect("a notice").contains("until 2026-02-04T10:00:00Z"));
    // Whoever made or renamed a workspace to the old name would be somebody else with its trust.
    let (status, answer) = send(&project, "POST", workspaces, json!({ "name": "net" })).await;
    assert_eq!(status, 422, "{answer}");
    assert!(
        answer["errors"][0]["detail"].as_str().expect("a reason").contains("still presented"),
        "{answer}"
    );
    let other = project.server.workspace(&project.organization, "other").await;
    let rename = json!({ "name": "net" });
    let of_other = format!("/api/v2/workspaces/{}", other.id);
    assert_eq!(send(&project, "PATCH", &of_other, rename.clone()).await.0, 422);
    // It itself may go back, and away again.
    assert_eq!(send(&project, "PATCH", &path, rename.clone()).await.0, 200);
    assert_eq!(send(&project, "PATCH", &path, json!({ "name": "net2" })).await.0, 200);
    assert_eq!(subject(&project, &id).await, hcp("acme", "Default Project", "net"));
    project.server.advance(30 * DAY);
    assert_eq!(subject(&project, &id).await, hcp("acme", "Default Project", "net2"));
    assert_eq!(send(&project, "PATCH", &of_other, rename).await.0, 200);
    assert_eq!(subject(&project, other.id.as_str()).await, hcp("acme", "Default Project", "net"));
}

#[tokio::test]
async fn projects_and_organizations_keep_their_names_for_all_their_workspaces() {
    let project = Project::new().await;
    let id = project.workspace.id.to_string();
    let of_project = format!("/api/v2/projects/{}", project.workspace.project_id);
    let keep = |name: &str| json!({ "name": name, "keep-subject-days": 90 });
    let (status, answer) = send(&project, "PATCH", &of_project, keep("prod")).await;
    assert_eq!(status, 200, "{answer}");
    assert!(
        answer["meta"]["warnings"][0].as_str().expect("a warning").contains("1 workspace(s)"),
        "{answer}"
    );
    let warning = answer["meta"]["warnings"].to_string();
    assert!(warning.contains("until 20") && !warning.contains("keep-subject-days"), "{warning}");
    assert_eq!(send(&project, "PATCH", "/api/v2/organizations/acme", keep("acme2")).await.0, 200);
    assert_eq!(subject(&project, &id).await, hcp("acme", "Default Project", "net"));
    let made = project.server.workspace(&project.organization, "made-later").await;
    assert_eq!(subject(&project, made.id.as_str()).await, hcp("acme", "Default Project", "made-later"));
    let (status, answer) =
        send(&project, "POST", "/api/v2/organizations/acme2/projects", json!({ "name": "Default Project" }))
            .await;
    assert_eq!(status, 422, "{answer}");
    // Not even an administrator of the site gives the name of the organization out while it is presented.
    let body = json!({ "data": { "attributes": { "name": "acme", "email": "a@example.com" } } });
    let (status, answer) =
        project.server.request("POST", "/api/v2/organizations", crate::testing::ADMIN, body).await;
    assert_eq!(status, 422, "{answer}");
    let grace = format!("/api/carnet/v1/projects/{}/subject-grace", project.workspace.project_id);
    assert_eq!(project.get(&grace).await["data"]["attributes"]["names"][0]["name"], "Default Project");
    assert_eq!(send(&project, "DELETE", &grace, Value::Null).await.0, 204);
    assert_eq!(send(&project, "GET", &grace, Value::Null).await.0, 404);
    assert_eq!(subject(&project, &id).await, hcp("acme", "prod", "net"));
    project.server.advance(91 * DAY);
    assert_eq!(subject(&project, &id).await, hcp("acme2", "prod", "net"));
}

#[tokio::test]
async fn a_moved_workspace_goes_on_and_the_old_project_can_end_it() {
    let project = Project::new().await;
    let id = project.workspace.id.to_string();
    let (_, made) =
        send(&project, "POST", "/api/v2/organizations/acme/projects", json!({ "name": "prod" })).await;
    let target = made["data"]["id"].as_str().expect("an id").to_owned();
    let grace = format!("/api/carnet/v1/workspaces/{id}/subject-grace");
    assert_eq!(send(&project, "POST", &grace, json!({ "until": "2026-02-01T00:00:00Z" })).await.0, 200);
    let move_path = format!("/api/v2/projects/{target}/relationships/workspaces");
    let body = json!({ "data": [{ "type": "workspaces", "id": id }] });
    assert_eq!(project.server.request("POST", &move_path, &project.token, body).await.0, 204);
    assert_eq!(subject(&project, &id).await, hcp("acme", "Default Project", "net"));
    // Somebody who administers the new project alone can neither make it last nor end it.
    let (intruder_id, intruder) = project.server.user("ingrid").await;
    let mut tx = project.server.app.store.write().await.expect("a transaction");
    let now = project.server.app.now();
    crate::api::organizations::join_organization(&mut tx, &project.organization.id, &intruder_id, now)
        .await
        .expect("stored");
    tx.commit().await.expect("committed");
    let (_, team) =
        send(&project, "POST", "/api/v2/organizations/acme/teams", json!({ "name": "prod" })).await;
    let team = team["data"]["id"].as_str().expect("an id");
    let users = json!({ "data": [{ "type": "users", "id": intruder_id.as_str() }] });
    let path = format!("/api/v2/teams/{team}/relationships/users");
    assert_eq!(project.server.request("POST", &path, &project.token, users).await.0, 204);
    let access = json!({ "data": { "type": "team-projects", "attributes": { "access": "admin" }, "relationships": {
        "team": { "data": { "type": "teams", "id": team } },
        "project": { "data": { "type": "projects", "id": target } },
    } } });
    assert_eq!(project.server.request("POST", "/api/v2/team-projects", &project.token, access).await.0, 201);
    let days = json!({ "data": { "attributes": { "days": 60 } } });
    let (status, answer) = project.server.request("POST", &grace, &intruder, days).await;
    assert_eq!(status, 403, "{answer}");
    assert_eq!(
        project.server.request("DELETE", &grace, &intruder, Value::Null).await.0,
        204,
        "ending is safe"
    );
    assert_eq!(subject(&project, &id).await, hcp("acme", "prod", "net"));
}

#[tokio::test]
async fn nothing_is_kept_for_ever() {
    let project = Project::new().await;
    let grace = format!("/api/carnet/v1/workspaces/{}/subject-grace", project.workspace.id);
    for attributes in [
        json!({}),
        json!({ "days": 0 }),
        json!({ "days": 91 }),
        json!({ "days": -1 }),
        json!({ "until": "2026-01-05T09:00:00Z" }),
        json!({ "until": "2027-01-05T09:00:00Z" }),
        json!({ "days": 3, "until": "2026-01-06T09:00:00Z" }),
    ] {
        assert_eq!(send(&project, "POST", &grace, attributes.clone()).await.0, 422, "{attributes}");
    }
    assert_eq!(send(&project, "DELETE", &grace, Value::Null).await.0, 404);
    assert_eq!(send(&project, "POST", &grace, json!({ "days": 60 })).await.0, 200);
    // Whole days that end some seconds beyond the limit end there.
    let first = project.get(&grace).await["data"]["attributes"]["created-at"].clone();
    project.server.advance(Duration::from_secs(30));
    let (status, answer) = send(&project, "POST", &grace, json!({ "days": 90 })).await;
    assert_eq!(status, 200, "{answer}");
    let kept = &answer["data"]["attributes"];
    let end = |time: &Value| time.as_str().expect("a time").parse::<Timestamp>().expect("a time");
    assert_eq!(end(&kept["until"]).duration_since(end(&first)).as_hours(), 90 * 24, "{answer}");
    assert_eq!(send(&project, "POST", &grace, json!({ "days": 60 })).await.0, 200);
    project.server.advance(50 * DAY);
    let (status, answer) = send(&project, "POST", &grace, json!({ "days": 60 })).await;
    assert_eq!(status, 422, "the limit counts from the first time: {answer}");
    assert_eq!(send(&project, "POST", &grace, json!({ "days": 40 })).await.0, 200);
    project.server.advance(40 * DAY);
    assert_eq!(send(&project, "POST", &grace, json!({ "days": 60 })).await.0, 200, "afterwards anew");
    // What goes takes along what was kept for it.
    let path = format!("/api/v2/workspaces/{}", project.workspace.id);
    put(&project, &format!("workspaces/{}/subject-settings", project.workspace.id), settings("short")).await;
    assert_eq!(send(&project, "DELETE", &path, Value::Null).await.0, 204);
    let (status, _) =
        send(&project, "POST", "/api/v2/organizations/acme/workspaces", json!({ "name": "net" })).await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn a_grace_is_not_made_longer_by_what_lies_in_it() {
    let project = Project::new().await;
    let of_project = format!("/api/v2/projects/{}", project.workspace.project_id);
    let keep = json!({ "name": "prod", "keep-subject-days": 90 });
    assert_eq!(send(&project, "PATCH", &of_project, keep).await.0, 200);
    project.server.advance(60 * DAY);
    let of_workspace = format!("/api/carnet/v1/workspaces/{}/subject-grace", project.workspace.id);
    let (status, answer) = send(&project, "POST", &of_workspace, json!({ "days": 31 })).await;
    assert_eq!(status, 422, "{answer}");
    assert_eq!(send(&project, "POST", &of_workspace, json!({ "days": 30 })).await.0, 200);
}

#[tokio::test]
async fn a_rename_that_changes_no_subject_is_no_news() {
    let project = Project::new().await;
    let settings_of = "organizations/acme/subject-settings";
    let rename = async |name: &str, path: &str| {
        let (status, answer) = send(&project, "PATCH", path, json!({ "name": name })).await;
        assert_eq!(status, 200, "{answer}");
        answer["meta"]["warnings"].clone()
    };
    let of_project = format!("/api/v2/projects/{}", project.workspace.project_id);
    put(&project, settings_of, settings("name@id")).await;
    assert_eq!(rename("base", &of_project).await, Value::Null);
    assert_eq!(rename("acme2", "/api/v2/organizations/acme").await, Value::Null);
    put(&project, "organizations/acme2/subject-settings", settings("hcp")).await;
    let warned = rename("acme3", "/api/v2/organizations/acme2").await.to_string();
    assert!(warned.contains("the subjects of 1 of its 1 workspace(s) name"), "{warned}");
    assert!(warned.contains("keep-subject-days gives time"), "{warned}");
}
