//! boto3 with what a run gets for AWS.

use carnet_tests::{Access, SeaweedFs, SeaweedOptions, Tool, TrustedRole, tool};
use serde_json::json;

use super::place::{Place, program, subject};

const BUCKET: &str = "artifacts";

#[tokio::test]
async fn the_variables_of_a_run_assume_its_role_again_and_again() -> anyhow::Result<()> {
    let (place, python) = tokio::try_join!(Place::start(), tool(Tool::Boto3))?;
    let role = |name: &str, phase: &str, access| TrustedRole {
        name: name.to_owned(),
        subject: subject("net", phase),
        access,
    };
    let seaweed = SeaweedFs::start(&SeaweedOptions {
        issuer_url: place.server.url(),
        jwks_url: format!("{}/.well-known/jwks", place.server.url()),
        issuer_ca: place.server.ca_file(),
        audience: "aws.workload.identity".to_owned(),
        roles: vec![role("reader", "plan", Access::Read), role("writer", "apply", Access::Write)],
    })
    .await?;
    seaweed.create_bucket(BUCKET).await?;
    seaweed.put_object(BUCKET, "source.txt", "to be copied").await?;
    let (reader, writer) = (SeaweedFs::role_arn("reader"), SeaweedFs::role_arn("writer"));
    let variables = [
        ("TFC_AWS_PROVIDER_AUTH", "true"),
        ("TFC_AWS_PLAN_ROLE_ARN", &*reader),
        ("TFC_AWS_APPLY_ROLE_ARN", &*writer),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL_STS", seaweed.endpoint()),
        ("AWS_ENDPOINT_URL_S3", seaweed.endpoint()),
    ];
    let workspace = place.workspace("net", &variables).await?;
    place.shorten_tokens(&workspace, 10).await?;
    let command = program(&python, "aws_client", &[BUCKET, "source.txt", "copy.txt"]);
    let run = place.run(&workspace, "", &command).await?;
    let expected = json!({"method": "assume-role-with-web-identity", "copied": true});
    assert_eq!(run.outcome()?, expected, "{}", run.log);
    assert_eq!(seaweed.object(BUCKET, "copy.txt").await?, Some(json!("to be copied")));
    assert!(place.minted(&workspace, "apply").await?.len() >= 2, "the token was replaced");

    let other = place.workspace("other", &variables).await?;
    let run = place.run(&other, "", &command).await?;
    assert_eq!(run.status, "errored", "{}", run.log);
    assert!(run.log.contains("AssumeRoleWithWebIdentity"), "{}", run.log);
    Ok(())
}
