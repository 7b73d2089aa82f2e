//! AWS: what IAM says of a role and of an OIDC provider
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>). It checks that requests are signed for IAM, not the
//! signature: nothing here is secret.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::listener::{Exchange, Listener, Reply, Request, Service};
use crate::certificate_authority::CertificateAuthority;

/// A role and the provider that it trusts.
#[derive(Debug, Clone)]
pub struct IamOptions {
    /// The role's name.
    pub role: String,
    /// Its trust policy.
    pub trust_policy: Value,
    /// The provider's ARN.
    pub provider_arn: String,
    /// The provider's address, without a scheme.
    pub provider_url: String,
    /// Its audiences.
    pub client_ids: Vec<String>,
}

/// A running stand-in.
#[derive(Debug)]
pub struct Iam {
    listener: Listener,
}

impl Iam {
    /// Starts a stand-in with a certificate of the authority.
    pub async fn start(ca: &CertificateAuthority, options: IamOptions) -> anyhow::Result<Self> {
        Ok(Self { listener: Listener::start(ca, options).await? })
    }

    /// The address of the service.
    pub fn url(&self) -> String {
        self.listener.url()
    }

    /// Every request so far, oldest first.
    pub fn record(&self) -> Vec<Exchange> {
        self.listener.record()
    }
}

impl Service for IamOptions {
    async fn answer(&self, request: Request) -> Reply {
        let authorization = request.header("authorization").unwrap_or_default();
        if !(authorization.starts_with("AWS4-HMAC-SHA256 Credential=")
            && authorization.contains("/iam/aws4_request"))
        {
            return refusal(403, "MissingAuthenticationToken", "Request is missing Authentication Token");
        }
        let form = request.form();
        let named = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        match named("Action") {
            "GetRole" if named("RoleName") == self.role => Reply::xml(200, self.role_document()),
            "GetRole" => {
                let text = format!("The role with name {} cannot be found.", named("RoleName"));
                refusal(404, "NoSuchEntity", &text)
            }
            "GetOpenIDConnectProvider" if named("OpenIDConnectProviderArn") == self.provider_arn => {
                Reply::xml(200, self.provider_document())
            }
            "GetOpenIDConnectProvider" => refusal(404, "NoSuchEntity", "OpenIDConnect Provider not found."),
            _ => refusal(400, "InvalidAction", "Could not find operation"),
        }
    }
}

impl IamOptions {
    fn role_document(&self) -> String {
        let policy = self.trust_policy.to_string();
        let policy = utf8_percent_encode(&policy, NON_ALPHANUMERIC);
        let account = self.provider_arn.split(':').nth(4).unwrap_or_default();
        let name = &self.role;
        document(
            "GetRole",
            &format!(
                "<Role><Path>/</Path><RoleName>{name}</RoleName><RoleId>AROAAAAAAAAAAAAAAAAAA</RoleId>\
                 <Arn>arn:aws:iam::{account}:role/{name}</Arn><CreateDate>2026-01-05T10:00:00Z</CreateDate>\
                 <AssumeRolePolicyDocument>{policy}</AssumeRolePolicyDocument></Role>"
            ),
        )
    }

    fn provider_document(&self) -> String {
        let ids: String = self.client_ids.iter().map(|id| format!("<member>{id}</member>")).collect();
        let url = &self.provider_url;
        document("GetOpenIDConnectProvider", &format!("<Url>{url}</Url><ClientIDList>{ids}</ClientIDList>"))
    }
}

fn document(action: &str, result: &str) -> String {
    format!(
        "<{action}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"
    )
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    let text = format!(
        "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    );
    Reply::xml(status, text).because(code)
}
