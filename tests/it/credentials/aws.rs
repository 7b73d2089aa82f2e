//! The AWS provider against a token service that verifies identity tokens: SeaweedFS, with its own STS.

use std::path::PathBuf;

use carnet_tests::{
    Access, Archive, AwsClient, CarnetServer, SeaweedFs, SeaweedOptions, ServerOptions, TrustedRole, Witness,
    aws_client,
};
use serde_json::json;

use crate::site::{ORGANIZATION, Variables, id, script, status, with, workspace};

const AUDIENCE: &str = "aws.workload.identity";
pub(super) const BUCKET: &str = "artifacts";

/// A server and a SeaweedFS that trusts it.
pub(super) struct Cloud {
    pub(super) server: CarnetServer,
    pub(super) seaweed: SeaweedFs,
    client: AwsClient,
}

impl Cloud {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let client = aws_client().await?;
        let plugin_dir = match &client {
            AwsClient::Provider { mirror } => Some(mirror.clone()),
            AwsClient::Boto3 { .. } => None,
        };
        Self::start_with(client, plugin_dir).await
    }

    async fn start_with(client: AwsClient, plugin_dir: Option<PathBuf>) -> anyhow::Result<Self> {
        let arguments = ["--concurrency", "4", "--allow-provider-hosts", "127.0.0.1,localhost"];
        let arguments = arguments.map(str::to_owned).to_vec();
        let server =
            CarnetServer::start(ServerOptions { plugin_dir, arguments, ..Default::default() }).await?;
        let role = |name: &str, phase: &str, access| TrustedRole {
            name: name.to_owned(),
            subject: format!("organization:acme:project:Default Project:workspace:net:run_phase:{phase}"),
            access,
        };
        let options = SeaweedOptions {
            issuer_url: server.url(),
            jwks_url: format!("{}/.well-known/jwks", server.url()),
            issuer_ca: server.ca_file(),
            audience: AUDIENCE.to_owned(),
            roles: vec![
                role("reader", "plan", Access::Read),
                role("writer", "apply", Access::Write),
                role("auditor", "apply", Access::Read),
            ],
        };
        let seaweed = SeaweedFs::start(&options).await?;
        seaweed.create_bucket(BUCKET).await?;
        seaweed.put_object(BUCKET, "source.txt", "read by the plan").await?;
        server.api()?.create_organization(ORGANIZATION).await?;
        Ok(Self { server, seaweed, client })
    }

    pub(super) fn variables(&self) -> Variables {
        let endpoint = self.seaweed.endpoint();
        let (reader, writer) = (SeaweedFs::role_arn("reader"), SeaweedFs::role_arn("writer"));
        let variables = [
            ("TFC_AWS_PROVIDER_AUTH", "true"),
            ("TFC_AWS_PLAN_ROLE_ARN", &reader),
            ("TFC_AWS_APPLY_ROLE_ARN", &writer),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL_STS", endpoint),
            ("AWS_ENDPOINT_URL_S3", endpoint),
        ];
        with(&Vec::new(), &variables)
    }

    /// Reads `source.txt` in the plan, if the client can, and makes an object of this name from it in the apply.
    pub(super) fn copy_to(&self, key: &str) -> String {
        match &self.client {
            AwsClient::Provider { .. } => format!(
                "{}{}data \"aws_s3_object\" \"source\" {{\n  bucket = \"{BUCKET}\"\n  key    = \"source.txt\"\n}}\n\
                 resource \"aws_s3_object\" \"copy\" {{\n  bucket  = \"{BUCKET}\"\n  key     = \"{key}\"\n  content = \
                 data.aws_s3_object.source.body\n}}\n",
                required_provider(),
                provider("")
            ),
            AwsClient::Boto3 { python } => {
                script(key.trim_end_matches(".txt"), &boto3_copy(python.display(), key))
            }
        }
    }
}

fn required_provider() -> &'static str {
    "terraform {\n  required_providers {\n    aws = {\n      source = \"hashicorp/aws\"\n    }\n  }\n}\n"
}

fn provider(more: &str) -> String {
    format!(
        "provider \"aws\" {{\n  skip_requesting_account_id  = true\n  skip_credentials_validation = true\n  \
         s3_use_path_style           = true\n{more}}}\n"
    )
}

fn boto3_copy(python: impl std::fmt::Display, key: &str) -> String {
    format!(
        "{python} - <<'PROGRAM'\nimport boto3\nfrom botocore.config import Config\n\
         s3 = boto3.client('s3', config=Config(s3={{'addressing_style': 'path'}}))\n\
         body = s3.get_object(Bucket='{BUCKET}', Key='source.txt')['Body'].read()\n\
         s3.put_object(Bucket='{BUCKET}', Key='{key}', Body=body)\nPROGRAM"
    )
}

#[tokio::test]
async fn the_plan_reads_and_the_apply_writes() -> anyhow::Result<()> {
    let cloud = Cloud::start().await?;
    let api = cloud.server.api()?;
    let workspace = workspace(&api, ORGANIZATION, "net", &cloud.variables()).await?;

    let run = api.run_to_end(&workspace, &cloud.copy_to("copy.txt")).await?;
    let log = api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");
    assert_eq!(cloud.seaweed.object(BUCKET, "copy.txt").await?, Some(json!("read by the plan")));
    assert!(!log.contains("eyJ"), "{log}");
    let tokens = api.identity_tokens(&workspace).await?;
    let subjects: Vec<&str> = tokens.iter().filter_map(|token| token["subject"].as_str()).collect();
    assert!(subjects.first().is_some_and(|subject| subject.ends_with(":run_phase:plan")), "{subjects:?}");
    assert!(subjects.last().is_some_and(|subject| subject.ends_with(":run_phase:apply")), "{subjects:?}");

    // The same workspace with the roles exchanged: the token service refuses both phases the role of the other.
    let exchanged =
        [("TFC_AWS_PLAN_ROLE_ARN", "writer", "plan"), ("TFC_AWS_APPLY_ROLE_ARN", "reader", "apply")];
    // A program of a provisioner does nothing in the plan; the next test has one that does.
    let has_client_in_plan = matches!(cloud.client, AwsClient::Provider { .. });
    for (variable, role, phase) in exchanged.into_iter().skip(usize::from(!has_client_in_plan)) {
        set(&api, &workspace, variable, &SeaweedFs::role_arn(role)).await?;
        let run = api.run_to_end(&workspace, &cloud.copy_to(&format!("{phase}.txt"))).await?;
        let log = api.run_log(id(&run)).await?;
        assert_eq!(status(&run), "errored", "{log}");
        assert!(log.contains("AssumeRoleWithWebIdentity"), "{log}");
        assert!(log.contains("AccessDenied"), "{log}");
        assert!(!log.contains("eyJ"), "{log}");
        assert_eq!(cloud.seaweed.object(BUCKET, &format!("{phase}.txt")).await?, None);
        let right = if phase == "plan" { "reader" } else { "writer" };
        set(&api, &workspace, variable, &SeaweedFs::role_arn(right)).await?;
    }
    Ok(())
}

/// A configuration can bring a program of its own that runs in the plan: as a provider.
#[tokio::test]
async fn a_plan_that_tries_to_write_by_itself_is_refused() -> anyhow::Result<()> {
    let cloud = Cloud::start_with(AwsClient::Boto3 { python: PathBuf::new() }, None).await?;
    let api = cloud.server.api()?;
    let witness = Witness::start().await?;
    let workspace = workspace(&api, ORGANIZATION, "net", &cloud.variables()).await?;

    let archive = hostile_provider(&writing_program(&cloud, &witness))?;
    let (version, answer) = api.upload_archive(&workspace, archive).await?;
    answer.success()?;
    let run = api.start_run_of(&workspace, &version, json!({"auto-apply": true})).await?;
    let run = api.wait_for_status(&run, &["errored"]).await?;
    let log = api.run_log(id(&run)).await?;
    assert!(!log.contains("eyJ"), "{log}");

    assert_eq!(witness.statement("read").await?, "200 read by the plan", "{log}");
    assert_eq!(witness.statement("write").await?, "403");
    assert!(
        witness.statement("writer").await?.contains("trust policy denies"),
        "{:?}",
        witness.statements("writer")
    );
    assert_eq!(cloud.seaweed.object(BUCKET, "hostile.txt").await?, None);
    Ok(())
}

/// A program that takes the plan's identity token, assumes both roles with it, and reads and writes with what it gets.
fn writing_program(cloud: &Cloud, witness: &Witness) -> String {
    let endpoint = cloud.seaweed.endpoint();
    let assume = |role: &str| {
        format!(
            "curl -sS {endpoint}/ -d Action=AssumeRoleWithWebIdentity -d Version=2011-06-15 -d RoleSessionName=own \
             --data-urlencode RoleArn={} --data-urlencode WebIdentityToken@\"$AWS_WEB_IDENTITY_TOKEN_FILE\"",
            SeaweedFs::role_arn(role)
        )
    };
    let element =
        |name: &str| format!("$(sed -n 's:.*<{name}>\\([^<]*\\)</{name}>.*:\\1:p' \"$HOME/answer\")");
    let s3 = format!(
        "printf 'user = \"%s:%s\"\\nheader = \"x-amz-security-token: %s\"\\n' \"{}\" \"{}\" \"{}\" | curl -sS -K - \
         --aws-sigv4 aws:amz:us-east-1:s3",
        element("AccessKeyId"),
        element("SecretAccessKey"),
        element("SessionToken")
    );
    format!(
        "#!/bin/sh\n{} > \"$HOME/answer\"\n\
         printf '200 %s' \"$({s3} --fail {endpoint}/{BUCKET}/source.txt)\" | {}\n\
         echo content > \"$HOME/content\"\n\
         printf %s \"$({s3} -o /dev/null -w '%{{http_code}}' -T \"$HOME/content\" {endpoint}/{BUCKET}/hostile.txt)\" | {}\n\
         {} | {}\n",
        assume("reader"),
        witness.hear("read"),
        witness.hear("write"),
        assume("writer"),
        witness.hear("writer"),
    )
}

/// A configuration with a provider of its own, which is this program.
fn hostile_provider(program: &str) -> anyhow::Result<Vec<u8>> {
    let configuration = "terraform {\n  required_providers {\n    own = {\n      source = \"example.test/own/own\"\n    \
                         }\n  }\n}\nprovider \"own\" {}\n";
    let machine = match std::env::consts::ARCH {
        "aarch64" => "linux_arm64",
        _ => "linux_amd64",
    };
    let path =
        format!("terraform.d/plugins/example.test/own/own/1.0.0/{machine}/terraform-provider-own_v1.0.0");
    Archive::new().file("main.tf", configuration)?.program(&path, program)?.finish()
}

#[tokio::test]
async fn an_alias_assumes_a_role_of_its_own() -> anyhow::Result<()> {
    let cloud = Cloud::start().await?;
    let api = cloud.server.api()?;
    let [reader, writer, auditor] = ["reader", "writer", "auditor"].map(SeaweedFs::role_arn);
    let roles = [
        ("TFC_AWS_APPLY_ROLE_ARN", &*auditor),
        ("TFC_AWS_PROVIDER_AUTH_Writing", "true"),
        ("TFC_AWS_PLAN_ROLE_ARN_Writing", &*reader),
        ("TFC_AWS_APPLY_ROLE_ARN_Writing", &*writer),
    ];
    let workspace = workspace(&api, ORGANIZATION, "net", &with(&cloud.variables(), &roles)).await?;

    let run = api.run_to_end(&workspace, &aliased(&cloud.client)).await?;
    let log = api.run_log(id(&run)).await?;
    // The default configuration may only read: its object is refused, and the one of the alias is made.
    assert_eq!(status(&run), "errored", "{log}");
    assert!(log.contains("AccessDenied"), "{log}");
    assert_eq!(cloud.seaweed.object(BUCKET, "alias.txt").await?, Some(json!("by the alias")), "{log}");
    assert_eq!(cloud.seaweed.object(BUCKET, "default.txt").await?, None);
    assert_eq!(api.identity_tokens(&workspace).await?.len(), 4, "one for each configuration in each phase");
    Ok(())
}

/// Makes an object with the default configuration, and one with the alias.
fn aliased(client: &AwsClient) -> String {
    let file =
        |configuration: &str| format!("var.tfc_aws_dynamic_credentials.{configuration}.shared_config_file");
    let variable = "variable \"tfc_aws_dynamic_credentials\" {\n  type = object({\n    default = \
                    object({ shared_config_file = string })\n    aliases = map(object({ shared_config_file = string }))\n  \
                    })\n}\n";
    let (default, alias) = (file("default"), file("aliases[\"Writing\"]"));
    match client {
        AwsClient::Provider { .. } => {
            let object = |name: &str, more: &str| {
                format!(
                    "resource \"aws_s3_object\" \"{name}\" {{\n  bucket  = \"{BUCKET}\"\n  key     = \"{name}.txt\"\n  \
                     content = \"by the {name}\"\n{more}}}\n"
                )
            };
            [
                required_provider(),
                variable,
                &provider(&format!("  shared_config_files = [{default}]\n")),
                &provider(&format!(
                    "  alias               = \"writing\"\n  shared_config_files = [{alias}]\n"
                )),
                &object("default", ""),
                &object("alias", "  provider = aws.writing\n"),
            ]
            .concat()
        }
        AwsClient::Boto3 { python } => {
            let put = |name: &str, file: &str| {
                let program = format!(
                    "export AWS_CONFIG_FILE='${{{file}}}'\n{} - <<'PROGRAM'\nimport boto3\nfrom botocore.config import \
                     Config\ns3 = boto3.client('s3', config=Config(s3={{'addressing_style': 'path'}}))\n\
                     s3.put_object(Bucket='{BUCKET}', Key='{name}.txt', Body=b'by the {name}')\nPROGRAM",
                    python.display()
                );
                script(name, &program)
            };
            [variable, &put("default", &default), &put("alias", &alias)].concat()
        }
    }
}

/// Changes an environment variable of a workspace.
pub(super) async fn set(
    api: &carnet_tests::ApiClient,
    workspace: &str,
    key: &str,
    value: &str,
) -> anyhow::Result<()> {
    let list = api.get(&format!("workspaces/{workspace}/vars")).await?;
    let all = list["data"].as_array().cloned().unwrap_or_default();
    let known = all.iter().find(|variable| variable["attributes"]["key"] == key);
    let id = known.and_then(|variable| variable["id"].as_str()).unwrap_or_default();
    let change = json!({"data": {"type": "vars", "id": id, "attributes": {"value": value}}});
    api.patch(&format!("workspaces/{workspace}/vars/{id}"), change).await?;
    Ok(())
}
