//! Templates of subjects: who may set them, which word counts, and that nobody gets the subject of somebody else.

use serde_json::{Value, json};

use super::Site;
use crate::testing::{FakeAgent, Project};

const HCP: &str = "organization:acme:project:Default Project:workspace:net:run_phase:";

pub(super) fn settings(template: &str) -> Value {
    json!({ "data": { "type": "subject-settings", "attributes": { "template": template } } })
}

/// The claims of a token for a configuration, as the ledger keeps them.
pub(super) async fn claims_of(
    project: &Project,
    job: &crate::testing::FakeJob<'_>,
    tag: Option<&str>,
) -> Value {
    let request = json!({ "family": "plain", "tag": tag, "audience": "vault.workload.identity", "lifetime_seconds": 60 });
    let (status, reply) = job.post("identity-tokens", request).await;
    assert_eq!(status, 201, "{reply}");
    let path = format!("/api/carnet/v1/workspaces/{}/identity-tokens", project.workspace.id);
    let entries = project.get(&path).await;
    let entries = entries.as_array().expect("a list");
    let entry = entries.iter().find(|entry| entry["jti"] == reply["jti"]).expect("an entry");
    assert_eq!(entry["subject"], entry["claims"]["sub"]);
    entry["claims"].clone()
}

pub(super) async fn put(project: &Project, path: &str, body: Value) -> Value {
    let (status, answer) =
        project.server.request("PUT", &format!("/api/carnet/v1/{path}"), &project.token, body).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

#[tokio::test]
async fn the_nearest_word_makes_the_subject_of_tokens() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.set_env("TFC_WORKLOAD_IDENTITY_AUDIENCE_other", "vault.workload.identity").await;
    project.run(json!({})).await;
    let plan = agent.claim().await;
    let (workspace, id) = (&project.workspace, &project.workspace.id);
    assert_eq!(claims_of(&project, &plan, None).await["sub"], format!("{HCP}plan"));
    let of_project = format!("projects/{}/subject-settings", workspace.project_id);
    let of_workspace = format!("workspaces/{id}/subject-settings");
    let answer = put(&project, "organizations/acme/subject-settings", settings("name@id")).await;
    assert!(answer["meta"]["warnings"][0].as_str().expect("a warning").contains("gcp takes 127"), "{answer}");
    let organization = &workspace.organization_id;
    let expected = format!("organization:acme@{organization}:workspace:net@{id}:run_phase:plan");
    assert_eq!(claims_of(&project, &plan, None).await["sub"], expected);
    put(&project, &of_project, settings("short")).await;
    assert_eq!(claims_of(&project, &plan, Some("other")).await["sub"], format!("net@{id}:run_phase:plan"));
    put(&project, &of_workspace, settings("hcp")).await;
    let tagged = "{workspace.name@id}:tag:{tag}:run_phase:{phase}";
    put(&project, &format!("{of_workspace}/other"), settings(tagged)).await;
    assert_eq!(claims_of(&project, &plan, None).await["sub"], format!("{HCP}plan"));
    let of_tag = format!("net@{id}:tag:other:run_phase:plan");
    assert_eq!(claims_of(&project, &plan, Some("other")).await["sub"], of_tag);
    let shown = project.get(&format!("/api/carnet/v1/workspaces/{id}/subjects")).await;
    let configurations = &shown["data"]["attributes"]["configurations"];
    assert_eq!(configurations[0]["said-by"], "workspace");
    assert_eq!(
        (&configurations[1]["said-by"], &configurations[1]["plan"]),
        (&json!("configuration"), &json!(of_tag))
    );
    let path = format!("/api/carnet/v1/{of_workspace}");
    assert_eq!(project.server.request("DELETE", &path, &project.token, Value::Null).await.0, 204);
    assert_eq!(claims_of(&project, &plan, None).await["sub"], format!("net@{id}:run_phase:plan"));
}

#[tokio::test]
async fn a_template_that_survives_renames_does() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    put(&project, "organizations/acme/subject-settings", settings("name@id")).await;
    project.run(json!({})).await;
    let plan = agent.claim().await;
    let before = claims_of(&project, &plan, None).await;
    let rename = |path: String, name: &str| {
        let body = json!({ "data": { "attributes": { "name": name } } });
        let (server, token) = (&project.server, project.token.clone());
        async move { server.request("PATCH", &path, &token, body).await }
    };
    for name in ["net2", "net3"] {
        let (status, answer) = rename(format!("/api/v2/workspaces/{}", project.workspace.id), name).await;
        assert_eq!((status, answer.get("meta")), (200, None), "{answer}");
    }
    assert_eq!(rename(format!("/api/v2/projects/{}", project.workspace.project_id), "other").await.0, 200);
    assert_eq!(rename("/api/v2/organizations/acme".to_owned(), "acme2").await.0, 200);
    let after = claims_of(&project, &plan, None).await;
    assert_eq!(after["sub"], before["sub"]);
    assert_eq!(after["terraform_workspace_name"], "net3", "the other claims say how things are");
}

#[tokio::test]
async fn nobody_below_the_project_decides_what_tokens_say() {
    let site = Site::new().await;
    let (member_id, member) = site.member("wanda").await;
    let team = site.team("writers", json!({}), &[member_id.as_str()]).await;
    let grant = |kind: &str, id: String, access: &str| {
        let name = format!("team-{kind}s");
        let body = json!({ "data": { "type": name, "attributes": { "access": access }, "relationships": {
            "team": { "data": { "type": "teams", "id": team } },
            kind: { "data": { "type": format!("{kind}s"), "id": id } },
        } } });
        let (server, token) = (&site.server, site.owner.clone());
        async move {
            let (status, answer) = server.request("POST", &format!("/api/v2/{name}"), &token, body).await;
            assert_eq!(status, 201, "{answer}");
        }
    };
    grant("workspace", site.workspace.id.to_string(), "admin").await;
    let workspace = format!("/api/carnet/v1/workspaces/{}", site.workspace.id);
    let project = format!("/api/carnet/v1/projects/{}", site.workspace.project_id);
    let organization = "/api/carnet/v1/organizations/acme".to_owned();
    let days = json!({ "data": { "attributes": { "days": 3 } } });
    let writes = |place: &str| {
        [
            ("PUT", format!("{place}/subject-settings"), settings("short")),
            ("DELETE", format!("{place}/subject-settings"), Value::Null),
            ("POST", format!("{place}/subject-grace"), days.clone()),
            ("DELETE", format!("{place}/subject-grace"), Value::Null),
        ]
    };
    for (place, expected) in [(&workspace, 403), (&project, 404), (&organization, 403)] {
        for (method, path, body) in writes(place) {
            let (status, answer) = site.server.request(method, &path, &member, body.clone()).await;
            assert_eq!(status, expected, "{method} {path}: {answer}");
            let (status, _) = site.server.request(method, &path, &site.stranger, body).await;
            assert_eq!(status, 404, "{method} {path} by a stranger");
        }
    }
    let (status, answer) =
        site.server.request("GET", &format!("{workspace}/subjects"), &member, Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    let body = json!({ "data": { "attributes": { "name": "net2", "keep-subject-days": 3 } } });
    let path = site.workspace_path("");
    assert_eq!(
        site.server.request("PATCH", &path, &member, body).await.0,
        403,
        "keeping is not for them either"
    );
    // Who may change the project may.
    grant("project", site.workspace.project_id.to_string(), "admin").await;
    for place in [&workspace, &project] {
        for (method, path, body) in writes(place) {
            let (status, answer) = site.server.request(method, &path, &member, body).await;
            assert!(matches!(status, 200 | 204), "{method} {path}: {status} {answer}");
        }
    }
}

#[tokio::test]
async fn a_colleague_cannot_write_the_subject_of_another_workspace() {
    let project = Project::new().await;
    let path = format!("/api/carnet/v1/workspaces/{}/subject-settings", project.workspace.id);
    for (template, reason) in [
        (
            "organization:acme:project:Default Project:workspace:other:run_phase:{phase}",
            "cannot stand in a template",
        ),
        ("organization:acme:project:prod:workspace:other:run_phase:{phase}", "does not say what follows"),
        (
            "organization:{organization.name}:project:prod:workspace:{workspace.name}:run_phase:{phase}",
            "\"project\"",
        ),
        ("workspace:{workspace.name}:run_phase:{phase}", "which organization"),
        ("organization:{organization.name}:run_phase:{phase}", "only an organization or a project"),
        ("{workspace.name@id}", "plan and apply share"),
        ("{workspace.colour}", "at character 1"),
    ] {
        let (status, answer) = project.server.request("PUT", &path, &project.token, settings(template)).await;
        assert_eq!(status, 422, "{template}");
        let detail = answer["errors"][0]["detail"].as_str().expect("a reason");
        assert!(detail.contains(reason), "{template}: {detail}");
    }
    // What is shared must be meant.
    let path = "/api/carnet/v1/organizations/acme/subject-settings";
    let mut shared = settings("organization:{organization.name}:run_phase:{phase}");
    let (status, answer) = project.server.request("PUT", path, &project.token, shared.clone()).await;
    assert_eq!(status, 422);
    assert!(answer["errors"][0]["detail"].as_str().expect("a reason").contains("set shared to true"));
    shared["data"]["attributes"]["shared"] = json!(true);
    let (status, answer) = project.server.request("PUT", path, &project.token, shared.clone()).await;
    assert_eq!(status, 200);
    assert!(
        answer["meta"]["warnings"][0].as_str().expect("a warning").contains("share this subject"),
        "{answer}"
    );

    // A project speaks for its own workspaces only.
    let path = format!("/api/carnet/v1/projects/{}/subject-settings", project.workspace.project_id);
    let (status, answer) = project.server.request("PUT", &path, &project.token, shared.clone()).await;
    assert_eq!(status, 422);
    assert!(
        answer["errors"][0]["detail"].as_str().expect("a reason").contains("of other projects"),
        "{answer}"
    );
    shared["data"]["attributes"]["template"] =
        json!("organization:{organization.name}:project:{project.name}:run_phase:{phase}");
    assert_eq!(project.server.request("PUT", &path, &project.token, shared).await.0, 200);
}

#[tokio::test]
async fn a_preview_shows_what_a_change_breaks() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    let plan = agent.claim().await;
    claims_of(&project, &plan, None).await;
    let of_workspace = format!("/api/carnet/v1/workspaces/{}/subject-preview", project.workspace.id);
    let preview = project.get(&format!("{of_workspace}?name=net2")).await;
    let attributes = &preview["data"]["attributes"];
    assert_eq!(attributes["changes"], true);
    assert_eq!(attributes["subjects"].as_array().expect("a list").len(), 2);
    assert_eq!(attributes["subjects"][1]["before"], format!("{HCP}apply"));
    assert_eq!(
        attributes["subjects"][1]["after"],
        "organization:acme:project:Default Project:workspace:net2:run_phase:apply"
    );
    assert_eq!(attributes["families"][0]["family"], "plain");
    assert_eq!(attributes["families"].as_array().expect("a list").len(), 1);
    let same = project.get(&format!("{of_workspace}?template=hcp")).await;
    assert_eq!(same["data"]["attributes"]["changes"], false);
    assert_eq!(same["data"]["attributes"]["warnings"], json!([]));
    // All workspaces of the organization would have it.
    let shared = project.get(&format!("{of_workspace}?template=organization:%7Borganization.name%7D")).await;
    let warnings = &shared["data"]["attributes"]["warnings"];
    let warning = warnings[0].as_str().expect("a warning");
    for part in [
        "this template would not be saved as it is: several workspaces",
        "plan and apply share this subject",
        "only an organization or a project can allow that",
    ] {
        assert!(warning.contains(part), "{warning}");
    }
    let of_organization = "/api/carnet/v1/organizations/acme/subject-preview?template=\
                           organization:%7Borganization.name%7D:workspace:%7Bworkspace.name%7D";
    let shared = project.get(of_organization).await;
    let warning = shared["data"][0]["attributes"]["warnings"].to_string();
    assert!(warning.contains("if that is meant, set shared to true"), "{warning}");
    let of_project =
        format!("/api/carnet/v1/projects/{}/subject-preview?name=prod", project.workspace.project_id);
    for path in [of_project, "/api/carnet/v1/organizations/acme/subject-preview?name=prod".to_owned()] {
        let list = project.get(&path).await;
        assert_eq!(list["meta"]["pagination"]["total-count"], 1);
        assert_eq!(list["data"][0]["attributes"]["changes"], true);
        assert!(
            list["data"][0]["attributes"]["subjects"][0]["after"].as_str().expect("a text").contains("prod")
        );
    }
    // Nothing was changed by all of this.
    assert_eq!(claims_of(&project, &plan, None).await["sub"], format!("{HCP}plan"));
    let body = json!({ "data": { "attributes": { "name": "net2" } } });
    let path = format!("/api/v2/workspaces/{}", project.workspace.id);
    let (status, answer) = project.server.request("PATCH", &path, &project.token, body).await;
    assert_eq!(status, 200);
    let warning = answer["meta"]["warnings"][0].as_str().expect("a warning");
    assert!(
        warning.contains("used in the last 30 days by plain") && warning.contains("keep-subject-days"),
        "{warning}"
    );
}
