//! Tencent Cloud's SDK with what a run gets for Tencent Cloud.

use std::time::Duration;

use carnet_tests::{TencentCloud, TencentOptions, TencentRole, Tool, tool};
use serde_json::json;

use super::place::{Place, accepted, declaration, program, subject};

const ROLE: &str = "qcs::cam::uin/100000000001:roleName/deploy";

#[tokio::test]
async fn the_variable_of_a_run_leads_to_its_role() -> anyhow::Result<()> {
    let (place, python) = tokio::try_join!(Place::start(), tool(Tool::TencentCloudSdk))?;
    let options = TencentOptions {
        issuer: place.issuer(),
        provider: "carnet".to_owned(),
        audience: "tencentcloud.workload.identity".to_owned(),
        roles: vec![TencentRole { arn: ROLE.to_owned(), subject: subject("net", "apply") }],
        credential_lifetime: Duration::from_secs(7200),
    };
    let tencent = TencentCloud::start(&place.ca, options).await?;
    let variables = [("TFC_TENCENTCLOUD_PROVIDER_AUTH", "true"), ("TFC_TENCENTCLOUD_RUN_ROLE_ARN", ROLE)];
    let workspace = place.workspace("net", &variables).await?;
    let variable = "tfc_tencentcloud_dynamic_credentials";
    let attributes = ["role_arn", "token_file"];
    let [role, token] = attributes.map(|name| format!("${{var.{variable}.default.{name}}}"));
    let url = tencent.url();
    let endpoint = url.trim_start_matches("https://");
    let arguments = [endpoint, &*place.ca_file(), "carnet", &role, &token];
    let command = program(&python, "tencent_client", &arguments);
    let declaration = declaration(variable, &attributes);
    let run = place.run(&workspace, &declaration, &command).await?;
    assert_eq!(run.outcome()?, json!({"arn": ROLE, "type": "CAMRole"}), "{}", run.log);
    // The credentials were traded for once, and used once.
    let minted = place.minted(&workspace, "apply").await?;
    assert_eq!(accepted(&tencent.record(), "POST /"), [minted[0].clone(), minted[0].clone()]);

    let other = place.workspace("other", &variables).await?;
    let run = place.run(&other, &declaration, &command).await?;
    assert_eq!(run.status, "errored", "{}", run.log);
    assert!(run.log.contains("UnauthorizedOperation"), "{}", run.log);
    Ok(())
}
