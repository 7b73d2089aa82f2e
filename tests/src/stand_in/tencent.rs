//! Tencent Cloud: the security token service.

use std::time::Duration;

use hyper::Method;
use jsonwebtoken::get_current_timestamp;
use serde_json::{Value, json};

use super::{
    grants::Grants,
    listener::{Exchange, Listener, Reply, Request, Service},
    verifier::{Rejection, TrustedIssuer, Verifier},
};
use crate::certificate_authority::CertificateAuthority;

const VERSION: &str = "2018-08-13";
const LONGEST_SESSION: u64 = 43200;

/// How the account is set up.
#[derive(Debug, Clone)]
pub struct TencentOptions {
    /// The issuer of the identity provider.
    pub issuer: TrustedIssuer,
    /// The provider's name.
    pub provider: String,
    /// Its client id.
    pub audience: String,
    /// The roles that it may carry.
    pub roles: Vec<TencentRole>,
    /// How long credentials live, whatever is asked for.
    pub credential_lifetime: Duration,
}

/// A role that one subject may assume.
#[derive(Debug, Clone)]
pub struct TencentRole {
    /// `qcs::cam::uin/…:roleName/…`.
    pub arn: String,
    /// The subject of the identity tokens.
    pub subject: String,
}

/// A running stand-in.
#[derive(Debug)]
pub struct TencentCloud {
    listener: Listener,
}

struct Rules {
    options: TencentOptions,
    verifier: Verifier,
    grants: Grants,
}

/// A code of the API and what it says.
type Refusal = (&'static str, String);

impl TencentCloud {
    /// Starts a stand-in with a certificate of the authority.
    pub async fn start(ca: &CertificateAuthority, options: TencentOptions) -> anyhow::Result<Self> {
        let verifier = Verifier::new(&options.issuer)?;
        let grants = Grants::new(options.credential_lifetime);
        Ok(Self { listener: Listener::start(ca, Rules { options, verifier, grants }).await? })
    }

    /// The address that stands for `https://sts.tencentcloudapi.com`.
    pub fn url(&self) -> String {
        self.listener.url()
    }

    /// Every request so far, oldest first.
    pub fn record(&self) -> Vec<Exchange> {
        self.listener.record()
    }
}

impl Service for Rules {
    async fn answer(&self, request: Request) -> Reply {
        let body = request.json();
        let header = |name: &str| request.header(name).unwrap_or_default();
        if request.method != Method::POST || header("x-tc-version") != VERSION {
            return refused(("InvalidParameter", "The request has invalid parameters.".to_owned()));
        }
        match header("x-tc-action") {
            "AssumeRoleWithWebIdentity" => {
                let answer = self.assume(&body).await.unwrap_or_else(refused);
                answer.about(body["WebIdentityToken"].as_str().unwrap_or_default())
            }
            "GetCallerIdentity" => self.caller(header("authorization"), header("x-tc-token")),
            other => refused(("InvalidAction", format!("The specified action `{other}` is invalid."))),
        }
    }
}

impl Rules {
    async fn assume(&self, body: &Value) -> Result<Reply, Refusal> {
        let field = |name: &str| body[name].as_str().unwrap_or_default();
        if field("ProviderId") != self.options.provider || field("RoleSessionName").is_empty() {
            return Err(("InvalidParameter.ParamError", "The parameter is invalid.".to_owned()));
        }
        if body["DurationSeconds"].as_u64().is_some_and(|seconds| seconds > LONGEST_SESSION) {
            return Err(("InvalidParameter.OverTimeError", "The duration is too long.".to_owned()));
        }
        let Some(role) = self.options.roles.iter().find(|role| role.arn == field("RoleArn")) else {
            return Err(("ResourceNotFound.RoleNotFound", "The role does not exist.".to_owned()));
        };
        let verified = self.verifier.verify(field("WebIdentityToken"), &[&self.options.audience]).await;
        let claims =
            verified.map_err(|rejection| ("InvalidParameter.WebIdentityTokenError", reason(&rejection)))?;
        if claims.text("sub") != role.subject {
            return Err(("UnauthorizedOperation", "The role does not trust the identity.".to_owned()));
        }
        let end = get_current_timestamp() + self.grants.seconds();
        let second = i64::try_from(end).unwrap_or_default();
        let token = self.grants.give("token-", &role.arn, claims.text("jti"));
        // The two halves of a credential are told from its token, so that one look-up answers for all three.
        let credentials = json!({
            "Token": token,
            "TmpSecretId": format!("AKID{token}"),
            "TmpSecretKey": uuid::Uuid::new_v4().simple().to_string(),
        });
        let answer = json!({
            "ExpiredTime": end,
            "Expiration": jiff::Timestamp::from_second(second).unwrap_or_default().to_string(),
            "Credentials": credentials,
        });
        Ok(Reply::accepted(200, response(answer)))
    }

    fn caller(&self, authorization: &str, token: &str) -> Reply {
        let is_own = authorization.contains(&format!("Credential=AKID{token}/"));
        let Some(grant) = self.grants.find(token).filter(|_| is_own) else {
            let text = "The token is not valid any more, or of somebody else.";
            return refused(("AuthFailure.TokenFailure", text.to_owned()));
        };
        let account = grant.principal.split(':').nth(4).unwrap_or_default().trim_start_matches("uin/");
        let answer = json!({"Arn": grant.principal, "AccountId": account, "UserId": account,
                            "PrincipalId": account, "Type": "CAMRole"});
        Reply::accepted(200, response(answer)).about_id(&grant.token_id)
    }
}

fn reason(rejection: &Rejection) -> String {
    let why = match rejection {
        Rejection::Audience => "the audience is not the client id of the provider",
        Rejection::Issuer => "the issuer is not that of the provider",
        Rejection::Expired => "it is expired",
        Rejection::NotYetValid => "it is not valid yet",
        Rejection::Unreachable(_) => "the keys of the issuer cannot be had",
        Rejection::Malformed(_) | Rejection::Algorithm | Rejection::UnknownKey | Rejection::Signature => {
            "its signature cannot be verified"
        }
    };
    format!("The web identity token is invalid: {why}.")
}

/// The API answers 200 to everything that it understands.
fn refused((code, text): Refusal) -> Reply {
    Reply::refused(200, code, response(json!({"Error": {"Code": code, "Message": text}})))
}

fn response(mut content: Value) -> Value {
    content["RequestId"] = json!(uuid::Uuid::new_v4().to_string());
    json!({"Response": content})
}
