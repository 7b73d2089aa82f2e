//! AWS: the token and the role are handed over; the Terraform provider calls `AssumeRoleWithWebIdentity`.

use crate::{
    credential::Credential,
    family::FamilyName,
    form::{Form, Found, Incomplete},
    injection::{Delivery, When},
    notice::Notice,
    provider::{Configuration, Grant, Place, Provider, Rival, TokenLife, TokenNeed},
    setting::{Phased, Required, Setting, SettingKind, UPSTREAM},
};

const SETTING: Setting<'static> = Setting {
    name: "",
    family: FamilyName::Aws,
    kind: SettingKind::Value,
    label: "AWS role ARN",
    required: Required::No,
    default: None,
    example: "arn:aws:iam::123456789012:role/terraform",
    doc: "",
    source: UPSTREAM,
};

static AUTH: Setting<'static> = Setting {
    name: "TFC_AWS_PROVIDER_AUTH",
    kind: SettingKind::Enable,
    label: "AWS authentication",
    required: Required::Yes,
    example: "true",
    doc: "Set to true to authenticate to AWS with the identity of the run.",
    ..SETTING
};
static RUN_ROLE: Setting<'static> = Setting {
    name: "TFC_AWS_RUN_ROLE_ARN",
    required: Required::UnlessBothPhases,
    doc: "The role to assume in both phases.",
    ..SETTING
};
static PLAN_ROLE: Setting<'static> = Setting {
    name: "TFC_AWS_PLAN_ROLE_ARN",
    doc: "The role to assume at plan, instead of the role for both phases.",
    ..SETTING
};
static APPLY_ROLE: Setting<'static> = Setting {
    name: "TFC_AWS_APPLY_ROLE_ARN",
    doc: "The role to assume at apply, instead of the role for both phases.",
    ..SETTING
};
static AUDIENCE: Setting<'static> = Setting {
    name: "TFC_AWS_WORKLOAD_IDENTITY_AUDIENCE",
    label: "AWS audience",
    default: Some("aws.workload.identity"),
    example: "aws.workload.identity",
    doc: "The audience of the identity token; must be in the client id list of the OIDC provider in IAM.",
    ..SETTING
};
static ROLE: Phased<'static> = Phased { run: &RUN_ROLE, plan: &PLAN_ROLE, apply: &APPLY_ROLE };

const TOKEN_FILE: &str = "tfc-aws-token";
const CONFIG_FILE: &str = "tfc-aws-shared-config";

/// The family of direct AWS credentials.
pub(crate) struct Aws;

#[derive(Debug)]
struct AwsConfiguration {
    role_arn: String,
    audience: String,
}

impl Provider for Aws {
    fn family(&self) -> FamilyName {
        FamilyName::Aws
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![AUTH, RUN_ROLE, PLAN_ROLE, APPLY_ROLE, AUDIENCE]
    }

    fn variable(&self) -> Option<&str> {
        Some("tfc_aws_dynamic_credentials")
    }

    fn rivals(&self) -> Vec<Rival<'_>> {
        vec![
            Rival::always("AWS_ACCESS_KEY_ID"),
            Rival::always("AWS_SECRET_ACCESS_KEY"),
            Rival::always("AWS_SESSION_TOKEN"),
            Rival::unless("AWS_PROFILE", "default"),
            Rival::unless("AWS_DEFAULT_PROFILE", "default"),
            // With aliases these two beat the files of every provider block.
            Rival::always("AWS_ROLE_ARN"),
            Rival::always("AWS_WEB_IDENTITY_TOKEN_FILE"),
        ]
    }

    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete> {
        let role = form.phased(&ROLE);
        let audience = form.or_default(&AUDIENCE);
        let role = role?;
        if !is_role_arn(&role) {
            let expected = "the ARN of an IAM role (arn:aws:iam::ACCOUNT:role/NAME)";
            form.notice(Notice::Unusual { variable: role.variable, expected });
        }
        Ok(Box::new(AwsConfiguration { role_arn: role.value, audience: audience? }))
    }
}

impl Configuration for AwsConfiguration {
    fn token(&self) -> Option<TokenNeed<'_>> {
        Some(TokenNeed { audience: &self.audience, life: TokenLife::Rotated })
    }

    fn role(&self) -> Option<&str> {
        Some(&self.role_arn)
    }

    fn grant(&self) -> Grant<'_> {
        Grant::HandOver
    }

    fn deliver(&self, credential: &Credential, place: &Place<'_>) -> Delivery {
        let (token_path, config_path) = (place.path(TOKEN_FILE), place.path(CONFIG_FILE));
        let config = format!(
            "[default]\nweb_identity_token_file = {token_path}\nrole_arn = {}\nrole_session_name = {}\n",
            self.role_arn, place.run_id
        );
        let mut delivery = Delivery::default();
        delivery.file(place.file_name(TOKEN_FILE), credential.token.clone());
        delivery.file(place.file_name(CONFIG_FILE), config.into());
        delivery.attribute("shared_config_file", config_path.as_str());
        delivery.env(When::Alone, "AWS_ROLE_ARN", self.role_arn.as_str());
        delivery.env(When::Alone, "AWS_WEB_IDENTITY_TOKEN_FILE", token_path);
        delivery.env(When::Alone, "AWS_ROLE_SESSION_NAME", place.run_id);
        delivery.env(When::BesideAliases, "AWS_CONFIG_FILE", config_path);
        // Without this a failed exchange falls back to the role of the machine that the agent runs on.
        delivery.env(When::UnlessSet, "AWS_EC2_METADATA_DISABLED", "true");
        delivery
    }
}

/// Whether the value is `arn:PARTITION:iam::ACCOUNT:role/NAME`; stand-ins for AWS use other forms, so this only warns.
fn is_role_arn(found: &Found) -> bool {
    let parts: Vec<&str> = found.value.splitn(6, ':').collect();
    let [arn, partition, service, region, account, resource] = parts.as_slice() else { return false };
    let is_partition = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    *arn == "arn"
        && !partition.is_empty()
        && partition.bytes().all(is_partition)
        && *service == "iam"
        && region.is_empty()
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
}
