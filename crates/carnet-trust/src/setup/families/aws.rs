//! AWS: an OpenID Connect provider, and a role for each phase
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html>).

use carnet_model::Phase;
use serde::Deserialize;

use super::ByPhase;
use crate::setup::block::Block;
use crate::setup::command::{Command, Word, flag, plain};
use crate::setup::name::{NameRule, object_name};
use crate::setup::outline::{Source, TrustSetup};
use crate::setup::request::{SetupError, TrustRequest};
use crate::setup::subject::{Subject, subject};
use crate::setup::text::{Text, Value};

const AUDIENCE: &str = "aws.workload.identity";
/// The most characters of a role's name.
const ROLE_NAME: NameRule = NameRule { longest: 64, is_lower: false };
/// The most bytes of a subject that the token service takes over (`SubjectFromWebIdentityToken`).
const LONGEST_SUBJECT: usize = 255;
/// The most characters of a trust policy, white space not counted, unless the account has a higher quota.
const LONGEST_POLICY: usize = 2048;

/// What the trust of AWS depends on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct AwsOptions {
    /// The account, twelve digits; Terraform and the script find it out by themselves.
    pub account_id: Option<String>,
    /// `aws`, unless it is `aws-cn` or `aws-us-gov`.
    pub partition: Option<String>,
    /// The managed policies of the plan's role, by their ARNs.
    pub policy_arns_plan: Vec<String>,
    /// The managed policies of the apply's role, by their ARNs.
    pub policy_arns_apply: Vec<String>,
}

struct Aws<'a> {
    request: &'a TrustRequest,
    options: &'a AwsOptions,
    partition: &'a str,
    audience: &'a str,
    account: Text,
    /// The issuer as ARNs and condition keys name it: without its scheme, with its path.
    host: &'a str,
}

pub(super) fn setup(request: &TrustRequest, options: &AwsOptions) -> Result<TrustSetup, SetupError> {
    let partition = options.partition.as_deref().unwrap_or("aws");
    if !["aws", "aws-cn", "aws-us-gov"].contains(&partition) {
        return Err(SetupError::option("--partition", "it is aws, aws-cn or aws-us-gov"));
    }
    let mut setup = TrustSetup::new(format!("AWS trusts runs of {}", request.whose()));
    let account = match &options.account_id {
        Some(id) if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) => Text::from(id.as_str()),
        Some(_) => return Err(SetupError::option("--account-id", "an account has twelve digits")),
        None => setup.input("account_id", "the AWS account, twelve digits", Source::Made),
    };
    let host = request.issuer.split_once("://").map_or(request.issuer.as_str(), |(_, rest)| rest);
    let audience = request.audience.as_deref().unwrap_or(AUDIENCE);
    let aws = Aws { request, options, partition, audience, account, host };
    setup.provider("aws", "hashicorp/aws", ">= 5.81");
    if options.account_id.is_none() {
        let ask = [plain("aws sts get-caller-identity --query Account --output text")];
        setup.commands.push(Command::new(ask).kept_as("account_id"));
    }
    if host.split('/').next().is_some_and(|host| host.contains(':')) {
        setup.note(
            "AWS says that the address of an issuer should not contain a port (CreateOpenIDConnectProvider): serve Carnet, or publish its \
             discovery and keys, on port 443 for it.",
        );
    }
    if request.issuer_ca.is_some() {
        setup.note(
            "AWS fetches the keys of the issuer from the internet and trusts public certificate authorities only, unless the \
             thumbprint of another one is given: set thumbprint_list to the SHA-1 of the certificate of your authority.",
        );
    }
    aws.identity_provider(&mut setup);
    for phase in request.phases.each() {
        aws.role(&mut setup, *phase)?;
    }
    aws.audience_variable(&mut setup);
    Ok(setup)
}

impl Aws<'_> {
    /// The provider's ARN outside Terraform.
    fn provider_arn(&self) -> Text {
        Text::from(format!("arn:{}:iam::", self.partition))
            .and(&self.account)
            .and(format!(":oidc-provider/{}", self.host))
    }

    fn identity_provider(&self, setup: &mut TrustSetup) {
        let resource = "aws_iam_openid_connect_provider";
        let issuer = self.request.issuer.as_str();
        setup.blocks.push(if self.request.knows_issuer {
            Block::data(resource, "carnet").comment("The account knows the issuer already.").set("url", issuer)
        } else {
            Block::resource(resource, "carnet")
                .comment("An account has one provider for each issuer: the trust of another workspace shares it (--knows-issuer).")
                .set("url", issuer)
                .set("client_id_list", Value::texts([self.audience]))
        });
        if self.request.knows_issuer {
            return;
        }
        let arn = || flag("--open-id-connect-provider-arn", self.provider_arn());
        setup.commands.push(
            Command::new([
                plain("aws iam create-open-id-connect-provider"),
                flag("--url", issuer),
                flag("--client-id-list", self.audience),
            ])
            .unless([plain("aws iam get-open-id-connect-provider"), arn()])
            .or_update([
                plain("aws iam add-client-id-to-open-id-connect-provider"),
                arn(),
                flag("--client-id", self.audience),
            ]),
        );
        setup.document(
            "open-id-connect-provider",
            "the identity provider, as CreateOpenIDConnectProvider takes it (--cli-input-json)",
            Value::map([("Url", issuer.into()), ("ClientIDList", Value::texts([self.audience]))]),
        );
    }

    fn role(&self, setup: &mut TrustSetup, phase: Phase) -> Result<(), SetupError> {
        let subject = subject(self.request, phase)?;
        let name = object_name(self.request, Some(phase), ROLE_NAME);
        let source = if self.request.knows_issuer { "data." } else { "" };
        let known = format!("{source}aws_iam_openid_connect_provider.carnet.arn");
        let trust = self.trust_policy(&subject, Text::made(known, self.provider_arn()))?;
        setup.blocks.push(
            Block::resource("aws_iam_role", phase.as_str())
                .set("name", name.as_str())
                .set("assume_role_policy", Value::Json(Box::new(trust.clone()))),
        );
        let role = || flag("--role-name", name.as_str());
        let document = || [plain("--policy-document"), Word::Json(trust.clone())];
        let create = [plain("aws iam create-role"), role(), plain("--assume-role-policy-document")];
        let update = [plain("aws iam update-assume-role-policy"), role()];
        setup.commands.push(
            Command::new(create.into_iter().chain([Word::Json(trust.clone())]))
                .unless([plain("aws iam get-role"), role()])
                .or_update(update.into_iter().chain(document())),
        );
        let policies =
            ByPhase { plan: &self.options.policy_arns_plan, apply: &self.options.policy_arns_apply };
        if let Some(other) = policies.of(phase).iter().find(|arn| !arn.starts_with("arn:")) {
            let option = ByPhase { plan: "--policy-arn-plan", apply: "--policy-arn-apply" }.of(phase);
            let reason =
                format!("{other:?} is no ARN; one looks like arn:aws:iam::aws:policy/ReadOnlyAccess");
            return Err(SetupError::option(option, reason));
        }
        for (place, arn) in policies.of(phase).iter().enumerate() {
            setup.blocks.push(
                Block::resource("aws_iam_role_policy_attachment", format!("{phase}_{place}"))
                    .set("role", Text::made(format!("aws_iam_role.{phase}.name"), name.as_str()))
                    .set("policy_arn", arn.as_str()),
            );
            setup.commands.push(Command::new([
                plain("aws iam attach-role-policy"),
                role(),
                flag("--policy-arn", arn.as_str()),
            ]));
        }
        if policies.of(phase).is_empty() {
            setup.note(format!(
                "The role {name} may do nothing yet: attach policies to it (--policy-arn-{phase}), the smallest that the {phase} needs."
            ));
        }
        setup.document(
            format!("trust-policy-{phase}"),
            format!("the trust policy (AssumeRolePolicyDocument) of the role {name}"),
            trust,
        );
        let arn = Text::from(format!("arn:{}:iam::", self.partition))
            .and(&self.account)
            .and(format!(":role/{name}"));
        if setup.variables.is_empty() {
            setup.variable(self.request, "TFC_AWS_PROVIDER_AUTH", "true");
        }
        let arn = Text::made(format!("aws_iam_role.{phase}.arn"), arn);
        setup.phase_variable(self.request, ["TFC_AWS", "ROLE_ARN"], phase, arn);
        Ok(())
    }

    fn trust_policy(&self, subject: &Subject, provider: Text) -> Result<Value, SetupError> {
        if subject.glob().len() > LONGEST_SUBJECT {
            let reason = format!("the subject has more than the {LONGEST_SUBJECT} bytes that AWS takes");
            return Err(SetupError::Impossible(reason));
        }
        let key = |claim: &str| format!("{}:{claim}", self.host);
        let audience = (key("aud"), Value::from(without_variables(self.audience)));
        // The names of claims are exact for the audience in any case; a pattern stands for the subject alone.
        let condition = match subject.exact() {
            Some(subject) => Value::map([(
                "StringEquals",
                Value::Map(vec![audience, (key("sub"), without_variables(subject).into())]),
            )]),
            None => Value::map([
                ("StringEquals", Value::Map(vec![audience])),
                ("StringLike", Value::Map(vec![(key("sub"), subject.glob().into())])),
            ]),
        };
        let policy = Value::map([
            ("Version", "2012-10-17".into()),
            (
                "Statement",
                Value::List(vec![Value::map([
                    ("Effect", "Allow".into()),
                    ("Principal", Value::map([("Federated", provider.into())])),
                    ("Action", "sts:AssumeRoleWithWebIdentity".into()),
                    ("Condition", condition),
                ])]),
            ),
        ]);
        let length = policy.to_json().to_string().chars().filter(|one| !one.is_whitespace()).count();
        if length > LONGEST_POLICY {
            let reason = format!("the trust policy has {length} characters; AWS takes {LONGEST_POLICY}");
            return Err(SetupError::Impossible(reason));
        }
        Ok(policy)
    }

    fn audience_variable(&self, setup: &mut TrustSetup) {
        if self.audience != AUDIENCE {
            setup.variable(self.request, "TFC_AWS_WORKLOAD_IDENTITY_AUDIENCE", self.audience);
        }
    }
}

/// The text as a value of a condition: AWS would take `${` for the beginning of a policy variable
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>).
fn without_variables(text: &str) -> String {
    text.replace("${", "${$}{")
}
