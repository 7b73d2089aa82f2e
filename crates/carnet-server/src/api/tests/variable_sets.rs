use serde_json::{Value, json};

use super::Site;

pub(super) const SETS: &str = "/api/v2/organizations/acme/varsets";

pub(super) fn variable(key: &str, value: &str, sensitive: bool) -> Value {
    json!({ "type": "vars", "attributes": { "key": key, "value": value, "category": "env", "sensitive": sensitive } })
}

pub(super) fn references(kind: &str, ids: &[&str]) -> Value {
    let data: Vec<Value> = ids.iter().map(|id| json!({ "type": kind, "id": id })).collect();
    json!({ "data": data })
}

pub(super) fn document(attributes: Value, relationships: Value) -> Value {
    json!({ "data": { "type": "varsets", "attributes": attributes, "relationships": relationships } })
}

pub(super) fn named(name: &str) -> Value {
    document(json!({ "name": name }), json!({}))
}

pub(super) fn global(name: &str) -> Value {
    document(json!({ "name": name, "global": true }), json!({}))
}

pub(super) fn id(answer: &Value) -> String {
    answer["data"]["id"].as_str().expect("an id").to_owned()
}

/// In order: the clock of these tests stands still, so that all sets have one age.
fn names(list: &Value) -> Vec<&str> {
    let sets = list["data"].as_array().expect("a list");
    let mut names: Vec<&str> =
        sets.iter().map(|set| set["attributes"]["name"].as_str().expect("a name")).collect();
    names.sort_unstable();
    names
}

impl Site {
    pub(super) async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.server.request(method, path, &self.owner, body).await
    }

    pub(super) async fn read(&self, path: &str) -> Value {
        let (status, answer) = self.send("GET", path, Value::Null).await;
        assert_eq!(status, 200, "GET {path}: {answer}");
        answer
    }

    /// Makes a set and returns its path.
    pub(super) async fn set(&self, body: Value) -> String {
        let (status, made) = self.send("POST", SETS, body).await;
        assert_eq!(status, 201, "{made}");
        format!("/api/v2/varsets/{}", id(&made))
    }

    async fn project(&self, name: &str) -> String {
        let body = json!({ "data": { "attributes": { "name": name } } });
        id(&self.send("POST", "/api/v2/organizations/acme/projects", body).await.1)
    }

    /// The reason of a refusal.
    pub(super) async fn refused(&self, method: &str, path: &str, body: Value) -> String {
        let (status, answer) = self.send(method, path, body).await;
        assert_eq!(status, 422, "{method} {path}: {answer}");
        answer["errors"][0]["detail"].as_str().expect("a reason").to_owned()
    }
}

#[tokio::test]
async fn a_set_is_made_with_variables_and_assignments() {
    let site = Site::new().await;
    let (workspace, project) = (site.workspace.id.as_str(), site.organization.default_project_id.as_str());
    let relationships = json!({
        "workspaces": references("workspaces", &[workspace]),
        "projects": references("projects", &[project]),
        "vars": { "data": [variable("REGION", "eu", false), variable("TOKEN", "hunter2", true)] },
    });
    let attributes = json!({ "name": "clouds", "description": "d", "global": false, "priority": true });
    let path = site.set(document(attributes, relationships)).await;
    let shown = site.read(&format!("{path}?include=workspaces,projects,vars,stacks")).await;
    let found = &shown["data"]["attributes"];
    for (name, value) in [
        ("name", json!("clouds")),
        ("description", json!("d")),
        ("global", json!(false)),
        ("priority", json!(true)),
        ("var-count", json!(2)),
        ("workspace-count", json!(1)),
        ("project-count", json!(1)),
        ("permissions", json!({ "can-update": true })),
    ] {
        assert_eq!(found[name], value, "{name}");
    }
    let relations = &shown["data"]["relationships"];
    assert_eq!(relations["organization"]["data"], json!({ "type": "organizations", "id": "acme" }));
    assert_eq!(relations["parent"]["data"], json!({ "type": "organizations", "id": "acme" }));
    assert_eq!(relations["workspaces"], references("workspaces", &[workspace]));
    assert_eq!(relations["projects"], references("projects", &[project]));
    let included = shown["included"].as_array().expect("a list");
    let kinds: Vec<&str> = included.iter().map(|one| one["type"].as_str().expect("a type")).collect();
    assert_eq!(kinds, ["workspaces", "projects", "vars", "vars"]);
    assert!(!shown.to_string().contains("hunter2"));
    assert_eq!(site.send("DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(site.send("GET", &path, Value::Null).await.0, 404);
    assert_eq!(site.read(SETS).await["meta"]["pagination"]["total-count"], 0);
}

#[tokio::test]
async fn a_name_is_unique_in_the_organization() {
    let site = Site::new().await;
    site.set(named("clouds")).await;
    assert_eq!(site.refused("POST", SETS, named("clouds")).await, "Name has already been taken");
    let path = site.set(named("others")).await;
    assert_eq!(site.refused("PATCH", &path, named("clouds")).await, "Name has already been taken");
    assert_eq!(site.refused("POST", SETS, named(" ")).await, "Name can't be blank");
    assert_eq!(site.refused("POST", SETS, document(json!({}), json!({}))).await, "Name can't be blank");
    assert!(site.refused("POST", SETS, named("a\nb")).await.contains("printable"));
}

#[tokio::test]
async fn lists_are_filtered_and_cut_into_pages() {
    let site = Site::new().await;
    for body in [named("clouds"), global("Clouds of all"), named("vault")] {
        site.set(body).await;
    }
    assert_eq!(names(&site.read(SETS).await), ["Clouds of all", "clouds", "vault"]);
    assert_eq!(names(&site.read(&format!("{SETS}?q=CLOUD")).await), ["Clouds of all", "clouds"]);
    assert_eq!(names(&site.read(&format!("{SETS}?filter%5Bglobal%5D=true")).await), ["Clouds of all"]);
    let page = site.read(&format!("{SETS}?page%5Bnumber%5D=2&page%5Bsize%5D=2")).await;
    assert_eq!((names(&page).len(), &page["meta"]["pagination"]["total-count"]), (1, &json!(3)));
    assert_eq!(site.send("GET", &format!("{SETS}?filter%5Bglobal%5D=x"), Value::Null).await.0, 400);
}

#[tokio::test]
async fn assignments_are_added_taken_and_replaced() {
    let site = Site::new().await;
    let other = site.server.workspace(&site.organization, "other").await;
    let (first, second) = (site.workspace.id.as_str(), other.id.as_str());
    let path = site.set(named("clouds")).await;
    let workspaces = format!("{path}/relationships/workspaces");
    for ids in [&[first, second][..], &[first]] {
        assert_eq!(site.send("POST", &workspaces, references("workspaces", ids)).await.0, 204);
    }
    assert_eq!(site.read(&path).await["data"]["attributes"]["workspace-count"], 2);
    for _ in 0..2 {
        assert_eq!(site.send("DELETE", &workspaces, references("workspaces", &[first])).await.0, 204);
    }
    let relation = |ids: &[&str]| json!({ "workspaces": references("workspaces", ids) });
    let found = site.read(&path).await["data"]["relationships"]["workspaces"].clone();
    assert_eq!(found, references("workspaces", &[second]));
    let body = document(json!({ "global": false }), relation(&[first]));
    let (status, changed) = site.send("PATCH", &format!("{path}?include=workspaces"), body).await;
    assert_eq!((status, &changed["included"][0]["id"]), (200, &json!(first)));
    assert_eq!(changed["data"]["attributes"]["workspace-count"], 1);
    let (_, changed) = site.send("PUT", &path, named("renamed")).await;
    assert_eq!(changed["data"]["attributes"]["workspace-count"], 1, "an absent relation changes nothing");
    let (_, changed) = site.send("PATCH", &path, document(json!({}), relation(&[]))).await;
    assert_eq!(changed["data"]["attributes"]["workspace-count"], 0);
    let projects = format!("{path}/relationships/projects");
    let project = references("projects", &[site.organization.default_project_id.as_str()]);
    for (method, count) in [("POST", 1), ("DELETE", 0)] {
        assert_eq!(site.send(method, &projects, project.clone()).await.0, 204);
        assert_eq!(site.read(&path).await["data"]["attributes"]["project-count"], count);
    }
}

#[tokio::test]
async fn only_what_belongs_to_the_organization_is_assigned() {
    let site = Site::new().await;
    let (rival, _) = site.server.user("rita").await;
    let elsewhere = site.server.organization("umbrella", &rival).await;
    let workspace = site.server.workspace(&elsewhere, "net").await;
    let path = site.set(named("clouds")).await;
    for (kind, id) in [
        ("workspaces", workspace.id.as_str()),
        ("workspaces", "ws-1"),
        ("workspaces", "net"),
        ("projects", elsewhere.default_project_id.as_str()),
        ("projects", "prj-1"),
    ] {
        let reason = format!("nothing in this organization has the id {id:?}");
        let given = references(kind, &[id]);
        assert_eq!(
            site.refused("POST", &format!("{path}/relationships/{kind}"), given.clone()).await,
            reason
        );
        let body = document(json!({ "name": "more" }), json!({ kind: given }));
        assert_eq!(site.refused("POST", SETS, body).await, reason);
    }
    assert_eq!(names(&site.read(SETS).await), ["clouds"]);
}

#[tokio::test]
async fn a_global_set_is_assigned_nowhere() {
    let site = Site::new().await;
    let workspace = references("workspaces", &[site.workspace.id.as_str()]);
    let path = site.set(document(json!({ "name": "a" }), json!({ "workspaces": workspace }))).await;
    let (_, changed) = site.send("PATCH", &path, global("a")).await;
    assert_eq!(changed["data"]["attributes"]["workspace-count"], 0);
    for method in ["POST", "DELETE"] {
        let path = format!("{path}/relationships/workspaces");
        assert!(site.refused(method, &path, workspace.clone()).await.contains("is global"));
    }
}

#[tokio::test]
async fn global_sets_do_not_contradict_each_other() {
    let site = Site::new().await;
    let with = |name: &str, is_global: bool| {
        let vars = json!({ "vars": { "data": [variable("REGION", "eu", false)] } });
        document(json!({ "name": name, "global": is_global }), vars)
    };
    site.set(with("a", true)).await;
    let reason = "The env variable REGION stands in the global variable set \"a\", too";
    assert_eq!(site.refused("POST", SETS, with("b", true)).await, reason);
    let path = site.set(with("b", false)).await;
    assert_eq!(site.refused("PATCH", &path, global("b")).await, reason);
    let path = site.set(global("c")).await;
    let body = json!({ "data": variable("REGION", "us", false) });
    assert_eq!(site.refused("POST", &format!("{path}/relationships/vars"), body).await, reason);
    assert_eq!(site.read(&path).await["data"]["attributes"]["var-count"], 0);
}

#[tokio::test]
async fn a_set_of_a_project_stays_inside_of_it() {
    let site = Site::new().await;
    let project = site.project("clients").await;
    let parent = json!({ "parent": { "data": { "type": "projects", "id": project } } });
    let path = site.set(document(json!({ "name": "clouds" }), parent.clone())).await;
    let relation = &site.read(&path).await["data"]["relationships"]["parent"]["data"];
    assert_eq!(relation, &json!({ "type": "projects", "id": project }));
    assert!(site.refused("PATCH", &path, global("clouds")).await.contains("cannot be global"));
    let attributes = json!({ "name": "more", "global": true });
    assert!(site.refused("POST", SETS, document(attributes, parent)).await.contains("cannot be global"));
    for (kind, id) in [
        ("workspaces", site.workspace.id.as_str()),
        ("projects", site.organization.default_project_id.as_str()),
    ] {
        let path = format!("{path}/relationships/{kind}");
        assert!(
            site.refused("POST", &path, references(kind, &[id])).await.contains("outside of the project")
        );
    }
    let given = references("projects", &[&project]);
    assert_eq!(site.send("POST", &format!("{path}/relationships/projects"), given).await.0, 204);
    let other = json!({ "parent": { "data": { "type": "organizations", "id": "acme" } } });
    assert!(site.refused("PATCH", &path, document(json!({}), other)).await.contains("cannot be changed"));
    let nowhere = json!({ "parent": { "data": { "type": "projects", "id": "prj-1" } } });
    assert!(site.refused("POST", SETS, document(json!({ "name": "x" }), nowhere)).await.contains("prj-1"));
}

#[tokio::test]
async fn what_applies_to_a_workspace_or_project_is_listed() {
    let site = Site::new().await;
    let default = site.organization.default_project_id.as_str();
    let workspace = references("workspaces", &[site.workspace.id.as_str()]);
    site.set(global("all")).await;
    site.set(named("none")).await;
    let on_project = json!({ "projects": references("projects", &[default]) });
    site.set(document(json!({ "name": "project" }), on_project)).await;
    site.set(document(json!({ "name": "workspace" }), json!({ "workspaces": workspace }))).await;
    let owned = json!({
        "parent": { "data": { "type": "projects", "id": default } },
        "workspaces": workspace,
    });
    site.set(document(json!({ "name": "owned" }), owned)).await;
    let (of_workspace, of_project) =
        (site.workspace_path("/varsets"), format!("/api/v2/projects/{default}/varsets"));
    assert_eq!(names(&site.read(&of_workspace).await), ["all", "owned", "project", "workspace"]);
    let applicable = site.read(&site.workspace_path("/applicable-varsets")).await;
    assert_eq!(names(&applicable).len(), 4);
    let link = applicable["links"]["first"].as_str().expect("an address");
    assert!(link.starts_with(&site.workspace_path("/applicable-varsets")), "{link}");
    assert_eq!(names(&site.read(&of_project).await), ["all", "project"]);
    let project =
        json!({ "project": { "data": { "type": "projects", "id": site.project("clients").await } } });
    let moved = json!({ "data": { "attributes": {}, "relationships": project } });
    assert_eq!(site.send("PATCH", &site.workspace_path(""), moved).await.0, 200);
    assert_eq!(names(&site.read(&of_workspace).await), ["all", "workspace"]);
}

#[tokio::test]
async fn what_a_set_is_assigned_to_can_be_deleted() {
    let site = Site::new().await;
    let project = site.project("clients").await;
    let relations = json!({
        "workspaces": references("workspaces", &[site.workspace.id.as_str()]),
        "projects": references("projects", &[&project]),
    });
    let path = site.set(document(json!({ "name": "clouds" }), relations)).await;
    let parent = json!({ "parent": { "data": { "type": "projects", "id": project } } });
    let owned = site.set(document(json!({ "name": "owned" }), parent)).await;
    assert_eq!(site.send("DELETE", &format!("/api/v2/projects/{project}"), Value::Null).await.0, 204);
    assert_eq!(site.send("GET", &owned, Value::Null).await.0, 404, "it goes with its project");
    assert_eq!(site.send("DELETE", &site.workspace_path(""), Value::Null).await.0, 204);
    let left = site.read(&path).await["data"]["attributes"].clone();
    assert_eq!((&left["workspace-count"], &left["project-count"]), (&json!(0), &json!(0)));
    assert_eq!(site.send("DELETE", "/api/v2/organizations/acme", Value::Null).await.0, 204);
    assert_eq!(site.send("GET", &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn stacks_are_passed_over_as_there_are_none() {
    let site = Site::new().await;
    let (_, made) = site.server.request("POST", SETS, &site.owner, named("shared")).await;
    let stacks = format!("/api/v2/varsets/{}/relationships/stacks", id(&made));
    for method in ["POST", "DELETE"] {
        let body = references("stacks", &["st-1"]);
        assert_eq!(site.server.request(method, &stacks, &site.owner, body.clone()).await.0, 204);
        assert_eq!(site.server.request(method, &stacks, &site.stranger, body).await.0, 404);
    }
}
