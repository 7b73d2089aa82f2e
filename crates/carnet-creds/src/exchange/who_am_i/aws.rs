//! AWS: the role is assumed for a quarter of an hour, and the session asks who it is.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Answer, Question, Silence,
    asker::{Ask, Asker, Reply, shown},
    likeness, name,
};

const VERSION: &str = "2011-06-15";
/// The shortest session there is.
const SESSION_SECONDS: &str = "900";
/// What the global endpoint expects in a signature.
const GLOBAL_REGION: &str = "us-east-1";

/// The keys of a session.
struct Keys {
    access_key_id: SecretString,
    secret_access_key: SecretString,
    session_token: SecretString,
}

pub(super) async fn ask(question: &Question, asker: &mut Asker<'_>) -> Result<Answer, Silence> {
    let keys = assume(question, asker).await?;
    let url = format!("{}/", question.presented.env.aws_sts());
    let mut ask = Ask::form(url, &[("Action", "GetCallerIdentity"), ("Version", VERSION)]);
    ask.headers = signature(question, &ask, &keys)
        .map_err(|reason| Silence::Unanswered(format!("the question cannot be signed: {reason}")))?;
    let reply = asker.send(ask).await?;
    let text = reply.body.expose_secret();
    let (Some(arn), Some(account)) = (element(text, "Arn"), element(text, "Account")) else {
        return Err(Silence::Unanswered(format!("GetCallerIdentity: {}", said(asker, &reply))));
    };
    let (arn, account) = (name(&arn), name(&account));
    let facts = vec![
        ("endpoint", shown(&question.presented.env.aws_sts())),
        ("account", account),
        ("ARN", arn.clone()),
        ("user id", element(text, "UserId").map(|id| name(&id)).unwrap_or_default()),
    ];
    let likeness = match (Role::asked(question.presented.role()), Role::found(&arn)) {
        (Some(asked), Some(found)) => {
            let mut pairs = vec![("partition", asked.partition, found.partition)];
            // Stand-ins for AWS leave the account out.
            pairs.extend(found.account.zip(asked.account).map(|(found, asked)| ("account", asked, found)));
            pairs.push(("role", asked.name, found.name));
            likeness(&pairs)
        }
        _ => likeness(&[]),
    };
    Ok(Answer { who: arn, facts, likeness })
}

async fn assume(question: &Question, asker: &mut Asker<'_>) -> Result<Keys, Silence> {
    let url = format!("{}/", question.presented.env.aws_sts());
    let fields = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", VERSION),
        ("RoleArn", question.presented.role()),
        ("RoleSessionName", &question.run_id),
        ("DurationSeconds", SESSION_SECONDS),
        ("WebIdentityToken", question.token.expose_secret()),
    ];
    let reply = asker.send(Ask::form(url, &fields)).await?;
    if !reply.is_success() {
        let text = format!("AssumeRoleWithWebIdentity: {}", said(asker, &reply));
        return Err(match reply.status {
            400..500 => question.refused(&text),
            _ => Silence::Unanswered(text),
        });
    }
    let text = reply.body.expose_secret();
    let part = |wanted| element(text, wanted).map(SecretString::from);
    let parts = (part("AccessKeyId"), part("SecretAccessKey"), part("SessionToken"));
    let (Some(access_key_id), Some(secret_access_key), Some(session_token)) = parts else {
        let reason = "AssumeRoleWithWebIdentity: the answer holds no keys".to_owned();
        return Err(Silence::Unanswered(reason));
    };
    asker.hide(&secret_access_key);
    asker.hide(&session_token);
    Ok(Keys { access_key_id, secret_access_key, session_token })
}

/// The headers that sign a request (Signature Version 4).
fn signature(question: &Question, ask: &Ask<'_>, keys: &Keys) -> Result<Vec<(String, SecretString)>, String> {
    let identity = Credentials::new(
        keys.access_key_id.expose_secret(),
        keys.secret_access_key.expose_secret(),
        Some(keys.session_token.expose_secret().to_owned()),
        None,
        "AssumeRoleWithWebIdentity",
    )
    .into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(question.presented.env.aws_region().unwrap_or(GLOBAL_REGION))
        .name("sts")
        .time(SystemTime::from(question.now))
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?;
    let Some((kind, body)) = &ask.body else { return Err("it has no body".to_owned()) };
    let body = SignableBody::Bytes(body.expose_secret().as_bytes());
    let headers = [("content-type", *kind)].into_iter();
    let request = SignableRequest::new(ask.method.as_str(), ask.url.as_str(), headers, body)
        .map_err(|error| error.to_string())?;
    let signed = sign(request, &parameters.into()).map_err(|error| error.to_string())?;
    let (instructions, _) = signed.into_parts();
    let headers = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned().into()));
    Ok(headers.collect())
}

/// What AWS says when it says no, in the words of its own clients.
fn said(asker: &Asker<'_>, reply: &Reply) -> String {
    let text = reply.body.expose_secret();
    let words = match (element(text, "Code"), element(text, "Message")) {
        (Some(code), Some(message)) => format!("api error {code}: {message}"),
        (Some(code), None) => format!("api error {code}"),
        (None, _) => format!("status {}: {text}", reply.status),
    };
    asker.clean(&words)
}

/// The text of the first XML element of this name that holds nothing else.
fn element(xml: &str, wanted: &str) -> Option<String> {
    let (open, close) = (format!("<{wanted}>"), format!("</{wanted}>"));
    let start = xml.find(&open)? + open.len();
    let text = &xml[start..start + xml[start..].find(&close)?];
    if text.contains('<') || text.trim().is_empty() {
        return None;
    }
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")];
    let plain =
        entities.iter().fold(text.trim().to_owned(), |text, (entity, plain)| text.replace(entity, plain));
    Some(plain)
}

/// The parts of a role's name that both of its forms have.
#[derive(Debug, PartialEq, Eq)]
struct Role<'a> {
    partition: &'a str,
    account: Option<&'a str>,
    name: &'a str,
}

impl<'a> Role<'a> {
    /// `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`.
    fn asked(arn: &'a str) -> Option<Self> {
        let role = Self::read(arn, "iam", ":role/")?;
        let name = role.name.rsplit('/').next()?;
        Some(Self { name, ..role })
    }

    /// `arn:PARTITION:sts::ACCOUNT:assumed-role/NAME/SESSION`.
    fn found(arn: &'a str) -> Option<Self> {
        let role = Self::read(arn, "sts", ":assumed-role/")?;
        let name = role.name.split('/').next()?;
        Some(Self { name, ..role })
    }

    fn read(arn: &'a str, service: &str, kind: &str) -> Option<Self> {
        let (before, name) = arn.split_once(kind)?;
        let mut parts = before.split(':');
        let is_arn = parts.next() == Some("arn");
        let partition = parts.next()?;
        let is_of_service = parts.next() == Some(service);
        let account = parts.nth(1).filter(|account| !account.is_empty());
        (is_arn && is_of_service).then_some(Self { partition, account, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_role_are_read() {
        let asked = Role::asked("arn:aws-cn:iam::123456789012:role/team/terraform");
        let found = Role::found("arn:aws-cn:sts::123456789012:assumed-role/terraform/run-1");
        assert_eq!(asked, found);
        assert_eq!(
            asked,
            Some(Role { partition: "aws-cn", account: Some("123456789012"), name: "terraform" })
        );
        let without = Role::found("arn:aws:sts::assumed-role/terraform/run-1");
        assert_eq!(without, Some(Role { partition: "aws", account: None, name: "terraform" }));
        assert_eq!(Role::found("arn:aws:iam::123456789012:user/jane"), None);
        assert_eq!(Role::asked("r"), None);
    }

    #[test]
    fn elements_are_read_by_name() {
        let xml = "<Error><Type>Sender</Type>\n <Code>AccessDenied</Code><Message>a &amp;&lt;b&gt;</Message></Error>";
        assert_eq!(element(xml, "Code").as_deref(), Some("AccessDenied"));
        assert_eq!(element(xml, "Message").as_deref(), Some("a &<b>"));
        assert_eq!(element(xml, "Error"), None);
        assert_eq!(element("<Arn>half", "Arn"), None);
        assert_eq!(element("<Arn></Arn>", "Arn"), None);
    }
}
