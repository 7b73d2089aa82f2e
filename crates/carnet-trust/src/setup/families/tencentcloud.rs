//! Tencent Cloud: an OpenID Connect provider in CAM, and a role for each phase
//! (<https://www.tencentcloud.com/document/product/598/55052>).

use carnet_model::Phase;
use serde::Deserialize;

use super::ByPhase;
use crate::setup::block::Block;
use crate::setup::command::{Command, Word, flag, plain};
use crate::setup::name::{NameRule, object_name};
use crate::setup::outline::{Source, TrustSetup};
use crate::setup::request::{SetupError, TrustRequest};
use crate::setup::subject::subject;
use crate::setup::text::{Text, Value};

const AUDIENCE: &str = "tencentcloud.workload.identity";
const ROLE_NAME: NameRule = NameRule { longest: 128, is_lower: false };
/// The name of the identity provider in the account.
const PROVIDER: &str = "carnet";

/// What the trust of Tencent Cloud depends on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct TencentCloudOptions {
    /// The account (UIN) that the roles belong to.
    pub account_uin: Option<String>,
    /// The policies of the plan's role, by their names.
    pub policies_plan: Vec<String>,
    /// The policies of the apply's role, by their names.
    pub policies_apply: Vec<String>,
}

pub(super) fn setup(request: &TrustRequest, options: &TencentCloudOptions) -> Result<TrustSetup, SetupError> {
    let audience = request.audience.as_deref().unwrap_or(AUDIENCE);
    let mut setup = TrustSetup::new(format!("Tencent Cloud trusts runs of {}", request.whose()));
    setup.provider("tencentcloud", "tencentcloudstack/tencentcloud", ">= 1.81");
    if options
        .account_uin
        .as_deref()
        .is_some_and(|uin| uin.is_empty() || !uin.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Err(SetupError::option("--account-uin", "the number of an account has digits only"));
    }
    let account =
        setup.told(options.account_uin.as_ref(), "account_uin", "the account (UIN) that the roles belong to");
    setup.note(
        "CAM does not fetch the keys of the issuer: apply this again after each rotation of keys, before the new key is active.",
    );
    setup.note(format!(
        "The provider block names the identity provider: assume_role_with_web_identity {{ provider_id = \"{PROVIDER}\" }}. A role of the \
         apply that is not the plan's needs the variable tfc_tencentcloud_dynamic_credentials to be ephemeral: a saved plan keeps values."
    ));
    let tencent = Tencent { request, options, audience, account };
    tencent.identity_provider(&mut setup);
    setup.variable(request, "TFC_TENCENTCLOUD_PROVIDER_AUTH", "true");
    for phase in request.phases.each() {
        tencent.role(&mut setup, *phase)?;
    }
    if audience != AUDIENCE {
        setup.variable(request, "TFC_TENCENTCLOUD_WORKLOAD_IDENTITY_AUDIENCE", audience);
    }
    Ok(setup)
}

struct Tencent<'a> {
    request: &'a TrustRequest,
    options: &'a TencentCloudOptions,
    audience: &'a str,
    account: Text,
}

impl Tencent<'_> {
    fn identity_provider(&self, setup: &mut TrustSetup) {
        if self.request.knows_issuer {
            return;
        }
        let keys = setup.input(
            "identity_key",
            "the key set of the issuer (its /.well-known/jwks), as base64",
            Source::Person,
        );
        setup.blocks.push(
            Block::resource("tencentcloud_cam_role_sso", "carnet")
                .comment("An account has one provider for each issuer: the trust of another workspace shares it (--knows-issuer).")
                .set("name", PROVIDER)
                .set("identity_url", self.request.issuer.as_str())
                .set("identity_key", &keys)
                .set("client_ids", Value::texts([self.audience])),
        );
        let words = |command| {
            [
                plain(command),
                flag("--Name", PROVIDER),
                flag("--IdentityUrl", self.request.issuer.as_str()),
                flag("--IdentityKey", &keys),
                plain("--ClientId"),
                Word::Json(Value::texts([self.audience])),
            ]
        };
        setup.commands.push(
            Command::new(words("tccli cam CreateOIDCConfig"))
                .unless([plain("tccli cam DescribeOIDCConfig"), flag("--Name", PROVIDER)])
                .or_update(words("tccli cam UpdateOIDCConfig")),
        );
        setup.document(
            "oidc-config",
            "the identity provider, as CreateOIDCConfig takes it",
            Value::map([
                ("Name", PROVIDER.into()),
                ("IdentityUrl", self.request.issuer.as_str().into()),
                ("IdentityKey", (&keys).into()),
                ("ClientId", Value::texts([self.audience])),
            ]),
        );
    }

    fn role(&self, setup: &mut TrustSetup, phase: Phase) -> Result<(), SetupError> {
        let name = object_name(self.request, Some(phase), ROLE_NAME);
        let policy = self.trust_policy(phase)?;
        setup.blocks.push(
            Block::resource("tencentcloud_cam_role", phase.as_str())
                .set("name", name.as_str())
                .set("document", Value::Json(Box::new(policy.clone())))
                .set_some(
                    "depends_on",
                    (!self.request.knows_issuer)
                        .then_some(Value::List(vec![Value::Expression("tencentcloud_cam_role_sso.carnet")])),
                ),
        );
        let named = || flag("--RoleName", name.as_str());
        let document = || [plain("--PolicyDocument"), Word::Json(policy.clone())];
        setup.commands.push(
            Command::new([plain("tccli cam CreateRole"), named()].into_iter().chain(document()))
                .unless([plain("tccli cam GetRole"), named()])
                .or_update(
                    [plain("tccli cam UpdateAssumeRolePolicy"), named()].into_iter().chain(document()),
                ),
        );
        let policies = ByPhase { plan: &self.options.policies_plan, apply: &self.options.policies_apply };
        for (place, policy) in policies.of(phase).iter().enumerate() {
            setup.blocks.push(
                Block::resource(
                    "tencentcloud_cam_role_policy_attachment_by_name",
                    format!("{phase}_{place}"),
                )
                .set("role_name", Text::made(format!("tencentcloud_cam_role.{phase}.name"), name.as_str()))
                .set("policy_name", policy.as_str()),
            );
            setup.commands.push(Command::new([
                plain("tccli cam AttachRolePolicy"),
                flag("--AttachRoleName", name.as_str()),
                flag("--PolicyName", policy.as_str()),
            ]));
        }
        let what = format!("the trust policy (PolicyDocument) of the role {name}");
        setup.document(format!("trust-policy-{phase}"), what, policy);
        let arn = Text::from("qcs::cam::uin/").and(&self.account).and(format!(":roleName/{name}"));
        setup.phase_variable(self.request, ["TFC_TENCENTCLOUD", "ROLE_ARN"], phase, arn);
        Ok(())
    }

    fn trust_policy(&self, phase: Phase) -> Result<Value, SetupError> {
        let subject = subject(self.request, phase)?;
        let issuer = ("oidc:iss".to_owned(), Value::texts([self.request.issuer.as_str()]));
        let audience = ("oidc:aud".to_owned(), Value::texts([self.audience]));
        let condition = match subject.exact() {
            Some(subject) => {
                let subject = ("oidc:sub".to_owned(), Value::texts([subject]));
                Value::map([("string_equal", Value::Map(vec![audience, issuer, subject]))])
            }
            None => Value::map([
                ("string_equal", Value::Map(vec![audience, issuer])),
                ("string_like", Value::Map(vec![("oidc:sub".to_owned(), Value::texts([subject.glob()]))])),
            ]),
        };
        let provider =
            Text::from("qcs::cam::uin/").and(&self.account).and(format!(":oidc-provider/{PROVIDER}"));
        Ok(Value::map([
            ("version", "2.0".into()),
            (
                "statement",
                Value::List(vec![Value::map([
                    ("effect", "allow".into()),
                    ("action", "name/sts:AssumeRoleWithWebIdentity".into()),
                    ("principal", Value::map([("federated", Value::texts([provider]))])),
                    ("condition", condition),
                ])]),
            ),
        ]))
    }
}
