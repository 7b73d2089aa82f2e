//! Claims that must be asked for.

use serde_json::{Value, json};

use super::subjects::{claims_of, put};
use crate::testing::{FakeAgent, Project};

const OWN_CLAIMS: usize = 16;

fn ask(claims: &[&str]) -> Value {
    json!({ "data": { "attributes": { "claims": claims } } })
}

#[tokio::test]
async fn a_token_says_more_only_where_that_is_asked_for() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    assert_eq!(claims_of(&project, &plan, None).await.as_object().expect("claims").len(), OWN_CLAIMS);
    let path = "organizations/acme/subject-settings";
    let answer = put(
        &project,
        path,
        ask(&[
            "actor",
            "approver",
            "run_source",
            "speculative",
            "workspace_tags",
            "aws_session_tags",
            "vcs_branch",
        ]),
    )
    .await;
    let warnings = answer["meta"]["warnings"].as_array().expect("warnings");
    assert!(
        warnings
            .iter()
            .any(|text| text.as_str().is_some_and(|text| text.contains("vcs_branch is in no token")))
    );
    assert!(warnings.iter().any(|text| text.as_str().is_some_and(|text| text.contains("sts:TagSession"))));
    let claims = claims_of(&project, &plan, None).await;
    assert_eq!(claims["terraform_run_actor"], "alice");
    assert!(claims["terraform_run_actor_id"].as_str().expect("an id").starts_with("user-"));
    assert_eq!(
        (&claims["terraform_run_source"], &claims["terraform_run_speculative"]),
        (&json!("tfe-api"), &json!("false"))
    );
    assert_eq!(claims["terraform_workspace_tags"], json!({}));
    let tags = &claims["https://aws.amazon.com/tags"];
    assert_eq!(tags["principal_tags"]["terraform_run_phase"], json!(["plan"]));
    assert_eq!(tags["principal_tags"]["terraform_workspace_name"], json!(["net"]));
    assert_eq!(claims.get("terraform_run_approver"), None, "nobody approved a plan");
    plan.succeed().await;
    assert_eq!(project.act(&run, "apply").await, 202);
    let apply = agent.claim().await;
    assert_eq!(claims_of(&project, &apply, None).await["terraform_run_approver"], "alice");
    // The workspace takes back what its organization asks for.
    put(&project, &format!("workspaces/{}/subject-settings", project.workspace.id), ask(&[])).await;
    assert_eq!(claims_of(&project, &apply, None).await.as_object().expect("claims").len(), OWN_CLAIMS);
}

#[tokio::test]
async fn tags_that_nobody_could_take_stop_the_token_and_not_the_relying_party() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    let plan = agent.claim().await;
    let tags: Vec<Value> = (0..40)
        .map(|number| json!({ "type": "tags", "attributes": { "name": format!("{number}{}", "t".repeat(250)) } }))
        .collect();
    let path = format!("/api/v2/workspaces/{}/relationships/tags", project.workspace.id);
    let (status, answer) =
        project.server.request("POST", &path, &project.token, json!({ "data": tags })).await;
    assert_eq!(status, 204, "{answer}");
    let request = json!({ "family": "plain", "tag": null, "audience": "vault.workload.identity", "lifetime_seconds": 60 });
    for (claims, reason) in
        [(["workspace_tags"], "bytes"), (["aws_workspace_tags"], "AWS takes 128 characters")]
    {
        put(&project, "organizations/acme/subject-settings", ask(&claims)).await;
        let (status, answer) = plan.post("identity-tokens", request.clone()).await;
        assert_eq!(status, 422, "{answer}");
        let text = answer.to_string();
        assert!(text.contains(reason) && text.contains("fewer"), "{text}");
    }
    put(&project, "organizations/acme/subject-settings", ask(&[])).await;
    assert_eq!(plan.post("identity-tokens", request).await.0, 201);
}

#[tokio::test]
async fn a_claim_that_does_not_exist_is_refused() {
    let project = Project::new().await;
    let path = "/api/carnet/v1/organizations/acme/subject-settings";
    let (status, answer) = project.server.request("PUT", path, &project.token, ask(&["sub"])).await;
    assert_eq!(status, 422);
    assert!(
        answer["errors"][0]["detail"].as_str().expect("a reason").contains("run_source, speculative"),
        "{answer}"
    );
}
