//! Tencent Cloud: the token and the role are handed over; the Terraform provider calls `AssumeRoleWithWebIdentity`.

use crate::{
    credential::Credential,
    family::FamilyName,
    form::{Form, Incomplete},
    injection::Delivery,
    notice::Notice,
    provider::{Configuration, Grant, Place, Provider, Rival, TokenLife, TokenNeed},
    setting::{Phased, Required, Setting, SettingKind, UPSTREAM},
};

const SETTING: Setting<'static> = Setting {
    name: "",
    family: FamilyName::TencentCloud,
    kind: SettingKind::Value,
    label: "Tencent Cloud role ARN",
    required: Required::No,
    default: None,
    example: "qcs::cam::uin/100000000001:roleName/terraform",
    doc: "",
    source: UPSTREAM,
};

static AUTH: Setting<'static> = Setting {
    name: "TFC_TENCENTCLOUD_PROVIDER_AUTH",
    kind: SettingKind::Enable,
    label: "Tencent Cloud authentication",
    required: Required::Yes,
    example: "true",
    doc: "Set to true to authenticate to Tencent Cloud with the identity of the run; the provider block must use the \
          variable tfc_tencentcloud_dynamic_credentials.",
    ..SETTING
};
static RUN_ROLE: Setting<'static> = Setting {
    name: "TFC_TENCENTCLOUD_RUN_ROLE_ARN",
    required: Required::UnlessBothPhases,
    doc: "The role to assume in both phases.",
    ..SETTING
};
static PLAN_ROLE: Setting<'static> = Setting {
    name: "TFC_TENCENTCLOUD_PLAN_ROLE_ARN",
    doc: "The role to assume at plan, instead of the role for both phases.",
    ..SETTING
};
static APPLY_ROLE: Setting<'static> = Setting {
    name: "TFC_TENCENTCLOUD_APPLY_ROLE_ARN",
    doc: "The role to assume at apply, instead of the role for both phases; the variable must then be ephemeral.",
    ..SETTING
};
static AUDIENCE: Setting<'static> = Setting {
    name: "TFC_TENCENTCLOUD_WORKLOAD_IDENTITY_AUDIENCE",
    label: "Tencent Cloud audience",
    default: Some("tencentcloud.workload.identity"),
    example: "tencentcloud.workload.identity",
    doc: "The audience of the identity token; must be the client id of the OIDC provider in CAM.",
    ..SETTING
};
static ROLE: Phased<'static> = Phased { run: &RUN_ROLE, plan: &PLAN_ROLE, apply: &APPLY_ROLE };

const TOKEN_FILE: &str = "tfc-tencentcloud-token";
const ROLE_ATTRIBUTE: &str = "role_arn";

/// The family of Tencent Cloud credentials.
pub(crate) struct TencentCloud;

#[derive(Debug)]
struct TencentCloudConfiguration {
    role_arn: String,
    audience: String,
}

impl Provider for TencentCloud {
    fn family(&self) -> FamilyName {
        FamilyName::TencentCloud
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![AUTH, RUN_ROLE, PLAN_ROLE, APPLY_ROLE, AUDIENCE]
    }

    fn variable(&self) -> Option<&str> {
        Some("tfc_tencentcloud_dynamic_credentials")
    }

    fn rivals(&self) -> Vec<Rival<'_>> {
        vec![
            Rival::always("TENCENTCLOUD_SECRET_ID"),
            Rival::always("TENCENTCLOUD_SECRET_KEY"),
            Rival::always("TENCENTCLOUD_SECURITY_TOKEN"),
            Rival::always("TENCENTCLOUD_ASSUME_ROLE_ARN"),
        ]
    }

    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete> {
        let role = form.phased(&ROLE);
        let audience = form.or_default(&AUDIENCE);
        let role = role?;
        if !is_role_arn(&role.value) {
            let expected = "the ARN of a CAM role (qcs::cam::uin/ACCOUNT:roleName/NAME)";
            form.notice(Notice::Unusual { variable: role.variable, expected });
        }
        Ok(Box::new(TencentCloudConfiguration { role_arn: role.value, audience: audience? }))
    }
}

impl Configuration for TencentCloudConfiguration {
    // The provider asks for a session once; a token for a login alone might end before Terraform comes to that.
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
        let mut delivery = Delivery::default();
        delivery.file(place.file_name(TOKEN_FILE), credential.token.clone());
        delivery.attribute("token_file", place.path(TOKEN_FILE));
        delivery.attribute(ROLE_ATTRIBUTE, self.role_arn.as_str());
        delivery
    }

    fn frozen(&self) -> Option<(&'static str, &str)> {
        Some((ROLE_ATTRIBUTE, &self.role_arn))
    }
}

/// Whether the text is `qcs::cam::uin/ACCOUNT:roleName/NAME`.
fn is_role_arn(text: &str) -> bool {
    let parts = text.strip_prefix("qcs::cam::uin/").and_then(|rest| rest.split_once(":roleName/"));
    parts.is_some_and(|(account, name)| {
        !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty()
    })
}
