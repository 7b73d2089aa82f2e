mod tokens;

use std::time::Duration;

use carnet_api::job::BASE;
use carnet_model::{AgentPoolId, RunId, Timestamp};
use serde_json::{Value, json};

use crate::testing::{FakeAgent, Project, TestServer};

/// A project with a pool of its organization, and the pool's token.
struct Pool {
    project: Project,
    id: String,
    token: String,
}

impl Pool {
    async fn new() -> Self {
        let project = Project::new().await;
        let id = make(&project, json!({ "name": "data centre" }), json!({})).await;
        let token = make_token(&project.server, &project.token, &id).await;
        Self { project, id, token }
    }

    async fn request(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.project.server.request(method, path, &self.project.token, body).await
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v2/agent-pools/{}{rest}", self.id)
    }

    /// Makes a run whose plan waits for the agents of a pool.
    async fn run_for(&self, pool: &str) -> Value {
        let run = self.project.run(json!({})).await;
        self.give(&run, pool).await;
        run
    }

    async fn give(&self, run: &Value, pool: &str) {
        let run: RunId = run["id"].as_str().unwrap().parse().unwrap();
        let pool: AgentPoolId = pool.parse().unwrap();
        let mut tx = self.project.server.app.store.write().await.unwrap();
        tx.set_queued_job_pool(&run, Some(&pool)).await.unwrap();
        tx.commit().await.unwrap();
    }
}

fn body(attributes: Value, relationships: Value) -> Value {
    json!({ "data": { "type": "agent-pools", "attributes": attributes, "relationships": relationships } })
}

async fn make(project: &Project, attributes: Value, relationships: Value) -> String {
    let body = body(attributes, relationships);
    project.server.advance(Duration::from_secs(1));
    let path = "/api/v2/organizations/acme/agent-pools";
    let (status, answer) = project.server.request("POST", path, &project.token, body).await;
    assert_eq!(status, 201, "{answer}");
    answer["data"]["id"].as_str().unwrap().to_owned()
}

async fn make_token(server: &TestServer, token: &str, pool: &str) -> String {
    let path = format!("/api/v2/agent-pools/{pool}/authentication-tokens");
    let body = json!({ "data": { "type": "agent-tokens", "attributes": { "description": "rack 7" } } });
    let (status, answer) = server.request("POST", &path, token, body).await;
    assert_eq!(status, 201, "{answer}");
    answer["data"]["attributes"]["token"].as_str().unwrap().to_owned()
}

fn workspaces(ids: &[&str]) -> Value {
    let data: Vec<Value> = ids.iter().map(|id| json!({ "type": "workspaces", "id": id })).collect();
    json!({ "data": data })
}

fn names(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|pool| pool["attributes"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_pool_is_made_read_changed_and_deleted() {
    let pool = Pool::new().await;
    let (_, found) = pool.request("GET", &pool.path(""), Value::Null).await;
    let attributes = &found["data"]["attributes"];
    assert_eq!(attributes["name"], "data centre");
    assert_eq!(attributes["organization-scoped"], true);
    assert_eq!(attributes["agent-count"], 0);
    assert!(attributes["created-at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(found["data"]["relationships"]["organization"]["data"]["id"], "acme");

    let workspace = pool.project.workspace.id.as_str();
    let change = body(
        json!({ "name": "rack", "organization-scoped": false }),
        json!({ "allowed-workspaces": workspaces(&[workspace]), "excluded-workspaces": workspaces(&[]) }),
    );
    let (status, changed) = pool.request("PATCH", &pool.path(""), change).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["data"]["attributes"]["name"], "rack");
    assert_eq!(changed["data"]["attributes"]["organization-scoped"], false);
    assert_eq!(changed["data"]["relationships"]["allowed-workspaces"], workspaces(&[workspace]));

    let rename = body(json!({ "name": "rack 8" }), json!({}));
    let (_, changed) = pool.request("PATCH", &pool.path(""), rename).await;
    assert_eq!(changed["data"]["relationships"]["allowed-workspaces"], workspaces(&[workspace]));
    let clear = body(json!({}), json!({ "allowed-workspaces": workspaces(&[]) }));
    let (_, changed) = pool.request("PATCH", &pool.path(""), clear).await;
    assert_eq!(changed["data"]["relationships"]["allowed-workspaces"], workspaces(&[]));

    assert_eq!(pool.request("DELETE", &pool.path(""), Value::Null).await.0, 204);
    assert_eq!(pool.request("GET", &pool.path(""), Value::Null).await.0, 404);
    assert_eq!(
        pool.project.server.request("POST", &format!("{BASE}/agents"), &pool.token, json!({})).await.0,
        401
    );
}

#[tokio::test]
async fn names_are_wanted_and_taken_once() {
    let pool = Pool::new().await;
    for (name, text) in [("data centre", "Name has already been taken"), (" ", "Name can't be blank")] {
        let body = body(json!({ "name": name }), json!({}));
        let (status, answer) = pool.request("POST", "/api/v2/organizations/acme/agent-pools", body).await;
        assert_eq!(status, 422);
        assert_eq!(answer["errors"][0]["detail"], text);
    }
}

#[tokio::test]
async fn a_list_is_searched_sorted_and_cut() {
    let pool = Pool::new().await;
    let workspace = pool.project.workspace.id.as_str();
    let own = json!({ "name": "own", "organization-scoped": false });
    make(&pool.project, own, json!({ "allowed-workspaces": workspaces(&[workspace]) })).await;
    let project = pool.project.organization.default_project_id.as_str();
    let projects = json!({ "data": [{ "type": "projects", "id": project }] });
    let closed = json!({ "name": "project", "organization-scoped": false });
    make(&pool.project, closed, json!({ "allowed-projects": projects })).await;
    let not = json!({ "name": "not net" });
    make(&pool.project, not, json!({ "excluded-workspaces": workspaces(&[workspace]) })).await;
    make(&pool.project, json!({ "name": "nobody's", "organization-scoped": false }), json!({})).await;
    for (query, expected) in [
        ("", vec!["data centre", "own", "project", "not net", "nobody's"]),
        ("?sort=-name", vec!["project", "own", "not net", "nobody's", "data centre"]),
        ("?q=N%5F", vec![]),
        ("?q=NE", vec!["not net"]),
        ("?filter%5Ballowed_workspaces%5D%5Bname%5D=net", vec!["data centre", "own", "project"]),
        (
            "?filter%5Ballowed_projects%5D%5Bname%5D=Default%20Project",
            vec!["data centre", "project", "not net"],
        ),
        ("?filter%5Ballowed_projects%5D%5Bname%5D=none", vec![]),
        ("?sort=name&page%5Bsize%5D=2&page%5Bnumber%5D=2", vec!["not net", "own"]),
    ] {
        let path = format!("/api/v2/organizations/acme/agent-pools{query}");
        let (_, list) = pool.request("GET", &path, Value::Null).await;
        assert_eq!(names(&list), expected, "{query}");
        assert!(list["meta"]["pagination"]["total-count"].is_u64());
    }
}

#[tokio::test]
async fn a_scope_holds_only_what_the_organization_has() {
    let pool = Pool::new().await;
    let (other, _) = pool.project.server.user("bob").await;
    let organization = pool.project.server.organization("globex", &other).await;
    let foreign = pool.project.server.workspace(&organization, "net").await;
    for id in [foreign.id.as_str(), "ws-1111111111111111", "net"] {
        let body = body(json!({}), json!({ "allowed-workspaces": workspaces(&[id]) }));
        let (status, answer) = pool.request("PATCH", &pool.path(""), body).await;
        assert_eq!(status, 422, "{answer}");
    }
    let projects =
        json!({ "data": [{ "type": "projects", "id": organization.default_project_id.as_str() }] });
    let body = body(json!({}), json!({ "allowed-projects": projects }));
    assert_eq!(pool.request("PATCH", &pool.path(""), body).await.0, 422);
}

#[tokio::test]
async fn a_token_is_shown_once_and_can_be_revoked() {
    let pool = Pool::new().await;
    let (_, list) = pool.request("GET", &pool.path("/authentication-tokens"), Value::Null).await;
    let token = &list["data"][0];
    assert_eq!(token["attributes"]["description"], "rack 7");
    assert_eq!(token["attributes"]["token"], Value::Null);
    assert_eq!(token["relationships"]["created-by"]["data"]["type"], "users");
    assert!(!list.to_string().contains(&pool.token));
    let path = format!("/api/v2/authentication-tokens/{}", token["id"].as_str().unwrap());
    let (_, stranger) = pool.project.server.user("bob").await;
    for method in ["GET", "DELETE"] {
        assert_eq!(pool.project.server.request(method, &path, &stranger, Value::Null).await.0, 404);
    }
    assert_eq!(pool.request("GET", &path, Value::Null).await.0, 200);
    let agent = FakeAgent::with_token(&pool.project.server, &pool.token).await;
    assert_eq!(pool.request("DELETE", &path, Value::Null).await.0, 204);
    let claim = format!("{BASE}/agents/{}/claim?wait=0", agent.id);
    assert_eq!(pool.project.server.request("POST", &claim, &pool.token, Value::Null).await.0, 401);

    let blank = json!({ "data": { "attributes": { "description": "" } } });
    assert_eq!(pool.request("POST", &pool.path("/authentication-tokens"), blank).await.0, 422);
}

#[tokio::test]
async fn strangers_see_no_pool() {
    let pool = Pool::new().await;
    let server = &pool.project.server;
    let (_, stranger) = server.user("bob").await;
    let agent = FakeAgent::with_token(server, &pool.token).await;
    let agent_path = format!("/api/v2/agents/{}", agent.id);
    let list = "/api/v2/organizations/acme/agent-pools".to_owned();
    let paths = [list, pool.path(""), pool.path("/agents"), pool.path("/authentication-tokens"), agent_path];
    for path in &paths {
        for token in [&stranger, &pool.token, &server.agent_token] {
            assert_eq!(server.request("GET", path, token, Value::Null).await.0, 404, "{path}");
        }
    }
    for token in [&stranger, &pool.token] {
        assert_eq!(server.request("DELETE", &pool.path(""), token, Value::Null).await.0, 404);
        assert_eq!(server.request("PATCH", &pool.path(""), token, body(json!({}), json!({}))).await.0, 404);
    }
}

#[tokio::test]
async fn agents_of_a_pool_take_its_jobs_only() {
    let pool = Pool::new().await;
    let other = make(&pool.project, json!({ "name": "other" }), json!({})).await;
    let other_token = make_token(&pool.project.server, &pool.project.token, &other).await;
    let of_pool = FakeAgent::with_token(&pool.project.server, &pool.token).await;
    let of_other = FakeAgent::with_token(&pool.project.server, &other_token).await;
    let of_site = FakeAgent::new(&pool.project.server).await;
    pool.run_for(&pool.id).await;
    assert!(of_other.try_claim().await.is_none());
    assert!(of_site.try_claim().await.is_none());
    of_pool.claim().await.succeed().await;
}

#[tokio::test]
async fn agents_of_a_pool_take_no_job_of_the_site() {
    let pool = Pool::new().await;
    let of_pool = FakeAgent::with_token(&pool.project.server, &pool.token).await;
    pool.project.run(json!({})).await;
    assert!(of_pool.try_claim().await.is_none());
    assert!(FakeAgent::new(&pool.project.server).await.try_claim().await.is_some());
}

#[tokio::test]
async fn a_stolen_pool_token_opens_nothing_of_another_organization() {
    let pool = Pool::new().await;
    let server = &pool.project.server;
    let (_, bob) = {
        let (id, token) = server.user("bob").await;
        server.organization("globex", &id).await;
        (id, token)
    };
    let path = "/api/v2/organizations/globex/agent-pools";
    let (_, made) = server.request("POST", path, &bob, body(json!({ "name": "theirs" }), json!({}))).await;
    let theirs = made["data"]["id"].as_str().unwrap().to_owned();
    let stolen = make_token(server, &bob, &theirs).await;
    let thief = FakeAgent::with_token(server, &stolen).await;
    // Not even a job that was given to their pool by mistake.
    pool.run_for(&theirs).await;
    assert!(thief.try_claim().await.is_none());
    let mine = FakeAgent::with_token(server, &pool.token).await;
    let claim = format!("{BASE}/agents/{}/claim?wait=0", mine.id);
    assert_eq!(server.request("POST", &claim, &stolen, Value::Null).await.0, 404);
    let stop = format!("{BASE}/agents/{}/stop", mine.id);
    assert_eq!(server.request("POST", &stop, &stolen, json!({ "failed": false })).await.0, 404);
    for path in [pool.path(""), pool.path("/agents"), "/api/v2/organizations/acme".to_owned()] {
        assert_eq!(server.request("GET", &path, &stolen, Value::Null).await.0, 404);
    }
}

#[tokio::test]
async fn a_narrowed_pool_takes_no_job_that_waits() {
    let pool = Pool::new().await;
    let agent = FakeAgent::with_token(&pool.project.server, &pool.token).await;
    pool.run_for(&pool.id).await;
    let workspace = pool.project.workspace.id.as_str();
    let exclude = body(json!({}), json!({ "excluded-workspaces": workspaces(&[workspace]) }));
    assert_eq!(pool.request("PATCH", &pool.path(""), exclude).await.0, 200);
    assert!(agent.try_claim().await.is_none());
    let allow = body(json!({}), json!({ "excluded-workspaces": workspaces(&[]) }));
    assert_eq!(pool.request("PATCH", &pool.path(""), allow).await.0, 200);
    assert!(agent.try_claim().await.is_some());
}

#[tokio::test]
async fn a_pool_in_use_stays() {
    let pool = Pool::new().await;
    let run = pool.run_for(&pool.id).await;
    let (status, answer) = pool.request("DELETE", &pool.path(""), Value::Null).await;
    assert_eq!(status, 422);
    assert!(answer["errors"][0]["detail"].as_str().unwrap().contains("is in use"), "{answer}");
    assert_eq!(pool.project.act(&run, "cancel").await, 202);
    assert_eq!(pool.request("DELETE", &pool.path(""), Value::Null).await.0, 204);
}

#[tokio::test]
async fn a_plan_names_its_pool_before_an_agent_takes_it_and_after_the_agent_is_forgotten() {
    let pool = Pool::new().await;
    let run = pool.run_for(&pool.id).await;
    let path = format!("/api/v2/runs/{}/plan", run["id"].as_str().unwrap());
    let details = async || {
        let details = pool.project.get(&path).await["data"]["attributes"]["execution-details"].clone();
        assert_eq!((&details["mode"], &details["agent-pool-id"]), (&json!("agent"), &json!(pool.id)));
        assert_eq!(details["agent-pool-name"], "data centre");
        details["agent-name"].clone()
    };
    assert_eq!(details().await, Value::Null);
    let agent = FakeAgent::with_token(&pool.project.server, &pool.token).await;
    agent.claim().await.succeed().await;
    assert_eq!(details().await, "fake");
    pool.project.server.advance(Duration::from_secs(31 * 24 * 3600));
    FakeAgent::with_token(&pool.project.server, &pool.token).await;
    assert_eq!(details().await, Value::Null);
}

#[tokio::test]
async fn agents_are_listed_with_what_is_known_of_them() {
    let pool = Pool::new().await;
    let server = &pool.project.server;
    let idle = FakeAgent::with_token(server, &pool.token).await;
    let (_, list) = pool.request("GET", &pool.path("/agents"), Value::Null).await;
    let attributes = &list["data"][0]["attributes"];
    assert_eq!((&attributes["name"], &attributes["status"]), (&json!("fake"), &json!("idle")));
    assert_eq!(attributes["ip-address"], "127.0.0.1");
    assert_eq!(
        pool.request("GET", &pool.path(""), Value::Null).await.1["data"]["attributes"]["agent-count"],
        1
    );

    let path = format!("/api/v2/agents/{}", idle.id);
    let status =
        async || pool.request("GET", &path, Value::Null).await.1["data"]["attributes"]["status"].clone();
    let (refused, answer) = pool.request("DELETE", &path, Value::Null).await;
    assert_eq!(refused, 412, "{answer}");
    pool.run_for(&pool.id).await;
    let job = idle.claim().await;
    assert_eq!(status().await, "busy");
    job.succeed().await;
    assert_eq!(status().await, "idle");
    server.advance(Duration::from_secs(100));
    assert_eq!(status().await, "unknown");
    assert!(idle.try_claim().await.is_none());
    assert_eq!(status().await, "idle");

    let stop = format!("{BASE}/agents/{}/stop", idle.id);
    assert_eq!(server.request("POST", &stop, &pool.token, json!({ "failed": false })).await.0, 204);
    assert_eq!(status().await, "exited");
    let since: Timestamp = server.app.now();
    server.advance(Duration::from_secs(1));
    let filtered = |since: Timestamp| pool.path(&format!("/agents?filter%5Blast-ping-since%5D={since}"));
    let count = async |path: String| {
        pool.request("GET", &path, Value::Null).await.1["data"].as_array().unwrap().len()
    };
    assert_eq!(count(filtered(since)).await, 1);
    assert_eq!(count(filtered(server.app.now())).await, 0);
    assert_eq!(
        pool.request("GET", &pool.path("/agents?filter%5Blast-ping-since%5D=soon"), Value::Null).await.0,
        400
    );
    assert_eq!(pool.request("DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(pool.request("GET", &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_project_chooses_no_pool_that_is_closed_to_it() {
    let pool = Pool::new().await;
    let project = pool.project.organization.default_project_id.clone();
    let closed = json!({ "name": "closed", "organization-scoped": false });
    let closed = make(&pool.project, closed, json!({})).await;
    let path = format!("/api/v2/projects/{project}");
    let chosen = |id: &str| {
        json!({ "data": { "attributes": {
            "name": "own pool", "default-execution-mode": "agent", "default-agent-pool-id": id } } })
    };
    for (method, path) in [("PATCH", path.as_str()), ("POST", "/api/v2/organizations/acme/projects")] {
        let (status, answer) = pool.request(method, path, chosen(&closed)).await;
        let detail = answer["errors"][0]["detail"].as_str().unwrap_or_default();
        assert!(status == 422 && detail.contains("not open to this project"), "{method} {status} {answer}");
    }
    let allowed = json!({ "data": [{ "type": "projects", "id": project.as_str() }] });
    let allow = body(json!({}), json!({ "allowed-projects": allowed }));
    assert_eq!(pool.request("PATCH", &format!("/api/v2/agent-pools/{closed}"), allow).await.0, 200);
    assert_eq!(pool.request("PATCH", &path, chosen(&closed)).await.0, 200);
    // Closed afterwards: the project can still be changed otherwise.
    let close = body(json!({}), json!({ "allowed-projects": { "data": [] } }));
    assert_eq!(pool.request("PATCH", &format!("/api/v2/agent-pools/{closed}"), close).await.0, 200);
    let rename = json!({ "data": { "attributes": { "name": "renamed" } } });
    assert_eq!(pool.request("PATCH", &path, rename).await.0, 200);
    let body = chosen(&pool.id);
    assert_eq!(pool.request("PATCH", &path, body).await.0, 200, "a pool of the whole organization");
}
