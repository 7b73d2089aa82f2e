//! A cloud refuses the identity of a run to Terraform itself, and the run's log says why.

use carnet_tests::{ApiClient, SeaweedFs};
use serde_json::json;

use super::aws::{BUCKET, Cloud, set};
use crate::site::{ORGANIZATION, id, status, workspace};

const SUBJECT: &str = "organization:acme:project:Default Project:workspace:net:run_phase:apply";

#[tokio::test]
async fn a_role_that_trusts_somebody_else_is_explained() -> anyhow::Result<()> {
    let cloud = Cloud::start().await?;
    let api = cloud.server.api()?;
    let workspace = workspace(&api, ORGANIZATION, "net", &cloud.variables()).await?;

    // The role of the plan, in the apply.
    let reader = SeaweedFs::role_arn("reader");
    set(&api, &workspace, "TFC_AWS_APPLY_ROLE_ARN", &reader).await?;
    let refusal = [
        "AWS refused the identity of the run".to_owned(),
        format!(
            "at {}, role {reader} (from TFC_AWS_APPLY_ROLE_ARN or TFC_AWS_RUN_ROLE_ARN)",
            cloud.seaweed.endpoint()
        ),
        format!("presented:  iss = {}\n", cloud.server.url()),
        format!("sub = {SUBJECT}\n"),
        "aud = aws.workload.identity\n".to_owned(),
        "trust policy denies web identity assumption".to_owned(),
        "give the apply its own with TFC_AWS_PLAN_ROLE_ARN and TFC_AWS_APPLY_ROLE_ARN".to_owned(),
        format!(":sub\":\"{SUBJECT}\""),
    ];
    for is_structured in [false, true] {
        structure(&api, &workspace, is_structured).await?;
        check(&cloud, &workspace, &refusal).await?;
    }

    // The right role, for an audience that nobody trusts.
    structure(&api, &workspace, false).await?;
    set(&api, &workspace, "TFC_AWS_APPLY_ROLE_ARN", &SeaweedFs::role_arn("writer")).await?;
    let attributes =
        json!({"key": "TFC_AWS_WORKLOAD_IDENTITY_AUDIENCE", "value": "somebody.else", "category": "env"});
    api.create_variable(&workspace, attributes).await?;
    let refusal = ["aud = somebody.else\n", "invalid token audience", "--client-id somebody.else; or set"];
    check(&cloud, &workspace, &refusal.map(str::to_owned)).await
}

/// Checks that the apply of a run fails and is explained behind Terraform's own words, once and without the token.
async fn check(cloud: &Cloud, workspace: &str, refusal: &[String]) -> anyhow::Result<()> {
    let api = cloud.server.api()?;
    let run = api.run_to_end(workspace, &cloud.copy_to("copy.txt")).await?;
    let log = api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "errored", "{log}");
    assert!(!log.contains("eyJ"), "{log}");
    assert_eq!(cloud.seaweed.object(BUCKET, "copy.txt").await?, None);
    assert_eq!(log.matches("AWS refused the identity of the run").count(), 1, "{log}");
    let (words, block) = log.split_once("AWS refused").unwrap_or_default();
    assert!(words.contains("AssumeRoleWithWebIdentity"), "{log}");
    let (block, end) = block.split_once("Operation failed: ").unwrap_or_default();
    assert!(end.contains("exit code 1"), "{log}");
    let block = format!("AWS refused{block}");
    for part in refusal {
        assert!(block.contains(part), "{part:?} is missing in the block:\n{block}\nof the log:\n{log}");
    }
    Ok(())
}

/// Switches the structured form of Terraform's output on or off.
async fn structure(api: &ApiClient, workspace: &str, is_structured: bool) -> anyhow::Result<()> {
    let attributes = json!({"structured-run-output-enabled": is_structured});
    let body = json!({"data": {"type": "workspaces", "id": workspace, "attributes": attributes}});
    api.patch(&format!("workspaces/{workspace}"), body).await?;
    Ok(())
}
